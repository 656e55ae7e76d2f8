//! What is written, and what is read back.

use std::borrow::Cow;

use daemon_market::{BountyId, BountyKey, Correction, Nct, PurseNote, SettlementNotice, Timestamp, Verdict};

use crate::JournalError;

/// Largest record, in bytes: far above what a webhook takes in and a report may be, far below what SQLite can hold.
pub const RECORD_BYTES_MAX: usize = 32 << 20;

/// That a bounty came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Which one, and in which phase.
    pub key: BountyKey,
    /// The webhook's name for this delivery, for the log.
    pub delivery: String,
    /// When it came.
    pub received: Timestamp,
    /// After this nobody listens.
    pub expires: Timestamp,
    /// The signed body as it came.
    pub wire: Vec<u8>,
}

/// What we answer, decided but not yet sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Answered {
    /// To which bounty.
    pub key: BountyKey,
    /// When it was decided.
    pub at: Timestamp,
    /// The bytes that are sent, now and at every later try.
    pub body: Vec<u8>,
    /// What is said.
    pub verdict: Verdict,
    /// What is staked on it.
    pub bid: Nct,
    /// The probability that the verdict is right, 0.0 to 1.0. Written as the nearest of these; what is no number as 0.0.
    pub confidence: f64,
    /// What the artifact is, by triage.
    pub kind: String,
    /// The digest of what was examined.
    pub sha256: Option<[u8; 32]>,
    /// Its size in bytes, at most `i64::MAX`: what is above is written as that.
    pub size: Option<u64>,
    /// The rules generation it was judged by.
    pub generation: String,
    /// What people were told beside the verdict.
    pub comments: Vec<String>,
    /// Everything that was seen, as JSON, to explain it later.
    pub report: String,
    /// How its stake was decided, as JSON (a [`daemon_market::Bet`]). Empty where there was nothing to decide.
    pub bet: String,
}

/// That nothing more will be done about a bounty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Which bounty.
    pub key: BountyKey,
    /// When.
    pub at: Timestamp,
    /// How.
    pub how: Ending,
    /// How often it was tried to send the answer.
    pub attempts: u32,
    /// What there is to know beyond that, for people.
    pub detail: String,
}

/// How a bounty ended for us.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ending {
    /// The marketplace took the answer.
    Sent {
        /// The HTTP status it said so with.
        status: u16,
    },
    /// The marketplace refused the answer for good.
    Refused {
        /// The HTTP status it said so with.
        status: u16,
    },
    /// Its time ran out.
    Expired,
    /// There was an answer, and it was kept back on purpose: a dry run.
    Withheld,
}

impl From<Ending> for daemon_market::Ending {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Sent { status } => daemon_market::Ending::Sent(status),
            Ending::Refused { status } => daemon_market::Ending::Refused(status),
            Ending::Expired => daemon_market::Ending::Expired,
            Ending::Withheld => daemon_market::Ending::Withheld,
        }
    }
}

impl From<daemon_market::Ending> for Ending {
    fn from(ending: daemon_market::Ending) -> Self {
        match ending {
            daemon_market::Ending::Sent(status) => Ending::Sent { status },
            daemon_market::Ending::Refused(status) => Ending::Refused { status },
            daemon_market::Ending::Expired => Ending::Expired,
            daemon_market::Ending::Withheld => Ending::Withheld,
        }
    }
}

impl Ending {
    /// The same without the status.
    pub fn outcome(self) -> BountyStatus {
        match self {
            Ending::Sent { .. } => BountyStatus::Sent,
            Ending::Refused { .. } => BountyStatus::Refused,
            Ending::Expired => BountyStatus::Expired,
            Ending::Withheld => BountyStatus::Withheld,
        }
    }

    /// What the marketplace said to the answer: an HTTP status.
    pub fn status(self) -> Option<u16> {
        match self {
            Ending::Sent { status } | Ending::Refused { status } => Some(status),
            Ending::Expired | Ending::Withheld => None,
        }
    }
}

