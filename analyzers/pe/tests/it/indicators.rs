use analyzers::Evidence;
use specimens::pe::{
    CODE, CONSTANTS, DATA, DotnetMetadata, Field, PeBuilder, WRITABLE_CODE, metadata, noise, ordinary, pe, plain_code,
    signature_of,
};

use super::{check_not_seen, check_seen, examine, ids};

/// An ordinary program with a text in its constants.
fn text(text: &str) -> PeBuilder {
    ordinary().section(".rdata", CONSTANTS, text)
}

/// An ordinary program with more imports.
fn imports(functions: &[&str]) -> PeBuilder {
    ordinary().import("library.dll", functions)
}

/// A .NET program that loads another one from an array of bytes.
fn loader() -> DotnetMetadata {
    metadata().calls("System.Reflection", "Assembly", "Load", &[0, 1, 0x12, 5, 0x1d, 5])
}

/// A program of one section of code without any of what vendors add.
fn bare() -> PeBuilder {
    pe().section(".text", CODE, plain_code(4096))
}

type Case = (&'static str, fn() -> PeBuilder);

/// For each indicator what shows it.
const CASES: &[Case] = &[
    ("pe.header.anomaly", || ordinary().set(Field::SizeOfHeaders, 0)),
    ("pe.header.many_anomalies", || {
        let odd = ordinary().set(Field::SizeOfHeaders, 0).set(Field::FileAlignment, 3);
        odd.set(Field::DirectoryAddress(4), 0x7fff_0000).set(Field::NumberOfRvaAndSizes, 0xffff_ffff)
    }),
    ("pe.header.unreadable", || ordinary().set(Field::NumberOfSections, 0)),
    ("pe.header.refused", || ordinary().put(0x60, *b"Rich\x01\x02\x03\x04")),
    ("pe.header.odd_dos_stub", || ordinary().dos_stub([0u8; 64])),
    ("pe.header.odd_timestamp", || bare().timestamp(0)),
    ("pe.header.no_nx", || ordinary().dll_characteristics(0x40)),
    ("pe.header.no_aslr", || ordinary().dll_characteristics(0x100)),
    ("pe.header.relocations_stripped", || ordinary().set(Field::Characteristics, 0x23)),
    ("pe.section.writable_executable", || ordinary().section("code", WRITABLE_CODE, plain_code(512))),
    ("pe.section.packer_name", || ordinary().section("UPX1", CODE, plain_code(512))),
    ("pe.section.odd_name", || ordinary().section(".zzzz", DATA, plain_code(512))),
    ("pe.section.duplicate_name", || ordinary().section(".text", CODE, plain_code(512))),
    ("pe.section.empty_name", || ordinary().section("", DATA, plain_code(512))),
    ("pe.section.high_entropy_code", || pe().section(".text", CODE, noise(8192))),
    ("pe.section.high_entropy_data", || ordinary().section(".rdata", CONSTANTS, noise(8192))),
    ("pe.section.high_entropy_resources", || bare().section(".rsrc", CONSTANTS, noise(8192))),
    ("pe.section.high_entropy", || ordinary().section(".xdata", CONSTANTS, noise(8192))),
    ("pe.section.unpack_target", || ordinary().section("code", CODE, []).virtual_size(0x10000)),
    ("pe.section.virtual_exceeds_raw", || ordinary().section("data", DATA, [1; 512]).virtual_size(0x20000)),
    ("pe.section.past_end", || ordinary().set(Field::SizeOfRawData(0), 0x100_0000)),
    ("pe.section.few", bare),
    ("pe.entry.writable_section", || ordinary().entry_in(1)),
    ("pe.entry.last_section", || bare().section("code", CODE, plain_code(512)).entry_in(1)),
    ("pe.entry.outside_sections", || ordinary().entry_at(0x7000_0000)),
    ("pe.entry.odd_section", || ordinary().section(".zzzz", CODE, plain_code(512)).entry_in(2)),
    ("pe.import.injection_set", || imports(&["VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"])),
    ("pe.import.downloader", || imports(&["URLDownloadToFileA"])),
    ("pe.import.download_and_execute", || imports(&["InternetReadFile", "WinExec"])),
    ("pe.import.starts_programs", || imports(&["ShellExecuteW"])),
    ("pe.import.creates_service", || imports(&["CreateServiceW"])),
    ("pe.import.walks_processes", || imports(&["CreateToolhelp32Snapshot", "Process32FirstW"])),
    ("pe.import.keyboard_capture", || imports(&["SetWindowsHookExA"])),
    ("pe.import.screen_capture", || imports(&["BitBlt", "GetDC", "CreateCompatibleBitmap"])),
    ("pe.import.registry_write", || imports(&["RegSetValueExW"])),
    ("pe.import.anti_debugging", || imports(&["CheckRemoteDebuggerPresent"])),
    ("pe.import.token_privileges", || imports(&["AdjustTokenPrivileges", "LookupPrivilegeValueA"])),
    ("pe.import.legacy_crypto", || imports(&["CryptEncrypt"])),
    ("pe.import.sockets", || ordinary().import("WS2_32.dll", &["#115"])),
    ("pe.import.share_enumeration", || imports(&["NetShareEnum"])),
    ("pe.import.resource_dropper", || imports(&["FindResourceA", "LoadResource", "WriteFile"])),
    ("pe.import.temp_path", || imports(&["GetTempPathW"])),
    ("pe.import.dynamic_resolution", || imports(&["LoadLibraryA", "GetProcAddress"])),
    ("pe.import.loader_only", || bare().import("kernel32.dll", &["LoadLibraryA", "GetProcAddress"])),
    ("pe.import.few", || bare().import("kernel32.dll", &["ExitProcess"])),
    ("pe.import.none", bare),
    ("pe.import.interpreter", super::interpreters::autoit),
    ("pe.import.visual_basic", || ordinary().import("MSVBVM60.DLL", &["#100"])),
    ("pe.export.none_in_library", || ordinary().dll()),
    ("pe.export.in_program", || ordinary().export("Start")),
    ("pe.resource.requires_administrator", || {
        bare().manifest("<requestedExecutionLevel level='requireAdministrator'/>")
    }),
    ("pe.content.embedded_image", || ordinary().overlay(ordinary().build())),
    ("pe.content.xored_image", || {
        ordinary().overlay(ordinary().build().iter().map(|byte| byte ^ 0x5a).collect::<Vec<u8>>())
    }),
    ("pe.content.archive", || ordinary().overlay(specimens::archive::seven_zip(&[("a.txt", b"hello")]))),
    ("pe.content.locked_archive", || {
        let mut archive = specimens::zip::ZipBuilder::new().entry("a.bin", b"hello").build();
        archive[6] |= 1;
        ordinary().resource(10, archive)
    }),
    ("pe.resource.claims_microsoft", || bare().version("Microsoft Corporation")),
    ("pe.file.anonymous", bare),
    ("pe.string.injection_apis", || text("VirtualAllocEx")),
    ("pe.string.user_agent", || text("Mozilla/4.0 (compatible; MSIE 6.0)")),
    ("pe.string.run_key", || text("Software\\Microsoft\\Windows\\CurrentVersion\\Run")),
    ("pe.file.run_key_written", || text("CurrentVersion\\RunOnce").import("advapi32.dll", &["RegSetValueExA"])),
    ("pe.string.shell_command", || text("cmd.exe /c dir")),
    ("pe.string.powershell", || text("powershell.exe")),
    ("pe.string.powershell_hidden", || text("-WindowStyle Hidden")),
    ("pe.string.shadow_copies", || text("vssadmin delete shadows")),
    ("pe.string.self_delete", || text("/c del \"%s\"")),
    ("pe.string.defence_switches", || text("DisableAntiSpyware")),
    ("pe.string.firewall", || text("netsh firewall add")),
    ("pe.string.security_products", || text("avp.exe;ekrn.exe")),
    ("pe.string.analysis_tools", || text("ollydbg.exe")),
    ("pe.string.virtual_machines", || text("VBoxService.exe")),
    ("pe.string.browser_credentials", || text("\\Default\\Login Data")),
    ("pe.string.wallets", || text("\\wallet.dat")),
    ("pe.string.onion", || text("http://abcdefghij234567.onion/")),
    ("pe.string.ransom_note", || text("All your files have been encrypted")),
    ("pe.string.raw_address", || text("http://203.0.113.9/a.bin")),
    ("pe.string.public_address", || text("http://checkip.dyndns.org")),
    ("pe.string.irc", || text("PRIVMSG %s :%s\0JOIN #%s")),
    ("pe.string.php_gate", || text("/panel/gate.php")),
    ("pe.string.encoded_image", || text("TVqQAAMAAAAEAAAA//8AALg")),
    ("pe.string.reflective_loader", || text("ReflectiveLoader")),
    ("pe.string.credential_dumping", || text("sekurlsa::logonpasswords")),
    ("pe.string.key_labels", || text("[ENTER][BACKSPACE]")),
    ("pe.string.dotnet_protector", || text("ConfusedByAttribute").dotnet()),
    ("pe.string.dotnet_download", || text("DownloadFile\0ProcessStartInfo").dotnet()),
    ("pe.dotnet.obfuscator", || ordinary().dotnet_with(metadata().own_type("", "DotfuscatorAttribute"))),
    ("pe.dotnet.untypable_names", || {
        let names = (0..9).map(|number| format!("\u{200b}{number}"));
        ordinary().dotnet_with(names.fold(metadata(), |metadata, name| metadata.own_type("", &name)))
    }),
    ("pe.dotnet.loads_image", || ordinary().dotnet_with(loader())),
    ("pe.dotnet.reveals_image", || {
        ordinary().dotnet_with(loader().calls("System.IO.Compression", "GZipStream", ".ctor", &[0x20, 0, 1]))
    }),
    ("pe.dotnet.download_and_execute", || {
        let downloads = metadata().calls("System.Net", "WebClient", "DownloadFile", &[0x20, 2, 1, 0xe, 0xe]);
        ordinary().dotnet_with(downloads.calls("System.Diagnostics", "Process", "Start", &[0, 1, 0x12, 5, 0xe]))
    }),
    ("pe.dotnet.unprotects_data", || {
        let unprotects = [0, 3, 0x1d, 5, 0x1d, 5, 0x1d, 5, 0x11, 9];
        ordinary().dotnet_with(metadata().calls("System.Security", "ProtectedData", "Unprotect", &unprotects))
    }),
    ("pe.string.autoit", || text("AU3!EA06")),
    ("pe.string.scheduled_task", || text("schtasks /create")),
    ("pe.string.startup_places", || text("Start Menu\\Programs\\Startup")),
    ("pe.string.autorun_inf", || text("\\autorun.inf")),
    ("pe.string.web_service", || text("https://api.telegram.org/bot")),
    ("pe.string.mining", || text("stratum+tcp://")),
    ("pe.string.go_program", || text("\u{ff} Go build ID: \"abc/def\"")),
    ("pe.string.rust_program", || text("/rustc/0123456789abcdef/library/core/src/str/mod.rs")),
    ("pe.overlay.present", || ordinary().overlay("more")),
    ("pe.overlay.big", || ordinary().overlay(plain_code(100_000))),
    ("pe.overlay.high_entropy", || ordinary().overlay(noise(10_000))),
    ("pe.file.high_entropy", || ordinary().overlay(noise(200_000))),
    ("pe.signature.of_other", || ordinary().certificate(signature_of(&[7; 32]))),
    ("pe.signature.present", || ordinary().signed()),
    ("pe.header.control_flow_guard", ordinary),
    ("pe.header.high_entropy_va", ordinary),
    ("pe.resource.version", ordinary),
    ("pe.header.debug_directory", ordinary),
];

/// What an ordinary program shows: only what speaks for it.
const CALM: [&str; 4] =
    ["pe.header.control_flow_guard", "pe.header.high_entropy_va", "pe.header.debug_directory", "pe.resource.version"];

#[test]
fn every_indicator_has_a_case_and_every_case_an_indicator() {
    let mut catalogue: Vec<&str> = analyzers_pe::catalogue::ALL.iter().map(|sign| sign.id.as_str()).collect();
    let mut cases: Vec<&str> = CASES.iter().map(|(id, _)| *id).collect();
    catalogue.sort_unstable();
    cases.sort_unstable();
    assert_eq!(catalogue, cases);
}

#[test]
fn every_indicator_fires_on_what_it_describes() {
    for (id, image) in CASES {
        check_seen(&image().build(), id);
    }
}

#[test]
fn an_ordinary_program_shows_only_what_speaks_for_it() {
    let image = ordinary().build();
    let (record, children) = examine(&image);
    let mut seen = ids(&record);
    let mut calm = CALM;
    seen.sort_unstable();
    calm.sort_unstable();
    assert_eq!(seen, calm, "{:?}", record.evidence);
    assert!(children.is_empty());
    assert_eq!(record.budget.hit().count(), 0);
}

#[test]
fn what_speaks_for_a_program_is_not_seen_in_a_bare_one() {
    for id in CALM.iter().chain(&["pe.signature.present"]) {
        check_not_seen(&bare().dll_characteristics(0).build(), id);
    }
}

#[test]
fn spans_lie_in_the_file_and_hold_what_was_seen() {
    for (id, image) in CASES {
        let bytes = image().build();
        let (record, _) = examine(&bytes);
        let inside = |seen: &Evidence| seen.span.start <= seen.span.end && seen.span.end <= bytes.len();
        assert!(record.evidence.iter().all(inside), "{id}: {:?}", record.evidence);
    }
    let bytes = text("run vssadmin delete shadows").build();
    let (record, _) = examine(&bytes);
    let seen = record.evidence.iter().find(|seen| seen.indicator.as_str() == "pe.string.shadow_copies").unwrap();
    assert_eq!(&bytes[seen.span.clone()], b"vssadmin");
    assert_eq!(seen.detail.as_str(), "run vssadmin delete shadows");
}
