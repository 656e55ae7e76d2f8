//! The archive analyzer on any bytes, as each of the formats that it opens: no panic, what it hands over is paid for, and
//! the same bytes give the same again.

#![no_main]

use analyzers::{Analyzer, Budget, Cancel, Evidence, Findings, LayerId, Limits, Record, Sample};
use analyzers_archive::Archives;
use libfuzzer_sys::fuzz_target;
use triage::{ArchiveKind, FileKind};

const KINDS: [ArchiveKind; 4] =
    [ArchiveKind::SevenZip, ArchiveKind::Cab, ArchiveKind::Nsis, ArchiveKind::PyInstaller];
/// Small, so that a bomb is a limit and no slow input.
const PRODUCED_MAX: u64 = 4 << 20;

fuzz_target!(|bytes: &[u8]| {
    for kind in KINDS {
        let (evidence, unpacked) = examine(bytes, kind);
        for seen in &evidence {
            assert!(seen.span.start <= seen.span.end && seen.span.end <= bytes.len(), "{seen:?}");
        }
        assert_eq!((evidence, unpacked), examine(bytes, kind));
    }
});

fn examine(bytes: &[u8], kind: ArchiveKind) -> (Vec<Evidence>, usize) {
    let kind = FileKind::Archive(kind);
    let limits = Limits { produced_bytes_max: PRODUCED_MAX, stream_bytes_max: PRODUCED_MAX, ..Limits::default() };
    let mut findings = Findings::new(Record::new(kind, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT);
    Archives.analyze(Sample { bytes, kind }, &mut findings);
    let (record, children) = findings.finish();
    let unpacked = children.iter().map(|child| child.bytes.len()).sum();
    // A member is borrowed or paid for; borrowed parts of a hostile table may be the same bytes again.
    assert!(children.len() as u64 <= limits.entries_max);
    (record.evidence, unpacked)
}
