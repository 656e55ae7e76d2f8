//! Office documents: OLE compound files (MS-CFB), Office Open XML, RTF, and the macros inside of them.
//!
//! ```
//! use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
//! use analyzers_ole_macro::Office;
//!
//! let text = specimens::ooxml::word(&specimens::ooxml::field(&["DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe"]));
//! let bytes = specimens::ooxml::docx().part("word/document.xml", text.as_bytes()).build();
//! let kind = triage::triage(&bytes);
//! let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
//! let mut findings = Findings::new(record, LayerId::ARTIFACT);
//! Office.analyze(Sample { bytes: &bytes, kind }, &mut findings);
//!
//! let (record, _children) = findings.finish();
//! assert!(record.evidence.iter().any(|seen| seen.indicator.to_string() == "office.dde.auto"));
//! ```
//!
//! Looks for what tells droppers and lures from documents and honest automation:
//!
//! - **containers that are made to be misread** (`compound`, `package`): cycles, absurd sizes, overlapping entries;
//! - **VBA projects** (`vba`): found wherever they hide, decompressed within a budget; stomped, locked or broken
//!   ones; and what the source says (`source`): what starts it, what it writes, what it runs, how it hides;
//! - **Excel 4 macros** (`xlm`), in BIFF8, in XML and in binary workbooks;
//! - **what is fetched or embedded** (`package`, `object`, `rtf`, `word`): templates, frames, objects, packages, equations;
//! - **fields that run commands** (`fields`) and **encryption** (`crypt`), opened where the password is known to all.
//!
//! Children go to the engine: the text of all macros of a project as one layer (so that rules see it), embedded
//! objects and packages, documents that were decrypted.
//!
//! Cannot see: what a macro computes at run time, p-code whose source was removed (that it was removed is seen),
//! documents behind passwords. Nothing is executed.
//!
//! Fails softly: whatever part can be read testifies, whatever cannot is a sign itself, and content that was not
//! looked at makes the report incomplete. Memory and time are bounded by the budget of the whole tree.

#![forbid(unsafe_code)]

mod biff;
pub mod catalogue;
mod compound;
mod crypt;
mod fields;
mod file_names;
mod object;
mod package;
mod rtf;
mod slides;
pub mod source;
mod target;
mod vba;
mod word;
mod xlm;
mod xml;

use analyzers::{Analyzer, Budget, Cancel, Findings, Indicator, LayerId, Limits, Record, Sample};
use triage::{CfbKind, FileKind, OoxmlKind, ZipKind};

use crate::compound::{Compound, StorageEntry};
use crate::fields::Fields;
pub use crate::source::measures;
pub use crate::vba::VbaModule;

/// The expert for Office documents. Keeps nothing between samples.
#[derive(Debug, Default)]
pub struct Office;

impl Analyzer for Office {
    fn name(&self) -> &'static str {
        "office"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(catalogue::CATALOGUE.iter().copied().flatten().copied())
    }

    fn wants(&self, kind: FileKind) -> bool {
        matches!(kind, FileKind::Cfb(_) | FileKind::Ooxml(_) | FileKind::Zip(_) | FileKind::Rtf)
    }

    /// Archives, installer databases, messages, and packages and compound files of unknown programs are opened for macros
    /// and objects that hide in them, but what else they hold is not judged here.
    fn vouches(&self, kind: FileKind) -> bool {
        match kind {
            FileKind::Cfb(CfbKind::Word | CfbKind::Excel | CfbKind::PowerPoint | CfbKind::Encrypted) => true,
            FileKind::Ooxml(kind) => kind != OoxmlKind::Other,
            FileKind::Rtf => true,
            _ => false,
        }
    }

    /// A plain archive is read to its end: its documents and programs are handed over, and all else is named.
    fn accounts_for(&self, kind: FileKind) -> bool {
        self.vouches(kind) || kind == FileKind::Zip(ZipKind::Plain)
    }

    fn prepare(&self) {
        source::prepare();
    }

    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>) {
        match sample.kind {
            FileKind::Cfb(_) => examine_compound(sample.bytes, findings),
            FileKind::Ooxml(_) | FileKind::Zip(_) => package::examine(sample, findings),
            FileKind::Rtf => rtf::examine(sample, findings),
            // Not wanted; the engine does not ask.
            _ => {}
        }
    }
}

/// A document that is a compound file: Word, Excel and PowerPoint of 1997 to 2003, and what is encrypted.
fn examine_compound(bytes: &[u8], findings: &mut Findings<'_>) {
    let Some(compound) = Compound::open(bytes, findings) else { return };
    crypt::examine(&compound, findings);
    vba::examine(&compound, findings);
    let is_workbook = |entry: &&StorageEntry| entry.is_document_stream("Workbook") || entry.is_document_stream("Book");
    for entry in compound.entries().iter().filter(is_workbook) {
        let Ok(stream) = compound.read(entry, findings.budget()) else { break };
        findings.within(&entry.path, |findings| xlm::examine_workbook(&stream, findings));
    }
    examine_word(&compound, findings);
    for entry in compound.entries().iter().filter(is_presentation) {
        let Ok(stream) = compound.read(entry, findings.budget()) else { break };
        findings.within(&entry.path, |findings| slides::examine(&stream, findings));
    }
    object::examine_compound(&compound, findings);
    compound.report_faults(findings);
}

/// Examines the text and tables of a Word 97 to 2003 document.
fn examine_word(compound: &Compound<'_>, findings: &mut Findings<'_>) {
    let mut fields = Fields::default();
    for entry in compound.entries().iter().filter(|entry| entry.is_document_stream("WordDocument")) {
        let Ok(stream) = compound.read(entry, findings.budget()) else { return };
        fields.begin_part(&entry.path);
        findings.within(&entry.path, |findings| {
            fields::examine_word_binary(&stream, &mut fields, findings);
            word::examine(compound, entry, &stream, findings);
        });
    }
    if fields.is_waiting() {
        let names = ["\u{5}SummaryInformation", "\u{5}DocumentSummaryInformation"];
        for entry in compound.entries().iter().filter(|entry| names.iter().any(|name| entry.is_stream_named(name))) {
            let Ok(stream) = compound.read(entry, findings.budget()) else { return };
            fields::read_summary(&stream, &mut fields, findings);
        }
    }
    fields.finish(findings);
}

fn is_presentation(entry: &&StorageEntry) -> bool {
    entry.is_document_stream("PowerPoint Document")
}

/// The VBA modules of the compound file `bytes` (a document, or a `vbaProject.bin`), decompressed and nothing more:
/// what the examination sees, for comparing with other tools.
pub fn vba_modules(bytes: &[u8]) -> Vec<VbaModule> {
    let budget = Budget::new(Limits::default(), Cancel::default());
    let record = Record::new(FileKind::Cfb(CfbKind::Other), budget);
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    let Some(compound) = Compound::open(bytes, &mut findings) else { return Vec::new() };
    let mut modules = vba::modules(&compound, &mut findings);
    for entry in compound.entries().iter().filter(is_presentation) {
        let Ok(stream) = compound.read(entry, findings.budget()) else { break };
        slides::each_storage(&stream, &mut findings, |_, bytes, findings| {
            modules.extend(Compound::open(&bytes, findings).iter().flat_map(|inner| vba::modules(inner, findings)));
        });
    }
    modules
}
