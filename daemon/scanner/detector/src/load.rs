//! Loads weights, models and YARA rules, built in or from directories, and makes ready the processes that use them.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use daemon_base::format::counted;
use daemon_base::text::path as shown;
use daemon_engine::{Limits, Policy, RuleSet};
use daemon_examiner::{BUILD, Bundle, Program, Setup, WaitingTemplate};
use daemon_pool::{Fleet, Rules};
use daemon_rules::{Cache, CompileError, Compiler, LoadError, Loaded, Mistake, Problem, RuleFile, RuleFiles, Why};

use crate::models::{DataRefused, ModelTexts};

/// Largest weights file taken. The one we ship has some ten thousand bytes.
const WEIGHTS_BYTES_MAX: u64 = 1 << 20;
/// Largest model file taken, before it is looked at.
const MODEL_BYTES_MAX: u64 = 16 << 20;

/// Which rules and weights to load, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Directories of YARA rules, used besides those built in; a `weights.toml` in one replaces the weights built in, and a
    /// `FAMILY.model.json` the model of that family.
    pub directories: Vec<PathBuf>,
    /// Leave out the YARA rules built in.
    pub no_shipped_rules: bool,
    /// Use no YARA rules at all.
    pub no_yara: bool,
    /// Cache of compiled rules.
    pub cache: RulesCache,
    /// The program that workers and the rules compiler run in. None: `stakeout-worker` beside this one, else itself.
    pub worker: Option<PathBuf>,
    /// A file of weights that is used whatever weights there are beside the rules.
    pub weights: Option<PathBuf>,
    /// Files of models that are used whatever models there are beside the rules.
    pub models: Vec<PathBuf>,
    /// Artifacts after which a worker is replaced. None: as many as a worker is fit for.
    pub artifacts_per_worker: Option<NonZeroUsize>,
    /// Start the program that workers are forked from at once, so that it gets ready while rules are loaded.
    pub begin_workers: bool,
}

/// Cache of compiled rules.
#[derive(Clone, Debug, Default)]
pub enum RulesCache {
    /// In `stakeout/rules` below the user's cache directory.
    #[default]
    User,
    /// A cache in this directory.
    At(PathBuf),
    /// Nowhere: rules are compiled each time.
    None,
}

/// Rules and weights that were loaded.
pub struct Detector {
    /// Every mistake in the YARA rules.
    pub mistakes: Vec<Mistake>,
    /// Messages about skipped rules and unused caches.
    pub notices: Vec<String>,
    /// Whether any of it was left out.
    pub left_out: bool,
    /// Whether the compiled rules were in the cache.
    pub from_cache: bool,
    /// Made on a thread of its own, for workers load the same at the same time.
    rules: JoinHandle<anyhow::Result<RuleSet>>,
    weights: Arc<WeightsSource>,
    bundle: Option<Bundle>,
    programs: Vec<Program>,
    /// A process of the first program.
    waiting: Option<WaitingTemplate>,
    artifacts_per_worker: Option<NonZeroUsize>,
}

/// Loads rules and weights. Mistakes in rules are left to the caller to tell ([`Detector::mistakes`]).
///
/// # Errors
/// If weights cannot be read or are invalid, or no rules could be compiled. Mistakes in single rules are no error.
pub fn load(options: &Options) -> anyhow::Result<Detector> {
    let programs = programs(options)?;
    // If it does not start, that is tried again when it is needed, and told then.
    let waiting = programs.first().filter(|_| options.begin_workers).and_then(|program| program.begin().ok());
    let own = options.weights.as_deref();
    let own_models = options.models.iter().map(|path| Ok((path.clone(), read_text(path, MODEL_BYTES_MAX)?)));
    let own_models = own_models.collect::<anyhow::Result<Vec<_>>>()?;
    if options.no_yara {
        let files = daemon_rules::read_data(&options.directories)?;
        let notices = notices(&files.problems);
        check_data(options, &files)?;
        let weights = Arc::new(weights(own, texts(files.weights)?)?);
        let rules = make(Arc::clone(&weights), None, ModelTexts { own: own_models, beside: texts(files.models)? })?;
        return Ok(Detector {
            mistakes: Vec::new(),
            left_out: !notices.is_empty(),
            notices,
            from_cache: false,
            rules,
            weights,
            bundle: None,
            programs,
            waiting,
            artifacts_per_worker: options.artifacts_per_worker,
        });
    }
    let cache = match &options.cache {
        RulesCache::None => None,
        RulesCache::At(directory) => Some(directory.clone()),
        RulesCache::User => Cache::usual_place(),
    };
    let loaded = compiled(options, &programs, cache)?;
    let notices = notices(&loaded.problems);
    let from_cache = loaded.from_cache;
    let left_out = loaded.problems.iter().any(|problem| !matches!(problem.why, Why::CacheNotUsed(_)));
    let weights = Arc::new(weights(own, texts(loaded.weights)?)?);
    let models = ModelTexts { own: own_models, beside: texts(loaded.models)? };
    let bundle = Bundle { file: loaded.bundle, bytes: loaded.bundle_bytes, sources: loaded.source_digest.to_string() };
    let twin = bundle.try_clone().context("cannot open the compiled rules twice")?;
    let rules = make(Arc::clone(&weights), Some(twin), models)?;
    Ok(Detector {
        mistakes: loaded.mistakes,
        notices,
        left_out,
        from_cache,
        rules,
        weights,
        bundle: Some(bundle),
        programs,
        waiting,
        artifacts_per_worker: options.artifacts_per_worker,
    })
}

