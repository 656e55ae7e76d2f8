//! From directories to compiled rules: survey, cache, and only if need be reading and compiling.

use std::fs::File;
use std::path::PathBuf;

use crate::read::read_settled;
use crate::{
    Cache, CompileError, Compiler, Digest, Mistake, Problem, Role, RuleFile, Survey, SurveyError, Why, digest, shipped,
};

/// What to load, and with what.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directories of rules, in this order.
    pub directories: Vec<PathBuf>,
    /// Whether the rules we ship are used too, before all others.
    pub shipped: bool,
    /// Where compiled rules are kept. None: nowhere. See [`Cache::usual_place`].
    pub cache: Option<PathBuf>,
    /// What compiles them.
    pub compiler: Compiler,
    /// Whatever tells this compiler's machine code from that of others: versions, processor features, settings.
    pub compiler_key: String,
}

/// Compiled rules.
#[derive(Debug)]
pub struct Loaded {
    /// The bundle is the first `bundle_bytes` bytes of this file. It is a sealed memory file, or a file of the cache:
    /// either way nobody but us can change or shorten it, so it may be mapped.
    pub bundle: File,
    /// Length of the bundle.
    pub bundle_bytes: u64,
    /// How many rule files it was made of.
    pub files: usize,
    /// The `weights.toml` of each directory that has one, in the order of the directories.
    pub weights: Vec<RuleFile>,
    /// What is wrong with the rules; those without fault are in the bundle.
    pub mistakes: Vec<Mistake>,
    /// Mistakes not told because there were too many.
    pub withheld: u64,
    /// What was left out, and whether the cache was of no use.
    pub problems: Vec<Problem>,
    /// Whether the bundle is from the cache; then no rule file was read.
    pub from_cache: bool,
    /// Names what the bundle was made of.
    pub source_digest: Digest,
}

/// Why there are no rules. A caller that has some keeps them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The directories cannot be read.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// The rules cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

/// Loads rules: from the cache if it holds what was made of exactly these files, else by compiling them.
///
/// With everything in the cache this costs one `stat` per rule file and one pass over the bundle.
pub fn load(options: &Options) -> Result<Loaded, LoadError> {
    let built_in = if options.shipped { shipped() } else { Vec::new() };
    let mut notices = Vec::new();
    let cache = options.cache.as_ref().and_then(|path| {
        let note = |error: &crate::CacheError| notices.push(cache_problem(options, error));
        Cache::open(path).inspect_err(note).ok()
    });
    let survey = Survey::take(&options.directories)?;
    let source_digest = digest(&survey, &built_in, &options.compiler_key);
    let cached = cache.as_ref().and_then(|cache| {
        let note = |error: &crate::CacheError| notices.push(cache_problem(options, error));
        cache.get(&source_digest).inspect_err(note).ok().flatten()
    });
    match cached {
        Some(cached) => {
            let weights = survey_weights(&survey, &mut notices);
            Ok(Loaded {
                bundle: cached.bundle,
                bundle_bytes: cached.bundle_bytes,
                files: built_in.len() + survey.of_role(Role::Rules).count(),
                weights,
                mistakes: cached.mistakes,
                withheld: cached.withheld,
                problems: survey.problems.into_iter().chain(notices).collect(),
                from_cache: true,
                source_digest,
            })
        }
        None => compile(options, survey, built_in, cache.as_ref(), notices),
    }
}

fn compile(
    options: &Options,
    survey: Survey,
    mut texts: Vec<RuleFile>,
    cache: Option<&Cache>,
    mut notices: Vec<Problem>,
) -> Result<Loaded, LoadError> {
    let (survey, files) = read_settled(&options.directories, survey)?;
    let source_digest = digest(&survey, &texts, &options.compiler_key);
    texts.extend(files.files);
    let compiled = options.compiler.compile(&texts)?;
    if let Some(cache) = cache.filter(|_| files.whole) {
        let stored =
            cache.put(&source_digest, &compiled.bundle, compiled.bundle_bytes, &compiled.mistakes, compiled.withheld);
        notices.extend(stored.err().map(|error| cache_problem(options, &error)));
    }
    Ok(Loaded {
        bundle: compiled.bundle,
        bundle_bytes: compiled.bundle_bytes,
        files: texts.len(),
        weights: files.weights,
        mistakes: compiled.mistakes,
        withheld: compiled.withheld,
        problems: files.problems.into_iter().chain(notices).collect(),
        from_cache: false,
        source_digest,
    })
}

fn survey_weights(survey: &Survey, problems: &mut Vec<Problem>) -> Vec<RuleFile> {
    let read = |entry: &crate::Entry| {
        let outcome = crate::read::read_entry(survey, entry);
        outcome.map_err(|why| problems.push(Problem { path: entry.path.clone(), why })).ok()
    };
    survey.of_role(Role::Weights).filter_map(read).collect()
}

fn cache_problem(options: &Options, error: &crate::CacheError) -> Problem {
    Problem { path: options.cache.clone().unwrap_or_default(), why: Why::CacheNotUsed(error.to_string()) }
}
