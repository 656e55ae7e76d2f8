//! Five strategies on the same 5,000 bounties, against eight rivals: what each gained, and within what bounds.
//!
//!     cargo run --release -p daemon-local-market --example try_strategies -- [SEED]

#![allow(clippy::print_stdout, reason = "an example prints")]

use daemon_local_market::{Arbiter, ArtifactKind, BiddingPlan, Rival, Seed, SimulatedMarket, Skill, StrategyTrial};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(1), |text| text.parse())?;
    let rivals = (0..8u8).map(|number| {
        let good = f64::from(number) / 7.0;
        let skill = Skill {
            true_positive: 0.6 + 0.35 * good,
            false_positive: 0.15 - 0.13 * good,
            abstains: 0.2,
            overconfidence: 2.0 - good,
        };
        let plan = BiddingPlan::ALL[usize::from(number) % BiddingPlan::ALL.len()];
        Ok(Rival { name: format!("rival-{}", number + 1), skill, bidder: plan.into(), balance: "10000".parse()? })
    });
    let kinds = [("pe", 6.0, 1.3), ("office", 3.0, 1.0), ("elf", 1.0, 0.7)].map(|(name, share, mu)| ArtifactKind {
        name: name.to_owned(),
        share,
        malicious: 0.5,
        mu,
        sigma: 1.0,
    });
    let arbiters = ["north", "east", "south"].map(|name| Arbiter { name: name.to_owned(), errs: 0.03, absent: 0.1 });
    let market = SimulatedMarket {
        bounties: 5_000,
        kinds: kinds.to_vec(),
        rivals: rivals.collect::<Result<_, daemon_market::ParseNctError>>()?,
        arbiters: arbiters.to_vec(),
        seed: Seed::new(seed),
        ..SimulatedMarket::default()
    };
    let trials = BiddingPlan::ALL
        .map(|plan| -> StrategyTrial { (plan.name(), Box::new(move |q| Some(plan.bid(q.q, q.bounds)))) });
    println!("{:12} {:>10} {:>22} {:>6} {:>6} {:>22}", "strategy", "NCT", "95 %", "won", "lost", "NCT per NCT risked");
    for outcome in market.run(&trials)? {
        let (all, each) = (outcome.profit_interval, outcome.per_risked_interval);
        println!(
            "{:12} {:10.1} {:10.1} to {:8.1} {:6} {:6} {:8.3} ({:.3} to {:.3})",
            outcome.strategy,
            outcome.profit.as_f64(),
            all.low,
            all.high,
            outcome.won,
            outcome.lost,
            outcome.per_risked,
            each.low,
            each.high,
        );
    }
    Ok(())
}