/// Makes the rules meanwhile.
fn make(
    weights: Arc<WeightsSource>,
    bundle: Option<Bundle>,
    models: ModelTexts,
) -> anyhow::Result<JoinHandle<anyhow::Result<RuleSet>>> {
    let make = move || {
        let mut rules = parse(&weights)?;
        if let Some(bundle) = bundle {
            let library =
                bundle.open().context("cannot use the cached rules: compile them again with --no-rules-cache")?;
            rules = rules.with_library(library, &weights.text, &bundle.sources);
        }
        models.give(rules)
    };
    std::thread::Builder::new().name("rules".to_owned()).spawn(make).context("cannot start a thread")
}

fn notices(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{}: {}", shown(&problem.path), problem.why)).collect()
}

/// Files as text, with their paths.
fn texts(files: Vec<RuleFile>) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let text = |file: RuleFile| match String::from_utf8(file.text) {
        Ok(text) => Ok((file.path, text)),
        Err(_) => Err(DataRefused(format!("cannot use {}: it is not text", shown(&file.path))).into()),
    };
    files.into_iter().map(text).collect()
}

/// The text of the weights, and where it is from unless it was built in.
struct WeightsSource {
    path: Option<PathBuf>,
    text: Cow<'static, str>,
}

impl Detector {
    /// Names all that evidence depends on beside the bytes and the limits: this program, and the texts of the rules.
    pub fn evidence_key(&self) -> String {
        let sources = self.bundle.as_ref().map_or("", |bundle| bundle.sources.as_str());
        format!("{BUILD} {sources}")
    }

    /// The text of the weights: TOML.
    pub fn weights_text(&self) -> &str {
        &self.weights.text
    }

    /// The rules themselves.
    ///
    /// # Errors
    /// If the weights are wrong, or the compiled rules cannot be opened.
    pub fn rules(self) -> anyhow::Result<Arc<RuleSet>> {
        let made = self.rules.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        made.map(Arc::new)
    }

    /// Starts the examiners of a pool. Also returns messages about reduced limits and missing protections.
    ///
    /// # Errors
    /// If no worker can be had, or the rules cannot be used.
    pub fn examiners(self, in_process: bool, limits: Limits, policy: Policy) -> anyhow::Result<(Rules, Vec<String>)> {
        if in_process {
            return Ok((Rules::InProcess { rules: self.rules()?, limits, policy }, Vec::new()));
        }
        let (fleet, notices) = self.fleet(limits, policy)?;
        Ok((Rules::Walled(Arc::new(fleet)), notices))
    }

