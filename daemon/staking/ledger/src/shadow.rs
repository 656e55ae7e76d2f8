//! What second sets of rules, weights and models say beside the live answers: how often they differ, who was right, and
//! what bids by the second opinion would have earned.
//!
//! The bids are decided as a backtest decides them ([`replay`](crate::replay())): by the recorded strategies, from a purse
//! that lives through the same past, and settled again where enough is known. Nothing was staked on any of it.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use daemon_market::{Bet, BidStrategy, Nct, Profit, PurseLimits, Timestamp, Truth, Verdict};
use serde::{Serialize, Serializer};

use crate::totals::profit_text;
use crate::{Bidder, Comparing, Judged, LedgerEntry, Past, Resampling, ShadowOpinion, Side, Way, compare, replay};

/// Most second sets that are compared, the latest: each is a replay of the whole past.
const SETS_MAX: usize = 8;

/// How second opinions are compared.
#[derive(Clone, Copy, Debug)]
pub struct ShadowQuestion<'q> {
    /// The strategies that decided then, by name.
    pub strategies: &'q BTreeMap<String, Box<dyn BidStrategy>>,
    /// The limits of the purse.
    pub limits: PurseLimits,
    /// The fee of an assertion, if a record does not say.
    pub fee: Nct,
    /// Only bounties answered at this time or later.
    pub since: Option<Timestamp>,
    /// Only bounties answered before this time.
    pub until: Option<Timestamp>,
    /// How intervals are computed.
    pub resampling: Resampling,
}

/// How often somebody was right, on bounties whose truth is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Correctness {
    /// Right verdicts.
    pub right: u64,
    /// Wrong verdicts.
    pub wrong: u64,
    /// Verdicts that are neither malicious nor benign.
    pub undecided: u64,
}

impl Correctness {
    fn count(&mut self, verdict: Verdict, truth: Truth) {
        let said = match verdict {
            Verdict::Malicious => Some(Truth::Malicious),
            Verdict::Benign => Some(Truth::Benign),
            Verdict::Suspicious | Verdict::Unknown => None,
        };
        *match said {
            Some(said) if said == truth => &mut self.right,
            Some(_) => &mut self.wrong,
            None => &mut self.undecided,
        } += 1;
    }
}

/// The bids of one side, on the bounties that can be settled again for both.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct ShadowBids {
    /// Number of bids.
    pub bets: u64,
    /// Their sum.
    pub staked: Nct,
    /// Their profit, fees included.
    #[serde(serialize_with = "profit_text")]
    pub profit: Profit,
}

impl ShadowBids {
    fn of(side: Option<&Side>) -> ShadowBids {
        side.map_or_else(ShadowBids::default, |side| ShadowBids {
            bets: side.bets,
            staked: side.staked,
            profit: side.profit,
        })
    }
}

/// One second set beside the live one.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ShadowRow {
    /// The generation of the second set.
    pub generation: String,
    /// When it judged the first of these bounties, in microseconds since 1970.
    pub first: i64,
    /// When it judged the last of these bounties, in microseconds since 1970.
    pub last: i64,
    /// Answered bounties that it judged.
    pub bounties: u64,
    /// Number of those on which the verdicts differ.
    pub differ: u64,
    /// Number of those whose truth is known.
    pub settled: u64,
    /// How often the live set was right on those.
    pub live: Correctness,
    /// How often the second set was right on those.
    pub shadow: Correctness,
    /// Bounties that can be settled again for both.
    pub compared: u64,
    /// The real bids on those.
    pub live_bids: ShadowBids,
    /// The bids that the second set's opinions would have had.
    pub shadow_bids: ShadowBids,
    /// The profit of the second set's bids less that of the real ones.
    #[serde(serialize_with = "profit_text")]
    pub difference: Profit,
    /// Lower end of the 95 % interval of the mean difference per bounty; null without bounties.
    #[serde(serialize_with = "maybe")]
    pub mean_low: Option<Profit>,
    /// Upper end of it.
    #[serde(serialize_with = "maybe")]
    pub mean_high: Option<Profit>,
}

