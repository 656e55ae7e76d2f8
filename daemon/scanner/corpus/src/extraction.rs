//! Scans the files of folders that manifests name, in parallel, each only if what is in it is not remembered.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Seek;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use analyzers::{Incomplete, Limit};
use anyhow::{Context, bail};
use daemon_base::text::causes;
use daemon_base::{Cancel, Sha256Digest};
use daemon_engine::{MEASURE_SETS, RuleSet};
use daemon_fitting::{LineReader, Manifest, ScannedFile};
use daemon_pool::{ExaminationResult, JOBS_MIN, LookOptions, Looked, Pool, PoolConfig, Rules, Work};
use daemon_report::{FileRecord, Subject};
use daemon_walk::{Entry, Policy, walk};

use crate::Remembered;

/// Jobs that wait for a thread; each may hold a directory open.
const QUEUED_MAX: usize = 64;

/// Scans folders.
#[derive(Clone, Debug)]
pub struct Extraction {
    /// The folders.
    pub directories: Vec<PathBuf>,
    /// Number of threads, each with a worker.
    pub threads: NonZeroUsize,
}

impl Extraction {
    /// Scans all files that the manifest names, once each, and adds what was seen to what is remembered. `stop` ends it.
    /// Also returns which files could not be scanned, and why.
    ///
    /// # Errors
    ///
    /// If no thread can be had, a folder cannot be read, what was seen cannot be written down, or it was to end.
    pub fn run(
        &self,
        manifest: &Manifest,
        rules: Rules,
        remembered: &mut Remembered,
        stop: &Cancel,
    ) -> anyhow::Result<(Vec<ScannedFile>, Vec<String>)> {
        let wanted: HashSet<Sha256Digest> = manifest.digests().copied().collect();
        let known: HashSet<Sha256Digest> =
            wanted.iter().filter(|sha256| remembered.get(sha256).is_some()).copied().collect();
        let (sender, receiver) = channel();
        let work = Extracting { wanted, known, taken: Mutex::default(), stop: stop.clone(), sender };
        let config = PoolConfig { threads: self.threads, queued_max: QUEUED_MAX, jobs_ahead: JOBS_MIN };
        let pool = Pool::start(config, rules, work).context("cannot start the threads of the pool")?;
        let summary = walk(&self.directories, &Policy::default(), &mut |entry| {
            if stop.is_cancelled() || pool.submit(entry.to_owned()).is_err() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        pool.finish();
        if stop.is_cancelled() {
            bail!("interrupted");
        }
        if let Some((path, why)) = summary.unreadable.named.first() {
            bail!("cannot read {}: {why}", daemon_base::text::path(path));
        }
        let mut failures = Vec::new();
        let mut lines: BTreeMap<Sha256Digest, String> = BTreeMap::new();
        for file in receiver {
            match file {
                FileSeen::Scanned { sha256, line, lasting } => {
                    if lasting {
                        remembered.add(sha256, line.clone());
                    }
                    lines.insert(sha256, line);
                }
                FileSeen::Known(sha256) => {
                    lines.extend(remembered.get(&sha256).map(|line| (sha256, line.to_owned())));
                }
                FileSeen::Failed(why) => failures.push(why),
            }
        }
        remembered.keep()?;
        failures.sort_unstable();
        let mut reader = LineReader::new(MEASURE_SETS);
        let mut scanned = Vec::with_capacity(lines.len());
        for (sha256, line) in lines {
            scanned.extend(reader.read(&line).with_context(|| format!("what was seen in {sha256} is garbled"))?);
        }
        Ok((scanned, failures))
    }
}

enum FileSeen {
    Scanned {
        sha256: Sha256Digest,
        line: String,
        /// Whether another scan of the same bytes would see the same: not if time or a death cut it short.
        lasting: bool,
    },
    Known(Sha256Digest),
    Failed(String),
}

/// The work of the pool's threads.
struct Extracting {
    wanted: HashSet<Sha256Digest>,
    known: HashSet<Sha256Digest>,
    /// Files that were met: copies count once.
    taken: Mutex<HashSet<Sha256Digest>>,
    stop: Cancel,
    sender: Sender<FileSeen>,
}

impl Extracting {
    fn send(&self, seen: FileSeen) {
        // The receiver outlives the pool.
        let _ = self.sender.send(seen);
    }
}

impl Work<Entry> for Extracting {
    type Ticket = (PathBuf, Sha256Digest);

    fn open(&self, entry: Entry) -> Option<(OwnedFd, LookOptions, Self::Ticket)> {
        if self.stop.is_cancelled() {
            return None;
        }
        let path = entry.path();
        let hashed = entry.open().map_err(|error| causes(&error)).and_then(|artifact| {
            let mut file = File::from(artifact);
            let sha256 = digest_of(&mut file).map_err(|error| causes(&error))?;
            Ok((OwnedFd::from(file), sha256))
        });
        let (artifact, sha256) = match hashed {
            Ok(hashed) => hashed,
            Err(why) => {
                self.send(FileSeen::Failed(format!("{}: {why}", daemon_base::text::path(&path))));
                return None;
            }
        };
        if !self.wanted.contains(&sha256) || !self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256) {
            return None;
        }
        if self.known.contains(&sha256) {
            self.send(FileSeen::Known(sha256));
            return None;
        }
        Some((artifact, LookOptions { sha256: true, ..LookOptions::default() }, (path, sha256)))
    }

    fn done(&self, (path, wanted): (PathBuf, Sha256Digest), outcome: ExaminationResult, rules: &RuleSet) {
        let told = match outcome {
            Ok(Looked { examined, sha256, size }) if sha256 == Some(wanted) => {
                let subject = Subject { path: &path, sha256, size };
                let record = FileRecord::new(&subject, &examined, rules.weights()).with_measures(&examined.report);
                let report = &examined.report;
                let died = |why: &Incomplete| matches!(why, Incomplete::Crashed(_) | Incomplete::Poisonous);
                let lasting =
                    !report.hit(Limit::Time) && !report.hit(Limit::Memory) && !report.incomplete.iter().any(died);
                serde_json::to_string(&record).map(|line| (line, lasting)).map_err(|error| causes(&error))
            }
            Ok(_) => Err("changed while it was scanned".to_owned()),
            Err(error) => Err(causes(&error)),
        };
        self.send(match told {
            Ok((line, lasting)) => FileSeen::Scanned { sha256: wanted, line, lasting },
            Err(why) => FileSeen::Failed(format!("{}: {why}", daemon_base::text::path(&path))),
        });
    }
}

/// Hashes a file from its beginning, and leaves it there.
fn digest_of(file: &mut File) -> std::io::Result<Sha256Digest> {
    file.rewind()?;
    let digest = Sha256Digest::of_reader(&mut *file)?;
    file.rewind()?;
    Ok(digest)
}
