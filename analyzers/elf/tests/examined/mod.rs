//! What the analyzer says of bytes that nobody told it anything about: what it knows of them it reads itself.

use analyzers::{Analyzer, Budget, Child, Findings, LayerId, Record, Sample};
use analyzers_elf::Elf;
use triage::{ByteOrder, ElfKind, ElfType, FileKind, WordSize};

/// Examines `bytes` as an ELF file of no particular kind; the record, and the children handed over.
pub(crate) fn examined<'a>(elf: &mut Elf, bytes: &'a [u8], budget: Budget) -> (Record, Vec<Child<'a>>) {
    let kind = FileKind::Elf(ElfKind {
        word_size: WordSize::Odd,
        byte_order: ByteOrder::Odd,
        elf_type: ElfType::Other,
        machine: 0,
    });
    let mut findings = Findings::new(Record::new(kind, budget), LayerId::ARTIFACT);
    elf.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish()
}
