//! When root works in another user's archive, it becomes that user, so that the files keep their owner.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail};
use daemon_base::text::path as shown;
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// If the process is root and `directory` belongs to another user, switches to that user and its group, permanently.
///
/// New files then belong to that user, and a symbolic link planted by that user grants no more than their own
/// permissions. Anything that only root can read must be read before. Does nothing if the process is not root.
pub(crate) fn become_owner_of(directory: &Path) -> anyhow::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let about = match directory.metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read the owner of {}", shown(directory))),
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
