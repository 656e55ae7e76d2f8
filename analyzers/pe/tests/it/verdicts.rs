//! What the evidence comes to by the shipped weights, where no other analyzer is asked.

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample, Verdict, Weights, weigh};
use specimens::pe::{CODE, DATA, Field, PeBuilder, WRITABLE_CODE, noise, ordinary, pe, plain_code};

/// The shipped weights, those of other analyzers' indicators left out.
fn weights() -> Weights {
    let text = include_str!("../../../../rules/weights.toml");
    let ours = |line: &&str| !line.starts_with('"') || line.starts_with("\"pe.") || line.contains("cap = ");
    let text: String = text.lines().filter(ours).flat_map(|line| [line, "\n"]).collect();
    Weights::parse(&text, analyzers_pe::catalogue::ALL.iter().copied()).expect("the shipped weights hold")
}

fn verdict(image: &[u8]) -> Verdict {
    let kind = triage::triage(image);
    let mut record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    record.layers[0].wanted = true;
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    analyzers_pe::Pe::default().analyze(Sample { bytes: image, kind }, &mut findings);
    weigh(&findings.finish().0, &weights()).verdict
}

/// Imports of a program that fetches, starts, stays and listens.
fn bad() -> PeBuilder {
    pe().section(".text", CODE, plain_code(4096))
        .section(".data", DATA, vec![0; 512])
        .import("kernel32.dll", &["CreateToolhelp32Snapshot", "Process32FirstW", "GetTempPathW"])
        .import("urlmon.dll", &["URLDownloadToFileW"])
        .import("shell32.dll", &["ShellExecuteW"])
        .import("advapi32.dll", &["RegSetValueExW", "AdjustTokenPrivileges", "LookupPrivilegeValueW"])
}

#[test]
fn what_costs_nothing_weighs_nothing() {
    let weights = weights();
    for id in [
        "pe.signature.present",
        "pe.header.control_flow_guard",
        "pe.header.high_entropy_va",
        "pe.header.debug_directory",
        "pe.resource.version",
    ] {
        let indicator = analyzers_pe::catalogue::ALL.iter().find(|indicator| indicator.id.as_str() == id).unwrap();
        assert_eq!(weights.of(&indicator.id).log_odds.0, 0.0, "{id}");
    }
    let below = |indicator: &&&analyzers::Indicator| weights.of(&indicator.id).log_odds.0 < 0.0;
    assert_eq!(analyzers_pe::catalogue::ALL.iter().find(below).map(|indicator| indicator.id.as_str()), None);
}

#[test]
fn an_ordinary_program_is_benign_until_something_is_behind_it() {
    for image in [ordinary(), ordinary().signed(), ordinary().coff_symbols(&["main"])] {
        assert_eq!(verdict(&image.clone().build()), Verdict::Benign);
        assert_eq!(verdict(&image.overlay("Rar!\x1a\x07 and more").build()), Verdict::Unknown);
    }
}

#[test]
fn what_costs_nothing_makes_no_packed_program_benign() {
    let packed = pe()
        .section("UPX0", WRITABLE_CODE, Vec::new())
        .virtual_size(0x40000)
        .section("UPX1", WRITABLE_CODE, noise(65536))
        .import("kernel32.dll", &["LoadLibraryA", "GetProcAddress", "VirtualProtect", "ExitProcess"])
        .entry_in(1);
    for bits in [0, 0x140, 0x4160] {
        let packed = packed.clone().dll_characteristics(bits);
        for image in [packed.clone(), packed.clone().plus()] {
            let dressed = image.clone().version("Microsoft Corporation").debug("a.pdb").signed();
            assert_eq!(verdict(&image.build()), Verdict::Unknown);
            assert_eq!(verdict(&dressed.build()), Verdict::Unknown);
        }
    }
}

#[test]
fn what_the_loader_reads_decides() {
    for image in [bad(), bad().plus()] {
        let bytes = image.clone().build();
        assert_eq!(verdict(&bytes), Verdict::Malicious);
        let word = |field| {
            let (at, _) = image.locate(field);
            u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
        };
        let imports =
            word(Field::DirectoryAddress(1)) - word(Field::VirtualAddress(2)) + word(Field::PointerToRawData(2));
        let among_headers =
            (0..4).fold(image.clone(), |image, row| image.put(imports as usize + row * 20, [0x20, 0, 0, 0]));
        for image in [
            among_headers,
            image.clone().set(Field::SizeOfRawData(0), 0x7000),
            image.clone().dll().subsystem(1),
            image.clone().dll().subsystem(11),
            image.clone().set(Field::NumberOfRvaAndSizes, 1),
            image.clone().dll_characteristics(0x4160).version("Microsoft Corporation").debug("a.pdb").signed(),
        ] {
            assert_eq!(verdict(&image.build()), Verdict::Malicious);
        }
    }
}
