//! What happens in a simulation: bounties, and what goes wrong. All of it follows from the seed, and any part can be left
//! out without changing the rest.

use std::fmt;
use std::time::Duration;

use daemon_market::{BountyPolicy, LossLimits, Nct, Phase, PurseLimits};

/// What a simulated process does, as far as something can go wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Op {
    WriteBounty,
    Fetch,
    Examine,
    WriteAnswer,
    Post,
    WriteEnding,
    WriteOutcome,
    WriteCorrection,
    WritePurse,
    WriteStep,
    /// Any request that only asks.
    Ask,
    /// The building and signing of transactions.
    Prepare,
    Commit,
    Reveal,
    Settle,
}

/// How it goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// It is not done.
    Fails,
    /// It is done, and nobody hears of it. Of a write: the journal ends, and nobody knows whether it is there.
    Unheard,
    /// It is done twice.
    Twice,
    /// It takes a long time.
    Slow,
    /// The process dies before.
    DiesBefore,
    /// The process dies after it is done, before anybody hears of it.
    DiesAfter,
}

/// Something that goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// Once, with what is done about a bounty (or about the purse) for the time with this number.
    With { bounty: Option<usize>, op: Op, nth: u32, how: How },
    /// The process is killed, and started again after a while.
    Kill { at: Duration, down: Duration },
    /// The process is asked to end, and started again.
    Stop { at: Duration, down: Duration },
    /// The machine is started anew.
    Reboot { at: Duration, down: Duration },
    /// Nothing can be written.
    DiskFull { from: Duration, to: Duration },
    /// No request gets anywhere, and no event comes.
    Cut { from: Duration, to: Duration },
    /// No event comes.
    Silence { from: Duration, to: Duration },
    /// Replies and blocks take long.
    Sluggish { from: Duration, to: Duration },
    /// One request in three gets lost, or its reply does.
    Lossy { from: Duration, to: Duration },
    /// Somebody sets the clock.
    ClockSet { at: Duration, seconds: i64 },
}

/// What an examination of an artifact comes to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct PlannedExamination {
    /// The truth.
    pub malicious: bool,
    /// What the scanner thinks of it; `None`: neither.
    pub seen: Option<bool>,
    pub confidence: f64,
    pub complete: bool,
    /// Of a kind that nobody examines.
    pub declined: bool,
}

/// By which market a bounty comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// As a webhook, which expires after this time.
    Webhook { life: Duration, phase: Phase },
    /// As an event of a chain, on which it expires after so many blocks.
    Chain { blocks: u64 },
}

/// A bounty that comes.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct PlannedBounty {
    pub number: usize,
    pub at: Duration,
    pub by: By,
    pub artifacts: Vec<PlannedExamination>,
    /// When it is delivered again, after it came.
    pub again: Vec<Duration>,
    /// How long after its end its outcome is told; and once more, and once otherwise.
    pub told: Vec<(Duration, bool)>,
    /// How long after its outcome the marketplace settles it anew.
    pub corrected: Option<Duration>,
}

/// The chain and its contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChainTerms {
    pub block: Duration,
    pub reveal: u64,
    pub vote: u64,
    pub one_bid: bool,
    /// Whether receipts tell what was paid out.
    pub tells_payouts: bool,
    /// Whether the same wish gets the same transaction until that is mined.
    pub outbox: bool,
}

/// All that happens.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub seed: u64,
    pub terms: ChainTerms,
    pub limits: PurseLimits,
    pub policy: BountyPolicy,
    pub bounties: Vec<PlannedBounty>,
    pub troubles: Vec<Trouble>,
    /// When a person opens the purse.
    pub opened: Vec<Duration>,
}

impl Scenario {
    pub(crate) fn bounty(&self, number: usize) -> Option<&PlannedBounty> {
        self.bounties.iter().find(|bounty| bounty.number == number)
    }

