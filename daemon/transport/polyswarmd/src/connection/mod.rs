//! The websocket of events, kept open: connected anew whenever it breaks, goes silent, or says what nobody can read.
//!
//! [`Connection::next`] gives one [`Signal`] after the other, for ever. After every connect the market's parameters are read
//! anew, because changes may have been missed, and are part of the signal; what else was missed has to be asked for
//! (see [`Client::standing`] and [`Client::newest_guids`]).

mod socket;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daemon_base::text::causes;
use tokio::time::{Instant, sleep_until};

use crate::backoff::ReconnectBackoff;
use crate::event::{self, Event, Message, Parsed};
use crate::{Client, Generation, Parameters};
use socket::{Frame, Socket, SocketError};

/// How a connection is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionLimits {
    /// Maximum time until the websocket is open. Default: 10 s.
    pub connect_time_max: Duration,
    /// Interval of pings. Default: 15 s.
    pub ping_interval: Duration,
    /// Maximum silence: then the peer is taken to be gone, although nobody said so. Default: 60 s.
    pub silence_max: Duration,
    /// The wait after the first failure; it doubles up to 32 times this. Default: 1 s.
    pub backoff_unit: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            connect_time_max: Duration::from_secs(10),
            ping_interval: Duration::from_secs(15),
            silence_max: Duration::from_secs(60),
            backoff_unit: Duration::from_secs(1),
        }
    }
}

/// What a connection tells.
#[derive(Clone, PartialEq, Debug)]
pub enum Signal {
    /// The websocket is open, and these are the market's parameters now.
    Connected {
        /// The parameters.
        parameters: Parameters,
        /// Whether it was open before: events may have been missed.
        again: bool,
    },
    /// Something happened on the market. Blocks come with rising numbers only. On fast polyswarmd they are the seconds of
    /// our clock.
    Event(Message),
    /// A message was passed over: an event that nobody knows, or one that is not as it should be.
    Skipped {
        /// What it was, fit to be logged.
        why: String,
    },
    /// The websocket broke, or could not be opened.
    Disconnected {
        /// Why, fit to be logged.
        why: String,
        /// When it is tried again.
        retry_in: Duration,
    },
}

/// The websocket of one polyswarmd.
pub struct Connection {
    client: Client,
    generation: Generation,
    limits: ConnectionLimits,
    backoff: ReconnectBackoff,
    state: State,
    /// Whether it was ever open.
    was_open: bool,
    /// The highest block that was told.
    last_block: u64,
    /// On fast polyswarmd: when the next second is told.
    next_second: Instant,
}

enum State {
    /// Nothing is open before this moment.
    Waiting {
        until: Instant,
    },
    Open(Box<Socket>),
}

impl Connection {
    /// A connection by this client; opens nothing yet.
    pub fn new(client: Client, generation: Generation, limits: ConnectionLimits) -> Connection {
        let now = Instant::now();
        Connection {
            client,
            generation,
            limits,
            backoff: ReconnectBackoff::default(),
            state: State::Waiting { until: now },
            was_open: false,
            last_block: 0,
            next_second: now,
        }
    }

    /// Lets blocks up to this one be known already, for a daemon that starts again.
    pub fn seen(&mut self, block: u64) {
        self.last_block = self.last_block.max(block);
    }

    /// The highest block that was told; 0 if none was.
    pub fn last_block(&self) -> u64 {
        self.last_block
    }

    /// Waits for the next signal. May be dropped at any time: no event is lost, at worst a connect begins anew.
    pub async fn next(&mut self) -> Signal {
        loop {
            let signal = match &mut self.state {
                State::Waiting { until } => {
                    let until = *until;
                    tokio::select! {
                        biased;
                        () = sleep_until(until) => Some(self.connect().await),
                        number = second(self.generation, self.next_second) => self.second(number),
                    }
                }
                State::Open(socket) => {
                    tokio::select! {
                        biased;
                        number = second(self.generation, self.next_second) => self.second(number),
                        frame = socket.next(&self.limits) => self.frame(frame),
                    }
                }
            };
            if let Some(signal) = signal {
                return signal;
            }
        }
    }

    async fn connect(&mut self) -> Signal {
        let opening = async {
            let socket = Socket::open(&self.client, &self.limits).await.map_err(|error| causes(&error))?;
            let parameters = self.client.parameters().await.map_err(|error| causes(&error))?;
            Ok::<_, String>((socket, parameters))
        };
        match opening.await {
            Ok((socket, parameters)) => {
                // Not before: a server that opens websockets and fails everything else is not to be hammered.
                self.backoff.reset();
                self.state = State::Open(Box::new(socket));
                let again = std::mem::replace(&mut self.was_open, true);
                Signal::Connected { parameters, again }
            }
            Err(why) => self.broken(why),
        }
    }

    fn broken(&mut self, why: String) -> Signal {
        let retry_in = self.limits.backoff_unit.saturating_mul(self.backoff.failed());
        let until = Instant::now() + retry_in;
        self.state = State::Waiting { until };
        Signal::Disconnected { why, retry_in }
    }

    fn frame(&mut self, frame: Result<Frame, SocketError>) -> Option<Signal> {
        let text = match frame {
            Ok(Frame::Text(text)) => text,
            Ok(Frame::Nothing) => return None,
            Err(error) => return Some(self.broken(causes(&error))),
        };
        match event::parse(&text) {
            Ok(Parsed::Known(message)) => match message.event {
                Event::Block { number } => match self.generation {
                    // Its own clock tells the time.
                    Generation::Fast => None,
                    Generation::Ethereum => self.rises(number).then_some(Signal::Event(message)),
                },
                _ => Some(Signal::Event(message)),
            },
            Ok(Parsed::Unknown { name }) => Some(Signal::Skipped { why: format!("the event `{name}` is not known") }),
            Err(error) => Some(Signal::Skipped { why: error.to_string() }),
        }
    }

    fn second(&mut self, number: u64) -> Option<Signal> {
        self.next_second = Instant::now() + Duration::from_secs(1);
        let message = Message { event: Event::Block { number }, block_number: None, txhash: None };
        self.rises(number).then_some(Signal::Event(message))
    }

    fn rises(&mut self, number: u64) -> bool {
        let rises = number > self.last_block;
        self.last_block = self.last_block.max(number);
        rises
    }
}

/// On fast polyswarmd, which has no blocks: the second since 1970, at `at`. Else never.
async fn second(generation: Generation, at: Instant) -> u64 {
    match generation {
        Generation::Ethereum => std::future::pending().await,
        Generation::Fast => {
            sleep_until(at).await;
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
        }
    }
}
