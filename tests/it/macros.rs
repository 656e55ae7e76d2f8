//! Macros as offices and as attackers write them: honest automation of each sort is not accused, droppers of each sort
//! are, and honest code beside a dropper does not make it benign.
//!
//! The macros are in `tests/specimens/macros`. None of them does anything: commands, libraries and addresses are placeholders.

use std::fs;
use std::path::{Path, PathBuf};

use analyzers::Verdict;
use daemon_engine::{Cancel, Limits, Report, RuleSet, assemble, examine};
use specimens::ooxml::{docm, xlsm};
use specimens::vba::VbaBuilder;

/// Each macro of a folder with its name and source.
fn macros(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specimens/macros").join(folder);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the macros are here").map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| fs::read_to_string(path).expect("it is text").replace('\n', "\r\n");
    paths.iter().map(|path| (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), read(path))).collect()
}

fn is_of_word(source: &str) -> bool {
    ["Document_", "ActiveDocument", "AutoOpen"].iter().any(|word| source.contains(word))
}

fn project(source: &str) -> VbaBuilder {
    VbaBuilder::new().document(if is_of_word(source) { "ThisDocument" } else { "ThisWorkbook" }, source).compiled(300)
}

/// A document of 97 to 2003 and a package that hold the project.
fn documents(project: &VbaBuilder, of_word: bool) -> [Vec<u8>; 2] {
    if of_word {
        [project.doc(), docm().vba_project(&project.bin()).build()]
    } else {
        [project.xls(), xlsm().vba_project(&project.bin()).build()]
    }
}

fn report(bytes: &[u8]) -> Report {
    let rules = RuleSet::embedded();
    examine(bytes, &mut assemble(&rules), &Limits::default(), &Cancel::default())
}

fn told(report: &Report) -> String {
    let seen: Vec<&str> = report.evidence.iter().map(|seen| seen.indicator.as_str()).collect();
    let model = report.opinion.testimonies.first().and_then(|testimony| testimony.model.as_ref());
    let moved: Vec<String> = model
        .iter()
        .flat_map(|model| model.moved.iter().take(12))
        .map(|moved| format!("{} = {}: {:+.2}", moved.measure.name, moved.value, moved.by))
        .collect();
    format!("p = {}, seen {seen:?}, moved {moved:?}", report.opinion.p_malicious)
}

#[test]
fn honest_automation_is_not_accused() {
    for (name, source) in macros("honest") {
        for document in documents(&project(&source), is_of_word(&source)) {
            let report = report(&document);
            assert_ne!(report.opinion.verdict, Verdict::Malicious, "{name}: {}", told(&report));
        }
    }
}

#[test]
fn droppers_are_malicious() {
    for (name, source) in macros("droppers") {
        for document in documents(&project(&source), is_of_word(&source)) {
            let report = report(&document);
            assert_eq!(report.opinion.verdict, Verdict::Malicious, "{name}: {}", told(&report));
        }
    }
}

#[test]
fn honest_code_and_comments_around_a_dropper_do_not_make_it_benign() {
    let honest = macros("honest");
    let comment = "' Fills the table of the report, formats its columns and prints the totals of this month.\r\n";
    for (name, source) in macros("droppers") {
        let around = honest.iter().enumerate().fold(project(&source), |project, (number, (_, source))| {
            project.module(&format!("Honest{number}"), source).compiled(300)
        });
        let commented = project(&source.replace("\r\n", &format!("\r\n{}", comment.repeat(20))));
        let behind =
            project(&format!("{source}\r\n{}", honest.iter().map(|(_, source)| source.as_str()).collect::<String>()));
        for padded in [around, commented, behind] {
            for document in documents(&padded, is_of_word(&source)) {
                let report = report(&document);
                assert_ne!(report.opinion.verdict, Verdict::Benign, "{name}: {}", told(&report));
                assert!(report.opinion.p_malicious > 0.5, "{name}: {}", told(&report));
            }
        }
    }
}

#[test]
fn honest_macros_do_not_excuse_what_they_do_not_tell_of() {
    let honest = macros("honest").into_iter().find(|(name, _)| name == "exports_modules").expect("it is there").1;
    let bytes = docm()
        .vba_project(&project(&honest).bin())
        .external("word/settings.xml", "attachedTemplate", "http://198.51.100.7/t.dotm")
        .part("word/settings.xml", b"<w:settings/>")
        .build();
    let report = report(&bytes);
    assert_eq!(report.opinion.verdict, Verdict::Malicious, "{}", told(&report));
}
