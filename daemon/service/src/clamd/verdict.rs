//! Maps a report to what a client of clamd's protocol is told. docs/clamd.md has the table.

use analyzers::{Incomplete, Limit, Verdict};
use daemon_base::text::causes;
use daemon_clamd::{Config, HiddenReply, IncompleteReply, ScanAnswer, SuspiciousReply, UndecidedReply};
use daemon_engine::{Report, RuleSet};
use daemon_pool::{ExaminationResult, Failure};
use triage::FileKind;

/// Longest name of what was found.
const NAME_BYTES_MAX: usize = 100;
/// Most names of one file.
const NAMES_MAX: usize = 64;

/// What operators choose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ClamdChoices {
    suspicious: SuspiciousReply,
    undecided: UndecidedReply,
    incomplete: IncompleteReply,
    encrypted: HiddenReply,
    unopened: HiddenReply,
}

impl ClamdChoices {
    pub(crate) fn of(config: &Config) -> ClamdChoices {
        let Config { suspicious, undecided, incomplete, encrypted, unopened, .. } = *config;
        ClamdChoices { suspicious, undecided, incomplete, encrypted, unopened }
    }

    /// The answer that follows from a scan. `opened` says which kinds some analyzer takes apart.
    pub(crate) fn answer(
        &self,
        outcome: &ExaminationResult,
        rules: &RuleSet,
        opened: impl Fn(FileKind) -> bool,
    ) -> ScanAnswer {
        match outcome {
            Ok(looked) => self.of_report(&looked.examined.report, rules, opened),
            Err(Failure::Load(error)) => ScanAnswer::Failed(format!("Cannot read the file, {}", causes(error))),
            // What exactly failed is ours to know, and in the log.
            Err(Failure::NoWorker(_)) => ScanAnswer::Failed("No worker is available".to_owned()),
        }
    }

    fn of_report(&self, report: &Report, rules: &RuleSet, opened: impl Fn(FileKind) -> bool) -> ScanAnswer {
        let verdict = report.opinion.verdict;
        match (verdict, self.suspicious) {
            (Verdict::Malicious, _) => return ScanAnswer::Found(names(report, "Malicious", rules)),
            (Verdict::Suspicious, SuspiciousReply::Found) => {
                return ScanAnswer::Found(names(report, "Suspicious", rules));
            }
            (Verdict::Suspicious, SuspiciousReply::Error) => return ScanAnswer::Failed("Suspicious".to_owned()),
            (Verdict::Benign, _) => return ScanAnswer::Clean,
            (Verdict::Suspicious | Verdict::Unknown, _) => {}
        }
        // From here on nothing is told as found for what was seen, so it counts whether all was.
        let hidden = |why: &Incomplete| matches!(why, Incomplete::Encrypted | Incomplete::Unaccounted(_));
        if let Some(why) = report.incomplete.iter().find(|why| !hidden(why)) {
            return match self.incomplete {
                IncompleteReply::Error => ScanAnswer::Failed(format!("Not fully scanned, {why}")),
                IncompleteReply::Found => found(&format!("Heuristics.Limits.Exceeded.{}", limit_of(why))),
            };
        }
        let kind = word(report.kind);
        if report.incomplete.contains(&Incomplete::Encrypted) {
            match self.encrypted {
                HiddenReply::Error => return ScanAnswer::Failed("Encrypted".to_owned()),
                HiddenReply::Found => return found(&format!("Heuristics.Encrypted.{kind}")),
                HiddenReply::Ok => {}
            }
        }
        let closed = report.layers.iter().find(|layer| is_container(layer.kind) && !opened(layer.kind));
        let unaccounted = report.incomplete.iter().find(|why| matches!(why, Incomplete::Unaccounted(_)));
        if closed.is_some() || unaccounted.is_some() {
            match self.unopened {
                HiddenReply::Error => {
                    let what = match (closed, unaccounted) {
                        (Some(layer), _) => layer.kind.name().to_owned(),
                        (None, Some(why)) => why.to_string(),
                        (None, None) => kind,
                    };
                    return ScanAnswer::Failed(format!("Not fully scanned, unopened {what}"));
                }
                HiddenReply::Found => return found("Heuristics.Limits.Exceeded.Unopened"),
                HiddenReply::Ok => {}
            }
        }
        match (verdict, self.undecided) {
            (Verdict::Unknown, UndecidedReply::Error) => ScanAnswer::Failed("Undecided".to_owned()),
            _ => ScanAnswer::Clean,
        }
    }
}

