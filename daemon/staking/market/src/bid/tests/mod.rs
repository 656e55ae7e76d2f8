//! What every strategy keeps to, and what each of them is for.

mod expression;
mod laws;

use super::*;

fn request(q: f64) -> BidRequest<'static> {
    BidRequest {
        q,
        conviction: Conviction::from_probability(q),
        verdict: Verdict::Malicious,
        kind: "pe32+.dll",
        family: "",
        evidence: &[],
        bounds: BidBounds::default(),
        reward: Nct::ZERO,
        fee: Nct::ZERO,
        purse: Nct::literal("100"),
        balance: Nct::literal("100"),
        ratio: 1.0,
    }
}

/// Settings that every strategy takes.
fn settings() -> StrategySettings {
    let rows = ["* * 0.1 0", "* * 1 1", "pe* malicious 0.2 0.5", "pe32+.dll * 0.3 0.25", "pe32+.dll * 0.7 0.75"];
    StrategySettings {
        table: rows.iter().map(|row| row.parse().unwrap()).collect(),
        expression: "if verdict == \"malicious\" { (q - 0.5) * 2 * ratio } else { reward - fee }".to_owned(),
        ..StrategySettings::default()
    }
}

fn named(name: &str) -> Box<dyn BidStrategy> {
    Strategy::named(name, &settings()).unwrap()
}

#[track_caller]
fn check(strategy: &dyn BidStrategy, request: &BidRequest<'_>, expected: Result<&str, &str>) {
    match (strategy.bid(request), expected) {
        (Ok(bid), Ok(expected)) => assert_eq!(bid.to_string(), expected, "{strategy:?}: {request:?}"),
        (Err(Abstention(why)), Err(expected)) => assert!(why.contains(expected), "{strategy:?}: {why}"),
        (bid, expected) => panic!("{strategy:?}: {bid:?} rather than {expected:?}"),
    }
}

#[test]
fn the_default_bid_rises_from_min_to_max() {
    for (q, bid) in [(0.0, "0.0625"), (0.5, "0.0625"), (0.75, "0.53125"), (1.0, "1"), (f64::NAN, "0.0625")] {
        let seen = DefaultStrategy.bid(Conviction::from_probability(q), BidBounds::default());
        assert_eq!(seen.to_string(), bid, "q = {q}");
        check(&DefaultStrategy, &request(q), Ok(bid));
    }
}

#[test]
fn every_strategy_is_named_once_and_has_a_meaning() {
    let mut names: Vec<&str> = STRATEGIES.iter().map(|(name, _)| *name).collect();
    for (name, meaning) in STRATEGIES {
        assert_eq!(named(name).name(), *name);
        assert!(!meaning.is_empty() && !meaning.contains('\n'), "{name}");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), count), (20, 20));
}

#[test]
fn each_formula_bids_what_it_says() {
    for (name, at_half, at_one) in [
        ("default", "0.53125", "1"),
        ("conservative", "0.0625", "0.0625"),
        ("aggressive", "0.75", "1"),
        ("default-2019-06", "0.28125", "0.5"),
        ("conservative-2019-06", "0.0625", "0.0625"),
        ("aggressive-2019-06", "1", "1"),
        ("default-2019-09", "0.28125", "0.5"),
        ("conservative-2019-09", "0.0625", "0.0625"),
        ("aggressive-2019-09", "1", "1"),
        ("seed", "0.53125", "1"),
        ("min", "0.0625", "0.0625"),
        ("median", "0.53125", "0.53125"),
        ("max", "1", "1"),
        ("rescale", "0.53125", "1"),
        ("dni", "0.765625", "1"),
        ("webhook-template", "0.53125", "1"),
        ("threshold", "0.53125", "1"),
    ] {
        check(&*named(name), &request(0.75), Ok(at_half));
        check(&*named(name), &request(1.0), Ok(at_one));
    }
}

#[test]
fn four_levels_begin_where_they_should() {
    let dni = named("dni");
    for (q, bid) in [(0.6, "0.0625"), (0.63, "0.296875"), (0.75, "0.765625"), (0.87, "0.765625"), (0.88, "1")] {
        check(&*dni, &request(q), Ok(bid));
    }
}

#[test]
fn below_the_threshold_nothing_is_bid() {
    let threshold = named("threshold");
    check(&*threshold, &request(0.75), Ok("0.53125"));
    check(&*threshold, &request(0.74), Err("is below 0.5"));
}

#[test]
fn nothing_is_bid_where_nothing_may_be() {
    for (name, _) in STRATEGIES {
        let upside_down = BidBounds { min: Nct::literal("2"), max: Nct::literal("1") };
        check(&*named(name), &BidRequest { bounds: upside_down, ..request(0.9) }, Err("the bounty allows no bid"));
        for verdict in [Verdict::Suspicious, Verdict::Unknown] {
            check(&*named(name), &BidRequest { verdict, ..request(0.9) }, Err("only malicious and benign"));
        }
    }
}

#[test]
fn settings_that_cannot_be_are_refused_with_a_reason() {
    let check = |name: &str, settings: StrategySettings, why: &str| {
        let error = Strategy::named(name, &settings).unwrap_err().to_string();
        assert!(error.contains(why), "{name}: {error}");
    };
    check("kelley", settings(), "there is no strategy `kelley`: there are default, conservative, ");
    for threshold in [-0.1, 1.1, f64::NAN] {
        check("threshold", StrategySettings { threshold, ..settings() }, "from 0 to 1");
    }
    for kelly_fraction in [0.0, -1.0, 1.5, f64::NAN] {
        check("kelly", StrategySettings { kelly_fraction, ..settings() }, "above 0 and at most 1");
    }
    check("table", StrategySettings::default(), "it has no rows");
    check("expression", StrategySettings::default(), "it is empty");
}

