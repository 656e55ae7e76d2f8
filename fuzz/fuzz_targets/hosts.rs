//! Hosts in text: no bytes make the search panic, what is found is told for a reason, and the same text names the same hosts
//! whatever was read before.

#![no_main]

use analyzers::NamedHosts;
use analyzers::hosts::{HostSearch, is_telling_address, is_telling_domain};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut search = HostSearch::default();
    search.read(bytes);
    let found = search.found().clone();
    assert!(found.domains().len() <= NamedHosts::COUNT_MAX && found.ip_addresses().len() <= NamedHosts::COUNT_MAX);
    assert!(found.domains().iter().all(|domain| is_telling_domain(domain)));
    assert!(found.ip_addresses().iter().all(|&address| is_telling_address(address)));
    search.clear();
    search.read(bytes);
    assert_eq!(search.found(), &found);
});
