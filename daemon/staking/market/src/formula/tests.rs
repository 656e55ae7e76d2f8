//! Every case of every vector, recorded from the originals.

use serde_json::Value;

use super::*;

/// How `out` of a case spells what came of it.
fn python(error: FormulaError) -> &'static str {
    match error {
        FormulaError::NotANumber => "ValueError: cannot convert float NaN to integer",
        FormulaError::Infinite => "OverflowError: cannot convert float infinity to integer",
        FormulaError::TooLarge => "OverflowError: int too large to convert to float",
        FormulaError::DivisionByZero => "ZeroDivisionError: division by zero",
        FormulaError::NoSuchLevel => "ValueError",
    }
}

fn integer(value: &Value) -> BigInt {
    value.as_str().unwrap().parse().unwrap()
}

fn number(value: &Value) -> Number {
    match (&value["int"], &value["bits"]) {
        (Value::String(int), _) => Number::Integer(int.parse().unwrap()),
        (Value::Number(int), _) => Number::Integer(int.to_string().parse().unwrap()),
        (_, bits) => Number::Double(f64::from_bits(u64::from_str_radix(bits.as_str().unwrap(), 16).unwrap())),
    }
}

fn numbers(value: &Value) -> Vec<Number> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn mask(value: &Value) -> Vec<bool> {
    value.as_array().unwrap().iter().map(|bit| bit.as_bool().unwrap()).collect()
}

/// Looks that every case of a file comes to what its `out` says.
#[track_caller]
fn check(file: &str, text: &str, expected: usize, shown: impl Fn(&Value) -> Result<Value, FormulaError>) {
    let vector: Value = serde_json::from_str(text).unwrap();
    let cases = vector["cases"].as_array().unwrap();
    if let Some(count) = vector["count"].as_u64() {
        assert_eq!(cases.len() as u64, count, "{file}");
    }
    let mut passed = 0;
    for case in cases {
        match (shown(case), &case["out"]["error"]) {
            (Ok(out), Value::Null) => assert_eq!(out, case["out"], "{file}: {case}"),
            (Err(error), Value::String(name)) => {
                // Some files tell the message as well, some only the type of the exception.
                let exact = python(error);
                let matches = if name.contains(':') { exact == name } else { exact.split(':').next() == Some(name) };
                assert!(matches, "{file}: {exact} rather than {name}: {case}");
            }
            (out, _) => panic!("{file}: {out:?}: {case}"),
        }
        passed += 1;
    }
    println!("{file}: {passed} cases");
    assert_eq!(passed, expected, "{file}");
}

fn one(bid: &BigInt) -> Value {
    serde_json::json!({ "bid": bid.to_string() })
}

fn texts(bids: &[BigInt]) -> Vec<String> {
    bids.iter().map(ToString::to_string).collect()
}

fn value(number: &Number) -> Value {
    match number {
        Number::Integer(integer) => serde_json::json!({ "value": integer.to_string() }),
        Number::Double(double) => {
            // As Python writes the two that are in the vectors.
            let text = format!("{double:e}").replace('e', "e+");
            serde_json::json!({ "value": { "f64": text, "bits": format!("{:016x}", double.to_bits()) } })
        }
    }
}

#[test]
fn the_seed_listing_is_computed_to_the_bit() {
    check("seed", include_str!("../../testdata/bids-seed-listing.json"), 147, |case| {
        seed::bid(
            &integer(&case["strategy_min_bid"]),
            &integer(&case["strategy_max_bid"]),
            &integer(&case["min_allowed"]),
            &mask(&case["mask"]),
            &numbers(&case["confidences"]),
        )
        .map(|bid| one(&bid))
    });
}

#[test]
fn the_client_of_june_2019_is_computed_to_the_bit() {
    let check = |multipliers, name: &str, text| {
        check(name, text, 129, |case| {
            let (mask, confidences) = (mask(&case["mask"]), numbers(&case["confidences"]));
            client_2019::bid_2019_06(multipliers, &integer(&case["min_allowed"]), &mask, &confidences)
                .map(|bid| one(&bid))
        });
    };
    let default = include_str!("../../testdata/bids-client-2019-06-default.json");
    let aggressive = include_str!("../../testdata/bids-client-2019-06-aggressive.json");
    let conservative = include_str!("../../testdata/bids-client-2019-06-conservative.json");
    check(client_2019::DEFAULT, "2019-06 default", default);
    check(client_2019::AGGRESSIVE, "2019-06 aggressive", aggressive);
    check(client_2019::CONSERVATIVE, "2019-06 conservative", conservative);
}

