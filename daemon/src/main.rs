//! The command `stakeout`.

#![forbid(unsafe_code)]

mod cli;
mod exit;
mod terminal;

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::exit::Exit;

/// Scanning makes many small, short-lived allocations on many threads, which mimalloc does fast.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    daemon_service::small_pages::use_small_pages();
    // Before anything else that starts threads: what it becomes then must have none.
    if let Some(code) = daemon_examiner::main_of_stakeout() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    daemon_service::open_files::raise_open_files();
    // Standard output drops colours where it is no terminal, or where NO_COLOR says so.
    let mut out = BufWriter::new(anstream::AutoStream::auto(std::io::stdout()));
    let done = cli::run(&cli.command, &mut out).and_then(|exit| {
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

/// Prints an error in the command line, the help or the version. Wrong arguments of the daemon and of consumers exit with 64, so that
/// the service manager does not restart it.
fn misused(error: &clap::Error) -> ExitCode {
    // Nothing can be done if standard error is gone too.
    let _ = error.print();
    let daemon = std::env::args_os().nth(1).is_some_and(|command| command == "daemon" || command == "consume");
    match error.exit_code() {
        0 => Exit::Clean.into(),
        _ if daemon => Exit::BadConfiguration.into(),
        _ => Exit::Error.into(),
    }
}

/// Formats an error and its causes, one per line.
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
