//! Lines that tell how bounties were settled: one JSON object a line, or CSV with a head.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use daemon_market::{BountyId, Nct, Outcome, Phase, Truth};
use serde::Deserialize;

use crate::archive_command::digest;

/// Longest line taken, in bytes: a bounty with thousands of assertions.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Largest file taken, in bytes: some hundred thousand bounties with all that is told of them. It is held in memory.
pub const BYTES_MAX: u64 = 256 << 20;
/// So many mistakes are told.
const MISTAKES_MAX: usize = 20;

/// In which form lines come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values, the first line names them.
    Csv,
}

/// What is told, and about what.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// About what.
    pub about: About,
    /// What is told.
    pub outcome: Outcome,
}

/// About what something is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum About {
    /// A bounty; about our assertion where no phase is named.
    Bounty(BountyId, Option<Phase>),
    /// Every bounty about the artifact with this digest.
    Artifact([u8; 32]),
    /// The purse: a person opens it. Who, or why, stands where an outcome has its source.
    Purse,
}

impl Line {
    /// The line for an inbox.
    pub fn to_json(&self) -> String {
        match self.about {
            About::Bounty(..) | About::Artifact(_) => self.outcome.record.clone(),
            About::Purse => serde_json::json!({ "purse": "open", "detail": self.outcome.source }).to_string(),
        }
    }
}

/// A line that means nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineError {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.why)
    }
}

/// A line as it is written. What else stands in it is kept, and not read here.
#[derive(Deserialize)]
struct Written {
    bounty: Option<serde_json::Value>,
    /// The bounty, as the marketplace's newer and older dialects call it.
    id: Option<serde_json::Value>,
    guid: Option<serde_json::Value>,
    phase: Option<String>,
    sha256: Option<String>,
    truth: Option<String>,
    payout: Option<String>,
    fee: Option<String>,
    /// What everybody's assertion cost: ours, where ours is not told.
    assertion_fee: Option<String>,
    /// Only in an inbox.
    purse: Option<String>,
    detail: Option<String>,
}

/// Every line of `from`, or every line that means nothing: `source` says where they are from.
///
/// A whole file is taken or none of it: half a file of outcomes is a profit that is not there.
pub fn read(from: &mut dyn Read, form: Source, source: &str) -> std::io::Result<Result<Vec<Line>, Vec<LineError>>> {
    let from = &mut BufReader::new(Bounded { from, left: BYTES_MAX });
    let (mut lines, mut mistakes) = (Vec::new(), Vec::new());
    let mut take = |line: u64, read: Result<Line, String>| match read {
        Ok(read) => lines.push(read),
        Err(why) if mistakes.len() < MISTAKES_MAX => mistakes.push(LineError { line, why }),
        Err(_) => {}
    };
    match form {
        Source::Ndjson => {
            let mut number = 0;
            while let Some(text) = next_line(from)? {
                number += 1;
                match text {
                    Ok(text) if text.trim().is_empty() => {}
                    Ok(text) => take(number, json(text.trim(), source)),
                    Err(why) => take(number, Err(why)),
                }
            }
        }
        Source::Csv => {
            let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(false).from_reader(from);
            let head = match reader.headers() {
                Ok(head) => head.clone(),
                Err(error) if error.is_io_error() => return Err(std::io::Error::other(error)),
                Err(error) => return Ok(Err(vec![LineError { line: 1, why: error.to_string() }])),
            };
            for row in reader.records() {
                match row {
                    Ok(row) => {
                        let number = row.position().map_or(0, csv::Position::line);
                        take(number, comma_separated(&head, &row, source));
                    }
                    Err(error) if error.is_io_error() => return Err(std::io::Error::other(error)),
                    Err(error) => {
                        let number = error.position().map_or(0, csv::Position::line);
                        take(number, Err(error.to_string()));
                    }
                }
            }
        }
    }
    Ok(if mistakes.is_empty() { Ok(lines) } else { Err(mistakes) })
}

/// Reads so much and no more: what has more is an error, not half a file.
struct Bounded<'r> {
    from: &'r mut dyn Read,
    left: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(into)?;
        let too_much = || std::io::Error::other(format!("it has more than {BYTES_MAX} bytes: import it in parts"));
        self.left = self.left.checked_sub(read as u64).ok_or_else(too_much)?;
        Ok(read)
    }
}

/// The next line without its end; what is wrong with one that is no text, or too long.
fn next_line(from: &mut dyn BufRead) -> std::io::Result<Option<Result<String, String>>> {
    let mut bytes = Vec::new();
    let read = (&mut *from).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    if read > LINE_BYTES_MAX {
        // The rest of it goes by.
        while !bytes.ends_with(b"\n") {
            bytes.clear();
            if (&mut *from).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
        }
        return Ok(Some(Err(format!("it has more than {LINE_BYTES_MAX} bytes"))));
    }
    Ok(Some(String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())))
}

fn json(text: &str, source: &str) -> Result<Line, String> {
    let written: Written = serde_json::from_str(text).map_err(|error| format!("it is no such JSON: {error}"))?;
    written.line(source, text)
}

fn comma_separated(head: &csv::StringRecord, row: &csv::StringRecord, source: &str) -> Result<Line, String> {
    let mut fields = serde_json::Map::new();
    for (name, value) in head.iter().zip(row) {
        if !value.is_empty() {
            fields.insert(name.to_ascii_lowercase(), value.into());
        }
    }
    let text = serde_json::Value::Object(fields).to_string();
    json(&text, source)
}

