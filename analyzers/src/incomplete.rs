//! Why an examination was cut short. Such a report is never benign.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A reason why not everything was looked at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Incomplete {
    /// A limit was hit.
    Limit(Limit),
    /// The named analyzer panicked: a bug of ours or of a library, caught.
    Panicked(Cow<'static, str>),
    /// The file ends before parts that its own headers speak of, or those parts cannot be read at all: what is
    /// not there may have said otherwise. About the file as it is, where [`Incomplete::Truncated`] is about a change.
    CutShort,
    /// Its content is encrypted, and no password that everybody knows opens it.
    Encrypted,
    /// The process that examined it died of it. Says how.
    Crashed(Cow<'static, str>),
    /// Processes that examined it died of it before, so it was not examined again.
    Poisonous,
    /// The file became shorter while it was examined.
    Truncated,
    /// The file was written to while it was examined.
    Changed,
    /// The named part is nothing that the analyzer who vouches for the file can account for: an archive behind a
    /// program, a part of a document that no document has. Nobody vouches for the file then, and that is all it takes
    /// away: what was seen in the rest stands.
    Unaccounted(Cow<'static, str>),
}

/// A limit of [`Limits`](crate::Limits) that was hit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Limit {
    /// `artifact_bytes_max`.
    Size,
    /// `produced_bytes_max`.
    Produced,
    /// `stream_bytes_max`.
    Stream,
    /// `entries_max`.
    Entries,
    /// `depth_max`.
    Depth,
    /// `layers_max`.
    Layers,
    /// `evidence_max`.
    Evidence,
    /// `steps_max`.
    Steps,
    /// `wall_time_max`.
    Time,
    /// Memory: the process that examined it grew beyond what it may hold, and was killed.
    Memory,
}

impl Limit {
    /// Every limit there is.
    pub const ALL: [Limit; 10] = [
        Limit::Size,
        Limit::Produced,
        Limit::Stream,
        Limit::Entries,
        Limit::Depth,
        Limit::Layers,
        Limit::Evidence,
        Limit::Steps,
        Limit::Time,
        Limit::Memory,
    ];

    /// The name used in reports and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Size => "size",
            Limit::Produced => "produced",
            Limit::Stream => "stream",
            Limit::Entries => "entries",
            Limit::Depth => "depth",
            Limit::Layers => "layers",
            Limit::Evidence => "evidence",
            Limit::Steps => "steps",
            Limit::Time => "time",
            Limit::Memory => "memory",
        }
    }
}

impl Incomplete {
    /// Whether it keeps a report from being benign and does nothing else: a program with an archive behind it is no less
    /// malicious for that, where a file that was cut short may have been anything.
    pub fn withholds_benign_only(&self) -> bool {
        match self {
            Incomplete::Unaccounted(_) => true,
            Incomplete::Limit(_)
            | Incomplete::Panicked(_)
            | Incomplete::CutShort
            | Incomplete::Encrypted
            | Incomplete::Crashed(_)
            | Incomplete::Poisonous
            | Incomplete::Truncated
            | Incomplete::Changed => false,
        }
    }

    /// What sort of reason it is, to be counted by: how a worker crashed and which part is unaccounted for are left out,
    /// for those texts are as good as the artifact's.
    pub fn class(&self) -> String {
        match self {
            Incomplete::Crashed(_) => "crash".to_owned(),
            Incomplete::Unaccounted(_) => "unaccounted".to_owned(),
            Incomplete::Limit(_)
            | Incomplete::Panicked(_)
            | Incomplete::CutShort
            | Incomplete::Encrypted
            | Incomplete::Poisonous
            | Incomplete::Truncated
            | Incomplete::Changed => self.to_string(),
        }
    }
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Incomplete::Limit(limit) => write!(f, "limit.{}", limit.name()),
            Incomplete::Panicked(analyzer) => write!(f, "panic.{analyzer}"),
            Incomplete::CutShort => f.write_str("file.cut_short"),
            Incomplete::Encrypted => f.write_str("file.encrypted"),
            Incomplete::Crashed(how) => write!(f, "crash.{how}"),
            Incomplete::Poisonous => f.write_str("crash.poisonous"),
            Incomplete::Truncated => f.write_str("file.truncated"),
            Incomplete::Changed => f.write_str("file.changed"),
            Incomplete::Unaccounted(part) => write!(f, "unaccounted.{part}"),
        }
    }
}
