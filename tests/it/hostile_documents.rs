//! Documents, packages and rules that want to hang, crash or grow us, given to the program as a user would.
//!
//! Each must end with a reason and never be benign, behind the wall and without it, within 256 MiB above what an empty
//! file costs in the same way.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use specimens::cfb::CfbBuilder;
use specimens::ooxml::{OoxmlBuilder, docm, docx, field, word};
use specimens::quine::quine;
use specimens::vba::{self, VbaBuilder};
use specimens::zip::ZipBuilder;
use specimens::{bomb, rtf};

use crate::hostile::{MEMORY_MAX, RunResult, keep_worst, run, temporary};
use crate::program::{stakeout, stdout};

/// Longest that one may take, the start of the program included. The promise is 2 s for a release build on a quiet
/// machine; what times are printed here tells how well it is kept.
const TIME_MAX: Duration = Duration::from_secs(20);

fn scan(path: &Path, how: &[&str]) -> RunResult {
    run(stakeout().args(["scan", "--ndjson", "-j1"]).args(how).arg(path), path)
}

/// Scans `bytes` behind the wall and without it: both must say the same, that it is not benign, and why. Answers the
/// record.
#[track_caller]
fn check(name: &str, bytes: &[u8]) -> Value {
    let dir = temporary();
    let (empty, path) = (dir.path().join("empty"), dir.path().join(name));
    fs::write(&empty, b"").expect("the directory is ours");
    fs::write(&path, bytes).expect("the directory is ours");
    let [mut walled, mut bare] = [&[][..], &["--in-process"][..]].map(|how| {
        let idle = scan(&empty, how).memory;
        let RunResult { record, code, elapsed, memory, .. } = scan(&path, how);
        assert!(code.is_some(), "{name} killed the program");
        assert!(memory <= idle + MEMORY_MAX, "{name} took {} MiB {how:?}", (memory - idle) >> 20);
        assert!(elapsed <= TIME_MAX, "{name} took {elapsed:?} {how:?}");
        keep_worst(elapsed, memory.saturating_sub(idle));
        record
    });
    walled["elapsed_us"].take();
    bare["elapsed_us"].take();
    assert_eq!(walled, bare, "{name}: the wall makes a difference");
    let reasons = walled["incomplete"].as_array().expect("a record says what was not looked at");
    let evidence = walled["evidence"].as_array().expect("a record has evidence");
    assert_ne!(walled["verdict"], "benign", "{name}: {walled}");
    assert!(!reasons.is_empty() || !evidence.is_empty(), "{name} has no reason: {walled}");
    for why in reasons.iter().filter_map(Value::as_str) {
        assert!(!why.starts_with("panic") && !why.starts_with("crash"), "{name}: {why}");
    }
    walled
}

/// The same, and `expected` is among the reasons and signs.
#[track_caller]
fn check_for(name: &str, bytes: &[u8], expected: &str) {
    let record = check(name, bytes);
    let signs = record["evidence"].as_array().into_iter().flatten().map(|seen| &seen["id"]);
    let mut said = record["incomplete"].as_array().into_iter().flatten().chain(signs);
    assert!(said.any(|word| word == expected), "{name}: {expected} is missing in {record}");
}

fn compound() -> CfbBuilder {
    let project = VbaBuilder::new().module("Module1", "Sub A()\r\nEnd Sub\r\n").document("ThisDocument", "");
    project.add_to(CfbBuilder::new().stream("WordDocument", &[0; 9_000]), "Macros")
}

#[test]
fn cycles_in_compound_files_end() {
    // The chain is followed as far as the stream is long, which is where the file ends first.
    check_for("fat", &compound().size("WordDocument", 60_000).cyclic_fat().build(), "file.cut_short");
    check_for("mini-fat", &compound().cyclic_mini_fat().build(), "office.container.cyclic");
    check_for("difat", &compound().cyclic_difat().build(), "office.container.cyclic");
    check_for("siblings", &compound().cyclic_siblings().build(), "office.container.cyclic");
    check_for("directory", &compound().cyclic_directory().build(), "office.container.cyclic");
}