    /// Whether a trouble of this kind lasts at this time.
    pub(crate) fn lasts(&self, at: Duration, is_it: impl Fn(&Trouble) -> Option<(Duration, Duration)>) -> bool {
        self.troubles.iter().filter_map(is_it).any(|(from, to)| from <= at && at < to)
    }

    pub(crate) fn is_cut(&self, at: Duration) -> bool {
        self.lasts(at, |trouble| if let Trouble::Cut { from, to } = trouble { Some((*from, *to)) } else { None })
    }

    pub(crate) fn is_silent(&self, at: Duration) -> bool {
        self.is_cut(at)
            || self.lasts(
                at,
                |trouble| {
                    if let Trouble::Silence { from, to } = trouble { Some((*from, *to)) } else { None }
                },
            )
    }

    pub(crate) fn is_sluggish(&self, at: Duration) -> bool {
        self.lasts(at, |trouble| if let Trouble::Sluggish { from, to } = trouble { Some((*from, *to)) } else { None })
    }

    pub(crate) fn is_lossy(&self, at: Duration) -> bool {
        self.lasts(at, |trouble| if let Trouble::Lossy { from, to } = trouble { Some((*from, *to)) } else { None })
    }

    pub(crate) fn is_disk_full(&self, at: Duration) -> bool {
        self.lasts(at, |trouble| if let Trouble::DiskFull { from, to } = trouble { Some((*from, *to)) } else { None })
    }

    /// The moments at which something about the surroundings changes.
    pub(crate) fn moments(&self) -> Vec<Duration> {
        let of = |trouble: &Trouble| match trouble {
            Trouble::With { .. } => Vec::new(),
            Trouble::Kill { at, .. }
            | Trouble::Stop { at, .. }
            | Trouble::Reboot { at, .. }
            | Trouble::ClockSet { at, .. } => vec![*at],
            Trouble::DiskFull { from, to }
            | Trouble::Cut { from, to }
            | Trouble::Silence { from, to }
            | Trouble::Sluggish { from, to }
            | Trouble::Lossy { from, to } => vec![*from, *to],
        };
        self.troubles.iter().flat_map(of).collect()
    }
}

/// Limits that a few bounties reach.
pub(crate) fn limits(hour: u64, open: u64, day: u64, open_time: Duration) -> PurseLimits {
    let tenths = |tenths: u64| Some(Nct::from_base_units(u128::from(tenths) * 10u128.pow(17)));
    PurseLimits {
        bounty_max: Nct::literal("0.9"),
        hour_max: tenths(hour),
        day_max: tenths(day),
        open_max: tenths(open),
        open_time,
        losses: LossLimits { day_max: tenths(20), row_max: Some(4), drop_max_percent: None },
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { seed, terms, limits, policy, bounties, troubles, opened } = self;
        writeln!(f, "seed {seed}: {} bounties, {} troubles", bounties.len(), troubles.len())?;
        writeln!(f, "  {terms:?}")?;
        let amount = |limit: Option<Nct>| limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
        let (hour, day, open) = (amount(limits.hour_max), amount(limits.day_max), amount(limits.open_max));
        let (fetching, examining) = (policy.fetching_max, policy.examining_max);
        writeln!(
            f,
            "  purse: {hour} an hour, {day} a day, {open} at once; {fetching} downloads, {examining} examined"
        )?;
        for bounty in bounties {
            let PlannedBounty { number, at, by, artifacts, again, told, corrected } = bounty;
            writeln!(
                f,
                "  bounty {number} at {at:?}, {by:?}, again {again:?}, told {told:?}, corrected {corrected:?}"
            )?;
            for (place, artifact) in artifacts.iter().enumerate().take(8) {
                writeln!(f, "    artifact {place}: {artifact:?}")?;
            }
        }
        for trouble in troubles {
            writeln!(f, "  {trouble:?}")?;
        }
        if opened.is_empty() { Ok(()) } else { writeln!(f, "  a person opens the purse at {opened:?}") }
    }
}
