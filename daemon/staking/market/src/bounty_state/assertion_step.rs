//! The steps of an assertion's life on the chain, as they are written down.

use crate::Nct;

/// What was done, or happened, to an assertion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StepKind {
    /// Its commitment is about to be sent for the first time: from here on the chain may have it.
    Pledged,
    /// The chain has it.
    Asserted,
    /// It is revealed.
    Revealed,
    /// The time to reveal it passed, and it is not revealed: its stake is lost.
    Missed,
    /// The transaction named here, which settles it, is about to be sent: what became of it is looked up after a crash. The
    /// only step that there can be several of.
    Settling,
    /// It is settled: its payout is ours.
    Settled,
    /// It could not be settled for so long that it is given up: its stake counts as lost.
    Abandoned,
    /// The chain does not have it and never will: nothing was staked.
    Void,
}

impl StepKind {
    /// Every kind, in the order in which they can follow each other.
    pub const ALL: [StepKind; 8] = [
        StepKind::Pledged,
        StepKind::Asserted,
        StepKind::Revealed,
        StepKind::Missed,
        StepKind::Settling,
        StepKind::Settled,
        StepKind::Abandoned,
        StepKind::Void,
    ];

    /// The name in the journal and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            StepKind::Pledged => "pledged",
            StepKind::Asserted => "asserted",
            StepKind::Revealed => "revealed",
            StepKind::Missed => "missed",
            StepKind::Settling => "settling",
            StepKind::Settled => "settled",
            StepKind::Abandoned => "abandoned",
            StepKind::Void => "void",
        }
    }

    /// The kind of that name, if there is one.
    pub fn named(name: &str) -> Option<StepKind> {
        StepKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One step of an assertion's life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssertionStep {
    /// What was done or happened.
    pub kind: StepKind,
    /// The assertion's number among those of its bounty, of a step that tells it.
    pub index: Option<u64>,
    /// Where it is on the chain, if it is there.
    pub place: ChainPosition,
    /// What was paid out to us, of a settlement that tells it.
    pub payout: Option<Nct>,
    /// Further details, for people.
    pub detail: String,
}

impl AssertionStep {
    /// A step of this kind of which nothing more is known.
    pub fn new(kind: StepKind) -> AssertionStep {
        AssertionStep { kind, index: None, place: ChainPosition::default(), payout: None, detail: String::new() }
    }
}

/// Where something is on the chain, as far as known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChainPosition {
    /// The hash of the transaction, as 64 hexadecimal digits after `0x`; empty if not known.
    pub transaction: String,
    /// The block.
    pub block: Option<u64>,
}

/// How long reveals and votes last, in blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContractWindows {
    /// From the expiration on, assertions may be revealed for so many blocks.
    pub reveal: u64,
    /// After that, arbiters may vote for so many blocks.
    pub vote: u64,
}

/// What the chain says of our assertion about a bounty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It has none of ours.
    Absent,
    /// It has ours.
    Asserted {
        /// Its number among those of the bounty.
        index: u64,
        /// Whether it is revealed.
        revealed: bool,
        /// Where it was asserted, if known.
        place: ChainPosition,
    },
    /// It could not be asked.
    Unknown {
        /// Why not.
        why: String,
    },
}