#[test]
fn streams_that_claim_a_tebibyte_are_read_as_far_as_they_go() {
    for (name, file) in [("version-3", compound()), ("version-4", compound().version_4())] {
        check_for(name, &file.size("WordDocument", 1 << 40).build(), "office.container.beyond_end");
    }
}

#[test]
fn a_macro_stream_that_expands_six_hundred_times_ends_at_a_limit() {
    let bytes = vba::bomb(b'A', 200 << 20);
    assert!(bytes.len() < (200 << 20) / 600);
    let file = CfbBuilder::new().stream("WordDocument", &[0; 4_096]).stream("Macros/VBA/Bomb", &bytes);
    let project = VbaBuilder::new().module("Bomb", "").missing();
    check_for("vba", &project.add_to(file, "Macros").build(), "limit.stream");
    // So many of them that each may be read, and all together not.
    let small = vba::bomb(b'\'', 15 << 20);
    let names: Vec<String> = (0..60).map(|index| format!("Bomb{index}")).collect();
    let project = names.iter().fold(VbaBuilder::new(), |project, name| project.module(name, "").missing());
    let file = names.iter().fold(CfbBuilder::new(), |file, name| file.stream(&format!("VBA/{name}"), &small));
    check_for("vba-many", &docm().vba_project(&project.add_to(file, "").build()).build(), "limit.produced");
}

#[test]
fn overlapping_entries_that_declare_39_gib_are_read_once() {
    let overlapping = bomb::overlapping_entries("word/document.", 1_400, 125_000);
    check_for("quoted", &overlapping, "office.package.overlap");
    // Five thousand names for one body.
    let zeros = bomb::deflated_zeros(32_514);
    let first = ZipBuilder::new().entry("word/media/a.xml", &zeros).method(8).declaring_bytes(8 << 20);
    let all = (0..5_000).fold(first.entry("[Content_Types].xml", b""), |zip, number| {
        zip.overlapping(&format!("word/media/{number}.xml"), 0).method(8).declaring_bytes(8 << 20)
    });
    check_for("whole", &all.build(), "office.package.overlap");
}

#[test]
fn b2_overlap_behind_64_bit_headers_and_other_methods() {
    let zeros = bomb::deflated_zeros(32_514);
    // Sizes of 64 bits stand in an extra field (4.5.3), where those of 32 bits are all ones: a tebibyte here.
    let extra = [&[1, 0, 8, 0][..], &(1_u64 << 40).to_le_bytes()].concat();
    for (name, method, body, extra) in [
        ("64-bit", 8, &zeros[..], &extra[..]),
        // BZip2 and LZMA, of which nobody unpacks anything here.
        ("bzip2", 12, b"BZh91AY&SY", &[][..]),
        ("lzma", 14, b"\x09\x14\x05\0\x5d\0\0\x10\0", &[][..]),
    ] {
        let declared = if extra.is_empty() { 1 << 31 } else { u32::MAX };
        let first = docx().zip().raw_entry(b"word/media/a.xml", extra, body).method(method).declaring_bytes(declared);
        let index = docx().zip().build().windows(4).filter(|head| head == b"PK\x01\x02").count();
        let all = (0..2_000).fold(first, |zip, number| {
            zip.overlapping(&format!("word/media/{number}.xml"), index).method(method).declaring_bytes(declared)
        });
        check_for(name, &all.build(), "office.package.overlap");
    }
}

#[test]
fn packages_in_packages_end_at_a_limit() {
    let around = |inner: &[u8]| docx().part("word/embeddings/Microsoft_Word_Document.docx", inner).build();
    check_for("packages", &(0..40).fold(docx().build(), |inner, _| around(&inner)), "limit.depth");
    let itself = docx().part("word/embeddings/a.zip", &quine()).build();
    check_for("quine", &itself, "limit.depth");
    check("archives", &bomb::nested("word/embeddings/a.zip", 1_000));
    // Sixteen in each of sixteen, and so on, as in 42.zip: more parts than may be read.
    let wide = (0..3).fold(docx().build(), |inner, _| {
        let parts = (0..16)
            .fold(docx(), |package, index| package.part(&format!("word/embeddings/document{index}.docx"), &inner));
        parts.build()
    });
    check("tree", &wide);
}

