//! Proves from the condition of a rule how a file must begin for the rule to match.
//!
//! For every expression two sets of heads are computed, which may be too large but never too small: the files for which
//! it can be *true* (anything but false, 0, empty and undefined), and those for which it can be *defined*.
//! `pe.timestamp` is undefined if the file is not a PE. Undefined propagates through arithmetic, comparisons and calls
//! up to the next `and`, `or`, `for` or `defined`, where it counts as false. So an expression with an undefined part
//! can be true only if one of those four is in between.
//!
//! Nothing is concluded from `not`, `defined`, `none of` and `all of`; from patterns beyond literal ones `at 0`;
//! from names that a `for` or a `with` gives another meaning. What is not understood is true of everything.

use std::collections::HashMap;

use yara_x_parser::ast::{
    BinaryExpr, Expr, ForIn, FuncCall, HexToken, Iterable, MatchAnchor, Of, OfItems, Pattern, PatternSet, Quantifier,
    Rule,
};

use crate::magic_class::{HEAD_BYTES, Heads};

/// Modules that parse one format: outside of it all their fields are undefined, but for the fields that say so
/// (`is_pe`) and for constants. Seen in the code of yara-x 1.22.1; a test asks every one of them.
const FORMATS: [(&str, &str, Heads); 5] = [
    ("pe", "is_pe", Heads::MZ),
    ("dotnet", "is_dotnet", Heads::MZ),
    ("elf", "", Heads::ELF),
    ("macho", "", Heads::RARE),
    ("lnk", "is_lnk", Heads::RARE),
];

/// Functions of `pe` that return 0 or false for other files.
const PE_FALSE_ELSEWHERE: [&str; 6] = ["imports", "exports", "language", "locale", "toolid", "version"];

/// Functions of `pe` that are undefined for other files.
const PE_UNDEFINED_ELSEWHERE: [&str; 10] = [
    "is_32bit",
    "is_64bit",
    "is_dll",
    "rva_to_offset",
    "offset_to_rva",
    "calculate_checksum",
    "section_index",
    "imphash",
    "exports_index",
    "import_rva",
];

/// The heads of files of which `rule` may be true. `known` are the rules of the same file that came before it.
pub(crate) fn heads_of<'a>(rule: &'a Rule<'_>, known: &HashMap<&'a str, Heads>) -> Heads {
    let patterns = rule.patterns.iter().flatten().map(|pattern| (pattern.identifier().name, pattern)).collect();
    Proof { patterns, rules: known, hidden: Vec::new() }.when_true(&rule.condition)
}

struct Proof<'a, 'src> {
    patterns: HashMap<&'a str, &'a Pattern<'src>>,
    rules: &'a HashMap<&'a str, Heads>,
    /// Names that loops and `with` around the expression have given another meaning.
    hidden: Vec<&'a str>,
}

impl<'a, 'src> Proof<'a, 'src> {
    /// Heads of files for which `expr` can be true.
    fn when_true(&mut self, expr: &'a Expr<'src>) -> Heads {
        match expr {
            Expr::False { .. } => Heads::NONE,
            Expr::And(all) => all.operands().fold(Heads::ALL, |heads, operand| heads.and(self.when_true(operand))),
            Expr::Or(any) => any.operands().fold(Heads::NONE, |heads, operand| heads.or(self.when_true(operand))),
            Expr::Eq(sides) => {
                let defined = self.when_defined(&sides.lhs).and(self.when_defined(&sides.rhs));
                let (left, right) = (integer(&sides.lhs), integer(&sides.rhs));
                let equal = match (left, right) {
                    (None, Some(value)) => self.when_equal(&sides.lhs, value),
                    (Some(value), None) => self.when_equal(&sides.rhs, value),
                    (None, None) | (Some(_), Some(_)) => Heads::ALL,
                };
                defined.and(equal)
            }
            // What is more than nothing is not zero.
            Expr::Gt(sides) if integer(&sides.rhs).is_some_and(|value| value >= 0) => self.when_true(&sides.lhs),
            Expr::Ge(sides) if integer(&sides.rhs).is_some_and(|value| value >= 1) => self.when_true(&sides.lhs),
            Expr::PatternMatch(found) => match &found.anchor {
                Some(MatchAnchor::At(at)) => {
                    let begins = if integer(&at.expr) == Some(0) {
                        self.patterns.get(found.identifier.name).map_or(Heads::ALL, |pattern| beginning_with(pattern))
                    } else {
                        Heads::ALL
                    };
                    begins.and(self.when_defined(&at.expr))
                }
                Some(MatchAnchor::In(_)) | None => Heads::ALL,
            },
            Expr::Of(of) => self.when_some_of(of),
            Expr::ForOf(each) if at_least_one(&each.quantifier) => self.when_true(&each.body),
            Expr::ForIn(each) => self.when_some_in(each),
            Expr::With(with) => self
                .hiding(with.declarations.iter().map(|declared| declared.identifier.name), |proof| {
                    proof.when_true(&with.body)
                }),
            Expr::Ident(name) if !self.hidden.contains(&name.name) => {
                self.rules.get(name.name).copied().unwrap_or(Heads::ALL)
            }
            Expr::FuncCall(call) if self.is_of_pe(call, &PE_FALSE_ELSEWHERE) => self.when_defined(expr).and(Heads::MZ),
            Expr::FieldAccess(path) => match path.as_slice() {
                // `pe.is_pe` is defined everywhere, and true of PE files only.
                [Expr::Ident(module), Expr::Ident(field)] if !self.hidden.contains(&module.name) => FORMATS
                    .iter()
                    .find(|(name, itself, _)| *name == module.name && *itself == field.name)
                    .map_or_else(|| self.when_defined(expr), |&(_, _, heads)| heads),
                _ => self.when_defined(expr),
            },
            _ => self.when_defined(expr),
        }
    }

