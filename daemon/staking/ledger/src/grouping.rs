//! By what bounties are grouped.

use daemon_market::Timestamp;

use crate::LedgerEntry;

/// What is written where there is no such thing.
pub const NONE: &str = "(none)";

/// By what bounties are grouped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Grouping {
    /// The day on which they came, in UTC.
    Day,
    /// What their artifact is, by triage.
    Kind,
    /// What was said, before it was softened for want of a stake.
    Verdict,
    /// Which strategy decided the stake.
    Strategy,
    /// The malware family that was seen.
    Family,
    /// Each YARA rule that hit.
    Rule,
    /// Each indicator that was seen, YARA rules among them.
    Indicator,
}

impl Grouping {
    /// All there are.
    pub const ALL: [Grouping; 7] = [
        Grouping::Day,
        Grouping::Kind,
        Grouping::Verdict,
        Grouping::Strategy,
        Grouping::Family,
        Grouping::Rule,
        Grouping::Indicator,
    ];

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Grouping::Day => "day",
            Grouping::Kind => "kind",
            Grouping::Verdict => "verdict",
            Grouping::Strategy => "strategy",
            Grouping::Family => "family",
            Grouping::Rule => "rule",
            Grouping::Indicator => "indicator",
        }
    }

    /// The grouping of that name.
    pub fn named(name: &str) -> Option<Grouping> {
        Grouping::ALL.into_iter().find(|grouping| grouping.name() == name)
    }

    /// Whether every bounty is in one group: then the groups sum up to the whole. An artifact may show many indicators,
    /// and is counted with each of them.
    pub fn parts(self) -> bool {
        match self {
            Grouping::Day | Grouping::Kind | Grouping::Verdict | Grouping::Strategy | Grouping::Family => true,
            Grouping::Rule | Grouping::Indicator => false,
        }
    }

    /// Shows `see` the groups that a bounty is in: at least one.
    pub fn each(self, entry: &LedgerEntry, see: &mut dyn FnMut(&str)) {
        let one = |name: &str, see: &mut dyn FnMut(&str)| see(if name.is_empty() { NONE } else { name });
        match self {
            Grouping::Day => see(&day(entry.received)),
            Grouping::Kind => one(&entry.kind, see),
            Grouping::Verdict => see(entry.said().name()),
            Grouping::Strategy => one(entry.bet.as_ref().map_or("", |bet| &bet.strategy), see),
            Grouping::Family => one(&entry.family, see),
            Grouping::Rule => many(entry.rules(), see),
            Grouping::Indicator => many(entry.indicators.iter().map(String::as_str), see),
        }
    }
}

fn many<'e>(mut names: impl Iterator<Item = &'e str>, see: &mut dyn FnMut(&str)) {
    see(names.next().unwrap_or(NONE));
    names.for_each(see);
}

/// The day of a moment, in UTC: `2026-11-23`.
pub fn day(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
    jiff::tz::Offset::UTC.to_datetime(at).date().to_string()
}
