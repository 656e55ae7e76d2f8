//! The wire between who wants rules compiled and the child process that compiles them, and the child's end of it.
//!
//! The child reads a [`CompileRequest`] from its standard input, and writes the bundle to its standard output and messages to
//! its standard error, one JSON object per line; the last one marks the end. Other lines are the output of a crash,
//! which the parent quotes. Input and output are memory files of the parent, so neither side blocks.
//!
//! ```no_run
//! # fn compile(_: &daemon_rules::ipc::RuleSource<'_>) {}
//! let mut buffer = Vec::new();
//! let request = daemon_rules::ipc::read_request(std::io::stdin(), &mut buffer)?;
//! request.sources.iter().for_each(compile);
//! let (bundle, mistakes) = (b"compiled", []);
//! daemon_rules::ipc::write_answer(std::io::stdout(), std::io::stderr(), bundle, &mistakes)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::TOTAL_BYTES_MAX;

/// Moves when a request or an answer changes its form. Both ends are built together; this is for when they were not.
const VERSION: u32 = 1;
/// Largest request: the texts and some names.
const REQUEST_BYTES_MAX: u64 = TOTAL_BYTES_MAX + (32 << 20);
/// Maximum size of the mistakes reported by the child, in bytes; the number of omitted mistakes is reported at the end.
const MISTAKES_BYTES_MAX: usize = 3 << 20;
/// Most bytes the parent takes from the child's standard error. More than the child's own limit and one last line.
pub(crate) const NOTES_BYTES_MAX: usize = 4 << 20;

/// A request to the compiler process.
#[derive(Debug, Serialize, Deserialize)]
pub struct CompileRequest<'a> {
    version: u32,
    /// The files to compile, in this order.
    #[serde(borrow)]
    pub sources: Vec<RuleSource<'a>>,
}

/// One rule file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RuleSource<'a> {
    /// Path relative to the rules directory, with `/` as separator: `pe/packers.yar`.
    pub name: &'a str,
    /// Bytes of the rule file.
    pub text: &'a [u8],
}

/// Severity of a mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something was not compiled.
    Error,
    /// The rule was compiled, but may be slow or not do what was meant.
    Warning,
}

/// A mistake in a rule file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mistake {
    /// The file's name as it stood in the request.
    pub file: String,
    /// Counted from 1, where the compiler knows it.
    pub line: Option<u32>,
    /// Counted from 1, where the compiler knows it.
    pub column: Option<u32>,
    /// Severity.
    pub severity: Severity,
    /// The compiler's short name for it: `E009`. May be empty.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// The place in the file with a caret below, several lines.
    pub rendered: String,
}

/// A line on the child's standard error.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Note {
    Mistake(Mistake),
    /// The last one. Without it the answer is not whole.
    Done {
        bundle_bytes: u64,
        /// Mistakes not told because there were too many.
        withheld: u64,
    },
}

/// A request that makes no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request could not be read.
    #[error("cannot read the rules to compile")]
    Read(#[from] io::Error),
    /// The request is too large.
    #[error("the rules to compile exceed {REQUEST_BYTES_MAX} bytes")]
    TooLarge,
    /// The request has another version.
    #[error(
        "this is not a request of version {VERSION}: the compiler is started by stakeout and cannot be run by hand"
    )]
    Garbled,
}

/// Writes a request for `sources`.
pub(crate) fn request(sources: Vec<RuleSource<'_>>) -> Vec<u8> {
    postcard::to_allocvec(&CompileRequest { version: VERSION, sources }).expect("texts and lists always serialize")
}

/// Reads a request into `buffer`, which the sources then borrow.
///
/// # Errors
///
/// [`RequestError`] if the input cannot be read, is too large, or is no request of this version.
pub fn read_request(input: impl Read, buffer: &mut Vec<u8>) -> Result<CompileRequest<'_>, RequestError> {
    buffer.clear();
    let bytes = input.take(REQUEST_BYTES_MAX + 1).read_to_end(buffer)?;
    if bytes as u64 > REQUEST_BYTES_MAX {
        return Err(RequestError::TooLarge);
    }
    let (request, rest): (CompileRequest<'_>, _) =
        postcard::take_from_bytes(buffer).map_err(|_| RequestError::Garbled)?;
    if request.version != VERSION || !rest.is_empty() {
        return Err(RequestError::Garbled);
    }
    Ok(request)
}

/// Writes the answer: `bundle` to `output`, `mistakes` and the end to `notes`.
///
/// # Errors
///
/// If `output` or `notes` cannot be written.
pub fn write_answer(
    mut output: impl Write,
    mut notes: impl Write,
    bundle: &[u8],
    mistakes: &[Mistake],
) -> io::Result<()> {
    output.write_all(bundle)?;
    output.flush()?;
    let (mut told, mut bytes) = (0, 0);
    for mistake in mistakes {
        let line = line_of(&Note::Mistake(mistake.clone()));
        bytes += line.len();
        if bytes > MISTAKES_BYTES_MAX {
            break;
        }
        notes.write_all(&line)?;
        told += 1;
    }
    let withheld = (mistakes.len() - told) as u64;
    notes.write_all(&line_of(&Note::Done { bundle_bytes: bundle.len() as u64, withheld }))?;
    notes.flush()
}

fn line_of(note: &Note) -> Vec<u8> {
    let mut line = serde_json::to_vec(note).expect("texts and numbers always serialize");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mistake(message: &str) -> Mistake {
        Mistake {
            file: "a.yar".into(),
            line: Some(1),
            column: None,
            severity: Severity::Error,
            code: "E1".into(),
            message: message.into(),
            rendered: "rule\n^".into(),
        }
    }

    #[test]
    fn a_mistake_is_one_line_whatever_it_says() {
        let mut notes = Vec::new();
        write_answer(Vec::new(), &mut notes, b"", &[mistake("two\nlines\u{1b}[0m")]).unwrap();
        assert_eq!(notes.iter().filter(|&&byte| byte == b'\n').count(), 2);
        assert!(!notes.contains(&0x1b));
    }

    #[test]
    fn mistakes_without_end_are_counted_instead_of_told() {
        let mut notes = Vec::new();
        let many = vec![mistake(&"x".repeat(1 << 20)); 40];
        write_answer(Vec::new(), &mut notes, b"", &many).unwrap();
        assert!(notes.len() <= NOTES_BYTES_MAX);
        let last = notes.split(|&byte| byte == b'\n').rev().find(|line| !line.is_empty()).unwrap();
        assert!(matches!(serde_json::from_slice(last), Ok(Note::Done { withheld: 38, .. })), "{last:?}");
    }

    proptest! {
        #[test]
        fn a_request_arrives_as_it_was_sent(texts in proptest::collection::vec(
            (".{0,20}", proptest::collection::vec(any::<u8>(), 0..200)), 0..20,
        )) {
            let sources: Vec<_> = texts.iter().map(|(name, text)| RuleSource { name, text }).collect();
            let wire = request(sources.clone());
            let mut buffer = Vec::new();
            prop_assert_eq!(read_request(&wire[..], &mut buffer).unwrap().sources, sources);
        }

        #[test]
        fn garbage_is_an_error_and_not_a_panic(wire in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_request(&wire[..], &mut Vec::new());
        }

        #[test]
        fn half_a_request_is_an_error(cut in 0usize..20) {
            let wire = request(vec![RuleSource { name: "any/a.yar", text: b"rule a { condition: true }" }]);
            prop_assert!(read_request(&wire[..wire.len() - 1 - cut], &mut Vec::new()).is_err());
        }
    }
}
