//! Which rules are tried together.
//!
//! A scan with yara-x costs up to 90 ns for every rule there is, whatever the file, so rules that cannot be
//! true of a file are kept out of its way. But every set tried costs a pass of its own over the file, and every
//! module imported is run on every file its set is tried on; so rules of a format have a set of their own
//! only where they are many, and rules that need a file taken apart are together.

use crate::heads::Heads;
use crate::parts::{File, Part};
use crate::source::Place;

/// From so many rules of a format on, keeping them from other files is worth a second pass over its own: about
/// 20 us saved on each of the others.
const MANY: usize = 256;

/// Modules that take a file apart. The others compute only what a condition asks of them.
const PARSERS: [&str; 5] = ["pe", "dotnet", "elf", "macho", "lnk"];

/// A set that is to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    /// Its name, for people.
    pub name: &'static str,
    /// The heads of files on which it is tried.
    pub tried: Heads,
    /// Its rules need the file taken apart.
    parsed: bool,
}

/// The set of rules that have none of their own.
const ANY: Plan = Plan { name: "any", tried: Heads::ALL, parsed: false };

/// Sets of formats: made where a format has many rules.
const FORMATS: [Plan; 4] = [
    Plan { name: "pe", tried: Heads::MZ, parsed: false },
    Plan { name: "elf", tried: Heads::ELF, parsed: false },
    Plan { name: "office", tried: Heads::OFFICE, parsed: false },
    Plan { name: "rare", tried: Heads::RARE, parsed: false },
];

/// Sets of rules that need the file taken apart. Rules that may be true of PE images and of others are in both,
/// so that no image is taken apart twice, which takes up to 5 ms each time.
const PARSED: [Plan; 2] = [
    Plan { name: "pe-parsed", tried: Heads::MZ, parsed: true },
    Plan { name: "any-parsed", tried: Heads::MZ.others(), parsed: true },
];

/// The sets to be made of these files, in the order of their numbers.
pub(crate) fn plan(files: &[File<'_>]) -> Vec<Plan> {
    let count = |plan: &Plan| {
        let rules = files.iter().flat_map(|file| file.rules.iter().map(|rule| (rule, file.source.place)));
        rules.filter(|(rule, place)| !rule.is_parsed() && heads_at(rule.heads, *place).within(plan.tried)).count()
    };
    let formats = FORMATS.into_iter().filter(|plan| count(plan) >= MANY);
    std::iter::once(ANY).chain(formats).chain(PARSED).collect()
}

impl Plan {
    /// Whether the set has `rule`, among the sets of `plans`.
    pub(crate) fn has(&self, rule: &Part<'_>, place: Place, plans: &[Plan]) -> bool {
        let heads = heads_at(rule.heads, place);
        if self.parsed || rule.is_parsed() {
            return self.parsed && rule.is_parsed() && !heads.and(self.tried).is_none();
        }
        let own = plans.iter().find(|plan| !plan.parsed && **plan != ANY && heads.within(plan.tried));
        *self == *own.unwrap_or(&ANY)
    }
}

impl Part<'_> {
    /// Whether it needs the file taken apart.
    fn is_parsed(&self) -> bool {
        PARSERS.iter().any(|parser| self.modules.contains(parser))
    }
}

/// The heads of files on which a rule of this place is worth trying. Most files of a place have the heads
/// written here; those that have others (an Office document behind other bytes) are told by their place.
pub(crate) fn heads_at(heads: Heads, place: Place) -> Heads {
    let usual = match place {
        Place::Any => return heads,
        Place::Pe => Heads::MZ,
        Place::Elf => Heads::ELF,
        Place::Office => Heads::OFFICE,
    };
    let both = heads.and(usual);
    if both.is_none() { usual } else { both }
}
