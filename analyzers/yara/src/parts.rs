//! Parts of a set: rules that are run on every file, and rules that are run only where the prefilter wants them.
//!
//! A part is compiled by itself, so a file is searched for the patterns of the parts that it needs and no others. Rules
//! that use a module that takes files apart (`pe`) are not put together with others, which would wait for it.

use std::collections::HashMap;

use crate::externals::VARIABLES;
use crate::magic_class::Heads;
use crate::part_kind::PartKind;
use crate::prefilter::{Formula, PrefilterBuilder};
use crate::rule_file::{File, RuleText};
use crate::sets::heads_at;

/// Sets with fewer rules are small: they are loaded whole, and not divided if a search is made in every file for one of them.
const LARGE_MIN: usize = 512;

/// A set is divided into about so many parts, if they have neither too few rules nor too many. With fewer in each, less is
/// searched for at a time and more parts are needed.
const PARTS: usize = 40;
const RULES_MIN: usize = 16;
const RULES_MAX: usize = 256;

/// Rules that need less than so many bytes of evidence share parts: the name of a function of Windows and a few instructions
/// stand in many files, and the others of a part would be searched for, too.
const EVIDENCE_MIN: usize = 10;

/// Modules that take the file apart, before any condition is looked at.
const MODULES: [&str; 5] = ["pe", "dotnet", "elf", "macho", "lnk"];

/// How the rules of a set are divided.
pub(crate) struct Division<'f> {
    /// Part of each rule of the set, by the name of its file and its number there.
    part_of: HashMap<(&'f str, usize), usize>,
    /// The parts, in the order of their numbers.
    pub parts: Vec<PartKind>,
    /// The tables of the prefilter. Empty where nothing is divided.
    pub prefilter: Vec<u8>,
}

/// Rules that are put into the same parts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum PartGroup {
    Always,
    /// What little they need stands in many files.
    Likely,
    /// The same, with a module.
    LikelyModules,
    /// The same, with a test of the file's name, which may be why nothing is searched for.
    LikelyNames,
    /// Without patterns, of signed programs and certain imports: nothing is searched for.
    Facts,
    Modules,
    Strings,
}

impl PartGroup {
    fn kind(self) -> PartKind {
        match self {
            PartGroup::Always => PartKind::Always,
            PartGroup::Likely | PartGroup::LikelyModules | PartGroup::LikelyNames => PartKind::Likely,
            PartGroup::Facts | PartGroup::Modules | PartGroup::Strings => PartKind::Wanted,
        }
    }

    fn of(rules: &[&RuleText<'_>], formula: &Formula) -> PartGroup {
        let words = |some: &[&str]| rules.iter().any(|rule| rule.words.iter().any(|word| some.contains(word)));
        let patterns = rules.iter().any(|rule| rule.has_patterns);
        // To run one of these is dear, whatever it asks for.
        let enough = if words(&["exports"]) { 1 } else { EVIDENCE_MIN };
        match formula {
            // What is proven never to be true is more likely a mistake of the proof.
            Formula::True | Formula::False => PartGroup::Always,
            _ if !patterns && formula.asks_facts_alone() && !formula.holds_without_facts() => PartGroup::Facts,
            // What is not known of them may be why nothing is searched for.
            _ if formula.asks_no_pattern() || !patterns && formula.holds_without_facts() => PartGroup::Always,
            _ if formula.evidence() < enough && words(&VARIABLES) => PartGroup::LikelyNames,
            _ if formula.evidence() < enough && words(&MODULES) => PartGroup::LikelyModules,
            _ if formula.evidence() < enough => PartGroup::Likely,
            _ if words(&MODULES) => PartGroup::Modules,
            _ => PartGroup::Strings,
        }
    }
}

/// A part that rules are added to.
#[derive(Clone, Copy)]
struct OpenPart {
    number: usize,
    rules: usize,
}

/// Rules that stay together.
struct RuleUnit<'f> {
    file: &'f File<'f>,
    rules: Vec<&'f RuleText<'f>>,
    formula: Formula,
    group: PartGroup,
}

impl<'f> RuleUnit<'f> {
    fn of(file: &'f File<'f>, rules: Vec<&'f RuleText<'f>>) -> RuleUnit<'f> {
        let reporting = rules.iter().filter(|rule| !rule.private);
        let formula = Formula::any(reporting.map(|rule| rule.formula.clone()).collect());
        let group = PartGroup::of(&rules, &formula);
        RuleUnit { file, rules, formula, group }
    }

    /// Whether a search is made in every file for it.
    fn is_always_searched(&self) -> bool {
        self.group == PartGroup::Always && self.rules.iter().any(|rule| rule.has_patterns)
    }
}

impl<'f> Division<'f> {
    /// Divides the rules that may be true of files with these heads.
    pub(crate) fn of(files: &'f [File<'f>], tried: Heads) -> Division<'f> {
        let has = |file: &File<'_>, rule: &RuleText<'_>| !heads_at(rule.heads, file.source.place).and(tried).is_none();
        let units = files.iter().flat_map(|file| file.groups().map(move |group| (file, group)));
        let units: Vec<RuleUnit<'f>> = units
            .map(|(file, group)| {
                let rules = group.into_iter().filter_map(|at| file.rules.get(at)).filter(|rule| has(file, rule));
                (file, rules.collect::<Vec<_>>())
            })
            .filter(|(_, rules)| !rules.is_empty())
            .map(|(file, rules)| RuleUnit::of(file, rules))
            .collect();
        let all: usize = units.iter().map(|unit| unit.rules.len()).sum();
        let large = all >= LARGE_MIN;
        let divided = large || !units.iter().any(RuleUnit::is_always_searched);
        let rules_max = (all / PARTS).clamp(RULES_MIN, RULES_MAX);
        let mut division = Division { part_of: HashMap::new(), parts: Vec::new(), prefilter: Vec::new() };
        let mut builder = PrefilterBuilder::default();
        let mut open: HashMap<PartGroup, OpenPart> = HashMap::new();
        for RuleUnit { file, rules, formula, group } in units {
            let group = if divided { group } else { PartGroup::Always };
            let always = group == PartGroup::Always;
            let limit = if always { usize::MAX } else { rules_max };
            let part = match open.get(&group) {
                Some(part) if part.rules.saturating_add(rules.len()) <= limit => *part,
                Some(_) | None => {
                    division.parts.push(match group.kind() {
                        PartKind::Wanted if !large => PartKind::Likely,
                        kind => kind,
                    });
                    OpenPart { number: division.parts.len() - 1, rules: 0 }
                }
            };
            open.insert(group, OpenPart { rules: part.rules + rules.len(), ..part });
            division.part_of.extend(rules.iter().map(|rule| ((file.source.name, rule.number), part.number)));
            if !always {
                builder.add(&formula, part.number);
            }
        }
        if divided {
            division.prefilter = builder.finish();
        }
        division
    }

    /// Whether the rule is in this part of the set.
    pub(crate) fn has(&self, part: usize, file: &File<'_>, rule: &RuleText<'_>) -> bool {
        self.part_of.get(&(file.source.name, rule.number)) == Some(&part)
    }
}
