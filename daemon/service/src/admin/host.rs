//! Which names a request may call this server by.
//!
//! A page of a stranger can have its own name resolve to our address (DNS rebinding), and then reads what we answer as its own.
//! It cannot have the browser send another name than its own, so a server that only this machine reaches answers to addresses
//! and to `localhost`, which no stranger's name is.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, HeaderMap};

/// The names that are answered to.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// None: every name.
    names: Option<Vec<String>>,
}

impl Hosts {
    /// Checks names where the server listens on loopback, or where `names` are given: then these are answered to as well.
    pub(crate) fn of(listen: SocketAddr, names: &[String]) -> Hosts {
        let is_checked = listen.ip().to_canonical().is_loopback() || !names.is_empty();
        Hosts { names: is_checked.then(|| names.iter().map(|name| name.to_ascii_lowercase()).collect()) }
    }

    /// Whether a request with these headers is answered. One without the header is no browser's.
    pub(crate) fn answers(&self, headers: &HeaderMap) -> bool {
        let Some(names) = &self.names else { return true };
        let mut hosts = headers.get_all(HOST).iter();
        let Some(host) = hosts.next() else { return true };
        let Ok(host) = host.to_str() else { return false };
        let name = without_port(host).to_ascii_lowercase();
        let is_ours = name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost");
        hosts.next().is_none() && (is_ours || names.contains(&name))
    }
}

/// The name or address in a header: `[::1]:9181` is `::1`.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(host, |(address, _)| address);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(listen: &str, names: &[&str], host: &str) -> bool {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a value of a header"));
        Hosts::of(listen.parse().expect("an address"), &names).answers(&headers)
    }

    #[test]
    fn on_loopback_only_addresses_and_localhost_are_answered_to() {
        for listen in ["127.0.0.1:9181", "[::1]:9181", "[::ffff:127.0.0.1]:9181"] {
            for host in ["127.0.0.1:9181", "127.0.0.1", "[::1]:9181", "localhost", "LOCALHOST:9181", "a.localhost:1"] {
                assert!(answers(listen, &[], host), "{listen} {host}");
            }
            for host in [
                "evil.example",
                "evil.example:9181",
                "localhost.evil.example",
                "127.0.0.1.evil.example",
                "",
                ":9181",
                "[::1",
            ] {
                assert!(!answers(listen, &[], host), "{listen} {host}");
            }
        }
    }

    #[test]
    fn names_that_are_given_are_answered_to_as_well() {
        assert!(answers("127.0.0.1:9181", &["engine.example"], "Engine.Example:443"));
        assert!(answers("10.0.0.1:9181", &["engine.example"], "10.0.0.1:9181"));
        assert!(!answers("10.0.0.1:9181", &["engine.example"], "evil.example"));
        assert!(answers("10.0.0.1:9181", &[], "any.example"), "who listens for others is called what they call it");
    }

    #[test]
    fn who_sends_no_name_or_two_is_no_browser_or_none_of_ours() {
        let hosts = Hosts::of("127.0.0.1:1".parse().expect("an address"), &[]);
        let mut headers = HeaderMap::new();
        assert!(hosts.answers(&headers));
        headers.append(HOST, "localhost".parse().expect("a value of a header"));
        headers.append(HOST, "evil.example".parse().expect("a value of a header"));
        assert!(!hosts.answers(&headers));
    }
}
