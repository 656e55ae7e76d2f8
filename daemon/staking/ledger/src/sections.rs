//! A report as tables, the same for the terminal and for the page.

use daemon_base::text::shortened;
use daemon_market::{Profit, Timestamp};

use crate::format::{NOTHING, amount, count, gain, moment, number, percent, profit, time};
use crate::{CalibrationRow, GroupTable, Grouping, Report};

/// Longest name that is shown, in characters.
const NAME_CHARS_MAX: usize = 48;

/// What a cell says beyond its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Nothing.
    Plain,
    /// It is a gain.
    Gain,
    /// It is a loss.
    Loss,
    /// It is about us.
    Ours,
}

/// A cell of a table. Text of others in it is escaped and cut: nothing in it moves a cursor or turns text around.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    /// What stands in it.
    pub text: String,
    /// What it says beyond that.
    pub tone: Tone,
}

impl Cell {
    fn plain(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), tone: Tone::Plain }
    }

    fn name(text: &str) -> Cell {
        Cell::plain(shortened(text, NAME_CHARS_MAX))
    }

    fn count(number: u64) -> Cell {
        Cell::plain(count(number))
    }

    fn profit(of: Profit) -> Cell {
        let tone = match of.base_units().signum() {
            1 => Tone::Gain,
            -1 => Tone::Loss,
            _ => Tone::Plain,
        };
        Cell { text: profit(of), tone }
    }
}

/// A heading of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// The heading.
    pub name: &'static str,
    /// Whether it holds numbers, which stand on the right.
    pub number: bool,
}

const fn text(name: &'static str) -> Column {
    Column { name, number: false }
}

const fn digits(name: &'static str) -> Column {
    Column { name, number: true }
}

/// A part of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportSection {
    /// What it is about, as an id.
    pub about: About,
    /// Its heading.
    pub title: String,
    /// What there is to say before the table.
    pub notes: Vec<String>,
    /// The table's columns.
    pub columns: Vec<Column>,
    /// The table's rows, as wide as the columns.
    pub rows: Vec<Vec<Cell>>,
}

/// What a section is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// Everything in a few lines.
    Summary,
    /// What should be looked at.
    Alarms,
    /// Sums by groups.
    Group(Grouping),
    /// Strategies compared.
    Strategies,
    /// Engines compared.
    Rivals,
    /// How right we were.
    Calibration,
    /// How right we were, by kind.
    CalibrationByKind,
    /// How long answers took, and which bounties went without.
    Latency,
}

impl Report {
    /// All sections, with at most so many rows of a table of groups or engines.
    pub fn sections(&self, rows_max: usize) -> Vec<ReportSection> {
        let mut sections = vec![self.summary()];
        sections.extend(self.by.iter().map(|table| by(table, rows_max)));
        sections.push(self.strategies_section());
        sections.push(self.rivals_section(rows_max));
        sections.push(self.calibration_section());
        sections.push(self.by_kind_section(rows_max));
        sections.push(self.latency_section());
        sections.push(self.alarms_section());
        // A section without anything says so in its notes, or is none.
        sections.retain(|section| !section.rows.is_empty() || !section.notes.is_empty());
        sections
    }

