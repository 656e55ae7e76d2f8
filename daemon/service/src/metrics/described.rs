//! The names of all metrics, with their help texts, and every series from the start.

use analyzers::{Incomplete, Limit};
use daemon_clamd::{ClamdDrop, CountedCommand, ScanAnswer};
use daemon_engine::{RuleSet, assemble};
use daemon_journal::BountyStatus;
use daemon_ledger::AlarmId;
use daemon_market::{AssertionState, BountyState, PurseNote, StepKind, Truth, Verdict};
use daemon_queue::streams::Depth;
use daemon_webhook::Reply;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use triage::{FileKind, MAGICS};

use super::bounties::{ADMISSIONS, truth_name};
use super::purse::alarm;
use super::queues::{QueueReply, queue_depth};
use super::shadow::ShadowOutcome;

/// Begins every series at 0: one that only comes into being with the first event has no rate for it, and an alarm on it
/// cannot be told from one that watches nothing.
pub(super) fn begin() {
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
    none("stakeout_shadow_reloads_total", "taken", &mut some(&["yes", "no"]));
    none("stakeout_shadow_opinions_total", "outcome", &mut ShadowOutcome::ALL.iter().map(|of| of.name().to_owned()));
    none("stakeout_clamd_commands_total", "command", &mut CountedCommand::ALL.iter().map(|of| of.name().to_owned()));
    none("stakeout_clamd_replies_total", "reply", &mut some(&ScanAnswer::NAMES));
    none("stakeout_clamd_dropped_total", "why", &mut ClamdDrop::ALL.iter().map(|why| why.name().to_owned()));
    for name in [
        "stakeout_clamd_stream_bytes_total",
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
        "stakeout_clamd_connections",
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
        "stakeout_clamd_reply_seconds",
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

pub(super) fn describe() {
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
    describe_counter!(
        "stakeout_shadow_reloads_total",
        "Attempts to load the shadow set, by whether it was put in use."
    );
    describe_counter!(
        "stakeout_shadow_opinions_total",
        "Artifacts offered to the shadow set, by outcome: the verdict of the live set (agreed), another one (differed), no \
         room in its queue (dropped), no set in use that fits the live rules (unready), or a failure (failed)."
    );
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
    describe_gauge!("stakeout_clamd_connections", "Open connections of clients of clamd's protocol.");
    describe_counter!("stakeout_clamd_commands_total", "Commands of clients of clamd's protocol.");
    describe_counter!(
        "stakeout_clamd_replies_total",
        "Files that clients of clamd's protocol were told about: nothing was found (ok), something was (found), or there is no \
         verdict (error)."
    );
    describe_counter!(
        "stakeout_clamd_stream_bytes_total",
        "Bytes of files that were received as streams, complete ones alone."
    );
    describe_counter!(
        "stakeout_clamd_dropped_total",
        "Connections that were ended early: there were too many (crowded), too little came in time (slow), a command or a \
         stream was too long, or replies were not taken (deaf)."
    );
    describe_histogram!(
        "stakeout_clamd_reply_seconds",
        Unit::Seconds,
        "Time from the last byte of a file to its answer, for clients of clamd's protocol."
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
