//! The ledger: one pass over all bounties, and the report that comes out.

use daemon_journal::Story;
use daemon_market::{BidStrategy, Nct, Profit, Timestamp};
use serde::Serialize;

use crate::alarms::{Alarm, AlarmLimits, Alarms, AnswerResult};
use crate::calibration::{Calibration, CalibrationRow};
use crate::counterfactual::Replay;
use crate::latency::{Latency, Misses};
use crate::profit_series::{Course, Moment};
use crate::rivals::{RivalRow, Rivals};
use crate::stake_grid::StakeGrid;
use crate::strategies::{AS_STAKED, Strategies, StrategyTable};
use crate::totals::{Groups, Sums};
use crate::{Grouping, LedgerEntry, ShadowRow};

/// Version of the JSON of a report. Within a version fields are only added.
pub const SCHEMA_VERSION: u32 = 1;

/// What the report should have.
#[derive(Debug)]
pub struct Question {
    /// How bounties are grouped, one table each.
    pub groupings: Vec<Grouping>,
    /// The strategies to compare with.
    pub strategies: Vec<Box<dyn BidStrategy>>,
    /// The limits of the alarms.
    pub alarms: AlarmLimits,
}

/// Reads stories one by one, in the order in which the bounties came in. Keeps only sums for each group, and how long
/// each answer took.
#[derive(Debug)]
pub struct Ledger {
    total: Sums,
    settled: u64,
    fees: Nct,
    groups: Vec<(Grouping, Groups<Sums>)>,
    strategies: Strategies,
    rivals: Rivals,
    calibration: Calibration,
    calibration_by_kind: Groups<Calibration>,
    latencies: Vec<u64>,
    misses: Misses,
    stakes: StakeGrid,
    course: Course,
    compared: Course,
    lines: Vec<String>,
    alarms: Alarms,
    span: Option<(Timestamp, Timestamp)>,
    shadowed: u64,
}

impl Ledger {
    /// A ledger without any bounties.
    pub fn new(question: Question) -> Ledger {
        let strategies = Strategies::new(question.strategies);
        let lines = strategies.names();
        Ledger {
            total: Sums::default(),
            settled: 0,
            fees: Nct::ZERO,
            groups: question.groupings.into_iter().map(|grouping| (grouping, Groups::default())).collect(),
            course: Course::new(1),
            compared: Course::new(lines.len() + 1),
            lines,
            strategies,
            rivals: Rivals::default(),
            calibration: Calibration::default(),
            calibration_by_kind: Groups::default(),
            latencies: Vec::new(),
            misses: Misses::default(),
            stakes: StakeGrid::default(),
            alarms: Alarms::new(question.alarms),
            span: None,
            shadowed: 0,
        }
    }

    /// Counts one bounty.
    pub fn see(&mut self, story: &Story) {
        let entry = LedgerEntry::of(story);
        let came = story.bounty.received;
        self.span = Some(self.span.map_or((came, came), |(first, last)| (first.min(came), last.max(came))));
        self.misses.add(story, entry.as_ref());
        self.alarms.answered(came);
        self.alarms.came(came, story.bounty.expires);
        if let Some(ended) = &story.ending {
            self.alarms.ended(ended.at, ended.how.outcome().into());
        }
        if let Some(entry) = entry {
            self.answered(&entry);
        }
    }

    fn answered(&mut self, entry: &LedgerEntry) {
        self.shadowed += u64::from(entry.shadow.is_some());
        self.total.add(entry);
        for (grouping, groups) in &mut self.groups {
            grouping.each(entry, &mut |name| groups.of(name).add(entry));
        }
        let took = entry.received.until(entry.answered).as_micros();
        self.latencies.push(u64::try_from(took).unwrap_or(u64::MAX));
        self.stakes.add(entry);
        if entry.outcome.is_none() {
            return;
        }
        self.settled += 1;
        if let Some((q, right)) = entry.bet.as_ref().map(|bet| bet.q).zip(entry.right()) {
            self.calibration.add(q, right);
            self.calibration_by_kind.of(&entry.kind).add(q, right);
        }
        if let Some(profit) = entry.profit() {
            self.course.add(entry.received, std::iter::once(profit));
            if entry.staked() > Nct::ZERO {
                self.fees = self.fees.saturating_add(entry.fee());
            }
        }
        if let Some(heard) = AnswerResult::of(entry) {
            self.alarms.settled(heard);
        }
        let replay = Replay::of(entry);
        if let Some((ours, others)) = self.strategies.add(entry, replay.as_ref()) {
            self.compared.add(entry.received, std::iter::once(ours).chain(others));
        }
        self.rivals.add(entry, replay.as_ref());
    }

