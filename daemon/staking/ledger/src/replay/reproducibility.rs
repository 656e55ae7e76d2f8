//! Whether a replay makes the same decisions again.

use daemon_market::{BountyKey, Nct};

use super::{Past, Replayed, Turn, Way};
use crate::LedgerEntry;

/// How many decisions a replay made again.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reproduced {
    /// Number of decisions, those without a stake among them.
    pub decisions: u64,
    /// Number of decisions with exactly the same bid.
    pub same: u64,
    /// Number of stakes whose decision is not in the journal. They are taken as they were.
    pub untold: u64,
    /// The first differences, in the order in which the bounties came in.
    pub differences: Vec<DecisionDifference>,
}

/// A decision that the replay made differently.
#[derive(Clone, PartialEq, Debug)]
pub struct DecisionDifference {
    /// The bounty.
    pub key: BountyKey,
    /// The stake in the journal.
    pub recorded: Nct,
    /// The stake in the replay.
    pub replayed: Nct,
    /// The reason, as far as known.
    pub why: String,
}

/// Compares the decisions in the journal with those of a replay. Returns at most `differences_max` differences.
pub fn reproduced(past: &Past, way: &Way<'_>, replayed: &Replayed, differences_max: usize) -> Reproduced {
    let mut reproduced = Reproduced::default();
    for (entry, turn) in past.entries().iter().zip(&replayed.turns) {
        let Some(turn) = turn else { continue };
        if !turn.decided {
            reproduced.untold += 1;
            continue;
        }
        reproduced.decisions += 1;
        if turn.bid == entry.bid {
            reproduced.same += 1;
        } else if reproduced.differences.len() < differences_max {
            let (key, recorded) = (entry.key.clone(), entry.bid);
            reproduced.differences.push(DecisionDifference {
                key,
                recorded,
                replayed: turn.bid,
                why: why(entry, turn, way),
            });
        }
    }
    reproduced
}

/// The reason for a difference: the first input that is not the same.
fn why(entry: &LedgerEntry, turn: &Turn, way: &Way<'_>) -> String {
    let Some(bet) = &entry.bet else { return "the journal does not say how it was decided".to_owned() };
    let because = |why: Option<&str>| why.map(|why| format!(" ({why})")).unwrap_or_default();
    if way.strategy(&bet.strategy).is_none() {
        return format!("there is no strategy `{}` here", bet.strategy);
    }
    if bet.max > way.limits.bounty_max {
        return format!("one bounty could risk {} NCT then, and {} by these limits", bet.max, way.limits.bounty_max);
    }
    if bet.purse != turn.purse {
        return format!(
            "the purse gave {} NCT then{}, and {} now{}",
            bet.purse,
            because(bet.why_not.as_deref()),
            turn.purse,
            because(turn.why_not.as_deref())
        );
    }
    if bet.wanted != turn.wanted {
        return format!(
            "`{}` wanted {} NCT then{}, and {} now{}",
            bet.strategy,
            bet.wanted,
            because(bet.why_not.as_deref()),
            turn.wanted,
            because(turn.why_not.as_deref())
        );
    }
    format!(
        "it was decided otherwise then{}, and now{}",
        because(bet.why_not.as_deref()),
        because(turn.why_not.as_deref())
    )
}
