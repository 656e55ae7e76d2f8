//! What is told of the purse, and alarms.

use daemon_market::{Purse, PurseNote};
use metrics::{counter, gauge};

/// An alarm is on, or is not.
pub fn alarm(name: &'static str, on: bool) {
    gauge!("stakeout_alarm", "alarm" => name).set(if on { 1.0 } else { 0.0 });
}

/// Sets the gauges of the purse.
pub fn purse(purse: &Purse) {
    // For a diagram, where rounding does no harm.
    gauge!("stakeout_open_stakes_nct").set(purse.open_stakes().base_units() as f64 / 1e18);
    gauge!("stakeout_open_stakes").set(purse.open_count() as f64);
    gauge!("stakeout_day_profit_nct").set(purse.breaker().profit_of_the_day().as_f64());
    gauge!("stakeout_losses_in_a_row").set(purse.breaker().losses_in_a_row());
    gauge!("stakeout_purse_closed").set(if purse.closed().is_some() { 1.0 } else { 0.0 });
}

/// The purse was closed, or opened.
pub fn purse_noted(note: PurseNote) {
    counter!("stakeout_purse_notes_total", "note" => note.name()).increment(1);
}
