//! What a condition asks of a program for Windows that can be known without trying the rule.

use yara_x_parser::ast::{Expr, FuncCall, Iterable};

use crate::prefilter::formula::{Fact, Formula};
use crate::prefilter::pattern::{formula_of_bytes, named};
use crate::prefilter::short::Place;

/// What holds wherever this comparison or call is true. None if nothing is known of it.
pub(super) fn when_true(expr: &Expr<'_>) -> Option<Formula> {
    match expr {
        Expr::Eq(sides) => match (&sides.lhs, &sides.rhs) {
            (Expr::FuncCall(call), Expr::LiteralString(text)) | (Expr::LiteralString(text), Expr::FuncCall(call))
                if is_of_pe(call, "imphash") =>
            {
                Some(Formula::Fact(Fact::ImportHash(hash_of(&text.value)?)))
            }
            _ => None,
        },
        // The name stands in the file, in letters of either case.
        Expr::FuncCall(call) if is_of_pe(call, "exports") => match call.args.as_slice() {
            [Expr::LiteralString(name)] => Some(Formula::Fact(Fact::Exports(named(&name.value)?))),
            _ => None,
        },
        _ => None,
    }
}

/// What holds wherever `expr` is defined: an element of an array is not where the array is empty.
pub(super) fn when_defined(expr: &Expr<'_>) -> Formula {
    match expr {
        // A section's name stands in the file.
        Expr::FuncCall(call) if is_of_pe(call, "section_index") => match call.args.as_slice() {
            [Expr::LiteralString(name)] => formula_of_bytes(&name.value),
            _ => Formula::True,
        },
        Expr::Lookup(lookup) if is_signatures(&lookup.primary) => Formula::Fact(Fact::Signed),
        Expr::Lookup(lookup) => when_defined(&lookup.primary),
        Expr::FieldAccess(path) => path.as_slice().first().map_or(Formula::True, when_defined),
        _ => Formula::True,
    }
}

/// What holds where a loop over `iterable` finds something.
pub(super) fn when_looped_over(iterable: &Iterable<'_>) -> Formula {
    match iterable {
        Iterable::Expr(array) if is_signatures(array) => Formula::Fact(Fact::Signed),
        Iterable::Expr(_) | Iterable::Range(_) | Iterable::ExprTuple(_) => Formula::True,
    }
}

/// The place that a field of the module tells.
pub(super) fn place_of(path: &[Expr<'_>]) -> Option<Place> {
    let names = path.iter().map(|part| match part {
        Expr::Ident(name) => Some(name.name),
        _ => None,
    });
    match names.collect::<Option<Vec<_>>>()?.as_slice() {
        ["pe", "entry_point"] => Some(Place::EntryPoint),
        ["pe", "overlay", "offset"] => Some(Place::Overlay),
        _ => None,
    }
}

fn is_signatures(expr: &Expr<'_>) -> bool {
    let Expr::FieldAccess(path) = expr else { return false };
    matches!(path.as_slice(), [Expr::Ident(module), Expr::Ident(field)] if module.name == "pe" && field.name == "signatures")
}

fn is_of_pe(call: &FuncCall<'_>, function: &str) -> bool {
    let object = match &call.object {
        Some(Expr::FieldAccess(path)) => match path.as_slice() {
            [object] => Some(object),
            _ => None,
        },
        object => object.as_ref(),
    };
    call.identifier.name == function && matches!(object, Some(Expr::Ident(module)) if module.name == "pe")
}

/// The bytes that 32 hexadecimal digits say.
fn hash_of(text: &[u8]) -> Option<[u8; 16]> {
    let mut hash = [0; 16];
    let pairs = text.as_chunks::<2>();
    if pairs.0.len() != hash.len() || !pairs.1.is_empty() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(pairs.0) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}
