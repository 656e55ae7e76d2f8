//! JSON output of `backtest`. Described in docs/json.md.

use std::io::Write;

use daemon_ledger::{Against, DecisionDifference, Fold, Side, profit_text};
use daemon_market::{Nct, Profit, Timestamp};
use serde::Serialize;

use crate::{Backtest, RescanSummary};

/// Version of the schema.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'b> {
    schema: u32,
    reproduced: ReproducedRecord,
    judged_anew: Option<&'b RescanSummary>,
    bounties: BountiesRecord,
    ways: Vec<WayRecord<'b>>,
    windows: Vec<WindowRecord>,
    resamples: usize,
    seed: u64,
}

#[derive(Serialize)]
struct ReproducedRecord {
    decisions: u64,
    same: u64,
    untold: u64,
    differences: Vec<DifferenceRecord>,
}

#[derive(Serialize)]
struct DifferenceRecord {
    id: String,
    recorded: Nct,
    replayed: Nct,
    why: String,
}

#[derive(Serialize)]
struct BountiesRecord {
    answered: u64,
    compared: u64,
    withheld: u64,
    left_out: LeftOut,
}

#[derive(Serialize)]
struct LeftOut {
    not_stored: u64,
    unsettled: u64,
    unheard: u64,
    untold: u64,
}

#[derive(Serialize)]
struct WayRecord<'b> {
    name: &'b str,
    asked: u64,
    abstained: u64,
    held_back: u64,
    bets: u64,
    staked: Nct,
    #[serde(serialize_with = "profit_text")]
    profit: Profit,
    #[serde(rename = "return")]
    returned: Option<f64>,
    drawdown: Nct,
    closed: Vec<ClosedRecord<'b>>,
    against: Option<AgainstRecord>,
}

#[derive(Serialize)]
struct ClosedRecord<'b> {
    at: i64,
    why: &'b str,
}

#[derive(Serialize)]
struct AgainstRecord {
    #[serde(serialize_with = "profit_text")]
    difference: Profit,
    mean_low: Option<String>,
    mean_high: Option<String>,
    windows_better: u64,
    windows_worse: u64,
}

#[derive(Serialize)]
struct WindowRecord {
    begin: i64,
    end: i64,
    bounties: u64,
    profits: Vec<String>,
}

/// Writes one JSON document (see docs/json.md).
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_json(backtest: &Backtest<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let Backtest { reproduced, anew, comparison, .. } = backtest;
    let tally = &comparison.bounties;
    let document = Document {
        schema: SCHEMA_VERSION,
        reproduced: ReproducedRecord {
            decisions: reproduced.decisions,
            same: reproduced.same,
            untold: reproduced.untold,
            differences: reproduced.differences.iter().map(difference).collect(),
        },
        judged_anew: *anew,
        bounties: BountiesRecord {
            answered: tally.answered,
            compared: tally.compared,
            withheld: tally.withheld,
            left_out: LeftOut {
                not_stored: tally.not_chosen,
                unsettled: tally.unsettled,
                unheard: tally.unheard,
                untold: tally.untold,
            },
        },
        ways: backtest.sides().map(way).collect(),
        windows: comparison.folds.iter().map(window).collect(),
        resamples: backtest.resampling.count,
        seed: backtest.resampling.seed,
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn difference(difference: &DecisionDifference) -> DifferenceRecord {
    let DecisionDifference { key, recorded, replayed, why } = difference;
    DifferenceRecord { id: key.id.to_string(), recorded: *recorded, replayed: *replayed, why: why.clone() }
}

fn way<'b>((name, side, closings): (&'b str, &'b Side, &'b [(Timestamp, String)])) -> WayRecord<'b> {
    WayRecord {
        name,
        asked: side.asked,
        abstained: side.abstained,
        held_back: side.held_back,
        bets: side.bets,
        staked: side.staked,
        profit: side.profit,
        returned: side.returned(),
        drawdown: side.drawdown,
        closed: closings.iter().map(|(at, why)| ClosedRecord { at: at.micros(), why }).collect(),
        against: side.against.map(|Against { difference, interval, better, worse }| AgainstRecord {
            difference,
            mean_low: interval.map(|interval| interval.low.to_string()),
            mean_high: interval.map(|interval| interval.high.to_string()),
            windows_better: better,
            windows_worse: worse,
        }),
    }
}

fn window(fold: &Fold) -> WindowRecord {
    let Fold { begin, end, bounties, profits } = fold;
    let profits = profits.iter().map(ToString::to_string).collect();
    WindowRecord { begin: begin.micros(), end: end.micros(), bounties: *bounties, profits }
}
