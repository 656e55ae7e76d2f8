//! Rivals are as good as stated, and as sure of themselves.

use super::*;

const BOUNTIES: u64 = 40_000;
/// How much is malicious.
const SHARE: f64 = 0.4;

fn rival(skill: Skill) -> Rival {
    Rival { name: "rival-1".to_owned(), skill, bidder: BiddingPlan::Default.into(), balance: Nct::ZERO }
}

const SKILL: Skill = Skill { true_positive: 0.85, false_positive: 0.08, abstains: 0.2, overconfidence: 1.0 };

/// The truth of every bounty, and what the rival says.
fn opinions(skill: Skill) -> Vec<(bool, Option<RivalOpinion>)> {
    let rival = rival(skill);
    let truth = |bounty: u64| happens(&mut Seed::new(1).of(bounty, "truth"), SHARE);
    (0..BOUNTIES).map(|bounty| (truth(bounty), rival.assess(Seed::new(2), bounty, truth(bounty), SHARE))).collect()
}

#[track_caller]
fn near(seen: f64, stated: f64, samples: f64) {
    let tolerance = 4.0 * (stated * (1.0 - stated) / samples).sqrt();
    assert!((seen - stated).abs() <= tolerance, "stated {stated}, seen {seen}, tolerance {tolerance}");
}

#[test]
fn measured_rates_are_the_stated_ones() {
    let opinions = opinions(SKILL);
    let said: Vec<(bool, RivalOpinion)> =
        opinions.iter().filter_map(|(truth, said)| Some((*truth, (*said)?))).collect();
    near(1.0 - said.len() as f64 / BOUNTIES as f64, SKILL.abstains, BOUNTIES as f64);
    for (truth, stated) in [(true, SKILL.true_positive), (false, SKILL.false_positive)] {
        let of: Vec<&(bool, RivalOpinion)> = said.iter().filter(|(is, _)| *is == truth).collect();
        let malicious = of.iter().filter(|(_, said)| said.verdict == Verdict::Malicious).count();
        near(malicious as f64 / of.len() as f64, stated, of.len() as f64);
    }
}

/// Of verdicts with a confidence in this range: how many, the mean confidence, and how often they are right.
fn bin(opinions: &[(bool, Option<RivalOpinion>)], verdict: Verdict, low: f64, high: f64) -> (f64, f64, f64) {
    let of: Vec<(bool, f64)> = opinions
        .iter()
        .filter_map(|(truth, said)| said.map(|said| (*truth, said)))
        .filter(|(_, said)| said.verdict == verdict && (low..=high).contains(&said.q))
        .map(|(truth, said)| ((said.verdict == Verdict::Malicious) == truth, said.q))
        .collect();
    let count = of.len() as f64;
    let right = of.iter().filter(|(right, _)| *right).count() as f64;
    (count, of.iter().map(|(_, q)| q).sum::<f64>() / count, right / count)
}

#[test]
fn a_calibrated_rival_is_right_as_often_as_it_says() {
    let opinions = opinions(SKILL);
    for verdict in [Verdict::Malicious, Verdict::Benign] {
        for (low, high) in [(0.5, 0.65), (0.65, 0.8), (0.8, 0.9), (0.9, 0.98), (0.98, 1.0)] {
            let (count, said, right) = bin(&opinions, verdict, low, high);
            assert!(count > 300.0, "{low}: {count}");
            near(right, said, count);
        }
    }
}

#[test]
fn the_spread_of_confidence_is_as_documented() {
    let mut chance = Seed::new(4).of(0, "spread");
    let said: Vec<f64> = (0..20_000)
        .map(|_| {
            let right = happens(&mut chance, 0.9);
            confidence(&mut chance, 0.9, right)
        })
        .collect();
    let part = |of: fn(f64) -> bool| said.iter().filter(|c| of(**c)).count() as f64 / 20_000.0;
    // The beta distribution with 1.6 and 0.4, integrated: above 0.98, and below one half.
    near(part(|c| c > 0.99), 0.2629, 20_000.0);
    near(part(|c| c < 0.75), 0.1318, 20_000.0);
}

