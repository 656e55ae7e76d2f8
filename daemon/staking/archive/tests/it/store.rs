use std::fs::File;
use std::io::{Read, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use daemon_archive::{Retention, Shelf, Store, StoreError, StoreStatistics};
use daemon_artifact::Sha256Digest;
use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create, open};

const ALL: Retention = Retention { bytes_max: u64::MAX, age_max: Duration::MAX };

pub(crate) fn memfd(bytes: &[u8]) -> OwnedFd {
    let mut file = File::from(memfd_create("artifact", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(bytes).unwrap();
    file.into()
}

fn nameless(directory: &Path, bytes: &[u8], more: OFlags) -> OwnedFd {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC | more;
    let mut file = File::from(open(directory, flags, Mode::RUSR | Mode::WUSR).unwrap());
    file.write_all(bytes).unwrap();
    file.into()
}

/// Waits for the store's thread, until what was kept and what did not fit on the disk is as wanted.
#[track_caller]
pub(crate) fn counted<'a>(statistics: impl Fn() -> &'a StoreStatistics, wanted: impl Fn(u64, u64) -> bool) {
    let began = Instant::now();
    let seen = || (statistics().kept.load(Ordering::Relaxed), statistics().full.load(Ordering::Relaxed));
    loop {
        let waiting = statistics().bytes_waiting.load(Ordering::Relaxed);
        let (kept, full) = seen();
        if waiting == 0 && wanted(kept, full) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "kept {kept}, full {full}, waiting {waiting}");
        std::thread::yield_now();
    }
}

fn path_of(directory: &Path, bytes: &[u8]) -> std::path::PathBuf {
    let name = Sha256Digest::of(bytes).to_string();
    directory.join(&name[..2]).join(&name[2..])
}

fn age(path: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    File::open(path).unwrap().set_modified(then).unwrap();
}

/// Has one thing kept, and waits for it.
fn keep(directory: &Path, retention: Retention, fd: OwnedFd, bytes: &[u8]) {
    let store = Store::open(directory, retention).unwrap();
    assert!(store.keep(fd, Sha256Digest::of(bytes), bytes.len() as u64));
    store.close();
}

#[test]
fn an_artifact_is_kept_whole_from_wherever_it_comes() {
    let base = crate::make::directory();
    let directory = base.path().join("artifacts");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700)).unwrap();
    let large = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    let of_disk = nameless(&directory, b"of the disk", OFlags::empty());
    let inode = rustix::fs::fstat(of_disk.as_fd()).unwrap().st_ino;
    let cases = [
        (memfd(&large), &large[..]),
        (memfd(b""), b""),
        (of_disk, b"of the disk"),
        (nameless(&directory, b"stays nameless", OFlags::EXCL), b"stays nameless"),
        (nameless(Path::new("/dev/shm"), b"of elsewhere", OFlags::empty()), b"of elsewhere"),
    ];
    let mut names = 0;
    for (fd, bytes) in cases {
        keep(&directory, ALL, fd, bytes);
        names += 1;
        let mut found = Vec::new();
        let shelf = Shelf::open(&directory).unwrap();
        shelf.get(&Sha256Digest::of(bytes)).unwrap().unwrap().read_to_end(&mut found).unwrap();
        assert_eq!(found, bytes);
        let kept = path_of(&directory, bytes).metadata().unwrap();
        assert_eq!(kept.permissions().mode() & 0o777, 0o400);
        let files = directory.read_dir().unwrap().flat_map(|entry| entry.unwrap().path().read_dir().unwrap());
        assert_eq!(files.count(), names);
    }
    let linked = std::os::unix::fs::MetadataExt::ino(&path_of(&directory, b"of the disk").metadata().unwrap());
    assert_eq!(linked, inode, "not copied, but named");
    let shelf = Shelf::open(&directory).unwrap();
    assert!(shelf.get(&Sha256Digest::of(b"something else")).unwrap().is_none());
}

