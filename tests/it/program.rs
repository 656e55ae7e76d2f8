//! The program, built once and started as a user would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The path of the program, built if need be with the profile of this test.
pub(crate) fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("stakeout", "--bin", "stakeout"))
}

/// The path of the signer, which is beside the program.
pub(crate) fn signer() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        path();
        build("daemon-wallet", "--bin", "stakeout-signer")
    })
}

/// The path of the worker's program, which is beside the program.
#[allow(dead_code, reason = "shared with other tests, of which some start workers themselves")]
pub(crate) fn worker() -> PathBuf {
    build("daemon-examiner", "--bin", "stakeout-worker")
}

/// The path of an example of one of our crates, built in the same way.
pub(crate) fn example(package: &str, name: &str) -> PathBuf {
    build(package, "--example", name)
}

/// Builds what is not built yet. `tests/run` builds everything at once and says so by `STAKEOUT_BUILT`: cargo would
/// build some libraries twice if asked for one program alone, for it then wants fewer features of them.
fn build(package: &str, sort: &str, name: &str) -> PathBuf {
    // target/PROFILE/deps/it-HASH
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("cargo puts tests two folders below its target");
    let built = if sort == "--example" { profile.join("examples").join(name) } else { profile.join(name) };
    if std::env::var_os("STAKEOUT_BUILT").is_some() {
        return built;
    }
    let folder = profile.file_name().and_then(|name| name.to_str()).expect("cargo's profiles have plain names");
    let cargo_profile = if folder == "debug" { "dev" } else { folder };
    let target = profile.parent().expect("a profile's folder lies in the target folder");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", package, sort, name, "--profile", cargo_profile])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "{name} does not build");
    built
}

/// A command that starts the program. What it keeps of compiled rules lies with what cargo built, not in our home.
pub(crate) fn stakeout() -> Command {
    let mut command = Command::new(path());
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command.env("XDG_CACHE_HOME", cache());
    command
}

/// Where tests keep what may be kept from one run to the next.
pub(crate) fn cache() -> &'static Path {
    Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"))
}

/// Its output as text. Everything it prints is UTF-8.
pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("stakeout prints UTF-8")
}

/// Its complaints as text.
pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("stakeout prints UTF-8")
}
