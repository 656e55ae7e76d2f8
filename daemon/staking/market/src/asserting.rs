//! Makes one assertion of the judgements of all artifacts of a bounty that a contract settles.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::betting::modified;
use crate::{
    Answer, ArtifactAnswer, Assertion, Betting, Bounty, BountyPolicy, Findings, Judgement, Nct, Timestamp, Verdict,
};

/// Reports of several artifacts are kept up to this size together, in bytes; what is beyond it is left out of the record.
const REPORT_BYTES_MAX: usize = 8 << 20;

impl Betting {
    /// The assertion about the artifacts that these are the judgements of, in order, with one stake set aside for it: the
    /// sum of its bids. `now` is the purse's time.
    ///
    /// Each artifact is bid on as a bounty of its own would be. What the purse gives for a bounty goes to those first of
    /// which we are surest; those it does not reach, and those of which we say neither malicious nor benign, are left out
    /// of the mask.
    pub fn assert(
        &mut self,
        bounty: &Bounty,
        mut judgements: Vec<Judgement>,
        policy: &BountyPolicy,
        now: Timestamp,
    ) -> Answer {
        if judgements.len() == 1
            && let Some(judgement) = judgements.pop()
        {
            let mut answer = self.answer(bounty, judgement, policy, now);
            answer.assertion = Some(Box::new(about_one(&answer)));
            return answer;
        }
        let now = self.purse.time(now);
        let mut artifacts = self.bids(bounty, judgements, policy, now);
        let one_bid = bounty.on_chain.as_ref().is_some_and(|terms| terms.one_bid);
        let mut bids = bids_of(&artifacts, one_bid);
        let sum = bids.iter().try_fold(Nct::ZERO, |sum, bid| sum.checked_add(*bid));
        let stake = sum.filter(|sum| *sum > Nct::ZERO).and_then(|sum| self.purse.stake(&bounty.key, sum, now));
        if stake.is_none() {
            bids.clear();
            for artifact in artifacts.iter_mut().filter(|artifact| artifact.bid.is_some()) {
                leave_out(artifact, "the purse does not give that much".into());
            }
        }
        let (verdict, confidence) = overall(&artifacts);
        let findings = together(&artifacts);
        let comments = artifacts.iter().enumerate().flat_map(|(number, artifact)| {
            artifact.comments.iter().map(move |comment| format!("artifact {number}: {comment}"))
        });
        Answer {
            verdict,
            stake,
            bet: None,
            at: now,
            confidence,
            comments: comments.collect(),
            findings,
            assertion: Some(Box::new(Assertion { bids, artifacts })),
        }
    }

    /// What is said of each artifact, and what is bid on it; nothing is staked yet.
    fn bids(
        &mut self,
        bounty: &Bounty,
        judgements: Vec<Judgement>,
        policy: &BountyPolicy,
        now: Timestamp,
    ) -> Vec<ArtifactAnswer> {
        let one_bid = bounty.on_chain.as_ref().is_some_and(|terms| terms.one_bid);
        let most = self.purse.most(now);
        let mut artifacts: Vec<ArtifactAnswer> = Vec::with_capacity(judgements.len());
        for (number, judgement) in judgements.into_iter().enumerate() {
            let bet = self.question_about(bounty, number, &judgement, policy);
            let confidence =
                bet.as_ref().map_or_else(|| modified(policy, bounty, number, judgement.confidence), |bet| bet.q);
            let mut comments: Vec<String> = judgement.skip.iter().map(|skip| skip.comment().to_owned()).collect();
            comments.extend(judgement.comments);
            let (verdict, findings) = (judgement.verdict, judgement.findings);
            artifacts.push(ArtifactAnswer {
                verdict,
                confidence,
                bid: None,
                bet: bet.map(Box::new),
                comments,
                findings,
            });
        }
        // The surest first; of equally sure ones, the first.
        let mut order: Vec<usize> = (0..artifacts.len()).collect();
        order.sort_by(|a, b| artifacts[*b].confidence.total_cmp(&artifacts[*a].confidence).then(a.cmp(b)));
        let mut left = most.unwrap_or(Nct::ZERO);
        for number in order {
            let artifact = &mut artifacts[number];
            let Some(bet) = &mut artifact.bet else { continue };
            let decided = if bet.complete && bounty.bounds.min > bounty.bounds.max {
                Err("the bounty allows no bid".into())
            } else {
                bet.decide_within(most.map(|_| left), &artifact.findings.kind, &*self.strategy)
            };
            match decided {
                Ok(bid) => {
                    artifact.bid = Some(bid);
                    // One bid for all is the mean of them, and so no more than the purse gives either.
                    left = if one_bid { left } else { left.checked_sub(bid).unwrap_or(Nct::ZERO) };
                }
                Err(why) => leave_out(artifact, why),
            }
        }
        artifacts
    }
}

