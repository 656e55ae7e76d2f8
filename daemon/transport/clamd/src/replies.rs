//! Replies on their way to a client, in the words of clamd.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::client_socket::ClientSocket;
use crate::command::Framing;
use crate::{ScanAnswer, ScannerLoad};

/// Where a reply belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ReplyEnvelope {
    /// How the command was written, and so what ends the reply.
    pub framing: Framing,
    /// The command's number within its session.
    pub id: Option<u32>,
}

impl ReplyEnvelope {
    /// The bytes of a reply.
    fn around(self, reply: &[u8]) -> Vec<u8> {
        let mut bytes = self.id.map_or_else(Vec::new, |id| format!("{id}: ").into_bytes());
        bytes.extend_from_slice(reply);
        bytes.push(self.framing.terminator());
        bytes
    }

    /// A name as it may stand in a reply: what would end it is replaced.
    fn name(self, name: &[u8]) -> Vec<u8> {
        let end = self.framing.terminator();
        name.iter().map(|byte| if *byte == end { b'?' } else { *byte }).collect()
    }
}

/// Sends replies, each whole, whoever makes them.
pub(crate) struct Outgoing {
    pub(crate) socket: ClientSocket,
    one_at_a_time: Mutex<()>,
    deaf: Cell<bool>,
    patience: Duration,
}

impl Outgoing {
    pub(crate) fn new(socket: ClientSocket, patience: Duration) -> Outgoing {
        Outgoing { socket, one_at_a_time: Mutex::new(()), deaf: Cell::new(false), patience }
    }

    /// Whether a reply could not be sent: then no other is.
    pub(crate) fn is_deaf(&self) -> bool {
        self.deaf.get()
    }

    /// Sends exactly these bytes.
    pub(crate) async fn raw(&self, bytes: &[u8]) {
        let _turn = self.one_at_a_time.lock().await;
        if !self.deaf.get() && !matches!(timeout(self.patience, self.socket.write(bytes)).await, Ok(Ok(()))) {
            self.deaf.set(true);
        }
    }

    /// Sends a reply.
    pub(crate) async fn reply(&self, to: ReplyEnvelope, reply: &str) {
        self.raw(&to.around(reply.as_bytes())).await;
    }

    /// Sends what is said of a file, or of a path.
    pub(crate) async fn about(&self, to: ReplyEnvelope, name: &[u8], said: &str) {
        let reply = [&to.name(name)[..], b": ", said.as_bytes()].concat();
        self.raw(&to.around(&reply)).await;
    }

    /// Sends the answer about a file, with all names of what was found if they are asked for.
    pub(crate) async fn answer(&self, to: ReplyEnvelope, name: &[u8], answer: &ScanAnswer, all_names: bool) {
        match answer {
            ScanAnswer::Clean => self.about(to, name, "OK").await,
            ScanAnswer::Failed(why) => self.about(to, name, &format!("{} ERROR", one_line(why))).await,
            ScanAnswer::Found(names) => {
                for found in names.iter().take(if all_names { usize::MAX } else { 1 }) {
                    self.about(to, name, &format!("{} FOUND", one_line(found))).await;
                }
            }
        }
    }
}

/// Without what would end a reply, or be taken for a part of it.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// What STATS replies: the form that clamdtop reads. There is no queue of files by name: whoever asks is not told what others
/// send.
pub(crate) fn stats(load: &ScannerLoad) -> String {
    let ScannerLoad { most, scanning, waiting } = load;
    let idle = most.saturating_sub(*scanning);
    format!(
        "POOLS: 1\n\nSTATE: VALID PRIMARY\nTHREADS: live {most}  idle {idle} max {most} idle-timeout 0\nQUEUE: {waiting} items\n\n\
         MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 0 pools_used 0.000M pools_total 0.000M\nEND"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_a_reply_or_begins_another() {
        let old = ReplyEnvelope { framing: Framing::Newline, id: None };
        assert_eq!(old.name(b"/a\n/b: OK"), b"/a?/b: OK");
        let nul = ReplyEnvelope { framing: Framing::Nul, id: Some(7) };
        assert_eq!(nul.name(b"/a\nb"), b"/a\nb", "as clamd has it: no path has a NUL");
        assert_eq!(nul.around(b"PONG"), b"7: PONG\0");
        assert_eq!(one_line("a\r\nstream: OK"), "a??stream: OK");
    }
}
