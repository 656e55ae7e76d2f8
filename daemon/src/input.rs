//! One file given by name, or standard input.

use std::path::Path;

use anyhow::Context;
use daemon_artifact::{Artifact, Scratch};
use daemon_intake::Entry;

use crate::walk::is_stdin;
use crate::words::shown;

/// The bytes of `path`, or of standard input where it is `-`.
pub fn load<'s>(path: &Path, scratch: &'s mut Scratch, size_max: u64) -> anyhow::Result<Artifact<'s>> {
    if is_stdin(path) {
        return daemon_artifact::read_stream(std::io::stdin().lock(), size_max).context("cannot read standard input");
    }
    let cannot_open = || format!("cannot open {}", shown(path));
    let entry = Entry::named(path).context("a path cannot hold a NUL byte").with_context(cannot_open)?;
    let file = entry.open().with_context(cannot_open)?;
    daemon_artifact::load(file, scratch, size_max).with_context(|| format!("cannot read {}", shown(path)))
}
