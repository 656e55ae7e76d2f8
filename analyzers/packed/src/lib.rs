//! Programs packed by UPX, and scripts that the compiler of AutoIt packed: unpacked without running them, and handed over to
//! be examined in their own right.
//!
//! ```
//! use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
//! use analyzers_packed::Packed;
//!
//! let program = specimens::elf::ordinary().build();
//! let bytes = specimens::upx::upx(&program).build();
//! let kind = triage::triage(&bytes);
//! let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
//! let mut findings = Findings::new(record, LayerId::ARTIFACT);
//! Packed.analyze(Sample { bytes: &bytes, kind }, &mut findings);
//!
//! let (record, children) = findings.finish();
//! assert_eq!(record.evidence[0].indicator.as_str(), "packed.upx.opened");
//! assert_eq!(children[0].bytes.as_ref(), program.as_slice());
//! ```
//!
//! ELF programs become what they were, byte for byte. PE images become images with the same headers, sections, imports,
//! exports, relocations and resources; names of imports stand in another order, and signatures and debug directories are
//! gone, as the packer drops them.
//!
//! Packed programs are found by how their blocks are built, for the packer's marks are often changed. Nobody vouches for a
//! packed program here: the experts for its format do, and for what is inside.
//!
//! Scripts of AutoIt become text again, with the words of the source, but not its comments and spaces. What is done with
//! words that a script computes cannot be read off it, so a program that runs one stays hidden: it is malicious by what
//! was seen in it, or unknown.
//!
//! **Cannot see:** other packers; scripts of AutoIt before 3.3 ("EA05") and of AutoHotkey; shared libraries of ELF, whose
//! headers UPX leaves outside; formats beside ELF and PE; filters for processors beside x86 and AArch64; LZMA where the
//! record that tells its length is gone.
//!
//! **How it fails:** what is cut short is a sign, what could be had of it is handed over, and the rest is named. What would
//! become larger than one stream may is named and not made. All that is unpacked is paid for.

#![forbid(unsafe_code)]

mod autoit;
pub mod catalogue;
mod elf;
mod filter;
mod method;
mod nrv;
mod numbers;
mod pe;
mod program;
mod setback;

use std::borrow::Cow;

use analyzers::{Analyzer, Findings, Indicator, Sample, UNPACKED};
use triage::FileKind;

use crate::catalogue as signs;
use crate::program::UnpackedProgram;
use crate::setback::Setback;

/// Largest unpacker, in bytes. Those of UPX have 1 to 12 KiB; with more beside its blocks, a program may do something else
/// than to unpack.
const UNPACKER_MAX: usize = 24 << 10;

/// Unpacks programs. Keeps nothing between samples.
#[derive(Debug, Default)]
pub struct Packed;

impl Analyzer for Packed {
    fn name(&self) -> &'static str {
        "packed"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(signs::ALL.iter().copied())
    }

    fn wants(&self, kind: FileKind) -> bool {
        matches!(kind, FileKind::Elf(_) | FileKind::Pe(_))
    }

    /// Most programs are not packed, and of those it says nothing.
    fn vouches(&self, _kind: FileKind) -> bool {
        false
    }

    fn opens(&self, _kind: FileKind) -> bool {
        false
    }

    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>) {
        let unpacked = match sample.kind {
            FileKind::Elf(_) => elf::unpack(sample.bytes, findings.budget()),
            // A script behind an interpreter is read whether or not the interpreter itself is packed.
            FileKind::Pe(_) => {
                autoit::examine(sample.bytes, findings).and_then(|()| pe::unpack(sample.bytes, findings.budget()))
            }
            // Not wanted; the engine does not ask.
            _ => return,
        };
        match unpacked {
            Ok(Some(program)) => report(program, findings),
            // A limit ends it here; the budget remembers which.
            Ok(None) | Err(Setback::Limit) => {}
            Err(why) => {
                if why == Setback::Broken {
                    findings.saw(&signs::BROKEN, 0..0);
                }
                findings.cannot_vouch("the packed program");
            }
        }
    }
}

fn report(program: UnpackedProgram, findings: &mut Findings<'_>) {
    let span = program.blocks.first().map_or(0..0, |first| first.start..program.blocks.last().unwrap_or(first).end);
    if !program.is_marked {
        findings.saw(&signs::ALTERED, span.clone());
    }
    match program.unpacker {
        _ if !program.is_whole => {
            findings.saw(&signs::BROKEN, span);
            findings.cannot_vouch("the packed program");
        }
        Some(length) if length <= UNPACKER_MAX => {
            findings.saw_with(&signs::OPENED, span, format_args!("{} bytes", program.bytes.len()));
            program.blocks.into_iter().for_each(|block| findings.open(block));
        }
        Some(length) => findings.cannot_vouch(format_args!("{length} bytes beside the packed program")),
        None => findings.cannot_vouch("what runs before the packed program"),
    }
    findings.part(UNPACKED, Cow::Owned(program.bytes));
}
