//! stakeout: the command line, and the wiring of everything else.

#![forbid(unsafe_code)]

mod archive_command;
mod ask;
mod backtest_command;
mod cli;
mod config_command;
mod daemon_command;
mod demo_command;
mod doctor;
mod excerpt;
mod exit;
mod explain;
mod explain_bounty;
mod health_command;
mod indicators;
mod input;
mod limits;
mod local_market_command;
mod outcomes_command;
mod owner;
mod papers;
mod purse_command;
mod report_command;
mod rules_command;
mod rules_options;
mod scan;
mod stake;
mod terminal;
mod triage_command;
mod walk;
mod webhook_command;

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;
use daemon_market::BidBounds;

use crate::cli::{BidArgs, Cli, Command};
use crate::exit::Exit;

/// Examining makes many small, short-lived allocations on many threads, which is what mimalloc is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else: what it becomes then must have no threads.
    if let Some(code) = daemon_examiner::main_of_stakeout() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    limits::raise_open_files();
    // Standard output drops colours where it is no terminal, or where NO_COLOR says so.
    let mut out = BufWriter::new(anstream::AutoStream::auto(std::io::stdout()));
    let done = run(&cli.command, &mut out).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    match done {
        Ok(exit) => exit.into(),
        // Whoever read our output has seen enough (`stakeout … | head`): nothing to complain about, nor a clean bill.
        Err(error) if is_broken_pipe(&error) => Exit::Unheard.into(),
        Err(error) => {
            // Nothing can be done if standard error is gone too.
            let _ = writeln!(anstream::stderr(), "{}", describe(&error));
            Exit::Error.into()
        }
    }
}

/// Says what is wrong with the command line; help and versions come this way too. A daemon's stays wrong, so its service
/// manager need not try again.
fn misused(error: &clap::Error) -> ExitCode {
    // Nothing can be done if standard error is gone too.
    let _ = error.print();
    let daemon = std::env::args_os().nth(1).is_some_and(|command| command == "daemon");
    match error.exit_code() {
        0 => Exit::Clean.into(),
        _ if daemon => Exit::BadConfiguration.into(),
        _ => Exit::Error.into(),
    }
}

fn run(command: &Command, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    match command {
        Command::Scan(args) => scan::scan(args, out),
        Command::Explain(args) => explain::explain(args, out),
        Command::Triage(args) => triage_command::triage(args, out),
        Command::Rules(args) => rules_command::rules(&args.command, out),
        Command::Daemon(args) => daemon_command::daemon(args),
        Command::Config(args) => config_command::config(&args.command, out),
        Command::Archive(args) => archive_command::archive(&args.command, out),
        Command::Outcomes(args) => outcomes_command::outcomes(args, out),
        Command::Report(args) => report_command::report(args, out),
        Command::Backtest(args) => backtest_command::backtest(args, out),
        Command::Purse(args) => purse_command::purse(args, out),
        Command::LocalMarket(args) => local_market_command::local_market(args, out),
        Command::Demo(args) => demo_command::demo(args, out),
        Command::Webhook(args) => webhook_command::webhook(&args.command, out),
        Command::Doctor(args) => doctor::doctor(args, out),
        Command::Health(args) => health_command::health(args, out),
        Command::Indicators(args) => indicators::indicators(args, out),
        Command::Completions(args) => Ok(papers::completions(args, out)),
        Command::Man(args) => papers::man(args, out),
    }
}

/// The bounds of bids, checked.
pub(crate) fn bounds(args: &BidArgs) -> anyhow::Result<BidBounds> {
    if args.min_bid > args.max_bid {
        anyhow::bail!("--min-bid {} is more than --max-bid {}", args.min_bid, args.max_bid);
    }
    Ok(BidBounds { min: args.min_bid, max: args.max_bid })
}

/// The error and its causes, one a line.
fn describe(error: &anyhow::Error) -> String {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    let mut text = format!("{style}error:{style:#} {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  caused by: {cause}"));
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(std::io::ErrorKind::BrokenPipe)
    })
}
