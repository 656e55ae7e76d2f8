use specimens::pe::{CODE, CONSTANTS, Field, PeBuilder, ordinary, pe, plain_code};

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
    check_seen(&imported.section(".rdata", CONSTANTS, "NtCreateThreadEx").build(), "pe.string.injection_apis");
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
fn names_of_functions_that_are_imported_all_the_same_are_not_there_to_find_them() {
    let debugger = ordinary().import("kernel32.dll", &["VirtualAllocEx", "CreateRemoteThread"]);
    let messages = "VirtualAllocEx failed\0cannot CreateRemoteThread";
    check_not_seen(&debugger.clone().section(".rdata", CONSTANTS, messages).build(), "pe.string.injection_apis");
    let more = debugger.section(".rdata", CONSTANTS, "NtUnmapViewOfSection");
    check_seen(&more.build(), "pe.string.injection_apis");
}

#[test]
fn names_that_a_library_exports_are_not_names_in_text() {
    let forwarder = ordinary().dll().export("WriteProcessMemory").export("wine_get_unix_file_name");
    check_not_seen(&forwarder.clone().build(), "pe.string.injection_apis");
    check_not_seen(&forwarder.clone().build(), "pe.string.virtual_machines");
    // What it is forwarded to stands there too.
    check_not_seen(&ordinary().dll().export("kernel32.VirtualAllocEx").build(), "pe.string.injection_apis");
    // The same name elsewhere is text; and who finds functions by name, or is no library, needs the names as text.
    check_seen(
        &forwarder.clone().section(".rdata", CONSTANTS, "WriteProcessMemory").build(),
        "pe.string.injection_apis",
    );
    check_seen(&forwarder.import("kernel32.dll", &["GetProcAddress"]).build(), "pe.string.injection_apis");
    check_seen(&ordinary().export("WriteProcessMemory").build(), "pe.string.injection_apis");
}

#[test]
fn headers_without_an_image_are_no_image() {
    // As linkers carry them: the sections have no data yet, or pointers that are no pointers.
    let whole = ordinary().build();
    let blank = ordinary()
        .set(Field::PointerToRawData(0), 0x2d2d_2d2d)
        .set(Field::PointerToRawData(1), 0)
        .set(Field::SizeOfRawData(2), 0)
        .set(Field::PointerToRawData(3), 0x2d2d_2d2d)
        .build();
    for template in [&blank[..0x400], &ordinary().set(Field::NumberOfSections, 0).build()[..0x400]] {
        let image = ordinary().section(".rdata", CONSTANTS, template).build();
        let (record, children) = examine(&image);
        assert_eq!((children.len(), record.incomplete.as_slice()), (0, [].as_slice()));
        check_not_seen(&image, "pe.content.embedded_image");
    }
    assert_eq!(examine(&ordinary().section(".rdata", CONSTANTS, whole).build()).1.len(), 1);
}

#[test]
fn an_image_inside_is_handed_over_with_its_signature_and_all_of_its_resource() {
    for inner in [pe().signed().build(), pe().overlay("behind").build()] {
        let outer = ordinary().resource(10, inner.clone()).build();
        let (_, children) = examine(&outer);
        assert_eq!(children.len(), 1);
        assert_eq!(children[0].bytes.as_ref(), inner);
    }
    let inner = pe().signed().build();
    let outer = ordinary().overlay(inner.clone()).build();
    assert_eq!(examine(&outer).1[0].bytes.as_ref(), inner);
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
        // One's own network, one's own link, versions, object identifiers.
        ("http://192.168.1.1/setup", "pe.string.raw_address"),
        ("http://10.0.0.138/", "pe.string.raw_address"),
        ("http://172.31.255.1/", "pe.string.raw_address"),
        ("http://169.254.169.254/latest/meta-data", "pe.string.raw_address"),
        ("http://100.64.0.7/", "pe.string.raw_address"),
        ("http://239.255.255.250:1900/", "pe.string.raw_address"),
        ("xmlns=http://4.0.0.0/", "pe.string.raw_address"),
        ("http://1.3.6.1.4.1.311/", "pe.string.raw_address"),
        // Texts of libraries and of help.
        ("no decryption key given; the record has been encrypted twice", "pe.string.ransom_note"),
        ("gpg: decrypt your message with --decrypt", "pe.string.ransom_note"),
        ("Press [Enter] to go on, [Delete] to remove, [Insert] to add", "pe.string.key_labels"),
        ("see http://example.org/show_bug.php?id=4711", "pe.string.php_gate"),
        // Names in the string tables of Go and Rust, one up against the other.
        ("VirtualAllocVirtualAllocExVirtualFreeVirtualFreeExWriteProcessMemoryZwClose", "pe.string.injection_apis"),
        ("mainCreateRemoteThread", "pe.string.injection_apis"),
    ] {
        check_not_seen(&text(words).build(), id);
    }
}

#[test]
fn words_that_stand_as_malware_has_them_are_seen() {
    for (words, id) in [
        ("kernel32!VirtualAllocEx", "pe.string.injection_apis"),
        ("[ENTER]\0[CAPS LOCK]", "pe.string.key_labels"),
        ("pay, and get the decryption key for your documents", "pe.string.ransom_note"),
        ("to decrypt your files", "pe.string.ransom_note"),
        ("/a.php?id=%s", "pe.string.php_gate"),
        ("http://100.128.0.1/", "pe.string.raw_address"),
    ] {
        check_seen(&text(words).build(), id);
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
    let image = ordinary().signed();
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
