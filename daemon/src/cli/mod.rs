//! The command line: one file a command, with its arguments and what it does. Help, completions and manual pages all come
//! from these definitions.

pub mod admin_client;
pub mod archive;
pub mod args;
pub mod backtest;
pub mod completions;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod health;
pub mod indicators;
pub mod input;
pub mod local_market;
pub mod man;
pub mod outcomes;
pub mod owner;
pub mod paths;
pub mod purse;
pub mod report;
pub mod rules;
pub mod rules_options;
pub mod scan;
pub mod stake;
pub mod triage;
pub mod webhook;
pub mod when;

use std::io::Write;

use clap::{Parser, Subcommand};

use self::archive::ArchiveArgs;
use self::backtest::BacktestArgs;
use self::completions::CompletionsArgs;
use self::config::ConfigArgs;
use self::daemon::DaemonArgs;
use self::demo::DemoArgs;
use self::doctor::DoctorArgs;
use self::explain::ExplainArgs;
use self::health::HealthArgs;
use self::indicators::IndicatorsArgs;
use self::local_market::LocalMarketArgs;
use self::man::ManArgs;
use self::outcomes::OutcomesArgs;
use self::purse::PurseArgs;
use self::report::ReportArgs;
use self::rules::RulesCommandArgs;
use self::scan::ScanArgs;
use self::triage::TriageArgs;
use self::webhook::WebhookArgs;
use crate::exit::Exit;

/// A static scanner that says why, how sure it is, and what it would stake on its verdict.
#[derive(Parser, Debug)]
#[command(name = "stakeout", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 nothing malicious found, 1 something malicious found, 2 an error, or something \
could not be examined, 130 interrupted, 141 the reader of the output left.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Examine files, and say which are malicious and why.
    Scan(ScanArgs),
    /// Explain the verdict on one file: every indicator, its weight and place, the sum and the stake.
    Explain(ExplainArgs),
    /// Tell what files are, by magic bytes and structure, without examining them.
    Triage(TriageArgs),
    /// Check, list, test and time YARA rules.
    Rules(RulesCommandArgs),
    /// Take bounties from the marketplace, and answer them.
    Daemon(DaemonArgs),
    /// Check a configuration, or print a commented one.
    Config(ConfigArgs),
    /// Look into the memory of what was asked and answered.
    Archive(ArchiveArgs),
    /// Take in what the marketplace tells of settled bounties.
    Outcomes(OutcomesArgs),
    /// Show what was staked, what it came to, and how right we were.
    Report(ReportArgs),
    /// Try another strategy, or other weights or rules, on what was asked and answered.
    Backtest(BacktestArgs),
    /// Show what may still be risked, and open the purse after losses closed it.
    Purse(PurseArgs),
    /// Run a marketplace on loopback, to try an engine in.
    LocalMarket(LocalMarketArgs),
    /// See all of it at once: a marketplace on loopback, this engine in it, profit and loss at the end.
    Demo(DemoArgs),
    /// Try a webhook as the marketplace would.
    Webhook(WebhookArgs),
    /// Look whether this machine has what the daemon needs.
    Doctor(DoctorArgs),
    /// Ask a running daemon whether it works, and whether it takes bounties.
    Health(HealthArgs),
    /// List every indicator, with its weight, meaning, source and ATT&CK technique.
    Indicators(IndicatorsArgs),
    /// Print a shell's completion script.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command.
    Man(ManArgs),
}

/// Runs the command.
pub fn run(command: &Command, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    match command {
        Command::Scan(args) => scan::scan(args, out),
        Command::Explain(args) => explain::explain(args, out),
        Command::Triage(args) => triage::triage(args, out),
        Command::Rules(args) => rules::rules(&args.command, out),
        Command::Daemon(args) => daemon::daemon(args),
        Command::Config(args) => config::config(&args.command, out),
        Command::Archive(args) => archive::archive(&args.command, out),
        Command::Outcomes(args) => outcomes::outcomes(args, out),
        Command::Report(args) => report::report(args, out),
        Command::Backtest(args) => backtest::backtest(args, out),
        Command::Purse(args) => purse::purse(args, out),
        Command::LocalMarket(args) => local_market::local_market(args, out),
        Command::Demo(args) => demo::demo(args, out),
        Command::Webhook(args) => webhook::webhook(&args.command, out),
        Command::Doctor(args) => doctor::doctor(args, out),
        Command::Health(args) => health::health(args, out),
        Command::Indicators(args) => indicators::indicators(args, out),
        Command::Completions(args) => Ok(completions::completions(args, out)),
        Command::Man(args) => man::man(args, out),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
