//! Recovers the valid rules of a file with syntax errors.
//!
//! A parser that has lost its way cannot say where the next rule begins. So the text is cut where rules are declared, as
//! it stands on the page: no string and no condition holds `rule NAME` at such a place. Each piece is then parsed alone,
//! and what does not parse is blanked, so that all else keeps its place. Every byte is parsed a few times at most.

use yara_x_parser::ast::AST;

use crate::depth::too_deep;
use crate::text::{TextContext, parts};

/// Most mistakes told, so that a file of noise does not fill a log.
pub const MISTAKES_MAX: usize = 2_000;

/// Maximum number of attempts to find the end of a rule in a piece that does not parse.
const ENDS_MAX: usize = 4;

/// A text without what was wrong in it.
#[derive(Debug)]
pub(crate) struct Repaired {
    /// Text of the same length, in bytes, with invalid parts blanked.
    pub text: String,
    /// Mistakes and their positions.
    pub wrong: Vec<Wrong>,
    /// A rule that is left out was global, or may have been: the others would be true of too much without it.
    pub global_lost: bool,
}

/// Something wrong, at a byte of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wrong {
    pub at: usize,
    pub code: &'static str,
    pub message: String,
}

/// Blanks what does not parse.
pub(crate) fn repair(text: &str) -> Repaired {
    let parts = parts(text.as_bytes());
    let mut repaired = Repaired { text: String::with_capacity(text.len()), wrong: Vec::new(), global_lost: false };
    let starts = declarations(text, &parts);
    let ends = starts.iter().skip(1).map(|start| start.at).chain([text.len()]);
    let first = starts.first().map_or(text.len(), |start| start.at);
    repaired.take(text, 0, first, &parts);
    for (start, end) in starts.iter().zip(ends) {
        let whole = repaired.take(text, start.at, end, &parts);
        repaired.global_lost |= !whole && start.may_be_global;
    }
    repaired
}

impl Repaired {
    /// Takes over the piece from `start` to `end`, or what can be. False where its declaration is left out.
    fn take(&mut self, text: &str, start: usize, end: usize, parts: &[TextContext]) -> bool {
        let piece = text.get(start..end).unwrap_or_default();
        let wrong = mistakes(piece);
        if wrong.is_empty() {
            self.text.push_str(piece);
            return true;
        }
        // A file of noise has no end of mistakes: more than are told are not kept.
        let room = MISTAKES_MAX.saturating_sub(self.wrong.len());
        self.wrong.extend(wrong.into_iter().take(room).map(|wrong| Wrong { at: start + wrong.at, ..wrong }));
        // Something behind the rule, perhaps.
        let parts = parts.get(start..end).unwrap_or_default();
        let good = rule_ends(piece, parts).find_map(|end| piece.get(..end).filter(|good| mistakes(good).is_empty()));
        let good = good.unwrap_or_default();
        self.text.push_str(good);
        self.text.extend(blank(piece.get(good.len()..).unwrap_or_default()));
        !good.is_empty()
    }
}

/// Returns white space of the length of `text`, with its line ends.
pub(crate) fn blank(text: &str) -> impl Iterator<Item = char> + '_ {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' })
}

/// Returns the syntax errors of a piece.
fn mistakes(piece: &str) -> Vec<Wrong> {
    if let Some(at) = too_deep(piece) {
        return vec![Wrong { at, code: "too_deep", message: "nesting too deep".to_owned() }];
    }
    let ast = AST::from(piece);
    // What follows from the first few is no news.
    let found: Vec<Wrong> = ast.errors().iter().take(3).map(describe).collect();
    match piece.find(char::REPLACEMENT_CHARACTER) {
        Some(at) if !found.is_empty() => {
            vec![Wrong { at, code: "not_utf8", message: "invalid UTF-8".to_owned() }]
        }
        _ => found,
    }
}

fn describe(error: &yara_x_parser::ast::Error) -> Wrong {
    use yara_x_parser::ast::Error;
    let (at, message) = match error {
        Error::SyntaxError { message, span }
        | Error::InvalidInteger { message, span }
        | Error::InvalidFloat { message, span }
        | Error::InvalidRegexpModifier { message, span }
        | Error::InvalidEscapeSequence { message, span } => (span.start(), message.clone()),
        Error::InvalidUTF8(span) => (span.start(), "invalid UTF-8".to_owned()),
        Error::UnexpectedEscapeSequence(span) => (span.start(), "an escape sequence is not allowed here".to_owned()),
    };
    Wrong { at, code: "E001", message }
}

