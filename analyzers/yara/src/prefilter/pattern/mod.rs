//! What stands in a file wherever a pattern matches.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex_syntax::ast::parse::ParserBuilder as AstParserBuilder;
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};
use yara_x_parser::ast::{HexSubPattern, HexToken, Pattern, PatternModifier, PatternModifiers, Regexp};

use super::WINDOW;
use super::formula::Formula;
use super::literal::{Literal, PLAIN};
use super::masked_byte::MaskedByte;
use super::pieces::{Piece, Spellings};
use super::short::{DISTANCE_MAX, PlaceRange, Short};

/// Levels of a pattern that are looked into.
const DEPTH_MAX: usize = 16;

/// Levels of an expression that is parsed.
const NESTED_MAX: u32 = 50;

/// A literal of which so many bytes are known tells enough.
const SURE_BYTES: usize = 8;

/// What holds of a file wherever `pattern` matches.
pub(super) fn formula_of(pattern: &Pattern<'_>) -> Formula {
    let modifiers = pattern.modifiers();
    let nocase = modifiers.nocase().is_some();
    match pattern {
        Pattern::Text(text) => of_text(&text.text.value, modifiers, nocase),
        Pattern::Hex(hex) => of_spellings(&of_hex(&hex.sub_patterns, 0)),
        Pattern::Regexp(pattern) => {
            let nocase = pattern.regexp.case_insensitive || nocase;
            encodings(modifiers, |wide| RegexpReader { nocase, wide }.formula(&pattern.regexp))
        }
    }
}

/// What holds where `pattern` matches and begins in this range.
pub(super) fn formula_within(pattern: &Pattern<'_>, range: PlaceRange) -> Formula {
    let modifiers = pattern.modifiers();
    let begins = |bytes: &[MaskedByte]| Short::near(bytes, range).map_or(Formula::True, Formula::Looks);
    match pattern {
        _ if modifiers.xor().is_some() || modifiers.base64().is_some() || modifiers.base64wide().is_some() => {
            Formula::True
        }
        Pattern::Text(text) => {
            encodings(modifiers, |wide| begins(&masked(&text.text.value, wide, modifiers.nocase().is_some())))
        }
        Pattern::Hex(hex) => {
            let spelled = of_hex(&hex.sub_patterns, 0);
            let beginning = |pieces: &Vec<Piece>| pieces.iter().map_while(|piece| piece.byte()).collect::<Vec<_>>();
            Formula::any(spelled.each().map(|pieces| begins(&beginning(pieces))).collect())
        }
        Pattern::Regexp(_) => Formula::True,
    }
}

/// What holds in one of the encodings, which is told whether it is wide.
fn encodings(modifiers: &PatternModifiers<'_>, of: impl Fn(bool) -> Formula) -> Formula {
    let wide = modifiers.wide().map(|_| of(true));
    let narrow = (modifiers.wide().is_none() || modifiers.ascii().is_some()).then(|| of(false));
    Formula::any(wide.into_iter().chain(narrow).collect())
}

fn of_text(text: &[u8], modifiers: &PatternModifiers<'_>, nocase: bool) -> Formula {
    let keys = match modifiers.xor() {
        Some(&PatternModifier::Xor { start, end, .. }) => (start, end),
        _ => PLAIN,
    };
    encodings(modifiers, |wide| {
        let bytes = masked(text, wide, nocase);
        match [modifiers.base64(), modifiers.base64wide()] {
            [None, None] if keys == PLAIN => of_bytes(&bytes),
            [None, None] => Literal::of(&bytes, keys).map_or(Formula::True, Formula::Has),
            [narrow, wide] => {
                let text: Vec<u8> = bytes.iter().map(|byte| byte.value).collect();
                let narrow = narrow.map(|modifier| of_base64(&text, modifier, false));
                let wide = wide.map(|modifier| of_base64(&text, modifier, true));
                Formula::any(narrow.into_iter().chain(wide).collect())
            }
        }
    })
}

/// A text as it stands in files.
fn masked(text: &[u8], wide: bool, nocase: bool) -> Vec<MaskedByte> {
    let byte = |&byte| if nocase { MaskedByte::in_any_case(byte) } else { MaskedByte::exactly(byte) };
    let zero = wide.then_some(MaskedByte::exactly(0));
    text.iter().flat_map(|one| std::iter::once(byte(one)).chain(zero)).collect()
}

