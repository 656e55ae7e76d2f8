//! Root in the archive of another: as its owner, so that nothing in it changes hands.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail};
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::terminal::format::shown;

/// Where we are root, and what is at `directory` belongs to somebody else: goes on as that user and its group, for good.
///
/// So files that are made from now on are theirs, and a link that they may have put there takes us no further than
/// themselves. What only root can read must have been read before. Does nothing for anybody but root.
pub fn become_owner_of(directory: &Path) -> anyhow::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let about = match directory.metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {}", shown(directory))),
    };
    if about.uid() == 0 {
        return Ok(());
    }
    // The kernel changes one thread; those started later are like it.
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        bail!("cannot act as the owner of {} with {threads} threads: this is a bug", shown(directory));
    }
    let (user, group) = (Uid::from_raw(about.uid()), Gid::from_raw(about.gid()));
    set_thread_groups(&[])
        .and_then(|()| set_thread_res_gid(group, group, group))
        .and_then(|()| set_thread_res_uid(user, user, user))
        .with_context(|| format!("cannot act as user {}, who owns {}", about.uid(), shown(directory)))
}
