//! Arguments of `report`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use daemon_ledger::Grouping;
use daemon_market::Timestamp;

use super::ArchivePlace;

/// Arguments of `report`.
#[derive(Args, Debug)]
#[command(
    after_help = "Profit includes all fees and is exact; what nobody told is counted apart. Reads while a daemon \
writes. DATE is 2026-11-23 or 2026-11-23T14:30:00Z, in UTC; AGO is so long before now: 90m, 36h, 7d, 4w.

Examples:
  stakeout report --since 7d
  stakeout report --by strategy --by rule --since 2026-11-01 --until 2026-11-30
  stakeout report --html report.html --json > report.json"
)]
pub struct ReportArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Only bounties that came then or later.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_when)]
    pub since: Option<When>,
    /// Only bounties that came before; where it is a day, that day included.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_when)]
    pub until: Option<When>,
    /// Group bounties by this. May be repeated. Default: by day, kind and verdict; on the page, by everything.
    #[arg(long = "by", value_name = "WHAT", value_enum)]
    pub by: Vec<By>,
    /// Print one JSON document (see docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Write a page with charts to FILE, too. A browser shows it as it is: it loads nothing.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// By what bounties are grouped, as the command line has it.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The day on which they came, in UTC.
    Day,
    /// What their artifact is, by triage.
    Kind,
    /// What was said.
    Verdict,
    /// Which strategy decided the stake.
    Strategy,
    /// The malware family.
    Family,
    /// Each YARA rule that hit.
    Rule,
    /// Each indicator that was seen.
    Indicator,
}

impl From<By> for Grouping {
    fn from(by: By) -> Grouping {
        match by {
            By::Day => Grouping::Day,
            By::Kind => Grouping::Kind,
            By::Verdict => Grouping::Verdict,
            By::Strategy => Grouping::Strategy,
            By::Family => Grouping::Family,
            By::Rule => Grouping::Rule,
            By::Indicator => Grouping::Indicator,
        }
    }
}

/// A moment, as one says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// That moment.
    At(Timestamp),
    /// That day in UTC, which begins then.
    Day(Timestamp),
    /// So long before now.
    Ago(Duration),
}

/// How long a day is.
const DAY: Duration = Duration::from_secs(86_400);

impl When {
    /// The moment from which it is later.
    pub fn begin(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(at) | When::Day(at) => at,
            When::Ago(ago) => {
                let ago = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.micros().saturating_sub(ago))
            }
        }
    }

    /// The moment until which it lasts: of a day, its end.
    pub fn end(self, now: Timestamp) -> Timestamp {
        match self {
            When::Day(at) => at + DAY,
            When::At(_) | When::Ago(_) => self.begin(now),
        }
    }
}

/// Reads a moment: `2026-11-23`, `2026-11-23T14:30:00Z`, `7d`.
pub fn parse_when(text: &str) -> Result<When, String> {
    let timestamp = |at: jiff::Timestamp| Timestamp::from_micros(at.as_microsecond());
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(When::At(timestamp(at)));
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>()
        && let Ok(at) = jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0))
        && text.len() == "2026-11-23".len()
    {
        return Ok(When::Day(timestamp(at)));
    }
    let units = [('m', 60), ('h', 3_600), ('d', 86_400), ('w', 7 * 86_400)];
    let ago = units.into_iter().find_map(|(unit, seconds)| {
        let number = text.strip_suffix(unit).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
        number.parse::<u64>().ok()?.checked_mul(seconds)
    });
    ago.map(|seconds| When::Ago(Duration::from_secs(seconds))).ok_or_else(|| {
        format!(
            "`{text}` is no moment: give a date (2026-11-23 or 2026-11-23T14:30:00Z), or how long ago (90m, 36h, 7d)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let now = Timestamp::from_micros(1_795_000_000_000_000);
        let day = 1_795_392_000_000_000;
        for (text, begin, end) in [
            ("2026-11-23", day, day + 86_400_000_000),
            ("2026-11-23T00:00:01Z", day + 1_000_000, day + 1_000_000),
            ("90m", 1_794_994_600_000_000, 1_794_994_600_000_000),
            ("2w", 1_793_790_400_000_000, 1_793_790_400_000_000),
        ] {
            let when = parse_when(text).unwrap();
            assert_eq!((when.begin(now).micros(), when.end(now).micros()), (begin, end), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["", "d", "-1d", "1y", "2026-13-01", "yesterday", "99999999999999999999d", "18446744073709551615w"]
        {
            assert!(parse_when(text).is_err(), "{text}");
        }
    }
}