#[test]
fn what_is_there_is_touched_only() {
    let directory = crate::make::directory();
    keep(directory.path(), ALL, memfd(b"twice"), b"twice");
    let path = path_of(directory.path(), b"twice");
    age(&path, 1000);
    let store = Store::open(directory.path(), ALL).unwrap();
    assert!(store.keep(memfd(b"twice"), Sha256Digest::of(b"twice"), 5));
    counted(|| store.statistics(), |kept, _| kept == 0);
    assert_eq!(store.statistics().known.load(Ordering::Relaxed), 1);
    assert!(path.metadata().unwrap().modified().unwrap().elapsed().unwrap_or_default() < Duration::from_secs(500));
}

#[test]
fn what_is_too_much_goes_oldest_first() {
    let directory = crate::make::directory();
    let artifacts: Vec<Vec<u8>> = (0..8u8).map(|n| vec![n; 1000]).collect();
    for (n, bytes) in (0..).zip(&artifacts) {
        keep(directory.path(), ALL, memfd(bytes), bytes);
        age(&path_of(directory.path(), bytes), 1000 - 100 * n);
    }
    let there = || artifacts.iter().map(|bytes| path_of(directory.path(), bytes).exists()).collect::<Vec<_>>();
    drop(Store::open(directory.path(), Retention { bytes_max: 5000, ..ALL }).unwrap());
    assert_eq!(there(), [false, false, false, true, true, true, true, true]);
    drop(Store::open(directory.path(), Retention { bytes_max: 5000, age_max: Duration::from_secs(550) }).unwrap());
    assert_eq!(there(), [false, false, false, false, false, true, true, true]);
    // As it grows: the new one stays, and the oldest makes room.
    let store = Store::open(directory.path(), Retention { bytes_max: 3500, ..ALL }).unwrap();
    assert!(store.keep(memfd(&artifacts[0]), Sha256Digest::of(&artifacts[0]), 1000));
    counted(|| store.statistics(), |kept, _| kept == 1);
    assert_eq!(there(), [true, false, false, false, false, false, true, true]);
    assert_eq!(store.statistics().bytes.load(Ordering::Relaxed), 3000);
    assert!(!store.keep(memfd(&[1; 4000]), Sha256Digest::of(&[1; 4000]), 4000), "larger than the store may be");
    assert_eq!(store.statistics().dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_not_ours_is_not_touched() {
    let base = crate::make::directory();
    let directory = base.path().join("artifacts");
    drop(Shelf::open(&directory).unwrap());
    let outside = base.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("x".repeat(62)), b"foreign").unwrap();
    std::fs::write(outside.join("0".repeat(62)), b"foreign").unwrap();
    symlink(&outside, directory.join("00")).unwrap();
    std::fs::create_dir(directory.join("ab")).unwrap();
    symlink(outside.join("0".repeat(62)), directory.join("ab").join("1".repeat(62))).unwrap();
    std::fs::write(directory.join("ab").join("README"), b"foreign").unwrap();
    std::fs::write(directory.join("notes"), b"foreign").unwrap();
    let store = Store::open(&directory, Retention { bytes_max: 0, age_max: Duration::ZERO }).unwrap();
    let mut linked = [0x11; 32];
    linked[0] = 0xab;
    assert!(matches!(store.get(&Sha256Digest(linked)), Err(StoreError::System { .. })));
    assert!(matches!(store.get(&Sha256Digest([0; 32])), Err(StoreError::System { .. })));
    store.close();
    assert!(outside.join("0".repeat(62)).exists() && outside.join("x".repeat(62)).exists());
    assert!(directory.join("00").is_symlink() && directory.join("ab").join("1".repeat(62)).is_symlink());
    assert!(directory.join("notes").exists() && directory.join("ab/README").exists());
}

#[test]
fn what_is_damaged_is_not_handed_out() {
    let directory = crate::make::directory();
    keep(directory.path(), ALL, memfd(b"sound"), b"sound");
    let path = path_of(directory.path(), b"sound");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"soumd").unwrap();
    let shelf = Shelf::open(directory.path()).unwrap();
    let sha256 = Sha256Digest::of(b"sound");
    assert!(matches!(shelf.get(&sha256), Err(StoreError::Damaged { .. })));
    assert!(shelf.get(&sha256).unwrap().is_none());
    // Cut short by a power cut: the next time it is seen it is whole again.
    std::fs::write(&path, b"").unwrap();
    keep(directory.path(), ALL, memfd(b"sound"), b"sound");
    assert!(shelf.get(&sha256).unwrap().is_some());
}
