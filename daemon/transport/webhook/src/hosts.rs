//! Hosts to which answers may be sent.
//!
//! A bounty says where its answer goes, and a bounty may lie. So the operator names the hosts, once, and nothing is ever
//! posted elsewhere.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The hosts that answers may be sent to.
///
/// An entry is `https://api.example.com`, `https://*.example.com` (any name below it, but not itself) or, said
/// explicitly, `http://127.0.0.1:8810`. Without a scheme it means https. Without a port it means the scheme's own.
/// An address that is private or this very machine's may be named like any other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts(Vec<AllowedHost>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct AllowedHost {
    scheme: Scheme,
    name: Name,
    port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Name {
    /// Exactly this host.
    Exactly(Host),
    /// Every name that ends so; begins with a dot.
    Below(String),
}

/// Entries that name no host, all of them at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostsError(Vec<(String, &'static str)>);

impl HostsError {
    /// Each entry as it was given, and what is wrong with it.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.0.iter().map(|(entry, why)| (entry.as_str(), *why))
    }
}

impl std::error::Error for HostsError {}

impl fmt::Display for HostsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (entry, why)) in self.entries().enumerate() {
            write!(f, "{}invalid host {entry:?} for answers: {why}", if i > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl Hosts {
    /// Reads the entries, or tells everything that is wrong with them. No entries: answers go nowhere.
    ///
    /// # Errors
    ///
    /// [`HostsError`] with every entry that is wrong, and why.
    pub fn parse<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, HostsError> {
        let (mut hosts, mut wrong) = (Vec::new(), Vec::new());
        for text in entries {
            match text.as_ref().parse() {
                Ok(entry) => hosts.push(entry),
                Err(why) => wrong.push((text.as_ref().to_owned(), why)),
            }
        }
        if wrong.is_empty() { Ok(Hosts(hosts)) } else { Err(HostsError(wrong)) }
    }

    /// The url that `text` is, if an answer may be sent there; or why not.
    pub(crate) fn admit(&self, text: &str) -> Result<Url, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is not a URL")?;
        let scheme = Scheme::named(url.scheme()).ok_or("the scheme must be http or https")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it contains a user name or password");
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Err("it has no host") };
        let named = |entry: &&AllowedHost| entry.name.covers(&host) && entry.port == port;
        if self.0.iter().filter(named).any(|entry| entry.scheme == scheme) {
            return Ok(url);
        }
        match self.0.iter().find(|entry| entry.name.covers(&host)) {
            Some(_) => Err("its host is allowed only with another scheme or port"),
            None => Err("its host is not in the list of allowed hosts"),
        }
    }
}

impl Scheme {
    fn named(name: &str) -> Option<Self> {
        match name {
            "http" => Some(Scheme::Http),
            "https" => Some(Scheme::Https),
            _ => None,
        }
    }
}

impl Name {
    fn covers(&self, host: &Host<&str>) -> bool {
        match self {
            Name::Exactly(name) => name == host,
            Name::Below(suffix) => match host {
                Host::Domain(name) => name.strip_suffix(suffix.as_str()).is_some_and(|below| !below.is_empty()),
                Host::Ipv4(_) | Host::Ipv6(_) => false,
            },
        }
    }
}

impl FromStr for AllowedHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write it as https://host, https://*.domain or http://host:port";
        let (scheme, authority) = text.split_once("://").unwrap_or(("https", text));
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let named = Scheme::named(&scheme.to_ascii_lowercase()).ok_or("its scheme must be https or http")?;
        if authority.contains('@') {
            return Err("it must not contain a user name");
        }
        if authority.contains(['/', '?', '#', '\\']) {
            return Err("it must be a host without path, query or fragment");
        }
        let (below, host) = match authority.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, authority),
        };
        if host.contains('*') {
            return Err("`*` is allowed only as the first label, as in *.example.com");
        }
        let url = Url::parse(&format!("{scheme}://{host}")).map_err(|_| FORM)?;
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Err(FORM) };
        let name = match (below, host.to_owned()) {
            (false, host) => Name::Exactly(host),
            (true, Host::Domain(name)) if name.trim_end_matches('.').contains('.') => Name::Below(format!(".{name}")),
            (true, Host::Domain(_)) => return Err("`*.` must be followed by a domain of at least two labels"),
            (true, Host::Ipv4(_) | Host::Ipv6(_)) => return Err("`*.` cannot be followed by an address"),
        };
        Ok(AllowedHost { scheme: named, name, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_named_hosts_only() {
        let hosts = Hosts::parse([
            "https://api.polysworm.example",
            "*.market.example",
            "http://127.0.0.1:8810",
            "https://[::1]:8443/",
            "http://lan",
        ])
        .unwrap();
        for (url, allowed) in [
            ("https://api.polysworm.example/v3/bounties/1/assertions/?nonce=a", true),
            ("https://API.polysworm.EXAMPLE:443/x", true),
            ("http://api.polysworm.example/", false),
            ("https://api.polysworm.example:8443/", false),
            ("https://api.polysworm.example.evil.example/", false),
            ("https://evil.example/?https://api.polysworm.example/", false),
            ("https://api.polysworm.example@evil.example/", false),
            ("https://user@api.polysworm.example/", false),
            ("https://:secret@api.polysworm.example/", false),
            ("https://api.polysworm.example\\@evil.example/", true),
            ("https://a.market.example/", true),
            ("https://a.b.market.example/", true),
            ("https://market.example/", false),
            ("https://evilmarket.example/", false),
            ("https://.market.example/", false),
            ("http://127.0.0.1:8810/answer", true),
            ("http://2130706433:8810/answer", true),
            ("http://127.0.0.1/", false),
            ("https://127.0.0.1:8810/", false),
            ("http://127.0.0.2:8810/", false),
            ("https://[::1]:8443/", true),
            ("https://[0:0:0:0:0:0:0:1]:8443/", true),
            ("http://lan/", true),
            ("http://lan./", false),
            ("file:///etc/passwd", false),
            ("data:text/plain,x", false),
            ("/v3/bounties", false),
            ("", false),
        ] {
            assert_eq!(hosts.admit(url).is_ok(), allowed, "{url}: {:?}", hosts.admit(url));
        }
        assert!(Hosts::default().admit("https://api.polysworm.example/").is_err());
    }

    #[test]
    fn all_bad_entries_are_told_at_once() {
        let entries = [
            "",
            "*",
            "*.",
            "*.com",
            "a.*.com",
            "*.10.0.0.1",
            "https://user@host",
            "https://host/path",
            "https://host?x",
            "ftp://host",
            "host:99999",
            "https://host:",
            "ho st",
        ];
        let error = Hosts::parse(entries).unwrap_err();
        let told: Vec<_> = error.entries().map(|(entry, _)| entry).collect();
        // An empty port is the scheme's own.
        assert_eq!(told, entries.into_iter().filter(|&entry| entry != "https://host:").collect::<Vec<_>>());
        assert!(error.to_string().contains("invalid host \"*.com\" for answers: `*.` must be followed by"));
    }
}
