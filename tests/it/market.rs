//! The marketplace on loopback, and the demo that has the whole product in it.

use serde_json::Value;

use crate::program::{stakeout, stderr, stdout};

fn told(output: &std::process::Output) -> String {
    format!("{}{}", stdout(output), stderr(output))
}

#[test]
fn a_demo_answers_everything_conserves_money_and_leaves_a_report() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let kept = directory.path().join("kept");
    let mut command = stakeout();
    command.args(["demo", "--bounties", "12", "--json", "--quiet", "--keep"]).arg(&kept);
    let output = command.output().expect("stakeout can be started");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let record: Value = serde_json::from_str(stdout(&output)).expect("it prints JSON");
    let market = &record["market"];
    assert_eq!((&market["conserved"], &market["posted"], &market["settled"]), (&true.into(), &12.into(), &12.into()));
    let engine = &market["engines"][0];
    assert_eq!((&engine["answered"], &engine["unanswered"], &engine["conflicts"]), (&12.into(), &0.into(), &0.into()));
    assert!(engine["verdicts"]["malicious"].as_u64().is_some_and(|times| times > 0), "{engine}");
    assert_eq!((&record["outcomes"]["lines"], &record["outcomes"]["pending"]), (&12.into(), &0.into()));
    let page = std::fs::read_to_string(kept.join("report.html")).expect("there is a report");
    assert!(page.contains("<html"), "{page}");

    // What the marketplace paid is what the archive says.
    let output = stakeout()
        .args(["report", "--json", "--config"])
        .arg(kept.join("stakeout.toml"))
        .output()
        .expect("stakeout can be started");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let parties = market["parties"].as_array().expect("parties are a list");
    let ours = parties.iter().find(|party| party["name"] == "stakeout").expect("the engine is a party");
    let profit = ours["profit"].as_str().expect("a profit is a text");
    assert!(stdout(&output).contains(&format!("\"{profit}\"")), "{profit} is not in {}", stdout(&output));

    // And what was staked is decided again to the last bit.
    let output = stakeout()
        .args(["backtest", "--json", "--config"])
        .arg(kept.join("stakeout.toml"))
        .output()
        .expect("stakeout can be started");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let again: Value = serde_json::from_str(stdout(&output)).expect("it prints JSON");
    let reproduced = &again["reproduced"];
    assert!(reproduced["decisions"].as_u64().is_some_and(|decisions| decisions > 0), "{reproduced}");
    assert_eq!(reproduced["same"], reproduced["decisions"], "{reproduced}");
}

#[test]
fn a_demo_says_what_is_wrong_before_it_begins() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(directory.path().join("file"), "x").expect("the directory is ours");
    for (args, expected) in [
        (vec!["--strategy", "nonsense"], "cannot use --strategy"),
        (vec!["--keep", directory.path().to_str().expect("a text")], "is not empty"),
    ] {
        let output = stakeout().arg("demo").args(args).output().expect("stakeout can be started");
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(stderr(&output).contains(expected), "{}", told(&output));
    }
}

#[test]
fn the_example_of_the_marketplace_is_the_one_in_the_repository() {
    let output = stakeout().args(["local-market", "--example"]).output().expect("stakeout can be started");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/local-market.toml");
    assert_eq!(stdout(&output), std::fs::read_to_string(path).expect("it is in the repository"));
}

#[test]
fn mistakes_in_a_marketplace_are_told_with_their_file() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let config = directory.path().join("market.toml");
    std::fs::write(&config, "listen = \"0.0.0.0:0\"\n[bounties]\nlife_seconds = 0.0\n").expect("the directory is ours");
    let output = stakeout().args(["local-market", "--config"]).arg(&config).output().expect("stakeout can be started");
    assert_eq!(output.status.code(), Some(64), "{}", told(&output));
    for expected in ["market.toml: listen is 0.0.0.0:0", "life_seconds must be", "2 mistakes"] {
        assert!(stderr(&output).contains(expected), "{}", told(&output));
    }
}