impl Written {
    fn line(self, source: &str, text: &str) -> Result<Line, String> {
        let amount = |name: &str, amount: Option<String>| {
            let read = |text: String| text.parse::<Nct>().map_err(|why| format!("{name} {text:?} is no amount: {why}"));
            amount.map(read).transpose()
        };
        let truth = match self.truth.as_deref() {
            None | Some("none" | "unknown") => None,
            Some(name) => {
                let unknown = || format!("truth {name:?} is none of malicious, benign and none");
                Some(Truth::named(name).ok_or_else(unknown)?)
            }
        };
        let mut outcome = Outcome {
            truth,
            payout: amount("payout", self.payout)?,
            fee: amount("fee", self.fee)?.or(amount("assertion_fee", self.assertion_fee)?),
            source: source.to_owned(),
            record: text.to_owned(),
        };
        let phase = match self.phase.as_deref() {
            None => None,
            Some(name) => Some(Phase::named(name).ok_or_else(|| format!("there is no phase {name:?}"))?),
        };
        let about = match (self.bounty.or(self.id).or(self.guid), self.sha256, self.purse.as_deref()) {
            (None, None, Some("open")) => {
                outcome.source = self.detail.unwrap_or_default();
                return Ok(Line { about: About::Purse, outcome });
            }
            // Both: the bounty is meant, and the digest only describes it.
            (Some(serde_json::Value::String(id)), _, None) if !id.is_empty() => {
                About::Bounty(BountyId::new(&id), phase)
            }
            (Some(serde_json::Value::Number(id)), _, None) => About::Bounty(BountyId::new(&id.to_string()), phase),
            (Some(other), _, None) => return Err(format!("{other} is no id of a bounty")),
            (None, Some(text), None) => About::Artifact(digest(&text).map_err(|error| format!("{error:#}"))?),
            (None, None, None) => return Err("it names neither a bounty nor a sha256".to_owned()),
            (_, _, Some(_)) => return Err("of a purse it can only be told that it is open".to_owned()),
        };
        if outcome.truth.is_none() && outcome.payout.is_none() {
            return Err("it tells neither truth nor payout".to_owned());
        }
        Ok(Line { about, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, form: Source) -> Result<Vec<Line>, Vec<String>> {
        let lines = read(&mut text.as_bytes(), form, "test").unwrap();
        lines.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lines_say_about_what_and_what() {
        let lines = told(
            "{\"bounty\": 7, \"truth\": \"malicious\", \"payout\": \"1.5\", \"assertion_fee\": \"0.03125\"}\n\n\
             {\"guid\": \"a7e8818a\", \"fee\": \"0\", \"assertion_fee\": \"1\", \"phase\": \"arbitration\", \"truth\": \"benign\", \"more\": [1]}\n\
             {\"purse\": \"open\", \"detail\": \"seen\"}\n",
            Source::Ndjson,
        )
        .unwrap();
        assert_eq!(lines[0].about, About::Bounty(BountyId::new("7"), None));
        assert_eq!(lines[0].outcome.payout, Some("1.5".parse().unwrap()));
        assert_eq!(lines[0].outcome.fee, Some("0.03125".parse().unwrap()));
        assert_eq!(lines[1].about, About::Bounty(BountyId::new("a7e8818a"), Some(Phase::Arbitration)));
        assert_eq!(lines[1].outcome.fee, Some(Nct::ZERO));
        assert!(lines[1].outcome.record.contains("more"));
        assert_eq!((&lines[2].about, lines[2].outcome.source.as_str()), (&About::Purse, "seen"));
    }

    #[test]
    fn values_with_a_head_say_the_same() {
        let sha256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";
        let text = format!("Bounty,sha256,truth,payout\n7,,malicious,1.5\n,{sha256},benign,\n");
        let lines = told(&text, Source::Csv).unwrap();
        assert_eq!(lines[0].about, About::Bounty(BountyId::new("7"), None));
        assert_eq!(lines[1].about, About::Artifact(digest(sha256).unwrap()));
        assert_eq!((lines[1].outcome.truth, lines[1].outcome.payout), (Some(Truth::Benign), None));
    }

    #[test]
    fn every_line_that_means_nothing_is_told() {
        let long = format!("{{\"bounty\": \"{}\", \"truth\": \"benign\"}}\n", "7".repeat(LINE_BYTES_MAX));
        let text = format!(
            "{{\"bounty\": 7}}\nnonsense\n{{\"truth\": \"benign\"}}\n{{\"bounty\": 7, \"truth\": \"maybe\"}}\n{long}\
             {{\"bounty\": [], \"truth\": \"benign\"}}\n{{\"bounty\": 7, \"payout\": \"-1\"}}\n{{\"bounty\": 1, \"purse\": \"open\"}}\n"
        );
        let mistakes = told(&text, Source::Ndjson).unwrap_err();
        let expected = [
            "1: it tells neither truth nor payout",
            "2: it is no such JSON",
            "3: it names neither a bounty nor a sha256",
            "4: truth \"maybe\" is none of malicious, benign and none",
            "5: it has more than 1048576 bytes",
            "6: [] is no id of a bounty",
            "7: payout \"-1\" is no amount",
            "8: of a purse it can only be told that it is open",
        ];
        assert_eq!(mistakes.len(), expected.len(), "{mistakes:?}");
        for (mistake, expected) in mistakes.iter().zip(expected) {
            assert!(mistake.starts_with(expected), "{mistake}");
        }
        assert!(told("bounty,truth\n7,benign,more\n", Source::Csv).unwrap_err()[0].starts_with("2: "));
        assert_eq!(told("", Source::Csv), Ok(Vec::new()));
    }

    #[test]
    fn what_never_ends_is_not_read_for_ever() {
        for form in [Source::Csv, Source::Ndjson] {
            let error = read(&mut std::io::repeat(b'7'), form, "test").unwrap_err();
            assert!(error.to_string().contains("import it in parts"), "{error}");
        }
    }
}
