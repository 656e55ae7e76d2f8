//! What other processes of ours are told and tell: a worker that was taken over says what it likes.

use analyzers::Limits;
use daemon_examiner::{LookOptions, read_answer, request};
use daemon_rules::ipc::read_request;

use crate::whole::RULES;

/// A worker's answer is refused or within its limits.
pub(crate) fn worker_answer(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(Ok(looked)) = read_answer(bytes, &RULES, &limits) else { return };
    let report = looked.examined.report;
    assert!(report.evidence.len() <= limits.evidence_max);
    assert!((0.0..=1.0).contains(&report.opinion.p_malicious), "{}", report.opinion.p_malicious);
}

/// What the rules compiler is sent: sources that are borrowed from what came, or an error.
pub(crate) fn compile_request(bytes: &[u8]) {
    let mut buffer = Vec::new();
    if let Ok(request) = read_request(bytes, &mut buffer) {
        let texts: usize = request.sources.iter().map(|source| source.name.len() + source.text.len()).sum();
        assert!(texts <= bytes.len());
    }
}

pub(crate) fn answer_seeds() -> Vec<Vec<u8>> {
    // A small answer, field by field: looked, 7 us, 3 bytes, no digest, and lists of which the first layer is the file.
    vec![request(&LookOptions::default()), vec![0, 7, 3, 0, 0, 0, 0, 0, 0, 0, 0], vec![1, 9, 5], vec![2, 1], vec![3, 9]]
}

pub(crate) fn request_seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for version in 0..8 {
        let mut seed = vec![version, 1, 5];
        seed.extend(b"a.yar");
        seed.push(24);
        seed.extend(b"rule a { condition: 1 } ");
        seeds.push(seed);
    }
    seeds
}
