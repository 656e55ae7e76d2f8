//! Files that change while they are mapped or read: the process lives, and the artifact says so.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use daemon_artifact::{Artifact, READ_BYTES_MAX, Scratch, Sha256Digest, Stability, load};
use rustix::fs::{FallocateFlags, fallocate};

const LARGE: usize = READ_BYTES_MAX + 3 * 4096 + 17;

/// A file of `size` bytes of 0xA5, last written long ago, so that any write moves its times.
fn file(dir: &Path, name: &str, size: usize) -> PathBuf {
    let path = dir.join(name);
    let mut file = File::create(&path).unwrap();
    file.write_all(&vec![0xA5; size]).unwrap();
    file.set_modified(long_ago()).unwrap();
    path
}

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

fn open<'s>(path: &Path, scratch: &'s mut Scratch) -> Artifact<'s> {
    load(File::open(path).unwrap().into(), scratch, u64::MAX).unwrap()
}

fn writer(path: &Path) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

/// Touches every byte; answers how many are not zero.
fn examine(artifact: &Artifact<'_>) -> usize {
    artifact.bytes().iter().filter(|&&byte| byte != 0).count()
}

/// Maps a large file, lets `meddle` at it, examines it, and compares what is said of it then.
#[track_caller]
fn check(meddle: impl FnOnce(&Path), expected_non_zero: usize, expected: Stability) {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "large", LARGE);
    let mut scratch = Scratch::new();
    let artifact = open(&path, &mut scratch);
    assert!(artifact.is_mapped());
    artifact.sha256();
    assert_eq!(artifact.stability(), Stability::Stable);
    meddle(&path);
    assert_eq!(examine(&artifact), expected_non_zero);
    assert_eq!(artifact.stability(), expected);
    assert_eq!(artifact.size(), LARGE as u64, "the slice keeps its length whatever the file does");
}

#[test]
fn untouched_map_is_stable() {
    check(|_| (), LARGE, Stability::Stable);
}

#[test]
fn map_truncated_to_one_page_reads_zeros_beyond_it() {
    check(|path| writer(path).set_len(4096).unwrap(), 4096, Stability::Truncated);
}

#[test]
fn map_truncated_to_nothing_reads_zeros() {
    check(|path| writer(path).set_len(0).unwrap(), 0, Stability::Truncated);
}

#[test]
fn map_truncated_inside_a_page_is_truncated_though_no_page_is_missing() {
    check(|path| writer(path).set_len(LARGE as u64 - 1).unwrap(), LARGE - 1, Stability::Truncated);
}

#[test]
fn map_truncated_and_grown_again_is_not_stable() {
    let meddle = |path: &Path| {
        writer(path).set_len(0).unwrap();
        writer(path).set_len(LARGE as u64).unwrap();
    };
    check(meddle, 0, Stability::Changed);
}

#[test]
fn map_rewritten_in_place_is_changed() {
    check(|path| writer(path).write_all_at(&[0x5A; 100], 8192).unwrap(), LARGE, Stability::Changed);
}

#[test]
fn map_rewritten_with_its_times_put_back_is_changed() {
    let meddle = |path: &Path| {
        let file = writer(path);
        file.write_all_at(&[0x5A; 100], 8192).unwrap();
        file.set_modified(long_ago()).unwrap();
    };
    check(meddle, LARGE, Stability::Changed);
}

#[test]
fn map_of_a_file_that_grows_is_changed() {
    check(|path| writer(path).set_len(2 * LARGE as u64).unwrap(), LARGE, Stability::Changed);
}

#[test]
fn map_with_a_hole_punched_into_it_is_changed() {
    let meddle = |path: &Path| {
        fallocate(writer(path), FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 4096, 8192).unwrap();
    };
    check(meddle, LARGE - 8192, Stability::Changed);
}

#[test]
fn unlinked_file_is_stable() {
    check(|path| std::fs::remove_file(path).unwrap(), LARGE, Stability::Stable);
}

#[test]
fn renamed_file_is_stable() {
    check(|path| std::fs::rename(path, path.with_extension("moved")).unwrap(), LARGE, Stability::Stable);
}

#[test]
fn status_change_without_an_earlier_hash_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "large", LARGE);
    let mut scratch = Scratch::new();
    let artifact = open(&path, &mut scratch);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(artifact.stability(), Stability::Changed);
    artifact.sha256();
    assert_eq!(artifact.stability(), Stability::Changed, "a hash taken afterwards proves nothing");
}

#[test]
fn truncation_of_one_map_leaves_others_and_the_next_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (torn, whole) = (file(dir.path(), "torn", LARGE), file(dir.path(), "whole", LARGE));
    let mut scratch = Scratch::new();
    std::thread::scope(|scope| {
        let (mapped, is_mapped) = std::sync::mpsc::channel();
        let (go, went) = std::sync::mpsc::channel::<()>();
        let neighbour = scope.spawn(|| {
            let mut scratch = Scratch::new();
            let artifact = open(&whole, &mut scratch);
            let (mapped, went) = (mapped, went);
            mapped.send(()).unwrap();
            went.recv().unwrap();
            (examine(&artifact), artifact.stability())
        });
        is_mapped.recv().unwrap();
        let artifact = open(&torn, &mut scratch);
        writer(&torn).set_len(0).unwrap();
        assert_eq!(examine(&artifact), 0);
        go.send(()).unwrap();
        assert_eq!(neighbour.join().unwrap(), (LARGE, Stability::Stable));
        assert_eq!(artifact.stability(), Stability::Truncated);
    });
    let mut scratch = Scratch::new();
    let next = open(&whole, &mut scratch);
    assert_eq!((examine(&next), next.stability()), (LARGE, Stability::Stable), "the slot was left clean");
}

#[test]
fn a_thousand_truncations_leave_the_process_alive() {
    let dir = tempfile::tempdir().unwrap();
    let mut scratch = Scratch::new();
    for round in 0..1000_usize {
        let path = dir.path().join("again");
        writer_new(&path).set_len(LARGE as u64).unwrap();
        let artifact = open(&path, &mut scratch);
        let left = round * 7919 % LARGE;
        writer(&path).set_len(left as u64).unwrap();
        assert_eq!(artifact.bytes().last(), Some(&0));
        assert_eq!(artifact.stability(), Stability::Truncated, "cut to {left}");
    }
}

fn writer_new(path: &Path) -> File {
    File::create(path).unwrap()
}

#[test]
fn two_threads_can_fault_on_the_same_torn_map() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "shared", LARGE);
    let mut scratch = Scratch::new();
    let artifact = open(&path, &mut scratch);
    writer(&path).set_len(4096).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(artifact.bytes().iter().rev().filter(|&&byte| byte != 0).count(), 4096));
        }
    });
    assert_eq!(artifact.stability(), Stability::Truncated);
}

#[test]
fn what_was_read_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "small", READ_BYTES_MAX);
    let mut scratch = Scratch::new();
    let artifact = open(&path, &mut scratch);
    assert!(!artifact.is_mapped());
    writer(&path).set_len(0).unwrap();
    assert_eq!(artifact.sha256(), Sha256Digest::of(&vec![0xA5; READ_BYTES_MAX]));
    assert_eq!(artifact.stability(), Stability::Stable);
}
