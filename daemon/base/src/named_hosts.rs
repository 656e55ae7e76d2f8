//! Hosts that an artifact names: domains and IP addresses, in the form in which PolySwarm's metadata takes them.
//!
//! Few, each once, and in one order, however they were found; whoever reads them from a stranger makes them anew here, so
//! nobody has to check them again.

use std::net::IpAddr;

use serde::Serialize;

/// Domains and addresses, each sorted and at most [`NamedHosts::COUNT_MAX`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct NamedHosts {
    domains: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    more: bool,
}

impl NamedHosts {
    /// Most domains, and most addresses, that are kept.
    pub const COUNT_MAX: usize = 64;

    /// Those of both lists that are domains and addresses. What is not is left out.
    pub fn read<'t>(
        domains: impl IntoIterator<Item = &'t str>,
        ip_addresses: impl IntoIterator<Item = &'t str>,
    ) -> NamedHosts {
        let mut hosts = NamedHosts::default();
        domains.into_iter().for_each(|domain| hosts.add_domain(domain));
        ip_addresses.into_iter().filter_map(|text| text.parse().ok()).for_each(|address| hosts.add_address(address));
        hosts
    }

    /// Adds a domain, if it is one ([`is_domain`]) and there is room.
    pub fn add_domain(&mut self, domain: &str) {
        if let Err(place) = self.domains.binary_search_by(|known| known.as_str().cmp(domain))
            && is_domain(domain)
        {
            if self.domains.len() < NamedHosts::COUNT_MAX {
                self.domains.insert(place, domain.to_owned());
            } else {
                self.more = true;
            }
        }
    }

    /// Adds an address, if there is room.
    pub fn add_address(&mut self, address: IpAddr) {
        if let Err(place) = self.ip_addresses.binary_search(&address) {
            if self.ip_addresses.len() < NamedHosts::COUNT_MAX {
                self.ip_addresses.insert(place, address);
            } else {
                self.more = true;
            }
        }
    }

    /// Adds all of others.
    pub fn add_all(&mut self, others: &NamedHosts) {
        others.domains.iter().for_each(|domain| self.add_domain(domain));
        others.ip_addresses.iter().for_each(|&address| self.add_address(address));
        self.more |= others.more;
    }

    /// Says that there are more than these.
    pub fn leave_out(&mut self) {
        self.more = true;
    }

    /// The domains, sorted.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// The addresses, sorted.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.ip_addresses
    }

    /// Whether there were more than are kept.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty() && self.ip_addresses.is_empty()
    }

    /// At most `count_max` domains and as many addresses: the first of each.
    pub fn at_most(&self, count_max: usize) -> NamedHosts {
        let domains: Vec<String> = self.domains.iter().take(count_max).cloned().collect();
        let ip_addresses: Vec<IpAddr> = self.ip_addresses.iter().take(count_max).copied().collect();
        let is_cut = domains.len() < self.domains.len() || ip_addresses.len() < self.ip_addresses.len();
        NamedHosts { domains, ip_addresses, more: self.more || is_cut }
    }
}

/// Whether `text` is a domain: 3 to 127 characters, at least two labels of lower-case letters, digits, `-` and `_`.
///
/// Both versions of PolySwarm's validators (polyswarm-artifact 1.4.4 and 2.2.4) take more than that, but what they take
/// besides is no domain.
pub fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (3..=127).contains(&text.len()) && text.contains('.') && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_labels_of_the_right_characters_and_length() {
        for domain in
            ["a.b", "evil.top", "_dns.evil-host.top", "xn--e1afmkfd.xn--p1ai", &format!("{}.top", "a".repeat(63))]
        {
            assert!(is_domain(domain), "{domain}");
        }
        let long = format!("{}.{}.top", "a".repeat(63), "b".repeat(63));
        let label = format!("{}.top", "a".repeat(64));
        for other in [
            "",
            "no",
            "top",
            "EVIL.top",
            "has space.top",
            ".top",
            "a..top",
            "a.top.",
            "-a.top",
            "a-.top",
            "é.top",
            &long,
            &label,
        ] {
            assert!(!is_domain(other), "{other}");
        }
    }

    #[test]
    fn order_and_repetition_make_no_difference() {
        let one = NamedHosts::read(["b.top", "a.top", "b.top", "No"], ["::1", "1.2.3.4", "1.2.3.0/24", "01.2.3.4"]);
        let other = NamedHosts::read(["a.top", "b.top"], ["1.2.3.4", "::1"]);
        assert_eq!(one, other);
        assert_eq!((one.domains().len(), one.ip_addresses().len(), one.has_more()), (2, 2, false));
    }

    #[test]
    fn of_many_the_first_are_kept_and_it_is_told() {
        let names: Vec<String> = (0..1_000).map(|number| format!("host{number:04}.top")).collect();
        let mut hosts = NamedHosts::read(names.iter().map(String::as_str), []);
        assert_eq!((hosts.domains().len(), hosts.has_more()), (NamedHosts::COUNT_MAX, true));
        let few = NamedHosts::read(["a.top", "b.top"], ["1.2.3.4"]);
        assert_eq!(few.at_most(2), few);
        let first = few.at_most(1);
        assert_eq!(
            (first.domains(), first.ip_addresses().len(), first.has_more()),
            (&["a.top".to_owned()][..], 1, true)
        );
        // Nothing is added where nothing fits.
        let before = hosts.clone();
        hosts.add_all(&few);
        assert_eq!((hosts.domains(), hosts.ip_addresses().len()), (before.domains(), 1));
    }
}
