//! How a template is started.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::held::HeldProgram;
use crate::walls::Caps;

/// How to start a template.
#[derive(Debug)]
pub struct Start {
    /// The program, which calls [`run`](crate::run).
    pub program: PathBuf,
    /// The program file as it was when this was made, which is also used for restarts, even if another file has its
    /// name by then. `None` if it could not be opened.
    pub held: Option<HeldProgram>,
    /// Arguments of the program.
    pub args: Vec<OsString>,
    /// Configuration for its `build`: at most [`CONFIG_BYTES_MAX`](crate::CONFIG_BYTES_MAX) bytes, less a few.
    pub config: Vec<u8>,
    /// Descriptors for its `build`: at most [`FDS_MAX`](crate::FDS_MAX).
    pub fds: Vec<OwnedFd>,
    /// Resource limits of its workers.
    pub caps: Caps,
}

impl Start {
    /// A start of `program` without arguments, configuration or descriptors, under the default caps.
    pub fn new(program: impl Into<PathBuf>) -> Start {
        let program = program.into();
        let held = HeldProgram::open(&program).ok();
        Start { program, held, args: Vec::new(), config: Vec::new(), fds: Vec::new(), caps: Caps::default() }
    }
}