/// Possible ends of the rule at the beginning of a piece: after balanced braces.
fn rule_ends<'p>(piece: &'p str, parts: &'p [TextContext]) -> impl Iterator<Item = usize> + 'p {
    let mut depth = 0_usize;
    let code = piece.bytes().zip(parts).enumerate().filter(|(_, (_, part))| **part == TextContext::Code);
    let ends = code.filter_map(move |(at, (byte, _))| match byte {
        b'{' => {
            depth += 1;
            None
        }
        b'}' => {
            depth = depth.saturating_sub(1);
            (depth == 0).then_some(at + 1)
        }
        _ => None,
    });
    ends.take(ENDS_MAX)
}

/// Start of a declaration: a rule with its modifiers, an import, an include.
#[derive(Debug)]
struct Start {
    at: usize,
    may_be_global: bool,
}

/// A word of the language.
#[derive(Clone, Copy)]
struct KeywordToken<'t> {
    at: usize,
    text: &'t str,
    line: usize,
}

/// Returns the starts of declarations, in order.
fn declarations(text: &str, parts: &[TextContext]) -> Vec<Start> {
    let mut starts = Vec::new();
    // The words since the last byte that is no part of one, and whether the first of them is the first thing in its line
    // or stands behind a brace or a quoted text.
    let mut run: Vec<KeywordToken<'_>> = Vec::new();
    let mut opens = true;
    let mut line = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let (Some(&byte), Some(part)) = (bytes.get(at), parts.get(at)) {
        let length = match part {
            TextContext::Comment => {
                line += usize::from(byte == b'\n');
                1
            }
            TextContext::Quoted => {
                run.clear();
                opens = true;
                1
            }
            TextContext::Code if byte.is_ascii_whitespace() => {
                line += usize::from(byte == b'\n');
                1
            }
            TextContext::Code if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let word = word_at(text, at);
                let first_in_line = text.get(..at).is_some_and(|before| {
                    before.bytes().rev().find(|&byte| byte == b'\n' || !byte.is_ascii_whitespace()) == Some(b'\n')
                });
                if first_in_line && !run.iter().all(|word| is_modifier(word.text)) {
                    run.clear();
                    opens = true;
                }
                opens |= first_in_line && run.is_empty();
                run.push(KeywordToken { at, text: word, line });
                if opens && let Some(start) = declared(&run, text, parts) {
                    starts.push(start);
                    run.clear();
                    opens = false;
                }
                word.len()
            }
            TextContext::Code => {
                run.clear();
                opens = byte == b'}';
                1
            }
        };
        at += length;
    }
    starts
}

