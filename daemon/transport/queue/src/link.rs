//! A connection to Redis that is made anew when it breaks.
//!
//! Commands never wait for ever: each has a time after which the connection counts as broken, so that a Redis that was
//! stopped is noticed. Nothing is sent twice by itself: only who sent a command knows whether it may be done twice.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline};
use tokio::sync::Mutex;

use crate::error::QueueError;

/// Longest time for a connection to come about.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest time for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Where Redis is, and how it is entered. Its `Debug` shows no password.
#[derive(Clone)]
pub struct Address {
    client: Client,
    shown: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Address {
    /// Reads `host:port` (as the peers' `REDIS_ADDR`), `redis://user@host:port/db` or `unix:///path`. `password` is used
    /// if there is one; one in the address is taken too, but arguments can be seen by every user of the machine.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn new(address: &str, password: Option<&str>) -> Result<Address, QueueError> {
        let whole = if address.contains("://") { address.to_owned() } else { format!("redis://{address}") };
        let shown = without_password(&whole);
        let wrong = || QueueError::Address { address: shown.clone() };
        let client = Client::open(whole.as_str()).map_err(|_| wrong())?;
        let info = client.get_connection_info().clone();
        let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(password) = password {
            settings = settings.set_password(password);
        }
        let client = Client::open(info.set_redis_settings(settings)).map_err(|_| wrong())?;
        Ok(Address { client, shown })
    }
}

/// The address without what stands between `://` and `@`.
fn without_password(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, place)) => format!("{scheme}://{place}"),
            None => address.to_owned(),
        },
        None => address.to_owned(),
    }
}

/// A connection that is made when it is needed, and again after it broke. Commands of several tasks share it.
#[derive(Debug)]
pub struct Link {
    address: Address,
    answer_max: Duration,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Link {
    /// A link that is not connected yet.
    pub fn new(address: &Address) -> Link {
        Link { address: address.clone(), answer_max: ANSWER_MAX, connection: Mutex::default() }
    }

    /// A link of its own for commands that wait up to `wait` for something to happen: they would hold up others.
    pub fn waiting(address: &Address, wait: Duration) -> Link {
        Link { address: address.clone(), answer_max: ANSWER_MAX + wait, connection: Mutex::default() }
    }

    /// Where it leads to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a command, and reads its answer.
    ///
    /// # Errors
    /// [`QueueError`]: no connection, no answer, or a refusal.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, QueueError> {
        let name = name_of(command);
        let mut connection = self.connected().await?;
        let answer = command.query_async(&mut connection).await;
        self.answered(answer, &name).await
    }

    /// Sends several commands together, and reads their answers.
    ///
    /// # Errors
    /// As [`Link::ask`]. With an atomic pipeline, either all are done or none.
    pub async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, QueueError> {
        let mut connection = self.connected().await?;
        let answer = commands.query_async(&mut connection).await;
        self.answered(answer, "a pipeline").await
    }

    async fn connected(&self) -> Result<MultiplexedConnection, QueueError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(self.answer_max));
        let made = self.address.client.get_multiplexed_async_connection_with_config(&config).await;
        let connection = made.map_err(|error| QueueError::of(&error, &self.address.shown, "a connection"))?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    async fn answered<T>(&self, answer: Result<T, redis::RedisError>, command: &str) -> Result<T, QueueError> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => {
                // What does not fit the type that was asked for says nothing of the connection.
                let of_the_answer = matches!(error.kind(), ErrorKind::UnexpectedReturnType);
                let told = QueueError::of(&error, &self.address.shown, command);
                if told.is_unknown() && !of_the_answer {
                    *self.connection.lock().await = None;
                }
                Err(told)
            }
        }
    }
}

/// The name of a command, for messages.
fn name_of(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => "a command".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_peers_write_them_and_show_no_password() {
        for (given, shown) in [
            ("localhost:6379", "redis://localhost:6379"),
            ("redis://127.0.0.1:7000/3", "redis://127.0.0.1:7000/3"),
            ("redis://me:secret@10.0.0.1:6379", "redis://10.0.0.1:6379"),
            ("redis://:p@ss@10.0.0.1:6379", "redis://10.0.0.1:6379"),
            ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ] {
            let address = Address::new(given, Some("word")).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?} {:?}", Link::new(&address)).matches("word").count(), 0);
        }
        for wrong in ["", "http://x", "redis://:badport:x"] {
            assert!(matches!(Address::new(wrong, None), Err(QueueError::Address { .. })), "{wrong}");
        }
    }
}
