//! The configuration of the daemon: the sections of all its parts, each declared and checked where its code is.

use std::net::SocketAddr;
use std::path::PathBuf;

use daemon_config::{ConfigMistake, configuration, section};

section! {
    /// The admin server: a live page at /, the same numbers at /overview.json, and /metrics, /live, /ready, /rules.
    pub struct AdminConfig {
        /// Address to listen on. Bind to a private address: these endpoints have no authentication.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 9181));
        /// Names that the server answers to, beside addresses and localhost: that of a proxy in front of it, for one.
        /// With names, or on a loopback address, it answers to no other name, so that no page of a stranger can read it.
        hosts: Vec<String> = Vec::new();
        /// Archives of further engines on this machine, to show beside this one and summed. Their owner must be the user
        /// that the daemon runs as.
        archives: Vec<PathBuf> = Vec::new();
    }
}

section! {
    /// The control socket, through which the command line on this machine controls the daemon.
    pub struct ControlConfig {
        /// Path of the socket. Its user, its group and root may use it. If systemd passes the socket, set its path
        /// here, so that the command line finds it. Default (empty): `control.sock` in the archive's directory, which
        /// only the archive's owner and root can access.
        socket: PathBuf = PathBuf::new();
    }
}

configuration! {
    /// Everything that the daemon can be told.
    pub struct Config {
        webhook: daemon_webhook::Config,
        answers: daemon_webhook::AnswersConfig,
        polyswarmd: daemon_polyswarmd::Config,
        intake: daemon_download::Config,
        scan: daemon_detector::Config,
        shadow: crate::shadow_config::ShadowConfig,
        queue: daemon_queue::Config,
        clamd: daemon_clamd::Config,
        market: daemon_market::Config,
        archive: daemon_archive::Config,
        alarms: daemon_ledger::AlarmsConfig,
        admin: AdminConfig,
        control: ControlConfig,
        log: crate::logs::LogConfig,
    }
}

/// The configuration that `text` holds, and every mistake in it: of form, and in values that do not go together. Where a key
/// is mistaken, its default stands.
pub fn read(text: &str) -> (Config, Vec<ConfigMistake>) {
    daemon_config::read(text)
}

/// Finds mistakes in values that are valid separately.
pub fn check(config: &Config) -> Vec<ConfigMistake> {
    let mut mistakes = daemon_config::check(config);
    // Port 0 is a free one, and never the same.
    if config.webhook.listen == config.admin.listen && config.webhook.listen.port() != 0 {
        mistakes.push(ConfigMistake::of_value("webhook.listen and admin.listen are the same address".to_owned()));
    }
    if config.clamd.is_on() {
        check_clamd(config, &mut mistakes);
    }
    mistakes
}

/// Finds values of [clamd] that do not go with those of other sections.
fn check_clamd(config: &Config, mistakes: &mut Vec<ConfigMistake>) {
    let mut wrong = |what: String| mistakes.push(ConfigMistake::of_value(what));
    if config.clamd.stream_bytes_max.0 > config.intake.artifact_bytes_max.0 {
        wrong("clamd.stream_bytes_max is larger than intake.artifact_bytes_max, which limits every file".to_owned());
    }
    for (key, taken) in [("webhook.listen", config.webhook.listen), ("admin.listen", config.admin.listen)] {
        if taken.port() != 0 && config.clamd.listen.contains(&taken) {
            wrong(format!("{key} is one of the addresses of clamd.listen"));
        }
    }
    if !config.clamd.socket.as_os_str().is_empty() && config.clamd.socket == config.control.socket {
        wrong("clamd.socket and control.socket are the same path".to_owned());
    }
}

/// A commented file with every key at its default.
pub fn example() -> String {
    daemon_config::example::<Config>(
        "# Configuration of stakeout. Every key is listed with its default. Keys that are left out keep their default.\n\
         # `stakeout config check --config FILE` reports all mistakes.\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_what_the_defaults_are() {
        let text = example();
        let live: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        assert!(live.contains("\nlisten = \"127.0.0.1:8000\"\n"), "{live}");
        assert_eq!(read(&live), (Config::default(), Vec::new()));
        assert_eq!(read(&text), (Config::default(), Vec::new()));
    }

    #[test]
    fn the_example_in_the_repository_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/stakeout.example.toml");
        if std::env::var_os("STAKEOUT_BLESS").is_some() {
            std::fs::write(path, example()).expect("the source tree can be written to");
        }
        let text = std::fs::read_to_string(path).expect("the example is in the repository");
        assert!(text == example(), "docs/stakeout.example.toml is old: STAKEOUT_BLESS=1 writes it anew");
    }
    #[test]
    fn every_mistake_is_told_at_once_with_its_place() {
        let text = "[webhok]\nlisten = 1\n[webhook]\nlisten = 8000\nlissten = \"x\"\n[market]\nmargin = \"2 s\"\n\
                    accept = [\"a like b\"]\n[log]\nformat = \"xml\"\nunheard = 1\n";
        let (_, mistakes) = read(text);
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "1:2: unknown section [webhok]; did you mean `webhook`?",
                "4:10: webhook.listen must be an address with a port, such as \"127.0.0.1:8000\"",
                "5:1: unknown key webhook.lissten; did you mean `listen`?",
                "7:10: market.margin must be a duration, such as \"250ms\", \"5s\", \"2m\", \"1h\" or \"30d\"",
                "8:10: market.accept must be a list (`like` is not a comparison: use <, <=, ==, >=, >, contains, \
                 startswith, endswith or regex)",
                "10:10: log.format must be \"text\", \"json\" or \"journald\"",
                "11:1: unknown key log.unheard; `stakeout config example` lists all",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place() {
        let (_, mistakes) = read("[webhook]\nlisten = \n");
        assert_eq!(mistakes[0].place.map(|(line, _)| line), Some(2), "{mistakes:?}");
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(read(""), (Config::default(), Vec::new()));
    }
}
