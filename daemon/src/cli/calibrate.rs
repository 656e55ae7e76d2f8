//! `stakeout calibrate`: weights, calibrations and joins fitted to labelled files.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueHint};
use daemon_engine::RuleSet;
use daemon_fitting::{FittedFamily, FittingOptions, Spread, rewrite_join, rewrite_weights};
use triage::Family;

use crate::cli::args::RulesArgs;
use crate::cli::backtest::{self, BacktestArgs};
use crate::cli::corpus::CorpusArgs;
use crate::cli::rules_options;
use crate::exit::Exit;
use crate::terminal::format::shown;

/// Arguments of `calibrate`.
#[derive(Args, Debug)]
#[command(
    after_help = "Weights stay near the present ones where few files say otherwise, keep their sign, and count as now: one \
fact once, through groups and caps. Structure (packing, odd linkers) never comes to count more. How a model is joined with \
the indicators is fitted to margins of models that were trained without the file; rules/model/train.py --scores writes them.

Each file is judged by numbers that were fitted without its package, program or family of malware, and the difference to the \
present numbers is told with a 95 % interval. With --from-archive the files are the stored artifacts of settled bounties, and a backtest says what the new numbers would \
have earned. Nothing is installed: try what is written with `evaluate --against DIR`, and use \
it with --rules DIR.

Examples:
  stakeout calibrate manifest.csv --lines corpus.ndjson --margins pe.scores.csv --out rules.new
  stakeout calibrate manifest.csv --corpus corpus/ --family office --out rules.new
  stakeout calibrate --from-archive --config /etc/stakeout.toml --keep-weights --out rules.new

Exit codes: 0 done, 2 an error."
)]
pub(crate) struct CalibrateArgs {
    #[command(flatten)]
    pub corpus: CorpusArgs,
    #[command(flatten)]
    pub rules: RulesArgs,
    /// Write weights.toml, and a model whose join was fitted, to DIR.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Fit only files of FAMILY: pe, elf, office or other. May be repeated. Default: all.
    #[arg(long, value_name = "FAMILY", value_parser = family)]
    pub family: Vec<Family>,
    /// Keep the weights, and fit only calibrations and joins.
    #[arg(long)]
    pub keep_weights: bool,
    /// How far a weight may be expected to be from the present one, in nats. Less keeps weights nearer.
    #[arg(long, value_name = "NATS", default_value = "0.5", value_parser = spread)]
    pub spread: f64,
    /// Number of parts that are held out one after another.
    #[arg(long, value_name = "K", default_value = "5", value_parser = clap::value_parser!(u16).range(2..=100))]
    pub folds: u16,
    /// Print one JSON document (see docs/json.md).
    #[arg(long)]
    pub json: bool,
}

fn family(text: &str) -> Result<Family, String> {
    Family::ALL.into_iter().find(|family| family.name() == text).ok_or_else(|| format!("`{text}` is no family"))
}

fn spread(text: &str) -> Result<f64, String> {
    let spread = text.parse().ok().filter(|spread| (0.001..=8.0).contains(spread));
    spread.ok_or_else(|| format!("`{text}` is not a number from 0.001 to 8"))
}

/// Runs `stakeout calibrate`.
pub(crate) fn calibrate(args: &CalibrateArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    let own = args.corpus.options(&args.rules)?;
    let detector = rules_options::load(&own)?;
    let present = detector.weights_text().to_owned();
    let rules = detector.rules()?;
    let corpus = args.corpus.read(&own, rules.weights())?;
    let options = FittingOptions {
        families: if args.family.is_empty() { Family::ALL.to_vec() } else { args.family.clone() },
        weights: !args.keep_weights,
        folds: usize::from(args.folds),
        spread: Spread { weight: args.spread, ..Spread::default() },
        prior: rules.weights().prior_fitted,
        draws: args.corpus.draws(),
        ..FittingOptions::default()
    };
    let fitted = daemon_fitting::calibrate(&corpus, rules.weights(), &options);
    let made = daemon_fitting::made(&corpus, &fitted, env!("CARGO_PKG_VERSION"));
    let weights = rewrite_weights(&present, &fitted, &made)?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", shown(&args.out)))?;
    write(&args.out, "weights.toml", &weights)?;
    let new = daemon_fitting::apply(rules.weights(), &fitted);
    for FittedFamily { family, join, .. } in &fitted {
        let (Some(_), Some(model)) = (join, new.model(*family)) else { continue };
        let text = rewrite_join(&model_text(&rules, *family)?, *family, model.join())?;
        write(&args.out, &format!("{}.model.json", family.name()), &text)?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "schema": 1, "made": made, "families": fitted }))?;
        writeln!(out)?;
    } else {
        daemon_fitting::write_fitted(&fitted, out)?;
        writeln!(out, "wrote {}", shown(&args.out))?;
        if args.corpus.from_archive {
            // The rules stay those of the archive's daemon; weights and models are the new ones.
            writeln!(out)?;
            let models: Vec<&str> =
                fitted.iter().filter(|one| one.join.is_some()).map(|one| one.family.name()).collect();
            let models = models.iter().map(|family| args.out.join(format!("{family}.model.json"))).collect();
            let anew = BacktestArgs::of_fitted(&args.corpus, args.out.join("weights.toml"), models);
            return backtest::backtest(&anew, out);
        }
    }
    Ok(Exit::Clean)
}

/// The text of the model that judges a family: that of its file, or the one built in.
fn model_text(rules: &RuleSet, family: Family) -> anyhow::Result<Cow<'static, str>> {
    let path = rules.models().iter().find(|choice| choice.family == family).and_then(|choice| choice.path.as_deref());
    match path {
        Some(path) => Ok(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", shown(path)))?.into()),
        None => Ok(RuleSet::embedded_model(family).unwrap_or_default().into()),
    }
}

/// Writes a file that is not there yet: what is in use is not overwritten.
fn write(directory: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = directory.join(name);
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match made {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} is there already: choose another directory for --out", shown(&path))
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {}", shown(&path))),
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", shown(&path)))
}
