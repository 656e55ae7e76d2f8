//! `stakeout rules`: checks, lists, tests and benchmarks YARA rules, and shows which rules a daemon uses.

use clap::{Args, Subcommand, ValueHint};

use crate::cli::rules::bench::RulesBenchArgs;
use crate::cli::rules::status::RulesStatusArgs;

mod bench;
mod status;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use analyzers_yara::{Library, RuleEntry, Yara};
use anyhow::bail;
use daemon_detector::ModelStatus;
use daemon_engine::RuleSet;
use daemon_rules::{Mistake, Severity, test_cases};
use serde::Serialize;

use crate::cli::args::RulesArgs;
use crate::exit::Exit;
use crate::terminal::format::{HEADING, counted};

/// Arguments of `rules`.
#[derive(Args, Debug)]
pub(crate) struct RulesCommandArgs {
    /// The command to run.
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// Subcommands of `rules`.
#[derive(Subcommand, Debug)]
pub(crate) enum RulesCommand {
    /// Compile rules and report all mistakes, each with file, line and column. Check weights and models, and name the
    /// models.
    Check(RulesCheckArgs),
    /// List rules with their weight, ATT&CK technique, id, file and line.
    List(RulesListArgs),
    /// Run the tests of rules: NAME.test.toml for NAME.yar.
    Test(RulesTestArgs),
    /// Measure the scan time of each rule on given files.
    Bench(RulesBenchArgs),
    /// Show which rules a running daemon uses, and the result of its last reload.
    Status(RulesStatusArgs),
}

/// Which rules to use.
#[derive(Args, Debug)]
pub(crate) struct OwnRulesArgs {
    /// Directories with rules. Default: the built-in rules.
    #[arg(id = "own_directories", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directories: Vec<PathBuf>,
    #[command(flatten)]
    pub rules: RulesArgs,
}

/// Arguments of `rules check`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout rules check /etc/stakeout/rules && systemctl reload stakeout")]
pub(crate) struct RulesCheckArgs {
    #[command(flatten)]
    pub own: OwnRulesArgs,
    /// Print a JSON array of mistakes.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rules list`.
#[derive(Args, Debug)]
pub(crate) struct RulesListArgs {
    #[command(flatten)]
    pub own: OwnRulesArgs,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rules test`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout rules test rules")]
pub(crate) struct RulesTestArgs {
    /// Directories with rules and their tests.
    #[arg(id = "own_directories", value_name = "DIR", value_hint = ValueHint::DirPath, required = true)]
    pub directories: Vec<PathBuf>,
    #[command(flatten)]
    pub rules: RulesArgs,
}

/// Runs `stakeout rules`.
pub(crate) fn rules(command: &RulesCommand, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match command {
        RulesCommand::Check(args) => check(args, out),
        RulesCommand::List(args) => list(args, out),
        RulesCommand::Test(args) => test(args, out),
        RulesCommand::Bench(args) => bench::bench(args, out),
        RulesCommand::Status(args) => status::status(args, out),
    }
}

/// Loads the rules in these directories, or the built-in rules if there are none.
fn of(directories: &[PathBuf], rules: &RulesArgs) -> anyhow::Result<Own> {
    let mut rules = rules.clone();
    // Who names directories wants to hear of those, not of ours.
    rules.no_shipped_rules |= !directories.is_empty();
    rules.directories.extend_from_slice(directories);
    if rules.no_yara {
        bail!("--no-yara leaves no rules");
    }
    let mut detector = daemon_detector::load(&rules.options())?;
    detector.notices.iter().for_each(|text| crate::terminal::notice(text));
    Ok(Own { mistakes: std::mem::take(&mut detector.mistakes), rules: detector.rules()? })
}

/// The loaded rules and their mistakes.
struct Own {
    rules: Arc<RuleSet>,
    mistakes: Vec<Mistake>,
}

impl Own {
    fn library(&self) -> &Library {
        self.rules.library().expect("only --no-yara goes without, and that was refused")
    }
}

fn check(args: &RulesCheckArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let own = of(&args.own.directories, &args.own.rules)?;
    let mut files: BTreeMap<&str, u64> = BTreeMap::new();
    for rule in own.library().rules().iter() {
        *files.entry(&rule.file).or_default() += 1;
    }
    let errors = own.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
    let warnings = own.mistakes.len() - errors;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &own.mistakes)?;
        writeln!(out)?;
    } else {
        for mistake in &own.mistakes {
            writeln!(out, "{}\n", mistake.rendered)?;
        }
        writeln!(
            out,
            "{} in {} usable; {}, {}",
            counted(own.library().rules().len() as u64, "rule"),
            counted(files.len() as u64, "file"),
            counted(errors as u64, "error"),
            counted(warnings as u64, "warning"),
        )?;
        for model in ModelStatus::of(&own.rules) {
            writeln!(out, "{model}")?;
        }
    }
    let brings_model = own.rules.models().iter().any(|model| model.path.is_some());
    let brings_weights = args.own.directories.iter().any(|directory| directory.join("weights.toml").is_file());
    Ok(match (errors, own.library().rules().is_empty() && !brings_model && !brings_weights) {
        (0, false) => Exit::Clean,
        // Nothing is wrong with what is not there, but whoever checks a directory means one that has something.
        (0, true) => Exit::Found,
        _ => Exit::Error,
    })
}

#[derive(Serialize)]
struct ListedRule<'r> {
    id: &'r str,
    weight: f64,
    attack: Option<&'r str>,
    family: Option<&'r str>,
    description: Option<&'r str>,
    file: &'r str,
    line: u32,
    tags: &'r [String],
}

impl<'r> ListedRule<'r> {
    fn of(rule: &'r RuleEntry) -> Self {
        ListedRule {
            id: &rule.id,
            weight: rule.weight,
            attack: rule.attack.as_deref(),
            family: rule.family.as_deref(),
            description: rule.description.as_deref(),
            file: &rule.file,
            line: rule.line,
            tags: &rule.tags,
        }
    }
}

fn list(args: &RulesListArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let own = of(&args.own.directories, &args.own.rules)?;
    let library = own.library();
    if args.json {
        let listed: Vec<ListedRule<'_>> = library.rules().iter().map(ListedRule::of).collect();
        serde_json::to_writer_pretty(&mut *out, &listed)?;
        writeln!(out)?;
        return Ok(Exit::Clean);
    }
    writeln!(out, "{HEADING}{:>6}  {:<10} {:<48} FILE{HEADING:#}", "WEIGHT", "ATT&CK", "RULE")?;
    for rule in library.rules().iter() {
        let attack = rule.attack.as_deref().unwrap_or("-");
        writeln!(out, "{:>+6.2}  {attack:<10} {:<48} {}:{}", rule.weight, rule.id, rule.file, rule.line)?;
    }
    let sets: Vec<String> = library.sets().map(|(name, rules)| format!("{name} {rules}")).collect();
    writeln!(
        out,
        "{}; sets: {}; generation {}",
        counted(library.rules().len() as u64, "rule"),
        sets.join(", "),
        own.rules.generation()
    )?;
    Ok(Exit::Clean)
}

fn test(args: &RulesTestArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let own = of(&args.directories, &args.rules)?;
    let cases = test_cases::cases(&args.directories)?;
    if cases.is_empty() {
        bail!("there are no tests: add NAME.test.toml next to NAME.yar (see rules/README.md)");
    }
    let mut rules = RuleTrial::new(own.library());
    let failures = test_cases::run(&cases, |sample| rules.hits(sample));
    for failure in &failures {
        writeln!(out, "{failure}")?;
    }
    let errors = own.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
    let untested: Vec<&str> = own
        .library()
        .rules()
        .iter()
        .filter(|rule| !cases.iter().any(|case| case.rules == rule.namespace && case.hits.contains(&rule.name)))
        .map(|rule| rule.id.as_str())
        .collect();
    for id in &untested {
        writeln!(out, "{id}: no test case matches it")?;
    }
    writeln!(
        out,
        "{} for {}: {}, {} without a case, {} in the rules",
        counted(cases.len() as u64, "case"),
        counted(own.library().rules().len() as u64, "rule"),
        counted(failures.len() as u64, "failure"),
        untested.len(),
        counted(errors as u64, "error")
    )?;
    Ok(if failures.is_empty() && untested.is_empty() && errors == 0 { Exit::Clean } else { Exit::Error })
}

/// Runs rules on samples in this process.
struct RuleTrial<'r> {
    library: &'r Library,
    yara: Yara<'r>,
}

impl<'r> RuleTrial<'r> {
    fn new(library: &'r Library) -> Self {
        RuleTrial { library, yara: Yara::new(library) }
    }

    /// Returns the matching rules, as `any/shells:bash_reverse_shell`.
    fn hits(&mut self, bytes: &[u8]) -> Vec<String> {
        let kind = triage::triage(bytes);
        let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
        let mut findings = Findings::new(record, LayerId::ARTIFACT);
        self.yara.analyze(Sample { bytes, kind }, &mut findings);
        let (record, _) = findings.finish();
        let name = |rule: &RuleEntry| format!("{}:{}", rule.namespace, rule.name);
        let rules = self.library.rules();
        record
            .evidence
            .iter()
            .filter_map(|seen| rules.iter().find(|rule| rule.id == seen.indicator.as_str()).map(name))
            .collect()
    }
}
