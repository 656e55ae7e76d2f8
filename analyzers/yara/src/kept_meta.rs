//! Metadata of a rule, in the conventions of several public rule sets.

use crate::meta::Meta;
use crate::names::Called;
use crate::scale::{HINTS, Scales, UNMEASURED};

/// The parts of a rule's metadata that are kept.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct KeptMeta {
    /// Weight of a match, in nats.
    pub weight: f64,
    /// Whether the rule names malware.
    pub accuses: bool,
    pub attack: Option<String>,
    pub family: Option<String>,
    pub description: Option<String>,
    pub reference: Option<String>,
    pub author: Option<String>,
    pub severity: Option<String>,
    pub group: Option<String>,
}

impl KeptMeta {
    /// Reads the metas of the rule called so. Of two that say the same thing, the first one counts.
    pub(crate) fn of<'a>(called: Called<'_>, metas: impl Iterator<Item = (&'a str, Meta<'a>)>) -> KeptMeta {
        let mut told = KeptMeta::default();
        let mut scales = Scales::default();
        for (key, value) in metas {
            let key = key.to_ascii_lowercase();
            scales.read(&key, value);
            match key.as_str() {
                "attack" | "mitre_attack" | "mitre_att" | "mitre" | "technique" | "attck" => {
                    told.attack = told.attack.or(value.text().as_deref().and_then(technique));
                }
                "family" | "malware_family" | "malware" | "threat_name" | "tc_detection_name" => {
                    told.family = told.family.or(value.text());
                }
                "description" | "desc" => told.description = told.description.or(value.text()),
                "reference" | "ref" | "url" => told.reference = told.reference.or(value.text()),
                "author" => told.author = told.author.or(value.text()),
                "group" => told.group = told.group.or(value.text()),
                "severity" => told.severity = told.severity.or(value.text()),
                _ => {}
            }
        }
        let counts = scales.counts(called, told.family.as_deref(), told.description.as_deref());
        told.weight = counts.weight;
        told.accuses = counts.accuses;
        if counts.hint {
            told.group.get_or_insert_with(|| HINTS.to_owned());
        } else if counts.unmeasured {
            told.group.get_or_insert_with(|| UNMEASURED.to_owned());
        }
        told
    }
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

    fn told(metas: &[(&str, Meta<'_>)]) -> KeptMeta {
        KeptMeta::of(Called { name: "x", tags: &[], file: "any/x.yar" }, metas.iter().copied())
    }

    #[test]
    fn hints_share_a_group_unless_they_name_one() {
        assert_eq!(told(&[]).group.as_deref(), Some(HINTS));
        assert_eq!(told(&[("group", Meta::Text("pe.structure"))]).group.as_deref(), Some("pe.structure"));
        assert_eq!(told(&[("score", Meta::Whole(75))]).group, None);
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
        let told = told(&[("description", Meta::Text(&long)), ("author", Meta::Text(" \n"))]);
        assert_eq!(told.description.map(|text| (text.len(), text.contains('\n'))), Some((300, false)));
        assert_eq!(told.author, None);
    }
}