fn found(name: &str) -> ScanAnswer {
    ScanAnswer::Found(vec![name.to_owned()])
}

/// The names of what was found: the file's kind with the malware family, or else the rule that weighs most, or else
/// `what`; then all rules that matched.
fn names(report: &Report, what: &str, rules: &RuleSet) -> Vec<String> {
    let kind = word(report.kind);
    let weight = |seen: &&analyzers::Evidence| rules.weights().of(&seen.indicator).log_odds.0;
    let mut accusing: Vec<&analyzers::Evidence> = report.evidence.iter().filter(|seen| weight(seen) > 0.0).collect();
    // By weight, then by name, so that the order of evidence makes no difference.
    accusing
        .sort_by(|a, b| weight(b).total_cmp(&weight(a)).then_with(|| a.indicator.as_str().cmp(b.indicator.as_str())));
    let loudest = accusing.first().and_then(|seen| rule_of(seen.indicator.as_str()));
    let first = match (&report.malware_family, loudest) {
        (Some(family), _) => clean(&format!("Stakeout.{kind}.{family}")),
        (None, Some(rule)) => clean(&format!("Stakeout.{kind}.Rule.{rule}")),
        (None, None) => clean(&format!("Stakeout.{kind}.{what}")),
    };
    let matched = accusing.iter().filter_map(|seen| rule_of(seen.indicator.as_str()));
    let mut names = vec![first];
    for rule in matched.map(|rule| clean(&format!("Stakeout.{kind}.Rule.{rule}"))) {
        if names.len() < NAMES_MAX && !names.contains(&rule) {
            names.push(rule);
        }
    }
    names
}

/// The rule's own name in the id of a YARA indicator, `yara.FILE.RULE`.
fn rule_of(id: &str) -> Option<&str> {
    id.strip_prefix("yara.")?.rsplit('.').next()
}

/// A kind as a word: `pe32+.dll` is Pe, `ooxml.docm` is Ooxml.
fn word(kind: FileKind) -> String {
    let letters = kind.name().chars().take_while(char::is_ascii_alphabetic);
    let word: String = letters.enumerate().map(|(nth, c)| if nth == 0 { c.to_ascii_uppercase() } else { c }).collect();
    if word.is_empty() { "File".to_owned() } else { word }
}

/// A name that every client can read: what it may not have is replaced.
fn clean(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars().map(|c| if allowed(c) { c } else { '_' }).take(NAME_BYTES_MAX).collect()
}

/// The limit in the names that clamd gives to files beyond its limits.
fn limit_of(why: &Incomplete) -> &'static str {
    match why {
        Incomplete::Limit(Limit::Size) => "MaxFileSize",
        Incomplete::Limit(Limit::Produced | Limit::Stream | Limit::Memory) => "MaxScanSize",
        Incomplete::Limit(Limit::Entries | Limit::Layers) => "MaxFiles",
        Incomplete::Limit(Limit::Depth) => "MaxRecursion",
        Incomplete::Limit(Limit::Time | Limit::Steps) => "MaxScanTime",
        _ => "Incomplete",
    }
}

