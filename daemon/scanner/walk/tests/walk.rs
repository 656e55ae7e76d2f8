//! What a walk gives, what it leaves out, and that it always ends.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use daemon_artifact::NotRegular;
use daemon_walk::{Entry, OpenError, Policy, Specials, Symlinks, WalkSummary, walk};
use rustix::fs::{CWD, FileType, Mode, mknodat};

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(root: &Path, name: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, name).unwrap();
}

/// Walks `root` and gives the names of the files relative to it.
fn names(root: &Path, policy: &Policy) -> (BTreeSet<String>, WalkSummary) {
    let mut names = BTreeSet::new();
    let summary = walk([root], policy, &mut |entry| {
        let path = entry.path();
        let mut same = std::path::PathBuf::from("what was in the buffer before");
        entry.path_into(&mut same);
        assert_eq!(path, same);
        assert!(entry.open().is_ok(), "{} does not open", path.display());
        assert!(names.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned()), "given twice");
        ControlFlow::Continue(())
    });
    assert_eq!(summary.files, names.len() as u64);
    (names, summary)
}

#[track_caller]
fn check(root: &Path, policy: &Policy, expected: &[&str]) -> WalkSummary {
    let (names, summary) = names(root, policy);
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    summary
}

fn following(symlinks: Symlinks) -> Policy {
    Policy { symlinks, ..Policy::default() }
}

#[test]
fn every_file_below_is_given_once() {
    let root = dir();
    for name in ["a", "b/c", "b/d/e", "f/g/h/i"] {
        file(root.path(), name);
    }
    fs::create_dir(root.path().join("empty")).unwrap();
    let summary = check(root.path(), &Policy::default(), &["a", "b/c", "b/d/e", "f/g/h/i"]);
    assert_eq!(summary.directories, 7);
    assert_eq!(summary.unreadable.count, 0);
    assert!(!summary.stopped);
}

#[test]
fn named_file_is_given_by_its_path() {
    let root = dir();
    file(root.path(), "a");
    let path = root.path().join("a");
    let mut given = Vec::new();
    walk([&path], &Policy::default(), &mut |entry| {
        given.push((entry.path(), entry.name().to_owned()));
        ControlFlow::Continue(())
    });
    assert_eq!(given, [(path.clone(), path.into_os_string())]);
}

#[test]
fn name_that_is_not_utf_8_is_kept() {
    let root = dir();
    let name = OsStr::from_bytes(b"\xff\xfe\n");
    fs::write(root.path().join(name), b"").unwrap();
    walk([root.path()], &Policy::default(), &mut |entry| {
        assert_eq!(entry.name(), name);
        assert!(entry.open().is_ok());
        ControlFlow::Continue(())
    });
}

#[test]
fn what_does_not_exist_is_named_when_it_was_named() {
    let root = dir();
    let gone = root.path().join("gone");
    let summary = walk([&gone, Path::new("a\0b")], &Policy::default(), &mut |_| ControlFlow::Continue(()));
    assert_eq!(summary.unreadable.count, 2);
    assert!(matches!(&summary.unreadable.named[0], (path, OpenError::Vanished) if *path == gone));
}

#[test]
fn links_are_left_alone_unless_named() {
    let root = dir();
    file(root.path(), "tree/a");
    symlink("a", root.path().join("tree/link")).unwrap();
    symlink(".", root.path().join("tree/loop")).unwrap();
    symlink("tree", root.path().join("door")).unwrap();
    let summary = check(&root.path().join("door"), &Policy::default(), &["a"]);
    assert_eq!(summary.symlinks_skipped, 2);
    let summary = check(&root.path().join("door"), &following(Symlinks::Never), &[]);
    assert_eq!((summary.symlinks_skipped, summary.directories), (1, 0));
}