    fn summary(&self) -> ReportSection {
        let sums = &self.total.sums;
        let row = |name: &str, cell: Cell, more: String| vec![Cell::plain(name), cell, Cell::plain(more)];
        let calibration = &self.calibration.overall;
        let mut rows = vec![
            row(
                "bounties",
                Cell::count(self.misses.bounties),
                format!("{} answered, {} settled", count(self.misses.answered), count(self.settled)),
            ),
            row(
                "bets",
                Cell::count(sums.bets),
                format!("{} won, {} lost, {} open", count(sums.won), count(sums.lost), count(sums.open)),
            ),
            row("staked", Cell::plain(amount(sums.staked)), "NCT, in all".to_owned()),
            row(
                "profit",
                Cell::profit(sums.profit),
                format!("NCT, after {} NCT of fees, from {} NCT staked", amount(self.fees), amount(sums.reckoned)),
            ),
            row("return", Cell::plain(gain(self.total.return_on_stake)), "of what was staked".to_owned()),
        ];
        if sums.unknown > 0 {
            let more = format!("NCT, with a guess at {} bets whose profit nobody told", count(sums.unknown));
            rows.push(row("estimated", Cell::profit(sums.estimated), more));
        }
        rows.push(row(
            "asserted",
            Cell::plain(percent(self.coverage.asserted)),
            format!("of bounties; unknown is {} of answers", percent(self.coverage.unknown)),
        ));
        if calibration.count > 0 {
            let right = calibration.right as f64 / calibration.count as f64;
            rows.push(row(
                "right",
                Cell::plain(percent(Some(right))),
                format!(
                    "of {} answers whose truth is known; Brier {}",
                    count(calibration.count),
                    number(calibration.brier)
                ),
            ));
        }
        rows.push(row(
            "answered in",
            Cell::plain(time(self.latency.p50_us)),
            format!("in half of all cases, {} in 99 of 100", time(self.latency.p99_us)),
        ));
        let span = self.first.zip(self.last).map(|(first, last)| {
            let at = |micros| moment(Timestamp::from_micros(micros));
            format!("bounties from {} to {} UTC", at(first), at(last))
        });
        let notes = span.into_iter().chain(self.missing.iter().cloned()).collect();
        ReportSection {
            about: About::Summary,
            title: "Summary".to_owned(),
            notes,
            columns: vec![text(""), digits(""), text("")],
            rows,
        }
    }

    fn strategies_section(&self) -> ReportSection {
        let table = &self.strategies;
        let rows = if table.compared == 0 { &[][..] } else { &table.rows[..] };
        let ours = rows.first().map(|row| row.profit);
        let row = |row: &crate::StrategyRow| {
            let ahead = ours.and_then(|ours| row.profit.checked_sub(ours)).unwrap_or_default();
            let mut name = Cell::name(&row.name);
            if row.name == crate::AS_STAKED {
                name.tone = Tone::Ours;
            }
            vec![
                name,
                Cell::count(row.bets),
                Cell::count(row.gained),
                Cell::plain(amount(row.staked)),
                Cell::profit(row.profit),
                Cell::plain(gain(row.return_on_stake)),
                Cell::profit(ahead),
            ]
        };
        let note = match (table.compared, table.not_compared) {
            (0, 0) => Vec::new(),
            (0, not) => vec![format!(
                "None of {} settled bets and abstentions tells enough to be settled again: that takes the contract, the reward, the \
                 fee, all assertions and the votes.",
                count(not)
            )],
            (compared, not) => vec![format!(
                "{} of {} settled bets and abstentions, each settled again by its contract with what the strategy would have staked, \
                 all others and our purse as they were.",
                count(compared),
                count(compared + not)
            )],
        };
        ReportSection {
            about: About::Strategies,
            title: "Strategies compared".to_owned(),
            notes: note,
            columns: vec![
                text("strategy"),
                digits("bets"),
                digits("gained"),
                digits("staked"),
                digits("profit"),
                digits("return"),
                digits("against ours"),
            ],
            rows: rows.iter().map(row).collect(),
        }
    }

