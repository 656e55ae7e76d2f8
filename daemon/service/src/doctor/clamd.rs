//! Checks of clamd's protocol: where it would listen, and what is told to clients.

use daemon_base::format::{bytes, counted};
use daemon_base::text::{causes, path as shown};
use daemon_clamd::{ClamdListeners, ClamdSocketError};

use super::{Finding, bad, good, poor};
use crate::config::Config;

/// Looks at what the configuration asks for; nothing where it is off.
pub(super) fn look(config: &Config) -> Option<Finding> {
    const WHAT: &str = "clamd protocol";
    let clamd = &config.clamd;
    if !clamd.is_on() {
        return None;
    }
    let socket = Some(shown(&clamd.socket)).filter(|path| !path.is_empty());
    let addresses = clamd.listen.iter().map(ToString::to_string);
    let places: Vec<String> = socket.into_iter().chain(addresses).collect();
    let mut seen = vec![format!("listens at {}; streams up to {}", places.join(", "), bytes(clamd.stream_bytes_max.0))];
    match clamd.scan_directories.len() {
        0 => seen.push("files are sent by clients: no paths are scanned".to_owned()),
        count => seen.push(format!("paths are scanned below {}", counted(count as u64, "directory"))),
    }
    // They are closed again, and a socket is removed.
    let in_use = match ClamdListeners::bind(clamd) {
        Ok(_) => None,
        Err(error @ ClamdSocketError::InUse { .. }) => Some(format!("{error} (unless it is a running daemon)")),
        Err(error) => return Some(bad(WHAT, causes(&error))),
    };
    let missing = clamd.scan_directories.iter().filter(|directory| !directory.is_dir());
    let missing: Vec<String> = missing.map(|directory| format!("{} is no directory here", shown(directory))).collect();
    let open = clamd.listen.iter().filter(|address| !is_private(address.ip()));
    let open = open.map(|address| format!("{address} may be reached by anybody: the protocol knows no passwords"));
    let problems: Vec<String> = in_use.into_iter().chain(missing).chain(open).collect();
    let text = seen.join("\n");
    Some(if problems.is_empty() { good(WHAT, text) } else { poor(WHAT, format!("{text}\n{}", problems.join("\n"))) })
}

/// Whether only this machine, or one of the same private network, can connect to the address.
fn is_private(address: std::net::IpAddr) -> bool {
    match address.to_canonical() {
        std::net::IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        std::net::IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckStatus;

    #[test]
    fn it_says_where_it_would_listen_and_what_is_wrong_with_that() {
        let base = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        assert_eq!(look(&config), None, "it is off");
        config.clamd.socket = base.path().join("clamd.sock");
        let finding = look(&config).unwrap();
        assert_eq!(finding.health, CheckStatus::Good);
        assert!(finding.seen.contains("clamd.sock; streams up to "), "{}", finding.seen);
        assert!(!config.clamd.socket.exists(), "nothing is left behind");
        config.clamd.scan_directories = vec![base.path().join("none")];
        assert_eq!(look(&config).unwrap().health, CheckStatus::Poor);
        let running = ClamdListeners::bind(&config.clamd).unwrap();
        assert_eq!(look(&config).unwrap().health, CheckStatus::Poor);
        drop(running);
        config.clamd.socket = base.path().join("nowhere/clamd.sock");
        assert_eq!(look(&config).unwrap().health, CheckStatus::Bad);
        let address = |text: &str| is_private(text.parse().unwrap());
        assert!(address("127.0.0.1") && address("10.1.2.3") && address("::1") && address("fd00::1"));
        assert!(!address("0.0.0.0") && !address("::") && !address("192.0.2.1") && !address("2001:db8::1"));
    }
}