fn word_at(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn is_modifier(word: &str) -> bool {
    matches!(word, "private" | "global")
}

/// The declaration that the last of these words makes.
fn declared(run: &[KeywordToken<'_>], text: &str, parts: &[TextContext]) -> Option<Start> {
    let (last, before) = run.split_last()?;
    let behind = last.at + last.text.len();
    match last.text {
        "rule" => {
            let rest = text.get(behind..)?;
            let name = rest.trim_start();
            let is_name = name.len() < rest.len() && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            // Words that are no modifiers are misspelt ones, if they stand in the same line.
            let own = before
                .iter()
                .rposition(|word| !is_modifier(word.text) && word.line != last.line)
                .map_or(0, |at| at + 1);
            let own = before.get(own..).unwrap_or_default();
            let may_be_global = own.iter().any(|word| word.text != "private");
            is_name.then(|| Start { at: own.first().unwrap_or(last).at, may_be_global })
        }
        "import" | "include" if before.is_empty() => {
            let quoted = parts.get(behind..)?.iter().zip(text.get(behind..)?.bytes());
            let next =
                quoted.into_iter().find(|(part, byte)| **part == TextContext::Quoted || !byte.is_ascii_whitespace());
            matches!(next, Some((TextContext::Quoted, _))).then_some(Start { at: last.at, may_be_global: false })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which rules are left of a text, and how much is told.
    #[track_caller]
    fn check(text: &str, left: &[&str], global_lost: bool) {
        let repaired = repair(text);
        assert_eq!(repaired.text.len(), text.len());
        let ast = AST::from(repaired.text.as_str());
        assert!(ast.errors().is_empty(), "{:?} in\n{}", ast.errors(), repaired.text);
        let names: Vec<&str> = ast.rules().map(|rule| rule.identifier.name).collect();
        assert_eq!((names.as_slice(), repaired.global_lost), (left, global_lost), "{text}");
        assert!(!repaired.wrong.is_empty(), "{text}");
        assert!(repaired.wrong.iter().all(|wrong| wrong.at <= text.len()));
    }

    const A: &str = "rule a { strings: $x = \"rule z { } /* \" $y = /rule \\/\\* q/ condition: any of them }\n";
    const C: &str = "private rule c : tag {\n  /* rule z { */\n  condition:\n    true // rule z\n}\n";

    #[test]
    fn a_typo_costs_its_rule() {
        for bad in [
            "rule b { condition true }\n",
            "rule b { condition: true \n",
            "rule b condition: true }\n",
            "rule b { condition: (true }\n",
            "rule b { strings: $x = \"open condition: $x }\n",
            "rule b { strings: $x = \"open\n condition: $x }\n",
            "rule b { strings: $x = /open condition: $x }\n",
            "rule b { strings: $x = { 4D 5 } condition: $x }\n",
            "rule b { strings: $x = { 4D 5A condition: $x }\n",
            "rule b { meta: a = condition: true }\n",
            "rule b { condition: }\n",
            "privat rule b { condition: true }\n",
            "rule 1b { condition: true }\n",
            "rule\u{fffd} b { condition: true }\n",
        ] {
            let global = bad.starts_with("privat ");
            check(&format!("{A}{bad}{C}"), &["a", "c"], global);
        }
    }

    #[test]
    fn a_comment_that_is_never_closed_costs_its_rule() {
        check(
            "rule a { condition: true }\nrule b { /* open condition: true }\nrule d { condition: true }\n",
            &["a", "d"],
            false,
        );
    }

    #[test]
    fn rules_in_one_line_are_told_apart() {
        check("rule a { condition: true } rule b { condition true } rule c { condition: true }", &["a", "c"], false);
        check("rule a { condition: true } } rule c { condition: true }", &["a", "c"], false);
        check("rule a { condition: true } nonsense rule c { condition: true }", &["a"], true);
    }

    #[test]
    fn what_stands_between_rules_is_told_and_costs_none() {
        check(&format!("nonsense\n{A}more of it;\n{C}"), &["a", "c"], false);
        check(&format!("{A}\n}}\n{C}"), &["a", "c"], false);
    }

    #[test]
    fn imports_stay_whatever_stands_before_them() {
        let repaired = repair("rule b { condition true }\nimport \"pe\"\nrule a { condition: pe.is_pe }");
        assert!(repaired.text.contains("import \"pe\"") && repaired.text.contains("rule a"), "{}", repaired.text);
        let repaired = repair("import \"pe\nrule a { condition: true }");
        assert!(repaired.text.contains("rule a") && !repaired.text.contains("pe"), "{}", repaired.text);
    }

    #[test]
    fn a_global_rule_that_is_lost_is_told() {
        check("global rule b { condition true }\nrule a { condition: true }", &["a"], true);
        check("private\nglobal\nrule b { condition true }\nrule a { condition: true }", &["a"], true);
        check("globl rule b { condition: true }\nrule a { condition: true }", &["a"], true);
        check("global rule g { condition: true }\nrule b { condition true }", &["g"], false);
    }

    #[test]
    fn noise_is_told_in_part() {
        let repaired = repair(&"rule a { condition true }\n".repeat(3 * MISTAKES_MAX));
        assert_eq!((repaired.wrong.len(), repaired.text.trim()), (MISTAKES_MAX, ""));
    }

    #[test]
    fn what_is_too_deep_costs_its_rule() {
        let deep = format!("rule b {{ condition: {}true{} }}\n", "(".repeat(20_000), ")".repeat(20_000));
        check(&format!("{A}{deep}{C}"), &["a", "c"], false);
    }
}
