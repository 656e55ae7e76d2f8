//! Why an examination was cut short. Such a report is never benign.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A reason why not everything was looked at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Incomplete {
    /// A limit was hit.
    Limit(Limit),
    /// The named analyzer panicked. The panic was caught; it is a bug here or in a library.
    Panicked(Cow<'static, str>),
    /// The file ends before parts that its own headers speak of, or those parts cannot be read at all: what is
    /// not there may have said otherwise. About the file as it is, where [`Incomplete::Truncated`] is about a change.
    CutShort,
    /// The content is encrypted with an unknown password.
    Encrypted,
    /// The process that examined it died of it. Says how.
    Crashed(Cow<'static, str>),
    /// Processes that examined it died of it before, so it was not examined again.
    Poisonous,
    /// The file became shorter while it was examined.
    Truncated,
    /// The file was written to while it was examined.
    Changed,
    /// No analyzer knows the named part: an archive appended to a program, an unusual part of a document. The file is
    /// not vouched for; evidence in other parts remains valid.
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
    /// Whether the reason only prevents the verdict benign: a program with an appended archive may still be malicious,
    /// while a truncated file may have been anything.
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

    /// Reads what [`Display`](fmt::Display) writes; `None` of anything else.
    pub fn parse(text: &str) -> Option<Incomplete> {
        let (class, of) = text.split_once('.')?;
        let owned = || Cow::Owned(of.to_owned());
        Some(match (class, of) {
            ("limit", name) => Incomplete::Limit(Limit::ALL.into_iter().find(|limit| limit.name() == name)?),
            ("panic", _) => Incomplete::Panicked(owned()),
            ("file", "cut_short") => Incomplete::CutShort,
            ("file", "encrypted") => Incomplete::Encrypted,
            ("file", "truncated") => Incomplete::Truncated,
            ("file", "changed") => Incomplete::Changed,
            ("crash", "poisonous") => Incomplete::Poisonous,
            ("crash", _) => Incomplete::Crashed(owned()),
            ("unaccounted", _) => Incomplete::Unaccounted(owned()),
            _ => return None,
        })
    }

    /// Class of the reason, for counting: without the cause of a crash and the name of a part, which the artifact
    /// controls.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut all: Vec<Incomplete> = Limit::ALL.into_iter().map(Incomplete::Limit).collect();
        all.extend([
            Incomplete::Panicked("pe".into()),
            Incomplete::CutShort,
            Incomplete::Encrypted,
            Incomplete::Crashed("signal 11.".into()),
            Incomplete::Poisonous,
            Incomplete::Truncated,
            Incomplete::Changed,
            Incomplete::Unaccounted("overlay at 0x40. Odd".into()),
        ]);
        for why in all {
            assert_eq!(Incomplete::parse(&why.to_string()), Some(why));
        }
        for wrong in ["", "limit", "limit.nothing", "file.gone", "why.not"] {
            assert_eq!(Incomplete::parse(wrong), None, "{wrong}");
        }
    }
}