#[test]
fn an_overconfident_rival_says_the_same_and_claims_too_much() {
    let (calibrated, over) = (opinions(SKILL), opinions(Skill { overconfidence: 2.5, ..SKILL }));
    for ((_, a), (_, b)) in calibrated.iter().zip(&over) {
        assert_eq!(a.map(|said| said.verdict), b.map(|said| said.verdict));
        assert!(a.zip(*b).is_none_or(|(a, b)| a.q <= b.q + 1e-12));
    }
    let (_, said, right) = bin(&over, Verdict::Malicious, 0.9, 0.98);
    assert!(said - right > 0.1, "said {said}, was {right}");
}

#[test]
fn the_best_and_the_worst_can_be() {
    let perfect = Skill { true_positive: 1.0, false_positive: 0.0, abstains: 0.0, overconfidence: 1.0 };
    for (truth, said) in opinions(perfect).into_iter().take(100) {
        let verdict = if truth { Verdict::Malicious } else { Verdict::Benign };
        assert_eq!(said, Some(RivalOpinion { verdict, q: 1.0 }));
    }
    let wrong = Skill { true_positive: 0.0, false_positive: 1.0, ..perfect };
    assert!(opinions(wrong).into_iter().all(|(_, said)| said.is_some_and(|said| said.q == 0.5)));
    assert!(opinions(Skill { abstains: 1.0, ..perfect }).into_iter().all(|(_, said)| said.is_none()));
}

#[test]
fn what_a_rival_draws_does_not_depend_on_other_bounties() {
    let rival = rival(SKILL);
    let forth: Vec<_> = (0..50).map(|bounty| rival.assess(Seed::new(9), bounty, true, SHARE)).collect();
    let mut back: Vec<_> = (0..50).rev().map(|bounty| rival.assess(Seed::new(9), bounty, true, SHARE)).collect();
    back.reverse();
    assert_eq!(forth, back);
}

#[test]
fn plans_bid_as_they_are_called() {
    for (plan, coin_flip, likely, sure) in [
        (BiddingPlan::Default, "0.0625", "0.53125", "1"),
        (BiddingPlan::Conservative, "0.0625", "0.0625", "0.0625"),
        (BiddingPlan::Aggressive, "0.5", "0.75", "1"),
        (BiddingPlan::Min, "0.0625", "0.0625", "0.0625"),
        (BiddingPlan::Max, "1", "1", "1"),
    ] {
        for (q, bid) in [(0.5, coin_flip), (0.75, likely), (1.0, sure)] {
            assert_eq!(Bidder::from(plan).bid(q, BidBounds::default()), Nct::literal(bid), "{plan} at {q}");
        }
        assert_eq!(plan.to_string().parse(), Ok(plan));
    }
    let narrow = BidBounds { min: Nct::literal("0.5"), max: Nct::literal("1") };
    assert_eq!(BiddingPlan::Aggressive.bid(0.5, narrow), Nct::literal("1"));
    assert_eq!("martingale".parse::<BiddingPlan>(), Err(ParsePlanError("martingale".to_owned())));
}

#[test]
fn a_bid_is_within_the_bounds_and_the_balance() {
    let bold = Rival { bidder: Bidder::new("bold", |_, _| Nct::literal("1000")), ..rival(SKILL) };
    let opinion = RivalOpinion { verdict: Verdict::Benign, q: 0.9 };
    let bid = |balance| bold.bid(opinion, BidBounds::default(), Nct::literal(balance), Nct::literal("0.03125"));
    for (balance, expected) in
        [("5", Some("1")), ("0.5", Some("0.46875")), ("0.09375", Some("0.0625")), ("0.09", None), ("0", None)]
    {
        assert_eq!(bid(balance), expected.map(Nct::literal), "{balance}");
    }
    let shy = Rival { bidder: Bidder::new("shy", |_, _| Nct::ZERO), ..rival(SKILL) };
    assert_eq!(shy.bid(opinion, BidBounds::default(), Nct::literal("5"), Nct::ZERO), Some(Nct::literal("0.0625")));
}
