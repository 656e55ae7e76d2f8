//! Metadata of .NET: what nearly shows a sign, what native functions show, and what lies.

use proptest::prelude::*;
use specimens::pe::{CONSTANTS, Field, metadata, ordinary, pe};

use super::{check_not_seen, check_seen, examine, ids};

#[test]
fn a_library_that_is_loaded_by_name_is_no_image_in_memory() {
    let by_name = metadata().calls("System.Reflection", "Assembly", "Load", &[0, 1, 0x12, 5, 0x0e]);
    check_not_seen(&ordinary().dotnet_with(by_name).build(), "pe.dotnet.loads_image");
    let elsewhere = metadata().calls("Example", "Configuration", "Load", &[0, 1, 0x12, 5, 0x1d, 5]);
    check_not_seen(&ordinary().dotnet_with(elsewhere).build(), "pe.dotnet.loads_image");
    // The token of a class with more than 31 rows before it has two bytes.
    let far = metadata().calls("System.Reflection", "Assembly", "Load", &[0, 1, 0x12, 0x80, 0x95, 0x1d, 5]);
    check_seen(&ordinary().dotnet_with(far).build(), "pe.dotnet.loads_image");
}

#[test]
fn one_half_is_none() {
    let unpacks = metadata().calls("System.IO.Compression", "GZipStream", ".ctor", &[0x20, 0, 1]);
    let loads = metadata().calls("System.Reflection", "Assembly", "Load", &[0, 1, 0x12, 5, 0x1d, 5]);
    for half in [unpacks, loads] {
        check_not_seen(&ordinary().dotnet_with(half).build(), "pe.dotnet.reveals_image");
    }
    let downloads = metadata().calls("System.Net", "WebClient", "DownloadFile", &[0x20, 2, 1, 0xe, 0xe]);
    let starts = metadata().calls("System.Diagnostics", "Process", "Start", &[0, 1, 0x12, 5, 0xe]);
    let closes = metadata().calls("System.Net", "WebClient", "Dispose", &[0x20, 0, 1]);
    for half in
        [downloads, starts.clone(), closes.calls("System.Diagnostics", "Process", "Start", &[0, 1, 0x12, 5, 0xe])]
    {
        check_not_seen(&ordinary().dotnet_with(half).build(), "pe.dotnet.download_and_execute");
    }
}

#[test]
fn names_in_other_alphabets_can_be_typed_and_few_odd_ones_are_the_compilers() {
    let names = ["Übung", "Привет", "程序", "<Main>d__0", "<>c__DisplayClass1", "<PrivateImplementationDetails>"];
    let typed = names.iter().chain(&names).fold(metadata(), |metadata, name| metadata.own_type("Example", name));
    check_not_seen(&ordinary().dotnet_with(typed).build(), "pe.dotnet.untypable_names");
    let few = (0..7).fold(metadata(), |metadata, number| metadata.own_type("", &format!("\u{200b}{number}")));
    check_not_seen(&ordinary().dotnet_with(few).build(), "pe.dotnet.untypable_names");
    check_not_seen(
        &ordinary().dotnet_with(metadata().own_type("Example", "AttributeOfOurs")).build(),
        "pe.dotnet.obfuscator",
    );
}

#[test]
fn native_functions_are_imports() {
    let natives = ["VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread", "SetWindowsHookEx"];
    let native = natives.iter().fold(metadata(), |metadata, name| metadata.native(name));
    let image = ordinary().dotnet_with(native).build();
    check_seen(&image, "pe.import.injection_set");
    check_seen(&image, "pe.import.keyboard_capture");
    // The place is that of the name.
    let (record, _) = examine(&image);
    let seen = record.evidence.iter().find(|seen| seen.indicator.as_str() == "pe.import.keyboard_capture").unwrap();
    assert_eq!(&image[seen.span.clone()], b"SetWindowsHookEx");
    // A type of that name is none.
    let named = metadata().own_type("Example", "SetWindowsHookEx");
    check_not_seen(&ordinary().dotnet_with(named).build(), "pe.import.keyboard_capture");
}

#[test]
fn the_run_key_is_written_by_the_framework_too() {
    let key = "Software\\Microsoft\\Windows\\CurrentVersion\\Run";
    let writes = metadata().calls("Microsoft.Win32", "RegistryKey", "SetValue", &[0x20, 2, 1, 0xe, 0x1c]);
    let image = ordinary().section(".rdata", CONSTANTS, key).dotnet_with(writes.clone());
    check_seen(&image.build(), "pe.file.run_key_written");
    check_not_seen(&ordinary().dotnet_with(writes).build(), "pe.file.run_key_written");
    let reads = metadata().calls("Microsoft.Win32", "RegistryKey", "GetValue", &[0x20, 1, 0x1c, 0xe]);
    let image = ordinary().section(".rdata", CONSTANTS, key).dotnet_with(reads);
    check_not_seen(&image.build(), "pe.file.run_key_written");
}

#[test]
fn a_header_that_leads_nowhere_says_nothing() {
    for address in [0xffff_fff0, 0x10, 0x2000] {
        let image = pe().dotnet().set(Field::DirectoryAddress(14), address).build();
        let (record, _) = examine(&image);
        assert!(!ids(&record).iter().any(|id| id.starts_with("pe.dotnet")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_metadata_end_well(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30)) {
        let rich = metadata()
            .own_type("A", "B")
            .calls("System.Reflection", "Assembly", "Load", &[0, 1, 0x12, 5, 0x1d, 5])
            .native("WriteProcessMemory");
        let mut image = pe().dotnet_with(rich).build();
        let start = image.windows(4).position(|word| word == b"BSJB").unwrap();
        let length = image.len() - start;
        for (at, byte) in changes {
            image[start + at.index(length)] = byte;
        }
        let (first, _) = examine(&image);
        let (second, _) = examine(&image);
        prop_assert!(first.evidence.iter().all(|seen| seen.span.start <= seen.span.end && seen.span.end <= image.len()));
        prop_assert_eq!(first.evidence, second.evidence);
    }
}