    /// The report as of `now`. `closed`: since when and why the purse is closed, if it is.
    pub fn close(mut self, now: Timestamp, closed: Option<(Timestamp, &str)>) -> LedgerReport {
        if let Some((since, why)) = closed {
            self.alarms.look(since, Some(why));
        }
        let alarms = self.alarms.look(now, closed.map(|(_, why)| why));
        let strategies = self.strategies.table();
        let (rival_bounties, engines) = self.rivals.table();
        let groups = |(grouping, groups): (Grouping, Groups<Sums>)| GroupTable {
            by: grouping,
            groups: groups.sorted().into_iter().map(|(name, sums)| GroupRow::new(name, sums)).collect(),
        };
        let by_kind = self.calibration_by_kind.sorted().into_iter();
        let lines = std::iter::once(AS_STAKED.to_owned()).chain(self.lines).collect();
        let mut report = LedgerReport {
            schema: SCHEMA_VERSION,
            made: now.micros(),
            first: self.span.map(|(first, _)| first.micros()),
            last: self.span.map(|(_, last)| last.micros()),
            missing: Vec::new(),
            alarms,
            settled: self.settled,
            fees: self.fees,
            total: GroupRow::new("(all)".to_owned(), self.total),
            by: self.groups.into_iter().map(groups).collect(),
            strategies,
            rivals: RivalTable { bounties: rival_bounties, engines },
            calibration: CalibrationTable {
                overall: self.calibration.row(),
                by_kind: by_kind.map(|(kind, calibration)| KindCalibration { kind, row: calibration.row() }).collect(),
            },
            latency: Latency::of(self.latencies),
            coverage: Coverage { asserted: self.misses.share_asserted(), unknown: self.misses.share_unknown() },
            misses: self.misses,
            shadowed: self.shadowed,
            shadows: Vec::new(),
            stakes: self.stakes,
            course: self.course.sums(),
            compared: ProfitLines { names: lines, moments: self.compared.sums() },
        };
        report.missing = report.look_for_gaps();
        report
    }
}

/// The report. docs/json.md describes it as JSON.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LedgerReport {
    /// Version of the schema: [`SCHEMA_VERSION`].
    pub schema: u32,
    /// When the report was made, in microseconds since 1970.
    pub made: i64,
    /// When the first bounty came in, in microseconds since 1970.
    pub first: Option<i64>,
    /// When the last bounty came in, in microseconds since 1970.
    pub last: Option<i64>,
    /// What is missing from the report for lack of data, and what to do about it.
    pub missing: Vec<String>,
    /// The alarms that are on.
    pub alarms: Vec<Alarm>,
    /// Number of settled bounties.
    pub settled: u64,
    /// The fees of all bets whose profit is known. Already part of the profit.
    pub fees: Nct,
    /// The sums over all bounties.
    pub total: GroupRow,
    /// The sums by group, one table for each grouping.
    pub by: Vec<GroupTable>,
    /// What other strategies would have earned.
    pub strategies: StrategyTable,
    /// How all engines did, ours among them.
    pub rivals: RivalTable,
    /// How our confidence compares with how often we were right.
    pub calibration: CalibrationTable,
    /// How long answers took.
    pub latency: Latency,
    /// What became of bounties, apart from money.
    pub misses: Misses,
    /// The shares of bounties that were asserted and of answers that say unknown.
    pub coverage: Coverage,
    /// Number of answers on which there is an opinion of a second set of rules too.
    pub shadowed: u64,
    /// Second sets of rules beside the live one, by [`shadows`](crate::shadows()): they need more than one pass.
    pub shadows: Vec<ShadowRow>,
    /// Number of answers by confidence and stake.
    #[serde(skip)]
    pub stakes: StakeGrid,
    /// Profit over time, of every bounty whose profit is known.
    #[serde(skip)]
    pub course: Vec<Moment>,
    /// Profit over time of the real stakes and of every strategy, on the bounties that are compared.
    #[serde(skip)]
    pub compared: ProfitLines,
}

