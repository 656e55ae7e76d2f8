//! Settled bounties as labelled files: what the arbiters said of each artifact.
//!
//! ```
//! use daemon_journal::MemoryJournal;
//! use daemon_ledger::Past;
//! use daemon_service::settled_corpus::settled_corpus;
//!
//! let past = Past::read(&MemoryJournal::new())?;
//! assert!(settled_corpus(&past, None, None).manifest.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;

use daemon_artifact::Sha256Digest;
use daemon_base::Timestamp;
use daemon_fitting::{Manifest, ManifestRow};
use daemon_ledger::Past;
use daemon_market::Truth;

/// The source of all these files.
const SOURCE: &str = "archive";

/// What the archive knows of artifacts for certain.
#[derive(Debug)]
pub struct SettledCorpus {
    /// The artifacts with a truth.
    pub manifest: Manifest,
    /// Artifacts that were called malicious in one bounty and benign in another: left out.
    pub contradicted: usize,
}

/// The artifacts of settled bounties that were answered from `since` on and before `until`. Each is a unit of its own.
pub fn settled_corpus(past: &Past, since: Option<Timestamp>, until: Option<Timestamp>) -> SettledCorpus {
    let mut truths: BTreeMap<[u8; 32], Option<Truth>> = BTreeMap::new();
    let within = past.entries().iter().filter(|entry| {
        since.is_none_or(|since| entry.answered >= since) && until.is_none_or(|until| entry.answered < until)
    });
    for entry in within {
        let truth = entry.outcome.as_ref().and_then(|outcome| outcome.truth);
        if let Some((sha256, truth)) = entry.sha256.zip(truth) {
            let known = truths.entry(sha256).or_insert(Some(truth));
            if *known != Some(truth) {
                *known = None;
            }
        }
    }
    let mut corpus = SettledCorpus { manifest: Manifest::default(), contradicted: 0 };
    for (sha256, truth) in truths {
        let Some(truth) = truth else {
            corpus.contradicted += 1;
            continue;
        };
        let sha256 = Sha256Digest(sha256);
        let (source, group) = (SOURCE.to_owned(), format!("{SOURCE}/{sha256}"));
        corpus.manifest.insert(sha256, ManifestRow { malicious: truth == Truth::Malicious, source, group });
    }
    corpus
}
