//! Serves: a thread for each connection, each request bounded in length and time, one at a time at the desk.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use daemon_peer::Peer;
use daemon_transactions::signing::{
    Answer, LINE_MAX, Refusal, RefusalCode, SignerReply, SignerRequest, from_line, to_line,
};
use serde::{Deserialize, Serialize};

use super::Entrance;
use crate::signer::{Clock, Desk, Medium, REASON_BYTES_MAX};

/// Most connections at once. Further ones are closed at once: the frontend asks again.
const CONNECTIONS_MAX: usize = 32;
/// Longest that a request may take to arrive, from its first byte; and an answer to be taken.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest that a connection may wait for its next request.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Pause after an error of the listener, for example if there are no descriptors.
const REST: Duration = Duration::from_millis(100);

/// What a person tells the signer. Only root and the signer's own user may.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Admin {
    /// Begin the total anew.
    ResetTotal {
        /// Why: it is recorded.
        reason: String,
    },
    /// Say which nonce is next.
    SetNonce {
        /// On which chain.
        chain_id: u64,
        /// The nonce.
        next: u64,
        /// Why: it is recorded.
        reason: String,
    },
}

impl Admin {
    fn reason(&self) -> &str {
        match self {
            Admin::ResetTotal { reason } | Admin::SetNonce { reason, .. } => reason,
        }
    }
}

/// The answer to a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminReply {
    /// It is done, and recorded.
    Done,
    /// It was not done.
    Refused(String),
}

/// What comes over the socket.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdminLine {
    admin: Admin,
}

/// Answers all who come in.
pub struct SignerServer<M> {
    desk: Mutex<Desk<M>>,
    clock: Clock,
    connections: AtomicUsize,
}