    fn rivals_section(&self, rows_max: usize) -> ReportSection {
        let engines = &self.rivals.engines;
        let shown = |(at, row): &(usize, &crate::RivalRow)| *at < rows_max || row.ours;
        let row = |(at, row): (usize, &crate::RivalRow)| {
            let judged = row.right + row.wrong;
            let right = (judged > 0).then(|| row.right as f64 / judged as f64);
            let name = Cell::name(&row.engine);
            vec![
                Cell::count(at as u64 + 1),
                if row.ours { Cell { text: format!("{} (us)", name.text), tone: Tone::Ours } } else { name },
                Cell::count(row.assertions),
                Cell::plain(percent(right)),
                Cell::plain(amount(row.staked)),
                Cell::profit(row.profit),
                Cell::plain(gain(row.return_on_stake)),
                Cell::count(row.unknown),
            ]
        };
        let mut notes = Vec::new();
        if self.rivals.bounties > 0 {
            notes.push(format!(
                "On {} bounties whose assertions are known; profit is what was paid out less stake and fee.",
                count(self.rivals.bounties)
            ));
        }
        notes.extend(more(engines.len(), rows_max));
        ReportSection {
            about: About::Rivals,
            title: "Against other engines".to_owned(),
            notes,
            columns: vec![
                digits("rank"),
                text("engine"),
                digits("assertions"),
                digits("right"),
                digits("staked"),
                digits("profit"),
                digits("return"),
                digits("unknown"),
            ],
            rows: engines.iter().enumerate().filter(shown).map(row).collect(),
        }
    }

    fn calibration_section(&self) -> ReportSection {
        let overall = &self.calibration.overall;
        let row = |bin: &crate::BinRow| {
            vec![
                Cell::plain(format!("{:.1} to {:.1}", bin.from, bin.to)),
                Cell::count(bin.count),
                Cell::plain(percent(bin.mean_q)),
                Cell::plain(percent(bin.share_right)),
                Cell::plain(gain(bin.share_right.zip(bin.mean_q).map(|(right, q)| right - q))),
            ]
        };
        let notes = (overall.count > 0).then(|| {
            format!(
                "{} answers whose truth is known: Brier {}, log-loss {}, expected calibration error {}.",
                count(overall.count),
                number(overall.brier),
                number(overall.log_loss),
                number(overall.ece)
            )
        });
        ReportSection {
            about: About::Calibration,
            title: "Calibration".to_owned(),
            notes: notes.into_iter().collect(),
            columns: vec![text("confidence"), digits("answers"), digits("said"), digits("right"), digits("off by")],
            rows: overall.bins.iter().filter(|bin| bin.count > 0).map(row).collect(),
        }
    }

    fn by_kind_section(&self, rows_max: usize) -> ReportSection {
        let mut kinds: Vec<(&str, &CalibrationRow)> =
            self.calibration.by_kind.iter().map(|of| (of.kind.as_str(), &of.row)).collect();
        kinds.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
        let row = |(kind, row): &(&str, &CalibrationRow)| {
            vec![
                Cell::name(kind),
                Cell::count(row.count),
                Cell::plain(percent((row.count > 0).then(|| row.right as f64 / row.count as f64))),
                Cell::plain(number(row.brier)),
                Cell::plain(number(row.log_loss)),
                Cell::plain(number(row.ece)),
            ]
        };
        ReportSection {
            about: About::CalibrationByKind,
            title: "Calibration by kind".to_owned(),
            notes: more(kinds.len(), rows_max).into_iter().collect(),
            columns: vec![
                text("kind"),
                digits("answers"),
                digits("right"),
                digits("Brier"),
                digits("log-loss"),
                digits("cal. error"),
            ],
            rows: kinds.iter().take(rows_max).map(row).collect(),
        }
    }

    fn latency_section(&self) -> ReportSection {
        let (latency, misses) = (&self.latency, &self.misses);
        let row = |name: &str, value: String| vec![Cell::plain(name), Cell::plain(value)];
        ReportSection {
            about: About::Latency,
            title: "Latency and misses".to_owned(),
            notes: Vec::new(),
            columns: vec![text(""), digits("")],
            rows: vec![
                row("half of all answers within", time(latency.p50_us)),
                row("90 of 100 within", time(latency.p90_us)),
                row("99 of 100 within", time(latency.p99_us)),
                row("the slowest", time(latency.max_us)),
                row("sent", count(misses.sent)),
                row("refused", count(misses.refused)),
                row("expired", count(misses.expired)),
                row("kept back (dry run)", count(misses.withheld)),
                row("not ended", count(misses.pending)),
                row("decided too late", count(misses.late)),
                row("asked for a vote", count(misses.votes)),
                row("asserted with a stake", percent(self.coverage.asserted)),
                row("answered unknown", percent(self.coverage.unknown)),
            ],
        }
    }

