//! Lines that say how bounties were settled: one JSON object a line, or CSV with a header.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use daemon_base::Sha256Digest;
use daemon_market::{BountyId, Correction, Nct, Phase, SettlementNotice, Truth};
use serde::Deserialize;

/// Largest amount: about 1,886 million NCT were ever made, and no more can be.
pub const AMOUNT_MAX: Nct = Nct::from_base_units(2_000_000_000 * 10u128.pow(18));
/// Longest line, in bytes: enough for a bounty with thousands of assertions.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Largest file, in bytes: about a hundred thousand bounties with full records. The file is held in memory.
pub const BYTES_MAX: u64 = 256 << 20;
/// Most mistakes that are reported.
const MISTAKES_MAX: usize = 20;
/// Longest reason of a correction, in bytes.
pub const REASON_BYTES_MAX: usize = 1_000;

/// The format of the lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettlementFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values; the first line names the columns.
    Csv,
}

/// One line: a settlement, and what it is about.
#[derive(Clone, PartialEq, Debug)]
pub struct SettlementLine {
    /// The bounty, artifact or purse that the line is about.
    pub about: About,
    /// The settlement.
    pub outcome: SettlementNotice,
    /// The correction of an earlier settlement, if the line is one.
    pub correction: Option<Change>,
}

/// A correction of some values of a settlement. `None` leaves a value as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// The right truth, or that it is unknown.
    pub truth: Option<Option<Truth>>,
    /// The right payout, or that it is unknown.
    pub payout: Option<Option<Nct>>,
    /// The right fee of the assertion, or that it is unknown.
    pub fee: Option<Option<Nct>>,
    /// The reason for the correction.
    pub reason: String,
}

impl Change {
    /// The full correction, with the values of `known` that are not changed.
    pub fn of(&self, known: &SettlementNotice) -> Correction {
        Correction {
            truth: self.truth.unwrap_or(known.truth),
            payout: self.payout.unwrap_or(known.payout),
            fee: self.fee.unwrap_or(known.fee),
            reason: self.reason.clone(),
        }
    }
}

/// What a line is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum About {
    /// A bounty. Without a phase it is about our assertion.
    Bounty(BountyId, Option<Phase>),
    /// Every bounty about the artifact with this SHA-256.
    Artifact([u8; 32]),
    /// The purse, which a person opens. The settlement's `source` says who, or why.
    Purse,
}

impl SettlementLine {
    /// The line as JSON, for an inbox.
    pub fn to_json(&self) -> String {
        match self.about {
            About::Bounty(..) | About::Artifact(_) => self.outcome.record.clone(),
            About::Purse => serde_json::json!({ "purse": "open", "detail": self.outcome.source }).to_string(),
        }
    }
}

/// A line that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineError {
    /// The line's number, from 1.
    pub line: u64,
    /// What is wrong with the line.
    pub why: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.why)
    }
}

/// A line as it is written. Further fields are kept as text and not read here.
#[derive(Deserialize)]
struct WrittenLine {
    bounty: Option<serde_json::Value>,
    /// The bounty, as the marketplace's newer and older dialects call it.
    id: Option<serde_json::Value>,
    guid: Option<serde_json::Value>,
    phase: Option<String>,
    sha256: Option<String>,
    truth: Option<String>,
    payout: Option<String>,
    fee: Option<String>,
    /// The fee of every assertion; used for ours if `fee` is missing.
    assertion_fee: Option<String>,
    /// Only in an inbox.
    purse: Option<String>,
    detail: Option<String>,
    /// The same: it is a person who corrects, by `stakeout outcomes correct`.
    correction_reason: Option<String>,
}

/// Reads every line of `from`. `source` names it in the records.
///
/// # Errors
///
/// Every line that cannot be read (at most 20), if there is one: a file is imported whole or not at all, because half
/// of it would show a profit that is not there.
pub fn read(
    from: &mut dyn Read,
    form: SettlementFormat,
    source: &str,
) -> std::io::Result<Result<Vec<SettlementLine>, Vec<LineError>>> {
    let from = &mut BufReader::new(BoundedReader { from, left: BYTES_MAX });
    let (mut lines, mut mistakes) = (Vec::new(), Vec::new());
    let mut take = |line: u64, read: Result<SettlementLine, String>| match read {
        Ok(read) => lines.push(read),
        Err(why) if mistakes.len() < MISTAKES_MAX => mistakes.push(LineError { line, why }),
        Err(_) => {}
    };
    match form {
        SettlementFormat::Ndjson => {
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
        SettlementFormat::Csv => {
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

/// A reader with a limit: more bytes than that are an error, not half a file.
struct BoundedReader<'r> {
    from: &'r mut dyn Read,
    left: u64,
}

impl Read for BoundedReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(into)?;
        let too_much = || std::io::Error::other(format!("it has more than {BYTES_MAX} bytes: import it in parts"));
        self.left = self.left.checked_sub(read as u64).ok_or_else(too_much)?;
        Ok(read)
    }
}

/// The next line without its end, or what is wrong with it: not UTF-8, or too long.
fn next_line(from: &mut dyn BufRead) -> std::io::Result<Option<Result<String, String>>> {
    let mut bytes = Vec::new();
    let read = (&mut *from).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    if read > LINE_BYTES_MAX {
        // Skip the rest of the line.
        while !bytes.ends_with(b"\n") {
            bytes.clear();
            if (&mut *from).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
        }
        return Ok(Some(Err(format!("it has more than {LINE_BYTES_MAX} bytes"))));
    }
    Ok(Some(String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())))
}

