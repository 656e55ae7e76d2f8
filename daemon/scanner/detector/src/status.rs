//! Which rules are in use, and the result of the last reload.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use daemon_base::Timestamp;
use daemon_base::format::{count, counted};
use daemon_base::text::path as shown;
use daemon_engine::{ModelChoice, RuleSet, assemble};
use serde::{Deserialize, Serialize};
use triage::{FileKind, MAGICS};

/// Status of the rules, shared by the threads that use, reload and report them.
#[derive(Debug)]
pub struct RulesStatus {
    /// Kinds by magic bytes that some analyzer takes apart.
    opened: Vec<FileKind>,
    status: Mutex<Status>,
    /// Artifacts in a row that no worker could be had for.
    workless: AtomicU32,
}

/// The rules in use, as `stakeout rules status` shows them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Generation of the rules and weights in use.
    pub generation: String,
    /// Number of YARA rules in use.
    pub rules: usize,
    /// What was said of models, ordered by family.
    #[serde(default)]
    pub models: Vec<ModelStatus>,
    /// Time since which they are in use, in microseconds since 1970.
    pub since: i64,
    /// Whether they were compiled before.
    pub from_cache: bool,
    /// Number of times that the rules were replaced.
    pub reloads: u64,
    /// Number of rejected reloads.
    pub failures: u64,
    /// Result of the last load.
    pub last: Option<Attempt>,
    /// The second set that judges beside these, if one is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Box<Status>>,
}

/// A model in use, or that files of a family are judged without one.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ModelStatus {
    /// The family of files.
    pub family: String,
    /// The file that it is from; absent if it is built in.
    pub path: Option<PathBuf>,
    /// SHA-256 of its text; absent, as all below, where there is no model.
    pub sha256: Option<String>,
    /// Version of the measures that it weighs.
    pub measures: Option<u32>,
    /// Number of its trees.
    pub trees: Option<usize>,
    /// Number of files that it was made from, as far as it says.
    pub made_from: Option<u64>,
    /// How many of them are malicious.
    pub malicious: Option<u64>,
    /// Names the evidence that it was made from.
    pub evidence: Option<String>,
}

impl ModelStatus {
    /// What `rules` say of models.
    pub fn of(rules: &RuleSet) -> Vec<ModelStatus> {
        rules.models().iter().map(ModelStatus::of_choice).collect()
    }

    fn of_choice(choice: &ModelChoice) -> ModelStatus {
        let told = ModelStatus {
            family: choice.family.name().to_owned(),
            path: choice.path.clone(),
            ..ModelStatus::default()
        };
        let Some(model) = &choice.model else { return told };
        let made = model.made();
        ModelStatus {
            sha256: Some(model.digest().to_string()),
            measures: Some(model.measures().version),
            trees: Some(model.trees()),
            made_from: made.rows,
            malicious: made.malicious,
            evidence: made.evidence.clone(),
            ..told
        }
    }
}

impl fmt::Display for ModelStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ModelStatus { family, path, sha256, measures, trees, made_from, malicious, evidence } = self;
        write!(f, "{family}: ")?;
        let from = path.as_deref().map_or_else(|| "built in".to_owned(), shown);
        let (Some(sha256), Some(measures), Some(trees)) = (sha256, measures, trees) else {
            return write!(f, "no model, as {from} says");
        };
        let trees = counted(*trees as u64, "tree");
        write!(f, "model {}, {trees} on measures of version {measures}", first_digits(sha256))?;
        if let Some(files) = made_from {
            write!(f, ", made from {}", counted(*files, "file"))?;
        }
        if let Some(malicious) = malicious {
            write!(f, ", {} malicious", count(*malicious))?;
        }
        if let Some(evidence) = evidence {
            write!(f, ", evidence {}", first_digits(evidence))?;
        }
        write!(f, "; {from}")
    }
}

/// As many as name a generation.
fn first_digits(digest: &str) -> String {
    digest.chars().take(16).collect()
}

/// An attempt to load rules.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// Time in microseconds since 1970.
    pub at: i64,
    /// Whether they are in use now.
    pub taken: bool,
    /// Duration in milliseconds.
    pub took_ms: u64,
    /// Mistakes in the rules.
    pub problems: Vec<String>,
}

impl Default for RulesStatus {
    fn default() -> RulesStatus {
        RulesStatus::new()
    }
}

impl RulesStatus {
    /// A status without any load.
    pub fn new() -> RulesStatus {
        let rules = RuleSet::embedded();
        let analyzers = assemble(&rules);
        let mut opened: Vec<FileKind> = Vec::new();
        for magic in MAGICS {
            if analyzers.open(magic.kind) && !opened.contains(&magic.kind) {
                opened.push(magic.kind);
            }
        }
        RulesStatus { opened, status: Mutex::default(), workless: AtomicU32::new(0) }
    }

    /// An artifact was examined, or no worker could be had for it.
    pub fn worked(&self, done: bool) {
        if done {
            self.workless.store(0, Ordering::Relaxed);
        } else {
            self.workless.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of artifacts in a row for which no worker was available.
    pub fn workless(&self) -> u32 {
        self.workless.load(Ordering::Relaxed)
    }

    /// Whether some analyzer may take apart what has these magic bytes. They tell the most that a file can be, so what
    /// none takes apart then none will.
    pub fn opened(&self, kind: FileKind) -> bool {
        self.opened.contains(&kind)
    }

    /// Returns the generation in use.
    pub fn generation(&self) -> String {
        self.lock().generation.clone()
    }

    /// Returns a snapshot of the status.
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// Records that these rules are in use.
    pub fn took(&self, rules: &RuleSet, from_cache: bool, attempt: Attempt) {
        let mut status = self.lock();
        let generation = rules.generation().to_string();
        if generation != status.generation {
            if !status.generation.is_empty() {
                status.reloads += 1;
            }
            status.generation = generation;
            status.rules = rules.library().map_or(0, |library| library.rules().len());
            status.since = attempt.at;
            status.from_cache = from_cache;
        }
        // The same model may be in another file.
        status.models = ModelStatus::of(rules);
        status.last = Some(attempt);
    }

    /// New rules were not taken.
    pub fn refused(&self, attempt: Attempt) {
        let mut status = self.lock();
        status.failures += 1;
        status.last = Some(attempt);
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// One that began then, and ends now.
    pub fn ended(at: Timestamp, now: Timestamp, taken: bool, problems: Vec<String>) -> Attempt {
        let took_ms = u64::try_from(at.until(now).as_millis()).unwrap_or(u64::MAX);
        Attempt { at: at.micros(), taken, took_ms, problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_analyzer_may_take_apart_is_known_by_its_magic() {
        let status = RulesStatus::new();
        let kind = |head: &[u8]| triage::magic(head).kind().unwrap_or(FileKind::Data);
        for head in [&b"MZ\x90\0"[..], b"\x7fELF\x02\x01\x01", b"PK\x03\x04\x14\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]
        {
            assert!(status.opened(kind(head)), "{head:?}");
        }
        for head in [&b"GIF89a"[..], b"%PDF-1.7", b"hello", b""] {
            assert!(!status.opened(kind(head)), "{head:?}");
        }
    }
}
