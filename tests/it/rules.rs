//! YARA rules as their writers meet them: checked, listed, tested, timed, and kept compiled.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{self, stakeout, stderr, stdout};

/// Hits files that hold the mark.
const GOOD: &str = "rule marked {\n  meta:\n    description = \"The mark is there.\"\n    weight = 6.0\n  \
                    strings:\n    $mark = \"the mark of this test\"\n  condition:\n    $mark\n}\n";
/// The third line lacks what it refers to.
const BROKEN: &str = "rule broken {\n  condition:\n    $nothing\n}\n";

/// A directory of rules, a place to keep them compiled, and a file they hit.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Bench {
        let bench = Bench { dir: TempDir::new().expect("the test can make a directory") };
        fs::create_dir_all(bench.path("rules/any")).expect("the directory is ours");
        for (name, text) in files {
            bench.write(name, text);
        }
        fs::write(bench.path("marked.txt"), "here is the mark of this test\n").expect("the directory is ours");
        bench
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("rules/any").join(name), text).expect("the directory is ours");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        stakeout()
            .env("XDG_CACHE_HOME", self.path("cache"))
            .current_dir(self.dir.path())
            .args(arguments)
            .output()
            .expect("the program can be started")
    }

    /// A worker program that notes what it is started for.
    fn counting_worker(&self) -> PathBuf {
        let (program, started) = (self.path("worker"), self.path("started"));
        let worker = program::example("daemon-examiner", "hostile_worker");
        let script = format!("#!/bin/sh\necho \"$*\" >> '{}'\nexec '{}' \"$@\"\n", started.display(), worker.display());
        // Written by another process: had we it open for writing while another test forks, it could not be started.
        let write = "printf %s \"$2\" > \"$1\" && chmod 700 \"$1\"";
        let status = Command::new("sh").args(["-c", write, "sh"]).arg(&program).arg(script).status();
        assert!(status.expect("there is a shell").success());
        program
    }

    /// How often rules were compiled by the counting worker so far.
    fn compilations(&self) -> usize {
        let started = fs::read_to_string(self.path("started")).unwrap_or_default();
        started.lines().filter(|line| line.contains("compile")).count()
    }
}

fn shipped() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../rules")
}

#[test]
fn the_rules_we_ship_pass_their_tests() {
    let output = stakeout().args(["rules", "test", shipped()]).output().expect("the program can be started");
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("0 failures, 0 without a case, 0 errors in the rules"), "{}", stdout(&output));
}

#[test]
fn a_test_that_fails_names_its_case_and_rule() {
    let bench = Bench::new(&[("own.yar", GOOD)]);
    let case = "[[case]]\nname = \"a miss that should hit\"\nhits = [\"marked\"]\nsample = [{ text = \"no mark\" }]\n";
    bench.write("own.test.toml", case);
    let output = bench.run(&["rules", "test", "rules"]);
    assert_eq!(output.status.code(), Some(2));
    for expected in ["a miss that should hit", "marked", "1 failure"] {
        assert!(stdout(&output).contains(expected), "{expected} is missing: {}", stdout(&output));
    }
}

