//! What a client can ask for, and the three ways in which it may be written.
//!
//! `zCOMMAND\0` and `nCOMMAND\n` end with their terminator, and so do their replies. A command without a prefix is in the
//! old style: it ends with a newline or with what one read brings, whatever comes first.

/// Longest command with its terminator: a path of Linux and the word before it.
pub(crate) const COMMAND_BYTES_MAX: usize = 4_096 + 8;

/// How a command was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Framing {
    /// `nCOMMAND\n`
    Newline,
    /// `zCOMMAND\0`
    Nul,
    /// `COMMAND`
    Old,
}

impl Framing {
    /// What ends a reply.
    pub(crate) fn terminator(self) -> u8 {
        match self {
            Framing::Newline | Framing::Old => b'\n',
            Framing::Nul => 0,
        }
    }
}

/// How a path is scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PathScan {
    /// Until something is found.
    First,
    /// All files, one after the other.
    Continue,
    /// All files, several at once.
    Parallel,
    /// Until something is found, with every name of it.
    AllNames,
}

/// A command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ClamdCommand {
    Ping,
    Version,
    VersionCommands,
    Scan(PathScan, Vec<u8>),
    Fildes,
    Instream,
    Stats,
    Idsession,
    End,
    Reload,
    /// SHUTDOWN, or QUIT: never done.
    Shutdown,
    /// Counts that clamd itself has no longer.
    Detstats,
    Unknown,
}

/// What VERSIONCOMMANDS lists.
pub(crate) const COMMANDS: &str = "SCAN RELOAD PING CONTSCAN VERSIONCOMMANDS VERSION END MULTISCAN FILDES STATS \
                                   IDSESSION INSTREAM ALLMATCHSCAN";

impl ClamdCommand {
    /// The command that a line is, without its prefix and terminator.
    pub(crate) fn read(line: &[u8], framing: Framing) -> ClamdCommand {
        let (word, path) = match line.iter().position(|byte| *byte == b' ') {
            Some(blank) => (&line[..blank], Some(&line[blank + 1..])),
            None => (line, None),
        };
        let old = framing == Framing::Old;
        match (word, path) {
            (b"SCAN", Some(path)) => ClamdCommand::Scan(PathScan::First, path.to_owned()),
            (b"CONTSCAN", Some(path)) => ClamdCommand::Scan(PathScan::Continue, path.to_owned()),
            (b"MULTISCAN", Some(path)) => ClamdCommand::Scan(PathScan::Parallel, path.to_owned()),
            (b"ALLMATCHSCAN", Some(path)) if !old => ClamdCommand::Scan(PathScan::AllNames, path.to_owned()),
            (_, Some(_)) => ClamdCommand::Unknown,
            (b"PING", None) => ClamdCommand::Ping,
            (b"VERSION", None) => ClamdCommand::Version,
            (b"RELOAD", None) => ClamdCommand::Reload,
            (b"FILDES", None) => ClamdCommand::Fildes,
            (b"SHUTDOWN" | b"QUIT", None) => ClamdCommand::Shutdown,
            (b"DETSTATS" | b"DETSTATSCLEAR", None) => ClamdCommand::Detstats,
            (b"VERSIONCOMMANDS", None) if !old => ClamdCommand::VersionCommands,
            (b"INSTREAM", None) if !old => ClamdCommand::Instream,
            (b"STATS", None) if !old => ClamdCommand::Stats,
            (b"IDSESSION", None) if !old => ClamdCommand::Idsession,
            (b"END", None) if !old => ClamdCommand::End,
            (_, None) => ClamdCommand::Unknown,
        }
    }

    /// Its name among the counts.
    pub(crate) fn counted_as(&self) -> CountedCommand {
        match self {
            ClamdCommand::Ping => CountedCommand::Ping,
            ClamdCommand::Version | ClamdCommand::VersionCommands => CountedCommand::Version,
            ClamdCommand::Scan(..) => CountedCommand::Scan,
            ClamdCommand::Fildes => CountedCommand::Fildes,
            ClamdCommand::Instream => CountedCommand::Instream,
            ClamdCommand::Stats => CountedCommand::Stats,
            ClamdCommand::Idsession => CountedCommand::Session,
            ClamdCommand::Reload => CountedCommand::Reload,
            ClamdCommand::End | ClamdCommand::Shutdown | ClamdCommand::Detstats | ClamdCommand::Unknown => {
                CountedCommand::Other
            }
        }
    }
}

/// What commands are counted as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CountedCommand {
    /// PING.
    Ping,
    /// VERSION and VERSIONCOMMANDS.
    Version,
    /// SCAN, CONTSCAN, MULTISCAN and ALLMATCHSCAN.
    Scan,
    /// FILDES.
    Fildes,
    /// INSTREAM.
    Instream,
    /// STATS.
    Stats,
    /// IDSESSION.
    Session,
    /// RELOAD.
    Reload,
    /// Anything else, known or not.
    Other,
}

impl CountedCommand {
    /// All of them.
    pub const ALL: [CountedCommand; 9] = [
        CountedCommand::Ping,
        CountedCommand::Version,
        CountedCommand::Scan,
        CountedCommand::Fildes,
        CountedCommand::Instream,
        CountedCommand::Stats,
        CountedCommand::Session,
        CountedCommand::Reload,
        CountedCommand::Other,
    ];

    /// The command's name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            CountedCommand::Ping => "ping",
            CountedCommand::Version => "version",
            CountedCommand::Scan => "scan",
            CountedCommand::Fildes => "fildes",
            CountedCommand::Instream => "instream",
            CountedCommand::Stats => "stats",
            CountedCommand::Session => "session",
            CountedCommand::Reload => "reload",
            CountedCommand::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_clamd_reads_them() {
        let read = |line: &str| ClamdCommand::read(line.as_bytes(), Framing::Nul);
        assert_eq!(read("PING"), ClamdCommand::Ping);
        assert_eq!(read("SCAN /a b"), ClamdCommand::Scan(PathScan::First, b"/a b".to_vec()));
        assert_eq!(read("SCAN "), ClamdCommand::Scan(PathScan::First, Vec::new()));
        for unknown in ["", "ping", "PING ", "PINGX", "SCAN", "SCANX /a", "STREAM", "RAWSCAN /a", "SESSION", "PING\n"] {
            assert_eq!(read(unknown), ClamdCommand::Unknown, "{unknown:?}");
        }
    }

    #[test]
    fn some_commands_need_a_prefix() {
        for line in ["INSTREAM", "STATS", "IDSESSION", "END", "VERSIONCOMMANDS", "ALLMATCHSCAN /a"] {
            assert_eq!(ClamdCommand::read(line.as_bytes(), Framing::Old), ClamdCommand::Unknown, "{line}");
            assert_ne!(ClamdCommand::read(line.as_bytes(), Framing::Newline), ClamdCommand::Unknown, "{line}");
        }
        assert_eq!(ClamdCommand::read(b"FILDES", Framing::Old), ClamdCommand::Fildes);
    }

    #[test]
    fn what_is_listed_is_known() {
        for word in COMMANDS.split(' ') {
            let line = if word.ends_with("SCAN") { format!("{word} /a") } else { word.to_owned() };
            assert_ne!(ClamdCommand::read(line.as_bytes(), Framing::Nul), ClamdCommand::Unknown, "{word}");
        }
    }
}
