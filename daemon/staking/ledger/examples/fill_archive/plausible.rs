//! Bounties as they might have been: deterministic, some settled in every detail, some told in part, some missed.

use daemon_journal::{Answered, Ended, Ending, Received, Settled, Write};
use daemon_market::{
    Bet, BidBounds, BountyId, BountyKey, ContractVersion, Conviction, DefaultStrategy, Nct, Phase, SettlementNotice,
    Timestamp, Truth, Verdict, settle_one,
};
use serde_json::json;

/// When the first bounty comes: 2026-11-02 00:00 UTC.
const BEGIN: i64 = 1_793_577_600_000_000;
/// One comes every 37 minutes, about.
const APART: i64 = 37 * 60_000_000;
/// What an assertion costs beside its stake.
const FEE: Nct = Nct::from_base_units(31_250_000_000_000_000);
/// What we are called.
const US: &str = "stakeout";
/// Engines, and how often in a hundred they are right.
const RIVALS: [(&str, u64); 6] = [
    ("Ostrich AV", 71),
    ("Blacksmith & Sons", 83),
    ("deepvault", 88),
    ("K7-like", 79),
    ("coinflip", 50),
    ("Lancet", 92),
];
/// Kinds, a rule that hits such files, and the family it names.
const KINDS: [(&str, &str, &str); 6] = [
    ("pe32.exe", "yara.pe/packer.Upx_Tampered", "Emotet"),
    ("pe32+.dll", "yara.pe/loader.Reflective_Loader", "CobaltStrike"),
    ("elf64.exec", "yara.elf/miner.Stratum_Client", "XMRig"),
    ("ooxml.docm", "yara.office/macro.Auto_Open_Download", "Valyria"),
    ("ole2.xls", "yara.office/xlm.Exec_Call", ""),
    ("text", "yara.any/script.Encoded_Command", ""),
];

/// Numbers that look like chance and are the same every time (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// From a seed.
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// The records of bounty number `n`, in the order in which they are written.
pub(crate) fn records(n: u64, chance: &mut Chance) -> Vec<Write> {
    let phase = if n % 41 == 40 { Phase::Arbitration } else { Phase::Assertion };
    let key = BountyKey { id: BountyId::new(&format!("{}", 7_310_000 + n)), phase };
    let received = BEGIN + n as i64 * APART + chance.below(1_200_000_000) as i64;
    let at = |micros: i64| Timestamp::from_micros(received + micros);
    let wire = json!({ "id": 7_310_000 + n, "phase": phase.name(), "artifact_uri": "https://example.test/artifact" });
    let mut writes = vec![Write::Bounty(Received {
        key: key.clone(),
        dialect: daemon_journal::WEBHOOK.to_owned(),
        delivery: format!("delivery-{n}"),
        received: at(0),
        expires: at(90_000_000),
        wire: wire.to_string().into_bytes(),
    })];
    if n % 67 == 66 {
        let detail = "it could not be downloaded in time".to_owned();
        writes.push(Write::Ending(Ended { key, at: at(90_000_000), how: Ending::Expired, attempts: 0, detail }));
        return writes;
    }
    let took = 3_000 + (chance.below(1_000).pow(3) / 40) as i64;
    let answer = answer(&key, at(took), chance);
    let (how, attempts) = match n % 53 {
        50 => (Ending::Refused { status: 400 }, 1),
        51 => (Ending::Expired, 0),
        _ => (Ending::Sent { status: 200 }, 1),
    };
    let staked = if matches!(how, Ending::Sent { .. }) { answer.bid } else { Nct::ZERO };
    let settled = settled(&key, &answer, staked, at(7_200_000_000), n, chance);
    writes.push(Write::Answer(answer));
    writes.push(Write::Ending(Ended { key, at: at(took + 150_000), how, attempts, detail: String::new() }));
    writes.extend(settled.map(Write::Settled));
    writes
}

