//! Opens one file given by name, or standard input.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Context;
use daemon_walk::Entry;
use triage::FileKind;

use crate::cli::paths::kind_of;
use crate::cli::stdin::is_stdin;
use crate::terminal::format::shown;

/// An open file, given by name or copied from standard input.
pub(crate) struct Input {
    /// The open file.
    pub file: OwnedFd,
    entry: Option<Entry>,
}

impl Input {
    /// Opens `path`. For `-`, copies all of standard input, up to `size_max` bytes.
    pub(crate) fn open(path: &Path, size_max: u64) -> anyhow::Result<Input> {
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
    pub(crate) fn too_large(&self, size_bytes: Option<u64>) -> (FileKind, Option<u64>) {
        match &self.entry {
            Some(entry) => (kind_of(entry), size_bytes),
            // No more was kept than shows that it is too large.
            None => (FileKind::Data, None),
        }
    }
}