/// What came of a bounty, to search and count by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BountyStatus {
    /// Nothing yet: it has no ending.
    Pending,
    /// [`Ending::Sent`].
    Sent,
    /// [`Ending::Refused`].
    Refused,
    /// [`Ending::Expired`].
    Expired,
    /// [`Ending::Withheld`].
    Withheld,
}

impl BountyStatus {
    /// All there are.
    pub const ALL: [BountyStatus; 5] = [
        BountyStatus::Pending,
        BountyStatus::Sent,
        BountyStatus::Refused,
        BountyStatus::Expired,
        BountyStatus::Withheld,
    ];

    /// As the journal and the command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            BountyStatus::Pending => "pending",
            BountyStatus::Sent => "sent",
            BountyStatus::Refused => "refused",
            BountyStatus::Expired => "expired",
            BountyStatus::Withheld => "withheld",
        }
    }

    /// The outcome of that name.
    pub fn named(name: &str) -> Option<BountyStatus> {
        BountyStatus::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// How a bounty was settled, as the marketplace told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// Which bounty.
    pub key: BountyKey,
    /// When we heard.
    pub at: Timestamp,
    /// What we heard.
    pub outcome: SettlementNotice,
}

/// That what was told of a settled bounty was wrong. What it corrects stays beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Corrected {
    /// Which bounty.
    pub key: BountyKey,
    /// When a person said so.
    pub at: Timestamp,
    /// What is right, and why.
    pub correction: Correction,
}

/// That the purse was closed, or opened again by a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurseEntry {
    /// When.
    pub at: Timestamp,
    /// Which of the two.
    pub note: PurseNote,
    /// Why, or by whom.
    pub detail: String,
}

/// One record.
#[derive(Clone, PartialEq, Debug)]
pub enum Write {
    /// A bounty came in. Comes first.
    Bounty(Received),
    /// A bounty is answered so.
    Answer(Answered),
    /// A bounty has ended.
    Ending(Ended),
    /// A bounty was settled.
    Settled(Settled),
    /// What was told of a settled bounty is corrected. There may be several: the latest counts.
    Corrected(Corrected),
    /// The purse was closed or opened. About no bounty.
    Purse(PurseEntry),
}

impl Write {
    /// The bounty it is about, if it is about one.
    pub fn key(&self) -> Option<&BountyKey> {
        match self {
            Write::Bounty(Received { key, .. })
            | Write::Answer(Answered { key, .. })
            | Write::Ending(Ended { key, .. })
            | Write::Settled(Settled { key, .. })
            | Write::Corrected(Corrected { key, .. }) => Some(key),
            Write::Purse(PurseEntry { .. }) => None,
        }
    }

    /// How many bytes of it the caller chose, about.
    pub(crate) fn size_bytes(&self) -> usize {
        self.key().map_or(0, |key| key.id.as_str().len())
            + match self {
                Write::Bounty(bounty) => bounty.delivery.len() + bounty.wire.len(),
                Write::Answer(answer) => {
                    let comments: usize = answer.comments.iter().map(String::len).sum();
                    let texts = answer.kind.len() + answer.generation.len() + answer.report.len();
                    answer.body.len() + texts + comments + answer.bet.len()
                }
                Write::Ending(ending) => ending.detail.len(),
                Write::Settled(settled) => settled.outcome.source.len() + settled.outcome.record.len(),
                Write::Corrected(corrected) => corrected.correction.reason.len(),
                Write::Purse(entry) => entry.detail.len(),
            }
    }

    pub(crate) fn check_size(&self) -> Result<(), JournalError> {
        if self.size_bytes() > RECORD_BYTES_MAX {
            return Err(self.unfit("it is above 32 MiB"));
        }
        Ok(())
    }

    pub(crate) fn unfit(&self, why: &'static str) -> JournalError {
        JournalError::Unfit { key: self.key().cloned(), why }
    }
}

/// Why what is written about a bounty is refused that belongs to nothing.
pub(crate) const NO_BOUNTY: &str = "the journal has no such bounty";
/// Why a correction is refused that corrects nothing.
pub(crate) const NO_OUTCOME: &str = "the journal does not say how it was settled";

