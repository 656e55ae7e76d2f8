//! The entry point of worker programs.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use crate::program::ITSELF;
use crate::{BUILD, compile, service};

/// The `main` of a worker program, whose arguments these are. None if they are not those of one.
///
/// To be called before anything else: what it becomes must have no threads.
#[expect(clippy::print_stderr, reason = "the entry of a program; the program that started it reads this")]
pub fn main(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let task = args.next()?;
    let build = args.next();
    if build.as_deref() != Some(OsStr::new(BUILD)) {
        eprintln!(
            "stakeout-worker is from another build than this program ({BUILD}): install both from the same build"
        );
        return Some(ExitCode::FAILURE);
    }
    match task.to_str()? {
        "template" => Some(service::template(|_| {})),
        "compile" => Some(compile::compile()),
        _ => None,
    }
}

/// The `main` of `stakeout`, in so far as it is a worker program.
pub fn main_of_stakeout() -> Option<ExitCode> {
    let mut args = env::args_os().skip(1);
    (args.next()? == ITSELF).then(|| main(args).unwrap_or(ExitCode::FAILURE))
}