/// The assertion of an answer about one artifact.
fn about_one(answer: &Answer) -> Assertion {
    let bid = answer.stake.as_ref().map(|stake| stake.amount());
    let artifact = ArtifactAnswer {
        verdict: answer.verdict,
        confidence: answer.confidence,
        bid,
        bet: None,
        comments: answer.comments.clone(),
        findings: Findings { report: String::new(), ..answer.findings.clone() },
    };
    Assertion { bids: bid.into_iter().collect(), artifacts: vec![artifact] }
}

/// Nothing is bid on this artifact after all.
fn leave_out(artifact: &mut ArtifactAnswer, why: Cow<'static, str>) {
    artifact.bid = None;
    artifact.comments.push(format!("{}, and nothing staked: {why}", artifact.verdict.name()));
    artifact.verdict = if artifact.verdict == Verdict::Malicious { Verdict::Suspicious } else { Verdict::Unknown };
    if let Some(bet) = &mut artifact.bet {
        bet.why_not = Some(why.into_owned());
    }
}

/// The bids of an assertion, in the order of the artifacts.
fn bids_of(artifacts: &[ArtifactAnswer], one_bid: bool) -> Vec<Nct> {
    let bids: Vec<Nct> = artifacts.iter().filter_map(|artifact| artifact.bid).collect();
    if !one_bid || bids.is_empty() {
        return bids;
    }
    let sum = bids.iter().fold(0u128, |sum, bid| sum.saturating_add(bid.base_units()));
    vec![Nct::from_base_units(sum / bids.len() as u128)]
}

/// One verdict for all: malicious if any artifact is said to be, and how sure we are of it. Where all are benign, the least
/// sure of them counts.
fn overall(artifacts: &[ArtifactAnswer]) -> (Verdict, f64) {
    let asserted = |verdict| {
        artifacts
            .iter()
            .filter(move |artifact| artifact.bid.is_some() && artifact.verdict == verdict)
            .map(|a| a.confidence)
    };
    if let Some(surest) = asserted(Verdict::Malicious).reduce(f64::max) {
        return (Verdict::Malicious, surest);
    }
    asserted(Verdict::Benign).reduce(f64::min).map_or((Verdict::Unknown, 0.5), |least| (Verdict::Benign, least))
}

/// The findings on all artifacts: one report that has theirs, in order.
fn together(artifacts: &[ArtifactAnswer]) -> Findings {
    let mut room = REPORT_BYTES_MAX;
    let about = |artifact: &ArtifactAnswer| {
        let findings = &artifact.findings;
        let report = if findings.report.len() <= room { findings.report.as_str() } else { "" };
        room -= report.len();
        json!({
            "verdict": artifact.verdict.name(),
            "bid": artifact.bid.map(|bid| bid.to_string()),
            "kind": findings.kind,
            "sha256": findings.sha256.map(|digest| daemon_base::Sha256Digest(digest).to_string()),
            "size": findings.size,
            "bet": artifact.bet.as_ref().and_then(|bet| serde_json::to_value(bet).ok()),
            "report": serde_json::from_str::<Value>(report).unwrap_or_default(),
        })
    };
    let reports: Vec<Value> = artifacts.iter().map(about).collect();
    let generation = artifacts.iter().map(|artifact| &artifact.findings.generation).find(|one| !one.is_empty());
    Findings {
        kind: format!("{} artifacts", artifacts.len()),
        generation: generation.cloned().unwrap_or_default(),
        report: json!({ "artifacts": reports }).to_string(),
        ..Findings::default()
    }
}
