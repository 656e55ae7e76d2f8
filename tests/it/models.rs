//! Models that a directory of rules brings: in the place of those built in, checked in full, loaded anew while the old ones
//! judge.

use std::os::unix::fs::symlink;
use std::path::Path;

use daemon_engine::MEASURE_SETS;
use daemon_local_market::TestMarket;
use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::DaemonHome;
use crate::program::{stakeout, stderr, stdout};
use crate::reload::{status, until};

/// The version of the measures of a family.
fn version(family: &str) -> u32 {
    MEASURE_SETS.iter().find(|set| set.family == family).expect("files of this family are measured").version
}

/// A model that says the same of every file.
pub(crate) fn constant(family: &str, margin: f64) -> Value {
    json!({
        "version": 1, "family": family, "measures_version": version(family),
        "made": { "rows": 1200, "malicious": 345, "evidence": "0123456789abcdef0123" },
        "measures": [],
        "join": {
            "intercept": 0, "model": 1, "indicators": 0.5, "floor": 0.01, "ceiling": 0.995, "alone": 0.97, "signs": false,
            "benign": 0.2, "benign_sum": 1.5,
        },
        "trees": [[[margin]]],
    })
}

/// Directories of rules, and an ordinary ELF program beside them.
struct ModelBench(TempDir);

impl ModelBench {
    fn new() -> ModelBench {
        let dir = TempDir::new().expect("the test can make a directory");
        std::fs::write(dir.path().join("tool"), specimens::elf::tool().build()).expect("the directory is ours");
        ModelBench(dir)
    }

    fn write(&self, name: &str, text: &str) -> &ModelBench {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in a directory")).expect("the directory is ours");
        std::fs::write(path, text).expect("the directory is ours");
        self
    }

    /// The report on the program.
    fn report(&self, directories: &[&str]) -> Result<Value, String> {
        let mut command = stakeout();
        command.current_dir(self.0.path()).args(["scan", "--ndjson", "--no-yara", "tool"]);
        for directory in directories {
            command.args(["--rules", directory]);
        }
        let output = command.output().expect("it starts");
        if output.status.code() == Some(2) {
            return Err(stderr(&output).to_owned());
        }
        let line = stdout(&output).lines().next().expect("a line for the file, then one for all");
        Ok(serde_json::from_str(line).expect("a line is JSON"))
    }

    #[track_caller]
    fn refused(&self, directories: &[&str], why: &[&str]) {
        let told = self.report(directories).expect_err("it cannot be used");
        assert!(why.iter().all(|part| told.contains(part)), "{why:?}: {told}");
    }
}

