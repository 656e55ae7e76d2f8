//! All metrics of the daemon, with their names and help texts.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use analyzers::{Incomplete, Limit};
use daemon_archive::{Archive, Store};
use daemon_engine::{RuleSet, assemble};
use daemon_journal::BountyStatus;
use daemon_ledger::AlarmId;
use daemon_market::{Admission, AssertionState, BountyState, Nct, Purse, PurseNote, StepKind, Truth, Verdict};
use daemon_pool::Examined;
use daemon_queue::streams::Depth;
use daemon_webhook::Reply;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use triage::{FileKind, MAGICS};

use super::process;

/// Bounds of times, in seconds: from a journal's commit to a bounty's life.
const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];
/// Bounds of bids, in NCT.
const NCT: &[f64] = &[0.0, 0.0625, 0.125, 0.25, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0];

/// The counts of one daemon. What is counted [within](Metrics::within) goes there, so that several daemons can live in one
/// process.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
}

impl Metrics {
    /// Every count at 0.
    ///
    /// # Errors
    /// If the recorder cannot be made, which is a bug.
    pub fn new() -> Result<Metrics, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
            .set_buckets_for_metric(Matcher::Full("stakeout_bid_nct".to_owned()), NCT)?
            .build_recorder();
        let metrics = Metrics { recorder: Arc::new(recorder) };
        metrics.within(|| {
            describe();
            begin();
        });
        Ok(metrics)
    }

    /// Runs `work`; what it counts on this thread is counted here.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        metrics::with_local_recorder(&*self.recorder, work)
    }

    /// What tells the counts in Prometheus' text format.
    pub(crate) fn exporter(&self) -> PrometheusHandle {
        self.recorder.handle()
    }
}

/// Everything that is counted, in Prometheus' text format. What has no place among counts stands at the end: which rules
/// are in use, one line whatever was in use before, and what the process itself takes.
pub fn render(handle: &PrometheusHandle, generation: &str) -> String {
    let mut text = handle.render();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "# HELP stakeout_rules_info Always 1; the label is the generation of the rules in use.\n# TYPE stakeout_rules_info gauge\n\
         stakeout_rules_info{{generation=\"{}\"}} 1\n\n",
        generation.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
    );
    text.push_str(&process::told());
    text
}

