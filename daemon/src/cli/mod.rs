//! The command line. Each command has one file, with its arguments and its code. The help, the shell completions and
//! the manual pages are generated from these definitions.

pub(crate) mod admin_client;
pub(crate) mod archive;
pub(crate) mod args;
pub(crate) mod backtest;
pub(crate) mod calibrate;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod consume;
pub(crate) mod corpus;
pub(crate) mod daemon;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod indicators;
pub(crate) mod local_market;
pub(crate) mod man;
pub(crate) mod outcomes;
pub(crate) mod purse;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod rules_options;
pub(crate) mod scan;
pub(crate) mod top;
pub(crate) mod triage;
pub(crate) mod wallet;
pub(crate) mod webhook;
pub(crate) mod when;

use std::io::Write;

use clap::{Parser, Subcommand};

use self::archive::ArchiveArgs;
use self::backtest::BacktestArgs;
use self::calibrate::CalibrateArgs;
use self::completions::CompletionsArgs;
use self::config::ConfigArgs;
use self::consume::ConsumeArgs;
use self::daemon::DaemonArgs;
use self::demo::DemoArgs;
use self::doctor::DoctorArgs;
use self::evaluate::EvaluateArgs;
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
use self::top::TopArgs;
use self::triage::TriageArgs;
use self::wallet::{ClaimArgs, WalletArgs};
use self::webhook::WebhookArgs;
use crate::exit::Exit;

/// A static malware scanner and PolySwarm engine that explains its verdicts.
#[derive(Parser, Debug)]
#[command(name = "stakeout", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 nothing malicious found, 1 malware found, 2 an error, or a file could not be fully \
scanned, 64 the configuration is wrong, 130 interrupted, 141 the reader of the output closed the pipe."
)]
pub(crate) struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The command to run.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Scan files for malware and explain each verdict.
    Scan(ScanArgs),
    /// Explain the verdict on one file or bounty: indicators, weights, probability and stake.
    Explain(ExplainArgs),
    /// Identify file types by magic bytes and structure, without scanning them.
    Triage(TriageArgs),
    /// Check, list, test and benchmark YARA rules.
    Rules(RulesCommandArgs),
    /// Evaluate weights and models on labelled files.
    Evaluate(Box<EvaluateArgs>),
    /// Fit weights, calibrations and joins of models to labelled files.
    Calibrate(Box<CalibrateArgs>),
    /// Run the PolySwarm engine: receive bounties, scan artifacts, send answers.
    Daemon(DaemonArgs),
    /// Take jobs of a queue on any host, scan, and send reports back.
    Consume(Box<ConsumeArgs>),
    /// Check a configuration file, or print a commented example.
    Config(ConfigArgs),
    /// Query and verify the archive of bounties and answers.
    Archive(ArchiveArgs),
    /// Import settlements of bounties, or correct them.
    Outcomes(OutcomesArgs),
    /// Print the profit and loss report, with accuracy and calibration.
    Report(ReportArgs),
    /// Backtest other strategies, weights or rules on archived bounties.
    Backtest(BacktestArgs),
    /// Show the stake and loss limits, and resume staking after losses closed the purse.
    Purse(PurseArgs),
    /// Create, import and use the keystore of an engine.
    Wallet(WalletArgs),
    /// Sign the message by which PolySwarm verifies that an engine is yours.
    Claim(ClaimArgs),
    /// Run a test marketplace on loopback, or simulate one.
    LocalMarket(LocalMarketArgs),
    /// Run a demo: a marketplace and this engine on loopback, then a profit and loss report.
    Demo(DemoArgs),
    /// Test a webhook as the marketplace does.
    Webhook(WebhookArgs),
    /// Check whether this machine can run the daemon.
    Doctor(DoctorArgs),
    /// Ask a running daemon whether it is live and ready for bounties.
    Health(HealthArgs),
    /// Watch a running daemon in the terminal: bounties, stakes, profit, verdicts, alarms.
    Top(TopArgs),
    /// List all indicators with their weight, meaning, source and ATT&CK technique.
    Indicators(IndicatorsArgs),
    /// Print a shell completion script.
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for every command.
    Man(ManArgs),
}

/// Runs the command.
pub(crate) fn run(command: &Command, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    match command {
        Command::Scan(args) => scan::scan(args, out),
        Command::Explain(args) => explain::explain(args, out),
        Command::Triage(args) => triage::triage(args, out),
        Command::Rules(args) => rules::rules(&args.command, out),
        Command::Evaluate(args) => evaluate::evaluate(args, out),
        Command::Calibrate(args) => calibrate::calibrate(args, out),
        Command::Daemon(args) => daemon::daemon(args),
        Command::Consume(args) => consume::consume(args),
        Command::Config(args) => config::config(&args.command, out),
        Command::Archive(args) => archive::archive(&args.command, out),
        Command::Outcomes(args) => outcomes::outcomes(args, out),
        Command::Report(args) => report::report(args, out),
        Command::Backtest(args) => backtest::backtest(args, out),
        Command::Purse(args) => purse::purse(args, out),
        Command::Wallet(args) => wallet::wallet(args, out),
        Command::Claim(args) => wallet::claim(args, out),
        Command::LocalMarket(args) => local_market::local_market(args, out),
        Command::Demo(args) => demo::demo(args, out),
        Command::Webhook(args) => webhook::webhook(&args.command, out),
        Command::Doctor(args) => doctor::doctor(args, out),
        Command::Health(args) => health::health(args, out),
        Command::Top(args) => top::top(args, out),
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
