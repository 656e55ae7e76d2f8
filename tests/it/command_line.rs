//! The program as its users run it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use specimens::eicar;
use tempfile::TempDir;

use crate::program::{stakeout, stderr, stdout};

/// A directory with one EICAR file and one text.
fn directory() -> TempDir {
    let dir = TempDir::new().expect("the test can make a directory");
    fs::write(dir.path().join("eicar.com"), eicar()).expect("the directory is ours");
    fs::write(dir.path().join("note.txt"), "nothing to see\n").expect("the directory is ours");
    dir
}

fn run(arguments: &[&str], path: &Path) -> Output {
    stakeout().args(arguments).arg(path).output().expect("the program can be started")
}

fn records(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

#[test]
fn exit_codes_are_those_of_clamscan() {
    let dir = directory();
    for (path, code) in
        [(dir.path().join("note.txt"), 0), (dir.path().join("eicar.com"), 1), (dir.path().join("gone"), 2)]
    {
        let output = run(&["scan"], &path);
        assert_eq!(output.status.code(), Some(code), "{}: {}", path.display(), stdout(&output));
    }
}

#[test]
fn eicar_is_named_with_its_reason_and_stake() {
    let output = run(&["scan"], directory().path());
    let text = stdout(&output);
    let line = text.lines().find(|line| line.contains("eicar.com")).expect("what is malicious is shown");
    assert!(
        line.starts_with("malicious") && line.contains("stake 0.9") && line.contains("[EICAR-Test-File]"),
        "{line}"
    );
    assert!(text.contains("eicar.file.test"), "{text}");
    assert!(!text.contains("note.txt"), "what does not stand out is not listed: {text}");
    assert!(text.contains("2 files"), "{text}");
}

#[test]
fn no_colours_where_there_is_no_terminal() {
    assert!(!stdout(&run(&["scan", "--all"], directory().path())).contains('\x1b'));
}

#[test]
fn ndjson_holds_the_fields_of_the_schema_and_ends_with_a_summary() {
    let output = run(&["scan", "--ndjson"], directory().path());
    let records = records(&output);
    let of_type = |name: &str| records.iter().filter(|record| record["type"] == name).count();
    assert_eq!((of_type("file"), of_type("summary")), (2, 1));
    assert_eq!(records.last().expect("there are lines")["type"], "summary");
    let documented =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json.md")).expect("docs/json.md is there");
    for record in records.iter().filter(|record| record["type"] == "file") {
        for field in [
            "schema",
            "path",
            "sha256",
            "size",
            "kind",
            "verdict",
            "confidence",
            "p_malicious",
            "family",
            "evidence",
            "incomplete",
            "rules_generation",
            "elapsed_us",
            "stake",
            "examined",
        ] {
            assert!(record.get(field).is_some(), "{field} is missing in {record}");
        }
        for (field, _) in record.as_object().expect("a line is an object") {
            assert!(documented.contains(&format!("`{field}`")), "{field} is not documented");
        }
    }
}

#[test]
fn json_is_one_document() {
    let output = run(&["scan", "--json"], directory().path());
    let document: Value = serde_json::from_str(stdout(&output)).expect("the document is JSON");
    assert_eq!(document["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["files"][0]["type"], "file");
    assert_eq!(document["summary"]["malicious"], 1);
    let empty = TempDir::new().expect("the test can make a directory");
    let output = run(&["scan", "--json"], empty.path());
    let document: Value = serde_json::from_str(stdout(&output)).expect("the document is JSON");
    assert_eq!(document["files"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_digest_is_that_of_the_file() {
    let dir = directory();
    let output = run(&["scan", "--ndjson"], &dir.path().join("eicar.com"));
    // Well known: the SHA-256 of the EICAR test file.
    let expected = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";
    assert_eq!(records(&output)[0]["sha256"], expected);
}

#[test]
fn explain_shows_every_step() {
    let dir = directory();
    let output = run(&["explain", "--min-bid", "0.1", "--max-bid", "0.5"], &dir.path().join("eicar.com"));
    let text = stdout(&output);
    for expected in
        ["eicar.file.test", "00000000  58 35 4f 21", "  sum\n", "log-odds", "malicious", "of 0.1 to 0.5 NCT"]
    {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    for command in ["scan", "explain"] {
        let mut child =
            stakeout().args([command, "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("it is piped").write_all(&eicar()).expect("it reads");
        assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(1), "{command}");
    }
}

#[test]
fn a_list_of_files_is_taken_with_nul_or_newline() {
    let dir = directory();
    let paths = [dir.path().join("eicar.com"), dir.path().join("note.txt")].map(|path| path.display().to_string());
    for (flags, separator) in [(&["--files-from", "-"][..], "\n"), (&["--files-from", "-", "-0"][..], "\0")] {
        let mut command = stakeout();
        command.args(["scan", "--ndjson"]).args(flags).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        child.stdin.take().expect("it is piped").write_all(paths.join(separator).as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(records(&output).len(), 3, "{}", stdout(&output));
    }
}

#[test]
fn what_is_no_file_is_passed_over_and_counted() {
    let dir = directory();
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("pipe"), rustix::fs::Mode::RUSR).expect("a FIFO can be made");
    std::os::unix::fs::symlink("/etc", dir.path().join("link")).expect("a link can be made");
    let output = run(&["scan"], dir.path());
    assert!(stdout(&output).contains("Skipped: FIFOs 1, symbolic links 1"), "{}", stdout(&output));
}

#[test]
fn a_directory_that_cannot_be_read_is_named() {
    let output = run(&["scan"], Path::new("/nonexistent/place"));
    assert!(stdout(&output).contains("/nonexistent/place: no such file or directory"), "{}", stdout(&output));
}

#[test]
fn a_file_too_large_is_unknown_with_the_reason() {
    let dir = directory();
    let output = run(&["scan", "--ndjson", "--max-size", "10"], &dir.path().join("eicar.com"));
    let record = &records(&output)[0];
    assert_eq!((&record["verdict"], &record["incomplete"][0]), (&Value::from("unknown"), &Value::from("limit.size")));
    assert_eq!(
        (&record["sha256"], &record["size"], &record["kind"]),
        (&Value::Null, &Value::from(68), &Value::from("eicar"))
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn rules_of_ones_own_are_checked_with_suggestions() {
    let dir = TempDir::new().expect("the test can make a directory");
    let weights =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/weights.toml")).expect("we ship weights");
    fs::write(dir.path().join("weights.toml"), weights.replacen("eicar.file.test", "eicar.file.tset", 1))
        .expect("ours");
    let output = stakeout().args(["indicators", "--rules"]).arg(dir.path()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean `eicar.file.test`?"), "{}", stderr(&output));
    let output = stakeout().args(["indicators", "--rules", "/nonexistent"]).output().expect("it starts");
    assert!(stderr(&output).contains("cannot read the rules directory \"/nonexistent\""), "{}", stderr(&output));
    let output = stakeout().args(["indicators", "--no-yara", "--rules", "/nonexistent"]).output().expect("it starts");
    assert!(stderr(&output).contains("cannot read the rules directory \"/nonexistent\""), "{}", stderr(&output));
}

#[test]
fn the_catalogue_is_listed_for_people_and_machines() {
    let output = stakeout().args(["indicators", "--json", "pe."]).output().expect("it starts");
    let list: Value = serde_json::from_str(stdout(&output)).expect("the list is JSON");
    let list = list.as_array().expect("the list is an array");
    assert!(
        list.len() >= 25
            && list.iter().all(|indicator| indicator["id"].as_str().is_some_and(|id| id.starts_with("pe.")))
    );
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        let output = stakeout().args(["completions", shell]).output().expect("it starts");
        assert!(stdout(&output).contains("files-from"), "{shell}");
    }
    let dir = TempDir::new().expect("the test can make a directory");
    assert!(stakeout().args(["man", "--dir"]).arg(dir.path()).status().expect("it starts").success());
    for page in ["stakeout.1", "stakeout-scan.1", "stakeout-explain.1"] {
        assert!(dir.path().join(page).is_file(), "{page}");
    }
}

#[test]
fn triage_counts_kinds() {
    let output = run(&["triage", "--json"], directory().path());
    let counts: Value = serde_json::from_str(stdout(&output)).expect("the counts are JSON");
    assert_eq!((&counts["kinds"]["eicar"], &counts["kinds"]["text"]), (&Value::from(1), &Value::from(1)));
}

#[test]
fn triage_gives_the_same_kinds_whichever_way_files_are_read() {
    let list = |io: &str| {
        let output =
            stakeout().args(["triage", "--list", "--io", io, "/usr/bin", "/usr/sbin"]).output().expect("it starts");
        let mut lines: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let plain = list("plain");
    assert!(plain.len() > 100);
    assert_eq!(plain, list("uring"));
    assert_eq!(plain, list("auto"));
}

#[test]
fn an_interrupt_prints_the_summary_so_far() {
    let dir = directory();
    let note = format!("{}\n", dir.path().join("note.txt").display());
    let mut command = stakeout();
    command.args(["scan", "--ndjson", "--files-from", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut list = child.stdin.take().expect("it is piped");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    list.write_all(note.as_bytes()).expect("it reads");
    let first = lines.next().expect("a file is done").expect("it prints UTF-8");
    assert!(first.contains("note.txt"), "{first}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the child is ours");
    // Standard input stays open: it is the signal that ends the list.
    let last = lines.map(|line| line.expect("it prints UTF-8")).last().expect("there is a summary");
    let summary: Value = serde_json::from_str(&last).expect("the summary is JSON");
    assert_eq!((&summary["type"], &summary["interrupted"]), (&Value::from("summary"), &Value::from(true)));
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    drop(list);
}

#[test]
fn an_interrupted_standard_input_is_not_judged_by_its_first_half() {
    let mut command = stakeout();
    command.args(["scan", "--ndjson", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("it is piped");
    // More than a pipe holds: when this returns, the program is reading.
    input.write_all(&vec![b'x'; 1 << 20]).expect("it reads");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the child is ours");
    let output = child.wait_with_output().expect("it ends");
    assert!(records(&output).iter().all(|record| record["type"] != "file"), "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(130));
    drop(input);
}

#[test]
fn a_broken_list_loses_nothing_that_was_found() {
    let dir = directory();
    let mut list = format!("{}\n", dir.path().join("eicar.com").display()).into_bytes();
    list.extend(std::iter::repeat_n(b'x', 100_000));
    fs::write(dir.path().join("list"), list).expect("the directory is ours");
    let output = run(&["scan", "--json", "--files-from"], &dir.path().join("list"));
    let document: Value = serde_json::from_str(stdout(&output)).expect("the document is JSON");
    assert_eq!((&document["summary"]["malicious"], &document["summary"]["failed"]), (&Value::from(1), &Value::from(1)));
    let output = run(&["scan", "--json", "--files-from"], Path::new("/nonexistent"));
    assert_eq!((stdout(&output), output.status.code()), ("", Some(2)));
}

#[test]
fn what_lies_too_deep_is_no_clean_bill() {
    let dir = TempDir::new().expect("the test can make a directory");
    // Deeper than the walk goes (256), in steps short enough for one path each.
    let mut at = dir.path().to_owned();
    for _ in 0..270 {
        at.push("d");
    }
    fs::create_dir_all(&at).expect("the directory is ours");
    let output = run(&["scan"], dir.path());
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stdout(&output).contains("directories too deep 1"), "{}", stdout(&output));
}

#[test]
fn few_open_files_slow_a_scan_but_lose_nothing() {
    let dir = TempDir::new().expect("the test can make a directory");
    for index in 0..500 {
        let below = dir.path().join(format!("d{index}"));
        fs::create_dir(&below).expect("the directory is ours");
        fs::write(below.join("eicar.com"), eicar()).expect("the directory is ours");
    }
    let shell =
        format!("ulimit -n 96; exec {} scan --ndjson {}", crate::program::path().display(), dir.path().display());
    let output = std::process::Command::new("sh").args(["-c", &shell]).output().expect("there is a shell");
    let summary = records(&output).pop().expect("there is a summary");
    assert_eq!((&summary["malicious"], &summary["failed"]), (&Value::from(500), &Value::from(0)));
}

#[test]
fn failures_are_told_even_where_no_summary_is_wanted() {
    let output = run(&["scan", "--quiet"], Path::new("/nonexistent"));
    assert!(stderr(&output).contains("/nonexistent: no such file or directory"), "{}", stderr(&output));
    let output = run(&["triage", "--list"], Path::new("/nonexistent"));
    assert!(stderr(&output).contains("/nonexistent: no such file or directory"), "{}", stderr(&output));
}

#[test]
fn explain_gives_the_reason_for_a_file_too_large() {
    let dir = directory();
    let output = run(&["explain", "--json", "--max-size", "10"], &dir.path().join("eicar.com"));
    let record: Value = serde_json::from_str(stdout(&output)).expect("the object is JSON");
    assert_eq!((&record["incomplete"][0], &record["kind"]), (&Value::from("limit.size"), &Value::from("eicar")));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut command = stakeout();
    command.args(["scan", "--ndjson", "/usr/bin"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(lines.next().is_some());
    drop(lines);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((stderr(&output), output.status.code()), ("", Some(141)));
}

#[test]
fn the_readme_commands_are_the_ones_there_are() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("there is a README");
    assert!(readme.contains("cargo run --release -- demo") && readme.contains("tests/run"));
    let help = stakeout().arg("--help").output().expect("it starts");
    for command in [
        "demo",
        "scan",
        "explain",
        "triage",
        "rules",
        "daemon",
        "config",
        "archive",
        "outcomes",
        "report",
        "backtest",
        "purse",
        "local-market",
        "webhook",
        "doctor",
        "indicators",
        "completions",
        "man",
    ] {
        assert!(stdout(&help).contains(command), "{command}");
    }
}
