//! A report as sections, the same for the terminal and for the page.

use daemon_base::text::shortened;
use daemon_ledger::{
    AS_STAKED, Alarm, BinRow, CalibrationRow, GroupRow, GroupTable, Grouping, LedgerReport, RivalRow, StrategyRow,
};
use daemon_market::Timestamp;

use crate::format::{NOTHING, amount, count, gain, moment, number, percent, profit, time};
use crate::shadow;
use crate::table::{About, Cell, ReportSection, Tone, digits, text};

/// Every section of a report. Tables of groups, kinds and engines have at most `rows_max` rows.
pub fn sections(report: &LedgerReport, rows_max: usize) -> Vec<ReportSection> {
    let mut sections = vec![summary(report)];
    sections.extend(report.by.iter().map(|table| by(table, rows_max)));
    sections.push(strategies(report));
    sections.push(rivals(report, rows_max));
    sections.extend(shadow::sections(report));
    sections.push(calibration(report));
    sections.push(by_kind(report, rows_max));
    sections.push(latency(report));
    sections.push(alarms(report));
    // A section without anything says so in its notes, or is none.
    sections.retain(|section| !section.rows.is_empty() || !section.notes.is_empty());
    sections
}

fn summary(report: &LedgerReport) -> ReportSection {
    let sums = &report.total.sums;
    let row = |name: &str, cell: Cell, more: String| vec![Cell::plain(name), cell, Cell::plain(more)];
    let calibration = &report.calibration.overall;
    let mut rows = vec![
        row(
            "bounties",
            Cell::count(report.misses.bounties),
            format!("{} answered, {} settled", count(report.misses.answered), count(report.settled)),
        ),
        row(
            "bets",
            Cell::count(sums.bets),
            format!("{} won, {} lost, {} open", count(sums.won), count(sums.lost), count(sums.open)),
        ),
        row("staked", Cell::plain(amount(sums.staked)), "NCT in total".to_owned()),
        row(
            "profit",
            Cell::profit(sums.profit),
            format!("NCT after {} NCT of fees, from {} NCT staked", amount(report.fees), amount(sums.reckoned)),
        ),
        row("return", Cell::plain(gain(report.total.return_on_stake)), "of the stakes".to_owned()),
    ];
    if sums.unknown > 0 {
        let more = format!("NCT, with an estimate for {} bets of unknown profit", count(sums.unknown));
        rows.push(row("estimated", Cell::profit(sums.estimated), more));
    }
    rows.push(row(
        "asserted",
        Cell::plain(percent(report.coverage.asserted)),
        format!("of bounties have a stake; {} of answers are unknown", percent(report.coverage.unknown)),
    ));
    if calibration.count > 0 {
        let right = calibration.right as f64 / calibration.count as f64;
        rows.push(row(
            "right",
            Cell::plain(percent(Some(right))),
            format!(
                "of {} answers with a known ground truth; Brier score {}",
                count(calibration.count),
                number(calibration.brier)
            ),
        ));
    }
    rows.push(row(
        "latency",
        Cell::plain(time(report.latency.p50_us)),
        format!("median; 99th percentile {}", time(report.latency.p99_us)),
    ));
    let span = report.first.zip(report.last).map(|(first, last)| {
        let at = |micros| moment(Timestamp::from_micros(micros));
        format!("bounties from {} to {} UTC", at(first), at(last))
    });
    let notes = span.into_iter().chain(report.missing.iter().cloned()).collect();
    ReportSection {
        about: About::Summary,
        title: "Summary".to_owned(),
        notes,
        columns: vec![text(""), digits(""), text("")],
        rows,
    }
}

fn strategies(report: &LedgerReport) -> ReportSection {
    let table = &report.strategies;
    let rows = if table.compared == 0 { &[][..] } else { &table.rows[..] };
    let ours = rows.first().map(|row| row.profit);
    let row = |row: &StrategyRow| {
        let ahead = ours.and_then(|ours| row.profit.checked_sub(ours)).unwrap_or_default();
        let mut name = Cell::name(&row.name);
        if row.name == AS_STAKED {
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
            "None of {} settled bets and abstentions has the details to be settled again: the contract, the reward, the fee, all \
             assertions and the votes.",
            count(not)
        )],
        (compared, not) => vec![format!(
            "{} of {} settled bets and abstentions, each settled again by its contract with the stake of the strategy. All other \
             stakes and the purse are as recorded.",
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
            digits("vs. ours"),
        ],
        rows: rows.iter().map(row).collect(),
    }
}

