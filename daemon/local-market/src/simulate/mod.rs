//! A market from a seed: the same labelled bounties, rivals and arbiters for each strategy that is tried.
//!
//! All random values are drawn before anybody bets. So all strategies get the same luck, and only the effects of their
//! bids differ: the pool that winners share, and the balances.
//!
//! What the bounties are about is drawn too ([`ArtifactKind`]), or taken from files whose truth is known and that several
//! engines judged ([`LabelledFiles`]): then each player stakes on what its engine said.

mod error;
mod labelled;
mod record;
mod strategies;

use daemon_market::{BidBounds, ContractVersion, Nct, Profit, Verdict};

use crate::outcome::{RunTally, StrategyResult, outcomes};
use crate::settled::sum;
use crate::{Arbiter, ArtifactKind, Drawn, Exchange, Fees, Posting, Refused, Rival, RivalOpinion, Seed, SettledBounty};

pub use error::SimulateError;
pub use labelled::{LabelledError, LabelledFiles, Labels, Opinions, Player};
pub use record::SimulationRecord;
pub use strategies::{example_kinds, trial};

/// Name of the simulated engine.
pub const US: &str = "stakeout";

/// A market, as one wants it.
#[derive(Clone, Debug)]
pub struct SimulatedMarket {
    /// Number of bounties, posted one after the other.
    pub bounties: u64,
    /// Kinds of artifacts, and the engine's accuracy.
    pub kinds: Vec<ArtifactKind>,
    /// Exponent on the odds that our engine gives itself: 1.0 is calibrated.
    pub overconfidence: f64,
    /// Rivals, who bet too.
    pub rivals: Vec<Rival>,
    /// Arbiters, who vote.
    pub arbiters: Vec<Arbiter>,
    /// Contract that settles bounties.
    pub contract: ContractVersion,
    /// Fees.
    pub fees: Fees,
    /// Minimum and maximum bid.
    pub bounds: BidBounds,
    /// Reward of each bounty.
    pub reward: Nct,
    /// Initial balance of the simulated engine.
    pub balance: Nct,
    /// Random seed.
    pub seed: Seed,
    /// Number of bootstrap resamples.
    pub resamples: usize,
}

/// Number of bootstrap resamples, unless another is asked for.
const RESAMPLES: usize = 1_000;

impl Default for SimulatedMarket {
    /// 2,000 bounties of 2 NCT without kinds, rivals or arbiters; BountyRegistry 1.6.1 with its fees and bounds; we
    /// have 1,000 NCT.
    fn default() -> Self {
        let nct = |whole: u128| Nct::from_base_units(whole * 10u128.pow(18));
        SimulatedMarket {
            bounties: 2_000,
            kinds: Vec::new(),
            overconfidence: 1.0,
            rivals: Vec::new(),
            arbiters: Vec::new(),
            contract: ContractVersion::default(),
            fees: Fees::default(),
            bounds: BidBounds::default(),
            reward: nct(2),
            balance: nct(1_000),
            seed: Seed::default(),
            resamples: RESAMPLES,
        }
    }
}

/// Input of a strategy.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Question<'a> {
    /// Number of the bounty, from 1.
    pub bounty: u64,
    /// Kind of the artifact.
    pub kind: &'a str,
    /// Verdict of the engine: malicious or benign.
    pub verdict: Verdict,
    /// The probability that it gives it, 0.5 to 1.0.
    pub q: f64,
    /// Minimum and maximum bid.
    pub bounds: BidBounds,
    /// Reward of the bounty.
    pub reward: Nct,
    /// Fee of an assertion.
    pub fee: Nct,
    /// Balance of the simulated engine.
    pub balance: Nct,
    /// Gain of other engines so far for each NCT they bid on right verdicts: all rewards and wrong bids over all right
    /// bids. `None` before there are any.
    pub ratio: Option<f64>,
}

/// A strategy on trial, and what it is called. `default` is what others are compared with.
pub type StrategyTrial<'a> = (&'a str, BidRule<'a>);

/// What is bid in answer to a question, or nothing.
pub type BidRule<'a> = Box<dyn Fn(&Question) -> Option<Nct> + 'a>;

/// What an engine says of an artifact: a verdict, and the probability that it gives it.
#[derive(Clone, Copy, PartialEq, Debug)]
struct EngineOpinion {
    verdict: Verdict,
    q: f64,
}

/// A bounty, and what everybody will say of it.
struct Scene<'a> {
    drawn: Drawn,
    kind: &'a str,
    /// What our engine says, or what each of several engines says.
    said: Vec<EngineOpinion>,
    opinions: Vec<Option<RivalOpinion>>,
    votes: Vec<Option<bool>>,
}

impl SimulatedMarket {
    /// Runs every strategy on the same bounties.
    ///
    /// # Errors
    ///
    /// [`SimulateError`] if the market has mistakes, or the exchange refuses what it says.
    pub fn run(&self, strategies: &[StrategyTrial]) -> Result<Vec<StrategyResult>, SimulateError> {
        self.run_watched(strategies, |_, _, _| {})
    }