/// Begins every series at 0: one that only comes into being with the first event has no rate for it, and an alarm on it
/// cannot be told from one that watches nothing.
fn begin() {
    let none = |name: &'static str, label: &'static str, values: &mut dyn Iterator<Item = String>| {
        values.for_each(|value| counter!(name, label => value).increment(0));
    };
    let some = |values: &[&'static str]| values.iter().map(ToString::to_string).collect::<Vec<_>>().into_iter();
    none("stakeout_requests_total", "reply", &mut Reply::ALL.iter().map(|reply| reply.name().to_owned()));
    none("stakeout_bounties_total", "admission", &mut some(&ADMISSIONS));
    none("stakeout_answers_total", "verdict", &mut Verdict::ALL.iter().map(|verdict| verdict.name().to_owned()));
    none("stakeout_examinations_total", "verdict", &mut Verdict::ALL.iter().map(|verdict| verdict.name().to_owned()));
    let endings = BountyStatus::ALL.iter().filter(|how| **how != BountyStatus::Pending);
    none("stakeout_endings_total", "ending", &mut endings.map(|how| how.name().to_owned()));
    let truths = [None, Some(Truth::Malicious), Some(Truth::Benign)];
    none("stakeout_settled_total", "truth", &mut truths.iter().map(|truth| truth_name(*truth).to_owned()));
    none("stakeout_assertion_steps_total", "step", &mut StepKind::ALL.iter().map(|kind| kind.name().to_owned()));
    let notes = [PurseNote::Closed, PurseNote::Opened];
    none("stakeout_purse_notes_total", "note", &mut notes.iter().map(|note| note.name().to_owned()));
    none("stakeout_declined_kinds_total", "kind", &mut kinds().into_iter().map(|kind| kind.name().to_owned()));
    none("stakeout_incomplete_total", "reason", &mut reasons().into_iter());
    none("stakeout_rules_reloads_total", "taken", &mut some(&["yes", "no"]));
    for name in [
        "stakeout_fetch_failures_total",
        "stakeout_send_failures_total",
        "stakeout_examination_failures_total",
        "stakeout_chain_failures_total",
        "stakeout_journal_records_total",
        "stakeout_journal_failures_total",
        "stakeout_details_dropped_total",
        "stakeout_artifacts_dropped_total",
    ] {
        counter!(name).increment(0);
    }
    for name in [
        "stakeout_artifacts_bytes",
        "stakeout_rules_loaded",
        "stakeout_ready",
        "stakeout_journal_waiting",
        "stakeout_open_stakes_nct",
        "stakeout_open_stakes",
        "stakeout_day_profit_nct",
        "stakeout_losses_in_a_row",
        "stakeout_purse_closed",
    ] {
        gauge!(name).set(0.0);
    }
    let queue = daemon_queue::Config::default().name;
    queue_depth(&queue, Some(&Depth::default()));
    for reply in QueueReply::ALL {
        counter!("stakeout_queue_replies_total", "queue" => queue.clone(), "reply" => reply.name()).increment(0);
    }
    for id in AlarmId::ALL {
        alarm(id.name(), false);
    }
    for state in BountyState::ALL {
        gauge!("stakeout_open_bounties", "state" => state.name()).set(0.0);
    }
    for state in AssertionState::ALL {
        gauge!("stakeout_open_assertions", "state" => state.name()).set(0.0);
    }
    for name in [
        "stakeout_answer_seconds",
        "stakeout_examination_seconds",
        "stakeout_journal_commit_seconds",
        "stakeout_bid_nct",
    ] {
        // That there is one is enough: it is told as empty.
        let _ = histogram!(name);
    }
}

/// Every kind that magic bytes can tell.
fn kinds() -> Vec<FileKind> {
    let mut kinds = vec![FileKind::Data, FileKind::Empty];
    for magic in MAGICS {
        if !kinds.contains(&magic.kind) {
            kinds.push(magic.kind);
        }
    }
    kinds
}

/// Every sort of reason why an examination can be incomplete.
fn reasons() -> Vec<String> {
    let rules = RuleSet::embedded();
    // The analyzer of rules is there only where there are some.
    let names = assemble(&rules).names().chain(["yara"]).collect::<Vec<_>>();
    let panics = names.into_iter().map(|name| Incomplete::Panicked(name.into()));
    let others = [
        Incomplete::CutShort,
        Incomplete::Encrypted,
        Incomplete::Crashed("".into()),
        Incomplete::Unaccounted("".into()),
        Incomplete::Poisonous,
        Incomplete::Truncated,
        Incomplete::Changed,
    ];
    let limits = Limit::ALL.into_iter().map(Incomplete::Limit);
    limits.chain(others).chain(panics).map(|why| why.class()).collect()
}

fn describe() {
    describe_counter!("stakeout_requests_total", "Webhook requests by reply.");
    describe_counter!("stakeout_bounties_total", "Signed bounties received, by admission.");
    describe_counter!(
        "stakeout_reused_ids_total",
        "Bounties that reuse a known id with other content. The first one counts."
    );
    counter!("stakeout_reused_ids_total").increment(0);
    describe_counter!("stakeout_answers_total", "Answers recorded, by verdict.");
    describe_counter!("stakeout_endings_total", "Bounties ended, by ending.");
    describe_counter!("stakeout_settled_total", "Bounties settled, by ground truth.");
    describe_counter!(
        "stakeout_assertion_steps_total",
        "Steps of assertions on the chain, by step. Each `missed` or `abandoned` is a lost stake."
    );
    describe_counter!(
        "stakeout_chain_failures_total",
        "Failed requests about assertions on the chain, which are retried."
    );
    describe_gauge!("stakeout_open_assertions", "Assertions on the chain whose stakes are not free yet, by state.");
    describe_counter!("stakeout_purse_notes_total", "Purse closings and resumes, by note.");
    describe_counter!("stakeout_declined_kinds_total", "Artifacts declined because of their file type, by kind.");
    describe_counter!("stakeout_fetch_failures_total", "Artifact downloads that failed.");
    describe_counter!("stakeout_send_failures_total", "Failed attempts to deliver an answer that are retried.");
    describe_counter!("stakeout_examinations_total", "Artifacts scanned, by verdict.");
    describe_counter!("stakeout_incomplete_total", "Incomplete scans, by reason.");
    describe_counter!("stakeout_journal_records_total", "Records written to the journal.");
    describe_counter!("stakeout_journal_failures_total", "Records that could not be written to the journal.");
    describe_counter!("stakeout_details_dropped_total", "Old bounties whose details were deleted.");
    describe_counter!("stakeout_rules_reloads_total", "Attempts to load rules, by whether they were put in use.");
    describe_counter!("stakeout_examination_failures_total", "Artifacts for which no worker was available.");
    describe_counter!("stakeout_artifacts_dropped_total", "Artifacts that were not stored because the queue was full.");
    describe_gauge!("stakeout_artifacts_bytes", "Size of the stored artifacts, in bytes.");
    describe_gauge!("stakeout_open_bounties", "Open bounties, by state.");
    describe_gauge!("stakeout_rules_loaded", "YARA rules in use.");
    describe_gauge!("stakeout_build_info", "Always 1; the label is the version.");
    describe_gauge!("stakeout_ready", "1 while bounties are received, else 0.");
    describe_gauge!("stakeout_journal_waiting", "Writes waiting for the journal.");
    describe_gauge!("stakeout_queue_waiting", "Jobs in a queue that nobody has taken.");
    describe_gauge!("stakeout_queue_in_work", "Jobs of a queue that consumers have. Not known of Python queues.");
    describe_gauge!("stakeout_queue_oldest_seconds", "Age of the oldest job in a queue, in seconds.");
    describe_gauge!(
        "stakeout_queue_deadline_seconds",
        "Time to the first deadline among the oldest jobs in a queue, in seconds; 3600 without jobs."
    );
    describe_gauge!("stakeout_queue_reachable", "1 while the Redis of a queue answers, else 0.");
    describe_counter!(
        "stakeout_queue_replies_total",
        "Jobs sent to a queue, by reply: in time, late, missing until the deadline, or not sent."
    );
    describe_gauge!("stakeout_alarm", "1 while the alarm is raised, else 0.");
    describe_gauge!("stakeout_open_stakes_nct", "Unsettled stakes, in NCT.");
    describe_gauge!("stakeout_open_stakes", "Number of unsettled stakes.");
    describe_gauge!(
        "stakeout_day_profit_nct",
        "Profit of the stakes settled within the last day, including fees, in NCT."
    );
    describe_gauge!("stakeout_losses_in_a_row", "Current number of losses in a row.");
    describe_gauge!("stakeout_purse_closed", "1 while the purse is closed, else 0.");
    describe_histogram!(
        "stakeout_answer_seconds",
        Unit::Seconds,
        "Time from the receipt of a bounty to its recorded answer."
    );
    describe_histogram!("stakeout_examination_seconds", Unit::Seconds, "Duration of scans.");
    describe_histogram!("stakeout_journal_commit_seconds", Unit::Seconds, "Duration of journal commits.");
    describe_histogram!("stakeout_bid_nct", "Bids, in NCT.");
    gauge!("stakeout_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// A request to the webhook was answered.
pub fn requested(reply: &'static str) {
    counter!("stakeout_requests_total", "reply" => reply).increment(1);
}

/// Values of the label `admission`.
const ADMISSIONS: [&str; 5] = ["accepted", "known", "busy", "unrecorded", "draining"];

/// A bounty was taken, or was not.
pub fn admitted(admission: Admission) {
    let [accepted, known, busy, unrecorded, draining] = ADMISSIONS;
    let name = match admission {
        Admission::Accepted => accepted,
        Admission::Known => known,
        Admission::Busy { .. } => busy,
        Admission::Unrecorded => unrecorded,
        Admission::Draining => draining,
    };
    counter!("stakeout_bounties_total", "admission" => name).increment(1);
}

/// A bounty came again under a known id and says something else.
pub fn reused_id() {
    counter!("stakeout_reused_ids_total").increment(1);
}

/// An answer was written down.
pub fn answered(verdict: Verdict, bid: Nct, took: Duration) {
    counter!("stakeout_answers_total", "verdict" => verdict.name()).increment(1);
    histogram!("stakeout_answer_seconds").record(took.as_secs_f64());
    // For a diagram, where rounding does no harm.
    histogram!("stakeout_bid_nct").record(bid.base_units() as f64 / 1e18);
}

/// A bounty ended.
pub fn ended(how: BountyStatus) {
    counter!("stakeout_endings_total", "ending" => how.name()).increment(1);
}

/// The marketplace told how a bounty was settled.
pub fn settled(truth: Option<Truth>) {
    counter!("stakeout_settled_total", "truth" => truth_name(truth)).increment(1);
}

/// A step of an assertion was written down.
pub fn stepped(kind: StepKind) {
    counter!("stakeout_assertion_steps_total", "step" => kind.name()).increment(1);
}

/// A request about an assertion on the chain failed.
pub fn request_failed() {
    counter!("stakeout_chain_failures_total").increment(1);
}

fn truth_name(truth: Option<Truth>) -> &'static str {
    truth.map_or("none", Truth::name)
}

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

/// An artifact was declined by its magic bytes.
pub fn declined_kind(kind: &'static str) {
    counter!("stakeout_declined_kinds_total", "kind" => kind).increment(1);
}

/// An artifact could not be had.
pub fn not_fetched() {
    counter!("stakeout_fetch_failures_total").increment(1);
}

/// An answer did not get there.
pub fn not_sent() {
    counter!("stakeout_send_failures_total").increment(1);
}

/// What came of a job that was sent to a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueReply {
    /// A report before the deadline.
    InTime,
    /// A report that was made after the deadline.
    Late,
    /// No report until it had to be answered.
    Missing,
    /// The queue did not take it.
    NotSent,
}

impl QueueReply {
    /// Every reply.
    pub const ALL: [QueueReply; 4] = [QueueReply::InTime, QueueReply::Late, QueueReply::Missing, QueueReply::NotSent];

    /// The reply's name.
    pub fn name(self) -> &'static str {
        match self {
            QueueReply::InTime => "in_time",
            QueueReply::Late => "late",
            QueueReply::Missing => "missing",
            QueueReply::NotSent => "not_sent",
        }
    }
}

