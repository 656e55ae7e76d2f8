//! Opens one file given by name, or standard input.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Context;
use daemon_base::text::path as shown;
use daemon_walk::Entry;
use triage::FileKind;

use crate::paths::kind_of;
use crate::stdin::is_stdin;

/// An open file, given by name or copied from standard input.
pub struct Input {
    /// The open file.
    pub file: OwnedFd,
    entry: Option<Entry>,
}

impl Input {
    /// Opens `path`. For `-`, copies all of standard input, up to `size_max` bytes.
    ///
    /// # Errors
    /// If it cannot be opened, or standard input cannot be read or kept.
    pub fn open(path: &Path, size_max: u64) -> anyhow::Result<Input> {
        let cannot = |what| move || format!("cannot {what} {}", shown(path));
        if is_stdin(path) {
            let file = daemon_artifact::keep_stream(io::stdin().lock(), size_max).with_context(cannot("read"))?;
            return Ok(Input { file, entry: None });
        }
        let entry = Entry::named(path).context("the path contains a NUL byte").with_context(cannot("open"))?;
        let file = entry.open().with_context(cannot("open"))?;
        Ok(Input { file, entry: Some(entry) })
    }

    /// Kind and size to report when the file is too large. The size of standard input is not known.
    pub fn too_large(&self, size_bytes: Option<u64>) -> (FileKind, Option<u64>) {
        match &self.entry {
            Some(entry) => (kind_of(entry), size_bytes),
            // No more was kept than shows that it is too large.
            None => (FileKind::Data, None),
        }
    }
}
