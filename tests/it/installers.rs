//! Installers by Inno Setup, through the whole engine with the rules and models that we ship.

use analyzers::{Incomplete, Limit, Verdict};
use daemon_engine::{Cancel, Limits, Report, RuleSet, assemble, examine};
use specimens::inno::{InnoBuilder, InnoPacking, editions, inno};
use specimens::pe::{injector, ordinary};
use triage::{ArchiveKind, FileKind};

use crate::verdicts::report;

/// Reports on what `build` makes of each version.
fn of_all_versions(build: impl Fn(InnoBuilder) -> InnoBuilder) -> Vec<(&'static str, Report)> {
    let rules = RuleSet::embedded();
    let mut analyzers = assemble(&rules);
    let mut judge = |bytes: &[u8]| examine(bytes, &mut analyzers, &Limits::default(), &Cancel::default());
    editions().map(|version| (version, judge(&build(inno(version)).installer()))).collect()
}

/// Names of layers in which an injector is seen, without the places in them.
fn accused(report: &Report) -> Vec<String> {
    let signs = report.evidence.iter().filter(|seen| seen.indicator.as_str() == "pe.import.injection_set");
    let names = signs.map(|seen| report.layers[seen.layer.index()].name.split('!'));
    names
        .map(|name| name.map(|part| part.split('@').next().unwrap_or_default()).collect::<Vec<_>>().join("!"))
        .collect()
}

#[test]
fn what_an_installer_brings_is_seen_inside_of_it() {
    let with_files = |installer: InnoBuilder| {
        let installer = installer.packing(InnoPacking::Lzma).solid();
        let installer = installer.file("{app}\\readme.txt", b"Dear all, this is the manual.");
        installer.file("{app}\\update.exe", injector().build())
    };
    for (version, report) in of_all_versions(with_files) {
        assert_eq!(accused(&report), ["overlay!{app}/update.exe"], "{version}");
        assert_eq!(report.opinion.verdict, Verdict::Malicious, "{version}");
        assert_eq!(report.layers[1].kind, FileKind::Archive(ArchiveKind::Inno));
    }
}

#[test]
fn the_program_of_the_setup_is_seen_too() {
    for (version, report) in of_all_versions(|installer| installer.program(injector().build())) {
        assert_eq!(accused(&report), ["overlay!setup.exe"], "{version}");
        assert_eq!(report.opinion.verdict, Verdict::Malicious, "{version}");
    }
}

#[test]
fn an_installer_is_never_benign_because_nobody_knows_what_its_script_does() {
    for (version, report) in of_all_versions(|it| it.file("{app}\\program.exe", ordinary().build())) {
        assert_eq!(report.opinion.verdict, Verdict::Unknown, "{version}");
        let parts: Vec<_> = report.incomplete.iter().map(ToString::to_string).collect();
        assert!(parts.len() == 2 && parts[0].ends_with("!script") && parts[1].ends_with("!setup data"), "{parts:?}");
    }
}

#[test]
fn installers_in_installers_are_opened_as_deep_as_the_budget_goes() {
    let around = |inner: Vec<u8>| inno("6.7.0").file("{tmp}\\inner.exe", inner).installer();
    let twice = report(&around(around(injector().build())));
    assert_eq!(accused(&twice), ["overlay!{tmp}/inner.exe!overlay!{tmp}/inner.exe"]);
    assert_eq!(twice.opinion.verdict, Verdict::Malicious);
    let deep = report(&(0..6).fold(injector().build(), |inner, _| around(inner)));
    assert!(!matches!(deep.opinion.verdict, Verdict::Benign | Verdict::Malicious), "{:?}", deep.opinion);
    assert!(deep.incomplete.contains(&Incomplete::Limit(Limit::Depth)), "{:?}", deep.incomplete);
}