    /// Heads of files for which `expr` can be defined.
    fn when_defined(&mut self, expr: &'a Expr<'src>) -> Heads {
        if let Some(sides) = sides_of(expr) {
            return self.when_defined(&sides.lhs).and(self.when_defined(&sides.rhs));
        }
        match expr {
            Expr::Minus(one) | Expr::BitwiseNot(one) => self.when_defined(&one.operand),
            Expr::Add(all) | Expr::Sub(all) | Expr::Mul(all) | Expr::Div(all) | Expr::Mod(all) => {
                all.operands().fold(Heads::ALL, |heads, operand| heads.and(self.when_defined(operand)))
            }
            // An element of an empty array is undefined, and outside of their format all arrays are empty.
            Expr::Lookup(lookup) => self.when_defined(&lookup.primary),
            Expr::FieldAccess(path) => match path.as_slice() {
                [Expr::Ident(module), fields @ ..] => self.when_field_defined(module.name, fields),
                [first, ..] => self.when_defined(first),
                [] => Heads::ALL,
            },
            Expr::FuncCall(call) => {
                let arguments = self.when_arguments_defined(call);
                if self.is_of_pe(call, &PE_UNDEFINED_ELSEWHERE) { arguments.and(Heads::MZ) } else { arguments }
            }
            _ => Heads::ALL,
        }
    }

    fn when_field_defined(&self, module: &str, fields: &[Expr<'src>]) -> Heads {
        let Some(&(_, itself, heads)) = FORMATS.iter().find(|(name, ..)| *name == module) else { return Heads::ALL };
        let is_field = |field: &Expr<'_>| match field {
            // Names without small letters are constants.
            Expr::Ident(field) => field.name != itself && field.name.bytes().any(|byte| byte.is_ascii_lowercase()),
            _ => false,
        };
        let fields_only = !fields.is_empty() && fields.iter().all(is_field);
        if fields_only && !self.hidden.contains(&module) { heads } else { Heads::ALL }
    }

    /// Heads of files for which `expr` can equal the integer `value`.
    fn when_equal(&mut self, expr: &'a Expr<'src>, value: i64) -> Heads {
        if let Expr::FuncCall(call) = expr
            && call.object.is_none()
            && let [offset] = call.args.as_slice()
            && let (Some(at @ 0..8), Some(width)) = (integer(offset), width_of(call.identifier.name))
            && let Ok(at) = usize::try_from(at)
        {
            let little = value.to_le_bytes();
            let mut read: Vec<u8> = little.into_iter().take(width).collect();
            if call.identifier.name.ends_with("be") {
                read.reverse();
            }
            let mut known = [None; 2 * HEAD_BYTES];
            for (slot, byte) in known.iter_mut().skip(at).zip(read) {
                *slot = Some(byte);
            }
            return Heads::agreeing(&known);
        }
        if value != 0 { self.when_true(expr) } else { Heads::ALL }
    }

    fn when_arguments_defined(&mut self, call: &'a FuncCall<'src>) -> Heads {
        call.args.iter().fold(Heads::ALL, |heads, argument| heads.and(self.when_defined(argument)))
    }

    /// Whether `call` is of one of these functions of `pe`, or of a part of it.
    fn is_of_pe(&self, call: &FuncCall<'_>, functions: &[&str]) -> bool {
        let first = match &call.object {
            Some(Expr::FieldAccess(path)) => path.as_slice().first(),
            object => object.as_ref(),
        };
        let of_pe = matches!(first, Some(Expr::Ident(module)) if module.name == "pe");
        of_pe && !self.hidden.contains(&"pe") && functions.contains(&call.identifier.name)
    }

    /// `any of ($a, $b) at 0`.
    fn when_some_of(&mut self, of: &'a Of<'src>) -> Heads {
        let (Some(MatchAnchor::At(at)), OfItems::PatternSet(set)) = (&of.anchor, &of.items) else { return Heads::ALL };
        if integer(&at.expr) != Some(0) || !at_least_one(&of.quantifier) {
            return Heads::ALL;
        }
        self.patterns
            .values()
            .filter(|pattern| chooses(set, pattern.identifier().name))
            .fold(Heads::NONE, |heads, pattern| heads.or(beginning_with(pattern)))
    }

