use daemon_journal::{Answered, Corrected, Ended, Ending, PurseEntry, Received, Settled, Shadowed, Stepped, Write};
use daemon_market::{
    AssertionStep, BountyId, BountyKey, ChainPosition, Correction, Nct, Phase, PurseNote, SettlementNotice, StepKind,
    Timestamp, Truth, Verdict,
};

pub(crate) fn key(id: &str) -> BountyKey {
    BountyKey { id: BountyId::new(id), phase: Phase::Assertion }
}

pub(crate) fn bounty(key: &BountyKey) -> Write {
    Write::Bounty(Received {
        key: key.clone(),
        dialect: daemon_journal::WEBHOOK.to_owned(),
        delivery: format!("delivery of {}", key.id),
        received: Timestamp::from_micros(1_000),
        expires: Timestamp::from_micros(61_000_000),
        wire: br#"{"guid": 7, "artifact_type": "FILE"}"#.to_vec(),
    })
}

pub(crate) fn answer(key: &BountyKey, body: &str) -> Write {
    Write::Answer(Answered {
        key: key.clone(),
        at: Timestamp::from_micros(2_000),
        body: body.into(),
        verdict: Verdict::Malicious,
        bid: Nct::from_base_units(62_500_000_000_000_001),
        confidence: 0.97,
        kind: "pe".into(),
        sha256: Some([7; 32]),
        size: Some(4096),
        generation: "g1".into(),
        comments: vec!["packed".into(), "\"quoted\"".into()],
        report: r#"{"evidence": []}"#.into(),
        bet: r#"{"strategy": "default"}"#.into(),
    })
}

pub(crate) fn ending(key: &BountyKey, how: Ending) -> Write {
    Write::Ending(Ended {
        key: key.clone(),
        at: Timestamp::from_micros(3_000),
        how,
        attempts: 2,
        detail: "after a 503".into(),
    })
}

pub(crate) fn settled(key: &BountyKey, payout: Option<&str>) -> Write {
    let outcome = SettlementNotice {
        truth: Some(Truth::Malicious),
        payout: payout.map(|payout| payout.parse().unwrap()),
        fee: Some(Nct::from_base_units(31_250_000_000_000_000)),
        source: "a market".into(),
        record: r#"{"votes": {"malicious": 3}}"#.into(),
    };
    Write::Settled(Settled { key: key.clone(), at: Timestamp::from_micros(4_000), outcome })
}

pub(crate) fn corrected(key: &BountyKey, payout: Option<&str>) -> Write {
    let payout = payout.map(|payout| payout.parse().unwrap());
    let correction = Correction { truth: Some(Truth::Benign), payout, fee: None, reason: "a slip of the hand".into() };
    Write::Corrected(Corrected { key: key.clone(), at: Timestamp::from_micros(4_500), correction })
}

pub(crate) fn step(key: &BountyKey, kind: StepKind, transaction: &str) -> Write {
    let place = ChainPosition { transaction: transaction.into(), block: (!transaction.is_empty()).then_some(17) };
    let payout = (kind == StepKind::Settled).then(|| Nct::from_base_units(1_500_000_000_000_000_000));
    let index = (kind == StepKind::Asserted).then_some(3);
    let step = AssertionStep { kind, index, place, payout, detail: "a detail".into() };
    Write::Step(Stepped { key: key.clone(), at: Timestamp::from_micros(3_500), step })
}

pub(crate) fn shadow(key: &BountyKey, artifact: u32) -> Write {
    Write::Shadow(Shadowed {
        key: key.clone(),
        artifact,
        artifacts: artifact + 1,
        at: Timestamp::from_micros(2_500),
        verdict: Verdict::Benign,
        confidence: 0.75,
        kind: "pe".into(),
        generation: "s1".into(),
        bet: r#"{"strategy": "default"}"#.into(),
    })
}

pub(crate) fn purse(note: PurseNote) -> Write {
    Write::Purse(PurseEntry { at: Timestamp::from_micros(5_000), note, detail: "losses".into() })
}

/// A bounty, answered and sent.
pub(crate) fn life(id: &str) -> [Write; 3] {
    let key = key(id);
    [bounty(&key), answer(&key, &format!("answer to {id}")), ending(&key, Ending::Sent { status: 200 })]
}

/// A directory for a while, ours alone whatever the umask.
pub(crate) fn directory() -> tempfile::TempDir {
    let ours = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    tempfile::Builder::new().permissions(ours).tempdir().unwrap()
}
