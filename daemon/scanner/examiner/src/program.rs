//! The program of the template, and its entry point.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::{env, io};

use daemon_worker::Held;

use crate::{compile, service};

/// Names the sources this was built from: a worker of another build would judge by other code.
pub const BUILD: &str = env!("STAKEOUT_BUILD");

/// Name of the worker program in the directory of this program.
const BESIDE: &str = "stakeout-worker";
/// With this as its first argument, `stakeout` is a worker program too.
pub(crate) const ITSELF: &str = "--stakeout-worker";

/// A program that can be a template, or compile rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Path of the program.
    pub path: PathBuf,
    /// Argument before all other arguments.
    pub first: Option<&'static str>,
}

/// Programs that were held at the first need of them: those of our own build, though a newer one is installed meanwhile.
static HELD: Mutex<Vec<(Option<PathBuf>, Held)>> = Mutex::new(Vec::new());

/// Path and display name of the program that had this name at the first call; of this program for `None`.
fn held(name: Option<&Path>) -> io::Result<(PathBuf, PathBuf)> {
    // Held for good, and so never half changed.
    let mut all = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    let found = all.iter().position(|(known, _)| known.as_deref() == name);
    let at = match found {
        Some(at) => at,
        None => {
            let held = name.map_or_else(Held::this, Held::open)?;
            all.push((name.map(Path::to_owned), held));
            all.len() - 1
        }
    };
    let held = &all[at].1;
    Ok((held.path().to_owned(), held.place()))
}

impl Program {
    /// The programs to be tried, best first: `stakeout-worker` beside this program, which links less; then this program
    /// itself, so that it works alone. Each as it was when it was first asked for, whatever an upgrade made of it since.
    ///
    /// # Errors
    ///
    /// If the file of the running program cannot be opened.
    pub fn candidates() -> io::Result<Vec<Program>> {
        let (named, itself) = held(None)?;
        let beside = named.with_file_name(BESIDE);
        let mut programs = vec![Program { path: itself, first: Some(ITSELF) }];
        // Where there is none, none is missed.
        if let Ok((_, beside)) = held(Some(&beside)) {
            programs.insert(0, Program { path: beside, first: None });
        }
        Ok(programs)
    }

    /// The program at `path`, as it was when it was first asked for.
    pub fn at(path: &Path) -> Program {
        // Who starts it tells why it cannot be had.
        let path = held(Some(path)).map_or_else(|_| path.to_owned(), |(_, place)| place);
        Program { path, first: None }
    }

    /// Arguments for this task.
    pub fn args(&self, task: &str) -> Vec<OsString> {
        self.first.into_iter().chain([task, BUILD]).map(OsString::from).collect()
    }
}

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