    fn alarms_section(&self) -> ReportSection {
        let row = |alarm: &crate::Alarm| {
            vec![
                Cell { text: alarm.id.name().to_owned(), tone: Tone::Loss },
                Cell::plain(moment(alarm.since)),
                Cell::plain(shortened(&alarm.message, 1_000)),
            ]
        };
        let none = self.alarms.is_empty().then(|| "None is on.".to_owned());
        ReportSection {
            about: About::Alarms,
            title: "Alarms".to_owned(),
            notes: none.into_iter().collect(),
            columns: vec![text("alarm"), text("since (UTC)"), text("what to do")],
            rows: self.alarms.iter().map(row).collect(),
        }
    }
}

/// That there are more rows than are shown.
fn more(rows: usize, rows_max: usize) -> Option<String> {
    (rows > rows_max)
        .then(|| format!("The first {} of {}; --json has all.", count(rows_max as u64), count(rows as u64)))
}

/// Groups: days in their order, the latest of them; all others by how many bets there were.
fn by(table: &GroupTable, rows_max: usize) -> ReportSection {
    let mut groups: Vec<&crate::GroupRow> = table.groups.iter().collect();
    let over = groups.len().saturating_sub(rows_max);
    let (title, first) = match table.by {
        Grouping::Day => ("By day", "day (UTC)"),
        Grouping::Kind => ("By kind", "kind"),
        Grouping::Verdict => ("By verdict", "verdict"),
        Grouping::Strategy => ("By strategy", "strategy"),
        Grouping::Family => ("By malware family", "family"),
        Grouping::Rule => ("By rule", "rule"),
        Grouping::Indicator => ("By indicator", "indicator"),
    };
    let mut notes = Vec::new();
    if table.by == Grouping::Day {
        groups.drain(..over);
        notes.extend((over > 0).then(|| format!("The last {rows_max} days; --json has all.")));
    } else {
        groups.sort_by_key(|group| std::cmp::Reverse((group.sums.bets, group.sums.bounties)));
        notes.extend(more(groups.len(), rows_max));
        groups.truncate(rows_max);
    }
    if !table.by.parts() && !table.groups.is_empty() {
        notes.push("A bounty is counted with each of these that was seen in it.".to_owned());
    }
    // A column that holds nothing but what another one has is none.
    let guessed = groups.iter().any(|group| group.sums.unknown > 0);
    let row = |group: &&crate::GroupRow| {
        let sums = &group.sums;
        let mut row = vec![
            Cell::name(&group.name),
            Cell::count(sums.bounties),
            Cell::count(sums.bets),
            Cell::count(sums.won),
            Cell::count(sums.lost),
            Cell::plain(amount(sums.staked)),
            Cell::profit(sums.profit),
            Cell::plain(gain(group.return_on_stake)),
        ];
        if guessed {
            row.push(if sums.unknown > 0 { Cell::count(sums.unknown) } else { Cell::plain(NOTHING) });
            row.push(Cell::plain(profit(sums.estimated)));
        }
        row
    };
    let mut columns = vec![
        text(first),
        digits("bounties"),
        digits("bets"),
        digits("won"),
        digits("lost"),
        digits("staked"),
        digits("profit"),
        digits("return"),
    ];
    if guessed {
        columns.extend([digits("unknown"), digits("estimated")]);
    }
    ReportSection {
        about: About::Group(table.by),
        title: title.to_owned(),
        notes,
        columns,
        rows: groups.iter().map(row).collect(),
    }
}
