//! Rules that are skipped together.
//!
//! yara-x looks at every rule on every scan, which costs 50 to 90 ns each even where none of its patterns
//! matched, because most conditions call out of the generated code. So rules that need a pattern to match are put
//! into small namespaces, each with a global rule in front that asks for any of the patterns they need: one such
//! question, answered no, skips the whole namespace. The patterns are copies of those in the rules, which yara-x
//! finds to be the same and searches for once.

use std::collections::HashSet;
use std::fmt::Write;

use crate::rule_file::{File, RuleText};

/// Most rules of a chunk: more are hit more often by one file or other, fewer ask more questions. Of 16 and 32,
/// 32 was faster on 1,000 files of /usr (2.81 against 2.67 times the whole set), and the same on ELF.
const RULES_MAX: usize = 32;

/// The name of the global rule in front of each chunk.
const GUARD: &str = "stakeout_chunk_guard";

/// Rules that share a namespace.
#[derive(Default)]
pub(crate) struct Chunk<'f, 'a> {
    /// The files they are from, each with the rules from it, by number.
    pub files: Vec<(&'f File<'a>, Vec<usize>)>,
    /// Patterns of which one matches wherever one of the rules is true; none if that is not known.
    needed: Vec<&'a str>,
    count: usize,
    names: HashSet<&'a str>,
    words: HashSet<&'a str>,
}

/// Distributes the rules that `has` picks over chunks.
pub(crate) fn chunks<'f, 'a>(
    files: &'f [File<'a>],
    has: impl Fn(&File<'a>, &RuleText<'a>) -> bool,
) -> Vec<Chunk<'f, 'a>> {
    let mut chunks = Vec::new();
    let mut open: Chunk<'f, 'a> = Chunk::default();
    for file in files {
        let mut rest = Chunk::default();
        for group in file.groups() {
            let rules: Vec<usize> =
                group.into_iter().filter(|&at| file.rules.get(at).is_some_and(|rule| has(file, rule))).collect();
            let parts = || rules.iter().filter_map(|&at| file.rules.get(at));
            let guarded = parts().all(|rule| !rule.global && (rule.private || rule.needs.is_some()));
            if !guarded {
                rest.add(file, &rules);
                continue;
            }
            if rules.is_empty() {
                continue;
            }
            if open.count + rules.len() > RULES_MAX.max(rules.len()) || !open.takes(file, &rules) {
                chunks.push(std::mem::take(&mut open));
            }
            open.add(file, &rules);
            open.needed.extend(parts().filter(|rule| !rule.private).flat_map(|rule| rule.needs.iter().flatten()));
        }
        if rest.count > 0 {
            rest.needed.clear();
            chunks.push(rest);
        }
    }
    chunks.push(open);
    chunks.retain(|chunk| chunk.count > 0);
    chunks
}

impl<'f, 'a> Chunk<'f, 'a> {
    /// Whether rules of another file keep their meaning beside these: no names conflict.
    fn takes(&self, file: &File<'a>, rules: &[usize]) -> bool {
        rules.iter().filter_map(|&at| file.rules.get(at)).all(|rule| {
            rule.name != GUARD
                && !self.names.contains(rule.name)
                && !self.words.contains(rule.name)
                && !rule.words.iter().any(|word| self.names.contains(word) || *word == GUARD)
        })
    }

    fn add(&mut self, file: &'f File<'a>, rules: &[usize]) {
        for rule in rules.iter().filter_map(|&at| file.rules.get(at)) {
            self.names.insert(rule.name);
            self.words.extend(&rule.words);
        }
        self.count += rules.len();
        match self.files.last_mut() {
            Some((last, of_it)) if std::ptr::eq(*last, file) => of_it.extend(rules),
            Some(_) | None => self.files.push((file, rules.to_vec())),
        }
    }