/// Several lines of profit over time.
#[derive(Clone, PartialEq, Debug)]
pub struct ProfitLines {
    /// The name of each line.
    pub names: Vec<String>,
    /// The sum up to each moment, for each line.
    pub moments: Vec<Moment>,
}

/// A group, and its sums.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct GroupRow {
    /// The group's name.
    pub name: String,
    /// The sums over the group's bounties.
    #[serde(flatten)]
    pub sums: Sums,
    /// Profit per NCT staked, over the bets whose profit is known.
    pub return_on_stake: Option<f64>,
}

impl GroupRow {
    fn new(name: String, sums: Sums) -> GroupRow {
        GroupRow { name, return_on_stake: sums.return_on_stake(), sums }
    }

    /// The profit of the group.
    pub fn profit(&self) -> Profit {
        self.sums.profit
    }
}

/// All groups of one grouping, by name.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct GroupTable {
    /// The grouping.
    #[serde(serialize_with = "grouping")]
    pub by: Grouping,
    /// The groups.
    pub groups: Vec<GroupRow>,
}

fn grouping<S: serde::Serializer>(grouping: &Grouping, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(grouping.name())
}

/// How all engines did.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RivalTable {
    /// Number of bounties whose assertions are known.
    pub bounties: u64,
    /// The engines, best first.
    pub engines: Vec<RivalRow>,
}

/// How our confidence compares with how often we were right.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CalibrationTable {
    /// Over all answers.
    pub overall: CalibrationRow,
    /// By kind of artifact.
    pub by_kind: Vec<KindCalibration>,
}

/// The calibration for one kind of artifact.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct KindCalibration {
    /// The artifacts' kind, by triage.
    pub kind: String,
    /// The calibration.
    #[serde(flatten)]
    pub row: CalibrationRow,
}

/// The shares of bounties that were asserted and of answers that say unknown.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Coverage {
    /// The share of bounties, without votes, that were answered with a stake, 0.0 to 1.0.
    pub asserted: Option<f64>,
    /// The share of answers that say unknown, 0.0 to 1.0.
    pub unknown: Option<f64>,
}

impl LedgerReport {
    /// What is missing from the report for lack of data, and what to do about it.
    fn look_for_gaps(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.misses.bounties == 0 {
            missing.push("No bounties in this period.".to_owned());
            return missing;
        }
        if self.settled == 0 {
            missing.push(
                "No settlement is known, so there is neither profit nor calibration: import settlements \
                 with `stakeout outcomes import`."
                    .to_owned(),
            );
            return missing;
        }
        let sums = &self.total.sums;
        if sums.open > 0 {
            missing.push(format!("{} of {} bets have no known settlement.", sums.open, sums.bets));
        }
        if sums.unknown > 0 {
            missing.push(format!(
                "The results of {} settled bets are unknown: no sum includes them, so the profit lacks the gains \
                 of those that won. The column `estimated` includes an estimate.",
                sums.unknown
            ));
        }
        if self.strategies.not_compared > 0 {
            missing.push(format!(
                "Strategies are compared on {} of {} settled bets and abstentions: for the others the contract, the reward, the \
                 fee, assertions or votes are unknown, or contradict the payout.",
                self.strategies.compared,
                self.strategies.compared + self.strategies.not_compared
            ));
        }
        if self.rivals.bounties == 0 {
            missing.push("The assertions of other engines are unknown.".to_owned());
        }
        missing
    }
}
