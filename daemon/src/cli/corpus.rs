//! Arguments that say which labelled files to judge, and reading them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use analyzers::Weights;
use anyhow::{Context, bail};
use clap::{Args, ValueHint};
use daemon_base::Timestamp;
use daemon_base::format::counted;
use daemon_corpus::{CorpusPaths, Extraction, Remembered};
use daemon_detector::Options;
use daemon_engine::{Limits, Policy};
use daemon_fitting::{Corpus, Draws, Manifest, ScannedFile, SourceNames};
use daemon_ledger::Past;
use daemon_rules::Cache;
use daemon_service::memory::worker_bytes;
use daemon_service::settled_corpus::settled_corpus;
use daemon_service::{open_files, rescan};

use crate::cli::args::{ArchivePlace, RulesArgs, WallArgs};
use crate::cli::when::{parse_since, parse_until};
use crate::cli::{archive, config, rules_options};
use crate::terminal::{interrupt, notice};

/// Failures that are shown; the rest are counted.
const FAILURES_SHOWN_MAX: usize = 5;

/// Which labelled files to use.
#[derive(Args, Debug)]
pub(crate) struct CorpusArgs {
    /// What each file is: CSV whose first line names the columns sha256, label (malicious or benign), source and group.
    #[arg(value_name = "MANIFEST", required_unless_present = "from_archive", value_hint = ValueHint::FilePath)]
    pub manifests: Vec<PathBuf>,
    /// Use what `stakeout scan --ndjson --measures` printed. May be repeated.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["corpus", "from_archive"],
        value_hint = ValueHint::FilePath
    )]
    pub lines: Vec<PathBuf>,
    /// Scan the files in DIR that the manifests name by their SHA-256. What was seen is cached until the program or its
    /// rules change. May be repeated.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub corpus: Vec<PathBuf>,
    /// Use the stored artifacts of settled bounties, with the truth of their settlements. Models are judged as if they never
    /// saw them.
    #[arg(long)]
    pub from_archive: bool,
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Use only bounties answered at or after this time: `2026-11-23`, `2026-11-23T02:15:07Z`, or an age (7d, 4w).
    #[arg(long, value_name = "DATE|AGO", requires = "from_archive", value_parser = parse_since)]
    pub since: Option<Timestamp>,
    /// Use only bounties answered before this time. A date without a time includes that day.
    #[arg(long, value_name = "DATE|AGO", requires = "from_archive", value_parser = parse_until)]
    pub until: Option<Timestamp>,
    /// Number of threads that scan. Default: the number of processors.
    #[arg(long, short = 'j', value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Cache what was seen in DIR. Default: stakeout/corpus in the user's cache directory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub corpus_cache: Option<PathBuf>,
    /// Margins of models that were trained without the file: CSV with sha256 and margin, as rules/model/train.py --scores
    /// writes it. May be repeated.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub margins: Vec<PathBuf>,
    /// Which program each packed file is: CSV with sha256 and program. All files of a program are one unit.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub programs: Option<PathBuf>,
    /// Source of benign files that were packed on purpose. May be repeated. Default: packingdata, packed-elf.
    #[arg(long, value_name = "SOURCE")]
    pub packed_source: Vec<String>,
    /// Source of benign files that were made to be odd. May be repeated. Default: corkami-pocs.
    #[arg(long, value_name = "SOURCE")]
    pub odd_source: Vec<String>,
    /// Collection of malware of which many files are harmless: shown, and nothing is fitted to it. May be repeated.
    /// Default: capa-testfiles.
    #[arg(long, value_name = "SOURCE")]
    pub noisy_source: Vec<String>,
    /// Bootstrap resamples for each confidence interval.
    #[arg(long, value_name = "N", default_value = "1000")]
    pub resamples: NonZeroUsize,
    /// Random seed of the resampling. The same seed gives the same output.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
}

impl CorpusArgs {
    /// The draws of the bootstrap.
    pub(crate) fn draws(&self) -> Draws {
        Draws { count: self.resamples.get(), seed: self.seed }
    }

    /// How rules are loaded: those of `--rules`, or of the configuration where its archive is used.
    pub(crate) fn options(&self, rules: &RulesArgs) -> anyhow::Result<Options> {
        if !self.from_archive {
            return Ok(rules.options());
        }
        let config = config::load(self.place.config.path.as_deref())?;
        Ok(rescan::options(&config, &rules.directories, rules.no_shipped_rules, None, &[]))
    }

    /// Reads and scans the files. `weights` are those whose models judge what no model was trained on.
    pub(crate) fn read(&self, options: &Options, weights: &Weights) -> anyhow::Result<Corpus> {
        let default = SourceNames::default();
        let or = |given: &[String], default: Vec<String>| if given.is_empty() { default } else { given.to_vec() };
        let paths = CorpusPaths {
            manifests: self.manifests.clone(),
            lines: self.lines.clone(),
            programs: self.programs.clone(),
            margins: self.margins.clone(),
            names: SourceNames {
                packed: or(&self.packed_source, default.packed),
                odd: or(&self.odd_source, default.odd),
                noisy: or(&self.noisy_source, default.noisy),
            },
        };
        let mut folders = self.corpus.clone();
        let mut manifest = Manifest::default();
        if self.from_archive {
            let directory = archive::directory(&self.place)?;
            let past = Past::read(&archive::open(&directory)?).context("cannot read the archive")?;
            let settled = settled_corpus(&past, self.since, self.until);
            if settled.contradicted > 0 {
                let count = counted(settled.contradicted as u64, "artifact");
                notice(&format!("left out: {count} called malicious in one bounty and benign in another"));
            }
            manifest = settled.manifest;
            folders.push(directory.join("artifacts"));
        }
        let scan = |manifest: &Manifest| match folders.is_empty() {
            true => Ok(Vec::new()),
            false => self.scan(folders, options, manifest),
        };
        let corpus = paths.read(manifest, scan)?;
        Ok(if self.from_archive { corpus.with_own_margins(weights) } else { corpus })
    }

    fn scan(&self, folders: Vec<PathBuf>, options: &Options, manifest: &Manifest) -> anyhow::Result<Vec<ScannedFile>> {
        let detector = rules_options::load(options)?;
        let threads = self.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        let mut limits = Limits::default();
        limits.memory_bytes_max = worker_bytes(limits.memory_bytes_max, threads);
        let key = format!("{} {limits:?}", detector.evidence_key());
        let usual = || Cache::usual_place()?.parent().map(|cache| cache.join("corpus"));
        let mut remembered = match self.corpus_cache.clone().or_else(usual) {
            Some(directory) => Remembered::open(&directory, &key)?,
            None => Remembered::nothing(),
        };
        let examiners = rules_options::examiners(detector, &WallArgs { in_process: false }, limits, Policy::default())?;
        open_files::raise_open_files();
        let stop = interrupt::listen().context("cannot listen for Ctrl-C")?;
        let extraction = Extraction { directories: folders, threads };
        let (scanned, failures) = extraction.run(manifest, examiners, &mut remembered, &stop)?;
        failures.iter().take(FAILURES_SHOWN_MAX).for_each(|why| notice(why));
        if failures.len() > FAILURES_SHOWN_MAX {
            notice(&format!("and {}", counted((failures.len() - FAILURES_SHOWN_MAX) as u64, "more failure")));
        }
        if scanned.is_empty() && self.lines.is_empty() {
            bail!("no file in the corpus stands in a manifest: they are found by the SHA-256 of their bytes");
        }
        Ok(scanned)
    }
}
