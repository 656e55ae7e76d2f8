//! All metrics of the daemon, in files by what is counted.

mod bounties;
mod clamd;
mod described;
mod journal;
mod purse;
mod queues;
mod scans;
mod shadow;

use std::fmt::Write as _;
use std::sync::Arc;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

pub use bounties::{
    admitted, answered, ended, not_fetched, not_sent, request_failed, requested, reused_id, settled, stepped,
};
pub use clamd::clamd_counted;
use described::{begin, describe};
pub use journal::{census, committed, journal_failed, let_go};
pub use purse::{alarm, purse, purse_noted};
pub use queues::{QueueReply, queue_depth, queue_replied};
pub use scans::{declined_kind, examined, not_examined, reloaded, rules_in_use};
pub use shadow::{ShadowOutcome, shadow_judged, shadow_reloaded};

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
pub fn render(handle: &PrometheusHandle, generation: &str, shadow: &str) -> String {
    let mut text = handle.render();
    let label = |generation: &str| generation.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "# HELP stakeout_rules_info Always 1; the label is the generation of the rules in use.\n# TYPE stakeout_rules_info gauge\n\
         stakeout_rules_info{{generation=\"{}\"}} 1\n\n",
        label(generation)
    );
    let _ = write!(
        text,
        "# HELP stakeout_shadow_info 1 while a shadow set is in use, else 0; the label is its generation.\n\
         # TYPE stakeout_shadow_info gauge\nstakeout_shadow_info{{generation=\"{}\"}} {}\n\n",
        label(shadow),
        u8::from(!shadow.is_empty())
    );
    text.push_str(&process::told());
    text
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
        for line in render(&metrics.exporter(), "GENERATION", "").lines() {
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
