//! `stakeout evaluate`: how good weights and models are on labelled files.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueHint};
use daemon_detector::Options;
use daemon_fitting::{EvaluationOptions, Version};

use crate::cli::args::RulesArgs;
use crate::cli::corpus::CorpusArgs;
use crate::cli::rules_options;
use crate::exit::Exit;
use crate::terminal::format::shown;

/// Arguments of `evaluate`.
#[derive(Args, Debug)]
#[command(
    after_help = "What was seen in a file is weighed again by the given weights and models, so that another version of \
them needs no scan. Figures are told for each family of files and for parts of it (programs, ordinary files, …), with 95 % \
intervals by bootstrap over packages, programs and families of malware. rules/model/README.md says what a corpus is.

A model knows the files that it was trained on. Give --margins of models that were trained without them, or files that it \
never saw.

Examples:
  stakeout scan --ndjson --measures corpus/ > corpus.ndjson
  stakeout evaluate manifest.csv --lines corpus.ndjson --margins pe.scores.csv --html evaluation.html
  stakeout evaluate manifest.csv --corpus corpus/ --against rules.new

Exit codes: 0 done, 2 an error."
)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub corpus: CorpusArgs,
    #[command(flatten)]
    pub rules: RulesArgs,
    /// Compare with the weights and models in DIR, file by file: the same draws of the bootstrap for both.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub against: Option<PathBuf>,
    /// Share of malware in the stream that precision is told for.
    #[arg(long, value_name = "SHARE", default_value = "0.15", value_parser = share)]
    pub live_prior: f64,
    /// Number of errors of each label to list, with their evidence.
    #[arg(long, value_name = "N", default_value = "20")]
    pub worst: usize,
    /// Print one JSON document (see docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Also write an HTML page with charts to FILE. The page is self-contained: it loads nothing from the network.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// Parses a share between 0 and 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| format!("`{text}` is not a number between 0 and 1"))
}

/// Runs `stakeout evaluate`.
pub(crate) fn evaluate(args: &EvaluateArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let own = args.corpus.options(&args.rules)?;
    let first = rules_options::load(&own)?.rules()?;
    let corpus = args.corpus.read(&own, first.weights())?;
    let second = match &args.against {
        Some(directory) => {
            let against = Options { directories: vec![directory.clone()], ..own.clone() };
            Some((shown(directory), rules_options::load(&against)?.rules()?))
        }
        None => None,
    };
    let name = args.rules.directories.first().map_or_else(|| "built in".to_owned(), |directory| shown(directory));
    let options = EvaluationOptions { draws: args.corpus.draws(), live_prior: args.live_prior, worst: args.worst };
    let evaluation = daemon_fitting::evaluate(
        &corpus,
        Version { name: &name, weights: first.weights() },
        second.as_ref().map(|(name, rules)| Version { name, weights: rules.weights() }),
        &options,
    );
    if let Some(file) = &args.html {
        std::fs::write(file, daemon_fitting::page(&evaluation))
            .with_context(|| format!("cannot write {}", shown(file)))?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &evaluation)?;
        writeln!(out)?;
    } else {
        daemon_fitting::write_text(&evaluation, out)?;
    }
    Ok(Exit::Clean)
}
