//! What files are judged by: weights and YARA rules, built in or from directories, and the processes that use them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use daemon_engine::{Limits, Policy, RuleSet};
use daemon_examiner::{BUILD, Bundle, Program, Setup};
use daemon_pool::{Fleet, Rules};
use daemon_rules::{Cache, CompileError, Compiler, LoadError, Loaded, Mistake, Options, Severity, Why};

use crate::cli::{RulesArgs, WallArgs};
use crate::words::{counted, shown};

/// Largest weights file taken. The one we ship has some ten thousand bytes.
const WEIGHTS_BYTES_MAX: u64 = 1 << 20;
/// Mistakes in rules shown before a scan; `rules check` shows all.
const MISTAKES_SHOWN_MAX: usize = 5;

/// What files are judged by.
pub struct Judging {
    /// Every mistake in the YARA rules.
    pub mistakes: Vec<Mistake>,
    /// What was left out, and what was not used, in words.
    pub notices: Vec<String>,
    /// Whether any of it was left out.
    pub left_out: bool,
    /// Whether the compiled rules were in the cache.
    pub from_cache: bool,
    /// Made on a thread of its own, for workers load the same at the same time.
    rules: JoinHandle<anyhow::Result<RuleSet>>,
    weights: Arc<Source>,
    bundle: Option<Bundle>,
    programs: Vec<Program>,
}

/// Loads what `args` ask for, and says on standard error what is wrong with it.
pub fn load(args: &RulesArgs) -> anyhow::Result<Judging> {
    load_weighed(args, None)
}

/// The same with the weights of that file, where one is given, whatever weights there are beside the rules.
pub fn load_weighed(args: &RulesArgs, weights: Option<&Path>) -> anyhow::Result<Judging> {
    let judging = read(args, weights)?;
    judging.notices.iter().for_each(|text| notice(text));
    let errors: Vec<&Mistake> = judging.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
    for mistake in errors.iter().take(MISTAKES_SHOWN_MAX) {
        notice(&mistake.rendered);
    }
    if errors.len() > MISTAKES_SHOWN_MAX {
        notice(&format!(
            "and {}: see `stakeout rules check`",
            counted((errors.len() - MISTAKES_SHOWN_MAX) as u64, "more error")
        ));
    }
    Ok(judging)
}

/// The same, but what is wrong with it is left to the caller to tell.
pub fn load_quietly(args: &RulesArgs) -> anyhow::Result<Judging> {
    read(args, None)
}

fn read(args: &RulesArgs, own: Option<&Path>) -> anyhow::Result<Judging> {
    let programs = programs(args)?;
    if args.no_yara {
        let weights = Arc::new(weights(own, own_weights(&args.directories)?)?);
        let rules = make(Arc::clone(&weights), None)?;
        return Ok(Judging {
            mistakes: Vec::new(),
            notices: Vec::new(),
            left_out: false,
            from_cache: false,
            rules,
            weights,
            bundle: None,
            programs,
        });
    }
    let cache = match &args.rules_cache {
        _ if args.no_rules_cache => None,
        Some(place) => Some(place.clone()),
        None => Cache::usual_place(),
    };
    let loaded = compiled(args, &programs, cache)?;
    let notices = loaded.problems.iter().map(|problem| format!("{}: {}", shown(&problem.path), problem.why)).collect();
    let from_cache = loaded.from_cache;
    let left_out = loaded.problems.iter().any(|problem| !matches!(problem.why, Why::CacheNotUsed(_)));
    let mut files = Vec::with_capacity(loaded.weights.len());
    for file in loaded.weights {
        let text = String::from_utf8(file.text).with_context(|| format!("{} is not text", shown(&file.path)))?;
        files.push((file.path, text));
    }
    let weights = Arc::new(weights(own, files)?);
    let bundle = Bundle { file: loaded.bundle, bytes: loaded.bundle_bytes, sources: loaded.source_digest.to_string() };
    let rules = make(Arc::clone(&weights), Some(bundle.try_clone().context("cannot open the compiled rules twice")?))?;
    Ok(Judging {
        mistakes: loaded.mistakes,
        notices,
        left_out,
        from_cache,
        rules,
        weights,
        bundle: Some(bundle),
        programs,
    })
}

/// Makes the rules meanwhile.
fn make(weights: Arc<Source>, bundle: Option<Bundle>) -> anyhow::Result<JoinHandle<anyhow::Result<RuleSet>>> {
    let make = move || {
        let rules = parse(&weights)?;
        let Some(bundle) = bundle else { return Ok(rules) };
        let library = bundle.open().context("cannot use the compiled rules (--no-rules-cache compiles them anew)")?;
        Ok(rules.with_library(library, &weights.text, &bundle.sources))
    };
    std::thread::Builder::new().name("rules".to_owned()).spawn(make).context("cannot start a thread")
}

/// The text of the weights, and where it is from unless it was built in.
struct Source {
    path: Option<PathBuf>,
    text: Cow<'static, str>,
}

