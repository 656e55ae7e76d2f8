//! The record: what is torn, what is damaged, and who may use it.

use std::io::Write;

use super::disk::DiskFault;
use super::*;
use crate::signer::{Clock, RecordError};

/// A record of some assertions, and the positions where its lines end.
fn some() -> (Vec<u8>, Vec<usize>) {
    let disk = Disk::default();
    let mut desk = signer_on(&disk, small_limits());
    desk.begin(&Clock::after(&[]).unwrap()).unwrap();
    for (bounty, nonce) in [(1, 5), (2, 7), (3, 9)] {
        sign(&mut desk, &assertion(bounty, "0.5"), nonce, 0).unwrap();
    }
    let bytes = disk.bytes();
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    (bytes, ends)
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_tears() {
    let (bytes, ends) = some();
    assert_eq!(ends.len(), 5, "a head, a beginning, three assertions");
    for length in 0..=bytes.len() {
        let disk = Disk::with(&bytes[..length]);
        let (_, found) = Record::read(disk.open(), "record".as_ref()).unwrap();
        let whole = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(found.entries.len(), whole.saturating_sub(1), "{length}");
        let last = ends[..whole].last().copied().unwrap_or(0);
        assert_eq!(found.torn, (length - last) as u64, "{length}");
        assert_eq!(disk.bytes().len(), last.max(ends[0]), "{length}");
        // Zeros in place of pages that did not come to the disk are torn, too.
        if length > last {
            let mut zeros = bytes[..length].to_vec();
            zeros[last..length - 1].fill(0);
            zeros.push(b'\n');
            let read = Record::read(Disk::with(&zeros), "record".as_ref());
            assert_eq!(read.is_ok(), length > last + 1, "{length}");
        }
    }
}

#[test]
fn anything_else_is_refused_loudly() {
    let (bytes, ends) = some();
    let read = |bytes: &[u8]| Record::read(Disk::with(bytes), "record".as_ref()).map(|(_, found)| found.entries.len());
    let line = |number: usize| bytes[ends[number - 2]..ends[number - 1]].to_vec();
    for position in 0..ends[3] {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1;
        let refused = read(&damaged).unwrap_err();
        assert!(matches!(refused, RecordError::Damaged { .. }), "{position}: {refused}");
    }
    let without = [&bytes[..ends[1]], &bytes[ends[2]..]].concat();
    let twice = [&bytes[..], &line(5)].concat();
    let swapped = [&bytes[..ends[1]], &line(4), &line(3), &line(5)].concat();
    let appended = [&bytes[..], b"{}\n"].concat();
    let long = [&bytes[..], &vec![b'x'; 1 << 20], b"\n"].concat();
    for damaged in [&without, &twice, &swapped, &appended, &long, &b"something else\n".to_vec()] {
        let refused = read(damaged).unwrap_err().to_string();
        assert!(refused.contains("nothing is signed"), "{refused}");
    }
}

#[test]
fn a_full_disk_is_a_refusal_and_nothing_is_lost_by_it() {
    let disk = Disk::default();
    let mut desk = signer_on(&disk, small_limits());
    let first = sign(&mut desk, &assertion(1, "0.5"), 5, 0).unwrap();
    let before = disk.bytes();
    for room in [0, 1, 40, 300] {
        disk.break_next(DiskFault::Full(room));
        assert_eq!(sign(&mut desk, &assertion(2, "0.5"), 7, 0), Err(RefusalCode::Unavailable));
        assert_eq!(disk.bytes(), before, "what fitted is cut off");
        assert_eq!(desk.status(at(0)).spent.total, Nct::literal("0.53125"), "nothing was signed");
        assert_eq!(sign(&mut desk, &assertion(1, "0.5"), 5, 0).as_ref(), Ok(&first), "the same again needs no room");
    }
    assert!(sign(&mut desk, &assertion(2, "0.5"), 7, 0).is_ok(), "with room again it goes on");
}

#[test]
fn after_a_failed_sync_nothing_new_is_signed() {
    let disk = Disk::default();
    let mut desk = signer_on(&disk, small_limits());
    disk.break_next(DiskFault::SyncFails);
    assert_eq!(sign(&mut desk, &assertion(1, "0.5"), 5, 0), Err(RefusalCode::Unavailable));
    assert!(desk.is_broken());
    assert_eq!(sign(&mut desk, &assertion(2, "0.5"), 7, 0), Err(RefusalCode::Unavailable));
    // What may have come to the disk counts.
    let mut again = signer_on(&disk, small_limits());
    assert_eq!(again.status(at(0)).spent.total, Nct::literal("0.53125"));
    assert_eq!(sign(&mut again, &assertion(9, "0.5"), 5, 0), Err(RefusalCode::NonceUsed));
    assert!(sign(&mut again, &assertion(1, "0.5"), 5, 0).is_ok());
}

#[test]
fn two_signers_never_use_one_record() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("record");
    let (first, _) = Record::open(&path).unwrap();
    assert!(matches!(Record::open(&path), Err(RecordError::InUse(_))));
    drop(first);
    assert!(Record::open(&path).is_ok());
}

#[test]
fn a_record_that_others_may_change_is_not_used() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("record");
    drop(Record::open(&path).unwrap());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o660)).unwrap();
    assert!(matches!(Record::open(&path), Err(RecordError::Unsafe { mode: 0o660, .. })));
    let link = base.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(matches!(Record::open(&link), Err(RecordError::File { .. })));
    assert!(Record::open(base.path()).is_err());
    assert!(Record::open("/dev/null".as_ref()).is_err());
}

#[test]
fn a_record_on_a_real_disk_goes_on_where_it_was() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("record");
    let event = super::super::RecordEvent::TotalReset { reason: "a test".to_owned() };
    let entry = |seconds| RecordEntry { at: at(seconds), event: event.clone() };
    for round in 0..3 {
        let (mut record, found) = Record::open(&path).unwrap();
        assert_eq!(found.entries, (0..round).map(entry).collect::<Vec<_>>());
        assert_eq!(found.torn, if round == 2 { 4 } else { 0 });
        record.append(&entry(round)).unwrap();
        drop(record);
        if round == 1 {
            std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"torn").unwrap();
        }
    }
    // A disk that is full for real.
    let (mut full, _) =
        Record::read(std::fs::File::options().append(true).read(true).open(&path).unwrap(), &path).unwrap();
    let long = RecordEntry { at: at(9), event: super::super::RecordEvent::TotalReset { reason: "x".repeat(20_000) } };
    assert!(matches!(full.append(&long), Err(RecordError::TooLong(_))));
}
