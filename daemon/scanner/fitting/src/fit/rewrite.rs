//! Writes fitted numbers into the files that hold them, and changes nothing else there: comments and layout stay.

use analyzers::Join;
use toml_edit::{DocumentMut, Item, TableLike, Value};
use triage::Family;

use super::{FittedFamily, FittedLine};

/// How lines begin that say what numbers were made from.
const MADE: &str = "# fitted: ";

/// Why a file cannot be written anew.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RewriteError {
    /// It is no TOML.
    #[error("the weights are no TOML: {0}")]
    Toml(String),
    /// A number is not where it should be.
    #[error("there is no number {0}")]
    Missing(String),
}

/// The text of weights with fitted numbers. `made` says what they were made from, a line each, and replaces what an earlier
/// fit said.
///
/// # Errors
///
/// If the text is none of weights that hold these indicators.
pub fn rewrite_weights(text: &str, fitted: &[FittedFamily], made: &[String]) -> Result<String, RewriteError> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| RewriteError::Toml(error.message().to_owned()))?;
    for family in fitted {
        for weight in &family.weights {
            set(document.as_item_mut(), &["indicators", &weight.id, "weight"], weight.after)?;
        }
        let FittedLine { intercept, indicators, .. } = family.calibration;
        let name = family.family.name();
        set(document.as_item_mut(), &["calibration", name, "intercept"], intercept[1])?;
        set(document.as_item_mut(), &["calibration", name, "slope"], indicators[1])?;
    }
    Ok(with_lines(&document.to_string(), made))
}

/// Sets a number, with the spaces and comments around it as they were.
fn set(document: &mut Item, path: &[&str], number: f64) -> Result<(), RewriteError> {
    let missing = || RewriteError::Missing(path.join("."));
    let (last, tables) = path.split_last().ok_or_else(missing)?;
    let mut table: &mut dyn TableLike = document.as_table_like_mut().ok_or_else(missing)?;
    for name in tables {
        table = table.get_mut(name).and_then(Item::as_table_like_mut).ok_or_else(missing)?;
    }
    let value = table.get_mut(last).and_then(Item::as_value_mut).ok_or_else(missing)?;
    let before = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64)).ok_or_else(missing)?;
    if before != number {
        let decor = value.decor().clone();
        *value = Value::from(number);
        *value.decor_mut() = decor;
    }
    Ok(())
}

/// The text with these lines behind the comment that it begins with.
fn with_lines(text: &str, made: &[String]) -> String {
    let is_made = |line: &&str| line.starts_with(MADE.trim_end());
    let mut lines: Vec<&str> = text.split_inclusive('\n').filter(|line| !is_made(line)).collect();
    let head = lines.iter().take_while(|line| line.starts_with('#')).count();
    let made: Vec<String> = made.iter().map(|line| format!("{MADE}{}\n", line.replace(['\n', '\r'], " "))).collect();
    lines.splice(head..head, made.iter().map(String::as_str));
    lines.concat()
}

/// The text of a model with other factors in its join.
///
/// # Errors
///
/// If it has no join with these three numbers.
pub fn rewrite_join(text: &str, family: Family, join: &Join) -> Result<String, RewriteError> {
    let missing = |name: &str| RewriteError::Missing(format!("join.{name} in the model of {}", family.name()));
    let begin = text.find("\"join\"").ok_or_else(|| missing("*"))?;
    let length = text[begin..].find('}').ok_or_else(|| missing("*"))?;
    let mut object = text[begin..begin + length].to_owned();
    for (name, number) in [("intercept", join.intercept), ("model", join.model), ("indicators", join.indicators)] {
        let key = format!("\"{name}\"");
        let at = object.find(&key).ok_or_else(|| missing(name))? + key.len();
        let rest = &object[at..];
        let from = at + rest.find(|c: char| c == '-' || c.is_ascii_digit()).ok_or_else(|| missing(name))?;
        let to = object[from..].find([',', '\n', '}', ' ']).map_or(object.len(), |length| from + length);
        object.replace_range(from..to, &number.to_string());
    }
    Ok(format!("{}{object}{}", &text[..begin], &text[begin + length..]))
}

