use super::*;

fn told(text: &str, form: SettlementFormat) -> Result<Vec<SettlementLine>, Vec<String>> {
    let lines = read(&mut text.as_bytes(), form, "test").unwrap();
    lines.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

#[test]
fn lines_say_about_what_and_what() {
    let lines = told(
        "{\"bounty\": 7, \"truth\": \"malicious\", \"payout\": \"1.5\", \"assertion_fee\": \"0.03125\"}\n\n\
         {\"guid\": \"a7e8818a\", \"fee\": \"0\", \"assertion_fee\": \"1\", \"phase\": \"arbitration\", \"truth\": \"benign\", \"more\": [1]}\n\
         {\"purse\": \"open\", \"detail\": \"seen\"}\n",
        SettlementFormat::Ndjson,
    )
    .unwrap();
    assert_eq!(lines[0].about, About::Bounty(BountyId::new("7"), None));
    assert_eq!(lines[0].outcome.payout, Some("1.5".parse().unwrap()));
    assert_eq!(lines[0].outcome.fee, Some("0.03125".parse().unwrap()));
    assert_eq!(lines[1].about, About::Bounty(BountyId::new("a7e8818a"), Some(Phase::Arbitration)));
    assert_eq!(lines[1].outcome.fee, Some(Nct::ZERO));
    assert!(lines[1].outcome.record.contains("more"));
    assert_eq!((&lines[2].about, lines[2].outcome.source.as_str()), (&About::Purse, "seen"));
}

#[test]
fn values_with_a_head_say_the_same() {
    let sha256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";
    let text = format!("Bounty,sha256,truth,payout\n7,,malicious,1.5\n,{sha256},benign,\n");
    let lines = told(&text, SettlementFormat::Csv).unwrap();
    assert_eq!(lines[0].about, About::Bounty(BountyId::new("7"), None));
    assert_eq!(lines[1].about, About::Artifact(artifact(sha256).unwrap()));
    assert_eq!((lines[1].outcome.truth, lines[1].outcome.payout), (Some(Truth::Benign), None));
}

#[test]
fn every_line_that_means_nothing_is_told() {
    let long = format!("{{\"bounty\": \"{}\", \"truth\": \"benign\"}}\n", "7".repeat(LINE_BYTES_MAX));
    let text = format!(
        "{{\"bounty\": 7}}\nnonsense\n{{\"truth\": \"benign\"}}\n{{\"bounty\": 7, \"truth\": \"maybe\"}}\n{long}\
         {{\"bounty\": [], \"truth\": \"benign\"}}\n{{\"bounty\": 7, \"payout\": \"-1\"}}\n{{\"bounty\": 1, \"purse\": \"open\"}}\n"
    );
    let mistakes = told(&text, SettlementFormat::Ndjson).unwrap_err();
    let expected = [
        "1: it has neither truth nor payout",
        "2: it is no such JSON",
        "3: it names neither a bounty nor a sha256",
        "4: truth \"maybe\" is not malicious, benign or none",
        "5: it has more than 1048576 bytes",
        "6: [] is no id of a bounty",
        "7: payout \"-1\" is no amount",
        "8: `purse` can only be `open`",
    ];
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:?}");
    for (mistake, expected) in mistakes.iter().zip(expected) {
        assert!(mistake.starts_with(expected), "{mistake}");
    }
    assert!(told("bounty,truth\n7,benign,more\n", SettlementFormat::Csv).unwrap_err()[0].starts_with("2: "));
    assert_eq!(told("", SettlementFormat::Csv), Ok(Vec::new()));
}

#[test]
fn amounts_in_base_units_are_told() {
    let line = |field: &str| format!("{{\"bounty\": 7, \"truth\": \"benign\", {field}: \"1500000000000000000\"}}\n");
    let text = ["\"payout\"", "\"fee\"", "\"assertion_fee\""].map(line).concat();
    let mistakes = told(&text, SettlementFormat::Ndjson).unwrap_err();
    let why = "\"1500000000000000000\" is more NCT than there are: amounts are in NCT, not in its base units of 10^-18";
    let expected = ["payout", "fee", "assertion_fee"].map(|name| format!("{name} {why}"));
    let expected: Vec<String> = (1..).zip(expected).map(|(line, why)| format!("{line}: {why}")).collect();
    assert_eq!(mistakes, expected);
    let csv = told("bounty,truth,payout\n7,benign,62500000000000000\n", SettlementFormat::Csv).unwrap_err();
    assert!(csv[0].starts_with("2: payout \"62500000000000000\" is more NCT than there are"), "{csv:?}");
    assert!(told("bounty,truth,payout\n7,benign,2000000000\n", SettlementFormat::Csv).is_ok());
}

#[test]
fn corrections_say_what_is_right_and_why() {
    let lines = told(
        "{\"bounty\": 7, \"payout\": \"1.5\", \"correction_reason\": \" seen \"}\n\
         {\"bounty\": \"8\", \"truth\": \"none\", \"payout\": \"none\", \"correction_reason\": \"x\"}\n",
        SettlementFormat::Ndjson,
    )
    .unwrap();
    let known = SettlementNotice { truth: Some(Truth::Malicious), fee: Some(Nct::ZERO), ..SettlementNotice::default() };
    let right = |line: &SettlementLine| line.correction.as_ref().unwrap().of(&known);
    let (first, second) = (right(&lines[0]), right(&lines[1]));
    assert_eq!((first.truth, first.payout, first.fee), (known.truth, Some("1.5".parse().unwrap()), known.fee));
    assert_eq!(first.reason, "seen");
    assert_eq!((second.truth, second.payout, second.fee), (None, None, known.fee));
    assert_eq!(lines[0].about, About::Bounty(BountyId::new("7"), None));
    let text = "{\"bounty\": 7, \"correction_reason\": \"x\"}\n{\"bounty\": 7, \"fee\": \"1\", \"correction_reason\": \" \"}\n\
                {\"sha256\": \"7\", \"fee\": \"1\", \"correction_reason\": \"x\"}\n";
    assert_eq!(
        told(text, SettlementFormat::Ndjson).unwrap_err(),
        [
            "1: a correction needs a truth, payout or fee",
            "2: a correction needs a reason of 1 to 1000 bytes",
            "3: a correction needs a bounty",
        ]
    );
}

#[test]
fn what_never_ends_is_not_read_for_ever() {
    for form in [SettlementFormat::Csv, SettlementFormat::Ndjson] {
        let error = read(&mut std::io::repeat(b'7'), form, "test").unwrap_err();
        assert!(error.to_string().contains("import it in parts"), "{error}");
    }
}