impl Judging {
    /// The rules themselves.
    pub fn rules(self) -> anyhow::Result<Arc<RuleSet>> {
        let made = self.rules.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        made.map(Arc::new)
    }

    /// What a pool examines with. Says on standard error what is less than it should be.
    pub fn examiners(self, wall: &WallArgs, limits: Limits, policy: Policy) -> anyhow::Result<Rules> {
        if wall.in_process {
            return Ok(Rules::InProcess { rules: self.rules()?, limits, policy });
        }
        let (fleet, notices) = self.fleet(limits, policy)?;
        notices.iter().for_each(|text| notice(text));
        Ok(Rules::Walled(Arc::new(fleet)))
    }

    /// A fleet of workers, and what is less than it should be.
    pub fn fleet(mut self, limits: Limits, policy: Policy) -> anyhow::Result<(Fleet, Vec<String>)> {
        let setup = Setup { weights: self.weights.text.to_string(), bundle: self.bundle.take(), limits, policy };
        let template = Fleet::template(&self.programs, &setup);
        // What is wrong with the rules is told before what a template thinks of them.
        let rules = self.rules()?;
        let (template, mut notices) =
            template.context("no file was examined (--in-process examines without a wall)")?;
        let fleet = Fleet::new(template, &setup, rules);
        let missing: Vec<&str> = fleet.walls().missing().map(|wall| wall.name()).collect();
        if !missing.is_empty() {
            notices
                .push(format!("warning: this kernel lacks a part of the wall around workers: {}", missing.join(", ")));
        }
        Ok((fleet, notices))
    }
}

/// Says it on standard error.
pub fn notice(text: &str) {
    // Nothing can be done if standard error is gone.
    let _ = std::io::Write::write_all(&mut anstream::stderr(), format!("{text}\n").as_bytes());
}

fn programs(args: &RulesArgs) -> anyhow::Result<Vec<Program>> {
    match &args.worker {
        Some(path) => Ok(vec![Program::at(path)]),
        None => Program::candidates().context("cannot find this program on disk, which workers run in"),
    }
}

/// Compiles the rules in the first of `programs` that will do, or takes them from the cache.
fn compiled(args: &RulesArgs, programs: &[Program], cache: Option<PathBuf>) -> anyhow::Result<Loaded> {
    let mut programs = programs.iter().peekable();
    while let Some(program) = programs.next() {
        let options = Options {
            directories: args.directories.clone(),
            shipped: !args.no_shipped_rules,
            cache: cache.clone(),
            compiler: Compiler::new(&program.path, program.args("compile")),
            compiler_key: format!("{BUILD} {}", analyzers_yara::built_for()),
        };
        match daemon_rules::load(&options) {
            // Another build, perhaps: the next one is ours.
            Err(LoadError::Compile(
                CompileError::Start { .. } | CompileError::Ended { .. } | CompileError::Garbled { .. },
            )) if programs.peek().is_some() => {}
            done => return done.context("cannot load the YARA rules (--no-yara goes without)"),
        }
    }
    bail!("there is no program that rules could be compiled in")
}

/// The weights files of directories that have one, where nothing else of them is used.
fn own_weights(directories: &[PathBuf]) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let read = |path: PathBuf| {
        let text =
            read_weights(&path).context("with --no-yara, --rules takes a directory that holds a weights.toml")?;
        Ok((path, text))
    };
    directories.iter().map(|directory| read(directory.join("weights.toml"))).collect()
}

fn read_weights(path: &Path) -> anyhow::Result<String> {
    let hint = || format!("cannot read {}", shown(path));
    let size = std::fs::metadata(path).with_context(hint)?.len();
    if size > WEIGHTS_BYTES_MAX {
        bail!("{} has {size} bytes, more than the {WEIGHTS_BYTES_MAX} a weights file may have", shown(path));
    }
    std::fs::read_to_string(path).with_context(hint)
}

/// The weights to use: those of our own file, those of the one file there is, or those built in.
fn weights(own: Option<&Path>, mut files: Vec<(PathBuf, String)>) -> anyhow::Result<Source> {
    if let Some(path) = own {
        let text = read_weights(path)?;
        return Ok(Source { path: Some(path.to_path_buf()), text: text.into() });
    }
    if let [first, second, ..] = &files[..] {
        bail!("there are two files of weights, {} and {}: remove one", shown(&first.0), shown(&second.0));
    }
    Ok(match files.pop() {
        Some((path, text)) => Source { path: Some(path), text: text.into() },
        None => Source { path: None, text: RuleSet::embedded_weights().into() },
    })
}

fn parse(weights: &Source) -> anyhow::Result<RuleSet> {
    RuleSet::parse(&weights.text).map_err(|error| {
        let path = weights.path.as_deref().unwrap_or(Path::new("weights.toml"));
        let mistakes: Vec<String> =
            error.mistakes.iter().map(|mistake| format!("  {}:{mistake}", path.display())).collect();
        let count = counted(mistakes.len() as u64, "mistake");
        anyhow::anyhow!("cannot use {}: {count}\n{}", shown(path), mistakes.join("\n"))
    })
}
