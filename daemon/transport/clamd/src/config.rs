//! What the server can be told: its section of the configuration.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use daemon_config::{Bytes, choice, section};

use crate::{ClamdLimits, PathRules};

choice! {
    /// What is replied about a file that is suspicious and not malicious.
    SuspiciousReply: "\"found\", \"ok\" or \"error\"" {
        /// A name that ends in `Suspicious`.
        Found = "found",
        /// As if it were benign.
        Ok = "ok",
        /// That there is no verdict.
        Error = "error",
    }
}

choice! {
    /// What is replied about a file that was looked at, and about which nothing is known for or against.
    UndecidedReply: "\"ok\" or \"error\"" {
        /// As if it were benign: nothing was found.
        Ok = "ok",
        /// That there is no verdict.
        Error = "error",
    }
}

choice! {
    /// What is replied about a file that was not wholly looked at.
    IncompleteReply: "\"error\" or \"found\"" {
        /// That there is no verdict.
        Error = "error",
        /// The name that clamd has for it with its option AlertExceedsMax.
        Found = "found",
    }
}

choice! {
    /// What is replied about a file whose content could not be looked at: it is encrypted, or nothing here opens it.
    HiddenReply: "\"error\", \"found\" or \"ok\"" {
        /// That there is no verdict.
        Error = "error",
        /// A name for it, such as clamd has with its option AlertEncrypted.
        Found = "found",
        /// As if it were benign.
        Ok = "ok",
    }
}

section! {
    check = check;

    /// Scanning for mail filters and others that speak the protocol of ClamAV's clamd (docs/clamd.md). Off unless `socket` or
    /// `listen` is set. Without a webhook secret, the daemon does this alone.
    pub struct Config {
        /// Path of the unix socket. Default (empty): none.
        socket: PathBuf = PathBuf::new();
        /// Permissions of the socket, in octal: who may connect may have files scanned.
        socket_mode: String = "660".to_owned();
        /// Group of the socket, which the daemon's user must be a member of. Default (empty): the group of the daemon.
        socket_group: String = String::new();
        /// Addresses to listen on, for example `["127.0.0.1:3310"]`. The protocol knows neither passwords nor encryption: bind
        /// to private addresses only.
        listen: Vec<SocketAddr> = Vec::new();
        /// Allow RELOAD and STATS over TCP. The unix socket always does. SHUTDOWN is never done.
        control_over_tcp: bool = false;
        /// Maximum size of a stream (clamd: StreamMaxLength). At most intake.artifact_bytes_max, which limits files too.
        stream_bytes_max: Bytes = Bytes(ClamdLimits::default().stream_bytes_max);
        /// Maximum number of open connections. Beyond it, the one that has sent nothing for the longest time is closed.
        connections_max: usize = ClamdLimits::default().connections_max;
        /// Maximum number of files at the workers at once (clamd: MaxThreads). Default (0): two for each worker.
        scans_max: usize = 0;
        /// Maximum time until the first command (clamd: CommandReadTimeout).
        command_wait_max: Duration = ClamdLimits::default().command_wait_max;
        /// Maximum time without a byte, of a stream and of a session (clamd: ReadTimeout).
        read_wait_max: Duration = ClamdLimits::default().read_wait_max;
        /// Maximum time of a stream from its first to its last byte.
        stream_time_max: Duration = ClamdLimits::default().stream_time_max;
        /// Maximum time of a scan, with the time that it waits for a worker (clamd: MaxScanTime).
        scan_time_max: Duration = ClamdLimits::default().scan_time_max;
        /// Directories whose files may be scanned by their paths (SCAN, CONTSCAN, MULTISCAN, ALLMATCHSCAN), over the unix
        /// socket, by clients whose user may read them. Symbolic links are not followed. Default: none; clients send files instead.
        scan_directories: Vec<PathBuf> = Vec::new();
        /// Maximum depth of directories below a path (clamd: MaxDirectoryRecursion).
        scan_depth_max: usize = PathRules::default().depth_max;
        /// Reply about suspicious files: "found", "ok" or "error".
        suspicious: SuspiciousReply = SuspiciousReply::Ok;
        /// Reply about files of which nothing is known for or against, such as texts and images in which no rule matched: "ok" or
        /// "error".
        undecided: UndecidedReply = UndecidedReply::Ok;
        /// Reply about files that were not fully scanned, because of a limit, a timeout or a crash: "error" or "found".
        incomplete: IncompleteReply = IncompleteReply::Error;
        /// Reply about files with encrypted content: "error", "found" or "ok".
        encrypted: HiddenReply = HiddenReply::Error;
        /// Reply about archives that no analyzer opens, and about files with such a part: "error", "found" or "ok".
        unopened: HiddenReply = HiddenReply::Error;
    }
}

/// Largest mode of a socket that means anything.
const MODE_MAX: u32 = 0o777;

