//! Exit codes. 0, 1 and 2 have the meaning that they have for clamscan.

use std::process::ExitCode;

use analyzers::Verdict;

/// How the program ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Nothing malicious was found, and everything was scanned.
    Clean,
    /// Something malicious was found.
    Found,
    /// An error, or a file could not be fully scanned.
    Error,
    /// The configuration is wrong.
    BadConfiguration,
    /// Ctrl-C was pressed.
    Interrupted,
    /// The reader of standard output closed it before the end.
    Unheard,
}

impl Exit {
    /// Returns the exit code for one file.
    pub fn of(verdict: Verdict, incomplete: bool) -> Exit {
        match (verdict, incomplete) {
            (Verdict::Malicious, _) => Exit::Found,
            (_, true) => Exit::Error,
            (Verdict::Benign | Verdict::Suspicious | Verdict::Unknown, false) => Exit::Clean,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Clean => 0,
            Exit::Found => 1,
            Exit::Error => 2,
            // EX_USAGE of sysexits.h: a service manager is told not to try again.
            Exit::BadConfiguration => 64,
            // 128 + SIGINT and 128 + SIGPIPE, as shells report them.
            Exit::Interrupted => 130,
            Exit::Unheard => 141,
        })
    }
}
