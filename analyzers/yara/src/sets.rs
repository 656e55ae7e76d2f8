//! Sets of rules that are scanned together.
//!
//! Every file is tried on exactly one set, so that it is searched once and taken apart once. Rules that cannot be
//! true of a file are kept out of its way where they are many, by a set of its own for the other files; that
//! set then has all rules that may be true of them, those for any file too. The price is memory, for the rules
//! for any file are in every set.

use crate::magic_class::Heads;
use crate::rule_file::File;
use crate::source::RuleFolder;

/// Number of rules for a format above which they get a set of their own.
const MANY: usize = 256;

/// A set that is to be made: of all rules that may be true of a file with these heads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SetPlan {
    /// Name of the set.
    pub name: &'static str,
    /// Heads of the files that the set is run on. The sets partition all heads.
    pub tried: Heads,
}

/// The formats that may have a set of their own.
const FORMATS: [SetPlan; 4] = [
    SetPlan { name: "pe", tried: Heads::MZ },
    SetPlan { name: "elf", tried: Heads::ELF },
    SetPlan { name: "office", tried: Heads::OFFICE },
    SetPlan { name: "rare", tried: Heads::RARE },
];

/// The sets to be made of these files, in the order of their numbers.
pub(crate) fn plan(files: &[File<'_>]) -> Vec<SetPlan> {
    let count = |tried: Heads| {
        let rules = files.iter().flat_map(|file| file.rules.iter().map(|rule| heads_at(rule.heads, file.source.place)));
        rules.filter(|heads| heads.within(tried)).count()
    };
    let formats: Vec<SetPlan> = FORMATS.into_iter().filter(|plan| count(plan.tried) >= MANY).collect();
    let rest = formats.iter().fold(Heads::ALL, |rest, plan| rest.and(plan.tried.others()));
    std::iter::once(SetPlan { name: "any", tried: rest }).chain(formats).collect()
}

/// Heads of the files that rules of this directory are worth running on. Most files have the listed heads; others (an
/// Office document after other bytes) are selected by their family.
pub(crate) fn heads_at(heads: Heads, place: RuleFolder) -> Heads {
    let usual = match place {
        RuleFolder::Any => return heads,
        RuleFolder::Pe => Heads::MZ,
        RuleFolder::Elf => Heads::ELF,
        RuleFolder::Office => Heads::OFFICE,
    };
    let both = heads.and(usual);
    if both.is_none() { usual } else { both }
}