impl<M: Medium + Send + 'static> SignerServer<M> {
    /// Answers at this desk, by this clock.
    pub fn new(desk: Desk<M>, clock: Clock) -> Arc<SignerServer<M>> {
        Arc::new(SignerServer { desk: Mutex::new(desk), clock, connections: AtomicUsize::new(0) })
    }

    /// Answers for ever. Returns only when nothing more can be written down, so that a restart must follow.
    pub fn serve(self: &Arc<Self>, entrance: &Entrance) {
        loop {
            let stream = match entrance.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) => {
                    log(&format!("accepting a connection failed: {error}"));
                    thread::sleep(REST);
                    continue;
                }
            };
            if self.lock().is_broken() {
                return;
            }
            if self.connections.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS_MAX {
                self.connections.fetch_sub(1, Ordering::AcqRel);
                log(&format!("a connection was closed: {CONNECTIONS_MAX} are open"));
                continue;
            }
            let (server, group) = (Arc::clone(self), entrance.group);
            let spawned = thread::Builder::new().name("connection".to_owned()).spawn(move || {
                let _open = OpenConnection(&server.connections);
                // Cut off or lost: either is the other side's affair.
                let _ = server.serve_connection(stream, group);
            });
            if let Err(error) = spawned {
                self.connections.fetch_sub(1, Ordering::AcqRel);
                log(&format!("a connection was closed: no thread for it: {error}"));
            }
        }
    }

    fn serve_connection(&self, stream: UnixStream, group: u32) -> io::Result<()> {
        let peer = Peer::of(&stream)?;
        stream.set_write_timeout(Some(REQUEST_TIME_MAX))?;
        let mut writer = stream.try_clone()?;
        let mut lines = LineReader { reader: BufReader::new(stream) };
        if peer.is_stranger(group) {
            log(&format!("a stranger was refused (user {}, process {})", peer.uid, peer.pid));
            // Whoever still writes would not read why.
            lines.next()?;
            let why = format!("user {} is neither root nor of group {group}", peer.uid);
            return writer.write_all(&to_line(&refused(RefusalCode::NotAllowed, why)));
        }
        while let Some(line) = lines.next()? {
            let answer = self.answer(&line, &peer);
            writer.write_all(&answer)?;
            if line.len() > LINE_MAX {
                // Where it ends is not known.
                break;
            }
        }
        Ok(())
    }

    fn answer(&self, line: &[u8], peer: &Peer) -> Vec<u8> {
        if line.len() <= LINE_MAX
            && let Ok(AdminLine { admin }) = serde_json::from_slice(line)
        {
            return to_line(&self.administer(&admin, peer));
        }
        let answer = match from_line::<SignerRequest>(line) {
            Ok(request) => self.lock().answer(request, self.clock.now()),
            Err(error) => refused(RefusalCode::Malformed, error.to_string()),
        };
        if let SignerReply::Refused(refusal) = &answer.reply {
            log(&format!("refused ({:?}): {:.300}", refusal.code, refusal.reason));
        }
        to_line(&answer)
    }

    fn administer(&self, admin: &Admin, peer: &Peer) -> AdminReply {
        if !peer.is_root_or_us() {
            log(&format!("user {} may not do this: {admin:?}", peer.uid));
            return AdminReply::Refused("only root and the signer's own user may".to_owned());
        }
        if admin.reason().is_empty() || admin.reason().len() > REASON_BYTES_MAX {
            return AdminReply::Refused(format!("the reason must have 1 to {REASON_BYTES_MAX} bytes"));
        }
        let now = self.clock.now();
        let done = match admin {
            Admin::ResetTotal { reason } => self.lock().reset_total(reason, now),
            Admin::SetNonce { chain_id, next, reason } => self.lock().set_nonce(*chain_id, *next, reason, now),
        };
        match done {
            Ok(()) => {
                log(&format!("user {} did this: {admin:?}", peer.uid));
                AdminReply::Done
            }
            Err(error) => AdminReply::Refused(error.to_string()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Desk<M>> {
        // The desk counts only after it wrote, and both at once: a panic leaves it as it was before or after.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OpenConnection<'c>(&'c AtomicUsize);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn refused(code: RefusalCode, reason: String) -> Answer {
    Answer { id: 0, reply: SignerReply::Refused(Refusal { code, reason }) }
}

/// Lines of a connection, each of bounded length and within bounded time.
struct LineReader {
    reader: BufReader<UnixStream>,
}

impl LineReader {
    /// The next line, with its end. One that is too long is cut after [`LINE_MAX`] and one byte.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut end: Option<Instant> = None;
        loop {
            let left = match end {
                None => IDLE_TIME_MAX,
                Some(end) => match end.saturating_duration_since(Instant::now()) {
                    Duration::ZERO => return Err(io::ErrorKind::TimedOut.into()),
                    left => left,
                },
            };
            self.reader.get_ref().set_read_timeout(Some(left))?;
            let there = match self.reader.fill_buf() {
                Ok(there) => there,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if there.is_empty() {
                return Ok((!line.is_empty()).then_some(line));
            }
            end.get_or_insert_with(|| Instant::now() + REQUEST_TIME_MAX);
            let room = (LINE_MAX + 1).saturating_sub(line.len());
            let (part, is_whole) = match there.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (there.len(), false),
            };
            let taken = part.min(room);
            line.extend_from_slice(&there[..taken]);
            self.reader.consume(taken);
            if (is_whole && taken == part) || line.len() > LINE_MAX {
                return Ok(Some(line));
            }
        }
    }
}

/// Tells a running signer what a person wants.
///
/// # Errors
///
/// If nobody answers at the socket.
pub fn ask_admin(socket: &Path, admin: &Admin) -> io::Result<AdminReply> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(REQUEST_TIME_MAX * 2))?;
    let line = serde_json::json!({ "admin": admin });
    writeln!(stream, "{line}")?;
    let line = read_line(stream)?;
    serde_json::from_slice(&line).or_else(|_| {
        let refused: Answer = serde_json::from_slice(&line)?;
        match refused.reply {
            SignerReply::Refused(refusal) => Ok(AdminReply::Refused(refusal.reason)),
            other => Err(io::Error::other(format!("the signer answered something else: {other:?}"))),
        }
    })
}

/// The answer that comes over a connection.
///
/// # Errors
///
/// If none comes.
pub fn read_answer(stream: UnixStream) -> io::Result<Answer> {
    stream.set_read_timeout(Some(REQUEST_TIME_MAX * 2))?;
    Ok(serde_json::from_slice(&read_line(stream)?)?)
}

fn read_line(stream: UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(stream).take(LINE_MAX as u64).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// A line of the log. Standard error goes to the journal.
fn log(what: &str) {
    // Nothing can be done if it is gone.
    let _ = writeln!(io::stderr(), "{}", daemon_base::text::escaped(what));
}