/// Text that was encoded with something in front of it and behind it: of three bytes that become four letters, it may
/// begin at any. Letters that depend on what is around it are not looked for.
fn of_base64(text: &[u8], modifier: &PatternModifier<'_>, wide: bool) -> Formula {
    let (PatternModifier::Base64 { alphabet: None, .. } | PatternModifier::Base64Wide { alphabet: None, .. }) =
        modifier
    else {
        return Formula::True;
    };
    let begun_behind = |front: &[u8], foreign: usize| {
        let encoded = STANDARD_NO_PAD.encode([front, text].concat());
        let shared = usize::from(!(front.len() + text.len()).is_multiple_of(3));
        let own = encoded.as_bytes().get(foreign..encoded.len() - shared).unwrap_or_default();
        of_bytes(&masked(own, wide, false))
    };
    Formula::any(vec![begun_behind(b"", 0), begun_behind(b"-", 2), begun_behind(b"--", 3)])
}

fn of_hex(tokens: &HexSubPattern, depth: usize) -> Spellings {
    let mut spelled = Spellings::default();
    for token in tokens.iter() {
        match token {
            _ if depth > DEPTH_MAX => spelled.push(Piece::UNKNOWN),
            HexToken::Byte(byte) => {
                spelled.push(Piece::Byte(MaskedByte { value: byte.value & byte.mask, mask: byte.mask }));
            }
            HexToken::NotByte(_) => spelled.push(Piece::Byte(MaskedByte::ANY)),
            HexToken::Alternative(one) => {
                spelled.push_one_of(one.alternatives.iter().map(|tokens| of_hex(tokens, depth + 1)).collect());
            }
            HexToken::Jump(jump) => {
                spelled.push_gap(jump.start.unwrap_or(0) as usize, jump.end.map(|end| end as usize));
            }
        }
    }
    spelled
}

fn of_spellings(spelled: &Spellings) -> Formula {
    Formula::any(spelled.each().map(|pieces| of_pieces(pieces)).collect())
}

/// What holds where these stand one behind the other.
fn of_pieces(pieces: &[Piece]) -> Formula {
    let far = |piece: &Piece| matches!(piece, Piece::Gap(_, most) if most.is_none_or(|most| most > DISTANCE_MAX));
    let near: Vec<(&[Piece], Vec<Literal>)> = pieces.split(far).map(|near| (near, literals_of(near))).collect();
    let told = near.iter().flat_map(|(_, found)| found).any(|literal| literal.known() >= SURE_BYTES);
    let all = near.iter().flat_map(|(pieces, found)| {
        // Where something tells enough, what takes many places of the tables does not help.
        let useful = found.iter().filter(|literal| !told || literal.known() > WINDOW);
        // Of few bytes, more is asked when they are there.
        let length = without_edges(pieces).len();
        let sure = told || found.iter().any(|literal| literal.bytes.len() == length);
        useful.cloned().map(Formula::Has).chain((!sure).then(|| found_alone(pieces)))
    });
    Formula::all(all.collect())
}

fn literals_of(pieces: &[Piece]) -> Vec<Literal> {
    let long = without_edges(pieces);
    let runs = long.split(|piece| piece.byte().is_none());
    let bytes = |run: &[Piece]| run.iter().filter_map(|piece| piece.byte()).collect::<Vec<_>>();
    runs.filter_map(|run| Literal::of(&bytes(run), PLAIN)).collect()
}

fn without_edges(pieces: &[Piece]) -> Vec<Piece> {
    pieces.iter().copied().filter(|piece| *piece != Piece::WordEdge).collect()
}

fn of_bytes(bytes: &[MaskedByte]) -> Formula {
    of_pieces(&bytes.iter().copied().map(Piece::Byte).collect::<Vec<_>>())
}

fn found_alone(pieces: &[Piece]) -> Formula {
    Short::anywhere(pieces).map_or(Formula::True, Formula::Looks)
}

/// The name of something that is exported, with the zero that ends it.
pub(super) fn named(name: &[u8]) -> Option<Literal> {
    let bytes: Vec<MaskedByte> = name.iter().chain(&[0]).map(|&byte| MaskedByte::in_any_case(byte)).collect();
    Literal::of(&bytes, PLAIN)
}

/// What holds where `changed` matches more often than `plain`. None if that is not known: it is if they are the same text,
/// once with bytes that may be changed by a key and once as it is written.
pub(super) fn formula_of_changed(changed: &Pattern<'_>, plain: &Pattern<'_>) -> Option<Formula> {
    let (Pattern::Text(text), Pattern::Text(same)) = (changed, plain) else { return None };
    let Some(&PatternModifier::Xor { start: 0, end, .. }) = text.modifiers.xor() else { return None };
    let only_ascii = |modifier: &PatternModifier<'_>| matches!(modifier, PatternModifier::Ascii { .. });
    let narrow =
        |modifier: &PatternModifier<'_>| only_ascii(modifier) || matches!(modifier, PatternModifier::Xor { .. });
    let alike = text.text.value == same.text.value
        && text.modifiers.iter().all(narrow)
        && same.modifiers.iter().all(only_ascii);
    let bytes = masked(&text.text.value, false, false);
    alike.then(|| Literal::of(&bytes, (1, end)).map(Formula::Has)).flatten()
}