#[test]
fn kelly_stakes_its_part_of_the_bankroll() {
    let kelly = named("kelly");
    // The full stake of q = 0.52 at even odds is 4 % of 100 NCT; a quarter of that is 1 NCT.
    let wide = BidBounds { min: Nct::literal("0.0625"), max: Nct::literal("50") };
    let bet = |q: f64| BidRequest { bounds: wide, ..request(q) };
    let bid = kelly.bid(&bet(0.52)).unwrap();
    assert!(bid.base_units().abs_diff(Nct::literal("1").base_units()) < 1_000, "{bid}");
    check(&*kelly, &bet(1.0), Ok("25"));
    check(&*kelly, &BidRequest { fee: Nct::literal("4"), ..bet(1.0) }, Ok("24"));
    check(&*kelly, &BidRequest { purse: Nct::literal("3"), ..bet(1.0) }, Ok("3"));
    check(&*kelly, &request(1.0), Ok("1"));
    check(&*kelly, &BidRequest { purse: Nct::literal("0.05"), ..bet(1.0) }, Err("more than the purse gives"));
    check(&*kelly, &bet(0.5), Err("does not cover the fee"));
    check(&*kelly, &bet(0.3), Err("does not cover the fee"));
    check(&*kelly, &BidRequest { fee: Nct::literal("0.2"), ..bet(0.52) }, Err("does not cover the fee"));
    check(&*kelly, &BidRequest { ratio: 0.0, ..bet(1.0) }, Err("is unknown"));
    check(&*kelly, &BidRequest { q: f64::NAN, ..bet(1.0) }, Err("probability"));
}

#[test]
fn kelly_bids_the_least_allowed_up_to_its_full_stake() {
    let kelly = named("kelly");
    let poor = |balance: &str| BidRequest { balance: Nct::literal(balance), ..request(0.75) };
    // The full stake is half of the balance.
    check(&*kelly, &poor("0.2"), Ok("0.0625"));
    check(&*kelly, &poor("0.125"), Ok("0.0625"));
    check(&*kelly, &poor("0.12"), Err("more than the full Kelly stake"));
    check(&*kelly, &poor("0"), Err("more than the full Kelly stake"));
}

#[test]
fn the_most_specific_rows_of_a_table_are_bid_by() {
    let table = named("table");
    let at = |kind, verdict, q| BidRequest { kind, verdict, ..request(q) };
    // pe32+.dll has rows of its own, for either verdict: 0.25 from 0.3, 0.75 from 0.7, half way at 0.5.
    check(&*table, &at("pe32+.dll", Verdict::Malicious, 0.75), Ok("0.53125"));
    check(&*table, &at("pe32+.dll", Verdict::Benign, 1.0), Ok("0.765625"));
    check(&*table, &at("pe32+.dll", Verdict::Benign, 0.6), Err("is below the rows for pe32+.dll *"));
    // Other PE files: half of the range from a conviction of 0.2 on, but malicious ones only.
    check(&*table, &at("pe32.exe", Verdict::Malicious, 0.9), Ok("0.53125"));
    check(&*table, &at("pe32.exe", Verdict::Malicious, 0.55), Err("is below the rows for pe* malicious"));
    check(&*table, &at("pe32.exe", Verdict::Benign, 1.0), Ok("1"));
    check(&*table, &at("", Verdict::Benign, 0.5), Err("is below the rows for * *"));
    let one = StrategySettings { table: vec!["elf64 benign 0 1".parse().unwrap()], ..settings() };
    let elf = Strategy::named("table", &one).unwrap();
    check(&*elf, &at("elf64", Verdict::Benign, 0.5), Ok("1"));
    check(&*elf, &at("elf64", Verdict::Malicious, 0.5), Err("the table has no row for elf64 that is malicious"));
}

#[test]
fn rows_are_read_and_shown_alike_or_refused() {
    for text in ["pe* malicious 0.8 0.5", "* * 0 1", "elf64 benign 0.25 0.125"] {
        assert_eq!(text.parse::<TableRow>().unwrap().to_string(), text);
    }
    for (text, why) in [
        ("pe malicious 0.8", "is not a row"),
        ("pe malicious 0.8 0.5 1", "is not a row"),
        ("p*e malicious 0.8 0.5", "is not a kind"),
        ("pe** malicious 0.8 0.5", "is not a kind"),
        ("pe suspicious 0.8 0.5", "is not a verdict to bid on"),
        ("pe malicious 1.8 0.5", "`1.8` is not a number from 0 to 1"),
        ("pe malicious 0.8 nan", "`nan` is not a number"),
    ] {
        let error = text.parse::<TableRow>().unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    let twice: Vec<TableRow> =
        ["a * 0.5 0", "b * 0.5 0", "a * 0.5 1", "b * 0.5 1"].map(|row| row.parse().unwrap()).into();
    let error = Strategy::named("table", &StrategySettings { table: twice, ..settings() }).unwrap_err().to_string();
    assert!(error.contains("`a * 0.5 1` is the second row") && error.contains("`b * 0.5 1`"), "{error}");
}
