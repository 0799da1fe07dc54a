//! The records as people read them: beside the gateways, on a connection of one's own.

use std::collections::HashSet;
use std::time::Duration;

use redis::{Cmd, Connection, FromRedisValue, Value};

use super::keys::{self, Keys, script};
use super::{fields, status};
use crate::config::redis::Settings;
use crate::ledger::archive::{Archive, Filter, Unreadable};
use crate::ledger::record::{LedgerId, Record};
use crate::ledger::settlement::Answer;
use crate::redis_client::{LinkError, parsed};

/// The records of a Redis server.
pub(crate) struct RedisArchive {
    connection: Connection,
    keys: Keys,
}

/// How long connecting, and each answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Records that are looked at in one step, during which Redis does nothing else.
const STEP: usize = 200;

impl RedisArchive {
    /// Connects.
    ///
    /// # Errors
    /// If that fails.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Unreadable> {
        let client = redis::Client::open(settings.connection().map_err(unreadable)?).map_err(unreadable)?;
        let connection = client.get_connection_with_timeout(PATIENCE).map_err(unreadable)?;
        connection.set_read_timeout(Some(PATIENCE)).map_err(unreadable)?;
        Ok(Self { connection, keys: Keys(settings.prefix.as_str().into()) })
    }

    fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Unreadable> {
        command.query(&mut self.connection).map_err(unreadable)
    }

    fn call(&mut self, key: String) -> Result<Option<Record>, Unreadable> {
        let mut command = redis::cmd("HGETALL");
        command.arg(key);
        let answer = self.ask::<Value>(&command)?;
        fields::record(answer).map_err(unreadable)
    }
}

impl Archive for RedisArchive {
    fn list(&mut self, filter: &Filter) -> Result<Vec<Record>, Unreadable> {
        let mut found = Vec::new();
        // What is written meanwhile moves the rest on.
        let mut seen = HashSet::new();
        let mut at = 0;
        while found.len() < filter.limit as usize {
            let mut command = redis::cmd("ZREVRANGEBYSCORE");
            command.arg(self.keys.calls());
            command.arg(filter.until.map_or("+inf".to_owned(), |until| until.0.to_string()));
            command.arg(filter.since.map_or("-inf".to_owned(), |since| since.0.to_string()));
            command.arg("LIMIT").arg(at).arg(STEP);
            let mut ids: Vec<String> = self.ask(&command)?;
            if ids.is_empty() {
                break;
            }
            at += ids.len();
            ids.retain(|id| seen.insert(id.clone()));
            let mut calls = redis::pipe();
            for id in ids {
                calls.cmd("HGETALL").arg(self.keys.call(&LedgerId(id.into())));
            }
            let hashes: Vec<Value> = calls.query(&mut self.connection).map_err(unreadable)?;
            for hash in hashes {
                let record = fields::record(hash).map_err(unreadable)?;
                found.extend(record.filter(|record| filter.includes(record)));
            }
        }
        found.truncate(filter.limit as usize);
        Ok(found)
    }

    fn find(&mut self, id: &str) -> Result<Vec<Record>, Unreadable> {
        let own = self.call(self.keys.call(&LedgerId(id.into())))?;
        let mut found = Vec::from_iter(own);
        for key in [self.keys.job(id), self.keys.request_id(id)] {
            let mut command = script(keys::CALL_OF, &[key]);
            command.arg(&*self.keys.0);
            let answer = self.ask::<Value>(&command)?;
            found.extend(fields::record(answer).map_err(unreadable)?);
        }
        Ok(found)
    }

    fn answer(&mut self, id: &LedgerId) -> Result<Option<Answer>, Unreadable> {
        let command = answer_to(&self.keys, id);
        let answer = self.ask::<Value>(&command)?;
        read_answer(answer).map_err(unreadable)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: impl ToString) -> Unreadable {
    Unreadable(error.to_string())
}

/// Asks for the answer that was kept with a record.
pub(super) fn answer_to(keys: &Keys, id: &LedgerId) -> Cmd {
    let text = "local answer = redis.call('HMGET', KEYS[2], 'headers', 'body') \
                return { redis.call('HGET', KEYS[1], 'status'), answer[1], answer[2] }";
    script(text, &[keys.call(id), keys.answer(id)])
}

/// Reads it.
pub(super) fn read_answer(answer: Value) -> Result<Option<Answer>, LinkError> {
    let (number, headers, body): (Option<u16>, Option<String>, Option<Vec<u8>>) = parsed(answer)?;
    let (Some(number), Some(headers), Some(body)) = (number, headers, body) else { return Ok(None) };
    let headers = fields::headers(&headers)?;
    Ok(Some(Answer { status: status(number)?, headers, body: body.into() }))
}
