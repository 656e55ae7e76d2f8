//! An archive that decided by the daemon's own code, and the program that decides again.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use daemon_archive::{Retention, Sqlite, Store};
use daemon_artifact::Sha256Digest;
use daemon_journal::{Answered, Ended, Ending, Journal, Received, Settled, Write};
use daemon_market::{
    ArtifactType, Betting, BidBounds, Bounty, BountyId, BountyKey, BountyPolicy, ContractVersion, DefaultStrategy,
    Findings, Judgement, Nct, Phase, Purse, PurseLimits, Reckoning, SettlementNotice, Timestamp, Truth, Verdict,
    settle_one,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program;

/// 2026-11-01.
const BEGIN: i64 = 1_793_491_200_000_000;
const MINUTE: i64 = 60_000_000;

/// An artifact that a daemon was asked about.
pub(crate) struct AskedAbout {
    pub(crate) sha256: [u8; 32],
    /// Its bytes, if they are kept.
    pub(crate) kept: Option<Vec<u8>>,
    pub(crate) truth: Truth,
}

/// A daemon that had this much an hour to stake, and was asked thirty times, a minute apart: about what is kept, and about
/// what is not.
fn archive(directory: &Path, hour_max: Option<Nct>) {
    let kept = specimens::eicar();
    let kept_sha256 = Sha256Digest::of(&kept).0;
    let asked = (0..30).map(|nth| {
        let truth = if nth % 4 == 0 { Truth::Benign } else { Truth::Malicious };
        match nth % 3 {
            0 => AskedAbout { sha256: [7; 32], kept: None, truth },
            _ => AskedAbout { sha256: kept_sha256, kept: Some(kept.clone()), truth },
        }
    });
    archive_of(directory, hour_max, asked);
}

/// The same, asked about these artifacts.
pub(crate) fn archive_of(directory: &Path, hour_max: Option<Nct>, asked: impl IntoIterator<Item = AskedAbout>) {
    let retention = Retention { bytes_max: 1 << 20, age_max: Duration::from_secs(86_400) };
    let store = Store::open(&directory.join("artifacts"), retention).expect("there is room for a store");
    let mut journal = Sqlite::open(directory).expect("there is room for an archive");
    let limits = PurseLimits { hour_max, ..PurseLimits::default() };
    let mut betting = Betting::new(Box::new(DefaultStrategy), Purse::new(limits));
    for (nth, AskedAbout { sha256, kept, truth }) in (0i64..).zip(asked) {
        if let Some(bytes) = kept {
            let file = daemon_artifact::keep_stream(&bytes[..], u64::MAX).expect("there is memory for it");
            assert!(store.keep(file, Sha256Digest(sha256), bytes.len() as u64));
        }
        let now = Timestamp::from_micros(BEGIN + nth * MINUTE);
        let key = BountyKey { id: BountyId::new(&(1_000 + nth).to_string()), phase: Phase::Assertion };
        let bounty = Bounty {
            key: key.clone(),
            artifact_type: ArtifactType::File,
            artifact_uri: "https://example.com/a".to_owned(),
            sha256: None,
            metadata: serde_json::Map::new(),
            bounds: BidBounds::default(),
            reward: Some(Nct::literal("2")),
            response_url: Some("https://example.com/r".to_owned()),
            deliverable: true,
            expires: now + Duration::from_secs(60),
            on_chain: None,
        };
        let wire = json!({
            "id": 1_000 + nth,
            "artifact_type": "FILE",
            "artifact_uri": "https://example.com/a",
            "response_url": "https://example.com/r",
            "phase": "assertion",
            "reward": "2000000000000000000",
            "rules": { "min_allowed_bid": 62_500_000_000_000_000u64, "max_allowed_bid": 1_000_000_000_000_000_000u64 },
        });
        let findings = Findings { kind: "text".to_owned(), sha256: Some(sha256), ..Findings::default() };
        let judgement = Judgement {
            verdict: Verdict::Malicious,
            confidence: 0.75 + nth as f64 / 200.0,
            complete: true,
            skip: None,
            comments: Vec::new(),
            findings,
        };
        let answer = betting.answer(&bounty, judgement, &BountyPolicy::default(), now);
        let (verdict, bid) = (answer.verdict, answer.bid());
        let received = Received {
            key: key.clone(),
            dialect: daemon_journal::WEBHOOK.to_owned(),
            delivery: String::new(),
            received: now,
            expires: bounty.expires,
            wire: wire.to_string().into_bytes(),
        };
        let answered = Answered {
            key: key.clone(),
            at: answer.at,
            body: Vec::new(),
            verdict,
            bid,
            confidence: answer.confidence,
            kind: answer.findings.kind.clone(),
            sha256: Some(sha256),
            size: None,
            generation: "g".to_owned(),
            comments: Vec::new(),
            report: String::new(),
            bet: answer.bet.as_ref().map_or_else(String::new, |bet| bet.to_json()),
        };
        let how = Ending::Sent { status: 200 };
        let ended = Ended { key: key.clone(), at: now, how, attempts: 1, detail: String::new() };
        let outcome = told(bid, truth);
        betting.purse.settle(&key, Reckoning::of(&outcome, verdict, bid, betting.fee), now);
        let settled = Settled { key, at: now, outcome };
        let writes = [Write::Bounty(received), Write::Answer(answered), Write::Ending(ended), Write::Settled(settled)];
        journal.commit(&writes).expect("there is room for a few records");
    }
    store.close();
}

/// What the marketplace tells: one rival on each side.
fn told(bid: Nct, truth: Truth) -> SettlementNotice {
    let fee = Nct::literal("0.03125");
    let malicious = truth == Truth::Malicious;
    let mut asserted = vec![(Nct::literal("0.5"), true), (Nct::literal("0.25"), false)];
    asserted.extend((bid > Nct::ZERO).then_some((bid, true)));
    let settled = settle_one(ContractVersion::V1_6_1, Nct::literal("2"), fee, fee, 3, &asserted, &[malicious; 3])
        .expect("it settles");
    let verdict = |malicious: bool| if malicious { "malicious" } else { "benign" };
    let assertions: Vec<Value> = ["a", "b", "us"]
        .iter()
        .zip(&asserted)
        .map(|(engine, (bid, malicious))| json!({ "engine": engine, "verdict": verdict(*malicious), "bid": bid.to_string() }))
        .collect();
    let votes = if malicious { json!({ "malicious": 3, "benign": 0 }) } else { json!({ "malicious": 0, "benign": 3 }) };
    let record = json!({
        "engine": "us", "contract": "1.6.1", "reward": "2", "bounty_fee": "0.03125", "assertion_fee": "0.03125",
        "arbiters": 3, "assertions": assertions, "votes": votes,
    });
    let payout = (bid > Nct::ZERO).then(|| settled.payouts[2]);
    SettlementNotice {
        truth: Some(truth),
        payout,
        fee: Some(fee),
        source: "test".to_owned(),
        record: record.to_string(),
    }
}

/// No limits: the archive was made without any.
const UNLIMITED: &str = "[market]\nstake_hour_max = \"none\"\nstake_day_max = \"none\"\nstake_open_max = \"none\"\n\
                         loss_day_max = \"none\"\nloss_row_max = \"none\"\n";

fn backtest(archive: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program::path());
    command.arg("backtest").arg("--archive").arg(archive).args(args);
    if !args.contains(&"--config") {
        let config = archive.with_extension("toml");
        std::fs::write(&config, UNLIMITED).expect("there is room for a file");
        command.arg("--config").arg(config);
    }
    let output = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn document(archive: &Path, args: &[&str]) -> Value {
    let (code, out, err) = backtest(archive, &[args, &["--json"]].concat());
    assert_eq!(code, Some(0), "{err}");
    serde_json::from_str(&out).expect("it is JSON")
}

#[test]
fn what_was_decided_is_decided_again_and_other_strategies_beside_it() {
    let home = TempDir::new().expect("the test can make a directory");
    let place = home.path().join("archive");
    archive(&place, None);
    let (code, out, err) = backtest(&place, &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("30 of 30 bids reproduced\n30 bounties answered, 30 compared\n"), "{out}");
    let args = ["--strategy", "conservative", "--strategy", "max", "--strategy", "default", "--folds", "3"];
    let seen = document(&place, &args);
    let ways = seen["ways"].as_array().expect("there are ways");
    let names: Vec<&str> = ways.iter().filter_map(|way| way["name"].as_str()).collect();
    assert_eq!(names, ["as recorded", "conservative", "max", "default"]);
    assert_eq!(ways[1]["staked"], "1.875");
    assert_eq!(ways[2]["staked"], "30");
    for field in ["bets", "staked", "profit", "return", "drawdown"] {
        assert_eq!(ways[0][field], ways[3][field], "{field}");
    }
    assert_eq!(ways[3]["against"]["difference"], "0");
    assert_eq!(ways[3]["against"]["mean_high"], "0");
    assert_ne!(ways[2]["against"]["difference"], "0");
    let windows = seen["windows"].as_array().expect("there are windows");
    assert_eq!(windows.iter().filter_map(|window| window["bounties"].as_u64()).collect::<Vec<_>>(), [10, 10, 10]);
    assert_eq!(backtest(&place, &args), backtest(&place, &args), "the same is the same, byte for byte");
    assert_ne!(document(&place, &[&args[..], &["--seed", "2"]].concat())["ways"], seen["ways"]);
    let since = document(&place, &["--since", "2026-11-01T00:10:00Z", "--until", "2026-11-01T00:20:00Z"]);
    assert_eq!(since["bounties"]["answered"], 10);
    for (args, why) in [
        (&["--strategy", "clever"][..], "there is no strategy `clever`"),
        (&["--strategy", "kelly", "--kelly-fraction", "2"], "the Kelly fraction must be above 0 and at most 1"),
        (&["--since", "soon"], "`soon` is not a time"),
    ] {
        let (code, _, err) = backtest(&place, args);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains(why), "{err}");
    }
}

