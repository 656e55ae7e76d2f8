//! ELF images: no bytes make the analyzer panic, spans stay inside, and the same bytes give the same findings
//! whatever was examined before.

#![no_main]

use std::cell::RefCell;

use analyzers::{Analyzer, Budget, Cancel, Evidence, Findings, LayerId, Limits, Record, Sample};
use analyzers_elf::Elf;
use libfuzzer_sys::fuzz_target;
use triage::{ByteOrder, ElfKind, ElfType, FileKind, WordSize, triage};

thread_local! {
    /// Building one takes longer than examining a small file.
    static ELF: RefCell<Elf> = RefCell::default();
}

fn examine(bytes: &[u8]) -> Vec<Evidence> {
    // What triage does not take for ELF is examined all the same: a wrong guess must not panic.
    let kind = match triage(bytes) {
        kind @ FileKind::Elf(_) => kind,
        _ => FileKind::Elf(ElfKind {
            word_size: WordSize::Odd,
            byte_order: ByteOrder::Odd,
            elf_type: ElfType::Other,
            machine: 0,
        }),
    };
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    ELF.with_borrow_mut(|elf| elf.analyze(Sample { bytes, kind }, &mut findings));
    findings.finish().0.evidence
}

fuzz_target!(|bytes: &[u8]| {
    let evidence = examine(bytes);
    for seen in &evidence {
        assert!(seen.span.start <= seen.span.end && seen.span.end <= bytes.len(), "{seen:?}");
    }
    assert_eq!(evidence, examine(bytes));
    // The same after a magic that lets it in.
    if let Some(rest) = bytes.get(4..) {
        examine(&[b"\x7fELF", rest].concat());
    }
});
