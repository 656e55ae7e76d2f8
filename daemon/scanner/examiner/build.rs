//! Computes a digest of the sources of this build, so that a worker program of another build is detected.
//!
//! A version number would not do: during development, `stakeout` is rebuilt more often than `stakeout-worker`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Sources of both programs, relative to the root of the workspace.
const SOURCES: [&str; 7] =
    ["Cargo.lock", "triage", "analyzers", "daemon/artifact", "daemon/scanner", "rules", "Cargo.toml"];

/// Directories in them that are not part of the programs.
const UNLINKED: [&str; 3] = ["tests", "examples", "benches"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo tells where it builds")).join("../../..");
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        hash(&root.join(source), &mut hasher)?;
    }
    env::var("PROFILE").ok().hash(&mut hasher);
    println!("cargo::rustc-env=STAKEOUT_BUILD={:016x}", hasher.finish());
    Ok(())
}

/// Hashes a file, or the files of a directory in the order of their names. Files that are not sources are included,
/// which does no harm.
fn hash(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    if path.file_name().is_some_and(|name| UNLINKED.iter().any(|unlinked| name == *unlinked)) {
        return Ok(());
    }
    if !path.is_dir() {
        // Files alone, so that a change below what is not linked builds nothing anew. A new file is told of in an old one.
        println!("cargo::rerun-if-changed={}", path.display());
        path.file_name().hash(hasher);
        // Gone since it was listed: an editor at work, after which this runs again.
        fs::read(path).unwrap_or_default().hash(hasher);
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    entries.iter().try_for_each(|entry| hash(entry, hasher))
}