    /// The global rule in front of the chunk, if it has one.
    pub(crate) fn guard(&self) -> Option<String> {
        if self.needed.is_empty() || self.names.contains(GUARD) {
            return None;
        }
        let mut seen = HashSet::new();
        let mut guard = format!("global private rule {GUARD} {{ strings:\n");
        for (at, pattern) in self.needed.iter().filter(|pattern| seen.insert(**pattern)).enumerate() {
            writeln!(guard, "$p{at} = {pattern}").expect("a string takes all");
        }
        guard.push_str("condition: any of them }");
        Some(guard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule_file::Texts;
    use crate::source::Source;

    /// The chunks of these files: the names of their rules, and how many patterns are asked for.
    fn check(texts: &[&str], expected: &[(&[&str], usize)]) {
        let names: Vec<String> = (0..texts.len()).map(|number| format!("{number}.yar")).collect();
        let sources = names.iter().zip(texts).map(|(name, text)| Source::new(name, text.as_bytes()));
        let kept: Vec<Texts> = texts.iter().map(|_| Texts::default()).collect();
        let files = sources.zip(&kept).filter_map(|(source, texts)| File::parse(source, texts, &mut Vec::new()));
        let files: Vec<_> = files.collect();
        assert_eq!(files.len(), texts.len());
        let chunks = chunks(&files, |_, _| true);
        let rules = |chunk: &Chunk<'_, '_>| -> Vec<String> {
            let of_file = |(file, rules): &(&File<'_>, Vec<usize>)| -> Vec<String> {
                rules.iter().map(|&at| file.rules[at].name.to_owned()).collect()
            };
            chunk.files.iter().flat_map(of_file).collect()
        };
        let patterns = |chunk: &Chunk<'_, '_>| chunk.guard().map_or(0, |guard| guard.matches("\n$p").count());
        let seen: Vec<_> = chunks.iter().map(|chunk| (rules(chunk), patterns(chunk))).collect();
        let expected: Vec<(Vec<String>, usize)> = expected
            .iter()
            .map(|(names, count)| (names.iter().map(|&name| name.to_owned()).collect(), *count))
            .collect();
        assert_eq!(seen, expected);
        for guard in chunks.iter().filter_map(Chunk::guard) {
            assert!(yara_x::compile(guard.as_str()).is_ok(), "{guard}");
        }
    }

    #[test]
    fn rules_that_need_patterns_share_a_guard_and_others_have_none() {
        check(
            &[
                r#"rule a { strings: $a = "one" condition: $a } rule b { condition: filesize > 1 }"#,
                r#"rule c { strings: $a = "two" $b = "one" condition: any of them } rule d { strings: $a = "x" condition: not $a }"#,
            ],
            &[(&["b"], 0), (&["d"], 0), (&["a", "c"], 2)],
        );
    }

    #[test]
    fn every_modifier_is_copied() {
        check(
            &[r#"rule a {
                strings:
                    $a = "one \"\\ \x00" wide ascii fullword private
                    $b = "two" xor(0x01-0xff) // not this
                    $c = /re[a-z]\/x/is wide
                    $d = { 01 ( 02 | 03 04 ) [2-4] ~05 } private
                    $e = "three" nocase
                condition: any of them
            }"#],
            &[(&["a"], 5)],
        );
    }

    #[test]
    fn no_name_of_one_file_means_something_in_another() {
        let rule = |name: &str, condition: &str| {
            format!("rule {name} {{ strings: $a = \"text\" condition: $a and {condition} }}")
        };
        check(&[&rule("a", "true"), &rule("a", "filesize > 1")], &[(&["a"], 1), (&["a"], 1)]);
        // `b` is unknown in the first file, and stays so.
        check(&[&rule("a", "b"), &rule("b", "true")], &[(&["a"], 1), (&["b"], 1)]);
        check(&[&rule("b", "true"), &rule("a", "b")], &[(&["b"], 1), (&["a"], 1)]);
        check(&[&rule(GUARD, "true")], &[(&[GUARD], 0)]);
    }

    #[test]
    fn rules_that_name_each_other_and_global_ones_stay_together() {
        check(
            &[
                r#"private rule p { strings: $a = "one" condition: $a } rule a { strings: $a = "two" condition: $a and p }"#,
                r#"global rule g { strings: $a = "one" condition: $a } rule b { strings: $a = "two" condition: $a }"#,
            ],
            &[(&["g", "b"], 0), (&["p", "a"], 1)],
        );
    }
}