impl Answered {
    /// The confidence as it is written. SQLite has no NaN, and no zero below zero.
    pub(crate) fn confidence_written(&self) -> f64 {
        if self.confidence.is_nan() { 0.0 } else { self.confidence.clamp(0.0, 1.0) + 0.0 }
    }

    /// The size as it is written: SQLite's integers have a sign.
    pub(crate) fn size_written(&self) -> Option<i64> {
        self.size.map(|size| i64::try_from(size).unwrap_or(i64::MAX))
    }
}

/// What became of a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteResult {
    /// It is in the journal now, and was not before.
    Fresh,
    /// A bounty or an ending of this key was there already. That one stays, and nothing was written.
    Known,
    /// An answer of this key was there already, with these bytes. They are the truth: send them, not yours.
    Answered(Vec<u8>),
}

/// A bounty to take up again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// The bounty.
    pub bounty: Received,
    /// What is to be sent, where that is decided already.
    pub body: Option<Vec<u8>>,
}

/// One record, with its running number.
#[derive(Clone, PartialEq, Debug)]
pub struct JournalEntry {
    /// One for the first record of the journal, and one more for every other.
    pub n: u64,
    /// The record.
    pub record: Write,
}

/// All that is known of a bounty in one phase.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    /// How it came in.
    pub bounty: Received,
    /// How it was answered.
    pub answer: Option<Answered>,
    /// How it ended.
    pub ending: Option<Ended>,
    /// How it was settled, as far as is known today: what a person corrected is corrected here.
    pub settled: Option<Settled>,
    /// The latest correction of that, and what was told first.
    pub corrected: Option<(Corrected, SettlementNotice)>,
}

impl Story {
    /// With how it was settled, as it was told and as it was corrected since.
    pub(crate) fn with_settled(self, settled: Option<Settled>, corrected: Option<Corrected>) -> Story {
        let Some((told, corrected)) = settled.clone().zip(corrected) else { return Story { settled, ..self } };
        let outcome = told.outcome.corrected(&corrected.correction);
        Story { settled: Some(Settled { outcome, ..told.clone() }), corrected: Some((corrected, told.outcome)), ..self }
    }

    /// What is or was at stake: nothing where the marketplace cannot have had the answer.
    pub fn staked(&self) -> Nct {
        let ended = self.ending.as_ref().map(|ended| (ended.how, ended.attempts));
        self.answer.as_ref().map_or(Nct::ZERO, |answer| at_stake(answer.bid, ended))
    }
}

/// What of a bid is or was at stake, by how its bounty ended, if it has: nothing where the marketplace cannot have had the
/// answer.
pub fn at_stake(bid: Nct, ended: Option<(Ending, u32)>) -> Nct {
    match ended {
        Some((how, attempts)) if !daemon_market::Ending::from(how).may_have_arrived(attempts) => Nct::ZERO,
        Some(_) | None => bid,
    }
}

/// A record that the purse is counted from, in the order in which it was decided.
#[derive(Clone, PartialEq, Debug)]
pub enum PurseRecord {
    /// So much was staked.
    Staked {
        /// On which bounty.
        key: BountyKey,
        /// When it was decided.
        at: Timestamp,
        /// How much.
        bid: Nct,
    },
    /// A bounty with a stake ended.
    Ended {
        /// Which.
        key: BountyKey,
        /// When.
        at: Timestamp,
        /// How.
        how: Ending,
        /// How often its answer was sent.
        attempts: u32,
    },
    /// A bounty with a stake was settled.
    Settled {
        /// Which.
        key: BountyKey,
        /// When we heard.
        at: Timestamp,
        /// What was said.
        verdict: Verdict,
        /// What was staked on it.
        bid: Nct,
        /// What we heard.
        outcome: SettlementNotice,
        /// How the stake was decided.
        bet: String,
        /// How the bounty ended, and after how many attempts, where that is written down.
        ended: Option<(Ending, u32)>,
    },
    /// What was told of a bounty with a stake is corrected.
    Corrected {
        /// Which.
        key: BountyKey,
        /// When a person said so.
        at: Timestamp,
        /// What was said.
        verdict: Verdict,
        /// What was staked on it.
        bid: Nct,
        /// What is right: as far as a purse is concerned, without source and record.
        outcome: SettlementNotice,
        /// How the stake was decided.
        bet: String,
        /// How the bounty ended, and after how many attempts, where that is written down.
        ended: Option<(Ending, u32)>,
    },
    /// The purse was closed or opened.
    Noted(PurseEntry),
}