fn check(config: &Config, wrong: &mut dyn FnMut(String)) {
    if config.mode().is_none() {
        wrong(format!("socket_mode must be permissions in octal, such as \"660\", not {:?}", config.socket_mode));
    }
    if !config.socket.as_os_str().is_empty() && config.socket.is_relative() {
        wrong("socket must be an absolute path".to_owned());
    }
    if !config.socket_group.is_empty() && config.socket.as_os_str().is_empty() {
        wrong("socket_group is set, but there is no socket".to_owned());
    }
    if config
        .listen
        .iter()
        .enumerate()
        .any(|(nth, address)| address.port() != 0 && config.listen[..nth].contains(address))
    {
        wrong("listen has an address twice".to_owned());
    }
    if config.connections_max == 0 {
        wrong("connections_max must be at least 1".to_owned());
    }
    if config.stream_bytes_max.0 == 0 {
        wrong("stream_bytes_max must be at least 1".to_owned());
    }
    let times = [
        ("command_wait_max", config.command_wait_max),
        ("read_wait_max", config.read_wait_max),
        ("stream_time_max", config.stream_time_max),
        ("scan_time_max", config.scan_time_max),
    ];
    for (key, _) in times.into_iter().filter(|(_, time)| time.is_zero()) {
        wrong(format!("{key} must be longer than nothing"));
    }
    for directory in config.scan_directories.iter().filter(|directory| !is_plain(directory)) {
        wrong(format!("scan_directories: {} must be absolute and without `..`", directory.display()));
    }
    if !config.scan_directories.is_empty() && config.is_on() && config.socket.as_os_str().is_empty() {
        wrong("scan_directories is set, but paths are scanned over the unix socket only, and there is none".to_owned());
    }
}

fn is_plain(path: &Path) -> bool {
    path.is_absolute() && !path.components().any(|part| part == Component::ParentDir)
}

impl Config {
    /// Whether there is such a server.
    pub fn is_on(&self) -> bool {
        !self.socket.as_os_str().is_empty() || !self.listen.is_empty()
    }

    /// Permissions of the socket; `None` if they are written wrongly.
    pub fn mode(&self) -> Option<u32> {
        let digits = self.socket_mode.bytes().all(|byte| byte.is_ascii_digit());
        let mode = u32::from_str_radix(&self.socket_mode, 8).ok().filter(|_| digits);
        mode.filter(|mode| *mode <= MODE_MAX)
    }

    /// What a client may spend of us.
    pub fn limits(&self) -> ClamdLimits {
        ClamdLimits {
            stream_bytes_max: self.stream_bytes_max.0,
            connections_max: self.connections_max,
            command_wait_max: self.command_wait_max,
            read_wait_max: self.read_wait_max,
            stream_time_max: self.stream_time_max,
            scan_time_max: self.scan_time_max,
            control_over_tcp: self.control_over_tcp,
            ..ClamdLimits::default()
        }
    }

    /// Which paths may be scanned.
    pub fn paths(&self) -> PathRules {
        PathRules { directories: self.scan_directories.clone(), depth_max: self.scan_depth_max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        let mut mistakes = Vec::new();
        check(&config, &mut |what| mistakes.push(what));
        mistakes
    }

    #[test]
    fn it_is_off_by_default_and_nothing_is_wrong_with_that() {
        assert!(!Config::default().is_on());
        assert_eq!(mistakes(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn mistakes_are_told() {
        for mode in ["", "rw", "66o", "+660", "1660", "0o660"] {
            assert_eq!(mistakes(|config| config.socket_mode = mode.to_owned()).len(), 1, "{mode}");
        }
        assert_eq!(mistakes(|config| config.socket = "clamd.sock".into()), ["socket must be an absolute path"]);
        assert_eq!(mistakes(|config| config.socket_group = "mail".to_owned()).len(), 1);
        assert_eq!(mistakes(|config| config.listen = vec!["127.0.0.1:3310".parse().unwrap(); 2]).len(), 1);
        assert_eq!(mistakes(|config| config.listen = vec!["127.0.0.1:0".parse().unwrap(); 2]).len(), 0);
        assert_eq!(mistakes(|config| config.scan_time_max = Duration::ZERO).len(), 1);
        assert_eq!(mistakes(|config| config.connections_max = 0).len(), 1);
        assert_eq!(mistakes(|config| config.stream_bytes_max = Bytes(0)).len(), 1);
        let with = |directory: &'static str| {
            mistakes(move |config| {
                config.socket = "/run/clamd.sock".into();
                config.scan_directories = vec![directory.into()];
            })
        };
        assert_eq!((with("/srv").len(), with("srv").len(), with("/srv/../etc").len()), (0, 1, 1));
        let by_tcp = mistakes(|config| {
            config.listen = vec!["127.0.0.1:3310".parse().unwrap()];
            config.scan_directories = vec!["/srv".into()];
        });
        assert_eq!(by_tcp.len(), 1, "paths are not scanned over TCP");
    }
}
