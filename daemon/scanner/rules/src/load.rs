//! From directories to compiled rules: survey, cache, and only if need be reading and compiling.

use std::fs::File;
use std::path::PathBuf;

use crate::manifest::content_digest;
use crate::read::read_settled;
use crate::{
    Cache, CompileError, Compiled, Compiler, Digest, FileRole, Mistake, Problem, RuleFile, Survey, SurveyError, Why,
    digest, shipped,
};

/// Parameters for loading rules.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directories of rules, in this order.
    pub directories: Vec<PathBuf>,
    /// Whether the rules we ship are used too, before all others.
    pub shipped: bool,
    /// Cache of compiled rules, or `None`. See [`Cache::usual_place`].
    pub cache: Option<PathBuf>,
    /// The compiler to run.
    pub compiler: Compiler,
    /// Whatever tells this compiler's machine code from that of others: versions, processor features, settings.
    pub compiler_key: String,
}

/// Compiled rules.
#[derive(Debug)]
pub struct Loaded {
    /// The bundle is the first `bundle_bytes` bytes of this file: a sealed memory file, or a file of the cache. No
    /// other process can change or truncate it, so it may be mapped.
    pub bundle: File,
    /// Length of the bundle.
    pub bundle_bytes: u64,
    /// Number of rule files.
    pub files: usize,
    /// The `weights.toml` of each directory that has one, in the order of the directories.
    pub weights: Vec<RuleFile>,
    /// The models of all directories, in the order of the directories.
    pub models: Vec<RuleFile>,
    /// Mistakes in the rules. The other rules are in the bundle.
    pub mistakes: Vec<Mistake>,
    /// Mistakes not told because there were too many.
    pub withheld: u64,
    /// Files that were skipped, and problems of the cache.
    pub problems: Vec<Problem>,
    /// Whether the bundle is from the cache; then no rule file was read.
    pub from_cache: bool,
    /// Names what the bundle was made of: the texts, not when they were written.
    pub source_digest: Digest,
}

/// Why there are no rules. The caller keeps the rules that it has.
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
/// If everything is cached, this costs one `stat` per rule file and one pass over the bundle. If files were only
/// touched or copied, they are read but not compiled.
///
/// # Errors
///
/// [`LoadError`] if a directory cannot be read, holds too many files, or the compiler fails. What is wrong with a
/// single file, or with the cache, is in [`Loaded::problems`].
pub fn load(options: &Options) -> Result<Loaded, LoadError> {
    let built_in = if options.shipped { shipped() } else { Vec::new() };
    let mut notices = Vec::new();
    let cache = options.cache.as_ref().and_then(|path| {
        let note = |error: &crate::CacheError| notices.push(cache_problem(options, error));
        Cache::open(path).inspect_err(note).ok()
    });
    // Somebody's own `pe/packers.yar` stands beside ours, and is not taken for it.
    let stem = |file: &RuleFile| file.name.rsplit_once('.').map_or(file.name.clone(), |(stem, _)| stem.to_owned());
    let survey = Survey::take_beside(&options.directories, built_in.iter().map(stem).collect())?;
    let stamps = digest(&survey, &built_in, &options.compiler_key);
    let cached = cache.as_ref().and_then(|cache| {
        let note = |error: &crate::CacheError| notices.push(cache_problem(options, error));
        let found = cache.content_of(&stamps).and_then(|content| match content {
            Some(content) => Ok(cache.get(&content)?.map(|cached| (cached, content))),
            None => Ok(None),
        });
        found.inspect_err(note).ok().flatten()
    });
    match cached {
        Some((cached, source_digest)) => {
            let weights = surveyed(&survey, FileRole::Weights, &mut notices);
            let models = surveyed(&survey, FileRole::Model, &mut notices);
            Ok(Loaded {
                bundle: cached.bundle,
                bundle_bytes: cached.bundle_bytes,
                files: built_in.len() + survey.of_role(FileRole::Rules).count(),
                weights,
                models,
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
    let stamps = digest(&survey, &texts, &options.compiler_key);
    texts.extend(files.files);
    let source_digest = content_digest(&texts, &options.compiler_key);
    // The same texts in files that were touched, or copied anew.
    let found = cache.map_or(Ok(None), |cache| cache.get(&source_digest)).unwrap_or_else(|error| {
        notices.push(cache_problem(options, &error));
        None
    });
    let from_cache = found.is_some();
    let compiled = match found {
        Some(compiled) => compiled,
        None => options.compiler.compile(&texts)?,
    };
    if let Some(cache) = cache {
        let Compiled { bundle, bundle_bytes, mistakes, withheld } = &compiled;
        let stored = match from_cache {
            true => Ok(()),
            false => cache.put(&source_digest, bundle, *bundle_bytes, mistakes, *withheld),
        };
        // What was not wholly read may be read next time, without its stamps telling.
        let remembered =
            stored.and_then(|()| if files.whole { cache.remember(&stamps, &source_digest) } else { Ok(()) });
        notices.extend(remembered.err().map(|error| cache_problem(options, &error)));
    }
    Ok(Loaded {
        bundle: compiled.bundle,
        bundle_bytes: compiled.bundle_bytes,
        files: texts.len(),
        weights: files.weights,
        models: files.models,
        mistakes: compiled.mistakes,
        withheld: compiled.withheld,
        problems: files.problems.into_iter().chain(notices).collect(),
        from_cache,
        source_digest,
    })
}

/// Reads the files of one role.
fn surveyed(survey: &Survey, role: FileRole, problems: &mut Vec<Problem>) -> Vec<RuleFile> {
    let read = |entry: &crate::FoundFile| {
        let outcome = crate::read::read_entry(survey, entry);
        outcome.map_err(|why| problems.push(Problem { path: entry.path.clone(), why })).ok()
    };
    survey.of_role(role).filter_map(read).collect()
}

fn cache_problem(options: &Options, error: &crate::CacheError) -> Problem {
    Problem { path: options.cache.clone().unwrap_or_default(), why: Why::CacheNotUsed(error.to_string()) }
}