#[test]
fn followed_links_do_not_run_in_circles() {
    let root = dir();
    file(root.path(), "a/b/c");
    symlink("../..", root.path().join("a/b/up")).unwrap();
    symlink("a", root.path().join("again")).unwrap();
    symlink("nowhere", root.path().join("dangling")).unwrap();
    symlink("self", root.path().join("self")).unwrap();
    symlink("a/b/c", root.path().join("file")).unwrap();
    let (names, summary) = names(root.path(), &following(Symlinks::All));
    // The directory is entered by one of its two names, whichever comes first.
    assert!(names.contains("file"));
    assert!(names.contains("a/b/c") != names.contains("again/b/c"));
    assert_eq!((summary.files, summary.symlinks_dangling, summary.visited_again), (2, 2, 2));
}

#[test]
fn specials_are_counted_and_never_opened() {
    let root = dir();
    let fifo = root.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    let summary = check(root.path(), &Policy::default(), &[]);
    assert_eq!(summary.specials, Specials { fifos: 1, sockets: 1, devices: 0 });
    assert_eq!(summary.unreadable.count, 0);

    let named = [fifo.as_path(), Path::new("/dev/zero")];
    let summary = walk(named, &Policy::default(), &mut |_| ControlFlow::Continue(()));
    assert_eq!(summary.specials, Specials { fifos: 1, sockets: 0, devices: 1 });
    assert!(matches!(summary.unreadable.named[0].1, OpenError::NotRegular(NotRegular::Fifo)));
    assert!(matches!(summary.unreadable.named[1].1, OpenError::NotRegular(NotRegular::Device)));
}

#[test]
fn link_that_takes_the_place_of_a_file_is_not_followed() {
    let root = dir();
    file(root.path(), "a");
    walk([root.path()], &Policy::default(), &mut |entry| {
        fs::remove_file(entry.path()).unwrap();
        assert!(matches!(entry.open(), Err(OpenError::Vanished)));
        symlink("/etc/passwd", entry.path()).unwrap();
        assert!(matches!(entry.open(), Err(OpenError::Symlink)));
        ControlFlow::Continue(())
    });
}

