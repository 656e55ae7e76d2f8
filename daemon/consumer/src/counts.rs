//! What a consumer has done, for its health endpoint.

use std::cell::Cell;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// What became of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Became {
    /// Its report is stored.
    Answered,
    /// Its report was not the first.
    Repeated,
    /// Too little time was left.
    Expired,
    /// It is no job.
    Malformed,
    /// Its artifact could not be had.
    NotFetched,
    /// No worker could be had for it, or it took too long.
    NotScanned,
    /// A limit on scans per time was used up.
    Limited,
    /// Its report could not be stored in time.
    NotStored,
    /// It was given back at the end.
    HandedBack,
    /// It was taken over from a dead consumer. It ends in another way besides.
    TakenOver,
}

impl Became {
    const ALL: [(Became, &'static str); 10] = [
        (Became::Answered, "answered"),
        (Became::Repeated, "repeated"),
        (Became::Expired, "expired"),
        (Became::Malformed, "malformed"),
        (Became::NotFetched, "not_fetched"),
        (Became::NotScanned, "not_scanned"),
        (Became::Limited, "limited"),
        (Became::NotStored, "not_stored"),
        (Became::HandedBack, "handed_back"),
        (Became::TakenOver, "taken_over"),
    ];
}

/// Counts, on the one thread that counts.
pub(crate) struct ConsumerCounts {
    became: [Cell<u64>; Became::ALL.len()],
    /// When Redis last answered.
    heard: Cell<Instant>,
    /// When the loop that takes jobs last went round.
    turned: Cell<Instant>,
    /// Whether the consumer is ending.
    ending: Cell<bool>,
}

impl ConsumerCounts {
    pub(crate) fn new() -> ConsumerCounts {
        let now = Instant::now();
        ConsumerCounts {
            became: Default::default(),
            heard: Cell::new(now),
            turned: Cell::new(now),
            ending: Cell::new(false),
        }
    }

    pub(crate) fn count(&self, became: Became) {
        let place = Became::ALL.iter().position(|(other, _)| *other == became);
        if let Some(count) = place.and_then(|place| self.became.get(place)) {
            count.set(count.get() + 1);
        }
    }

    pub(crate) fn heard(&self) {
        self.heard.set(Instant::now());
    }

    pub(crate) fn turned(&self) {
        self.turned.set(Instant::now());
    }

    pub(crate) fn ends(&self) {
        self.ending.set(true);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.get()
    }

    pub(crate) fn silent_for(&self) -> Duration {
        self.heard.get().elapsed()
    }

    pub(crate) fn last_turn(&self) -> Instant {
        self.turned.get()
    }

    /// The counts in Prometheus' text format.
    pub(crate) fn render(&self, generation: &str, in_work: usize) -> String {
        let mut text = String::from(
            "# HELP stakeout_consumer_jobs_total Jobs by what became of them.\n# TYPE stakeout_consumer_jobs_total counter\n",
        );
        for ((_, name), count) in Became::ALL.iter().zip(&self.became) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "stakeout_consumer_jobs_total{{became=\"{name}\"}} {}", count.get());
        }
        let _ = write!(
            text,
            "# HELP stakeout_consumer_in_work Jobs that are held.\n# TYPE stakeout_consumer_in_work gauge\n\
             stakeout_consumer_in_work {in_work}\n\
             # HELP stakeout_consumer_redis_silent_seconds Time since Redis last answered.\n\
             # TYPE stakeout_consumer_redis_silent_seconds gauge\nstakeout_consumer_redis_silent_seconds {}\n\
             # HELP stakeout_consumer_rules_info Always 1; the label is the generation of the rules in use.\n\
             # TYPE stakeout_consumer_rules_info gauge\nstakeout_consumer_rules_info{{generation=\"{generation}\"}} 1\n",
            self.silent_for().as_secs_f64(),
        );
        text
    }
}