fn answer(key: &BountyKey, at: Timestamp, chance: &mut Chance) -> Answered {
    let (kind, rule, family) = KINDS[chance.below(6).min(chance.below(7)) as usize];
    let said = match chance.below(10) {
        0 => Verdict::Unknown,
        1..=4 => Verdict::Benign,
        _ => Verdict::Malicious,
    };
    let q = 0.55 + 0.449 * (chance.below(1_000) as f64 / 1_000.0).sqrt();
    let malicious = said == Verdict::Malicious;
    let bounds = BidBounds::default();
    let conviction = Conviction::from_probability(q);
    let bettable = key.phase == Phase::Assertion && said != Verdict::Unknown;
    let why_not = chance.percent(8).then(|| "the limit for an hour is reached".to_owned());
    let wanted = DefaultStrategy.bid(conviction, bounds);
    let bid = if bettable && why_not.is_none() { wanted } else { Nct::ZERO };
    let purse = if why_not.is_none() { Nct::from_base_units(10u128.pow(18)) } else { Nct::ZERO };
    let bet = bettable.then(|| Bet {
        strategy: "default".to_owned(),
        verdict: said,
        confidence: q,
        q,
        conviction: conviction.get(),
        family: if malicious { family.to_owned() } else { String::new() },
        evidence: vec![format!("yara.{}", kind.split('.').next().unwrap_or("any"))],
        min: bounds.min,
        max: bounds.max,
        reward: Nct::ZERO,
        fee: FEE,
        purse,
        balance: Nct::from_base_units(100 * 10u128.pow(18)),
        ratio: 0.3,
        complete: true,
        wanted: if why_not.is_none() { wanted } else { Nct::ZERO },
        why_not: why_not.clone(),
    });
    let mut evidence = vec![json!({ "id": if malicious { rule } else { "pe.signature.valid" } })];
    if chance.percent(40) {
        evidence.push(json!({ "id": "pe.section.writable_executable" }));
    }
    let softened = bettable && bid == Nct::ZERO;
    let verdict = match said {
        Verdict::Malicious if softened => Verdict::Suspicious,
        Verdict::Benign if softened => Verdict::Unknown,
        _ => said,
    };
    Answered {
        key: key.clone(),
        at,
        body: json!({ "verdict": verdict.name(), "bid": 0 }).to_string().into_bytes(),
        verdict,
        bid,
        confidence: if said == Verdict::Unknown { 0.5 } else { q },
        kind: kind.to_owned(),
        sha256: None,
        size: Some(4_096),
        generation: "1".to_owned(),
        comments: why_not.into_iter().collect(),
        report: json!({ "evidence": evidence, "family": if malicious { family } else { "" } }).to_string(),
        bet: bet.map(|bet| bet.to_json()).unwrap_or_default(),
    }
}

/// How it was settled: of one in twelve nobody tells, of one in nine only the truth is told.
fn settled(
    key: &BountyKey,
    answer: &Answered,
    staked: Nct,
    at: Timestamp,
    n: u64,
    chance: &mut Chance,
) -> Option<Settled> {
    let said = Bet::from_json(&answer.bet).map_or(answer.verdict, |bet| bet.verdict);
    // A little less often right than it says, and more so about scripts.
    let worse = if answer.kind == "text" { 230.0 } else { 30.0 };
    let right = chance.below(1_000) as f64 + worse < answer.confidence * 1_000.0;
    let malicious = match said {
        Verdict::Malicious => right,
        Verdict::Benign => !right,
        Verdict::Suspicious | Verdict::Unknown => chance.percent(50),
    };
    let verdict = |malicious: bool| if malicious { Verdict::Malicious } else { Verdict::Benign };
    let units = |n: u64| Nct::from_base_units(u128::from(n) * 10u128.pow(14));
    let mut assertions: Vec<(&str, Nct, bool)> = Vec::new();
    for (engine, skill) in RIVALS {
        if chance.percent(60) {
            assertions.push((engine, units(625 + chance.below(9_376)), chance.percent(skill) == malicious));
        }
    }
    if staked > Nct::ZERO {
        assertions.push((US, staked, answer.verdict == Verdict::Malicious));
    }
    let reward = units(200 + chance.below(2_500));
    let benign = chance.below(3) as u32;
    let (for_it, against) = (5 - benign, benign);
    let votes = if malicious { (for_it, against) } else { (against, for_it) };
    let cast: Vec<bool> = (0..5).map(|vote| vote < votes.0).collect();
    let bids: Vec<(Nct, bool)> = assertions.iter().map(|(_, bid, malicious)| (*bid, *malicious)).collect();
    let settlement = settle_one(ContractVersion::V1_6_1, reward, Nct::ZERO, FEE, 5, &bids, &cast).expect("it settles");
    if chance.percent(8) {
        return None;
    }
    let told: Vec<_> = assertions
        .iter()
        .zip(&settlement.payouts)
        .map(|((engine, bid, malicious), payout)| {
            json!({ "engine": engine, "verdict": verdict(*malicious).name(), "bid": bid, "payout": payout })
        })
        .collect();
    let truth = Some(if malicious { Truth::Malicious } else { Truth::Benign });
    let outcome = if n % 9 == 8 {
        SettlementNotice { truth, source: "truths.csv".to_owned(), ..SettlementNotice::default() }
    } else {
        let record = json!({
            "engine": US,
            "contract": "1.6.1",
            "reward": reward,
            "bounty_fee": Nct::ZERO,
            "assertion_fee": FEE,
            "arbiters": 5,
            "assertions": told,
            "votes": { "malicious": votes.0, "benign": votes.1 },
        });
        let payout = (staked > Nct::ZERO).then(|| settlement.payouts.last().copied()).flatten();
        SettlementNotice {
            truth,
            payout,
            fee: Some(FEE),
            source: "market.jsonl".to_owned(),
            record: record.to_string(),
        }
    };
    Some(Settled { key: key.clone(), at, outcome })
}