    /// Runs every strategy on the same bounties, and shows each bounty as it is settled: under which strategy, what it
    /// really is, and who was paid what.
    ///
    /// # Errors
    ///
    /// As [`SimulatedMarket::run`].
    pub fn run_watched(
        &self,
        strategies: &[StrategyTrial],
        mut watch: impl FnMut(&str, &Drawn, &SettledBounty),
    ) -> Result<Vec<StrategyResult>, SimulateError> {
        self.check()?;
        let scenes = self.scenes()?;
        let mut runs = Vec::with_capacity(strategies.len());
        for (name, strategy) in strategies {
            let tally = self.play(&scenes, 0, strategy, |drawn, settled| watch(name, drawn, settled))?;
            runs.push((*name, tally));
        }
        let base = runs.iter().position(|(name, _)| *name == "default");
        Ok(outcomes(runs, base, self.resamples, self.seed))
    }

    /// Returns the fraction of malicious bounties.
    fn malicious(&self) -> f64 {
        let shares: f64 = self.kinds.iter().map(|kind| kind.share).sum();
        self.kinds.iter().map(|kind| kind.share * kind.malicious).sum::<f64>() / shares
    }

    fn scenes(&self) -> Result<Vec<Scene<'_>>, SimulateError> {
        let malicious = self.malicious();
        let scene = |bounty| {
            let drawn = Drawn::draw(&self.kinds, self.seed, bounty, self.overconfidence).ok_or(SimulateError::Empty)?;
            let kind = self.kinds.get(drawn.kind).map_or("", |kind| kind.name.as_str());
            let said = vec![EngineOpinion { verdict: drawn.verdict, q: drawn.q }];
            Ok(self.scene(bounty, drawn, kind, said, malicious))
        };
        (1..=self.bounties).map(scene).collect()
    }

    /// A bounty about an artifact, with what rivals and arbiters say of it. `malicious`: the share of malware among all.
    fn scene<'a>(
        &self,
        bounty: u64,
        drawn: Drawn,
        kind: &'a str,
        said: Vec<EngineOpinion>,
        malicious: f64,
    ) -> Scene<'a> {
        let truth = drawn.malicious;
        let opinions = self.rivals.iter().map(|rival| rival.assess(self.seed, bounty, truth, malicious));
        let votes = self.arbiters.iter().map(|arbiter| arbiter.vote(self.seed, bounty, truth));
        Scene { drawn, kind, said, opinions: opinions.collect(), votes: votes.collect() }
    }

    fn exchange(&self) -> Result<Exchange, SimulateError> {
        let each = sum([self.reward, self.fees.bounty]).ok_or(SimulateError::TooMuch)?;
        let all = each.base_units().checked_mul(self.bounties.into()).ok_or(SimulateError::TooMuch)?;
        let mut exchange = Exchange::new(self.contract, self.fees, Nct::from_base_units(all));
        exchange.admit_expert(US, self.balance)?;
        for rival in &self.rivals {
            exchange.admit_expert(&rival.name, rival.balance)?;
        }
        for arbiter in &self.arbiters {
            exchange.admit_arbiter(&arbiter.name, Nct::ZERO)?;
        }
        Ok(exchange)
    }

    /// One player's run, who says what this engine of the scenes says.
    fn play(
        &self,
        scenes: &[Scene<'_>],
        engine: usize,
        strategy: impl Fn(&Question) -> Option<Nct>,
        mut watch: impl FnMut(&Drawn, &SettledBounty),
    ) -> Result<RunTally, SimulateError> {
        let mut exchange = self.exchange()?;
        let mut tally = RunTally { balance: self.balance, ..RunTally::default() };
        let mut seen = ObservedBids::default();
        let mut peak = self.balance;
        for Scene { drawn, kind, said, opinions, votes } in scenes {
            let posting = Posting { reward: self.reward, bounds: self.bounds, sha256: None };
            let number = exchange.post(posting)?;
            for (rival, opinion) in self.rivals.iter().zip(opinions) {
                let balance = exchange.expert(&rival.name).unwrap_or_default();
                let bid = |said| rival.bid(said, self.bounds, balance, self.fees.assertion).map(|bid| (said, bid));
                if let Some((said, bid)) = opinion.and_then(bid) {
                    exchange.assert(number, &rival.name, said.verdict, bid)?;
                }
            }
            // Who does not know, or only suspects, has nothing to assert.
            let ours = said.get(engine).filter(|said| matches!(said.verdict, Verdict::Malicious | Verdict::Benign));
            let bid = ours.and_then(|EngineOpinion { verdict, q }| {
                let question = Question {
                    bounty: number,
                    kind,
                    verdict: *verdict,
                    q: *q,
                    bounds: self.bounds,
                    reward: self.reward,
                    fee: self.fees.assertion,
                    balance: tally.balance,
                    ratio: seen.ratio(),
                };
                strategy(&question).map(|bid| (*verdict, bid))
            });
            match bid.map(|(verdict, bid)| exchange.assert(number, US, verdict, bid)) {
                None => tally.abstained += 1,
                Some(Ok(())) => tally.bets += 1,
                Some(Err(Refused::BidBelow { .. } | Refused::BidAbove { .. } | Refused::Balance { .. })) => {
                    tally.refused += 1;
                }
                Some(Err(refused)) => return Err(refused.into()),
            }
            exchange.close(number)?;
            for (arbiter, vote) in self.arbiters.iter().zip(votes) {
                if let Some(malicious) = vote {
                    let verdict = if *malicious { Verdict::Malicious } else { Verdict::Benign };
                    exchange.vote(number, &arbiter.name, verdict)?;
                }
            }
            let settled = exchange.settle(number)?;
            tally.add(&settled).ok_or(SimulateError::TooMuch)?;
            tally.balance = exchange.expert(US).unwrap_or_default();
            peak = peak.max(tally.balance);
            tally.drawdown = tally.drawdown.max(peak.checked_sub(tally.balance).unwrap_or_default());
            seen.add(&settled);
            watch(drawn, &settled);
        }
        exchange.audit()?;
        let gained = Profit::of(tally.balance, self.balance).ok_or(SimulateError::TooMuch)?;
        if gained != tally.profit {
            return Err(SimulateError::Books { profit: tally.profit, gained });
        }
        Ok(tally)
    }

    /// Refuses a market in which there is nothing to bet on, and numbers that cannot be what they should be.
    fn check(&self) -> Result<(), SimulateError> {
        self.check_numbers()?;
        if self.bounties == 0 || self.kinds.iter().map(|kind| kind.share).sum::<f64>() <= 0.0 {
            return Err(SimulateError::Empty);
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), SimulateError> {
        let must = |of: String, number: f64, must: &'static str, is: bool| match is && number.is_finite() {
            true => Ok(()),
            false => Err(SimulateError::Number { of, number, must }),
        };
        let probability =
            |of: String, number: f64| must(of, number, "a probability, 0.0 to 1.0", (0.0..=1.0).contains(&number));
        let above = |of: String, number: f64| must(of, number, "above 0.0", number > 0.0);
        above("overconfidence".to_owned(), self.overconfidence)?;
        for kind in &self.kinds {
            let of = |what: &str| format!("{what} of kind `{}`", kind.name);
            must(of("the share"), kind.share, "0.0 or more", kind.share >= 0.0)?;
            probability(of("the malicious part"), kind.malicious)?;
            must(of("mu"), kind.mu, "0.0 or more", kind.mu >= 0.0)?;
            above(of("sigma"), kind.sigma)?;
        }
        for rival in &self.rivals {
            let of = |what: &str| format!("{what} of rival `{}`", rival.name);
            probability(of("the true positive rate"), rival.skill.true_positive)?;
            probability(of("the false positive rate"), rival.skill.false_positive)?;
            probability(of("the abstaining part"), rival.skill.abstains)?;
            above(of("overconfidence"), rival.skill.overconfidence)?;
        }
        for arbiter in &self.arbiters {
            let of = |what: &str| format!("{what} of arbiter `{}`", arbiter.name);
            probability(of("the error rate"), arbiter.errs)?;
            probability(of("the absent part"), arbiter.absent)?;
        }
        Ok(())
    }
}

