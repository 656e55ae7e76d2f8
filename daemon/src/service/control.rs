//! What operators ask over the control socket, and what they tell.
//!
//! What they tell is put into the inbox of the archive, and a receipt of what became of it is found there. So there is one
//! way into the journal, and what was taken is done whatever dies meanwhile.

use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use daemon_control::{Answer, Ask, Door, Health as HealthRecord, LetterId, Peer, Taken};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::engine::Engine;
use super::health::Health;
use crate::config::Config;
use crate::outcomes::inbox::Inbox;
use crate::outcomes::{Source, read};
use crate::purse_command::PurseRecord;
use crate::talk;
use crate::words::shown;

/// Who answers operators.
pub struct Desk {
    /// The engine.
    pub engine: Rc<Engine>,
    /// Whether all is well.
    pub health: Rc<Health>,
    /// Where what they tell is put.
    pub inbox: Inbox,
    /// Whether nobody is answered.
    pub dry_run: bool,
}

impl daemon_control::Desk for Desk {
    async fn answer(&self, ask: Ask, peer: Peer) -> Answer {
        match ask {
            Ask::Health => Answer::said(&HealthRecord {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                dry_run: self.dry_run,
                not_live: self.health.live().err(),
                not_ready: self.health.ready().err(),
            }),
            Ask::Rules => Answer::said(&self.engine.parts.standing.status()),
            Ask::Purse => {
                let mut purse = self.engine.with_purse(Clone::clone);
                let now = purse.now(self.engine.parts.clock.now());
                Answer::said(&PurseRecord::of(&mut purse, now))
            }
            Ask::Tell { name, lines } => {
                let inbox = self.inbox.clone();
                // The disk is not waited for on the edge.
                let put = spawn_blocking(move || put(&inbox, &name, &lines)).await;
                put.map_or_else(|error| Answer::Cannot(error.to_string()), |put| noted(put, peer))
            }
            Ask::Receipt(letter) => {
                let inbox = self.inbox.clone();
                let taken = spawn_blocking(move || receipt(&inbox, &letter)).await;
                taken.unwrap_or_else(|error| Answer::Cannot(error.to_string()))
            }
        }
    }
}

/// Lines that were put into the inbox: how many, and where the receipt will be.
type Put = Result<(usize, LetterId), Answer>;

fn put(inbox: &Inbox, name: &str, lines: &Bytes) -> Put {
    // What means nothing is told at once, line by line, and nothing of it is taken.
    let read = read(&mut &lines[..], Source::Ndjson, name).map_err(|error| Answer::Wrong(error.to_string()))?;
    let count = read
        .map_err(|mistakes| Answer::Wrong(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?
        .len();
    let text = std::str::from_utf8(lines).map_err(|error| Answer::Wrong(error.to_string()))?;
    let receipt = inbox.put(name, text).map_err(|error| Answer::Cannot(format!("{error:#}")))?;
    let letter = receipt.file_stem().and_then(|stem| LetterId::new(stem.to_str()?));
    letter.map(|letter| (count, letter)).ok_or_else(|| Answer::Cannot("it has no name: this is a bug".to_owned()))
}

fn noted(put: Put, peer: Peer) -> Answer {
    match put {
        Ok((lines, letter)) => {
            // Who exactly, a service in a user namespace of its own cannot know.
            info!(lines, %letter, uid = peer.uid, pid = peer.pid, "told something over the control socket");
            Answer::said(&Taken { letter })
        }
        Err(answer) => {
            warn!(uid = peer.uid, pid = peer.pid, ?answer, "what is told over the control socket is not taken");
            answer
        }
    }
}

/// The receipt for a letter, taken away.
fn receipt(inbox: &Inbox, letter: &LetterId) -> Answer {
    let path = inbox.receipt(letter.as_str());
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let _ = std::fs::remove_file(&path);
            Answer::Said(text)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Answer::NotYet,
        Err(error) => Answer::Cannot(format!("cannot read {}: {error}", shown(&path))),
    }
}

/// The door for operators of the daemon with the archive in `directory`: the one handed over, else a new one. `None`
/// where there can be none: the log says why, and the inbox is still there for the archive's owner.
pub fn door(
    handed: Option<std::os::unix::net::UnixListener>,
    config: &Config,
    directory: &Path,
) -> Result<Option<Door>, daemon_control::DoorError> {
    let wanted = talk::socket(config, directory);
    let Some(listener) = handed else {
        return Ok(match Door::bind(&wanted) {
            Ok(door) => Some(door),
            Err(error) => {
                let why = crate::walk::causes(&error);
                warn!(
                    why,
                    "there is no control socket: only root and who owns the archive can tell this daemon anything"
                );
                None
            }
        });
    };
    let door = Door::handed(listener)?;
    if door.path() != wanted {
        error!(
            at = shown(door.path()),
            looked_for = shown(&wanted),
            "the command line looks for the control socket elsewhere: set control.socket in the configuration"
        );
    }
    Ok(Some(door))
}