#[test]
fn a_broken_file_is_shown_with_its_place_and_the_good_ones_load() {
    let bench = Bench::new(&[("good.yar", GOOD), ("broken.yar", BROKEN)]);
    let output = bench.run(&["rules", "check", "rules"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for expected in ["any/broken.yar:3:5", "^", "$nothing", "1 rule in 1 file usable; 1 error, 0 warnings"] {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
    let output = bench.run(&["scan", "--ndjson", "--rules", "rules", "marked.txt"]);
    assert!(stderr(&output).contains("any/broken.yar:3:5"), "{}", stderr(&output));
    let record: Value = serde_json::from_str(stdout(&output).lines().next().unwrap_or_default()).expect("it is JSON");
    assert_eq!(record["evidence"][0]["id"], "yara.any.good.marked", "{record}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_directory_without_a_rule_is_not_in_order() {
    let bench = Bench::new(&[]);
    let check = || bench.run(&["rules", "check", "rules"]);
    let output = check();
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("rule files are named *.yar, *.yara, *.rule or *.rules"), "{}", stderr(&output));
    bench.write("comment.yar", "// nothing yet\n");
    assert_eq!(check().status.code(), Some(1));
    bench.write("Own.RULES", GOOD);
    let output = check();
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("1 rule in 1 file usable"), "{}", stdout(&output));
}

#[test]
fn a_file_of_ones_own_that_is_called_like_one_of_ours_stands_beside_it() {
    let bench = Bench::new(&[("miners.yar", GOOD)]);
    let output = bench.run(&["scan", "--ndjson", "--rules", "rules", "marked.txt"]);
    assert!(stdout(&output).contains("yara.any.miners_2.marked"), "{}{}", stdout(&output), stderr(&output));
    assert!(!stderr(&output).contains("another file has this name"), "{}", stderr(&output));
    // From the cache as when it was compiled.
    let again = bench.run(&["scan", "--ndjson", "--rules", "rules", "marked.txt"]);
    assert!(stdout(&again).contains("yara.any.miners_2.marked"), "{}", stdout(&again));
}

#[test]
fn rules_ask_what_a_file_is_called_on_both_sides_of_the_wall() {
    let rule = "rule called { meta: weight = 6.0 condition: filename == \"marked.txt\" and extension == \".txt\" and \
                filepath startswith \"/\" and filetype == \"\" }\n";
    let bench = Bench::new(&[("own.yar", rule)]);
    fs::copy(bench.path("marked.txt"), bench.path("other.txt")).expect("the directory is ours");
    for more in [&[][..], &["--in-process"]] {
        let arguments = ["scan", "--ndjson", "--no-shipped-rules", "--rules", "rules", "marked.txt", "other.txt"];
        let output = bench.run(&[&arguments[..], more].concat());
        let of = |name: &str| {
            let records = stdout(&output).lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let record = records.into_iter().find(|record| record["path"] == name);
            record.unwrap_or_else(|| panic!("{name}: {}{}", stdout(&output), stderr(&output)))["verdict"].clone()
        };
        assert_eq!((of("marked.txt"), of("other.txt")), ("malicious".into(), "unknown".into()), "{more:?}");
    }
    let output = bench.run(&["explain", "--json", "--no-shipped-rules", "--rules", "rules", "marked.txt"]);
    assert!(stdout(&output).contains("yara.any.own.called"), "{}{}", stdout(&output), stderr(&output));
    let output = bench.run(&["scan", "--ndjson", "--no-shipped-rules", "--rules", "rules", "-"]);
    assert!(!stdout(&output).contains("yara.any.own.called"), "standard input has no name: {}", stdout(&output));
}

/// A part of a set that few files need is made ready by a worker behind its walls, when it is first needed.
#[test]
fn thousands_of_rules_hit_behind_the_walls_as_they_do_in_one_process() {
    let bench = Bench::new(&[]);
    let rule = |number: u32| {
        format!(
            "rule r{number} {{ strings: $a = \"rarely found {number:04}\" $b = \"beside {number:04}\" condition: all of them }}\n"
        )
    };
    bench.write("many.yar", &(0..2_000).map(rule).collect::<String>());
    fs::create_dir(bench.path("files")).expect("the directory is ours");
    for number in (0..2_000).step_by(100) {
        let text = format!("{number:04}: rarely found {number:04}, beside {number:04} and {:04}\n", number + 1);
        fs::write(bench.path(&format!("files/{number:04}")), text).expect("the directory is ours");
    }
    let hits = |more: &[&str]| -> Vec<String> {
        let arguments = ["scan", "-j1", "--ndjson", "--rules", "rules", "files"];
        let output = bench.run(&[&arguments, more].concat());
        let told = stdout(&output);
        let records = told.lines().map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
        let hit = |record: &Value| -> Vec<String> {
            assert!(record["incomplete"].as_array().is_none_or(Vec::is_empty), "{record}");
            let seen = record["evidence"].as_array().into_iter().flatten();
            seen.filter_map(|seen| seen["id"].as_str()).filter(|id| id.contains(".many.")).map(str::to_owned).collect()
        };
        let mut hits: Vec<String> = records.flat_map(|record| hit(&record)).collect();
        hits.sort();
        hits
    };
    let walled = hits(&[]);
    assert_eq!(walled.len(), 20, "{walled:?}");
    assert_eq!(walled, hits(&["--in-process"]));
}

#[test]
fn utility_rules_accuse_no_program_and_a_named_rule_keeps_one_from_benign() {
    let utilities = "rule domain { strings: $a = /[a-z]{2,8}/ condition: $a }\n\
                     rule contains_base64 { strings: $a = /[A-Za-z0-9+]{6}/ condition: $a }\n\
                     rule DebuggerCheck { meta: weight = 1 condition: uint32(0) == 0x464c457f }\n\
                     rule other { meta: weight = 100 condition: uint32(0) == 0x464c457f }\n";
    let bench = Bench::new(&[("utils.yar", utilities)]);
    fs::write(bench.path("program"), specimens::elf::tool().build()).expect("the directory is ours");
    let verdict = |rules: &str| {
        let output = bench.run(&["scan", "--ndjson", "--no-shipped-rules", "--rules", rules, "program"]);
        let record = stdout(&output).lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok());
        record.unwrap_or_else(|| panic!("{}{}", stdout(&output), stderr(&output)))
    };
    fs::create_dir(bench.path("none")).expect("the directory is ours");
    let without = verdict("none");
    assert_eq!(without["verdict"], "benign", "{without}");
    let with = verdict("rules");
    assert!(with["evidence"].as_array().is_some_and(|seen| seen.len() >= 3), "{with}");
    assert_eq!(with["verdict"], "benign", "{with}");
    bench.write("named.yar", "rule MALW_Foo { meta: weight = 0.1 condition: uint32(0) == 0x464c457f }\n");
    let named = verdict("rules");
    assert_eq!(named["verdict"], "unknown", "{named}");
    let output = bench.run(&["explain", "--no-shipped-rules", "--rules", "rules", "program"]);
    assert!(stdout(&output).contains("yara.any.named.MALW_Foo names malware"), "{}", stdout(&output));
}

#[test]
fn mistakes_are_told_to_machines_too() {
    let bench = Bench::new(&[("good.yar", GOOD), ("broken.yar", BROKEN)]);
    let output = bench.run(&["rules", "check", "--json", "rules"]);
    let mistakes: Value = serde_json::from_str(stdout(&output)).expect("the mistakes are JSON");
    let mistake = &mistakes[0];
    assert_eq!((&mistake["line"], &mistake["column"]), (&Value::from(3), &Value::from(5)), "{mistakes}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_is_no_text_or_no_file_is_passed_over_with_a_word() {
    let bench = Bench::new(&[("good.yar", GOOD)]);
    let rules = bench.path("rules/any");
    fs::write(rules.join("binary.yar"), b"\0\xff\xfe rule \0").expect("the directory is ours");
    fs::create_dir(rules.join("folder.yar")).expect("the directory is ours");
    std::os::unix::fs::symlink("/etc/passwd", rules.join("link.yar")).expect("the directory is ours");
    rustix::fs::mkfifoat(rustix::fs::CWD, rules.join("pipe.yar"), rustix::fs::Mode::RUSR).expect("a FIFO can be made");
    bench.write("include.yar", "include \"/etc/passwd\"\nrule x { condition: true }\n");
    let output = bench.run(&["scan", "--ndjson", "--no-shipped-rules", "--rules", "rules", "marked.txt"]);
    assert!(stdout(&output).contains("yara.any.good.marked"), "{}{}", stdout(&output), stderr(&output));
    for told in ["binary.yar", "include.yar"] {
        assert!(stderr(&output).contains(told), "{told} is not told: {}", stderr(&output));
    }
    assert!(!stderr(&output).contains("root:"), "an include was opened: {}", stderr(&output));
}

#[test]
fn rules_are_listed_for_people_and_machines() {
    let output = stakeout().args(["rules", "list", "--json"]).output().expect("the program can be started");
    let list: Value = serde_json::from_str(stdout(&output)).expect("the list is JSON");
    let list = list.as_array().expect("the list is an array");
    assert!(list.len() >= 30, "there are {} rules", list.len());
    for rule in list {
        assert!(rule["id"].as_str().is_some_and(|id| id.starts_with("yara.")), "{rule}");
        assert!(rule["description"].is_string() && rule["weight"].is_number() && rule["line"].is_number(), "{rule}");
    }
    let bench = Bench::new(&[("own.yar", GOOD)]);
    let output = bench.run(&["rules", "list", "rules"]);
    let text = stdout(&output);
    assert!(text.contains("+6.00") && text.contains("yara.any.own.marked") && text.contains("1 rule;"), "{text}");
}

#[test]
fn rules_are_timed_on_files_of_ones_own() {
    let bench = Bench::new(&[("own.yar", GOOD)]);
    let output = bench.run(&["rules", "bench", "rules", "--on", "marked.txt", "--json"]);
    let costs: Value = serde_json::from_str(stdout(&output)).expect("the costs are JSON");
    assert_eq!(costs[0]["hits"], 1, "{costs}");
    assert!(costs[0]["rule"].as_str().is_some_and(|rule| rule.ends_with(":marked")), "{costs}");
    let any = format!("{}/any", shipped());
    let output = bench.run(&["rules", "bench", any.as_str(), "--on", "marked.txt"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("each run alone on 1 file"), "{}", stdout(&output));
}

/// Lists the rules with a worker that counts how often it compiles; answers how often it did by now.
#[track_caller]
fn list(bench: &Bench, worker: &Path, more: &[&str]) -> usize {
    let worker = worker.to_str().expect("a temporary path is text");
    let output = bench.run(&[&["rules", "list", "rules", "--worker", worker][..], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("yara.any.own."), "{}", stdout(&output));
    bench.compilations()
}

#[test]
fn rules_are_compiled_once_and_again_when_they_change() {
    let bench = Bench::new(&[("own.yar", GOOD)]);
    let worker = bench.counting_worker();
    assert_eq!(list(&bench, &worker, &[]), 1);
    assert_eq!(list(&bench, &worker, &[]), 1, "what was compiled is kept");
    // As long as it was, and written within the same second: its time alone would not tell.
    bench.write("own.yar", &GOOD.replace("marked", "market"));
    assert_eq!(list(&bench, &worker, &[]), 2, "a changed file is compiled");
    bench.write("more.yar", &GOOD.replace("marked", "others"));
    assert_eq!(list(&bench, &worker, &[]), 3, "a new file is compiled");
    fs::remove_file(bench.path("rules/any/more.yar")).expect("the file is ours");
    assert_eq!(list(&bench, &worker, &[]), 3, "what was before a file came is still kept");
}

#[test]
fn rules_are_compiled_anew_where_nothing_is_to_be_kept() {
    let bench = Bench::new(&[("own.yar", GOOD)]);
    let worker = bench.counting_worker();
    for count in 1..3 {
        assert_eq!(list(&bench, &worker, &["--no-rules-cache"]), count);
    }
    assert!(!bench.path("cache").exists());
    let place = bench.path("place");
    let place = place.to_str().expect("a temporary path is text");
    for _ in 0..2 {
        assert_eq!(list(&bench, &worker, &["--rules-cache", place]), 3);
    }
    assert!(!bench.path("cache").exists());
}

#[test]
fn what_is_kept_is_private_and_damage_to_it_is_noticed() {
    let bench = Bench::new(&[("own.yar", GOOD)]);
    let worker = bench.counting_worker();
    list(&bench, &worker, &[]);
    let place = bench.path("cache/stakeout/rules");
    let kept: Vec<PathBuf> =
        fs::read_dir(&place).expect("it is there").map(|entry| entry.expect("it can be read").path()).collect();
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&place), 0o700);
    assert!(!kept.is_empty());
    for file in &kept {
        assert_eq!(mode(file), 0o600, "{}", file.display());
        let mut bytes = fs::read(file).expect("it is ours");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).expect("it is ours");
    }
    assert_eq!(list(&bench, &worker, &[]), 2, "what is damaged is compiled anew");
    assert_eq!(list(&bench, &worker, &[]), 2);
    // Others could have put it there.
    fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).expect("it is ours");
    assert_eq!(list(&bench, &worker, &[]), 3, "what others may write to is not used");
}
