//! What expressions can do, and what they cannot.

use proptest::prelude::*;
use proptest::strategy::Strategy as Making;

use super::laws::number;
use super::{check, request, settings};
use crate::Nct;
use crate::bid::{BidBounds, BidRequest, BidStrategy, Strategy, StrategyError, StrategySettings};

fn expression(text: &str) -> Result<Box<dyn BidStrategy>, StrategyError> {
    Strategy::named("expression", &StrategySettings { expression: text.to_owned(), ..settings() })
}

#[test]
fn an_expression_sees_the_whole_request() {
    let evidence = ["pe.import".to_owned(), "pe.section".to_owned()];
    let request = BidRequest {
        evidence: &evidence,
        family: "Emotet",
        reward: Nct::literal("2"),
        fee: Nct::literal("0.5"),
        ratio: 3.0,
        ..request(0.75)
    };
    for text in [
        "conviction",
        "2 * q - 1",
        "if kind.starts_with(\"pe\") { 0.5 } else { () }",
        "if \"pe.import\" in evidence { 0.5 } else { 0 }",
        "if evidence.contains(\"pe.section\") && !evidence.contains(\"pe\") { 0.5 } else { 0 }",
        "if evidence.len() == 2 && family == \"Emotet\" && verdict == \"malicious\" { 0.5 } else { 0 }",
        "if min == 0.0625 && max == 1.0 && reward == 2.0 && purse == 100.0 && balance == 100.0 { fee } else { 0 }",
        "ratio / 6",
        "switch verdict { \"malicious\" => 0.5, _ => 0 }",
    ] {
        check(&*expression(text).unwrap(), &request, Ok("0.53125"));
    }
}

#[test]
fn an_expression_bids_or_abstains() {
    for (text, expected) in [
        ("0", Ok("0.0625")),
        ("1", Ok("1")),
        ("2.5", Ok("1")),
        ("1.0 / 0.0", Ok("1")),
        ("-0.1", Err("abstains")),
        ("-1.0 / 0.0", Err("abstains")),
        ("()", Err("abstains")),
        ("false", Err("abstains")),
        ("q > 0.9 && 1 == 1", Err("abstains")),
    ] {
        match expression(text) {
            Ok(strategy) => check(&*strategy, &request(0.75), expected),
            // True is no fraction, and one of the probes is a certainty.
            Err(error) => {
                assert!(text.contains("&&") && error.to_string().contains("returns a bool"), "{text}: {error}")
            }
        }
    }
}

#[test]
fn what_fails_later_abstains() {
    // No probe has evidence.
    let late = expression("if evidence.len() > 0 { evidence[9] } else { 1 }").unwrap();
    let evidence = ["pe.import".to_owned()];
    check(&*late, &BidRequest { evidence: &evidence, ..request(0.9) }, Err("the expression failed: "));
    let divided = expression("if ratio > 2 { fee / fee } else { 1 }").unwrap();
    check(&*divided, &BidRequest { ratio: 3.0, ..request(0.9) }, Err("returns NaN"));
    let texts = expression("if kind == \"x\" { kind } else { 1 }").unwrap();
    check(&*texts, &BidRequest { kind: "x", ..request(0.9) }, Err("it returns a string"));
}

#[test]
fn mistakes_in_an_expression_are_told_at_the_start_and_where() {
    for (text, why) in [
        ("convicton", "convicton"),
        ("q +", "line 1"),
        ("q > 0.5", "it returns a bool"),
        ("kind", "it returns a string"),
        ("evidence", "it returns a array"),
        ("0.0 / 0.0", "NaN"),
        ("1 / 0", "line 1, column 3"),
        ("nothing(q)", "nothing"),
        ("evidence[0] == \"pe\"", "tried on pe32+.dll that is malicious with 0.5"),
        ("q\n + kind.x", "line 2"),
    ] {
        let error = expression(text).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("invalid bid expression: ") && error.contains(why), "{text}: {error}");
    }
}

