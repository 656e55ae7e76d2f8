//! `stakeout-worker`: the program in which templates, workers and the rules compiler run. It links neither the market nor
//! the network.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// The same allocator as in `stakeout`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::print_stderr, reason = "a person who starts it by hand reads it")]
fn main() -> ExitCode {
    daemon_examiner::main(std::env::args_os().skip(1)).unwrap_or_else(|| {
        eprintln!("stakeout-worker is started by stakeout and cannot be run by hand");
        ExitCode::FAILURE
    })
}
