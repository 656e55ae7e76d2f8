//! Requests of operators over the control socket.
//!
//! Settlements are put into the inbox of the archive, and the result is a receipt in the inbox. So there is only one
//! way into the journal, and accepted settlements are imported even after a crash.

use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use daemon_base::text::path as shown;
use daemon_control::{ControlReply, ControlRequest, ControlSocket, Health as HealthRecord, LetterId, Peer, Taken};
use daemon_settlement::{SettlementFormat, read};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::engine::Engine;
use super::health::Health;
use crate::config::Config;
use crate::control_client;
use crate::purse_record::PurseRecord;
use crate::settlements::inbox::Inbox;
use crate::shadow;

/// Answers control requests.
pub(crate) struct OperatorDesk {
    /// The engine.
    pub engine: Rc<Engine>,
    /// Whether all is well.
    pub health: Rc<Health>,
    /// Inbox for settlements.
    pub inbox: Inbox,
    /// Whether the daemon sends no answers.
    pub dry_run: bool,
}

impl daemon_control::Desk for OperatorDesk {
    async fn answer(&self, ask: ControlRequest, peer: Peer) -> ControlReply {
        match ask {
            ControlRequest::Health => ControlReply::said(&HealthRecord {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                dry_run: self.dry_run,
                not_live: self.health.live().err(),
                not_ready: self.health.ready().err(),
            }),
            ControlRequest::Rules => {
                let parts = &self.engine.parts;
                ControlReply::said(&shadow::status(&parts.rules_status, parts.shadow.as_ref()))
            }
            ControlRequest::Purse => {
                let mut purse = self.engine.with_purse(Clone::clone);
                let now = purse.now(self.engine.parts.clock.now());
                ControlReply::said(&PurseRecord::of(&mut purse, now))
            }
            ControlRequest::Tell { name, lines } => {
                let inbox = self.inbox.clone();
                // The disk is not waited for on the edge.
                let put = spawn_blocking(move || put(&inbox, &name, &lines)).await;
                put.map_or_else(|error| ControlReply::Cannot(error.to_string()), |put| noted(put, peer))
            }
            ControlRequest::Receipt(letter) => {
                let inbox = self.inbox.clone();
                let taken = spawn_blocking(move || receipt(&inbox, &letter)).await;
                taken.unwrap_or_else(|error| ControlReply::Cannot(error.to_string()))
            }
        }
    }
}

/// Lines that were put into the inbox: how many, and where the receipt will be.
type Put = Result<(usize, LetterId), ControlReply>;

fn put(inbox: &Inbox, name: &str, lines: &Bytes) -> Put {
    // What means nothing is told at once, line by line, and nothing of it is taken.
    let read = read(&mut &lines[..], SettlementFormat::Ndjson, name)
        .map_err(|error| ControlReply::Wrong(error.to_string()))?;
    let count = read
        .map_err(|mistakes| {
            ControlReply::Wrong(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        })?
        .len();
    let text = std::str::from_utf8(lines).map_err(|error| ControlReply::Wrong(error.to_string()))?;
    let receipt = inbox.put(name, text).map_err(|error| ControlReply::Cannot(format!("{error:#}")))?;
    let letter = receipt.file_stem().and_then(|stem| LetterId::new(stem.to_str()?));
    letter
        .map(|letter| (count, letter))
        .ok_or_else(|| ControlReply::Cannot("the inbox file has no name: this is a bug".to_owned()))
}

fn noted(put: Put, peer: Peer) -> ControlReply {
    match put {
        Ok((lines, letter)) => {
            // Who exactly, a service in a user namespace of its own cannot know.
            info!(lines, %letter, uid = peer.uid, pid = peer.pid, "inbox file received");
            ControlReply::said(&Taken { letter })
        }
        Err(answer) => {
            warn!(uid = peer.uid, pid = peer.pid, ?answer, "control request rejected");
            answer
        }
    }
}

/// The receipt for a letter, taken away.
fn receipt(inbox: &Inbox, letter: &LetterId) -> ControlReply {
    let path = inbox.receipt(letter.as_str());
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let _ = std::fs::remove_file(&path);
            ControlReply::Said(text)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => ControlReply::NotYet,
        Err(error) => ControlReply::Cannot(format!("cannot read {}: {error}", shown(&path))),
    }
}

/// The door for operators of the daemon with the archive in `directory`: the one handed over, else a new one. `None`
/// where there can be none: the log says why, and the inbox is still there for the archive's owner.
pub(crate) fn socket(
    handed: Option<std::os::unix::net::UnixListener>,
    config: &Config,
    directory: &Path,
) -> Result<Option<ControlSocket>, daemon_control::ControlSocketError> {
    let wanted = control_client::socket(config, directory);
    let Some(listener) = handed else {
        return Ok(match ControlSocket::bind(&wanted) {
            Ok(door) => Some(door),
            Err(error) => {
                let why = daemon_base::text::causes(&error);
                warn!(why, "no control socket: only root and the owner of the archive can import settlements");
                None
            }
        });
    };
    let door = ControlSocket::handed(listener)?;
    if door.path() != wanted {
        error!(
            at = shown(door.path()),
            looked_for = shown(&wanted),
            "control socket differs from control.socket of the configuration: the command line cannot find it"
        );
    }
    Ok(Some(door))
}
