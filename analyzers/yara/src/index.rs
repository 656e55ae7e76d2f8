//! What a bundle says of its rules, available without loading them.

use analyzers::{Indicator, IndicatorId};
use serde::{Deserialize, Serialize};

use crate::kept_meta::KeptMeta;
use crate::magic_class::Heads;
use crate::meta::Meta;
use crate::names::Called;
use crate::part_kind::PartKind;
use crate::pe::PeFields;
use crate::set_mask::SetMask;
use crate::source::{RuleFolder, Source};

/// A rule, as `rules list` shows it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RuleEntry {
    /// The id of its indicator: `yara.pe.upx.Packed_UPX`.
    pub id: String,
    /// Namespace: name of the file without the extension.
    pub namespace: String,
    /// Name of the rule.
    pub name: String,
    /// The name of its file.
    pub file: String,
    /// Line of the rule's name.
    pub line: u32,
    /// Files that the rule is for.
    pub place: RuleFolder,
    /// Tags of the rule.
    pub tags: Vec<String>,
    /// Weight of a match, in nats.
    pub weight: f64,
    /// A hit says that the file is malware: it is never called benign.
    pub accuses: bool,
    /// Number shared by copies of the rule in other files, if there are any. However many of them match, they count
    /// once.
    pub twins: Option<u32>,
    /// The ATT&CK technique it names.
    pub attack: Option<String>,
    /// The malware family it names.
    pub family: Option<String>,
    /// What the rule detects.
    pub description: Option<String>,
    /// Source of the rule's knowledge.
    pub reference: Option<String>,
    /// Author of the rule.
    pub author: Option<String>,
    /// The group of weights it shares a cap with, if it names one.
    pub group: Option<String>,
    /// Severity, in the author's terms.
    pub severity: Option<String>,
    /// The sets it was put into.
    pub sets: SetMask,
}

/// What a bundle tells of its rules and sets before any of them is read.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Index {
    /// The lengths of the reporting rules as they are written, in bytes. They stand one behind the other, by namespace and
    /// name.
    pub rule_lengths: Vec<u32>,
    /// The numbers of the rules, sorted by id.
    pub by_id: Vec<u32>,
    /// The places that rules are for.
    pub places: Vec<RuleFolder>,
    /// The sets, in the order of their numbers.
    pub sets: Vec<SetEntry>,
}

impl Index {
    /// The index of these rules and sets, and the rules as they are written.
    pub(crate) fn of(rules: &[RuleEntry], sets: Vec<SetEntry>) -> Result<(Index, Vec<u8>), postcard::Error> {
        let mut by_id: Vec<u32> = (0..).zip(rules).map(|(at, _)| at).collect();
        by_id.sort_by_key(|&at| rules.get(at as usize).map(|rule| &rule.id));
        let all = [RuleFolder::Any, RuleFolder::Pe, RuleFolder::Elf, RuleFolder::Office];
        let places = all.into_iter().filter(|place| rules.iter().any(|rule| rule.place == *place)).collect();
        let (mut written, mut rule_lengths) = (Vec::new(), Vec::new());
        for rule in rules {
            let before = written.len();
            written = postcard::to_extend(rule, written)?;
            rule_lengths.push(u32::try_from(written.len() - before).map_err(|_| postcard::Error::SerializeBufferFull)?);
        }
        Ok((Index { rule_lengths, by_id, places, sets }, written))
    }
}

/// A set of rules that are tried together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct SetEntry {
    /// Name of the set.
    pub name: String,
    /// Heads of the files that the set is run on.
    pub heads: Heads,
    /// The set is also run on the files of these directories, whatever their heads.
    pub places: Vec<RuleFolder>,
    /// The length of the tables that tell which parts a file needs, in bytes. 0 if all of them are always run.
    pub prefilter_length: u64,
    /// The parts of the set, in the order of their numbers.
    pub parts: Vec<PartEntry>,
}

/// Rules of a set that are compiled and run together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct PartEntry {
    /// When it is run.
    pub kind: PartKind,
    /// What its rules ask of the module `pe`, if they use it.
    pub asks_pe: Option<PeFields>,
    /// Some rule of it asks for what the file is called, or for its type by the words of other scanners.
    pub asks_names: bool,
    /// The length of its compiled rules, in bytes.
    pub length: u64,
    /// The reporting rules of each numbered namespace, by their numbers.
    pub chunks: Vec<Vec<u32>>,
}

impl RuleEntry {
    pub(crate) fn new<'a>(
        name: &str,
        source: Source<'_>,
        line: usize,
        tags: Vec<String>,
        metas: impl Iterator<Item = (&'a str, Meta<'a>)>,
    ) -> Self {
        let called = Called { name, tags: &tags, file: source.name };
        let KeptMeta { weight, accuses, attack, family, description, reference, author, severity, group } =
            KeptMeta::of(called, metas);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        RuleEntry {
            // The next three, and the twins, are settled when it is known which other rules there are.
            id: String::new(),
            namespace: String::new(),
            sets: SetMask::default(),
            name: name.to_owned(),
            file: source.name.to_owned(),
            line,
            place: source.place,
            tags,
            weight,
            accuses,
            twins: None,
            attack,
            family,
            description,
            reference,
            author,
            group,
            severity,
        }
    }

    /// The id of a rule: the namespace with dots for slashes, and nothing in it that an id should not have.
    pub(crate) fn id_of(namespace: &str, name: &str) -> String {
        let fit = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
        let namespace: String = namespace.chars().map(|c| if c == '/' { '.' } else { fit(c) }).collect();
        format!("yara.{namespace}.{name}")
    }

    pub(crate) fn indicator(&self) -> Indicator {
        let meaning = match &self.description {
            Some(description) => sentence(description),
            None => format!("The rule {} matches the file.", self.name),
        };
        let source = match (&self.reference, &self.author) {
            (Some(reference), _) => format!("{}: {reference}", self.file),
            (None, Some(author)) => format!("{}, by {author}", self.file),
            (None, None) => self.file.clone(),
        };
        Indicator {
            id: IndicatorId::loaded(&self.id),
            meaning: meaning.into(),
            source: source.into(),
            attack: self.attack.clone().map(Into::into),
            malware_family: self.family.clone().map(Into::into),
        }
    }
}

/// A description as a sentence: a capital first and a full stop last.
fn sentence(description: &str) -> String {
    let mut chars = description.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if description.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_where_the_rule_is_from() {
        assert_eq!(RuleEntry::id_of("pe/upx", "Packed"), "yara.pe.upx.Packed");
        assert_eq!(RuleEntry::id_of("any/a b\u{e9}", "R"), "yara.any.a_b_.R");
    }

    #[test]
    fn a_description_becomes_a_sentence() {
        assert_eq!(sentence("detects UPX"), "Detects UPX.");
        assert_eq!(sentence("Is it?"), "Is it?");
        assert_eq!(sentence(""), ".");
    }
}
