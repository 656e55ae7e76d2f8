//! Every kind and size of file that can be met: an artifact or a typed refusal, never a hang.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

use std::fs::File;
use std::io::{Cursor, Write};
use std::os::fd::OwnedFd;

use daemon_artifact::{Artifact, LoadError, NotRegular, READ_BYTES_MAX, Scratch, Stability, keep_stream, load};
use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, OFlags};

const MAX: u64 = 256 << 20;

fn file_of(bytes: &[u8]) -> OwnedFd {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.into()
}

fn open(path: &str) -> OwnedFd {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

/// Loads a file of `size` bytes and compares what comes out with what went in.
#[track_caller]
fn check(size: usize) {
    let bytes: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
    let mut scratch = Scratch::new();
    let artifact = load(file_of(&bytes), &mut scratch, MAX).unwrap();
    assert!(artifact.bytes() == bytes, "a file of {size} bytes came out otherwise");
    assert_eq!(artifact.is_mapped(), size > READ_BYTES_MAX);
    assert_eq!(artifact.sha256(), Artifact::from_vec(bytes).sha256());
    assert_eq!(artifact.stability(), Stability::Stable);
}

#[test]
fn empty_file_is_an_artifact_of_no_bytes() {
    check(0);
}

#[test]
fn single_byte_is_read() {
    check(1);
}

#[test]
fn sizes_around_the_threshold_come_out_whole() {
    for size in [READ_BYTES_MAX - 1, READ_BYTES_MAX, READ_BYTES_MAX + 1, READ_BYTES_MAX + 4096] {
        check(size);
    }
}

#[test]
fn size_of_the_scratch_decides_what_is_read() {
    let mut none = Scratch::reading_up_to(0);
    assert!(load(file_of(&[1; 100]), &mut none, MAX).unwrap().is_mapped());
    assert!(load(file_of(&[]), &mut none, MAX).unwrap().is_empty());
    assert!(load(open("/proc/self/maps"), &mut none, MAX).unwrap().size() > 0);
    let mut large = Scratch::reading_up_to(2 * READ_BYTES_MAX);
    assert!(!load(file_of(&vec![1; 2 * READ_BYTES_MAX]), &mut large, MAX).unwrap().is_mapped());
}

#[test]
fn scratch_lends_nothing_of_an_earlier_file() {
    let mut scratch = Scratch::new();
    assert_eq!(load(file_of(&[7; 5000]), &mut scratch, MAX).unwrap().bytes(), [7; 5000]);
    assert_eq!(load(file_of(&[8; 3]), &mut scratch, MAX).unwrap().bytes(), [8; 3]);
    assert_eq!(load(file_of(&[]), &mut scratch, MAX).unwrap().bytes(), []);
}

#[test]
fn sparse_file_of_4_gib_is_refused_by_its_size() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(4 << 30).unwrap();
    let refused = load(file.into(), &mut Scratch::new(), MAX).err().unwrap();
    assert!(matches!(refused, LoadError::TooLarge { size_bytes: Some(0x1_0000_0000), size_bytes_max: MAX }));
    assert_eq!(refused.to_string(), "has 4294967296 bytes, more than the 268435456 allowed");
}

#[test]
fn limit_itself_is_allowed_and_one_byte_more_is_not() {
    let mut scratch = Scratch::new();
    assert!(load(file_of(&[1; 100]), &mut scratch, 100).is_ok());
    assert!(matches!(load(file_of(&[1; 101]), &mut scratch, 100), Err(LoadError::TooLarge { .. })));
    assert!(load(file_of(&[]), &mut scratch, 0).is_ok());
}

#[track_caller]
fn check_refused(file: OwnedFd, expected: NotRegular) {
    match load(file, &mut Scratch::new(), MAX) {
        Err(LoadError::NotRegular(kind)) => assert_eq!(kind, expected),
        Err(other) => panic!("refused otherwise: {other}"),
        Ok(_) => panic!("a {expected} was read"),
    }
}

#[test]
fn directory_fifo_device_and_socket_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    check_refused(open(dir.path().to_str().unwrap()), NotRegular::Directory);
    check_refused(open("/dev/zero"), NotRegular::Device);
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    check_refused(open(fifo.to_str().unwrap()), NotRegular::Fifo);
    check_refused(std::os::unix::net::UnixStream::pair().unwrap().0.into(), NotRegular::Socket);
}

#[test]
fn procfs_file_that_claims_to_be_empty_is_read() {
    let mut scratch = Scratch::new();
    let artifact = load(open("/proc/self/maps"), &mut scratch, MAX).unwrap();
    assert!(artifact.bytes().contains(&b'\n'));
    assert_eq!(artifact.stability(), Stability::Stable);
}

#[test]
fn procfs_file_is_held_to_the_limit_though_its_size_says_nothing() {
    let refused = load(open("/proc/self/maps"), &mut Scratch::new(), 10).err().unwrap();
    assert!(matches!(refused, LoadError::TooLarge { size_bytes: None, size_bytes_max: 10 }));
    assert_eq!(refused.to_string(), "has more than the 10 bytes allowed");
}

#[test]
fn sysfs_attribute_shorter_than_its_size_is_not_truncated() {
    // Present wherever sysfs is; a machine without it has nothing to be tested.
    let Ok(file) = File::open("/sys/kernel/mm/transparent_hugepage/enabled") else {
        return;
    };
    let mut scratch = Scratch::new();
    let artifact = load(file.into(), &mut scratch, MAX).unwrap();
    assert!((1..4096).contains(&artifact.size()));
    assert_eq!(artifact.stability(), Stability::Stable);
}

#[test]
fn file_open_for_writing_only_is_an_error_that_says_what_was_tried() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, b"x").unwrap();
    let only_writes: OwnedFd = File::options().write(true).open(&file).unwrap().into();
    let refused = load(only_writes, &mut Scratch::new(), MAX).err().unwrap();
    assert_eq!(refused.to_string(), "cannot read");
}

#[test]
fn a_stream_is_kept_to_its_end_sealed_and_refused_beyond_the_limit() {
    let mut scratch = Scratch::default();
    let kept = keep_stream(Cursor::new([5; 1000]), 1000).unwrap();
    assert!(rustix::io::pwrite(&kept, b"x", 0).is_err());
    assert_eq!(load(kept, &mut scratch, 1000).unwrap().bytes(), [5; 1000]);
    let nothing = keep_stream(Cursor::new([]), 0).unwrap();
    assert!(load(nothing, &mut scratch, 0).unwrap().bytes().is_empty());
    for (size_max, kept) in
        [(1000, keep_stream(Cursor::new([5; 1001]), 1000)), (1 << 20, keep_stream(std::io::repeat(0), 1 << 20))]
    {
        let refused = load(kept.unwrap(), &mut scratch, size_max);
        assert!(matches!(refused, Err(LoadError::TooLarge { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_come_out_as_they_went_in(bytes in prop::collection::vec(any::<u8>(), 0..20_000)) {
        let mut scratch = Scratch::new();
        let artifact = load(file_of(&bytes), &mut scratch, MAX).unwrap();
        prop_assert_eq!(artifact.bytes(), &bytes[..]);
    }
}
