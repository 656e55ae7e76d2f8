//! What an archive says of the last hours, in one pass over its latest stories.

use std::collections::{BTreeMap, VecDeque};

use daemon_base::text::shortened;
use daemon_journal::Story;
use daemon_ledger::{AlarmLimits, EngineTotals, Latency, Ledger, Moment, OTHERS, Question, profit_text, text_profit};
use daemon_market::{Nct, Profit, Timestamp, Verdict};
use serde::{Deserialize, Serialize};

use crate::AnswerNow;

/// How many of the last answers are shown.
const ANSWERS_MAX: usize = 24;
/// Most kinds of artifacts that are counted by themselves: names come from outside.
const KINDS_MAX: usize = 200;
/// Longest name of a kind, in characters.
const KIND_CHARS_MAX: usize = 48;
const HOUR: i64 = 3_600_000_000;

/// What the archive of one engine says of a period.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Books {
    /// Why the archive cannot be read; then everything else is empty.
    pub error: Option<String>,
    /// Begin of the period, in microseconds since 1970.
    pub since: i64,
    /// End of the period: when the archive was read.
    pub until: i64,
    /// Whether there were more bounties in the period than are read: then these are the latest.
    pub cut: bool,
    /// The sums over the period. They have the engine's name.
    pub totals: EngineTotals,
    /// Verdicts by kind of artifact, the most frequent kinds first.
    pub kinds: Vec<KindRow>,
    /// What came hour by hour, the earliest first; hours without bounties are left out.
    pub hours: Vec<HourRow>,
    /// The profit up to each moment.
    pub profit: Vec<ProfitPoint>,
    /// How long answers took.
    pub latency: Latency,
    /// The last answers, the latest first.
    pub answers: Vec<AnswerNow>,
}

impl Books {
    /// The length of the period in hours.
    pub(crate) fn period_hours(&self) -> i64 {
        self.until.saturating_sub(self.since) / HOUR
    }
}

/// The verdicts on one kind of artifact.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct KindRow {
    /// The kind, by triage.
    pub kind: String,
    /// Answers malicious.
    pub malicious: u64,
    /// Answers suspicious.
    pub suspicious: u64,
    /// Answers benign.
    pub benign: u64,
    /// Answers unknown.
    pub unknown: u64,
    /// The sum of stakes.
    pub staked: Nct,
}

impl KindRow {
    /// All answers.
    pub fn answers(&self) -> u64 {
        self.malicious + self.suspicious + self.benign + self.unknown
    }
}

/// What came in one hour.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HourRow {
    /// Begin of the hour, in microseconds since 1970.
    pub hour: i64,
    /// Bounties that came in.
    pub bounties: u64,
    /// Those that were answered.
    pub answers: u64,
    /// Those with a stake.
    pub bets: u64,
    /// The sum of stakes.
    pub staked: Nct,
}

/// The profit up to a moment.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ProfitPoint {
    /// The moment, in microseconds since 1970.
    pub at: i64,
    /// The profit.
    #[serde(serialize_with = "profit_text", deserialize_with = "text_profit")]
    pub profit: Profit,
}

/// Reads stories one by one, in the order in which the bounties came in. Keeps sums, and the last few stories.
#[derive(Debug)]
pub struct BooksReader {
    engine: String,
    since: Timestamp,
    ledger: Ledger,
    kinds: BTreeMap<String, KindRow>,
    hours: BTreeMap<i64, HourRow>,
    last: VecDeque<Story>,
}

impl BooksReader {
    /// A reader of the archive of `engine`, from `since` on.
    pub fn new(engine: &str, since: Timestamp) -> BooksReader {
        let question = Question { groupings: Vec::new(), strategies: Vec::new(), alarms: AlarmLimits::default() };
        BooksReader {
            engine: shortened(engine, KIND_CHARS_MAX),
            since,
            ledger: Ledger::new(question),
            kinds: BTreeMap::new(),
            hours: BTreeMap::new(),
            last: VecDeque::new(),
        }
    }

    /// Counts one bounty.
    pub fn see(&mut self, story: Story) {
        self.ledger.see(&story);
        let staked = story.staked();
        let begin = story.bounty.received.micros().div_euclid(HOUR) * HOUR;
        let hour = self.hours.entry(begin).or_insert_with(|| HourRow { hour: begin, ..HourRow::default() });
        hour.bounties += 1;
        let Some(answer) = &story.answer else { return };
        hour.answers += 1;
        hour.bets += u64::from(staked > Nct::ZERO);
        hour.staked = hour.staked.saturating_add(staked);
        let name = shortened(&answer.kind, KIND_CHARS_MAX);
        let is_known = self.kinds.len() < KINDS_MAX || self.kinds.contains_key(&name);
        let name = if is_known { name } else { OTHERS.to_owned() };
        let row = self.kinds.entry(name.clone()).or_insert_with(|| KindRow { kind: name, ..KindRow::default() });
        match answer.verdict {
            Verdict::Malicious => row.malicious += 1,
            Verdict::Suspicious => row.suspicious += 1,
            Verdict::Benign => row.benign += 1,
            Verdict::Unknown => row.unknown += 1,
        }
        row.staked = row.staked.saturating_add(staked);
        self.last.push_back(story);
        if self.last.len() > ANSWERS_MAX {
            self.last.pop_front();
        }
    }

    /// What was read, as of `now`. `cut`: there was more in the period.
    pub fn close(self, now: Timestamp, cut: bool) -> Books {
        let report = self.ledger.close(now, None);
        let mut kinds: Vec<KindRow> = self.kinds.into_values().collect();
        kinds.sort_by_key(|row| std::cmp::Reverse(row.answers()));
        let point = |moment: &Moment| ProfitPoint {
            at: moment.at.micros(),
            profit: moment.profits.first().copied().unwrap_or_default(),
        };
        Books {
            error: None,
            since: self.since.micros(),
            until: now.micros(),
            cut,
            totals: EngineTotals::of(&self.engine, &report),
            kinds,
            hours: self.hours.into_values().collect(),
            profit: report.course.iter().map(point).collect(),
            latency: report.latency,
            answers: self.last.iter().rev().filter_map(AnswerNow::of).collect(),
        }
    }

    /// What is told of an archive that cannot be read.
    pub fn failed(self, now: Timestamp, why: &str) -> Books {
        let totals = EngineTotals { engine: self.engine, ..EngineTotals::default() };
        let why = daemon_base::text::escaped(why).into_owned();
        Books { error: Some(why), since: self.since.micros(), until: now.micros(), totals, ..Books::default() }
    }
}
