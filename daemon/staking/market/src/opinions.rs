//! Several scanners' opinions on one artifact, weighed into one judgement.
//!
//! The rule, which docs/queue.md explains to operators:
//!
//! 1. Opinions of one group (the same scanner with the same rules, asked in several places) count once: the first complete
//!    one, else the first.
//! 2. Malicious and benign opinions count; the others only where there is no such opinion.
//! 3. Each is a log-odds of malicious: `ln(q / (1 - q))`, where `q` is its confidence if it says malicious, else one less its
//!    confidence, kept within 0.01 and 0.99. Their mean by weight makes a probability `p`. It is a mean, not a sum, because
//!    scanners learn from the same sources and are no independent witnesses.
//! 4. If they agree, theirs is the verdict, and `p` (or `1 - p`) the confidence.
//! 5. If they disagree, malicious is said with `p` of at least 0.75, benign with at most 0.25. In between nothing is staked:
//!    suspicious from 0.5 on, unknown below.
//! 6. Somebody's suspicion turns benign into unknown.

use crate::{Judgement, Skip, Verdict};

/// Odds beyond this are not believed of any scanner.
const CERTAIN: f64 = 0.99;
/// Scanners that disagree must be this sure together for a verdict that is staked on.
const SURE: f64 = 0.75;

/// What one scanner says.
#[derive(Clone, PartialEq, Debug)]
pub struct ScannerOpinion {
    /// Who says it, for people.
    pub source: String,
    /// Opinions of one group count once. Empty: it is of no group.
    pub group: String,
    /// Its weight, at least 0.
    pub weight: f64,
    /// What it says.
    pub judgement: Judgement,
}

impl ScannerOpinion {
    fn says(&self, verdict: Verdict) -> bool {
        self.judgement.verdict == verdict
    }

    /// Whether it says malicious or benign, and is to be believed at all.
    fn counts(&self) -> bool {
        self.weight > 0.0
            && self.judgement.skip.is_none()
            && matches!(self.judgement.verdict, Verdict::Malicious | Verdict::Benign)
    }

    fn log_odds(&self) -> f64 {
        let confidence = self.judgement.confidence.clamp(1.0 - CERTAIN, CERTAIN);
        let odds = (confidence / (1.0 - confidence)).ln();
        if self.says(Verdict::Malicious) { odds } else { -odds }
    }
}

/// One judgement of many opinions; `None` if there are none.
pub fn weigh_opinions(opinions: &[ScannerOpinion]) -> Option<Judgement> {
    let opinions = once_each_group(opinions);
    let counted: Vec<&ScannerOpinion> = opinions.iter().copied().filter(|opinion| opinion.counts()).collect();
    let doubt = opinions.iter().copied().find(|opinion| opinion.says(Verdict::Suspicious));
    let (sum, weights) = counted.iter().fold((0.0, 0.0), |(sum, weights), opinion| {
        (sum + opinion.weight * opinion.log_odds(), weights + opinion.weight)
    });
    let [first, others @ ..] = &counted[..] else { return undecided(&opinions, doubt) };
    let agreed = others.iter().all(|other| other.says(first.judgement.verdict));
    let p = 1.0 / (1.0 + (-sum / weights).exp());
    let verdict = match first.judgement.verdict {
        verdict if agreed => verdict,
        _ if p >= SURE => Verdict::Malicious,
        _ if p <= 1.0 - SURE => Verdict::Benign,
        _ if p >= 0.5 => Verdict::Suspicious,
        _ => Verdict::Unknown,
    };
    let verdict = if verdict == Verdict::Benign && doubt.is_some() { Verdict::Unknown } else { verdict };
    let side = if p >= 0.5 { Verdict::Malicious } else { Verdict::Benign };
    let side = if agreed { first.judgement.verdict } else { side };
    let weight = |opinion: &&&ScannerOpinion| opinion.weight * opinion.log_odds().abs();
    let winners: Vec<&ScannerOpinion> = counted.iter().copied().filter(|opinion| opinion.says(side)).collect();
    let leader = winners.iter().rev().max_by(|a, b| weight(a).total_cmp(&weight(b))).copied().unwrap_or(first);
    // A single opinion is passed on as it is, to the last bit.
    let confidence = match (&others.is_empty(), side) {
        (true, _) => first.judgement.confidence,
        (false, Verdict::Malicious) => p,
        (false, _) => 1.0 - p,
    };
    let complete = match verdict {
        Verdict::Malicious => winners.iter().any(|winner| winner.judgement.complete),
        Verdict::Benign => winners.iter().all(|winner| winner.judgement.complete),
        Verdict::Suspicious | Verdict::Unknown => false,
    };
    let mut judgement = leader.judgement.clone();
    if judgement.findings.malware_family.is_empty() {
        let family =
            winners.iter().map(|winner| &winner.judgement.findings.malware_family).find(|family| !family.is_empty());
        judgement.findings.malware_family = family.cloned().unwrap_or_default();
    }
    winners.iter().for_each(|winner| judgement.findings.hosts.add_all(&winner.judgement.findings.hosts));
    if verdict != leader.judgement.verdict || !agreed {
        judgement.comments.push(differences(&opinions));
    }
    // Nothing is staked on what is neither; the marketplace is told why.
    let skip = (verdict == Verdict::Unknown).then_some(Skip::Other);
    Some(Judgement { verdict, confidence, complete, skip, ..judgement })
}

