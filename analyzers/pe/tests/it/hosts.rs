//! Hosts that an image names, in text of either width.

use specimens::pe;

use crate::examine;

fn wide(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [byte, 0]).collect()
}

#[track_caller]
fn check(text: &[u8], domains: &[&str], addresses: &[&str]) {
    let bytes = pe::ordinary().section(".names", pe::DATA, text.to_vec()).build();
    let hosts = examine(&bytes).0.hosts;
    let found: Vec<String> = hosts.ip_addresses().iter().map(ToString::to_string).collect();
    let expected = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    assert_eq!((hosts.domains(), found), (&expected(domains)[..], expected(addresses)));
}

#[test]
fn hosts_are_told_in_text_of_either_width() {
    check(b"\0http://evil-host.top/gate.php\0irc.evil-host.net:6667\0", &["evil-host.top", "irc.evil-host.net"], &[]);
    check(&wide("\0ftp://45.9.148.21/up\0"), &[], &["45.9.148.21"]);
}

#[test]
fn files_namespaces_versions_and_infrastructure_are_not() {
    check(
        b"\0kernel32.dll\0System.Net.Sockets\0setup.py\0http://www.w3.org/2000/xmlns\0http://ocsp.digicert.com\0",
        &[],
        &[],
    );
    check(&wide("FileVersion\0\x0077.88.99.90\0http://schemas.microsoft.com/SMI/2005"), &[], &[]);
}

#[test]
fn of_very_many_some_are_told_and_that_there_are_more() {
    let text: String = (0..1_000).map(|number| format!("http://host{number}.evil-host.top/\0")).collect();
    let bytes = pe::ordinary().section(".names", pe::DATA, text.into_bytes()).build();
    let record = examine(&bytes).0;
    assert_eq!((record.hosts.domains().len(), record.hosts.has_more()), (analyzers::NamedHosts::COUNT_MAX, true));
    assert_eq!(record.budget.hit().count(), 0, "a benign program may name as many");
}