fn json(text: &str, source: &str) -> Result<SettlementLine, String> {
    let written: WrittenLine = serde_json::from_str(text).map_err(|error| format!("it is no such JSON: {error}"))?;
    written.line(source, text)
}

fn comma_separated(head: &csv::StringRecord, row: &csv::StringRecord, source: &str) -> Result<SettlementLine, String> {
    let mut fields = serde_json::Map::new();
    for (name, value) in head.iter().zip(row) {
        if !value.is_empty() {
            fields.insert(name.to_ascii_lowercase(), value.into());
        }
    }
    let text = serde_json::Value::Object(fields).to_string();
    json(&text, source)
}

/// Reads an amount.
fn amount(name: &str, text: &str) -> Result<Nct, String> {
    let amount: Nct = text.parse().map_err(|why| format!("{name} {text:?} is no amount: {why}"))?;
    if amount > AMOUNT_MAX {
        return Err(format!(
            "{name} {text:?} is more NCT than there are: amounts are in NCT, not in its base units of 10^-18"
        ));
    }
    Ok(amount)
}

fn truth(name: &str) -> Result<Option<Truth>, String> {
    match name {
        "none" | "unknown" => Ok(None),
        name => match Truth::named(name) {
            Some(truth) => Ok(Some(truth)),
            None => Err(format!("truth {name:?} is not malicious, benign or none")),
        },
    }
}

impl WrittenLine {
    fn line(self, source: &str, text: &str) -> Result<SettlementLine, String> {
        if let Some(reason) = self.correction_reason.clone() {
            return self.correction(reason, source, text);
        }
        let read = |name: &str, text: Option<String>| text.map(|text| amount(name, &text)).transpose();
        let mut outcome = SettlementNotice {
            truth: self.truth.as_deref().map(truth).transpose()?.flatten(),
            payout: read("payout", self.payout)?,
            fee: read("fee", self.fee)?.or(read("assertion_fee", self.assertion_fee)?),
            source: source.to_owned(),
            record: text.to_owned(),
        };
        let phase = phase(self.phase.as_deref())?;
        let about = match (self.bounty.or(self.id).or(self.guid), self.sha256, self.purse.as_deref()) {
            (None, None, Some("open")) => {
                outcome.source = self.detail.unwrap_or_default();
                return Ok(SettlementLine { about: About::Purse, outcome, correction: None });
            }
            // With both, the line is about the bounty, and the digest only describes it.
            (Some(id), _, None) => About::Bounty(bounty_id(&id)?, phase),
            (None, Some(text), None) => About::Artifact(artifact(&text)?),
            (None, None, None) => return Err("it names neither a bounty nor a sha256".to_owned()),
            (_, _, Some(_)) => return Err("`purse` can only be `open`".to_owned()),
        };
        if outcome.truth.is_none() && outcome.payout.is_none() {
            return Err("it has neither truth nor payout".to_owned());
        }
        Ok(SettlementLine { about, outcome, correction: None })
    }

    fn correction(self, reason: String, source: &str, text: &str) -> Result<SettlementLine, String> {
        let read = |name: &str, text: Option<String>| match text.as_deref() {
            None => Ok(None),
            Some("none") => Ok(Some(None)),
            Some(text) => amount(name, text).map(|amount| Some(Some(amount))),
        };
        let reason = reason.trim().to_owned();
        if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
            return Err(format!("a correction needs a reason of 1 to {REASON_BYTES_MAX} bytes"));
        }
        let Some(id) = self.bounty else { return Err("a correction needs a bounty".to_owned()) };
        let about = About::Bounty(bounty_id(&id)?, phase(self.phase.as_deref())?);
        let change = Change {
            truth: self.truth.as_deref().map(truth).transpose()?,
            payout: read("payout", self.payout)?,
            fee: read("fee", self.fee)?,
            reason,
        };
        if change.truth.is_none() && change.payout.is_none() && change.fee.is_none() {
            return Err("a correction needs a truth, payout or fee".to_owned());
        }
        let outcome =
            SettlementNotice { source: source.to_owned(), record: text.to_owned(), ..SettlementNotice::default() };
        Ok(SettlementLine { about, outcome, correction: Some(change) })
    }
}

fn phase(name: Option<&str>) -> Result<Option<Phase>, String> {
    let read = |name: &str| Phase::named(name).ok_or_else(|| format!("there is no phase {name:?}"));
    name.map(read).transpose()
}

fn bounty_id(id: &serde_json::Value) -> Result<BountyId, String> {
    match id {
        serde_json::Value::String(id) if !id.is_empty() => Ok(BountyId::new(id)),
        serde_json::Value::Number(id) => Ok(BountyId::new(&id.to_string())),
        other => Err(format!("{other} is no id of a bounty")),
    }
}

/// The digest that names an artifact.
fn artifact(text: &str) -> Result<[u8; 32], String> {
    text.parse().map(|Sha256Digest(digest)| digest).map_err(|error| format!("{text:?}: {error}"))
}