    /// A loop over an empty range is never true for some element, and a range with an undefined end is empty.
    fn when_some_in(&mut self, each: &'a ForIn<'src>) -> Heads {
        let iterable = match &each.iterable {
            Iterable::Range(range) => self.when_defined(&range.lower_bound).and(self.when_defined(&range.upper_bound)),
            Iterable::Expr(array) if at_least_one(&each.quantifier) => self.when_defined(array),
            Iterable::Expr(_) | Iterable::ExprTuple(_) => Heads::ALL,
        };
        if !at_least_one(&each.quantifier) {
            return iterable;
        }
        let names = each.variables.iter().map(|variable| variable.name);
        iterable.and(self.hiding(names, |proof| proof.when_true(&each.body)))
    }

    fn hiding(&mut self, names: impl Iterator<Item = &'a str>, prove: impl FnOnce(&mut Self) -> Heads) -> Heads {
        let before = self.hidden.len();
        self.hidden.extend(names);
        let heads = prove(self);
        self.hidden.truncate(before);
        heads
    }
}

/// Whether `quantifier` asks for one element at least, whatever there is to choose from.
pub(crate) fn at_least_one(quantifier: &Quantifier<'_>) -> bool {
    match quantifier {
        Quantifier::Any { .. } => true,
        Quantifier::Expr(count) => integer(count).is_some_and(|count| count >= 1),
        Quantifier::None { .. } | Quantifier::All { .. } | Quantifier::Percentage(_) => false,
    }
}

/// Whether the pattern of this name is one of `set`.
pub(crate) fn chooses(set: &PatternSet<'_>, name: &str) -> bool {
    match set {
        PatternSet::Them { .. } => true,
        PatternSet::Set(items) => items
            .iter()
            .any(|item| if item.wildcard { name.starts_with(item.identifier) } else { name == item.identifier }),
    }
}

/// Both sides of an operation that is undefined if one of them is.
pub(crate) fn sides_of<'e, 'src>(expr: &'e Expr<'src>) -> Option<&'e BinaryExpr<'src>> {
    match expr {
        Expr::Shl(sides)
        | Expr::Shr(sides)
        | Expr::BitwiseAnd(sides)
        | Expr::BitwiseOr(sides)
        | Expr::BitwiseXor(sides)
        | Expr::Eq(sides)
        | Expr::Ne(sides)
        | Expr::Lt(sides)
        | Expr::Gt(sides)
        | Expr::Le(sides)
        | Expr::Ge(sides)
        | Expr::Contains(sides)
        | Expr::IContains(sides)
        | Expr::StartsWith(sides)
        | Expr::IStartsWith(sides)
        | Expr::EndsWith(sides)
        | Expr::IEndsWith(sides)
        | Expr::IEquals(sides)
        | Expr::Matches(sides) => Some(sides),
        _ => None,
    }
}

/// The value of an integer literal.
pub(crate) fn integer(expr: &Expr<'_>) -> Option<i64> {
    match expr {
        Expr::LiteralInteger(literal) if !literal.is_unsigned => Some(literal.value),
        _ => None,
    }
}

/// Number of bytes read by `uint16` and similar functions.
pub(crate) fn width_of(function: &str) -> Option<usize> {
    match function {
        "uint8" | "int8" | "uint8be" | "int8be" => Some(1),
        "uint16" | "int16" | "uint16be" | "int16be" => Some(2),
        "uint32" | "int32" | "uint32be" | "int32be" => Some(4),
        "uint64" | "int64" | "uint64be" | "int64be" => Some(8),
        _ => None,
    }
}

/// The heads of files that begin with a match of `pattern`.
fn beginning_with(pattern: &Pattern<'_>) -> Heads {
    let modifiers = pattern.modifiers();
    // `wide`, `nocase` and the like match other bytes than are written. Beside `ascii`, `wide` matches both.
    let as_written = modifiers.wide().is_none()
        && modifiers.nocase().is_none()
        && modifiers.xor().is_none()
        && modifiers.base64().is_none()
        && modifiers.base64wide().is_none();
    let known: Vec<Option<u8>> = match pattern {
        Pattern::Text(text) if as_written => text.text.value.iter().take(HEAD_BYTES).copied().map(Some).collect(),
        Pattern::Hex(hex) => hex
            .sub_patterns
            .iter()
            .take(HEAD_BYTES)
            .map_while(|token| match token {
                HexToken::Byte(byte) if byte.mask == 0xff => Some(Some(byte.value)),
                HexToken::Byte(_) | HexToken::NotByte(_) => Some(None),
                HexToken::Alternative(_) | HexToken::Jump(_) => None,
            })
            .collect(),
        Pattern::Text(_) | Pattern::Regexp(_) => Vec::new(),
    };
    Heads::agreeing(&known)
}

#[cfg(test)]
mod tests;