#[test]
fn xml_that_expands_or_never_ends_is_not_followed() {
    let main = |xml: &[u8]| docx().part("word/document.xml", xml).build();
    check_for("entities", &main(&bomb::billion_laughs()), "office.package.doctype");
    let attributes = " a=\"\"".repeat(10_000_000);
    let xml = word(&format!("<w:p{attributes}/>{}", field(&["PAGE"])));
    check_for("attributes", &main(xml.as_bytes()), "limit.entries");
    check_for(
        "depth",
        &main(("<a>".repeat(1_000_000) + field(&["PAGE"]).as_str()).as_bytes()),
        "office.package.excessive_xml",
    );
}

#[test]
fn parts_that_are_all_zeros_end_at_a_limit() {
    let zeros = bomb::deflated_zeros(1_000_000);
    let parts = |package: OoxmlBuilder| package.zip().entry("word/header1.xml", &zeros).method(8);
    check_for("one", &parts(docx()).build(), "limit.stream");
    let many =
        (2..40).fold(parts(docx()), |zip, index| zip.entry(&format!("word/header{index}.xml"), &zeros).method(8));
    check_for("many", &many.build(), "limit.produced");
    let entries = (0..20_000).fold(docx().zip(), |zip, index| zip.entry(&format!("word/{index}.xml"), b"<a/>"));
    check_for("entries", &entries.build(), "limit.entries");
    check("counts", &docx().zip().declaring_entries(u16::MAX).build());
}

#[test]
fn rtf_without_end_is_examined() {
    for (name, piece) in [("groups", "{"), ("fields", "{\\field{\\fldinst DDE "), ("binary", "\\bin99999999999999 ")] {
        check(name, &rtf::rtf(&piece.repeat(50_000)));
    }
}

/// Compares every pair of bytes: hours for a mebibyte, an instant for a note.
const ENDLESS: &str = "rule endless {\n  condition:\n    for all i in (0..filesize - 1) : (\n      \
                       for all j in (0..filesize - 1) : ( uint8(i) + uint8(j) >= 0 )\n    )\n}\n";

#[test]
fn a_rule_that_runs_for_hours_costs_one_file_and_not_the_next() {
    let dir = temporary();
    let (rules, files) = (dir.path().join("rules/any"), dir.path().join("files"));
    fs::create_dir_all(&rules).expect("the directory is ours");
    fs::create_dir(&files).expect("the directory is ours");
    fs::write(rules.join("endless.yar"), ENDLESS).expect("the directory is ours");
    fs::write(files.join("1-slow"), vec![b'x'; 1 << 20]).expect("the directory is ours");
    fs::write(files.join("2-good"), b"a note\n").expect("the directory is ours");
    let scan = || {
        let mut command = stakeout();
        command.args(["scan", "--ndjson", "-j1", "--max-time", "1", "--no-shipped-rules", "--rules"]);
        command.arg(dir.path().join("rules")).arg(&files).output().expect("the program can be started")
    };
    // Once to compile the rule; then what is timed is the scan.
    scan();
    let output = scan();
    let records: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |name: &str| {
        let named = |record: &&Value| record["path"].as_str().is_some_and(|path| path.ends_with(name));
        records.iter().find(named).unwrap_or_else(|| panic!("{name} is lost: {records:?}"))
    };
    let slow = of("1-slow");
    assert_eq!(slow["verdict"], "unknown", "{slow}");
    assert_eq!(slow["incomplete"], serde_json::json!(["limit.time"]));
    let elapsed = Duration::from_micros(slow["elapsed_us"].as_u64().expect("a record says how long it took"));
    eprintln!("a rule without end was ended after {elapsed:?}; the limit is 1 s");
    assert!(elapsed > Duration::from_millis(900) && elapsed < Duration::from_secs(4), "{elapsed:?}");
    let good = of("2-good");
    assert_eq!(good["incomplete"].as_array().map(Vec::len), Some(0), "{good}");
    assert_eq!(good["evidence"][0]["id"], "yara.any.endless.endless", "{good}");
    assert_eq!(output.status.code(), Some(2));
}