/// Counts what came of a job.
pub fn queue_replied(queue: &str, reply: QueueReply) {
    counter!("stakeout_queue_replies_total", "queue" => queue.to_owned(), "reply" => reply.name()).increment(1);
}

/// Time to the first deadline that is told without jobs, and at most.
const DEADLINE_SECONDS_MAX: f64 = 3_600.0;

/// Sets the gauges of a queue; `None` if it cannot be looked at.
pub fn queue_depth(queue: &str, depth: Option<&Depth>) {
    let set = |name: &'static str, value: f64| gauge!(name, "queue" => queue.to_owned()).set(value);
    set("stakeout_queue_reachable", if depth.is_some() { 1.0 } else { 0.0 });
    let Some(depth) = depth else { return };
    set("stakeout_queue_waiting", depth.waiting as f64);
    set("stakeout_queue_in_work", depth.in_work as f64);
    set("stakeout_queue_oldest_seconds", depth.oldest.as_secs_f64());
    let deadline = depth.deadline.map_or(DEADLINE_SECONDS_MAX, |deadline| deadline.as_secs_f64());
    set("stakeout_queue_deadline_seconds", deadline.min(DEADLINE_SECONDS_MAX));
}

/// An artifact was examined.
pub fn examined(examined: &Examined) {
    let verdict = examined.report.opinion.verdict.name();
    counter!("stakeout_examinations_total", "verdict" => verdict).increment(1);
    histogram!("stakeout_examination_seconds").record(examined.elapsed.as_secs_f64());
    for why in &examined.report.incomplete {
        counter!("stakeout_incomplete_total", "reason" => why.class()).increment(1);
    }
}