impl RunTally {
    /// Counts a settled bounty. Nothing if it cannot be counted.
    fn add(&mut self, settled: &SettledBounty) -> Option<()> {
        let Some(ours) = settled.assertions.iter().find(|assertion| assertion.engine == US) else {
            self.gained.push(0.0);
            self.risked.push(0.0);
            return Some(());
        };
        match settled.truth {
            Verdict::Malicious | Verdict::Benign if settled.truth == ours.verdict => self.won += 1,
            Verdict::Malicious | Verdict::Benign => self.lost += 1,
            Verdict::Suspicious | Verdict::Unknown => {}
        }
        let profit = settled.profit(US)?;
        let risked = ours.bid.checked_add(settled.assertion_fee)?;
        self.profit = self.profit.checked_add(profit)?;
        self.staked = self.staked.checked_add(ours.bid)?;
        self.fees = self.fees.checked_add(settled.assertion_fee)?;
        self.gained.push(profit.as_f64());
        self.risked.push(risked.base_units() as f64 / 1e18);
        Some(())
    }
}

/// Observed bids of other engines so far, in base units.
#[derive(Default)]
struct ObservedBids {
    right: f64,
    /// Amount that went to engines with right verdicts, or would have gone.
    to_gain: f64,
}

impl ObservedBids {
    fn add(&mut self, settled: &SettledBounty) {
        if settled.truth == Verdict::Unknown {
            return;
        }
        self.to_gain += settled.reward.base_units() as f64;
        for assertion in settled.assertions.iter().filter(|assertion| assertion.engine != US) {
            let pool = if assertion.verdict == settled.truth { &mut self.right } else { &mut self.to_gain };
            *pool += assertion.bid.base_units() as f64;
        }
    }

    fn ratio(&self) -> Option<f64> {
        (self.right > 0.0).then(|| self.to_gain / self.right)
    }
}

#[cfg(test)]
mod tests;