/// What holds where these bytes stand somewhere.
pub(super) fn formula_of_bytes(bytes: &[u8]) -> Formula {
    of_bytes(&masked(bytes, false, false))
}

/// How a regular expression is matched.
#[derive(Clone, Copy)]
struct RegexpReader {
    nocase: bool,
    wide: bool,
}

impl RegexpReader {
    fn formula(self, regexp: &Regexp<'_>) -> Formula {
        let Some(source) = &as_parsed(regexp.src) else { return Formula::True };
        // As yara-x reads it, where that needs no correction.
        let parsed = AstParserBuilder::new().empty_min_range(true).nest_limit(NESTED_MAX).build().parse(source);
        let translated = parsed.ok().and_then(|parsed| {
            TranslatorBuilder::new()
                .unicode(false)
                .utf8(false)
                .case_insensitive(self.nocase)
                .build()
                .translate(source, &parsed)
                .ok()
        });
        translated.map_or(Formula::True, |hir| self.of(&hir, 0))
    }

    fn of(self, hir: &Hir, depth: usize) -> Formula {
        let (mut spelled, mut others) = (Spellings::default(), Vec::new());
        self.walk(hir, depth, &mut spelled, &mut others);
        others.push(of_spellings(&spelled));
        Formula::all(others)
    }

    /// Appends what every match of `hir` contains in order, and to `others` what it contains somewhere.
    fn walk(self, hir: &Hir, depth: usize, spelled: &mut Spellings, others: &mut Vec<Formula>) {
        let deeper = depth + 1;
        match hir.kind() {
            _ if depth > DEPTH_MAX => spelled.push(Piece::UNKNOWN),
            // How wide letters end words is not looked at.
            HirKind::Look(Look::WordAscii) if !self.wide => spelled.push(Piece::WordEdge),
            // What has no length is between what is known.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => {
                literal.0.iter().for_each(|&byte| self.push(Piece::Byte(MaskedByte::exactly(byte)), spelled));
            }
            HirKind::Class(Class::Bytes(class)) => {
                match Piece::one_of(class.ranges().iter().map(|range| (range.start(), range.end()))) {
                    Some(piece) => self.push(piece, spelled),
                    None => spelled.push(Piece::UNKNOWN),
                }
            }
            HirKind::Class(Class::Unicode(_)) => spelled.push(Piece::UNKNOWN),
            HirKind::Capture(capture) => self.walk(&capture.sub, deeper, spelled, others),
            HirKind::Concat(all) => all.iter().for_each(|one| self.walk(one, deeper, spelled, others)),
            HirKind::Repetition(repeated) => self.repeat(repeated, deeper, spelled, others),
            HirKind::Alternation(any) => {
                let alternatives = any.iter().map(|one| {
                    let mut spelled = Spellings::default();
                    self.walk(one, deeper, &mut spelled, &mut Vec::new());
                    spelled
                });
                if !spelled.push_one_of(alternatives.collect()) {
                    others.push(Formula::any(any.iter().map(|one| self.of(one, deeper)).collect()));
                }
            }
        }
    }

    fn repeat(self, repeated: &Repetition, depth: usize, spelled: &mut Spellings, others: &mut Vec<Formula>) {
        let (least, most) = (repeated.min as usize, repeated.max.map(|most| most as usize));
        let (mut once, mut unsure) = (Spellings::default(), Vec::new());
        self.walk(&repeated.sub, depth, &mut once, if least > 0 { others } else { &mut unsure });
        // Long gaps of wide expressions are measured otherwise by yara-x, and without the zeros.
        if self.wide && once.each().all(|pieces| pieces.iter().all(|piece| piece.tells_nothing())) {
            spelled.push(Piece::UNKNOWN);
        } else {
            spelled.push_repeated(&once, least, most);
        }
    }

    fn push(self, piece: Piece, spelled: &mut Spellings) {
        spelled.push(piece);
        if self.wide {
            spelled.push(Piece::Byte(MaskedByte::exactly(0)));
        }
    }
}

/// The expression with `<` for `\<`, and `>` likewise: letters in YARA, which the parser takes for ends of words. None if it
/// has flags, which are not looked at closely; YARA has none.
fn as_parsed(source: &str) -> Option<String> {
    let mut written = String::with_capacity(source.len());
    let mut rest = source.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => match rest.next() {
                Some(angle @ ('<' | '>')) => written.push(angle),
                escaped => written.extend(std::iter::once('\\').chain(escaped)),
            },
            '(' if rest.peek() == Some(&'?') => return None,
            _ => written.push(letter),
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests;