#[test]
fn an_expression_can_only_compute() {
    let deep = format!("{}q{}", "(".repeat(1_000), ")".repeat(1_000));
    let negated = format!("{}q", "-".repeat(1_000));
    let nested = format!("{}q{}", "if true { ".repeat(500), " } else { 0 }".repeat(500));
    let arrays = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let doubled = (0..12).fold("\"aaaaaaaaaaaaaaaa\"".to_owned(), |text, _| format!("({text} + {text})"));
    let long = format!("\"{}\" == \"\"", "a".repeat(100_000));
    let sum = format!("0{}", " + q".repeat(1_000));
    for text in [
        "loop { }",
        "while true { }",
        "for i in 0..10 { }",
        "do { } while true",
        "{ let x = 1; x }",
        "let x = 1",
        "q = 1.0",
        "if true { q = 1.0; q } else { 0 }",
        "if true { let x = 1.0; x } else { 0 }",
        "if true { loop { } } else { 0 }",
        "`${loop { }}`.len()",
        "`${while true { }}`.len()",
        "switch q { _ => loop { } }",
        "fn f(x) { f(x) }",
        "|x| x",
        "eval(\"loop { }\")",
        "\"eval\".call(\"loop { }\")",
        "Fn(\"eval\").call(\"loop { }\")",
        "sleep(10)",
        "sleep(10.0)",
        "timestamp()",
        "print(\"x\")",
        "debug(\"x\")",
        "import \"x\" as x",
        "exit(1)",
        "throw 1",
        "return 1",
        "pad(\"x\", 1000000000, 'x')",
        "\"x\".pad(1000000000, 'x')",
        "evidence.pad(1000000000, 1)",
        "range(0, 1000000000)",
        "(0..1000000000).len()",
        "9223372036854775807 + 1",
        "-9223372036854775808 / -1",
        "2 ** 1000",
        "evidence[-9223372036854775808]",
        "kind[9223372036854775807]",
        &deep,
        &negated,
        &nested,
        &arrays,
        &doubled,
        &long,
    ] {
        let shown: String = text.chars().take(60).collect();
        assert!(expression(text).is_err(), "{shown}");
    }
    // Operations in a row nest.
    assert!(expression(&sum).is_err());
    let shorter = format!("0{}", " + q".repeat(50));
    let shorter = expression(&shorter).unwrap();
    check(&*shorter, &request(0.75), Ok("1"));
}

/// Words of which expressions are made up.
const WORDS: [&str; 48] = [
    "q",
    "conviction",
    "verdict",
    "kind",
    "family",
    "evidence",
    "min",
    "max",
    "reward",
    "ratio",
    "1",
    "0.5",
    "-",
    "+",
    "*",
    "/",
    "%",
    "**",
    "<<",
    ">>",
    "&",
    "|",
    "^",
    "!",
    "==",
    "<",
    "&&",
    "||",
    "??",
    "in",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "if",
    "else",
    "switch",
    "=>",
    ",",
    ".",
    "..",
    "contains",
    "\"pe\"",
    "`${",
    "}`",
    "9223372036854775807",
];

/// Operators of rhai.
const OPERATORS: &[&str] =
    &["+", "-", "*", "/", "%", "**", "<<", ">>", "&", "|", "==", "!=", "<", ">=", "&&", "||", "in", "??"];

/// Functions of one value that are, or are not, there.
const FUNCTIONS: &[&str] = &["len", "sqrt", "abs", "exp", "ln", "floor", "to_int", "is_nan", "sign", "type_of"];

/// Expressions that are grammatical, if not always of the right types.
fn sound() -> impl Making<Value = String> {
    let leaf = proptest::sample::select(vec![
        "q",
        "conviction",
        "ratio",
        "min",
        "max",
        "reward",
        "fee",
        "purse",
        "balance",
        "kind",
        "verdict",
        "evidence",
        "0",
        "1",
        "-1",
        "0.5",
        "1e300",
        "9223372036854775807",
        "-9223372036854775808",
        "()",
        "true",
        "\"pe\"",
        "'x'",
        "[]",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(6, 48, 3, |inner| {
        prop_oneof![
            4 => (inner.clone(), proptest::sample::select(OPERATORS), inner.clone())
                .prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            1 => (proptest::sample::select(FUNCTIONS), inner.clone()).prop_map(|(name, a)| format!("{name}({a})")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("if {a} {{ {b} }} else {{ {c} }}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => inner.prop_map(|a| format!("`${{{a}}}`")),
        ]
    })
}

proptest! {
    #[test]
    fn no_expression_panics_or_leaves_its_bounds(words in proptest::collection::vec(0usize..WORDS.len(), 0..24)) {
        let text: Vec<&str> = words.iter().map(|word| WORDS[*word]).collect();
        if let Ok(strategy) = expression(&text.join(" "))
            && let Ok(bid) = strategy.bid(&request(0.9))
        {
            let bounds = BidBounds::default();
            prop_assert!(bounds.min <= bid && bid <= bounds.max);
        }
    }

    #[test]
    fn no_sound_expression_panics_or_leaves_its_bounds(text in sound(), q in number(), ratio in number()) {
        if let Ok(strategy) = expression(&text)
            && let Ok(bid) = strategy.bid(&BidRequest { ratio, ..request(q) })
        {
            let bounds = BidBounds::default();
            prop_assert!(bounds.min <= bid && bid <= bounds.max);
        }
    }
}