#[test]
fn a_limit_that_was_reached_is_reached_again() {
    let home = TempDir::new().expect("the test can make a directory");
    let place = home.path().join("archive");
    archive(&place, Some(Nct::literal("3")));
    let (_, out, _) = backtest(&place, &[]);
    assert!(!out.starts_with("30 of 30"), "without the limit it stakes on: {out}");
    assert!(out.contains("the purse gave 0 NCT then (the limit for an hour is reached)"), "{out}");
    let config = home.path().join("stakeout.toml");
    std::fs::write(&config, UNLIMITED.replacen("stake_hour_max = \"none\"", "stake_hour_max = \"3\"", 1))
        .expect("there is room for a file");
    let config = config.to_str().expect("it is text");
    let seen = document(&place, &["--config", config, "--strategy", "conservative"]);
    assert_eq!(seen["reproduced"]["same"], 30);
    assert_eq!(seen["ways"][0]["staked"], "3");
    assert!(seen["ways"][0]["held_back"].as_u64() > Some(0), "{seen}");
    assert_eq!((&seen["ways"][1]["bets"], &seen["ways"][1]["held_back"]), (&json!(30), &json!(0)));
}

#[test]
fn what_is_kept_is_judged_anew_by_other_weights() {
    let home = TempDir::new().expect("the test can make a directory");
    let place = home.path().join("archive");
    archive(&place, None);
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/weights.toml"))
        .expect("we ship weights");
    let weights = home.path().join("weights.toml");
    let judged = |text: &str, more: &[&str]| {
        std::fs::write(&weights, text).expect("there is room for a file");
        let weights = weights.to_str().expect("it is text");
        document(&place, &[&["--weights", weights][..], more].concat())
    };
    let seen = judged(&shipped, &[]);
    let told = &seen["judged_anew"];
    assert_eq!((&told["artifacts"], &told["gone"]), (&json!(1), &json!(1)), "{told}");
    assert_eq!((&told["bounties"], &told["bounties_gone"]), (&json!(20), &json!(10)));
    assert_eq!(told["verdicts_changed"], 0);
    assert_eq!(seen["ways"][1]["name"], "recorded strategies, scanned again");
    // Eicar is surer than what was thought of it.
    assert_ne!(seen["ways"][1]["staked"], seen["ways"][0]["staked"]);
    assert_eq!(judged(&shipped, &["--only-stored"])["bounties"]["left_out"]["not_stored"], 10);
    // By weights to which it speaks neither way (p = 0.34), nothing is staked on what is kept.
    let from = shipped.find("\"eicar.file.test\"").expect("it has a weight");
    let line = shipped[from..].lines().next().expect("it is a line");
    let undecided = shipped.replacen(line, "\"eicar.file.test\" = { weight = 2.3 }", 1);
    let seen = judged(&undecided, &["--only-stored", "--no-shipped-rules"]);
    assert_eq!(seen["judged_anew"]["verdicts_changed"], 20, "{line}");
    assert_eq!(seen["ways"][1]["staked"], "0");
    assert_eq!(seen["ways"][1]["profit"], "0");
    // Another model is another generation, and says nothing of what is no program.
    let model = home.path().join("another.json");
    std::fs::write(&model, crate::models::constant("elf", 1.0).to_string()).expect("there is room for a file");
    let model = model.to_str().expect("it is text");
    let seen = document(&place, &["--model", model, "--no-shipped-rules"]);
    let known = document(&place, &["--no-shipped-rules"]);
    assert_eq!(seen["judged_anew"]["verdicts_changed"], 0);
    assert_ne!(seen["judged_anew"]["generation"], known["judged_anew"]["generation"]);
    let (code, _, err) = backtest(&place, &["--model", model, "--model", model]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("two models of elf found"), "{err}");
    let store = place.join("artifacts");
    assert_eq!(std::fs::read_dir(store).expect("it is still there").count(), 1);
}