#[cfg(test)]
mod tests {
    use daemon_engine::RuleSet;

    use super::*;
    use crate::evaluation::Named;
    use crate::fit::FittedWeight;

    fn fitted() -> FittedFamily {
        let line = FittedLine { intercept: [-2.2, -1.5], model: [0.0, 0.0], indicators: [1.0, 0.875] };
        let weight =
            |id: &str, after: f64| FittedWeight { id: id.to_owned(), before: 0.0, after, benign: 0, malicious: 1 };
        FittedFamily {
            family: Family::Office,
            files: [1, 1, 2],
            without_margin: 0,
            joined: false,
            weights: vec![weight("office.vba.stomped", 3.0), weight("office.word.macros", 1.25)],
            calibration: line,
            held_back: false,
            join: None,
            lines_compared: Named(Vec::new()),
            compared: Named(Vec::new()),
        }
    }

    #[test]
    fn only_numbers_change() {
        let before = RuleSet::embedded_weights();
        let after = rewrite_weights(before, &[fitted()], &["of two files".to_owned()]).unwrap();
        let rules = RuleSet::parse(&after).unwrap();
        assert_eq!(rules.weights().calibration(Family::Office).intercept, -1.5);
        // Comments and groups stay as they are.
        let with = |id: &str, weight: &str| {
            let line =
                before.lines().find(|line| line.starts_with(&format!("\"{id}\" ="))).expect("the weight is there");
            let (start, rest) = line.split_once("weight = ").expect("a weight has a number");
            let end = rest.find([',', ' ']).expect("something follows the number");
            format!("{start}weight = {weight}{}", &rest[end..])
        };
        let changed: Vec<&str> = after.lines().filter(|line| !before.lines().any(|known| known == *line)).collect();
        assert_eq!(
            changed,
            [
                "# fitted: of two files",
                "office = { intercept = -1.5, slope = 0.875, floor = 0.01, ceiling = 0.99 }",
                &with("office.vba.stomped", "3.0"),
                &with("office.word.macros", "1.25"),
            ]
        );
        assert_eq!(after.lines().count(), before.lines().count() + 1);
        // What an earlier fit said is replaced, and the same numbers are the same bytes.
        let again = rewrite_weights(&after, &[fitted()], &["of two files".to_owned()]).unwrap();
        assert_eq!(again, after);
        assert_eq!(rewrite_weights(&after, &[fitted()], &[]).unwrap().lines().count(), before.lines().count());
    }

    #[test]
    fn what_is_not_there_is_told() {
        let gone = RuleSet::embedded_weights().replace("\"office.vba.stomped\"", "\"office.vba.gone\"");
        let error = rewrite_weights(&gone, &[fitted()], &[]).unwrap_err();
        assert_eq!(error.to_string(), "there is no number indicators.office.vba.stomped.weight");
        assert!(matches!(rewrite_weights("[", &[], &[]), Err(RewriteError::Toml(_))));
        assert!(rewrite_join("{}", Family::Pe, &join()).is_err());
    }

    fn join() -> Join {
        let rules = RuleSet::embedded();
        let join = rules.weights().model(Family::Elf).unwrap().join();
        Join { intercept: -0.5, model: 1.25, indicators: 0.75, ..*join }
    }

    #[test]
    fn a_join_is_replaced_and_nothing_else_of_the_model() {
        let text = RuleSet::embedded_model(Family::Elf).unwrap();
        let after = rewrite_join(text, Family::Elf, &join()).unwrap();
        let rules = RuleSet::embedded().with_model(&after).unwrap();
        assert_eq!(*rules.weights().model(Family::Elf).unwrap().join(), join());
        let differ = text.lines().zip(after.lines()).filter(|(one, other)| one != other).count();
        assert!((1..=3).contains(&differ), "{differ}");
        assert_eq!(text.lines().count(), after.lines().count());
    }
}
