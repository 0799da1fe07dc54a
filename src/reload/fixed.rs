//! What only a restart changes.

use crate::config::Config;

/// Keys of it: what was bound, opened or started before the first request.
pub(super) const KEYS: [&str; 11] = [
    "server.listen",
    "server.admin_listen",
    "server.workers",
    "server.log_format",
    "server.log_queue",
    "ledger",
    "spool",
    "redis",
    "tracing.otlp_endpoint",
    "tracing.service_name",
    "tracing.timeout",
];

/// Lets a configuration say what is, not what would be after a restart.
pub(super) fn keep(config: &mut Config, running: &Config) {
    let (server, old) = (&mut config.server, &running.server);
    (server.listen, server.admin_listen) = (old.listen, old.admin_listen);
    (server.workers, server.log_format) = (old.workers, old.log_format);
    server.log_queue = old.log_queue;
    config.ledger = running.ledger.clone();
    config.spool = running.spool.clone();
    config.tracing.export = running.tracing.export.clone();
    config.redis = running.redis.clone();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_what_the_process_was_started_with() {
        let running = Config::embedded().expect("defaults");
        let mut config = running.clone();
        config.server.workers = 7;
        config.server.listen.set_port(1);
        config.ledger.queue = 7;
        config.server.drain *= 2;
        keep(&mut config, &running);
        assert_eq!(config.ledger, running.ledger);
        assert_eq!(
            (config.server.workers, config.server.listen),
            (running.server.workers, running.server.listen)
        );
        assert_ne!(config.server.drain, running.server.drain);
    }
}
