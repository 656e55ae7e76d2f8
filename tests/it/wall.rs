//! The wall, with an analyzer behind it that does its worst, and the same reports on both sides of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{self, stakeout, stderr, stdout};

/// How much later than at its limit a file may be answered, the start of the program included: that takes some 50 ms
/// in a test build.
const LATE_MAX: Duration = Duration::from_millis(2_000);

fn hostile_worker() -> PathBuf {
    program::example("daemon-examiner", "hostile_worker")
}

fn hostile(directory: &Path, words: &[&str]) {
    for word in words {
        fs::write(directory.join(word), format!("hostile:{word}")).expect("the directory is ours");
    }
}

/// The records of a scan by one walled worker, by file name; no file may take longer than a second.
fn scan(directory: &Path, more: &[&str]) -> (Vec<(String, Value)>, Option<i32>) {
    scan_for("1", directory, more)
}

/// The same with another time for a file.
fn scan_for(seconds: &str, directory: &Path, more: &[&str]) -> (Vec<(String, Value)>, Option<i32>) {
    let output = stakeout()
        .args(["scan", "--ndjson", "--no-yara", "-j1", "--max-time", seconds])
        .arg("--worker")
        .arg(hostile_worker())
        .args(more)
        .arg(directory)
        .output()
        .expect("the program can be started");
    let records = stdout(&output).lines().filter_map(|line| {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let name = Path::new(record["path"].as_str()?).file_name()?.to_str()?.to_owned();
        Some((name, record))
    });
    let records: Vec<_> = records.collect();
    assert!(!records.is_empty(), "{}", stderr(&output));
    (records, output.status.code())
}

#[track_caller]
fn reasons(records: &[(String, Value)], name: &str) -> String {
    let record = &records.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name} is lost")).1;
    assert_eq!(record["verdict"], "unknown", "{name}: {record}");
    let reasons = record["incomplete"].as_array().into_iter().flatten().filter_map(Value::as_str);
    reasons.collect::<Vec<_>>().join(" ")
}

#[test]
fn whatever_an_analyzer_does_ends_one_file_with_its_reason_and_nothing_else() {
    let directory = TempDir::new().expect("the test can make a directory");
    let crashes = ["abort", "overflow", "segfault"];
    let escapes = ["open", "create", "socket", "connect", "io_uring", "signal", "thread", "exec"];
    hostile(directory.path(), &crashes);
    hostile(directory.path(), &escapes);
    hostile(directory.path(), &["panic", "spin"]);
    fs::write(directory.path().join("zz-good"), specimens::elf::ordinary().build()).expect("the directory is ours");
    let begun = Instant::now();
    let (mut records, code) = scan(directory.path(), &[]);
    let elapsed = begun.elapsed();
    eprintln!("all of them took {elapsed:?}");
    assert_eq!(code, Some(2));
    assert!(elapsed < Duration::from_secs(1) + LATE_MAX * 4, "{elapsed:?}");
    assert_eq!(reasons(&records, "panic"), "panic.hostile");
    assert_eq!(reasons(&records, "spin"), "limit.time");
    // With time enough, so that memory is what runs out on a busy machine too.
    let greedy = TempDir::new().expect("the test can make a directory");
    hostile(greedy.path(), &["allocate"]);
    records.extend(scan_for("60", greedy.path(), &[]).0);
    let allocate = reasons(&records, "allocate");
    assert!(allocate.contains("memory"), "{allocate}");
    for name in crashes {
        let why = reasons(&records, name);
        eprintln!("{name}: {why}");
        assert!(why.starts_with("crash."), "{name}: {why}");
    }
    for name in escapes {
        let why = reasons(&records, name);
        eprintln!("{name}: {why}");
        assert!(why == "panic.hostile" || why.contains("SIGSYS"), "{name}: {why}");
    }
    // What it is was told by another worker, which did not look into it: the first bytes alone say nothing of a text.
    for name in ["allocate", "spin", "abort"] {
        let record = &records.iter().find(|(known, _)| known == name).expect("it was scanned").1;
        assert_eq!(record["kind"], "text", "{name}: {record}");
    }
    let good = &records.iter().find(|(name, _)| name == "zz-good").expect("it was scanned").1;
    assert_eq!(good["incomplete"].as_array().map(Vec::len), Some(0), "{good}");
    for (name, record) in &records {
        assert!(record["sha256"].is_string() && record["size"].is_u64(), "{name} cannot be looked up: {record}");
    }
    assert!(!Path::new("/tmp/stakeout-escaped").exists());
}

#[test]
fn a_worker_has_as_much_memory_as_it_is_given_and_the_file_keeps_its_kind() {
    let directory = TempDir::new().expect("the test can make a directory");
    hostile(directory.path(), &["allocate"]);
    let (records, _) = scan_for("60", directory.path(), &["--max-memory", "16M"]);
    assert!(reasons(&records, "allocate").contains("memory"));
    let allocate = &records.iter().find(|(name, _)| name == "allocate").expect("it was scanned").1;
    assert_eq!(allocate["kind"], "text", "{allocate}");
    let output = stakeout().args(["scan", "--max-memory", "1M", "/dev/null"]).output().expect("it can be started");
    assert!(stderr(&output).contains("at least 16M"), "{}", stderr(&output));
}

#[test]
fn what_killed_two_workers_gets_no_third() {
    let directory = TempDir::new().expect("the test can make a directory");
    for name in ["1", "2", "3", "4"] {
        fs::write(directory.path().join(name), "hostile:abort").expect("the directory is ours");
    }
    let (records, _) = scan(directory.path(), &[]);
    let poisonous = records.iter().filter(|(name, _)| reasons(&records, name) == "crash.poisonous").count();
    assert_eq!((records.len(), poisonous), (4, 2));
}

#[test]
fn reports_are_the_same_on_both_sides_of_the_wall() {
    let directory = TempDir::new().expect("the test can make a directory");
    let path = |name: &str| directory.path().join(name);
    let files = [
        ("plain.exe", specimens::pe::ordinary().build()),
        ("packed.elf", specimens::elf::upx_like().upx_magic().build()),
        ("plain.elf", specimens::elf::ordinary().build()),
        ("eicar.com", specimens::eicar()),
        ("text.txt", b"nothing to see\n".to_vec()),
        ("empty", Vec::new()),
        ("large.bin", vec![7; 3 << 20]),
        ("cut.exe", specimens::pe::ordinary().build()[..300].to_vec()),
    ];
    for (name, bytes) in &files {
        fs::write(path(name), bytes).expect("the directory is ours");
    }
    let scan = |more: &[&str]| {
        let output = stakeout().args(["scan", "--json", "-j1"]).args(more).arg(directory.path()).output();
        let output = output.expect("the program can be started");
        let mut document: Value =
            serde_json::from_str(stdout(&output)).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)));
        let mut files = document["files"].take().as_array().cloned().unwrap_or_default();
        for file in &mut files {
            file["elapsed_us"].take();
        }
        files.sort_by_key(|file| file["path"].to_string());
        files
    };
    let walled = scan(&[]);
    assert_eq!(walled.len(), files.len());
    assert_eq!(walled, scan(&["--in-process"]));
}
