//! Which program a template runs in, and what that program does first.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, io};

use crate::{compile, service};

/// Names the sources this was built from: a worker of another build would judge by other code.
pub const BUILD: &str = env!("STAKEOUT_BUILD");

/// The name of the worker program beside ours.
const BESIDE: &str = "stakeout-worker";
/// With this as its first argument, `stakeout` is a worker program too.
pub(crate) const ITSELF: &str = "--stakeout-worker";

/// A program that can be a template, or compile rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Its path.
    pub path: PathBuf,
    /// What comes before its other arguments.
    pub first: Option<&'static str>,
}

impl Program {
    /// The programs to be tried, best first: `stakeout-worker` beside this program, which links less; then this program
    /// itself, so that it works alone.
    pub fn candidates() -> io::Result<Vec<Program>> {
        let itself = env::current_exe()?;
        let beside = itself.with_file_name(BESIDE);
        let mut programs = vec![Program { path: itself, first: Some(ITSELF) }];
        if beside.is_file() {
            programs.insert(0, Program { path: beside, first: None });
        }
        Ok(programs)
    }

    /// Its arguments when it is to do `task`.
    pub fn args(&self, task: &str) -> Vec<OsString> {
        self.first.into_iter().chain([task, BUILD]).map(OsString::from).collect()
    }
}

/// The `main` of a worker program, whose arguments these are. None if they are not those of one.
///
/// To be called before anything else: what it becomes must have no threads.
pub fn main(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let task = args.next()?;
    let build = args.next();
    if build.as_deref() != Some(OsStr::new(BUILD)) {
        eprintln!("stakeout-worker is of another build (this is {BUILD}): install the two together");
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
