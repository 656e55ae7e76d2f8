//! What a rule's `meta` says about it, in the words of several public rule sets.

/// A value of a rule's meta.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Meta<'a> {
    /// A text.
    Text(&'a str),
    /// An integer or a float.
    Number(f64),
}

/// What a hit weighs when the rule does not say, in nats: odds of 4.5 to 1. Most rules that say nothing were
/// written for one family by one person, and most are right; but nobody has measured them on our files.
pub(crate) const WEIGHT_DEFAULT: f64 = 1.5;

/// The longest text that is kept of a meta, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// What is kept of a rule's meta.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Told {
    pub weight: Option<f64>,
    pub attack: Option<String>,
    pub family: Option<String>,
    pub description: Option<String>,
    pub reference: Option<String>,
    pub author: Option<String>,
    pub severity: Option<String>,
    pub group: Option<String>,
}

impl Told {
    /// Reads metas. Of two that say the same thing, the first one counts.
    pub(crate) fn of<'a>(metas: impl Iterator<Item = (&'a str, Meta<'a>)>) -> Told {
        let mut told = Told::default();
        let mut score = None;
        for (key, value) in metas {
            let key = key.to_ascii_lowercase();
            match key.as_str() {
                "weight" => {
                    told.weight = told.weight.or(value.number().map(|nats| nats.clamp(-WEIGHT_MAX, WEIGHT_MAX)))
                }
                "score" => score = score.or(value.number().map(weight_of_score)),
                "attack" | "mitre_attack" | "mitre_att" | "mitre" | "technique" | "attck" => {
                    told.attack = told.attack.or(value.text().as_deref().and_then(technique));
                }
                "family" | "malware_family" | "malware" | "threat_name" => told.family = told.family.or(value.text()),
                "description" | "desc" => told.description = told.description.or(value.text()),
                "reference" | "ref" | "url" => told.reference = told.reference.or(value.text()),
                "author" => told.author = told.author.or(value.text()),
                "group" => told.group = told.group.or(value.text()),
                "severity" => told.severity = told.severity.or(value.text()),
                _ => {}
            }
        }
        told.weight = told.weight.or(score);
        told
    }
}

/// The largest weight there is, in nats either way, as in the weights file.
const WEIGHT_MAX: f64 = 8.0;

impl Meta<'_> {
    fn number(self) -> Option<f64> {
        let number = match self {
            Meta::Number(number) => Some(number),
            Meta::Text(text) => text.trim().parse().ok(),
        };
        number.filter(|number: &f64| number.is_finite())
    }

    /// As one line of text, cut; none when nothing is left.
    fn text(self) -> Option<String> {
        let text = match self {
            Meta::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Meta::Number(number) => number.to_string(),
        };
        Some(text.chars().take(TEXT_CHARS_MAX).collect()).filter(|text: &String| !text.is_empty())
    }
}

/// A score from 0 to 100, as signature-base's, in nats: 40 says nothing (there it is "noteworthy, no alert"),
/// 75 (its "high" and default) 10 to 1, and 100 no more than 55 to 1, for scores were given by feeling.
fn weight_of_score(score: f64) -> f64 {
    ((score - 40.0) / 15.0).clamp(0.0, 4.0)
}

/// The first technique id in a text: `T1027.002`.
fn technique(text: &str) -> Option<String> {
    let is_digits =
        |digits: Option<&str>| digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    text.match_indices('T').find_map(|(at, _)| {
        is_digits(text.get(at + 1..at + 5)).then_some(())?;
        let with_part = text.get(at + 5..at + 6) == Some(".") && is_digits(text.get(at + 6..at + 9));
        text.get(at..if with_part { at + 9 } else { at + 5 }).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(metas: &[(&str, Meta<'_>)], weight: Option<f64>) {
        assert_eq!(Told::of(metas.iter().copied()).weight, weight, "{metas:?}");
    }

    #[test]
    fn a_weight_is_taken_as_it_is_and_held_in_bounds() {
        check(&[("weight", Meta::Number(2.5))], Some(2.5));
        check(&[("weight", Meta::Text("-3"))], Some(-3.0));
        check(&[("weight", Meta::Number(1e300))], Some(WEIGHT_MAX));
        check(&[("weight", Meta::Text("NaN"))], None);
        check(&[("weight", Meta::Text("much"))], None);
    }

    #[test]
    fn a_score_counts_where_no_weight_does() {
        check(&[("score", Meta::Number(40.0))], Some(0.0));
        check(&[("score", Meta::Text("100"))], Some(4.0));
        check(&[("score", Meta::Number(-5.0))], Some(0.0));
        check(&[("score", Meta::Number(100.0)), ("weight", Meta::Number(1.0))], Some(1.0));
        check(&[], None);
    }

    #[test]
    fn a_technique_is_found_in_its_surroundings() {
        for (text, found) in [
            ("T1027", Some("T1027")),
            ("Defense Evasion: T1027.002, T1055", Some("T1027.002")),
            ("TA0005 The T10", None),
            ("T1027.02x", Some("T1027")),
            ("", None),
        ] {
            assert_eq!(technique(text).as_deref(), found, "{text}");
        }
    }

    #[test]
    fn texts_become_one_bounded_line() {
        let long = "x\n y".repeat(10_000);
        let told = Told::of([("description", Meta::Text(&long)), ("author", Meta::Text(" \n"))].into_iter());
        assert_eq!(told.description.map(|text| (text.len(), text.contains('\n'))), Some((300, false)));
        assert_eq!(told.author, None);
    }
}
