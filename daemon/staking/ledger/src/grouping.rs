//! How bounties are grouped.

use daemon_market::Timestamp;

use crate::LedgerEntry;

/// Name of the group of bounties without a family, rule and so on.
pub const NONE: &str = "(none)";

/// How bounties are grouped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Grouping {
    /// By the day on which the bounty came in, in UTC.
    Day,
    /// By the artifact's kind, by triage.
    Kind,
    /// By the verdict of the examination.
    Verdict,
    /// By the strategy that decided the stake.
    Strategy,
    /// By malware family.
    Family,
    /// By each YARA rule that matched.
    Rule,
    /// By each indicator that was found, YARA rules among them.
    Indicator,
}

impl Grouping {
    /// Every grouping.
    pub const ALL: [Grouping; 7] = [
        Grouping::Day,
        Grouping::Kind,
        Grouping::Verdict,
        Grouping::Strategy,
        Grouping::Family,
        Grouping::Rule,
        Grouping::Indicator,
    ];

    /// The grouping's name on the command line.
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

    /// The grouping of that name, if there is one.
    pub fn named(name: &str) -> Option<Grouping> {
        Grouping::ALL.into_iter().find(|grouping| grouping.name() == name)
    }

    /// Whether every bounty is in exactly one group, so that the groups add up to the total. A bounty counts with each
    /// rule and indicator of its artifact.
    pub fn parts(self) -> bool {
        match self {
            Grouping::Day | Grouping::Kind | Grouping::Verdict | Grouping::Strategy | Grouping::Family => true,
            Grouping::Rule | Grouping::Indicator => false,
        }
    }

    /// Calls `see` with each group that a bounty is in: at least one.
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
