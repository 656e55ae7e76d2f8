//! Plain reads and io_uring tell the same, and without a ring everything still works.

#![allow(clippy::cast_sign_loss, reason = "its numbers are its own, and small")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use daemon_walk::{Backend, Mode, Policy, SweepSummary, sweep};
use rustix::process::{Resource, Rlimit, setrlimit};

/// 300 files of several kinds and sizes in 10 directories: enough to fill the ring more than once.
fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for i in 0..300_usize {
        let dir = root.path().join(format!("{}", i % 10));
        fs::create_dir_all(&dir).unwrap();
        let head: &[u8] = match i % 4 {
            0 => b"%PDF-1.7\n",
            1 => b"#!/bin/sh\n",
            2 => b"",
            _ => b"{\\rtf1 text}",
        };
        let mut bytes = head.to_vec();
        if i % 4 != 2 {
            bytes.resize(head.len() + i * 37, b'x');
        }
        fs::write(dir.join(format!("{i}")), bytes).unwrap();
    }
    symlink("/etc/passwd", root.path().join("link")).unwrap();
    root
}

fn kinds(root: &Path, mode: Mode) -> (BTreeMap<PathBuf, &'static str>, SweepSummary) {
    let mut kinds = BTreeMap::new();
    let summary = sweep([root], &Policy::default(), mode, &mut |entry, kind| {
        assert!(kinds.insert(entry.path(), kind.name()).is_none(), "told twice");
        ControlFlow::Continue(())
    });
    (kinds, summary)
}

#[test]
fn all_modes_tell_the_same_of_the_same_tree() {
    let root = tree();
    let (plain, summary) = kinds(root.path(), Mode::Plain);
    assert_eq!((summary.triaged, summary.through_uring, plain.len()), (300, 0, 300));
    assert!(matches!(summary.backend, Backend::Plain));
    assert_eq!(plain.values().filter(|kind| **kind == "pdf").count(), 75);
    assert_eq!(plain.values().filter(|kind| **kind == "empty").count(), 75);

    let (auto, summary) = kinds(root.path(), Mode::Auto);
    assert_eq!(auto, plain);
    assert_eq!(summary.triaged, 300);

    let (uring, summary) = kinds(root.path(), Mode::Uring);
    assert_eq!(uring, plain);
    match summary.backend {
        Backend::Uring => assert_eq!(summary.through_uring, 300),
        // This machine has no io_uring for us; that it was reported is what can be tested.
        Backend::Refused(_) => assert_eq!(summary.through_uring, 0),
        Backend::Plain => panic!("io_uring was neither used nor refused"),
    }
}

#[test]
fn named_file_goes_through_the_ring_too() {
    let root = tree();
    let path = root.path().join("0/100");
    for mode in [Mode::Plain, Mode::Uring] {
        let (kinds, _) = kinds(&path, mode);
        assert_eq!(kinds, BTreeMap::from([(path.clone(), "pdf")]));
    }
}

#[test]
fn break_ends_the_sweep_in_every_mode() {
    let root = tree();
    for mode in [Mode::Plain, Mode::Uring] {
        let mut told = 0;
        let summary = sweep([root.path()], &Policy::default(), mode, &mut |_, _| {
            told += 1;
            if told == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((told, summary.triaged, summary.walk.stopped), (3, 3, true));
    }
}

/// Set in the child process of the test below.
const CHILD: &str = "DAEMON_INTAKE_TEST_FEW_DESCRIPTORS";

#[test]
fn where_a_ring_cannot_be_had_files_are_read_plainly_and_the_reason_is_told() {
    if std::env::var_os(CHILD).is_none() {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "where_a_ring_cannot_be_had_files_are_read_plainly_and_the_reason_is_told"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    let root = tree();
    // Descriptors enough for a directory, one below it and a file, but not for a ring and what drives it.
    let next = std::os::fd::AsRawFd::as_raw_fd(&fs::File::open(root.path()).unwrap()) as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(next + 3), maximum: Some(next + 3) }).unwrap();
    let (kinds, summary) = kinds(root.path(), Mode::Uring);
    assert_eq!((kinds.len(), summary.triaged, summary.through_uring), (300, 300, 0));
    assert!(matches!(summary.backend, Backend::Refused(_)), "{:?}", summary.backend);
    assert_eq!(summary.walk.unreadable.count, 0);
}
