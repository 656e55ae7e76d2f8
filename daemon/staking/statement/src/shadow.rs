//! Second sets of rules beside the live one, as a section.

use daemon_ledger::{Correctness, LedgerReport, ShadowRow};

use crate::format::{NOTHING, amount, count, moment, percent, profit};
use crate::table::{About, Cell, ReportSection, Tone, digits, text};

/// One section for each second set; none without any.
pub(crate) fn sections(report: &LedgerReport) -> Vec<ReportSection> {
    report.shadows.iter().map(section).collect()
}

fn section(row: &ShadowRow) -> ReportSection {
    let at = |micros| moment(daemon_market::Timestamp::from_micros(micros));
    let share = |part: u64| percent((row.bounties > 0).then(|| part as f64 / row.bounties as f64));
    let mut notes = vec![
        format!(
            "Judged {} answered bounties from {} to {} UTC beside the live set; the verdicts differ on {} ({}).",
            count(row.bounties),
            at(row.first),
            at(row.last),
            count(row.differ),
            share(row.differ),
        ),
        format!("The truth of {} of them is known.", count(row.settled)),
    ];
    notes.push(match (row.compared, row.mean_low.zip(row.mean_high)) {
        (0, _) | (_, None) => "None of them can be settled again for both.".to_owned(),
        (compared, Some((low, high))) => format!(
            "{} can be settled again for both, with the recorded strategies and a purse of its own: by the shadow set the \
             profit would differ by {} NCT. Mean difference per bounty: {} to {} NCT (95 % interval).",
            count(compared),
            profit(row.difference),
            profit(low),
            profit(high),
        ),
    });
    let side = |name: &str, tone, told: &Correctness, bids: &daemon_ledger::ShadowBids| {
        let decided = told.right + told.wrong;
        let right = (decided > 0).then(|| told.right as f64 / decided as f64);
        vec![
            Cell { text: name.to_owned(), tone },
            Cell::count(told.right),
            Cell::count(told.wrong),
            Cell::count(told.undecided),
            Cell::plain(if decided > 0 { percent(right) } else { NOTHING.to_owned() }),
            Cell::count(bids.bets),
            Cell::plain(amount(bids.staked)),
            Cell::profit(bids.profit),
        ]
    };
    ReportSection {
        about: About::Shadows,
        title: format!("Shadow set {}", Cell::name(&row.generation).text),
        notes,
        columns: vec![
            text(""),
            digits("right"),
            digits("wrong"),
            digits("undecided"),
            digits("right of decided"),
            digits("bets"),
            digits("staked"),
            digits("profit"),
        ],
        rows: vec![
            side("live", Tone::Ours, &row.live, &row.live_bids),
            side("shadow", Tone::Plain, &row.shadow, &row.shadow_bids),
        ],
    }
}
