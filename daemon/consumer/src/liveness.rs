//! The liveness file, as PolySwarm's own worker writes it: `{"last_iteration": …, "average_wait": …}` each second, under a
//! POSIX lock. The checker of the Python client (`liveness`) reads it as its own.
//!
//! Unlike the Python worker, which empties the file before it locks it, this one locks it first: a reader that locks sees a
//! whole text always.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, fcntl_lock};

/// Writes the file once. `last_iteration` is in seconds since 1970, `average_wait` how long jobs are held on average, in
/// seconds.
///
/// # Errors
/// If the file cannot be opened, written, or is locked by a reader at the moment.
pub(crate) fn write(path: &Path, last_iteration: u64, average_wait: f64) -> io::Result<()> {
    // Not truncated: a reader may hold the lock.
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive)?;
    let text = format!("{{\"last_iteration\": {last_iteration}, \"average_wait\": {average_wait:?}}}");
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_that_of_the_peers_and_never_longer_than_its_text() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("liveness");
        write(&path, 1_795_336_111, 12.5).unwrap();
        write(&path, 7, 0.0).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"last_iteration\": 7, \"average_wait\": 0.0}");
        assert!(write(&directory.path().join("no/where"), 7, 0.0).is_err());
    }
}
