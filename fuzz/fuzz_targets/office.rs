//! Office documents: no bytes make the analyzer panic, and the same bytes give the same findings.
//!
//! Compound files are examined twice: as they are, and with sectors and directory where the header of an honest file
//! has them, so that mutations reach what lies behind it.

#![no_main]

use analyzers::{Analyzer, Budget, Cancel, Evidence, Findings, LayerId, Limits, Record, Sample};
use analyzers_ole_macro::Office;
use libfuzzer_sys::fuzz_target;
use triage::{CfbKind, FileKind, OoxmlKind, triage};

fn examine(bytes: &[u8], kind: FileKind) -> Vec<Evidence> {
    // Small limits: what is found at the default ones is slow, not wrong. A password's 100,000 turns of hashing, above all.
    let limits =
        Limits { produced_bytes_max: 8 << 20, stream_bytes_max: 1 << 20, steps_max: 500_000, ..Limits::default() };
    let record = Record::new(kind, Budget::new(limits, Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish().0.evidence
}

fuzz_target!(|bytes: &[u8]| {
    let kind = triage(bytes);
    let evidence = examine(bytes, kind);
    assert_eq!(evidence, examine(bytes, kind));
    // A wrong guess must not panic either.
    for kind in [FileKind::Cfb(CfbKind::Word), FileKind::Ooxml(OoxmlKind::Docm), FileKind::Rtf] {
        examine(bytes, kind);
    }
    let mut compound = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
    compound.extend([0; 16]);
    for number in [0x3e, 3, 0xfffe, 9, 6, 0, 0, 0_u16] {
        compound.extend(number.to_le_bytes());
    }
    // The FAT is sector 0, the directory sector 1, the mini FAT sector 2.
    for number in [0, 1, 1, 0, 4096, 2, 1, u32::MAX - 1, 0, 0] {
        compound.extend(number.to_le_bytes());
    }
    compound.resize(512, 0xff);
    compound.extend(bytes);
    examine(&compound, FileKind::Cfb(CfbKind::Excel));
});
