//! The patterns that a rule cannot be true without: proven from its condition.
//!
//! A rule that needs one of a few patterns to match is not looked at where none does (`guarded_groups.rs`). As in
//! `guard`, what is not understood proves nothing, and an undefined part makes a comparison not true.

use std::ops::Range;

use yara_x_parser::ast::{BinaryExpr, Expr, MatchAnchor, Of, OfItems, Pattern, Quantifier, Rule, WithSpan};

use crate::guard::{at_least_one, chooses, integer};

/// More patterns than these are not worth asking for.
const PATTERNS_MAX: usize = 40;

/// Patterns of which at least one matches wherever `rule` is true, as they are written in `text`: what stands
/// behind the equals sign. None where nothing is proven.
///
/// Not among them are regular expressions and hex patterns of rules that speak of the size or the beginning of the
/// file: yara-x looks for those only in files that fit, and would look for a copy of them in all.
pub(crate) fn needed_patterns<'t>(text: &'t str, rule: &Rule<'_>) -> Option<Vec<&'t str>> {
    let condition = text.get(rule.condition.span().range()).unwrap_or_default();
    let literal_only = ["filesize", "int8", "int16", "int32", "int64"].iter().any(|word| condition.contains(word));
    // Asked for at a place, a pattern is not searched for everywhere, which a copy of it would be.
    let placed = |pattern: &Pattern<'_>| condition.contains(&format!("{} at ", pattern.identifier().name));
    let patterns: Vec<Option<FoundPattern<'t>>> = rule
        .patterns
        .iter()
        .flatten()
        .map(|pattern| match pattern {
            Pattern::Hex(_) | Pattern::Regexp(_) if literal_only => None,
            pattern if placed(pattern) => None,
            pattern => found(text, pattern),
        })
        .collect();
    let names: Vec<&str> = rule.patterns.iter().flatten().map(|pattern| pattern.identifier().name).collect();
    let chosen = Proof { names, patterns }.needs(&rule.condition)?;
    Some(chosen.into_iter().map(|found| found.text).collect())
}

/// A pattern that can be asked for.
#[derive(Clone, Copy)]
struct FoundPattern<'t> {
    text: &'t str,
    /// Estimated rarity by length: hexadecimal digits count half.
    rarity: usize,
}

fn found<'t>(text: &'t str, pattern: &Pattern<'_>) -> Option<FoundPattern<'t>> {
    let value: Range<usize> = match pattern {
        Pattern::Text(pattern) => pattern.text.span().range(),
        Pattern::Hex(pattern) => pattern.span().range(),
        Pattern::Regexp(pattern) => pattern.regexp.span().range(),
    };
    let modifiers = pattern.modifiers();
    let end = if modifiers.is_empty() { value.end } else { modifiers.span().end() };
    let rarity = match pattern {
        Pattern::Text(pattern) => pattern.text.value.len(),
        Pattern::Hex(_) => value.len() / 3,
        Pattern::Regexp(_) => value.len() / 4,
    };
    // With an alphabet the span of `base64` would have to be looked at more closely; there are few.
    let plain = modifiers.base64().is_none() && modifiers.base64wide().is_none();
    text.get(value.start..end).filter(|_| plain).map(|text| FoundPattern { text, rarity })
}

struct Proof<'r, 't> {
    names: Vec<&'r str>,
    /// Patterns, as many as `names`.
    patterns: Vec<Option<FoundPattern<'t>>>,
}