/// The judgement where nobody says malicious or benign: the doubt, else what says most of why not.
fn undecided(opinions: &[&ScannerOpinion], doubt: Option<&ScannerOpinion>) -> Option<Judgement> {
    let by_skip = |opinion: &&&ScannerOpinion| match opinion.judgement.skip {
        None => 0,
        Some(Skip::DecompressionUnsafe | Skip::Encrypted) => 1,
        Some(Skip::TypeUnsupported) => 2,
        Some(Skip::CannotFetch) => 3,
        Some(Skip::Other) => 4,
    };
    let best = doubt.or_else(|| opinions.iter().min_by_key(by_skip).copied());
    best.map(|opinion| opinion.judgement.clone())
}

fn once_each_group(opinions: &[ScannerOpinion]) -> Vec<&ScannerOpinion> {
    let mut kept: Vec<&ScannerOpinion> = Vec::new();
    for opinion in opinions.iter().filter(|opinion| opinion.weight > 0.0) {
        let same = kept.iter().position(|other| !other.group.is_empty() && other.group == opinion.group);
        match same.and_then(|place| kept.get_mut(place)) {
            Some(other) if opinion.judgement.complete && !other.judgement.complete => *other = opinion,
            Some(_) => {}
            None => kept.push(opinion),
        }
    }
    kept
}