#[test]
fn a_simulation_is_the_same_for_the_same_seed() {
    let simulated = |seed: &str| {
        let args =
            ["local-market", "--simulate", "--bounties", "200", "--json", "--strategies", "default,min", "--seed"];
        let output = stakeout().args(args).arg(seed).output().expect("stakeout can be started");
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        stdout(&output).to_owned()
    };
    assert_eq!(simulated("1"), simulated("1"));
    assert_ne!(simulated("1"), simulated("2"));
}

#[test]
fn engines_play_for_files_whose_truth_is_known() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let put = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("the directory is ours");
        path.display().to_string()
    };
    let line = |number: u8, verdict: &str| {
        format!("{{\"sha256\":\"{number:064x}\",\"kind\":\"pe\",\"verdict\":\"{verdict}\",\"confidence\":0.95}}\n")
    };
    let labels = put("labels.csv", format!("sha256,label,source\n{:064x},malicious,a\n{:064x},benign,b\n", 1, 2));
    let right = put("right.ndjson", format!("{}{}", line(1, "malicious"), line(2, "benign")));
    let careful = put("careful.ndjson", format!("{}{}", line(1, "malicious"), line(2, "unknown")));
    let simulated = |labels: &str| {
        let args = ["local-market", "--simulate", "--json", "--bounties", "200", "--strategies", "default", "--labels"];
        let judged = [format!("--judged=right={right}"), format!("--judged=careful={careful}")];
        stakeout().args(args).arg(labels).args(judged).output().expect("stakeout can be started")
    };
    let output = simulated(&labels);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let results: serde_json::Value = serde_json::from_str(stdout(&output)).expect("it is JSON");
    assert_eq!((&results[0]["strategy"], &results[0]["lost"]), (&"right".into(), &0.into()), "{results}");
    assert_eq!((&results[1]["strategy"], &results[1]["lost"]), (&"careful".into(), &0.into()), "{results}");
    assert!(results[1]["abstained"].as_u64() > Some(140), "most bounties are about what is benign: {results}");
    assert!(results[1]["against_default"].as_str().is_some_and(|profit| profit.starts_with('-')), "{results}");

    let wrong = put("wrong.csv", format!("sha256,label\n{:064x},good\n", 1));
    let output = simulated(&wrong);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(stderr(&output).contains("line 2 of the manifest"), "{}", told(&output));
}

#[test]
fn a_market_that_speaks_polyswarmd_ends_when_everything_is_settled() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let files = directory.path().join("files/malicious");
    std::fs::create_dir_all(&files).expect("the directory is ours");
    std::fs::write(files.join("a"), "some bytes").expect("the directory is ours");
    let config = directory.path().join("market.toml");
    let text = r#"
        bounties = { number = 3, directory = "files" }
        rival = [{ name = "rival", true_positive = 1.0, false_positive = 0.0 }]
        [polyswarmd]
        block_seconds = 0.02
        duration_blocks = 4
        reveal_window_blocks = 3
        vote_window_blocks = 3
    "#;
    std::fs::write(&config, text).expect("the directory is ours");
    let run = |address: &str| {
        let args = ["--polyswarmd", address, "--json"];
        let output = stakeout().args(["local-market", "--config"]).arg(&config).args(args).output();
        output.expect("stakeout can be started")
    };
    let output = run("127.0.0.1:0");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(stderr(&output).contains("1 file at http://127.0.0.1:"), "{}", told(&output));
    let closing: Value = serde_json::from_str(stdout(&output)).expect("it prints JSON");
    let seen = ["posted", "over", "unsettled", "conserved", "locked"].map(|key| &closing[key]);
    assert_eq!(serde_json::json!(seen), serde_json::json!([3, 3, 0, true, "0"]), "{closing}");
    let accounts = closing["accounts"].as_array().expect("accounts are a list");
    let rival = accounts.iter().find(|account| account["name"] == "rival").expect("the rival has an account");
    assert_eq!((&rival["asserted"], &rival["settled"]), (&3.into(), &3.into()), "{rival}");

    let output = run("0.0.0.0:0");
    assert_eq!(output.status.code(), Some(64), "{}", told(&output));
    assert!(stderr(&output).contains("which other machines can reach"), "{}", told(&output));
}