/// Counts a commit of the journal.
pub fn committed(took: Duration, records: usize) {
    histogram!("stakeout_journal_commit_seconds").record(took.as_secs_f64());
    counter!("stakeout_journal_records_total").increment(records as u64);
}

/// The journal did not write a record.
pub fn journal_failed() {
    counter!("stakeout_journal_failures_total").increment(1);
}

/// Counts bounties whose details were deleted.
pub fn let_go(bounties: u64) {
    counter!("stakeout_details_dropped_total").increment(bounties);
}

/// Counts an artifact for which no worker was available.
pub fn not_examined() {
    counter!("stakeout_examination_failures_total").increment(1);
}

/// Rules were loaded, or were not.
pub fn reloaded(taken: bool) {
    counter!("stakeout_rules_reloads_total", "taken" => if taken { "yes" } else { "no" }).increment(1);
}

/// Sets the number of rules in use.
pub fn rules_in_use(rules: usize) {
    gauge!("stakeout_rules_loaded").set(rules as f64);
}

/// Updates the gauges that are computed on request.
pub fn census(
    states: &[(BountyState, usize)],
    assertions: &[(AssertionState, usize)],
    ready: bool,
    archive: &Archive,
    store: Option<&Store>,
) {
    gauge!("stakeout_journal_waiting").set(archive.statistics().waiting.load(Ordering::Relaxed) as f64);
    if let Some(store) = store {
        let statistics = store.statistics();
        gauge!("stakeout_artifacts_bytes").set(statistics.bytes.load(Ordering::Relaxed) as f64);
        counter!("stakeout_artifacts_dropped_total").absolute(statistics.dropped.load(Ordering::Relaxed));
    }
    for (state, count) in states {
        gauge!("stakeout_open_bounties", "state" => state.name()).set(*count as f64);
    }
    for (state, count) in assertions {
        gauge!("stakeout_open_assertions", "state" => state.name()).set(*count as f64);
    }
    gauge!("stakeout_ready").set(if ready { 1.0 } else { 0.0 });
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// What of a metric stands in its document.
    #[derive(Default)]
    struct Described {
        kind: String,
        help: String,
        labels: BTreeMap<String, BTreeSet<String>>,
    }

    /// The document of all metrics, made of what a daemon exports before anything has happened.
    fn document() -> String {
        let metrics = Metrics::new().expect("counts can begin");
        let mut all: BTreeMap<String, Described> = BTreeMap::new();
        for line in render(&metrics.exporter(), "GENERATION").lines() {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("HELP"), Some(name), help) => {
                    all.entry(name.to_owned()).or_default().help = help.unwrap_or_default().to_owned();
                }
                (Some("#"), Some("TYPE"), Some(name), kind) => {
                    all.entry(name.to_owned()).or_default().kind = kind.unwrap_or_default().to_owned();
                }
                (Some(series), ..) if !series.is_empty() => {
                    let Some((name, labels)) = series.split_once('{') else { continue };
                    let Some(described) = all.get_mut(name) else { continue };
                    for label in labels.trim_end_matches('}').split("\",") {
                        let Some((label, value)) = label.split_once("=\"") else { continue };
                        described
                            .labels
                            .entry(label.to_owned())
                            .or_default()
                            .insert(value.trim_matches('"').to_owned());
                    }
                }
                _ => {}
            }
        }
        let mut text = String::from(
            "# Metrics\n\nWhat a running daemon tells at `/metrics` of its admin server (`admin.listen`), in Prometheus' text \
             format. Every series exists from the start, at 0. Alarms (`stakeout_alarm`) are explained in docs/listing.md.\n\n\
             This file is made of the code: `STAKEOUT_BLESS=1 cargo test -p daemon-service metrics` writes it anew.\n\n\
             | metric | type | labels | meaning |\n|---|---|---|---|\n",
        );
        for (name, Described { kind, help, labels }) in all {
            let labels: Vec<String> = labels
                .into_iter()
                .map(|(label, values)| match values.len() {
                    1 => format!("`{label}`"),
                    ..=16 => format!("`{label}`: {}", values.into_iter().collect::<Vec<_>>().join(", ")),
                    count => format!("`{label}`: {count} values"),
                })
                .collect();
            // Writing to a string does not fail.
            let _ = writeln!(text, "| `{name}` | {kind} | {} | {} |", labels.join("; "), help.replace('|', "\\|"));
        }
        text
    }

    #[test]
    fn the_document_of_metrics_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let text = document();
        if std::env::var_os("STAKEOUT_BLESS").is_some() {
            std::fs::write(path, &text).expect("the source tree can be written to");
        }
        let found = std::fs::read_to_string(path).expect("the document is in the repository");
        assert!(found == text, "docs/metrics.md is old: STAKEOUT_BLESS=1 writes it anew");
        assert!(!text.contains("|  |\n"), "every metric has a meaning");
    }
}
