//! What the engine knows of itself, put down for the live page.

use daemon_base::text::escaped;
use daemon_live::{AlarmNow, EngineNow, PurseNow, RulesNow, StateCount, WorkersNow};
use daemon_market::{Purse, Timestamp};

use crate::engine::Engine;
use crate::health::Health;
use crate::shadow;

/// How many open bounties are told one by one.
const OPEN_MAX: usize = 12;

/// The engine as it is now. In memory, and short: it is made on the edge.
pub(super) fn engine_now(name: &str, dry_run: bool, started: Timestamp, engine: &Engine, health: &Health) -> EngineNow {
    let parts = &engine.parts;
    let state = |state: &'static str, count: usize| StateCount { state: state.to_owned(), count: count as u64 };
    let alarm = |alarm: daemon_ledger::Alarm| AlarmNow {
        id: alarm.id.name().to_owned(),
        message: escaped(&alarm.message).into_owned(),
        since: alarm.since.micros(),
    };
    let mut purse = engine.with_purse(Clone::clone);
    let now = purse.now(parts.clock.now());
    EngineNow {
        name: name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        dry_run,
        started: started.micros(),
        not_live: health.live().err(),
        not_ready: health.ready().err(),
        rules: rules(engine),
        workers: WorkersNow {
            most: parts.workers.get() as u64,
            examining: engine.examining() as u64,
            examined: engine.examined(),
            workless: u64::from(parts.rules_status.workless()),
        },
        open: engine.census().into_iter().map(|(of, count)| state(of.name(), count)).collect(),
        next: engine.first_open(OPEN_MAX),
        assertions: engine.assertions().into_iter().map(|(of, count)| state(of.name(), count)).collect(),
        purse: purse_now(&mut purse, now),
        alarms: engine.raised().into_iter().map(alarm).collect(),
    }
}

fn rules(engine: &Engine) -> RulesNow {
    let parts = &engine.parts;
    let status = shadow::status(&parts.rules_status, parts.shadow.as_ref());
    let problems = status.last.map(|last| last.problems).unwrap_or_default();
    RulesNow {
        generation: status.generation,
        rules: status.rules as u64,
        since: status.since,
        reloads: status.reloads,
        rejected: status.failures,
        problems: problems.iter().map(|problem| escaped(problem).into_owned()).collect(),
        models: status.models.iter().map(ToString::to_string).collect(),
        shadow: status.shadow.map(|shadow| shadow.generation),
    }
}

fn purse_now(purse: &mut Purse, now: Timestamp) -> PurseNow {
    let limits = *purse.limits();
    let (hour, day) = purse.staked(now);
    PurseNow {
        closed: purse.closed().map(|why| escaped(why).into_owned()),
        open: purse.open_stakes(),
        open_max: limits.open_max,
        open_stakes: purse.open_count() as u64,
        hour,
        hour_max: limits.hour_max,
        day,
        day_max: limits.day_max,
        profit_of_the_day: purse.breaker().profit_of_the_day(),
        losses_in_a_row: u64::from(purse.breaker().losses_in_a_row()),
    }
}