impl PurseRecord {
    /// When it was.
    pub fn at(&self) -> Timestamp {
        match self {
            PurseRecord::Staked { at, .. }
            | PurseRecord::Ended { at, .. }
            | PurseRecord::Settled { at, .. }
            | PurseRecord::Corrected { at, .. } => *at,
            PurseRecord::Noted(entry) => entry.at,
        }
    }

    /// The same at another time.
    pub(crate) fn moved(mut self, to: Timestamp) -> PurseRecord {
        match &mut self {
            PurseRecord::Staked { at, .. }
            | PurseRecord::Ended { at, .. }
            | PurseRecord::Settled { at, .. }
            | PurseRecord::Corrected { at, .. } => *at = to,
            PurseRecord::Noted(entry) => entry.at = to,
        }
        self
    }

    /// The bounty it is about, if it is about one.
    pub fn key(&self) -> Option<&BountyKey> {
        match self {
            PurseRecord::Staked { key, .. }
            | PurseRecord::Ended { key, .. }
            | PurseRecord::Settled { key, .. }
            | PurseRecord::Corrected { key, .. } => Some(key),
            PurseRecord::Noted(_) => None,
        }
    }
}

/// A record that the purse is counted from, with its running number.
pub type PurseRow = (u64, PurseRecord);

/// One thing that was decided, and when: the order of all there is, without what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moment {
    /// A bounty was answered.
    Answered {
        /// Which.
        key: BountyKey,
        /// When that was decided.
        at: Timestamp,
    },
    /// A bounty ended.
    Ended {
        /// Which.
        key: BountyKey,
        /// When.
        at: Timestamp,
    },
    /// It was heard how a bounty was settled.
    Settled {
        /// Which.
        key: BountyKey,
        /// When we heard.
        at: Timestamp,
    },
    /// What was told of a settled bounty was corrected.
    Corrected(Corrected),
    /// The purse was closed or opened.
    Noted(PurseEntry),
}

impl Moment {
    /// When it was.
    pub fn at(&self) -> Timestamp {
        match self {
            Moment::Answered { at, .. } | Moment::Ended { at, .. } | Moment::Settled { at, .. } => *at,
            Moment::Corrected(corrected) => corrected.at,
            Moment::Noted(entry) => entry.at,
        }
    }
}

/// Which stories are looked for: those that fit everything that is given here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// The bounty came in then or later.
    pub since: Option<Timestamp>,
    /// The bounty came in before.
    pub until: Option<Timestamp>,
    /// The answer's verdict.
    pub verdict: Option<Verdict>,
    /// What came of it.
    pub outcome: Option<BountyStatus>,
    /// Whether it was settled.
    pub settled: Option<bool>,
    /// The digest of what was examined.
    pub sha256: Option<[u8; 32]>,
    /// The bounty's id.
    pub id: Option<BountyId>,
    /// Occurs in the delivery, the kind, a comment, the report, the generation or the ending's detail; as it is written,
    /// upper and lower case told apart.
    pub text: Option<String>,
}

