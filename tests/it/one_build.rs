//! The program built alone takes the same features of every library as everything built at once, so that the one builds no
//! library of the other again. Cargo unites features only of what is built together; `daemon/Cargo.toml` names what differs.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Each library, and a set of features that it is built with.
fn libraries(selection: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} [{f}]"])
        .args(selection)
        .output()
        .expect("cargo is there: it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).expect("names and features are ASCII");
    // " (*)": told before. Our own crates are named with their path.
    let lines = told.lines().map(|line| line.trim_end_matches(" (*)"));
    lines.filter(|line| !line.contains('/') && !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_program_alone_builds_no_library_in_another_way() {
    let alone = libraries(&["--package", "stakeout", "--edges", "normal,build"]);
    let together = libraries(&["--workspace", "--edges", "normal,build,dev"]);
    assert!(alone.len() > 200, "only {} libraries are listed", alone.len());
    let other: Vec<_> = alone.difference(&together).collect();
    assert!(
        other.is_empty(),
        "built with other features where everything is built: add them to daemon/Cargo.toml, \"Not used\": {other:#?}"
    );
}