fn differences(opinions: &[&ScannerOpinion]) -> String {
    let said = opinions.iter().map(|opinion| {
        format!("{} {} {:.2}", opinion.source, opinion.judgement.verdict.name(), opinion.judgement.confidence)
    });
    format!("scanners disagree: {}", said.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Findings;

    fn opinion(source: &str, verdict: Verdict, confidence: f64) -> ScannerOpinion {
        let judgement = Judgement {
            verdict,
            confidence,
            complete: true,
            skip: None,
            comments: Vec::new(),
            findings: Findings { kind: source.to_owned(), ..Findings::default() },
        };
        ScannerOpinion { source: source.to_owned(), group: String::new(), weight: 1.0, judgement }
    }

    fn weighed(opinions: &[ScannerOpinion]) -> (Verdict, f64, bool) {
        let judgement = weigh_opinions(opinions).unwrap();
        (judgement.verdict, (judgement.confidence * 1_000.0).round() / 1_000.0, judgement.complete)
    }

    #[test]
    fn one_opinion_is_passed_on_as_it_is() {
        for verdict in Verdict::ALL {
            let one = opinion("a", verdict, 0.999_7);
            assert_eq!(weigh_opinions(std::slice::from_ref(&one)), Some(one.judgement));
        }
        assert_eq!(weigh_opinions(&[]), None);
    }

    #[test]
    fn scanners_that_agree_are_as_sure_as_their_mean() {
        let (a, b) = (opinion("a", Verdict::Malicious, 0.9), opinion("b", Verdict::Malicious, 0.7));
        // Log-odds of 2.197 and 0.847: a mean of 1.522.
        assert_eq!(weighed(&[a.clone(), b.clone()]), (Verdict::Malicious, 0.821, true));
        assert_eq!(weighed(&[ScannerOpinion { weight: 3.0, ..a.clone() }, b]), (Verdict::Malicious, 0.865, true));
        let silent = opinion("c", Verdict::Unknown, 0.5);
        assert_eq!(weighed(&[silent, a]), (Verdict::Malicious, 0.9, true));
    }

    #[test]
    fn scanners_that_disagree_stake_only_where_they_are_sure_together() {
        let cases = [
            (0.99, 0.51, Verdict::Malicious, 0.907),
            (0.99, 0.9, Verdict::Malicious, 0.768),
            (0.51, 0.99, Verdict::Benign, 0.907),
            (0.6, 0.8, Verdict::Unknown, 0.62),
            (0.9, 0.9, Verdict::Suspicious, 0.5),
        ];
        for (malicious, benign, verdict, confidence) in cases {
            let opinions = [opinion("m", Verdict::Malicious, malicious), opinion("b", Verdict::Benign, benign)];
            let judgement = weigh_opinions(&opinions).unwrap();
            assert_eq!(judgement.verdict, verdict, "{malicious} against {benign}: {judgement:?}");
            assert!((judgement.confidence - confidence).abs() < 0.001, "{malicious} against {benign}: {judgement:?}");
            assert!(judgement.comments[0].starts_with("scanners disagree: m malicious"), "{judgement:?}");
        }
    }

    #[test]
    fn suspicion_turns_benign_into_unknown_and_leaves_malicious() {
        let doubt = opinion("d", Verdict::Suspicious, 0.6);
        assert_eq!(weighed(&[opinion("b", Verdict::Benign, 0.9), doubt.clone()]), (Verdict::Unknown, 0.9, false));
        assert_eq!(weighed(&[opinion("m", Verdict::Malicious, 0.9), doubt.clone()]), (Verdict::Malicious, 0.9, true));
        assert_eq!(weighed(&[opinion("u", Verdict::Unknown, 0.9), doubt]), (Verdict::Suspicious, 0.6, true));
    }

    #[test]
    fn the_same_scanner_asked_twice_counts_once_and_the_whole_answer_is_taken() {
        let of = |confidence, complete| {
            let mut one = opinion("s", Verdict::Malicious, confidence);
            one.group = "generation".to_owned();
            one.judgement.complete = complete;
            one
        };
        let other = opinion("o", Verdict::Benign, 0.9);
        let twice = weigh_opinions(&[of(0.9, false), of(0.9, true), other.clone()]).unwrap();
        let once = weigh_opinions(&[of(0.9, true), other]).unwrap();
        assert_eq!((twice.verdict, twice.confidence), (once.verdict, once.confidence));
        assert!(weigh_opinions(&[of(0.9, false), of(0.8, true)]).unwrap().complete);
    }

    #[test]
    fn reasons_are_kept_where_nobody_decides() {
        let skipped = |skip| {
            let mut one = opinion("s", Verdict::Unknown, 0.5);
            one.judgement.skip = Some(skip);
            one
        };
        let judgement = weigh_opinions(&[skipped(Skip::Other), skipped(Skip::Encrypted), skipped(Skip::CannotFetch)]);
        assert_eq!(judgement.unwrap().skip, Some(Skip::Encrypted));
        let nobody = ScannerOpinion { weight: 0.0, ..opinion("m", Verdict::Malicious, 0.9) };
        assert_eq!(weigh_opinions(&[nobody]), None);
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_confidence_is_a_probability(
            opinions in prop::collection::vec((0usize..4, 0.0..=1.0f64, 0.0..5.0f64, any::<bool>()), 0..6)
        ) {
            let opinions: Vec<ScannerOpinion> = opinions
                .into_iter()
                .enumerate()
                .map(|(number, (verdict, confidence, weight, complete))| {
                    let mut one = opinion(&number.to_string(), Verdict::ALL[verdict], confidence);
                    (one.weight, one.judgement.complete) = (weight, complete);
                    one
                })
                .collect();
            let forward = weigh_opinions(&opinions);
            let backward = weigh_opinions(&opinions.iter().rev().cloned().collect::<Vec<_>>());
            prop_assert_eq!(forward.is_some(), backward.is_some());
            if let Some((forward, backward)) = forward.zip(backward) {
                prop_assert!((0.0..=1.0).contains(&forward.confidence));
                if opinions.iter().any(ScannerOpinion::counts) {
                    prop_assert_eq!(forward.complete, backward.complete);
                    prop_assert!((forward.confidence - backward.confidence).abs() < 1e-9);
                }
                if forward.verdict == Verdict::Benign {
                    prop_assert!(!opinions.iter().any(|one| one.weight > 0.0 && one.says(Verdict::Suspicious)));
                }
            }
        }
    }
}
