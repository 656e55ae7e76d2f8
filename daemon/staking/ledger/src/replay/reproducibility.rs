//! Whether the past came out again.

use daemon_market::{BountyKey, Nct};

use super::{Past, Replayed, Turn, Way};
use crate::LedgerEntry;

/// How much of what was decided came out again.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reproduced {
    /// Decisions there were, those among them that staked nothing.
    pub decisions: u64,
    /// So many of them came to the same bid, to the last bit.
    pub same: u64,
    /// Stakes of which the journal does not say how they were decided. They are taken as they were.
    pub untold: u64,
    /// The first that did not, in the order in which bounties came.
    pub differences: Vec<DecisionDifference>,
}

/// A decision that did not come out again.
#[derive(Clone, PartialEq, Debug)]
pub struct DecisionDifference {
    /// About which bounty.
    pub key: BountyKey,
    /// What was staked.
    pub recorded: Nct,
    /// What would be now.
    pub replayed: Nct,
    /// Why, as far as can be told.
    pub why: String,
}

/// Compares what was decided with what the same would decide again; tells at most so many differences.
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

/// Why it did not come out again: the first thing that is not what it was.
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