#[test]
fn the_client_of_september_2019_is_computed_to_the_bit() {
    let check = |multipliers, name: &str, text| {
        check(name, text, 129, |case| {
            let (mask, confidences) = (mask(&case["mask"]), numbers(&case["confidences"]));
            client_2019::bid_2019_09(multipliers, &integer(&case["min_allowed"]), &mask, &confidences)
                .map(|bids| serde_json::json!({ "bid": texts(&bids) }))
        });
    };
    let default = include_str!("../../testdata/bids-client-2019-09-default.json");
    let aggressive = include_str!("../../testdata/bids-client-2019-09-aggressive.json");
    let conservative = include_str!("../../testdata/bids-client-2019-09-conservative.json");
    check(client_2019::DEFAULT, "2019-09 default", default);
    check(client_2019::AGGRESSIVE, "2019-09 aggressive", aggressive);
    check(client_2019::CONSERVATIVE, "2019-09 conservative", conservative);
}

#[test]
fn the_last_client_is_computed_to_the_bit() {
    let check = |multipliers, name: &str, text| {
        check(name, text, 153, |case| {
            let (mask, confidences) = (mask(&case["mask"]), numbers(&case["confidences"]));
            let (min, max) = (integer(&case["min_allowed"]), integer(&case["max_allowed"]));
            let bids = client::bid(multipliers, &min, &max, &mask, &confidences)?;
            Ok(serde_json::json!({ "bid": texts(&bids), "microengine_accepts": client::sends(&bids, &min) }))
        });
    };
    let default = include_str!("../../testdata/bids-client-2.13.3-default.json");
    let aggressive = include_str!("../../testdata/bids-client-2.13.3-aggressive.json");
    let conservative = include_str!("../../testdata/bids-client-2.13.3-conservative.json");
    check(client::DEFAULT, "2.13.3 default", default);
    check(client::AGGRESSIVE, "2.13.3 aggressive", aggressive);
    check(client::CONSERVATIVE, "2.13.3 conservative", conservative);
}

#[test]
fn the_engine_s_bidutils_are_computed_to_the_bit() {
    check("bidutils", include_str!("../../testdata/bids-engine-3.2.5-bidutils.json"), 454, |case| {
        let name = case["fn"].as_str().unwrap();
        if name == "to_wei" {
            return engine::to_wei(&number(&case["value"])).map(|wei| value(&wei));
        }
        let (min, max) = (integer(&case["min_allowed_bid"]), integer(&case["max_allowed_bid"]));
        let bid = match name {
            "bid_min" => engine::bid_min(&min, &max),
            "bid_max" => engine::bid_max(&min, &max),
            "bid_median" => engine::bid_median(&min, &max),
            "rescale_to_bid" => {
                let [value, from, to] = ["value", "min", "max"].map(|key| number(&case[key]));
                engine::rescale_to_bid(&min, &max, &value, &from, &to)?
            }
            "dni_to_bid" => engine::dni_to_bid(&min, &max, case["value"].as_str().unwrap())?,
            other => panic!("{other}"),
        };
        Ok(value(&bid.into()))
    });
}

#[test]
fn the_webhook_template_is_computed_to_the_bit() {
    check("webhooks-py", include_str!("../../testdata/bids-webhooks-py-1.0.0.json"), 156, |case| {
        let rule = |name: &str, default: Number| match &case["rules"][name] {
            Value::Null => default,
            value => integer(value).into(),
        };
        let default = webhook::BidRules::default();
        let rules = webhook::BidRules {
            min_allowed: rule("min_allowed_bid", default.min_allowed),
            max_allowed: rule("max_allowed_bid", default.max_allowed),
        };
        webhook::compute_bid(&rules, &number(&case["confidence"])).map(|bid| value(&bid.into()))
    });
}

#[test]
fn integers_and_doubles_are_compared_exactly() {
    let (integer, double) = (|n: i128| Number::Integer(n.into()), Number::Double);
    for (a, b, less) in [
        (integer(9_007_199_254_740_993), double(9_007_199_254_740_992.0), false),
        (double(9_007_199_254_740_992.0), integer(9_007_199_254_740_993), true),
        (integer(1), double(1.5), true),
        (double(-1.5), integer(-1), true),
        (integer(-1), double(-1.5), false),
        (double(1.5), integer(1), false),
        (integer(0), double(f64::NAN), false),
        (double(f64::NAN), integer(0), false),
        (integer(0), double(f64::INFINITY), true),
        (integer(0), double(f64::NEG_INFINITY), false),
        (double(f64::NEG_INFINITY), integer(0), true),
    ] {
        assert_eq!(a.less_than(&b), less, "{a:?} < {b:?}");
    }
}
