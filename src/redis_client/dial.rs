//! Connecting, and connecting again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::time::{Instant, timeout};

use super::{Bounds, LinkError};
use crate::config::redis::Settings;

/// How soon after a failure it is tried again. Who asks sooner is told of the failure.
const AGAIN: Duration = Duration::from_millis(100);

/// Makes the connection, and keeps it as long as it is good.
pub(super) struct Dial {
    client: Client,
    bounds: Bounds,
    live: Option<Live>,
    failed: Option<(Instant, LinkError)>,
}

/// A connection, and whether it was found to be broken. Clones are the same connection.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) connection: MultiplexedConnection,
    broken: Arc<AtomicBool>,
}

impl Dial {
    pub(super) fn new(settings: &Settings, bounds: Bounds) -> RedisResult<Self> {
        let client = Client::open(settings.connection()?)?;
        Ok(Self { client, bounds, live: None, failed: None })
    }

    /// The connection; a new one where there is none, or a broken one.
    pub(super) async fn connection(&mut self) -> Result<Live, LinkError> {
        if let Some(live) = self.live.as_ref().filter(|live| !live.broken.load(Ordering::Relaxed)) {
            return Ok(live.clone());
        }
        self.live = None;
        if let Some((_, error)) = self.failed.as_ref().filter(|(at, _)| at.elapsed() < AGAIN) {
            return Err(error.clone());
        }
        match self.connect().await {
            Ok(connection) => {
                self.failed = None;
                let live = Live { connection, broken: Arc::default() };
                Ok(self.live.insert(live).clone())
            }
            Err(error) => {
                self.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, LinkError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.bounds.connect))
            .set_response_timeout(Some(self.bounds.answer));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        // The library's own bound leaves out what it says by way of greeting.
        let connected = timeout(self.bounds.connect, connecting).await;
        connected.map_err(|_| LinkError::Late)?.map_err(LinkError::from)
    }
}

impl Live {
    /// Gives the connection up, if this error says that it is of no use any more.
    pub(super) fn judge(&self, error: &RedisError) {
        let is_useless = error.is_io_error()
            || error.is_timeout()
            || error.is_unrecoverable_error()
            // After a failover its address may lead to another server.
            || matches!(
                error.kind(),
                ErrorKind::Parse
                    | ErrorKind::Server(
                        ServerErrorKind::ReadOnly | ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown
                    )
            );
        if is_useless {
            self.broken.store(true, Ordering::Relaxed);
        }
    }
}
