//! Parses an engine's answer like the marketplace.

use daemon_market::{BidBounds, Nct, Phase, Verdict};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An answer that the marketplace takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Said {
    pub verdict: Verdict,
    /// Stake; zero if there can be none.
    pub bid: Nct,
}

#[derive(Deserialize)]
struct AnswerBody<'a> {
    #[serde(borrow)]
    verdict: Option<&'a RawValue>,
    #[serde(borrow)]
    bid: Option<&'a RawValue>,
}

/// Reads an answer, or says what is wrong with it.
///
/// Malicious and benign need a stake: an integer in base units, within the limits. The other verdicts have none,
/// whatever the field says. A stake of a vote is ignored.
pub(super) fn read(body: &[u8], phase: Phase, bounds: BidBounds) -> Result<Said, String> {
    let body: AnswerBody<'_> =
        serde_json::from_slice(body).map_err(|error| format!("the answer is not a JSON object: {error}"))?;
    let name = body.verdict.ok_or("`verdict` is missing")?;
    let verdict = serde_json::from_str::<String>(name.get()).ok().and_then(|name| Verdict::named(&name));
    let verdict = verdict.ok_or("`verdict` must be malicious, benign, suspicious or unknown")?;
    let staked = match verdict {
        Verdict::Malicious | Verdict::Benign => phase == Phase::Assertion,
        Verdict::Suspicious | Verdict::Unknown => false,
    };
    if !staked {
        return Ok(Said { verdict, bid: Nct::ZERO });
    }
    let digits = body.bid.ok_or("`bid` is missing")?.get();
    let integer = digits.bytes().all(|byte| byte.is_ascii_digit());
    let units = digits.parse().ok().filter(|_| integer).ok_or("`bid` must be an integer in base units")?;
    let bid = Nct::from_base_units(units);
    let BidBounds { min, max } = bounds;
    if bid < min || bid > max {
        return Err(format!("`bid` must be from {min} to {max} NCT, not {bid}"));
    }
    Ok(Said { verdict, bid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_the_marketplace_reads_them() {
        let units = |units| Nct::from_base_units(units);
        let bounds = BidBounds { min: units(10), max: units(20) };
        for (body, phase, said) in [
            (r#"{"verdict":"malicious","bid":10}"#, Phase::Assertion, Ok((Verdict::Malicious, 10))),
            (r#"{"bid":20,"verdict":"benign","x":[{}]}"#, Phase::Assertion, Ok((Verdict::Benign, 20))),
            (r#"{"verdict":"unknown","bid":0}"#, Phase::Assertion, Ok((Verdict::Unknown, 0))),
            (r#"{"verdict":"suspicious","bid":15}"#, Phase::Assertion, Ok((Verdict::Suspicious, 0))),
            (r#"{"verdict":"unknown"}"#, Phase::Assertion, Ok((Verdict::Unknown, 0))),
            (r#"{"verdict":"malicious"}"#, Phase::Arbitration, Ok((Verdict::Malicious, 0))),
            (r#"{"verdict":"benign","bid":"none"}"#, Phase::Arbitration, Ok((Verdict::Benign, 0))),
            (r#"{"verdict":"malicious","bid":9}"#, Phase::Assertion, Err("from")),
            (r#"{"verdict":"malicious","bid":21}"#, Phase::Assertion, Err("from")),
            (r#"{"verdict":"malicious","bid":10.0}"#, Phase::Assertion, Err("integer")),
            (r#"{"verdict":"malicious","bid":"10"}"#, Phase::Assertion, Err("integer")),
            (r#"{"verdict":"malicious","bid":-10}"#, Phase::Assertion, Err("integer")),
            (r#"{"verdict":"malicious","bid":true}"#, Phase::Assertion, Err("integer")),
            (
                r#"{"verdict":"malicious","bid":999999999999999999999999999999999999999999}"#,
                Phase::Assertion,
                Err("integer"),
            ),
            (r#"{"verdict":"malicious"}"#, Phase::Assertion, Err("missing")),
            (r#"{"bid":10}"#, Phase::Assertion, Err("missing")),
            (r#"{"verdict":"evil","bid":10}"#, Phase::Assertion, Err("must be malicious")),
            (r#"{"verdict":7,"bid":10}"#, Phase::Arbitration, Err("must be malicious")),
            ("[]", Phase::Assertion, Err("")),
            ("nope", Phase::Assertion, Err("not a JSON object")),
        ] {
            match (read(body.as_bytes(), phase, bounds), said) {
                (Ok(read), Ok((verdict, bid))) => assert_eq!(read, Said { verdict, bid: units(bid) }, "{body}"),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{body}: {why}"),
                (read, said) => panic!("{body}: {read:?}, not {said:?}"),
            }
        }
    }
}
