//! One rule at a time, for those who want to know what a rule costs.

use crate::rule_file::{File, Texts};
use crate::source::Source;

/// The reporting rules of a file, each with the text of a file that has it and the private and global rules of its
/// file, but no other that reports. A rule that refers to one of those does not compile so.
pub fn single_rules(source: Source<'_>) -> Vec<(String, String)> {
    let texts = Texts::default();
    let Some(file) = File::parse(source, &texts, &mut Vec::new()) else { return Vec::new() };
    let alone = |name: &str| file.only(|rule| rule.private || rule.global || rule.name == name);
    let reporting = file.rules.iter().filter(|rule| !rule.private);
    reporting.map(|rule| (rule.name.to_owned(), alone(rule.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_brings_what_it_may_need() {
        let text = b"private rule p { condition: true }\nrule a { condition: p }\nrule b { condition: p }\n";
        let singles = single_rules(Source::new("x.yar", text));
        let names: Vec<&str> = singles.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(singles[0].1.contains("rule p") && singles[0].1.contains("rule a") && !singles[0].1.contains("rule b"));
    }
}
