//! Archives whose format is open, as self-extracting programs and installers carry them: 7-Zip, Microsoft cabinets, the
//! data of NSIS and of Inno Setup, the archives of PyInstaller. ZIP has its home with Office's packages.
//!
//! ```
//! use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
//! use analyzers_archive::Archives;
//!
//! let program = specimens::pe::ordinary().build();
//! let bytes = specimens::archive::cabinet(&[("setup.exe", &program)]);
//! let kind = triage::triage(&bytes);
//! let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
//! let mut findings = Findings::new(record, LayerId::ARTIFACT);
//! Archives.analyze(Sample { bytes: &bytes, kind }, &mut findings);
//!
//! let (_record, children) = findings.finish();
//! assert_eq!((children[0].name.as_str(), children[0].bytes.as_ref()), ("setup.exe", program.as_slice()));
//! ```
//!
//! Programs, documents, scripts, texts and archives inside are handed over, each to be examined in its own right. Nobody
//! vouches for an archive; what nobody can account for (data, pictures, what is locked or cannot be read) is named, so that
//! a program that carries it is not vouched for either.
//!
//! **Cannot see:** what is encrypted; what the script of an installer does, and the entries of Inno Setup (registry,
//! commands that are run), which rules look through; bzip2 of Inno Setup, its files that lie beside the installer, and
//! its versions before 4.2.5 and after the newest that is known (`inno/layout.rs`); modules in the archive of
//! PyInstaller within its archive (PYZ), whose table is Python's own; names of the files of NSIS, which its script
//! computes; bzip2 as NSIS changed it, and stored parts of its deflate, which it changed too; Quantum in cabinets, and
//! cabinets that go on in another file; methods of 7-Zip beside LZMA, LZMA2, filters and none.
//!
//! **How it fails:** what is broken is a sign, what could be had until then is handed over, and the rest is named. All that
//! is unpacked is paid for before it is kept, whether it is handed over or not; dictionaries are at most 80 MiB and grow
//! with what is unpacked.

#![forbid(unsafe_code)]

mod cabinet;
pub mod catalogue;
mod contents;
mod inno;
mod nsis;
mod numbers;
mod py_installer;
mod seven_zip;

use analyzers::{Analyzer, Findings, Indicator, Sample};
use triage::{ArchiveKind, FileKind};

use crate::contents::Contents;

/// Opens archives. Keeps nothing between samples.
#[derive(Debug, Default)]
pub struct Archives;

impl Analyzer for Archives {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(catalogue::ALL.iter().copied())
    }

    fn wants(&self, kind: FileKind) -> bool {
        matches!(
            kind,
            FileKind::Archive(
                ArchiveKind::SevenZip
                    | ArchiveKind::Cab
                    | ArchiveKind::Nsis
                    | ArchiveKind::Inno
                    | ArchiveKind::PyInstaller
            )
        )
    }

    /// An archive is as good as what is in it, which others judge.
    fn vouches(&self, _kind: FileKind) -> bool {
        false
    }

    fn accounts_for(&self, kind: FileKind) -> bool {
        self.wants(kind)
    }

    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>) {
        let FileKind::Archive(kind) = sample.kind else { return };
        let contents = &mut Contents::new(findings);
        // A limit ends it here; the budget remembers which, and what was handed over stays.
        let _ = match kind {
            ArchiveKind::SevenZip => seven_zip::examine(sample.bytes, contents),
            ArchiveKind::Cab => cabinet::examine(sample.bytes, contents),
            ArchiveKind::Nsis => nsis::examine(sample.bytes, contents),
            ArchiveKind::Inno => inno::examine(sample.bytes, contents),
            ArchiveKind::PyInstaller => py_installer::examine(sample.bytes, contents),
            // Not wanted; the engine does not ask.
            _ => Ok(()),
        };
    }
}
