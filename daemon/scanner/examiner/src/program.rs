//! The program of the template and of the compiler.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use daemon_worker::{HeldProgram, Start, TemplateError, WaitingTemplate};

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
static HELD: Mutex<Vec<(Option<PathBuf>, HeldProgram)>> = Mutex::new(Vec::new());

/// Path and display name of the program that had this name at the first call; of this program for `None`.
fn held(name: Option<&Path>) -> io::Result<(PathBuf, PathBuf)> {
    // Held for good, and so never half changed.
    let mut all = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    let found = all.iter().position(|(known, _)| known.as_deref() == name);
    let at = match found {
        Some(at) => at,
        None => {
            let held = name.map_or_else(HeldProgram::this, HeldProgram::open)?;
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

    /// A start of it as a template that is not yet told what to load.
    pub(crate) fn template(&self) -> Start {
        Start { args: self.args("template"), ..Start::new(&self.path) }
    }

    /// Starts it as a template, which gets ready while what it is to load is not known yet.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if it cannot be executed.
    pub fn begin(&self) -> Result<WaitingTemplate, TemplateError> {
        WaitingTemplate::begin(&self.template())
    }

    /// Arguments for this task.
    pub fn args(&self, task: &str) -> Vec<OsString> {
        self.first.into_iter().chain([task, BUILD]).map(OsString::from).collect()
    }
}
