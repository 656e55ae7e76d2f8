//! Reads a condition: what holds wherever it is true. `pe.rs` knows what it asks of programs for Windows.

use std::cell::Cell;
use std::collections::HashMap;

use yara_x_parser::ast::{BinaryExpr, Expr, Ident, MatchAnchor, Of, OfItems, Pattern, Quantifier, Rule};

use crate::guard::{at_least_one, chooses, integer, sides_of, width_of};
use crate::prefilter::formula::Formula;
use crate::prefilter::masked_byte::MaskedByte;
use crate::prefilter::pattern;
use crate::prefilter::short::{Place, PlaceRange, Short};

mod pe;

/// Levels of a condition that are looked into: what is deeper may be true.
const DEPTH_MAX: usize = 24;

/// Parts of the formula of one rule, with what it takes from other rules. A larger one is not worth its time.
const SIZE_MAX: usize = 4_000;

/// Parts that are copied while a condition is read, of which many may turn out to say nothing new.
const TAKEN_MAX: usize = 100_000;

/// Levels of such a formula.
const LEVELS_MAX: usize = 64;

/// What holds wherever `rule` is true. `known` are the rules of the same file that came before it.
pub(crate) fn formula_of(rule: &Rule<'_>, known: &HashMap<&str, Formula>) -> Formula {
    let patterns = rule.patterns.iter().flatten();
    let patterns = patterns.map(|pattern| (pattern, pattern::formula_of(pattern))).collect();
    let formula = Reading { patterns, rules: known, hidden: false, taken: Cell::new(0) }.when_true(&rule.condition, 0);
    let (size, levels) = formula.extent();
    if size > SIZE_MAX || levels > LEVELS_MAX { Formula::True } else { formula }
}

/// What is asked of the size of the file, if `expr` asks for nothing else.
fn size_of(expr: &Expr<'_>) -> Option<Formula> {
    let above = |size: u64| (size.saturating_add(1), u64::MAX);
    let (sides, range): (_, &dyn Fn(u64) -> (u64, u64)) = match expr {
        Expr::Gt(sides) => (sides, &above),
        Expr::Ge(sides) => (sides, &|size| (size, u64::MAX)),
        Expr::Lt(sides) => (sides, &|size| (0, size)),
        Expr::Le(sides) => (sides, &|size| (0, size.saturating_add(1))),
        Expr::Eq(sides) => (sides, &|size| (size, size.saturating_add(1))),
        _ => return None,
    };
    let Expr::Filesize { .. } = sides.lhs else { return None };
    let (least, below) = range(u64::try_from(integer(&sides.rhs)?).ok()?);
    Some(Formula::Size(least, below))
}

/// What is asked of the file where `call` reads a number at a place that is known: it is `value`.
fn read_at(call: &Expr<'_>, value: &Expr<'_>) -> Option<Formula> {
    let Expr::FuncCall(call) = call else { return None };
    let width = width_of(call.identifier.name).filter(|_| call.object.is_none())?;
    let [at] = call.args.as_slice() else { return None };
    let place = Place::FromStart(u64::try_from(integer(at)?).ok()?);
    let mut bytes: Vec<MaskedByte> = integer(value)?.to_le_bytes().into_iter().map(MaskedByte::exactly).collect();
    bytes.truncate(width);
    if call.identifier.name.ends_with("be") {
        bytes.reverse();
    }
    Short::near(&bytes, PlaceRange { first: place, last: place }).map(Formula::Reads)
}

/// Whether it is the count of a pattern, or the sum of some.
fn is_count(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::PatternCount(_) => true,
        Expr::Add(all) => all.operands().all(|one| matches!(one, Expr::PatternCount(_))),
        _ => false,
    }
}

/// Where something may begin that is anchored so, if it is anchored by numbers.
fn range_of(anchor: Option<&MatchAnchor<'_>>) -> Option<PlaceRange> {
    match anchor? {
        MatchAnchor::At(at) => place_of(&at.expr).map(|place| PlaceRange { first: place, last: place }),
        MatchAnchor::In(within) => {
            Some(PlaceRange { first: place_of(&within.range.lower_bound)?, last: place_of(&within.range.upper_bound)? })
        }
    }
}