fn maybe<S: Serializer>(profit: &Option<Profit>, serializer: S) -> Result<S::Ok, S::Error> {
    match profit {
        Some(profit) => serializer.collect_str(profit),
        None => serializer.serialize_none(),
    }
}

/// Compares each second set with the live one, on the bounties that it judged; the latest last.
pub fn shadows(past: &Past, question: &ShadowQuestion<'_>) -> Vec<ShadowRow> {
    let mut sets: Vec<(&str, Vec<usize>)> = Vec::new();
    for (place, entry) in past.entries().iter().enumerate() {
        let within = question.since.is_none_or(|since| entry.answered >= since)
            && question.until.is_none_or(|until| entry.answered < until);
        let Some(shadow) = entry.shadow.as_ref().filter(|_| within) else { continue };
        match sets.iter_mut().find(|(generation, _)| *generation == shadow.generation) {
            Some((_, places)) => places.push(place),
            None => sets.push((&shadow.generation, vec![place])),
        }
    }
    let latest = sets.split_off(sets.len().saturating_sub(SETS_MAX));
    latest.into_iter().map(|(generation, places)| row(past, question, generation, &places)).collect()
}

fn row(past: &Past, question: &ShadowQuestion<'_>, generation: &str, places: &[usize]) -> ShadowRow {
    let judged = || {
        places.iter().filter_map(|place| {
            let entry = past.entries().get(*place)?;
            Some((*place, entry, entry.shadow.as_ref()?))
        })
    };
    let (mut live, mut shadow) = (Correctness::default(), Correctness::default());
    let (mut differ, mut settled) = (0, 0);
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for (_, entry, opinion) in judged() {
        differ += u64::from(entry.said() != opinion.verdict);
        (first, last) = (first.min(opinion.at.micros()), last.max(opinion.at.micros()));
        if let Some(truth) = entry.outcome.as_ref().and_then(|outcome| outcome.truth) {
            settled += 1;
            live.count(entry.said(), truth);
            shadow.count(opinion.verdict, truth);
        }
    }
    let anew: HashMap<usize, Judged> = judged().map(|(place, entry, opinion)| (place, asked(entry, opinion))).collect();
    let way = Way {
        bidder: Bidder::AsThen(question.strategies),
        limits: question.limits,
        fee: question.fee,
        anew: Some(&anew),
        until: question.until,
    };
    let comparing = Comparing {
        since: question.since,
        until: question.until,
        only: Some(&anew),
        folds: NonZeroUsize::MIN,
        resampling: question.resampling,
    };
    let comparison = compare(past, &[replay(past, &way)], &comparing);
    let against = comparison.sides.get(1).and_then(|side| side.against);
    let interval = against.and_then(|against| against.interval);
    ShadowRow {
        generation: generation.to_owned(),
        first,
        last,
        bounties: places.len() as u64,
        differ,
        settled,
        live,
        shadow,
        compared: comparison.bounties.compared,
        live_bids: ShadowBids::of(comparison.sides.first()),
        shadow_bids: ShadowBids::of(comparison.sides.get(1)),
        difference: against.map_or(Profit::ZERO, |against| against.difference),
        mean_low: interval.map(|interval| interval.low),
        mean_high: interval.map(|interval| interval.high),
    }
}

/// The second opinion as what the strategy is asked. What was known then beside the artifact is still what was known.
fn asked(entry: &LedgerEntry, opinion: &ShadowOpinion) -> Judged {
    let bet = opinion.bet.clone().map(|bet| match &entry.bet {
        Some(then) => {
            Bet { strategy: then.strategy.clone(), fee: then.fee, balance: then.balance, ratio: then.ratio, ..bet }
        }
        None => bet,
    });
    Judged { bet, kind: opinion.kind.clone() }
}
