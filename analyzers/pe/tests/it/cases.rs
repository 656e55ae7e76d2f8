use testkit::pe::{CODE, CONSTANTS, Field, PeBuilder, ordinary, pe, plain_code};

use super::{check_not_seen, check_seen, examine, ids};

fn text(text: &str) -> PeBuilder {
    ordinary().section(".rdata", CONSTANTS, text)
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn half_an_injection_set_is_none() {
    let half = ordinary().import("kernel32.dll", &["WriteProcessMemory", "ResumeThread", "VirtualAllocEx"]);
    check_not_seen(&half.build(), "pe.import.injection_set");
}

#[test]
fn hollowing_by_thread_context_is_an_injection_set() {
    let set = pe().import("kernel32.dll", &["WriteProcessMemory", "SetThreadContext", "ResumeThread"]);
    check_seen(&set.build(), "pe.import.injection_set");
}

#[test]
fn names_in_the_import_table_are_not_names_in_text() {
    let imported = ordinary().import("kernel32.dll", &["VirtualAllocEx", "WriteProcessMemory"]);
    check_not_seen(&imported.clone().build(), "pe.string.injection_apis");
    check_seen(&imported.section(".rdata", CONSTANTS, "VirtualAllocEx").build(), "pe.string.injection_apis");
}

#[test]
fn imports_of_both_word_sizes_are_read() {
    for image in [pe(), pe().plus()] {
        check_seen(&image.import("urlmon.dll", &["URLDownloadToFileW"]).build(), "pe.import.downloader");
    }
}

#[test]
fn imports_are_read_without_a_lookup_table() {
    let image = pe().import("urlmon.dll", &["URLDownloadToFileW"]);
    let bytes = image.clone().build();
    // The import directory is the first thing in the generated section, and the data of that follow its header.
    let header = bytes.windows(8).position(|name| name == b".idata\0\0").expect("the builder made it");
    let section = u32::from_le_bytes(bytes[header + 20..header + 24].try_into().expect("four bytes"));
    check_seen(&image.put(section as usize, [0; 4]).build(), "pe.import.downloader");
}

#[test]
fn words_are_seen_when_wide() {
    let image = ordinary().section(".rdata", CONSTANTS, wide("x CurrentVersion\\Run"));
    check_seen(&image.build(), "pe.string.run_key");
}

#[test]
fn words_need_what_must_stand_around_them() {
    for (words, id) in [
        ("Software\\CurrentVersion\\Runtime", "pe.string.run_key"),
        ("http://127.0.0.1/", "pe.string.raw_address"),
        ("http://schemas.example.org/", "pe.string.raw_address"),
        ("my.onion.rings", "pe.string.onion"),
        ("PRIVMSG alone", "pe.string.irc"),
        ("avp.exe alone", "pe.string.security_products"),
        ("DownloadFile ProcessStartInfo", "pe.string.dotnet_download"),
        ("monkey4.dbx", "pe.string.browser_credentials"),
    ] {
        check_not_seen(&text(words).build(), id);
    }
}

#[test]
fn drivers_and_firmware_are_not_odd_for_what_they_lack() {
    for subsystem in [1, 10] {
        let image = pe().section(".text", CODE, plain_code(4096)).subsystem(subsystem).build();
        for id in ["pe.file.anonymous", "pe.import.none", "pe.section.few", "pe.header.no_nx"] {
            check_not_seen(&image, id);
        }
    }
}

#[test]
fn dotnet_programs_are_not_odd_for_what_they_import() {
    let image = pe().section(".text", CODE, plain_code(4096)).import("mscoree.dll", &["_CorExeMain"]).dotnet();
    check_not_seen(&image.build(), "pe.import.few");
}

#[test]
fn a_signature_is_no_overlay() {
    let image = ordinary().certificate([0x30; 3000]);
    check_not_seen(&image.clone().build(), "pe.overlay.present");
    check_seen(&image.overlay("more").build(), "pe.overlay.present");
}

#[test]
fn bytes_that_are_no_signature_are_an_anomaly_and_no_signature() {
    let image = ordinary().certificate([0x41; 100]).build();
    check_not_seen(&image, "pe.signature.present");
    check_seen(&image, "pe.header.anomaly");
}

#[test]
fn an_image_inside_is_handed_over_to_its_last_byte() {
    let inner = pe().import("urlmon.dll", &["URLDownloadToFileA"]).build();
    for outer in [ordinary().overlay(inner.clone()).build(), ordinary().resource(10, inner.clone()).build()] {
        let (_, children) = examine(&outer);
        assert_eq!(children.len(), 1);
        assert_eq!(children[0].bytes.as_ref(), inner);
    }
}

#[test]
fn children_do_not_overlap_however_images_nest() {
    let mut image = ordinary().build();
    for _ in 0..6 {
        image = ordinary().section(".data2", CONSTANTS, image.clone()).overlay(image).build();
    }
    let (_, children) = examine(&image);
    assert!(!children.is_empty());
    assert!(children.iter().map(|child| child.bytes.len()).sum::<usize>() <= image.len());
}

#[test]
fn the_same_analyzer_sees_the_same_in_any_order() {
    let images = [
        ordinary().build(),
        text("vssadmin").import("urlmon.dll", &["URLDownloadToFileA"]).build(),
        pe().set(Field::NumberOfSections, 0xffff).build(),
    ];
    let alone: Vec<_> = images
        .iter()
        .map(|image| {
            super::examine_with(&mut analyzers_pe::Pe::default(), image, analyzers::Limits::default()).0.evidence
        })
        .collect();
    let mut pe = analyzers_pe::Pe::default();
    for order in [[0, 1, 2], [2, 1, 0], [1, 1, 0]] {
        for index in order {
            let (record, _) = super::examine_with(&mut pe, &images[index], analyzers::Limits::default());
            assert_eq!(record.evidence, alone[index]);
        }
    }
}

#[test]
fn many_signs_of_one_kind_are_told_a_few_times() {
    let image = text(&"vssadmin bcdedit wbadmin shadowcopy delete win32_shadowcopy ".repeat(1000)).build();
    let (record, _) = examine(&image);
    assert_eq!(ids(&record).iter().filter(|id| **id == "pe.string.shadow_copies").count(), 1);
    let times = record.evidence.iter().filter(|seen| seen.indicator.as_str() == "pe.string.shadow_copies");
    assert_eq!(times.count(), 3);
}