#[test]
fn a_directory_that_brings_numbers_alone_is_nothing_to_complain_about() {
    let bench = ModelBench::new();
    let check = |directory: &str| {
        let output =
            stakeout().current_dir(bench.0.path()).args(["rules", "check", directory]).output().expect("it starts");
        (output.status.code(), stdout(&output).to_owned())
    };
    bench.write("models/pe.model.json", r#"{ "version": 1, "family": "pe", "none": true }"#);
    let (code, out) = check("models");
    assert!(code == Some(0) && out.contains("pe: no model, as models/pe.model.json says"), "{code:?} {out}");
    bench.write("weights/weights.toml", daemon_engine::RuleSet::embedded_weights());
    assert_eq!(check("weights").0, Some(0));
}

#[test]
fn a_model_beside_the_rules_takes_the_place_of_the_one_built_in() {
    let bench = ModelBench::new();
    let generation = |report: &Value| report["rules_generation"].as_str().expect("a report names its rules").to_owned();
    let built_in = bench.report(&[]).expect("it is scanned");
    assert_eq!(built_in["verdict"], "benign", "{built_in}");
    bench.write("rules/elf.model.json", &constant("elf", 5.0).to_string());
    let accused = bench.report(&["rules"]).expect("it is scanned");
    assert_eq!(accused["verdict"], "malicious", "{accused}");
    assert_ne!(generation(&accused), generation(&built_in));
    // A model of another family changes nothing of this verdict, and is another generation.
    bench.write("pe/pe.model.json", &constant("pe", 5.0).to_string());
    let other = bench.report(&["pe"]).expect("it is scanned");
    assert_eq!(other["verdict"], "benign", "{other}");
    assert_ne!(generation(&other), generation(&built_in));
    // Without any model the indicators judge alone.
    bench.write("rules/elf.model.json", r#"{ "version": 1, "family": "elf", "none": true }"#);
    let alone = bench.report(&["rules"]).expect("it is scanned");
    assert_ne!(alone["p_malicious"], built_in["p_malicious"], "{alone} {built_in}");
    assert_eq!(
        [&built_in, &accused, &other, &alone].map(generation).iter().collect::<std::collections::HashSet<_>>().len(),
        4
    );
    let explain = |more: &[&str]| {
        let output = stakeout()
            .current_dir(bench.0.path())
            .args(["explain", "--no-yara", "tool"])
            .args(more)
            .output()
            .expect("it starts");
        stdout(&output).to_owned()
    };
    let (with, without) = (explain(&[]), explain(&["--rules", "rules"]));
    assert!(without.contains(&format!("generation {}", generation(&alone))), "{without}");
    assert!(with.contains("What the model says") && !without.contains("What the model says"), "{with}{without}");
}

#[test]
fn what_is_wrong_with_a_model_is_told_with_its_file_and_place() {
    let bench = ModelBench::new();
    let good = constant("elf", 5.0).to_string();
    let mut newer = constant("elf", 5.0);
    newer["measures_version"] = json!(version("elf") + 1);
    let mut hostile = constant("elf", 5.0);
    hostile["trees"] = json!([[[0.5]], [[7, 0.5, 0, 0, 1.0], [1.0]]]);
    let too_large = format!("{good}{}", " ".repeat(9 << 20));
    let cases = [
        ("elf.model.json", newer.to_string(), "of the measures, and this program takes"),
        ("elf.model.json", good[..good.len() / 2].to_owned(), "at line 1 column"),
        ("elf.model.json", hostile.to_string(), "tree 1: node 0"),
        (
            "elf.model.json",
            format!("{{\"made\":{{\"by\":{}", "[".repeat(100_000)),
            "EOF while parsing a list at line 1 column",
        ),
        ("elf.model.json", too_large, "it has more than 8388608 bytes"),
        ("elf.model.json", String::new(), "EOF while parsing"),
        ("elf.model.json", r#"{"version":1,"family":"elf","none":false}"#.to_owned(), "`none` is true where"),
        ("pe.model.json", good.clone(), "it is of the family elf, and must be called elf.model.json"),
        ("ELF.model.json", good.clone(), "must be called elf.model.json"),
        ("elf.old.Model.JSON", good.clone(), "must be called elf.model.json"),
        ("other.model.json", r#"{"version":1,"family":"other","none":true}"#.to_owned(), "nothing is measured"),
    ];
    for (name, text, why) in &cases {
        bench.write(&format!("rules/{name}"), text).refused(&["rules"], &[&format!("rules/{name}"), why]);
        std::fs::remove_file(bench.0.path().join("rules").join(name)).expect("it is there");
    }
    std::fs::write(bench.0.path().join("rules/elf.model.json"), [0xff, 0xfe, 0]).expect("the directory is ours");
    bench.refused(&["rules"], &["rules/elf.model.json", "it is not text"]);
    bench.write("rules/elf.model.json", &good).write("more/elf.model.json", &good);
    bench.refused(&["rules", "more"], &["two models of elf found, rules/elf.model.json and more/elf.model.json"]);
    bench.write("empty/README.md", "none");
    bench.refused(&["empty"], &["must contain a weights.toml or a FAMILY.model.json", "empty contains none"]);
}

#[test]
fn a_model_that_is_no_file_is_passed_over_with_a_word() {
    let bench = ModelBench::new();
    let weights = include_str!("../../rules/weights.toml");
    bench.write("rules/weights.toml", weights).write("model.json", &constant("elf", 5.0).to_string());
    let at = bench.0.path().join("rules/elf.model.json");
    type Make = fn(&Path);
    let makes: [(Make, &str); 3] = [
        (|at| symlink("../model.json", at).expect("the directory is ours"), "it is a symbolic link"),
        (|at| mkfifoat(CWD, at, Mode::RUSR).expect("the directory is ours"), "it is a FIFO"),
        (|at| std::fs::create_dir(at).expect("the directory is ours"), "it is a directory"),
    ];
    for (make, why) in makes {
        make(&at);
        let output = stakeout()
            .current_dir(bench.0.path())
            .args(["scan", "--ndjson", "--no-yara", "--rules", "rules", "tool"])
            .output()
            .expect("it starts");
        let line = stdout(&output).lines().next().expect("a line for the file, then one for all");
        let report: Value = serde_json::from_str(line).expect("a line is JSON");
        assert_eq!(report["verdict"], "benign", "{why}: {report}");
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
        let _ = std::fs::remove_file(&at).or_else(|_| std::fs::remove_dir(&at));
    }
}

#[test]
fn models_are_named_with_what_they_were_made_from() {
    let bench = ModelBench::new();
    bench.write("rules/any/mine.yar", "rule mine { strings: $a = \"quite another text\" condition: $a }");
    bench.write("rules/elf.model.json", &constant("elf", 5.0).to_string());
    bench.write("rules/pe.model.json", r#"{ "version": 1, "family": "pe", "none": true }"#);
    let check = || {
        let output =
            stakeout().current_dir(bench.0.path()).args(["rules", "check", "rules"]).output().expect("it starts");
        (output.status.code(), stdout(&output).to_owned(), stderr(&output).to_owned())
    };
    let (code, out, err) = check();
    assert_eq!(code, Some(0), "{out}{err}");
    let digest = daemon_artifact::Sha256Digest::of(constant("elf", 5.0).to_string().as_bytes()).to_string();
    let elf = format!(
        "elf: model {}, 1 tree on measures of version {}, made from 1,200 files, 345 malicious, evidence 0123456789abcdef; \
         rules/elf.model.json\n",
        &digest[..16],
        version("elf")
    );
    assert!(out.contains(&elf), "{elf}{out}");
    assert!(out.contains("pe: no model, as rules/pe.model.json says\n"), "{out}");
    std::fs::remove_file(bench.0.path().join("rules/pe.model.json")).expect("it is there");
    let (_, out, _) = check();
    assert!(out.lines().any(|line| line.starts_with("pe: model ") && line.ends_with("; built in")), "{out}");
    bench.write("rules/pe.model.json", "{");
    let (code, _, err) = check();
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("cannot use rules/pe.model.json: EOF while parsing an object at line 1 column 1"), "{err}");
}

#[test]
fn a_model_is_taken_while_the_old_one_judges_and_a_wrong_one_changes_nothing() {
    let market = TestMarket::start();
    let mut place = DaemonHome::new(&market);
    let rules = place.path("rules");
    std::fs::create_dir(&rules).expect("the directory is ours");
    place.extra = format!("scan.rules = [{rules:?}]\nscan.shipped_rules = false\nscan.rules_settle_time = \"50ms\"\n");
    let model = rules.join("elf.model.json");
    std::fs::write(&model, constant("elf", 1.0).to_string()).expect("the directory is ours");
    let mut daemon = place.start();
    let first = status(&place);
    let elf = |status: &Value| status["models"][0].clone();
    assert_eq!(elf(&first)["family"], "elf", "{first}");
    assert_eq!(elf(&first)["path"], model.to_str().expect("its path is text"), "{first}");
    assert_eq!((&elf(&first)["trees"], &elf(&first)["made_from"]), (&json!(1), &json!(1200)), "{first}");

    // Swapped for another: one rename.
    let aside = place.path("aside");
    std::fs::write(&aside, constant("elf", 2.0).to_string()).expect("the directory is ours");
    std::fs::rename(&aside, &model).expect("the directory is ours");
    let second = until(&place, "swapped", |status| status["generation"] != first["generation"]);
    assert_ne!(elf(&second)["sha256"], elf(&first)["sha256"], "{second}");
    let (_, metrics) = place.ask("/metrics");
    assert!(metrics.contains(&format!("stakeout_rules_info{{generation={}}} 1", second["generation"])), "{metrics}");

    let text = constant("elf", 3.0).to_string();
    let mut newer = constant("elf", 3.0);
    newer["measures_version"] = json!(version("elf") + 1);
    type Wrong<'w> = Box<dyn Fn() + 'w>;
    let write = |text: &str| std::fs::write(&model, text).expect("the directory is ours");
    let clear = || std::fs::remove_file(&model).expect("it is there");
    let wrongs: [(&str, Wrong<'_>, &str); 5] = [
        ("half-written", Box::new(|| write(&text[..text.len() / 2])), "at line 1 column"),
        ("of other measures", Box::new(|| write(&newer.to_string())), "of the measures, and this program takes"),
        ("empty", Box::new(|| write("")), "EOF while parsing"),
        (
            "a link",
            Box::new(|| {
                clear();
                symlink("/etc/passwd", &model).expect("the directory is ours");
            }),
            "it is a symbolic link",
        ),
        (
            "a FIFO",
            Box::new(|| {
                clear();
                mkfifoat(CWD, &model, Mode::RUSR).expect("the directory is ours");
            }),
            "it is a FIFO",
        ),
    ];
    let mut failures = second["failures"].as_u64().expect("it is a number");
    for (what, wrong, why) in &wrongs {
        wrong();
        let seen = until(&place, what, |status| {
            status["failures"].as_u64() > Some(failures) && status["last"]["problems"].to_string().contains(why)
        });
        assert_eq!(seen["generation"], second["generation"], "{what}: {seen}");
        assert_eq!(elf(&seen), elf(&second), "{what}: {seen}");
        let problems = seen["last"]["problems"].to_string();
        assert!(problems.contains("elf.model.json") && !problems.contains("root:"), "{what}: {problems}");
        failures = seen["failures"].as_u64().expect("it is a number");
    }
    let told = place.output(&["rules", "status"]);
    assert!(stdout(&told).contains("REJECTED") && stdout(&told).contains("elf: model "), "{}", stdout(&told));
    assert!(place.metric("stakeout_rules_reloads_total{taken=\"no\"}") >= 5.0);

    // No model for the family; then the file is gone, and the one built in is back.
    clear();
    write(r#"{"version": 1, "family": "elf", "none": true}"#);
    let none = until(&place, "no model", |status| elf(status)["sha256"].is_null() && status["last"]["taken"] == true);
    assert_ne!(none["generation"], second["generation"], "{none}");
    std::fs::write(rules.join("weights.toml"), include_str!("../../rules/weights.toml"))
        .expect("the directory is ours");
    clear();
    let gone = until(&place, "gone", |status| elf(status)["path"].is_null() && status["last"]["taken"] == true);
    assert!(elf(&gone)["trees"].as_u64() > Some(1), "{gone}");
    assert_eq!(daemon.end(), Some(0));
}
