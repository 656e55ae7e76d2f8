//! Who scans for the clients: the seam to the daemon.

use std::os::fd::OwnedFd;
use std::time::Duration;

use daemon_artifact::Sha256Digest;
use daemon_download::MemoryShare;
use tokio::time::Instant;

use crate::{ClamdClient, CountedCommand};

/// A file that a client wants scanned.
#[derive(Debug)]
pub struct FileToScan {
    /// The open file. Bytes that came as a stream cannot change any more; those of other files may.
    pub file: OwnedFd,
    /// Its name in the reply: `stream`, `fd[7]`, or a path, with what is not UTF-8 replaced.
    pub name: String,
    /// Size and digest, where they are known.
    pub received: Option<(u64, Sha256Digest)>,
    /// Its share of the memory for artifacts, held as long as the file.
    pub memory: Option<MemoryShare>,
    /// Who sent it.
    pub client: ClamdClient,
}

/// What is replied about a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScanAnswer {
    /// Nothing was found.
    Clean,
    /// Something was found: its names, the first of which is told alone unless all are asked for. Never empty.
    Found(Vec<String>),
    /// There is no verdict, and why.
    Failed(String),
}

/// How much there is to do, for STATS.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ScannerLoad {
    /// Files that are scanned at once, at most.
    pub most: usize,
    /// Files that are being scanned, or wait at a worker.
    pub scanning: usize,
    /// Files that wait.
    pub waiting: usize,
}

/// Why a connection was ended by us before it was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClamdDrop {
    /// There were too many.
    Crowded,
    /// It sent too little in its time.
    Slow,
    /// A command was too long.
    LongCommand,
    /// A stream was too large.
    LargeStream,
    /// It did not take its replies.
    Deaf,
}

impl ClamdDrop {
    /// All of them.
    pub const ALL: [ClamdDrop; 5] =
        [ClamdDrop::Crowded, ClamdDrop::Slow, ClamdDrop::LongCommand, ClamdDrop::LargeStream, ClamdDrop::Deaf];

    /// Its name among the counts.
    pub fn name(self) -> &'static str {
        match self {
            ClamdDrop::Crowded => "crowded",
            ClamdDrop::Slow => "slow",
            ClamdDrop::LongCommand => "long_command",
            ClamdDrop::LargeStream => "large_stream",
            ClamdDrop::Deaf => "deaf",
        }
    }
}

/// Something to count.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ClamdCount {
    /// So many connections are open.
    Open(usize),
    /// A command came.
    Command(CountedCommand),
    /// A stream of so many bytes came.
    Stream(u64),
    /// A file was replied about, that long after it was there.
    Replied(&'static str, Duration),
    /// A connection was ended.
    Dropped(ClamdDrop),
}

/// Scans files, and knows what else clients ask for. Everything is asked on the server's thread.
pub trait ClamdDesk: 'static {
    /// Scans a file until then. If the client is gone, the future is dropped.
    fn scan(&self, file: FileToScan, until: Instant) -> impl Future<Output = ScanAnswer>;

    /// Name, version, and version of the rules: `NAME VERSION/RULES/TIME`.
    fn version(&self) -> String;

    /// Has the rules looked at.
    fn reload(&self);

    /// How much there is to do.
    fn load(&self) -> ScannerLoad;

    /// Counts something.
    fn count(&self, what: ClamdCount);
}

impl ScanAnswer {
    /// Its name among the counts.
    pub fn name(&self) -> &'static str {
        match self {
            ScanAnswer::Clean => "ok",
            ScanAnswer::Found(_) => "found",
            ScanAnswer::Failed(_) => "error",
        }
    }

    /// Every such name.
    pub const NAMES: [&'static str; 3] = ["ok", "found", "error"];
}