fn place_of(expr: &Expr<'_>) -> Option<Place> {
    let number = |expr| integer(expr).and_then(|number| u64::try_from(number).ok());
    match expr {
        Expr::Filesize { .. } => Some(Place::BeforeEnd(0)),
        Expr::Sub(all) => match all.as_slice() {
            [Expr::Filesize { .. }, bytes] => number(bytes).map(Place::BeforeEnd),
            _ => None,
        },
        Expr::FieldAccess(path) => pe::place_of(path.as_slice()),
        _ => number(expr).map(Place::FromStart),
    }
}

/// What holds where `pattern` matches and begins in the range, beside what holds where it matches.
fn matched(pattern: &Pattern<'_>, range: Option<PlaceRange>) -> Formula {
    range.map_or(Formula::True, |range| pattern::formula_within(pattern, range))
}

struct Reading<'r> {
    /// Patterns, each with what holds where it matches.
    patterns: Vec<(&'r Pattern<'r>, Formula)>,
    rules: &'r HashMap<&'r str, Formula>,
    /// Inside of a loop or a `with`, which give names another meaning.
    hidden: bool,
    /// Parts of what was taken from patterns and other rules.
    taken: Cell<usize>,
}

impl Reading<'_> {
    /// What holds wherever `expr` is true.
    fn when_true(&mut self, expr: &Expr<'_>, depth: usize) -> Formula {
        if depth > DEPTH_MAX {
            return Formula::True;
        }
        let deeper = depth + 1;
        match expr {
            Expr::False { .. } => Formula::False,
            Expr::And(all) => Formula::all(all.operands().map(|one| self.when_true(one, deeper)).collect()),
            _ if let Some(size) = size_of(expr) => size,
            Expr::Eq(sides) if let Some(bytes) = read_at(&sides.lhs, &sides.rhs) => bytes,
            _ if let Some(known) = pe::when_true(expr) => known,
            Expr::Or(any) => Formula::any(any.operands().map(|one| self.when_true(one, deeper)).collect()),
            Expr::PatternMatch(found) => {
                let at = match &found.anchor {
                    Some(MatchAnchor::At(at)) => self.when_defined(&at.expr, deeper),
                    Some(MatchAnchor::In(_)) | None => Formula::True,
                };
                let (range, pattern) = (range_of(found.anchor.as_ref()), self.pattern(&found.identifier));
                let within = pattern.map_or(Formula::True, |(pattern, _)| matched(pattern, range));
                Formula::all(vec![self.named(&found.identifier), within, at])
            }
            Expr::PatternCount(count) => self.named(&count.identifier),
            Expr::Gt(sides) => self.counted(sides, 0, deeper),
            Expr::Ge(sides) | Expr::Eq(sides) => self.counted(sides, 1, deeper),
            Expr::FuncCall(_) | Expr::FieldAccess(_) | Expr::Lookup(_) => self.when_defined(expr, deeper),
            Expr::Of(of) => self.some_of(of, deeper),
            // Where a name means something else, nothing is known.
            Expr::ForIn(each) if each.variables.iter().any(|name| name.name == "pe") => Formula::True,
            Expr::With(with) if with.declarations.iter().any(|one| one.identifier.name == "pe") => Formula::True,
            Expr::ForIn(each) if at_least_one(&each.quantifier) => {
                Formula::all(vec![self.hiding(&each.body, deeper), pe::when_looped_over(&each.iterable)])
            }
            Expr::With(with) => self.hiding(&with.body, deeper),
            Expr::Ident(name) if !self.hidden => self.taken(self.rules.get(name.name)),
            _ => sides_of(expr).map_or(Formula::True, |sides| self.both_defined(sides, deeper)),
        }
    }

    /// What holds wherever `expr` is defined: the place of a match is not where there is none.
    fn when_defined(&self, expr: &Expr<'_>, depth: usize) -> Formula {
        if depth > DEPTH_MAX {
            return Formula::True;
        }
        match expr {
            Expr::PatternOffset(place) => self.named(&place.identifier),
            Expr::PatternLength(length) => self.named(&length.identifier),
            Expr::Add(all) | Expr::Sub(all) => {
                Formula::all(all.operands().map(|one| self.when_defined(one, depth + 1)).collect())
            }
            // `uint16(@a)`, with or without what is added to it.
            Expr::FuncCall(call) => {
                let parts = call.object.iter().chain(&call.args).map(|one| self.when_defined(one, depth + 1));
                Formula::all(parts.chain([pe::when_defined(expr)]).collect())
            }
            _ => match sides_of(expr) {
                Some(sides) => self.both_defined(sides, depth + 1),
                None => pe::when_defined(expr),
            },
        }
    }

    fn both_defined(&self, sides: &BinaryExpr<'_>, depth: usize) -> Formula {
        Formula::all(vec![self.when_defined(&sides.lhs, depth), self.when_defined(&sides.rhs, depth)])
    }

    /// A comparison of a count, which shows a match if it is with `from` or more.
    fn counted(&self, sides: &BinaryExpr<'_>, from: i64, depth: usize) -> Formula {
        match (&sides.lhs, integer(&sides.rhs)) {
            (counts, Some(value)) if value >= from && is_count(counts) => self.some_counted(counts),
            // More than other counts, which are none at least.
            (Expr::PatternCount(count), None) if from == 0 && is_count(&sides.rhs) => {
                let changed = match &sides.rhs {
                    Expr::PatternCount(plain) if count.range.is_none() && plain.range.is_none() => {
                        self.more_often(&count.identifier, &plain.identifier)
                    }
                    _ => None,
                };
                changed.unwrap_or_else(|| self.named(&count.identifier))
            }
            _ => self.both_defined(sides, depth),
        }
    }

    /// What holds where a count is not zero, or the sum of some.
    fn some_counted(&self, counts: &Expr<'_>) -> Formula {
        match counts {
            Expr::PatternCount(count) => self.named(&count.identifier),
            Expr::Add(all) => Formula::any(all.operands().map(|one| self.some_counted(one)).collect()),
            _ => Formula::True,
        }
    }

    /// A copy, unless there are too many by now.
    fn taken(&self, formula: Option<&Formula>) -> Formula {
        let Some(formula) = formula.filter(|_| self.taken.get() <= TAKEN_MAX) else { return Formula::True };
        self.taken.set(self.taken.get() + formula.extent().0);
        formula.clone()
    }

    fn more_often(&self, changed: &Ident<'_>, plain: &Ident<'_>) -> Option<Formula> {
        pattern::formula_of_changed(self.pattern(changed)?.0, self.pattern(plain)?.0)
    }

    /// The pattern of this name: `$a` is declared, `#a` counts it, `@a` is its place.
    fn named(&self, name: &Ident<'_>) -> Formula {
        self.taken(self.pattern(name).map(|(_, formula)| formula))
    }

    fn pattern(&self, name: &Ident<'_>) -> Option<&(&Pattern<'_>, Formula)> {
        self.patterns.iter().find(|(pattern, _)| pattern.identifier().name.get(1..) == name.name.get(1..))
    }

    fn some_of(&mut self, of: &Of<'_>, depth: usize) -> Formula {
        let members: Vec<Formula> = match &of.items {
            OfItems::BoolExprTuple(each) => each.iter().map(|one| self.when_true(one, depth)).collect(),
            OfItems::PatternSet(set) => self
                .patterns
                .iter()
                .filter(|(pattern, _)| chooses(set, pattern.identifier().name))
                .map(|(pattern, formula)| {
                    Formula::all(vec![self.taken(Some(formula)), matched(pattern, range_of(of.anchor.as_ref()))])
                })
                .collect(),
        };
        let count = match &of.quantifier {
            Quantifier::Any { .. } => 1,
            Quantifier::All { .. } => members.len(),
            Quantifier::Percentage(share) => usize::from(integer(share).is_some_and(|share| share > 0)),
            Quantifier::Expr(count) => integer(count).and_then(|count| usize::try_from(count).ok()).unwrap_or_default(),
            Quantifier::None { .. } => 0,
        };
        if members.is_empty() { Formula::True } else { Formula::at_least(count, members) }
    }

    fn hiding(&mut self, body: &Expr<'_>, depth: usize) -> Formula {
        let before = std::mem::replace(&mut self.hidden, true);
        let formula = self.when_true(body, depth);
        self.hidden = before;
        formula
    }
}

#[cfg(test)]
mod tests;