    /// A fleet of workers, and what is less than it should be.
    ///
    /// # Errors
    /// If no worker can be had, or the rules cannot be used.
    pub fn fleet(mut self, limits: Limits, policy: Policy) -> anyhow::Result<(Fleet, Vec<String>)> {
        let setup = Setup { weights: self.weights.text.to_string(), bundle: self.bundle.take(), limits, policy };
        let template = Fleet::template(&self.programs, &setup, self.waiting.take());
        let artifacts_per_worker = self.artifacts_per_worker;
        // What is wrong with the rules is told before what a template thinks of them.
        let rules = self.rules()?;
        let (template, mut notices) =
            template.context("no file was scanned: --in-process scans without the sandbox")?;
        let fleet = Fleet::new(template, &setup, rules).with_jobs_per_worker(artifacts_per_worker);
        let missing: Vec<&str> = fleet.walls().missing().map(|wall| wall.name()).collect();
        if !missing.is_empty() {
            notices.push(format!("warning: this kernel lacks parts of the sandbox of workers: {}", missing.join(", ")));
        }
        Ok((fleet, notices))
    }
}

fn programs(options: &Options) -> anyhow::Result<Vec<Program>> {
    match &options.worker {
        Some(path) => Ok(vec![Program::at(path)]),
        None => Program::candidates().context("cannot find this program on disk to run workers"),
    }
}

/// Compiles the rules in the first of `programs` that will do, or takes them from the cache.
fn compiled(wanted: &Options, programs: &[Program], cache: Option<PathBuf>) -> anyhow::Result<Loaded> {
    let mut programs = programs.iter().peekable();
    while let Some(program) = programs.next() {
        let options = daemon_rules::Options {
            directories: wanted.directories.clone(),
            shipped: !wanted.no_shipped_rules,
            cache: cache.clone(),
            compiler: Compiler::new(&program.path, program.args("compile")),
            compiler_key: format!("{BUILD} {}", analyzers_yara::built_for()),
        };
        match daemon_rules::load(&options) {
            // Another build, perhaps: the next one is ours.
            Err(LoadError::Compile(
                CompileError::Start { .. } | CompileError::Ended { .. } | CompileError::Garbled { .. },
            )) if programs.peek().is_some() => {}
            done => return done.context("cannot load the YARA rules: --no-yara scans without them"),
        }
    }
    bail!("found no program to compile the rules")
}

/// Refuses a directory that holds nothing of use, where its rules are not used.
fn check_data(options: &Options, files: &RuleFiles) -> anyhow::Result<()> {
    for directory in &options.directories {
        let mut found = files.weights.iter().chain(&files.models);
        if !found.any(|file| file.path.starts_with(directory)) {
            let what = "with --no-yara, each directory of --rules must contain a weights.toml or a FAMILY.model.json";
            bail!("{what}: {} contains none", shown(directory));
        }
    }
    Ok(())
}

/// Reads a file that has at most that many bytes.
fn read_text(path: &Path, bytes_max: u64) -> anyhow::Result<String> {
    let hint = || format!("cannot read {}", shown(path));
    let mut text = String::new();
    let file = File::open(path).with_context(hint)?;
    file.take(bytes_max + 1).read_to_string(&mut text).with_context(hint)?;
    if text.len() as u64 > bytes_max {
        bail!("{} has more bytes than the limit of {bytes_max} for such a file", shown(path));
    }
    Ok(text)
}

/// The weights to use: those of our own file, those of the one file there is, or those built in.
fn weights(own: Option<&Path>, mut files: Vec<(PathBuf, String)>) -> anyhow::Result<WeightsSource> {
    if let Some(path) = own {
        let text = read_text(path, WEIGHTS_BYTES_MAX)?;
        return Ok(WeightsSource { path: Some(path.to_path_buf()), text: text.into() });
    }
    if let [first, second, ..] = &files[..] {
        let (first, second) = (shown(&first.0), shown(&second.0));
        return Err(DataRefused(format!("two weights files found, {first} and {second}: remove one")).into());
    }
    Ok(match files.pop() {
        Some((path, text)) => WeightsSource { path: Some(path), text: text.into() },
        None => WeightsSource { path: None, text: RuleSet::embedded_weights().into() },
    })
}

fn parse(weights: &WeightsSource) -> anyhow::Result<RuleSet> {
    RuleSet::parse(&weights.text).map_err(|error| {
        let path = weights.path.as_deref().unwrap_or(Path::new("weights.toml"));
        let mistakes: Vec<String> =
            error.mistakes.iter().map(|mistake| format!("  {}:{mistake}", path.display())).collect();
        let count = counted(mistakes.len() as u64, "mistake");
        DataRefused(format!("cannot use {}: {count}\n{}", shown(path), mistakes.join("\n"))).into()
    })
}
