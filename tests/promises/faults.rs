//! Faults of the machine that one daemon has.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use crate::engine::{Daemon, DaemonHome};

/// Faults that a library of ours makes in a daemon: see `faults.c`.
pub(crate) struct Faults {
    file: File,
    path: PathBuf,
    library: PathBuf,
}

impl Faults {
    /// None where there is no compiler of C.
    pub(crate) fn new(place: &DaemonHome) -> Option<Faults> {
        let (path, library) = (place.path("faults"), place.path("faults.so"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/promises/faults.c");
        let compiled =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).output().ok()?;
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        fs::write(&path, [0; 24]).expect("our directory can be written to");
        let file = File::options().read(true).write(true).open(&path).expect("it was just written");
        Some(Faults { file, path, library })
    }

    pub(crate) fn start<'p>(&self, place: &'p DaemonHome) -> Daemon<'p> {
        let [path, library] = [&self.path, &self.library].map(|path| path.to_str().expect("our names are plain"));
        let mut daemon = place.spawn(&[], &[("STAKEOUT_FAULTS", path), ("LD_PRELOAD", library)]);
        daemon.wait_ready();
        daemon
    }

    fn set(&self, at: u64, value: i64) {
        self.file.write_all_at(&value.to_ne_bytes(), 8 * at).expect("it is ours");
    }

    pub(crate) fn set_clock(&self, seconds: i64) {
        self.set(0, seconds);
    }

    pub(crate) fn fail_syncs(&self, fail: bool) {
        self.set(1, fail.into());
    }

    pub(crate) fn failed_syncs(&self) -> i64 {
        let mut value = [0; 8];
        self.file.read_exact_at(&mut value, 16).expect("it is ours");
        i64::from_ne_bytes(value)
    }
}
