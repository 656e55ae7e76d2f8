//! What must hold of any bytes, for each reader of foreign bytes. `fuzz/fuzz_targets` feeds these checks from a fuzzer on a
//! nightly compiler; `tests/replay.rs` feeds them seeds, and thousands of damaged copies of seeds, on stable.
//!
//! A check panics where something does not hold, and returns otherwise. Seeds are made in code: no sample enters the
//! repository. A crash that a fuzzer finds becomes a seed that is built here.

#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "to panic is how a check says that something does not hold")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the same")]

mod images;
mod market;
mod office;
mod processes;
mod queue;
mod settings;
mod whole;

/// A reader of foreign bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of the program in `fuzz/fuzz_targets` and of its folder of inputs.
    pub name: &'static str,
    /// Feeds it bytes. Panics where something does not hold.
    pub check: fn(&[u8]),
    /// Inputs that reach far into it.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "triage", check: images::triage, seeds: images::all_samples },
    Target { name: "pe", check: images::pe, seeds: images::pe_seeds },
    Target { name: "elf", check: images::elf, seeds: images::elf_seeds },
    Target { name: "archive", check: images::archive, seeds: images::archive_seeds },
    Target { name: "packed", check: images::packed, seeds: images::packed_seeds },
    Target { name: "hosts", check: images::hosts, seeds: images::text_seeds },
    Target { name: "office", check: office::document, seeds: office::document_seeds },
    Target { name: "vba", check: office::vba, seeds: office::vba_seeds },
    Target { name: "workbook", check: office::workbook, seeds: office::workbook_seeds },
    Target { name: "binary_workbook", check: office::binary_workbook, seeds: office::binary_workbook_seeds },
    Target { name: "zip", check: office::zip, seeds: office::zip_seeds },
    Target { name: "relationships", check: office::relationships, seeds: office::relationship_seeds },
    Target { name: "fields", check: office::fields, seeds: office::field_seeds },
    Target { name: "rtf", check: office::rtf, seeds: office::rtf_seeds },
    Target { name: "examine", check: whole::examine, seeds: images::all_samples },
    Target { name: "worker_answer", check: processes::worker_answer, seeds: processes::answer_seeds },
    Target { name: "compile_request", check: processes::compile_request, seeds: processes::request_seeds },
    Target { name: "bounty", check: market::bounty, seeds: market::bounty_seeds },
    Target { name: "signature", check: market::signature, seeds: market::signature_seeds },
    Target { name: "polyswarmd_event", check: market::polyswarmd_event, seeds: market::event_seeds },
    Target { name: "transactions", check: market::transactions, seeds: market::transaction_seeds },
    Target { name: "outcomes", check: market::outcomes, seeds: market::outcome_seeds },
    Target { name: "filters", check: market::filters, seeds: market::filter_seeds },
    Target { name: "queue_job", check: queue::job, seeds: queue::job_seeds },
    Target { name: "queue_report", check: queue::report, seeds: queue::report_seeds },
    Target { name: "weights", check: settings::weights, seeds: settings::weights_seeds },
    Target { name: "model", check: settings::model, seeds: settings::model_seeds },
    Target { name: "configuration", check: settings::configuration, seeds: settings::configuration_seeds },
];

/// Feeds `bytes` to the target with this name.
///
/// # Panics
/// If there is no such target, or something does not hold.
pub fn check(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target {name}"));
    (target.check)(bytes);
}

#[cfg(test)]
mod tests {
    use analyzers::Limits;
    use daemon_market::Timestamp;
    use daemon_polyswarmd::event::{self, Parsed};
    use daemon_queue::polyswarm::{JobResult, PolyswarmJob};
    use daemon_queue::streams::{StreamJob, StreamReport};
    use daemon_settlement::SettlementFormat;

    use super::*;

    /// What is refused at its first byte tests nothing behind it.
    #[test]
    fn honest_seeds_are_taken() {
        let [bounty, numbered, ..] = &market::bounty_seeds()[..] else { panic!("there are two") };
        for seed in [bounty, numbered] {
            daemon_webhook::parse(seed, Timestamp::from_micros(1_800_000_000_000_000)).unwrap();
        }
        for seed in market::event_seeds() {
            assert!(matches!(event::parse(&seed), Ok(Parsed::Known(_))), "{:?}", event::parse(&seed));
        }
        for (seed, form) in market::outcome_seeds().iter().zip([SettlementFormat::Ndjson, SettlementFormat::Csv]) {
            assert_eq!(daemon_settlement::read(&mut &seed[..], form, "a test").unwrap().unwrap().len(), 1);
        }
        daemon_transactions::SignedLegacyTransaction::decode(&market::transaction_seeds()[0]).unwrap();
        daemon_transactions::Call::decode(&market::transaction_seeds()[1]).unwrap();
        PolyswarmJob::read(&queue::job_seeds()[0], 0, 60).unwrap();
        serde_json::from_slice::<StreamJob>(&queue::job_seeds()[1]).unwrap();
        assert!(StreamReport::read(&queue::report_seeds()[0]).is_some());
        assert!(JobResult::read(&queue::report_seeds()[1]).is_some());
        let taken = |seed: &Vec<u8>| daemon_rules::ipc::read_request(&seed[..], &mut Vec::new()).is_ok();
        assert_eq!(processes::request_seeds().iter().filter(|seed| taken(seed)).count(), 1);
        let answered = |seed: &Vec<u8>| daemon_examiner::read_answer(seed, &whole::RULES, &Limits::default()).is_ok();
        assert!(processes::answer_seeds().iter().any(answered));
        assert!(
            settings::configuration_seeds()
                .iter()
                .all(|seed| { daemon_service::config::read(str::from_utf8(seed).unwrap()).1.is_empty() })
        );
    }
}
