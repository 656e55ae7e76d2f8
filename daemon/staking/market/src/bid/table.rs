//! The user's own table: how much to bid, by kind, verdict and conviction.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::{Abstention, BidRequest, BidStrategy, Outside, StrategyError};
use crate::{Nct, Verdict};

/// A word that fits anything.
const ANY: &str = "*";

/// One row of the table: how much to bid on artifacts of a kind, with a verdict, at a conviction. Written `KIND VERDICT
/// CONVICTION FRACTION`, like `pe* malicious 0.8 0.5`.
#[derive(Clone, PartialEq, Debug)]
pub struct TableRow {
    /// The artifact's kind by triage. A `*` at the end matches every kind that starts so; `*` alone matches any.
    pub kind: String,
    /// The verdict, malicious or benign. `None`, written `*`, is either.
    pub verdict: Option<Verdict>,
    /// The conviction, 0.0 to 1.0.
    pub conviction: f64,
    /// The bid, as a fraction of the way from the smallest to the largest that is allowed, 0.0 to 1.0.
    pub fraction: f64,
}

/// Why a text is not a row of the table.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseTableRowError {
    /// The text does not have four words.
    #[error("`{0}` is not a row: write KIND VERDICT CONVICTION FRACTION, like `pe* malicious 0.8 0.5`")]
    Form(String),
    /// A `*` that is not at the end.
    #[error("`{0}` is not a kind: a `*` may only be at the end")]
    Kind(String),
    /// The verdict is never bid on.
    #[error("`{0}` is not a verdict to bid on: use malicious, benign or *")]
    Verdict(String),
    /// The number is not from 0 to 1.
    #[error("`{0}` is not a number from 0 to 1")]
    Share(String),
}

impl FromStr for TableRow {
    type Err = ParseTableRowError;

    fn from_str(text: &str) -> Result<Self, ParseTableRowError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [kind, verdict, conviction, fraction] = words[..] else {
            return Err(ParseTableRowError::Form(text.to_owned()));
        };
        if kind.trim_end_matches('*').contains('*') || kind.ends_with("**") {
            return Err(ParseTableRowError::Kind(kind.to_owned()));
        }
        let share = |text: &str| super::share(text).ok_or_else(|| ParseTableRowError::Share(text.to_owned()));
        Ok(TableRow {
            kind: kind.to_owned(),
            verdict: match verdict {
                "malicious" => Some(Verdict::Malicious),
                "benign" => Some(Verdict::Benign),
                ANY => None,
                other => return Err(ParseTableRowError::Verdict(other.to_owned())),
            },
            conviction: share(conviction)?,
            fraction: share(fraction)?,
        })
    }
}

impl fmt::Display for TableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TableRow { kind, verdict, conviction, fraction } = self;
        write!(f, "{kind} {} {conviction} {fraction}", verdict.map_or(ANY, Verdict::name))
    }
}

/// All rows of one kind and one verdict.
#[derive(Clone, PartialEq, Debug)]
struct RowGroup {
    kind: String,
    verdict: Option<Verdict>,
    /// Conviction and fraction; convictions rise.
    points: Vec<(f64, f64)>,
}

impl RowGroup {
    fn fits(&self, request: &BidRequest<'_>) -> bool {
        let kind = match self.kind.strip_suffix('*') {
            Some(beginning) => request.kind.starts_with(beginning),
            None => request.kind == self.kind,
        };
        kind && self.verdict.is_none_or(|verdict| verdict == request.verdict)
    }

    /// The more specific group first: a whole kind before a beginning, a longer beginning before a shorter one, and of
    /// the same kind, one verdict before any.
    fn specific_first(&self, other: &RowGroup) -> Ordering {
        let key = |group: &RowGroup| (!group.kind.ends_with('*'), group.kind.len(), group.verdict.is_some());
        key(other).cmp(&key(self))
    }
}

/// The user's own table.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct BidTable {
    /// The most specific first.
    groups: Vec<RowGroup>,
}

impl BidTable {
    /// The table of these rows, in whatever order. All mistakes are told.
    pub(super) fn new(rows: &[TableRow]) -> Result<Self, StrategyError> {
        if rows.is_empty() {
            return Err(StrategyError::Table("it has no rows".to_owned()));
        }
        let mut mistakes = Vec::new();
        let mut groups: Vec<RowGroup> = Vec::new();
        for row in rows {
            // Rows can be made without being read.
            if let Err(error) = row.to_string().parse::<TableRow>() {
                mistakes.push(error.to_string());
                continue;
            }
            let same = |group: &&mut RowGroup| group.kind == row.kind && group.verdict == row.verdict;
            let group = match groups.iter_mut().find(same) {
                Some(group) => group,
                None => {
                    groups.push(RowGroup { kind: row.kind.clone(), verdict: row.verdict, points: Vec::new() });
                    groups.last_mut().expect("it was pushed")
                }
            };
            match group.points.binary_search_by(|(conviction, _)| conviction.total_cmp(&row.conviction)) {
                Ok(_) => mistakes.push(format!("`{row}` is the second row at that conviction")),
                Err(at) => group.points.insert(at, (row.conviction, row.fraction)),
            }
        }
        if !mistakes.is_empty() {
            return Err(StrategyError::Table(mistakes.join("; ")));
        }
        groups.sort_by(RowGroup::specific_first);
        Ok(BidTable { groups })
    }
}

impl BidStrategy for BidTable {
    fn name(&self) -> &str {
        "table"
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        request.admit()?;
        let Some(group) = self.groups.iter().find(|group| group.fits(request)) else {
            let (kind, verdict) = (request.kind, request.verdict.name());
            return Err(Abstention::new(format!("the table has no row for {kind} that is {verdict}")));
        };
        let conviction = request.conviction.get();
        match super::along(group.points.iter().copied(), conviction) {
            Ok(fraction) | Err(Outside::Above(fraction)) => Ok(request.bounds.at(fraction)),
            Err(Outside::Below(_)) => Err(Abstention::new(format!(
                "a conviction of {conviction} is below the rows for {} {} of the table",
                group.kind,
                group.verdict.map_or(ANY, Verdict::name)
            ))),
        }
    }
}
