//! What must be true of a file for a rule to be true of it: strings that stand in it, its size, facts about the program.

use std::collections::HashSet;

use crate::prefilter::literal::Literal;
use crate::prefilter::short::Short;

#[cfg(test)]
pub(super) mod shown;

/// More evidence than this is not told apart.
const EVIDENCE_MAX: usize = 1_000;

/// Bytes of a string that are no evidence: words as short as this stand in many files.
const COMMON_BYTES: usize = 5;

/// What may be true of a program for Windows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Fact {
    /// It has signatures.
    Signed,
    /// The hash of its imports is this one.
    ImportHash([u8; 16]),
    /// The name of something that it exports stands in it.
    Exports(Literal),
}

/// Something that holds wherever a rule is true.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Formula {
    /// Nothing is known.
    True,
    /// The rule is never true.
    False,
    /// Every one of these holds.
    And(Vec<Formula>),
    /// So many of these hold, at least.
    AtLeast(usize, Vec<Formula>),
    /// The string is in the file.
    Has(Literal),
    /// This is in the file, which is looked for when it must be known.
    Looks(Short),
    /// This is where a condition reads numbers of the file.
    Reads(Short),
    /// This is true of the program that the file is.
    Fact(Fact),
    /// The file has at least so many bytes, and fewer than the second number.
    Size(u64, u64),
}

impl Formula {
    pub(crate) fn any(of: Vec<Formula>) -> Formula {
        Formula::at_least(1, of)
    }

    pub(crate) fn all(of: Vec<Formula>) -> Formula {
        let mut kept: Vec<Formula> = of.into_iter().filter(|one| *one != Formula::True).collect();
        match kept.len() {
            _ if kept.contains(&Formula::False) => Formula::False,
            0 => Formula::True,
            1 => kept.remove(0),
            _ => Formula::And(kept),
        }
    }

    pub(crate) fn at_least(count: usize, of: Vec<Formula>) -> Formula {
        let all = of.len();
        let mut kept: Vec<Formula> = of.into_iter().filter(|one| *one != Formula::True).collect();
        let count = count.saturating_sub(all - kept.len());
        kept.retain(|one| *one != Formula::False);
        match count {
            0 => Formula::True,
            _ if kept.len() < count => Formula::False,
            1 if kept.len() == 1 => kept.remove(0),
            _ if kept.len() == count => Formula::And(kept),
            _ => Formula::AtLeast(count, kept),
        }
    }

    /// Whether it asks for facts alone, and for no string.
    pub(crate) fn asks_facts_alone(&self) -> bool {
        match self {
            Formula::Has(_) | Formula::Looks(_) | Formula::Reads(_) | Formula::Fact(Fact::Exports(_)) => false,
            Formula::And(of) | Formula::AtLeast(_, of) => of.iter().all(Formula::asks_facts_alone),
            Formula::True | Formula::False | Formula::Fact(_) | Formula::Size(..) => true,
        }
    }

    /// Whether it can hold for a file of which no fact is true and in which no string stands that is found with others.
    pub(crate) fn holds_without_facts(&self) -> bool {
        match self {
            Formula::True | Formula::Size(..) | Formula::Looks(_) | Formula::Reads(_) => true,
            Formula::False | Formula::Has(_) | Formula::Fact(_) => false,
            Formula::And(of) => of.iter().all(Formula::holds_without_facts),
            Formula::AtLeast(count, of) => of.iter().filter(|one| one.holds_without_facts()).count() >= *count,
        }
    }

    /// How much must be found in a file for it to hold, at least: bytes of strings that are no padding and no
    /// repetition. Many files are signed; other facts count as much as is asked for anywhere.
    pub(crate) fn evidence(&self) -> usize {
        match self {
            Formula::True | Formula::Size(..) | Formula::Looks(_) | Formula::Reads(_) | Formula::Fact(Fact::Signed) => {
                0
            }
            Formula::False | Formula::Fact(Fact::ImportHash(_) | Fact::Exports(_)) => EVIDENCE_MAX,
            Formula::Has(literal) => {
                let known: Vec<u8> =
                    literal.masked().map(|byte| if byte.is_known() { byte.value } else { 0 }).collect();
                let pairs = known.iter().zip(std::iter::once(&0).chain(&known));
                let changes = pairs.filter(|&(byte, before)| *byte != 0 && byte != before).count();
                let different: HashSet<u8> = known.iter().copied().filter(|&byte| byte != 0).collect();
                changes.min(2 * different.len()).saturating_sub(COMMON_BYTES)
            }
            Formula::And(of) => of.iter().map(Formula::evidence).sum(),
            Formula::AtLeast(count, of) => {
                let mut each: Vec<usize> = of.iter().map(Formula::evidence).collect();
                each.sort_unstable();
                each.iter().take(*count).sum()
            }
        }
        .min(EVIDENCE_MAX)
    }

    /// The same, with `found` in place of what is looked for by itself, where it is something.
    pub(crate) fn with_looks(&self, found: &impl Fn(&Short) -> Option<Literal>) -> Formula {
        let each = |of: &[Formula]| of.iter().map(|one| one.with_looks(found)).collect();
        match self {
            Formula::Looks(short) => found(short).map_or_else(|| self.clone(), Formula::Has),
            Formula::And(of) => Formula::And(each(of)),
            Formula::AtLeast(count, of) => Formula::AtLeast(*count, each(of)),
            Formula::True
            | Formula::False
            | Formula::Has(_)
            | Formula::Reads(_)
            | Formula::Fact(_)
            | Formula::Size(..) => self.clone(),
        }
    }

    /// Calls `with` with each that is looked for by itself.
    pub(crate) fn each_look<'f>(&'f self, with: &mut impl FnMut(&'f Short)) {
        match self {
            Formula::Looks(short) => with(short),
            Formula::And(of) | Formula::AtLeast(_, of) => of.iter().for_each(|one| one.each_look(with)),
            Formula::True
            | Formula::False
            | Formula::Has(_)
            | Formula::Reads(_)
            | Formula::Fact(_)
            | Formula::Size(..) => {}
        }
    }

    /// Whether it asks for nothing that a pattern matches, and for no fact.
    pub(crate) fn asks_no_pattern(&self) -> bool {
        match self {
            Formula::True | Formula::False | Formula::Size(..) | Formula::Reads(_) => true,
            Formula::Has(_) | Formula::Looks(_) | Formula::Fact(_) => false,
            Formula::And(of) | Formula::AtLeast(_, of) => of.iter().all(Formula::asks_no_pattern),
        }
    }

    /// Whether a file must be looked through to tell whether it holds.
    pub(crate) fn must_look(&self) -> bool {
        match self {
            Formula::Looks(Short::Anywhere(..)) => true,
            Formula::And(of) | Formula::AtLeast(_, of) => of.iter().any(Formula::must_look),
            Formula::Looks(Short::Near(..))
            | Formula::True
            | Formula::False
            | Formula::Has(_)
            | Formula::Reads(_)
            | Formula::Fact(_)
            | Formula::Size(..) => false,
        }
    }

    /// Number of parts, and of levels.
    pub(crate) fn extent(&self) -> (usize, usize) {
        match self {
            Formula::And(of) | Formula::AtLeast(_, of) => {
                let of = of.iter().map(Formula::extent);
                of.fold((1, 1), |(size, levels), (more, below)| (size + more, levels.max(below + 1)))
            }
            Formula::True
            | Formula::False
            | Formula::Has(_)
            | Formula::Looks(_)
            | Formula::Reads(_)
            | Formula::Fact(_)
            | Formula::Size(..) => (1, 1),
        }
    }
}

#[cfg(test)]
mod tests;
