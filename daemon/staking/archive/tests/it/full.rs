use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use daemon_archive::{Retention, Sqlite, Store};
use daemon_artifact::Sha256Digest;
use daemon_journal::{Filter, Journal, JournalError, Recall, Write, WriteResult};

use crate::make::{answer, bounty, key};
use crate::store::{counted, memfd};

/// A small file system, unmounted with it.
struct Small {
    path: PathBuf,
    _base: tempfile::TempDir,
}

impl Small {
    /// None, and a word about it, where this process may not mount.
    fn mount(size: &str) -> Option<Small> {
        let base = crate::make::directory();
        let path = base.path().join("small");
        std::fs::create_dir(&path).unwrap();
        let options = format!("size={size},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Small { path, _base: base }),
            other => {
                // Past the capture of tests: what cannot run here is counted by tests/run.
                let why = format!("SKIPPED: a small file system cannot be mounted here (are you root?): {other:?}\n");
                let _ = std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes());
                None
            }
        }
    }

    /// Takes all the room there is.
    fn fill(&self) -> PathBuf {
        let path = self.path.join("ballast");
        let mut file = File::create(&path).unwrap();
        while file.write(&[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn batch(n: usize) -> [Write; 2] {
    let key = key(&n.to_string());
    [bounty(&key), answer(&key, &"x".repeat(20_000))]
}

/// Writes until it is told that there is no room; how many batches had some.
fn write_until_full(journal: &mut dyn Journal, first: usize) -> usize {
    for n in first..first + 10_000 {
        match journal.commit(&batch(n)) {
            Ok(written) => assert_eq!(written, [WriteResult::Fresh, WriteResult::Fresh]),
            Err(error) => {
                assert!(matches!(error, JournalError::Full), "{error:?}");
                return n;
            }
        }
        journal.rest(n % 7 == 0).unwrap();
    }
    panic!("it never got full");
}

#[track_caller]
fn check_whole(journal: &dyn Recall, batches: usize) {
    let counts = journal.counts().unwrap();
    assert_eq!((counts.bounties, counts.answers), (batches as u64, batches as u64));
    assert_eq!(journal.query(&Filter::default(), 1).unwrap()[0].bounty.key, key(&(batches - 1).to_string()));
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
}

#[test]
fn a_full_disk_stops_the_journal_until_there_is_room() {
    let Some(small) = Small::mount("4m") else { return };
    let directory = small.path.join("archive");
    // Who opens a journal takes it over, which is written down: that needs a little room.
    let reserve = small.path.join("reserve");
    std::fs::write(&reserve, [1; 64 << 10]).unwrap();
    let mut journal = Sqlite::open(&directory).unwrap();
    journal.commit(&batch(0)).unwrap();
    let ballast = small.fill();
    let full = write_until_full(&mut journal, 1);
    for _ in 0..3 {
        assert!(matches!(journal.commit(&batch(full)), Err(JournalError::Full)));
    }
    journal.rest(true).unwrap();
    check_whole(&journal, full);
    std::fs::remove_file(&ballast).unwrap();
    let further = write_until_full(&mut journal, full);
    assert!(further > full);
    check_whole(&journal, further);
    drop(journal);
    std::fs::remove_file(&reserve).unwrap();
    check_whole(&Sqlite::open(&directory).unwrap(), further);
}

#[test]
fn a_store_on_a_full_disk_gives_up_and_sweeps() {
    let Some(small) = Small::mount("3584k") else { return };
    let path: &Path = &small.path.join("artifacts");
    let retention = Retention { bytes_max: u64::MAX, age_max: std::time::Duration::MAX };
    let store = Store::open(path, retention).unwrap();
    let artifact = |n: u8| vec![n; 1 << 20];
    for n in 0..4 {
        let bytes = artifact(n);
        assert!(store.keep(memfd(&bytes), Sha256Digest::of(&bytes), 1 << 20));
        counted(|| store.statistics(), |kept, full| kept + full == u64::from(n) + 1);
    }
    counted(|| store.statistics(), |kept, full| (kept, full) == (3, 1));
    let bytes = artifact(9);
    assert!(store.keep(memfd(&bytes), Sha256Digest::of(&bytes), 1 << 20));
    counted(|| store.statistics(), |kept, full| (kept, full) == (4, 1));
    assert!(store.get(&Sha256Digest::of(&bytes)).unwrap().is_some());
    assert!(store.get(&Sha256Digest::of(&artifact(0))).unwrap().is_none(), "the oldest is swept");
}
