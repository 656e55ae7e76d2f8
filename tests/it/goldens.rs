//! The whole report on every sample of `specimens::samples`, as `tests/goldens` has it. Weights and indicators that change
//! show up here, file by file; `UPDATE_EXPECT=1 cargo test -p testkit goldens` writes the reports anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daemon_artifact::Sha256Digest;
use daemon_engine::{Cancel, Limits, RuleSet, assemble, examine};
use daemon_pool::Examined;
use daemon_report::{FileRecord, Subject};
use expect_test::expect_file;
use serde_json::{Value, json};
use specimens::samples::samples;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens")
}

/// The report as JSON, without what a machine or a release decides: time, and generation of the rules. Probabilities
/// have six digits, because the last ones are the C library's.
fn report(name: &str, bytes: &[u8], rules: &RuleSet) -> String {
    // Time is not under test; a slow machine must not make a difference.
    let limits = Limits { wall_time_max: Duration::from_secs(3600), ..Limits::default() };
    let report = examine(bytes, &mut assemble(rules), &limits, &Cancel::default());
    let subject =
        Subject { path: Path::new(name), sha256: Some(Sha256Digest::of(bytes)), size: Some(bytes.len() as u64) };
    let examined = Examined { report, elapsed: Duration::ZERO };
    let mut record = serde_json::to_value(FileRecord::new(&subject, &examined, rules.weights())).expect("a record");
    let fields = record.as_object_mut().expect("a record is an object");
    assert!(fields.remove("elapsed_us").is_some() && fields.remove("rules_generation").is_some());
    for probability in ["confidence", "p_malicious"] {
        let exact = fields[probability].as_f64().expect("a probability is a number");
        fields[probability] = json!((exact * 1e6).round() / 1e6);
    }
    format!("{record:#}\n")
}

#[test]
fn each_report_is_its_golden_one() {
    let rules = RuleSet::embedded();
    for (name, bytes) in samples() {
        expect_file![directory().join(format!("{name}.json"))].assert_eq(&report(name, &bytes, &rules));
    }
}

#[test]
fn each_sample_has_a_golden_report_and_each_golden_report_a_sample() {
    let files = std::fs::read_dir(directory()).expect("the directory is in the repository");
    let files = files.map(|file| file.expect("it can be listed").file_name().into_string().expect("names are ASCII"));
    let goldens: BTreeSet<String> = files.collect();
    let named: Vec<String> = samples().iter().map(|(name, _)| format!("{name}.json")).collect();
    let names: BTreeSet<String> = named.iter().cloned().collect();
    assert_eq!(names.len(), named.len(), "no two samples have one name");
    assert_eq!(goldens, names);
    assert!(names.len() > 20);
}

#[test]
fn goldens_have_all_verdicts() {
    let verdicts: BTreeSet<String> = samples()
        .iter()
        .map(|(name, _)| {
            let text = std::fs::read_to_string(directory().join(format!("{name}.json"))).expect("there is one");
            let golden: Value = serde_json::from_str(&text).expect("it is JSON");
            golden["verdict"].as_str().expect("a verdict is a text").to_owned()
        })
        .collect();
    assert_eq!(verdicts.into_iter().collect::<Vec<_>>(), ["benign", "malicious", "suspicious", "unknown"]);
}
