//! The report of a scan.

use analyzers::{Evidence, Incomplete, Layer, Limit, Measured, NamedHosts, Opinion, Record, Verdict, weigh};
use triage::FileKind;

use crate::clusters::{family_of_cluster, names_a_family};
use crate::{Generation, RuleSet};

/// Report on one artifact. It owns all data, so it outlives the bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// File type, by triage.
    pub kind: FileKind,
    /// Evidence in the order of its discovery.
    pub evidence: Vec<Evidence>,
    /// Layers: first the artifact, then its children.
    pub layers: Vec<Layer>,
    /// Measures of subjects, which the model weighed.
    pub measured: Vec<Measured>,
    /// Hosts that the artifact names, or something inside of it.
    pub hosts: NamedHosts,
    /// The opinion that follows from the evidence.
    pub opinion: Opinion,
    /// The malware family, when the evidence that speaks loudest for malice names one, or else indicators that are seen
    /// together do.
    pub malware_family: Option<String>,
    /// Why not everything was looked at, sorted, each reason once. Empty when everything was.
    pub incomplete: Vec<Incomplete>,
    /// Generation of the rules and weights.
    pub rules_generation: Generation,
}

impl Report {
    /// Weighs what is known.
    pub(crate) fn new(record: Record, rules: &RuleSet) -> Report {
        let mut record = record;
        record.incomplete.extend(record.budget.hit().map(Incomplete::Limit));
        // Where nobody vouches for anything there is no voucher to withdraw.
        if !record.layers.iter().any(|layer| layer.wanted) {
            record.incomplete.retain(|why| !why.withholds_benign_only());
        }
        let opinion = weigh(&record, rules.weights());
        let malware_family = malware_family(&record, &opinion, rules);
        let Record { evidence, mut incomplete, layers, measured, hosts, path: _, budget: _ } = record;
        incomplete.sort_unstable();
        incomplete.dedup();
        let kind = layers.first().map_or(FileKind::Data, |artifact| artifact.kind);
        Report {
            kind,
            evidence,
            layers,
            measured,
            hosts,
            opinion,
            malware_family,
            incomplete,
            rules_generation: rules.generation().clone(),
        }
    }

    /// Makes the report of given evidence, weighed with these rules. `layers` begin with the artifact itself.
    pub fn of(
        evidence: Vec<Evidence>,
        layers: Vec<Layer>,
        measured: Vec<Measured>,
        hosts: NamedHosts,
        incomplete: Vec<Incomplete>,
        rules: &RuleSet,
    ) -> Report {
        let budget = analyzers::Budget::new(analyzers::Limits::default(), analyzers::Cancel::default());
        let path = analyzers::FilePath::default();
        Report::new(Record { evidence, incomplete, layers, measured, hosts, path, budget }, rules)
    }

    /// The report on an artifact that was not looked at: `unknown`, with the reason.
    pub fn unexamined(kind: FileKind, why: Incomplete, rules: &RuleSet) -> Report {
        let budget = analyzers::Budget::new(analyzers::Limits::default(), analyzers::Cancel::default());
        let mut record = Record::new(kind, budget);
        record.note(why);
        Report::new(record, rules)
    }

    /// Says, after the fact, that the bytes were not what they should have been; a benign verdict becomes unknown.
    pub fn mark_incomplete(&mut self, why: Incomplete) {
        if !self.incomplete.contains(&why) {
            self.incomplete.push(why);
            self.incomplete.sort_unstable();
        }
        self.opinion.doubt();
    }

    /// Whether anybody could judge it: some analyzer vouches for it or for a part of it, or there is evidence.
    pub fn was_judged(&self) -> bool {
        !self.opinion.testimonies.is_empty()
    }

    /// Whether everything that the verdict depends on was scanned. An unaccounted part excludes benign, but does not
    /// invalidate evidence in other parts.
    pub fn rests_on_all(&self) -> bool {
        match self.opinion.verdict {
            Verdict::Malicious | Verdict::Suspicious => self.incomplete.iter().all(Incomplete::withholds_benign_only),
            Verdict::Benign | Verdict::Unknown => self.incomplete.is_empty(),
        }
    }

    /// Whether `limit` was hit.
    pub fn hit(&self, limit: Limit) -> bool {
        self.incomplete.contains(&Incomplete::Limit(limit))
    }
}

fn malware_family(record: &Record, opinion: &Opinion, rules: &RuleSet) -> Option<String> {
    match opinion.verdict {
        Verdict::Malicious | Verdict::Suspicious => {}
        Verdict::Benign | Verdict::Unknown => return None,
    }
    let by_one = record
        .evidence
        .iter()
        .filter_map(|seen| {
            Some((rules.malware_family(&seen.indicator)?, rules.weights().of(&seen.indicator).log_odds.0))
        })
        .filter(|(family, _)| names_a_family(family))
        // By weight, then by name, so that the order of evidence makes no difference.
        .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(a.0)))
        .map(|(family, _)| family);
    by_one.or_else(|| family_of_cluster(record)).map(ToOwned::to_owned)
}
