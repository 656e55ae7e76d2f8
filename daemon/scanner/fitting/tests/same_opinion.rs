//! A line that a scan printed is weighed as the scan weighed it: nothing that counts is lost on the way.

use std::path::Path;
use std::time::Duration;

use analyzers::{LayerId, Measured, weigh, weigh_out_of_fold};
use daemon_base::Sha256Digest;
use daemon_engine::{Cancel, Limits, MEASURE_SETS, Report, RuleSet, assemble, examine};
use daemon_fitting::{LineReader, ScannedFile};
use daemon_pool::Examined;
use daemon_report::{FileRecord, Subject};

fn line(bytes: &[u8], report: &Report, rules: &RuleSet) -> String {
    let sha256 = Some(Sha256Digest::of(bytes));
    let subject = Subject { path: Path::new("sample"), sha256, size: Some(bytes.len() as u64) };
    let examined = Examined { report: report.clone(), elapsed: Duration::ZERO };
    let record = FileRecord::new(&subject, &examined, rules.weights()).with_measures(report);
    serde_json::to_string(&record).unwrap()
}

/// Without what lines of older versions lack.
fn aged(line: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
    for subject in value["subjects"].as_array_mut().unwrap() {
        let subject = subject.as_object_mut().unwrap();
        subject.remove("kind");
        subject.remove("vouched");
    }
    value.to_string()
}

fn read(text: &str) -> ScannedFile {
    LineReader::new(MEASURE_SETS).read(text).unwrap().unwrap()
}

#[test]
fn every_sample_is_judged_by_its_line_as_by_its_bytes() {
    let rules = RuleSet::embedded();
    let (mut measured, mut inner) = (0, 0);
    let samples = specimens::samples::samples();
    for (name, bytes) in &samples {
        let report = examine(bytes, &mut assemble(&rules), &Limits::default(), &Cancel::default());
        let file = read(&line(bytes, &report, &rules));
        let opinion = weigh(&file.record, rules.weights());
        assert_eq!(
            (opinion.p_malicious, opinion.verdict),
            (report.opinion.p_malicious, report.opinion.verdict),
            "{name}"
        );
        assert_eq!(opinion.confidence, report.opinion.confidence, "{name}");
        assert_eq!(opinion.testimonies.len(), report.opinion.testimonies.len(), "{name}");
        assert_eq!((file.kind.as_str(), file.sha256), (report.kind.name(), Sha256Digest::of(bytes)), "{name}");
        measured += file.record.measured.len();
        inner += usize::from(opinion.testimonies.len() > 1);
    }
    assert!(samples.len() > 25 && measured > 8 && inner > 1, "{} {measured} {inner}", samples.len());
}

/// Older lines have no kind and no voucher of subjects: the same comes of them wherever evidence or measures tell.
#[test]
fn lines_of_older_versions_are_judged_by_what_their_evidence_tells() {
    let rules = RuleSet::embedded();
    let mut same = 0;
    let samples = specimens::samples::samples();
    for (name, bytes) in &samples {
        let report = examine(bytes, &mut assemble(&rules), &Limits::default(), &Cancel::default());
        let file = read(&aged(&line(bytes, &report, &rules)));
        let p = weigh(&file.record, rules.weights()).p_malicious;
        if report.kind.family() == triage::Family::Pe || report.kind.family() == triage::Family::Elf {
            assert_eq!(p, report.opinion.p_malicious, "{name}");
            same += 1;
        }
    }
    assert!(same > 8, "{same}");
}

#[test]
fn out_of_fold_the_margin_that_is_given_counts_and_the_model_does_not() {
    let rules = RuleSet::embedded();
    let bytes = specimens::pe::ordinary().build();
    let report = examine(&bytes, &mut assemble(&rules), &Limits::default(), &Cancel::default());
    let mut record = read(&line(&bytes, &report, &rules)).record;
    let model = rules.weights().model(triage::Family::Pe).unwrap();
    let margin = model.testify(&record.measured[0]).unwrap().margin;
    assert_eq!(weigh_out_of_fold(&record, rules.weights(), margin).p_malicious, report.opinion.p_malicious);
    let set = record.measured[0].set;
    record.measured = Measured::new(LayerId::ARTIFACT, set, vec![1e6; set.measures().len()]).into_iter().collect();
    assert_eq!(weigh_out_of_fold(&record, rules.weights(), margin).p_malicious, report.opinion.p_malicious);
    let low = weigh_out_of_fold(&record, rules.weights(), -8.0).p_malicious;
    let high = weigh_out_of_fold(&record, rules.weights(), 8.0).p_malicious;
    assert!(low < 0.05 && high > 0.95, "{low} {high}");
}
