//! Files that want to hang, crash or grow us, given to the program as a user would.
//!
//! Each must end by itself, with a record, within 256 MiB above what an empty file costs. Times are printed, not
//! judged: run with `--nocapture` to read them; a hang is what the test harness would show.
//!
//! Memory is the most that the program or any process below it held, workers too. A test shows that what a worker takes
//! is seen.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use specimens::elf::{self, elf};
use specimens::pe::{CODE, pe};
use tempfile::TempDir;

use crate::program::{self, stakeout};

/// Most memory a hostile file may cost above an empty one.
pub(crate) const MEMORY_MAX: u64 = 256 << 20;

pub(crate) struct RunResult {
    pub record: Value,
    pub code: Option<i32>,
    pub elapsed: Duration,
    pub memory: u64,
    pub text: String,
}

/// Scans `path` alone; answers its record and what it cost.
fn scan(path: &Path) -> RunResult {
    run(stakeout().args(["scan", "--ndjson"]).arg(path), path)
}

/// Runs `command`, which is to print a record of `path` first, below the example `peak`, which measures it.
pub(crate) fn run(command: &Command, path: &Path) -> RunResult {
    let measured = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let mut launcher = Command::new(program::example("testkit", "peak"));
    launcher.arg(measured.path()).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => launcher.env(name, value),
            None => launcher.env_remove(name),
        };
    }
    let begun = Instant::now();
    let output = launcher.stderr(Stdio::inherit()).output().expect("the program can be started");
    let elapsed = begun.elapsed();
    let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let measured = fs::read_to_string(measured.path()).expect("what was measured is text");
    let (code, memory) = measured.split_once(' ').unwrap_or_else(|| panic!("{}: not measured", path.display()));
    let memory: u64 = memory.parse().expect("memory is a number");
    let first = text.lines().next().unwrap_or_default();
    let record = serde_json::from_str(first).unwrap_or_else(|error| panic!("{}: {error}: {text}", path.display()));
    eprintln!("{:>8.1} ms {:>8} KiB  {}", elapsed.as_secs_f64() * 1e3, memory / 1024, path.display());
    RunResult { record, code: code.parse().ok(), elapsed, memory, text }
}

/// Keeps, for the table of promises, the worst time and memory of all that the test that calls it scans.
pub(crate) fn keep_worst(elapsed: Duration, above_idle: u64) {
    static WORST: Mutex<BTreeMap<String, (usize, Duration, u64)>> = Mutex::new(BTreeMap::new());
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.rsplit("::").next()).expect("a test runs on a thread with its name");
    let mut all = WORST.lock().expect("nobody panics with it");
    let worst = all.entry(test.to_owned()).or_default();
    *worst = (worst.0 + 1, worst.1.max(elapsed), worst.2.max(above_idle));
    let (scans, elapsed, memory) = worst;
    let figure = format!(
        "{scans} scans, the worst {:.1} s with the start of a test build, {} MiB above idle",
        elapsed.as_secs_f64(),
        *memory >> 20
    );
    testkit::keep_figure(Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/promises")), test, &figure);
}

fn idle(dir: &TempDir) -> u64 {
    let path = dir.path().join("empty");
    fs::write(&path, b"").expect("the directory is ours");
    scan(&path).memory
}

pub(crate) fn temporary() -> TempDir {
    TempDir::new().expect("the test can make a directory")
}

/// Writes and scans each; what is checked of all of them is checked here.
fn check_all(files: &[(&str, Vec<u8>)]) -> Vec<Value> {
    let dir = temporary();
    let idle = idle(&dir);
    let check = |(name, bytes): &(&str, Vec<u8>)| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).expect("the directory is ours");
        let outcome = scan(&path);
        assert_eq!(outcome.record["type"], "file", "{name}: {}", outcome.record);
        assert!(outcome.code.is_some(), "{name} killed the program");
        assert!(outcome.memory <= idle + MEMORY_MAX, "{name} took {} bytes of memory", outcome.memory);
        keep_worst(outcome.elapsed, outcome.memory.saturating_sub(idle));
        for why in outcome.record["incomplete"].as_array().into_iter().flatten() {
            assert!(!why.as_str().unwrap_or_default().starts_with("panic"), "{name}: {why}");
        }
        outcome.record
    };
    files.iter().map(check).collect()
}