fn rivals(report: &LedgerReport, rows_max: usize) -> ReportSection {
    let engines = &report.rivals.engines;
    let shown = |(at, row): &(usize, &RivalRow)| *at < rows_max || row.ours;
    let row = |(at, row): (usize, &RivalRow)| {
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
    if report.rivals.bounties > 0 {
        notes.push(format!(
            "On {} bounties with known assertions. Profit is payout minus stake and fee.",
            count(report.rivals.bounties)
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

fn calibration(report: &LedgerReport) -> ReportSection {
    let overall = &report.calibration.overall;
    let row = |bin: &BinRow| {
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
            "{} answers with a known ground truth: Brier score {}, log loss {}, expected calibration error {}.",
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
        columns: vec![text("confidence"), digits("answers"), digits("mean conf."), digits("right"), digits("error")],
        rows: overall.bins.iter().filter(|bin| bin.count > 0).map(row).collect(),
    }
}

fn by_kind(report: &LedgerReport, rows_max: usize) -> ReportSection {
    let mut kinds: Vec<(&str, &CalibrationRow)> =
        report.calibration.by_kind.iter().map(|of| (of.kind.as_str(), &of.row)).collect();
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
            digits("log loss"),
            digits("cal. error"),
        ],
        rows: kinds.iter().take(rows_max).map(row).collect(),
    }
}

fn latency(report: &LedgerReport) -> ReportSection {
    let (latency, misses) = (&report.latency, &report.misses);
    let row = |name: &str, value: String| vec![Cell::plain(name), Cell::plain(value)];
    ReportSection {
        about: About::Latency,
        title: "Latency and misses".to_owned(),
        notes: Vec::new(),
        columns: vec![text(""), digits("")],
        rows: vec![
            row("median latency", time(latency.p50_us)),
            row("90th percentile", time(latency.p90_us)),
            row("99th percentile", time(latency.p99_us)),
            row("maximum", time(latency.max_us)),
            row("sent", count(misses.sent)),
            row("refused", count(misses.refused)),
            row("expired", count(misses.expired)),
            row("withheld (dry run)", count(misses.withheld)),
            row("open", count(misses.pending)),
            row("decided too late", count(misses.late)),
            row("votes requested", count(misses.votes)),
            row("asserted with a stake", percent(report.coverage.asserted)),
            row("answered unknown", percent(report.coverage.unknown)),
        ],
    }
}

fn alarms(report: &LedgerReport) -> ReportSection {
    let row = |alarm: &Alarm| {
        vec![
            Cell { text: alarm.id.name().to_owned(), tone: Tone::Loss },
            Cell::plain(moment(alarm.since)),
            Cell::plain(shortened(&alarm.message, 1_000)),
        ]
    };
    let none = report.alarms.is_empty().then(|| "No alarm is raised.".to_owned());
    ReportSection {
        about: About::Alarms,
        title: "Alarms".to_owned(),
        notes: none.into_iter().collect(),
        columns: vec![text("alarm"), text("since (UTC)"), text("what to do")],
        rows: report.alarms.iter().map(row).collect(),
    }
}

/// That there are more rows than are shown.
fn more(rows: usize, rows_max: usize) -> Option<String> {
    (rows > rows_max)
        .then(|| format!("The first {} of {}; use --json for all.", count(rows_max as u64), count(rows as u64)))
}

/// Groups: days in their order, the latest of them; all others by how many bets there were.
fn by(table: &GroupTable, rows_max: usize) -> ReportSection {
    let mut groups: Vec<&GroupRow> = table.groups.iter().collect();
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
        notes.extend((over > 0).then(|| format!("The last {rows_max} days; use --json for all.")));
    } else {
        groups.sort_by_key(|group| std::cmp::Reverse((group.sums.bets, group.sums.bounties)));
        notes.extend(more(groups.len(), rows_max));
        groups.truncate(rows_max);
    }
    if !table.by.parts() && !table.groups.is_empty() {
        notes.push("A bounty counts in each of its rows.".to_owned());
    }
    // A column that holds nothing but what another one has is none.
    let guessed = groups.iter().any(|group| group.sums.unknown > 0);
    let row = |group: &&GroupRow| {
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