#[test]
fn fifo_that_takes_the_place_of_a_file_does_not_block() {
    let root = dir();
    file(root.path(), "a");
    walk([root.path()], &Policy::default(), &mut |entry| {
        fs::remove_file(entry.path()).unwrap();
        mknodat(CWD, entry.path(), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let opened = entry.open().unwrap();
        let mut scratch = daemon_artifact::Scratch::new();
        let refused = daemon_artifact::load(opened, &mut scratch, 1000).err().unwrap();
        assert!(matches!(refused, daemon_artifact::LoadError::NotRegular(NotRegular::Fifo)));
        ControlFlow::Continue(())
    });
}

#[test]
fn depth_is_bounded_and_longer_paths_than_the_kernel_takes_are_walked() {
    let root = dir();
    let name = "d".repeat(200);
    // Built from the inside, for the whole path is too long for one call.
    let mut fd = rustix::fs::open(root.path(), rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..40 {
        rustix::fs::mkdirat(&fd, &name, Mode::from_raw_mode(0o700)).unwrap();
        fd = rustix::fs::openat(&fd, &name, rustix::fs::OFlags::DIRECTORY, Mode::empty()).unwrap();
        mknodat(&fd, "f", FileType::RegularFile, Mode::from_raw_mode(0o600), 0).unwrap();
    }
    let (names, summary) = names(root.path(), &Policy::default());
    assert_eq!((names.len(), summary.too_deep), (40, 0));
    assert!(names.iter().any(|name| name.len() > 8000));
    let (names, summary) = self::names(root.path(), &Policy { depth_max: 10, ..Policy::default() });
    assert_eq!((names.len(), summary.too_deep), (10, 1));
}

#[test]
fn directory_with_many_subdirectories_is_walked_whole() {
    // More than wait at a time, and more than one call of getdents gives.
    let root = dir();
    for i in 0..3000 {
        fs::create_dir(root.path().join(format!("{i}"))).unwrap();
    }
    for i in (0..3000).step_by(100) {
        file(root.path(), &format!("{i}/f"));
    }
    let (names, summary) = names(root.path(), &Policy::default());
    assert_eq!((names.len(), summary.directories), (30, 3001));
}

#[test]
fn directory_that_vanishes_while_it_waits_is_counted() {
    let root = dir();
    file(root.path(), "a/f");
    file(root.path(), "z");
    let summary = walk([root.path()], &Policy::default(), &mut |entry| {
        if entry.name() == "z" {
            fs::remove_dir_all(root.path().join("a")).unwrap();
        }
        ControlFlow::Continue(())
    });
    assert_eq!((summary.files, summary.vanished, summary.unreadable.count), (1, 1, 0));
}

#[test]
fn unreadable_directories_are_counted_and_the_first_ones_named() {
    if rustix::process::geteuid().is_root() {
        // Nothing is unreadable to root.
        return;
    }
    let root = dir();
    for name in ["a", "b", "c"] {
        fs::create_dir(root.path().join(name)).unwrap();
        fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let summary = check(root.path(), &Policy { named_max: 2, ..Policy::default() }, &[]);
    assert_eq!((summary.unreadable.count, summary.unreadable.named.len()), (3, 2));
    assert!(summary.unreadable.named.iter().all(|(_, why)| matches!(why, OpenError::Denied)));
}

#[test]
fn pseudo_file_systems_are_entered_only_when_named() {
    let shallow = Policy { depth_max: 1, ..Policy::default() };
    let summary = walk(["/"], &shallow, &mut |entry| {
        assert!(!entry.path().starts_with("/proc"));
        ControlFlow::Continue(())
    });
    assert!(summary.pseudo_file_systems > 0);

    let mut given = 0;
    walk(["/proc"], &Policy { depth_max: 0, ..Policy::default() }, &mut |_| {
        given += 1;
        ControlFlow::Continue(())
    });
    assert!(given > 0);
}

#[test]
fn other_file_systems_are_left_out_when_asked_for() {
    let policy = Policy { depth_max: 1, one_file_system: true, ..Policy::default() };
    let summary = walk(["/"], &policy, &mut |_| ControlFlow::Continue(()));
    assert!(summary.other_file_systems > 0, "/proc at least is another one");
    assert_eq!(summary.pseudo_file_systems, 0);
}

#[test]
fn break_ends_the_walk() {
    let root = dir();
    for name in ["a", "b", "c/d"] {
        file(root.path(), name);
    }
    let summary = walk([root.path()], &Policy::default(), &mut |_| ControlFlow::Break(()));
    assert_eq!((summary.files, summary.stopped), (1, true));
}

#[test]
fn owned_entry_outlives_the_walk_and_opens_in_another_thread() {
    let root = dir();
    file(root.path(), "a/b");
    let mut entries: Vec<Entry> = Vec::new();
    walk([root.path()], &Policy::default(), &mut |entry| {
        entries.push(entry.to_owned());
        ControlFlow::Continue(())
    });
    // The directory is held open, so even its new name does not matter.
    fs::rename(root.path().join("a"), root.path().join("moved")).unwrap();
    std::thread::spawn(move || {
        let entry = entries.pop().unwrap();
        assert!(entry.path().ends_with("a/b"));
        let mut text = String::new();
        std::io::Read::read_to_string(&mut File::from(entry.open().unwrap()), &mut text).unwrap();
        assert_eq!(text, "a/b");
    })
    .join()
    .unwrap();
}

#[test]
fn listed_path_becomes_an_entry() {
    let root = dir();
    file(root.path(), "a");
    let entry = Entry::named(&root.path().join("a")).unwrap();
    assert!(entry.open().is_ok());
    assert!(Entry::named(Path::new("a\0b")).is_none());
}