#[test]
fn memory_that_a_worker_takes_is_seen() {
    let dir = temporary();
    let path = dir.path().join("allocate");
    fs::write(&path, "hostile:allocate").expect("the directory is ours");
    let worker = program::example("daemon-examiner", "hostile_worker");
    let outcome = run(stakeout().args(["scan", "--ndjson", "--no-yara", "--worker"]).arg(worker).arg(&path), &path);
    assert_eq!(outcome.record["verdict"], "unknown");
    // It asks for more than it is allowed, so it comes close to that.
    assert!(outcome.memory > 128 << 20, "{} bytes were seen", outcome.memory);
}

#[test]
fn tiny_files_are_scanned() {
    let records =
        check_all(&[("none", vec![]), ("one", vec![0x4d]), ("mz", b"MZ".to_vec()), ("magic", b"\x7fELF".to_vec())]);
    let kinds: Vec<_> = records.iter().map(|record| record["kind"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds[0], "empty");
    assert!(kinds[1..].iter().all(|kind| *kind != "empty"), "{kinds:?}");
    assert!(records.iter().all(|record| record["verdict"] != "malicious"), "{records:#?}");
}

#[test]
fn a_hundred_thousand_imports_are_counted_not_collected() {
    let names: Vec<String> = (0..100_000).map(|index| format!("Function{index}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let image = pe().section(".text", CODE, b"\xc3").import("kernel32.dll", &names).build();
    let record = &check_all(&[("imports", image)])[0];
    assert_eq!(record["kind"], "pe32.exe");
}

#[test]
fn imports_that_point_at_each_other_end() {
    // 1 MiB in which every import descriptor shares one table of 65,000 thunks: what a library that collects
    // before it counts makes 20 GiB of.
    let mut image = pe().section(".text", CODE, vec![0x41; 1 << 20]).import("kernel32.dll", &["Beep"]).build();
    let section = image.len() - (1 << 20);
    for at in (section..image.len().saturating_sub(20)).step_by(20) {
        image[at..at + 20].copy_from_slice(&[0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x20, 0, 0]);
    }
    check_all(&[("thunks", image)]);
}

#[test]
fn counts_and_offsets_of_all_ones_are_refused() {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let (pe_image, elf_image) = (pe().import("kernel32.dll", &["Beep"]).build(), elf::ordinary().build());
    for (name, image, head) in [("pe", &pe_image, 0x200usize), ("elf", &elf_image, 0x80)] {
        for width in [2usize, 4, 8] {
            for at in (4..head - width).step_by(4) {
                let mut broken = image.clone();
                broken[at..at + width].fill(0xff);
                files.push((format!("{name}-{at}-{width}"), broken));
            }
        }
    }
    let dir = temporary();
    for (name, bytes) in &files {
        fs::write(dir.path().join(name), bytes).expect("the directory is ours");
    }
    let idle = idle(&dir);
    // One run for all: starting a thousand times would test the patience of who waits.
    let outcome = scan(dir.path());
    assert!(outcome.memory <= idle + MEMORY_MAX, "they took {} bytes of memory", outcome.memory);
    assert_eq!(outcome.text.matches("\"type\":\"file\"").count(), files.len() + 1);
    assert!(!outcome.text.contains("panic."), "an analyzer panicked");
}

#[test]
fn every_truncation_of_small_images_is_scanned() {
    // One run for all of them: 4,000 starts would only test the patience of who waits.
    let dir = temporary();
    let images = [("pe", pe().import("kernel32.dll", &["VirtualAllocEx"]).build()), ("elf", elf::ordinary().build())];
    let mut files = 0;
    for (name, image) in images {
        for length in 0..image.len().min(4096) {
            fs::write(dir.path().join(format!("{name}-{length}")), &image[..length]).expect("the directory is ours");
            files += 1;
        }
    }
    let output = stakeout().args(["scan", "--ndjson"]).arg(dir.path()).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(records.iter().filter(|record| record["type"] == "file").count(), files);
    assert!(!text.contains("panic."), "an analyzer panicked");
}

#[test]
fn a_sparse_file_of_four_gibibytes_is_unknown_at_once() {
    let dir = temporary();
    let idle = idle(&dir);
    let path = dir.path().join("sparse");
    let file = File::create(&path).expect("the directory is ours");
    file.set_len(4 << 30).expect("the file system has sparse files");
    file.write_all_at(b"MZ", 0).expect("the file is ours");
    let outcome = scan(&path);
    assert_eq!(outcome.record["verdict"], "unknown");
    assert_eq!(outcome.record["incomplete"][0], "limit.size");
    assert!(outcome.memory <= idle + MEMORY_MAX);
}

#[test]
fn a_file_as_large_as_is_allowed_is_scanned_within_memory() {
    let dir = temporary();
    let idle = idle(&dir);
    for (name, head) in [("large.exe", pe().build()), ("large.elf", elf::ordinary().build())] {
        let path = dir.path().join(name);
        let mut file = File::create(&path).expect("the directory is ours");
        file.write_all(&head).expect("the file is ours");
        file.set_len(256 << 20).expect("the file system has sparse files");
        let outcome = scan(&path);
        assert_eq!(outcome.record["type"], "file");
        assert!(outcome.memory <= idle + MEMORY_MAX + (64 << 20), "{name} took {} bytes of memory", outcome.memory);
    }
}

#[test]
fn a_fifo_given_by_name_is_refused_and_not_waited_for() {
    let dir = temporary();
    let path = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).expect("a FIFO can be made");
    let outcome = scan(&path);
    assert_eq!((&outcome.record["type"], outcome.code), (&Value::from("failure"), Some(2)));
    assert!(outcome.record["error"].as_str().is_some_and(|error| error.contains("fifo")), "{}", outcome.record);
}

#[test]
fn a_file_cut_and_rewritten_while_it_is_scanned_does_no_harm() {
    let dir = temporary();
    let path = dir.path().join("unsteady");
    let image = elf().load(elf::R | elf::X, elf::noise(24 << 20, 3)).build();
    fs::write(&path, &image).expect("the directory is ours");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let file = File::options().write(true).open(&path).expect("the file is ours");
            while !done.load(Ordering::Relaxed) {
                file.set_len(4096).expect("the file is ours");
                file.write_all_at(&image, 0).expect("the file is ours");
                file.write_all_at(&image[..1 << 20], 8 << 20).expect("the file is ours");
            }
        });
        let mut noticed = 0;
        for _ in 0..40 {
            let outcome = scan(&path);
            assert!(outcome.code.is_some(), "the program was killed");
            assert_eq!(outcome.record["type"], "file");
            // Whatever it saw: if not the whole file held still, it does not say benign.
            let incomplete = outcome.record["incomplete"].as_array().is_some_and(|reasons| !reasons.is_empty());
            assert!(!incomplete || outcome.record["verdict"] != "benign", "{}", outcome.record);
            noticed +=
                usize::from(outcome.text.contains("\"file.truncated\"") || outcome.text.contains("\"file.changed\""));
        }
        // The writer never rests, so a scanner that looks would be blind to miss every one of them.
        assert!(noticed > 0, "no change was noticed in 40 scans");
        done.store(true, Ordering::Relaxed);
        writer.join().expect("the writer does not panic");
    });
}