impl Filter {
    /// Whether a story fits.
    pub(crate) fn lets_through(&self, story: &Story) -> bool {
        let answer = story.answer.as_ref();
        let outcome = story.ending.as_ref().map_or(BountyStatus::Pending, |ending| ending.how.outcome());
        let says = |text: &String| {
            let of_answer = answer.is_some_and(|answer| {
                [&answer.kind, &answer.report, &answer.generation].into_iter().any(|field| field.contains(text))
                    || comments_json(&answer.comments).contains(text.as_str())
            });
            let of_ending = story.ending.as_ref().is_some_and(|ending| ending.detail.contains(text));
            story.bounty.delivery.contains(text) || of_answer || of_ending
        };
        self.since.is_none_or(|since| story.bounty.received >= since)
            && self.until.is_none_or(|until| story.bounty.received < until)
            && self.verdict.is_none_or(|verdict| answer.is_some_and(|answer| answer.verdict == verdict))
            && self.outcome.is_none_or(|wanted| outcome == wanted)
            && self.settled.is_none_or(|settled| story.settled.is_some() == settled)
            && self.sha256.is_none_or(|sha256| answer.is_some_and(|answer| answer.sha256 == Some(sha256)))
            && self.id.as_ref().is_none_or(|id| story.bounty.key.id == *id)
            && self.text.as_ref().is_none_or(says)
    }
}

/// The comments as they are stored, and searched.
pub(crate) fn comments_json(comments: &[String]) -> Cow<'static, str> {
    if comments.is_empty() {
        return "[]".into();
    }
    serde_json::to_string(comments).expect("texts always serialize").into()
}

/// How much of what there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Bounties, each phase for itself.
    pub bounties: u64,
    /// Answers.
    pub answers: u64,
    /// Bounties without an ending.
    pub pending: u64,
    /// Bounties that ended with [`Ending::Sent`].
    pub sent: u64,
    /// Bounties that ended with [`Ending::Refused`].
    pub refused: u64,
    /// Bounties that ended with [`Ending::Expired`].
    pub expired: u64,
    /// Bounties that ended with [`Ending::Withheld`].
    pub withheld: u64,
    /// Bounties that were settled.
    pub settled: u64,
}

impl Counts {
    /// The count of those with that outcome.
    pub(crate) fn of(&mut self, outcome: BountyStatus) -> &mut u64 {
        match outcome {
            BountyStatus::Pending => &mut self.pending,
            BountyStatus::Sent => &mut self.sent,
            BountyStatus::Refused => &mut self.refused,
            BountyStatus::Expired => &mut self.expired,
            BountyStatus::Withheld => &mut self.withheld,
        }
    }
}

/// What came of checking every record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Bounties found sound.
    pub bounties: u64,
    /// Answers found sound.
    pub answers: u64,
    /// Endings found sound.
    pub endings: u64,
    /// Outcomes found sound.
    pub outcomes: u64,
    /// Corrections of outcomes found sound.
    pub corrections: u64,
    /// Notes of the purse found sound.
    pub notes: u64,
    /// Checkpoints found sound: how often the details of old bounties were let go of.
    pub checkpoints: u64,
    /// The link of the last sound record: noted elsewhere, it proves later that nothing before it was changed.
    pub head: [u8; 32],
    /// The first thing that does not fit. Nothing beyond it was checked.
    pub damage: Option<Damage>,
}

/// The first thing that does not fit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// SQLite says that the file is no sound database.
    #[error("the database is damaged: {0}")]
    Database(String),
    /// An answer, an ending or an outcome without its bounty.
    #[error("a row of table {table} belongs to no bounty")]
    Stray {
        /// The table it is in.
        table: String,
    },
    /// A record is not what was written.
    #[error("record {n} (table {table}, bounty {id}) is not what was written")]
    Changed {
        /// The table it is in.
        table: &'static str,
        /// Its bounty.
        id: String,
        /// Its running number.
        n: u64,
    },
    /// A record is missing.
    #[error("record {n} is missing")]
    Missing {
        /// Its running number.
        n: u64,
    },
    /// Two records have one number.
    #[error("record {n} (table {table}, bounty {id}) is there twice")]
    Twice {
        /// The table of the second.
        table: &'static str,
        /// Its bounty.
        id: String,
        /// Their running number.
        n: u64,
    },
}