/// Whether a file of this kind holds others.
fn is_container(kind: FileKind) -> bool {
    matches!(kind, FileKind::Zip(_) | FileKind::Archive(_))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use analyzers::{Evidence, IndicatorId, Layer, LayerId};
    use daemon_base::NamedHosts;
    use daemon_pool::{Examined, Looked};
    use triage::{ArchiveKind, ScriptKind, ZipKind};

    use super::*;

    /// A report on a file of this kind, with such evidence, and a part of another kind.
    fn report(kind: FileKind, indicators: &[&str], incomplete: &[Incomplete], part: Option<FileKind>) -> Report {
        // Only where somebody vouches does a part that nobody knows matter.
        let wanted = !incomplete.is_empty();
        let layer =
            |name: &str, subject, kind| Layer { name: name.to_owned(), subject: LayerId(subject), kind, wanted };
        let layers = [layer("", 0, kind)].into_iter().chain(part.map(|kind| layer("part", 1, kind))).collect();
        let seen = |id: &&str| Evidence {
            indicator: IndicatorId::loaded(id),
            layer: LayerId::ARTIFACT,
            span: 0..0,
            detail: analyzers::Detail::default(),
        };
        let evidence = indicators.iter().map(seen).collect();
        Report::of(evidence, layers, Vec::new(), NamedHosts::default(), incomplete.to_vec(), &RuleSet::embedded())
    }

    fn answer(report: Report, change: impl FnOnce(&mut Config)) -> ScanAnswer {
        let mut config = Config::default();
        change(&mut config);
        let examined = Examined { report, elapsed: Duration::ZERO };
        let looked = Looked { examined, sha256: None, size: None };
        let opened = |kind| matches!(kind, FileKind::Pe(_) | FileKind::Archive(ArchiveKind::SevenZip));
        ClamdChoices::of(&config).answer(&Ok(looked), &RuleSet::embedded(), opened)
    }

    fn failed(why: &str) -> ScanAnswer {
        ScanAnswer::Failed(why.to_owned())
    }

    #[test]
    fn what_is_malicious_is_found_however_little_was_seen() {
        let cut = [Incomplete::Limit(Limit::Time), Incomplete::Encrypted];
        let eicar = answer(report(FileKind::Eicar, &["eicar.file.test"], &cut, None), |_| ());
        let ScanAnswer::Found(names) = eicar else { panic!("{eicar:?}") };
        assert_eq!(names[0], "Stakeout.Eicar.EICAR-Test-File");
    }

    #[test]
    fn what_was_not_seen_is_never_ok_by_default() {
        for why in [
            Incomplete::Limit(Limit::Time),
            Incomplete::Limit(Limit::Size),
            Incomplete::Crashed("signal 11".into()),
            Incomplete::Poisonous,
            Incomplete::Truncated,
            Incomplete::Changed,
            Incomplete::CutShort,
            Incomplete::Panicked("pe".into()),
            Incomplete::Encrypted,
            Incomplete::Unaccounted("overlay".into()),
        ] {
            let report = || report(FileKind::Text, &[], std::slice::from_ref(&why), None);
            assert!(matches!(answer(report(), |_| ()), ScanAnswer::Failed(_)), "{why}");
            let hidden = matches!(why, Incomplete::Encrypted | Incomplete::Unaccounted(_));
            let lax = answer(report(), |config| {
                (config.encrypted, config.unopened) = (HiddenReply::Ok, HiddenReply::Ok);
            });
            assert_eq!(lax == ScanAnswer::Clean, hidden, "{why}");
            let loud = answer(report(), |config| {
                (config.incomplete, config.encrypted, config.unopened) =
                    (IncompleteReply::Found, HiddenReply::Found, HiddenReply::Found);
            });
            assert!(matches!(loud, ScanAnswer::Found(_)), "{why}");
        }
    }

    #[test]
    fn archives_that_nobody_opens_are_told_wherever_they_are() {
        let zip = FileKind::Zip(ZipKind::Plain);
        let seven = FileKind::Archive(ArchiveKind::SevenZip);
        let rar = FileKind::Archive(ArchiveKind::Rar);
        assert_eq!(answer(report(zip, &[], &[], None), |_| ()), failed("Not fully scanned, unopened zip"));
        assert_eq!(
            answer(report(seven, &[], &[], Some(rar)), |_| ()),
            failed("Not fully scanned, unopened archive.rar")
        );
        assert_eq!(answer(report(seven, &[], &[], Some(FileKind::Text)), |_| ()), ScanAnswer::Clean);
        let loud = answer(report(zip, &[], &[], None), |config| config.unopened = HiddenReply::Found);
        assert_eq!(loud, found("Heuristics.Limits.Exceeded.Unopened"));
    }

    #[test]
    fn who_knows_nothing_says_what_was_chosen() {
        let text = || report(FileKind::Text, &[], &[], None);
        assert_eq!(answer(text(), |_| ()), ScanAnswer::Clean);
        assert_eq!(answer(text(), |config| config.undecided = UndecidedReply::Error), failed("Undecided"));
    }

    #[test]
    fn names_have_only_what_clients_can_read() {
        assert_eq!(clean("Stakeout.Pe.a b:c/\u{e4}\n"), "Stakeout.Pe.a_b_c___");
        assert_eq!(clean(&"x".repeat(500)).len(), NAME_BYTES_MAX);
        assert_eq!(word(FileKind::Script(ScriptKind::Shell)), "Script");
        assert_eq!(rule_of("yara.any.eicar.eicar_test_file"), Some("eicar_test_file"));
        assert_eq!(rule_of("pe.section.writable"), None);
    }
}