impl<'t> Proof<'_, 't> {
    /// Patterns of which one matches wherever `expr` is true.
    fn needs(&self, expr: &Expr<'_>) -> Option<Vec<FoundPattern<'t>>> {
        match expr {
            Expr::And(all) => {
                let every = all.operands().filter_map(|operand| self.needs(operand));
                every.min_by_key(|needed| cost(needed))
            }
            Expr::Or(any) => {
                let mut needed = Vec::new();
                for operand in any.operands() {
                    needed.extend(self.needs(operand)?);
                }
                (needed.len() <= PATTERNS_MAX).then_some(needed)
            }
            Expr::PatternMatch(found) => match found.anchor {
                Some(MatchAnchor::At(_)) => None,
                Some(MatchAnchor::In(_)) | None => self.named(found.identifier.name),
            },
            Expr::Gt(sides) => self.counted(sides, 0),
            Expr::Ge(sides) | Expr::Eq(sides) => self.counted(sides, 1),
            Expr::Of(of) => self.some_of(of),
            Expr::ForIn(each) if at_least_one(&each.quantifier) => self.needs(&each.body),
            Expr::With(with) => self.needs(&with.body),
            _ => None,
        }
    }

    fn named(&self, name: &str) -> Option<Vec<FoundPattern<'t>>> {
        // `$a` is declared, and `#a` counts it.
        let same = |named: &&str| named.get(1..) == name.get(1..);
        let at = self.names.iter().position(same)?;
        Some(vec![self.patterns.get(at).copied().flatten()?])
    }

    /// `#a > 0` and the like: a count of at least `from`.
    fn counted(&self, sides: &BinaryExpr<'_>, from: i64) -> Option<Vec<FoundPattern<'t>>> {
        match (&sides.lhs, integer(&sides.rhs)) {
            (Expr::PatternCount(count), Some(least)) if least >= from => self.named(count.identifier.name),
            _ => None,
        }
    }

    /// If `n` of `k` patterns must match, at least one of any `k - n + 1` must match.
    fn some_of(&self, of: &Of<'_>) -> Option<Vec<FoundPattern<'t>>> {
        let OfItems::PatternSet(set) = &of.items else { return None };
        if let Some(MatchAnchor::At(_)) = of.anchor {
            return None;
        }
        let members: Vec<_> = self
            .names
            .iter()
            .zip(&self.patterns)
            .filter(|(name, _)| chooses(set, name))
            .map(|(_, pattern)| pattern)
            .collect();
        let least = match &of.quantifier {
            Quantifier::Any { .. } => 1,
            Quantifier::All { .. } => members.len(),
            Quantifier::Expr(count) => usize::try_from(integer(count)?).ok().filter(|&count| count > 0)?,
            Quantifier::None { .. } | Quantifier::Percentage(_) => return None,
        };
        // More than there are is never true: any one will do.
        let enough = (members.len() + 1).saturating_sub(least).max(1);
        let mut askable: Vec<FoundPattern<'t>> = members.into_iter().copied().flatten().collect();
        askable.sort_by_key(|found| std::cmp::Reverse(found.rarity));
        askable.truncate(enough);
        (askable.len() == enough && enough <= PATTERNS_MAX).then_some(askable)
    }
}

/// Cost of requiring patterns: short patterns match many files by chance.
fn cost(needed: &[FoundPattern<'_>]) -> usize {
    needed.iter().map(|found| 1 + 64 / found.rarity.clamp(1, 64)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use yara_x_parser::ast::AST;

    /// What a rule with the patterns `$a`, `$b1`, `$b2` and `$h` needs.
    #[track_caller]
    fn check(condition: &str, expected: Option<&[&str]>) {
        let strings = r#"$a = "alpha" nocase $b1 = "beta one" $b2 = "beta" wide $h = { 01 02 [2] 03 }"#;
        let text = format!("import \"pe\" rule r {{ strings: {strings} condition: {condition} }}");
        let ast = AST::from(text.as_str());
        assert!(ast.errors().is_empty(), "{:?}", ast.errors());
        let needed = ast.rules().next().and_then(|rule| needed_patterns(&text, rule));
        assert_eq!(needed.as_deref(), expected, "{condition}");
    }

    const A: &str = "\"alpha\" nocase";
    const B1: &str = "\"beta one\"";
    const B2: &str = "\"beta\" wide";
    const H: &str = "{ 01 02 [2] 03 }";

    #[test]
    fn patterns_that_must_match_are_found() {
        check("$a", Some(&[A]));
        check("$h", Some(&[H]));
        check("$a in (0..100)", Some(&[A]));
        check("$a and $b1", Some(&[B1]));
        check("$a or $b1", Some(&[A, B1]));
        check("filesize < 10 and $a", Some(&[A]));
        check("pe.is_pe and ($a or $b1)", Some(&[A, B1]));
        check("any of them", Some(&[B1, A, H, B2]));
        check("any of ($b*)", Some(&[B1, B2]));
        check("all of them", Some(&[B1]));
        check("3 of them", Some(&[B1, A]));
        check("9 of them", Some(&[B1]));
        check("any of ($b*) in (0..100)", Some(&[B1, B2]));
        check("#a > 0", Some(&[A]));
        check("#a >= 2 and #b1 == 3", Some(&[B1]));
        check("for any i in (1..3) : ($a and i > 1)", Some(&[A]));
    }

    #[test]
    fn what_may_be_true_without_a_match_proves_nothing() {
        check("not $a", None);
        check("$a or filesize < 10", None);
        check("not ($a and $b1)", None);
        check("none of them", None);
        check("0 of them", None);
        check("#a >= 0", None);
        check("#a == 0", None);
        check("#a < 3", None);
        check("for all i in (1..3) : ($a)", None);
        check("for any of them : (filesize > 0)", None);
        check("any of ($a, filesize > 0)", None);
        check("defined @a", None);
        check("50% of them", None);
    }

    #[test]
    fn patterns_of_which_a_copy_would_be_dear_are_not_asked_for() {
        check("$a at 0", None);
        check("any of them at 0", None);
        check("$b1 at 0 and all of them", Some(&[A]));
        check("filesize < 10 and $h", None);
        check("filesize < 10 and any of them", None);
        check("uint16(0) == 0x5a4d and all of them", Some(&[B1]));
    }
}
