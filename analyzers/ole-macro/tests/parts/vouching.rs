//! A document is vouched for only if every part of it is accounted for.

use analyzers::{Analyzer, Incomplete};
use analyzers_ole_macro::Office;
use specimens::cfb::CfbBuilder;
use specimens::ooxml::{docm, docx, pptx, xlsx};
use specimens::vba::VbaBuilder;
use specimens::zip::ZipBuilder;

use super::{examine, program};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";

/// The parts that nobody accounts for; None where the analyzer vouches for no file of this kind.
fn unaccounted(bytes: &[u8]) -> Option<Vec<String>> {
    let parts = examine(bytes).record.incomplete.into_iter().filter_map(|why| match why {
        Incomplete::Unaccounted(part) => Some(part.into_owned()),
        _ => None,
    });
    Office.vouches(triage::triage(bytes)).then(|| parts.collect())
}

#[track_caller]
fn check_vouched(bytes: &[u8]) {
    assert_eq!(unaccounted(bytes), Some(Vec::new()));
}

/// The voucher is taken back, because of `part`.
#[track_caller]
fn check_withdrawn(bytes: &[u8], part: &str) {
    let parts = unaccounted(bytes).expect("the analyzer vouches for files of this kind");
    assert!(parts.iter().any(|found| found == part), "{part} is not among {parts:?}");
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn ordinary_documents_are_vouched_for() {
    let project = VbaBuilder::new().document("ThisDocument", "Sub A()\r\nEnd Sub\r\n").bin();
    for document in [docx(), xlsx(), pptx(), docm().vba_project(&project)] {
        check_vouched(&document.build());
        check_vouched(&document.zip().streamed().build());
        check_vouched(&document.zip().entry("word/media/", b"").build());
    }
}

#[test]
fn parts_that_documents_have_are_accounted_for() {
    let mut printer = vec![0; 220 + 300];
    printer[68..72].copy_from_slice(&[220, 0, 0x2c, 1]);
    let sheet = [&[0x81, 1, 0, 0, 8][..], &[0; 8], &[0x82, 1, 0]].concat();
    let check_box = b"\x40\x1d\xd2\x8b\x42\xec\xce\x11\x9e\x0d\x00\xaa\x00\x60\x02\xf3\0\x02\x04\0\0\0\0\0";
    let metafile = [&[1, 0, 0, 0, 0x6c, 0, 0, 0][..], &[0; 32], b" EMF", &[0; 20]].concat();
    let object = CfbBuilder::new().stream("\u{1}Ole", &[0; 20]).stream("CONTENTS", b"abc").build();
    let cases: &[(&str, &[u8])] = &[
        ("xl/media/image1.png", PNG),
        ("xl/media/image2.emf", &metafile),
        ("xl/media/image3.wmf", b"\x01\0\x09\0\0\x03\0\0"),
        ("xl/media/image4.svg", b"<svg xmlns='u'><path d='M0 0'/></svg>"),
        ("xl/printerSettings/printerSettings1.bin", &printer),
        ("xl/worksheets/sheet1.bin", &sheet),
        ("xl/activeX/activeX1.bin", check_box),
        ("xl/embeddings/oleObject1.bin", &object),
        ("xl/drawings/vmlDrawing1.vml", b"<xml><v:shape>a<br>b</v:shape></xml>"),
        ("xl/customProperty1.bin", b"4\x002\0"),
        ("_xmlsignatures/origin.sigs", b""),
        ("package/services/metadata/core-properties/0a.psmdcp", b"<coreProperties/>"),
        ("customXml/item1.xml", b"\xef\xbb\xbf<?xml version=\"1.0\"?><anything/>"),
        ("[trash]/0000.dat", b"\xff\xff\xff\xff\0\0"),
    ];
    for (name, body) in cases {
        assert_eq!(unaccounted(&xlsx().part(name, body).build()), Some(Vec::new()), "{name}");
    }
    let utf16 = [&[0xff, 0xfe][..], &wide("<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>")].concat();
    check_vouched(&docx().part("customXml/item1.xml", &utf16).build());
    check_vouched(&docx().part("word/embeddings/book.xlsx", &xlsx().build()).build());
}

#[test]
fn obfuscated_fonts_are_read_by_their_keys() {
    let mut font = [&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"glyf\0\0\0\0\0\0\0\x1c\0\0\0\x40", &[7; 64]].concat();
    // The key is laid over the first 32 bytes, its last byte first.
    for (index, byte) in font.iter_mut().take(32).enumerate() {
        *byte ^= 0x10 + (15 - index as u8 % 16);
    }
    let table = |key: &str| format!("<w:fonts><w:font><w:embedRegular w:fontKey=\"{key}\"/></w:font></w:fonts>");
    let with = |key: &str, font: &[u8]| {
        docx().part("word/fontTable.xml", table(key).as_bytes()).part("word/fonts/font1.odttf", font).build()
    };
    let key = "{10111213-1415-1617-1819-1A1B1C1D1E1F}";
    check_vouched(&with(key, &font));
    check_withdrawn(&with("{10111213-1415-1617-1819-1A1B1C1D1E2F}", &font), "word/fonts/font1.odttf");
    check_withdrawn(&with(key, &program()), "word/fonts/font1.odttf");
}

#[test]
fn an_archive_with_names_of_office_is_no_document() {
    let scripts = |zip: ZipBuilder| {
        zip.entry("[Content_Types].xml", b"<Types/>").entry("word/x", b"").entry("run.vbs", b"MsgBox 1").build()
    };
    check_withdrawn(&scripts(ZipBuilder::new()), "run.vbs");
    check_withdrawn(&scripts(ZipBuilder::new()), "its main part");
    // The kinds that run programs of their own are nobody's, and so are packages of unknown programs.
    for other in ["META-INF/MANIFEST.MF", "AndroidManifest.xml"] {
        assert_eq!(unaccounted(&docx().part(other, b"<a/>").build()), None);
    }
    let package = ZipBuilder::new().entry("[Content_Types].xml", b"<Types/>").entry("a.xml", b"<a/>").build();
    assert_eq!(unaccounted(&package), None);
    assert_eq!(unaccounted(&CfbBuilder::new().stream("Contents", &[0; 5_000]).build()), None);
    let open = ZipBuilder::new().entry("mimetype", b"application/vnd.oasis.opendocument.text");
    assert_eq!(unaccounted(&open.entry("[Content_Types].xml", b"").entry("word/document.xml", b"<a/>").build()), None);
}

#[test]
fn macros_beside_a_manifest_are_found_all_the_same() {
    let project = VbaBuilder::new().document("ThisDocument", "Sub AutoOpen()\r\nEnd Sub\r\n").bin();
    for other in ["META-INF/MANIFEST.MF", "AndroidManifest.xml"] {
        let seen = examine(&docm().vba_project(&project).part(other, b"").build());
        assert!(seen.ids.contains("office.vba.project"), "{:?}", seen.ids);
    }
}

#[test]
fn a_part_that_nobody_accounts_for_takes_the_voucher_back() {
    let cases: &[(&str, &[u8])] = &[
        ("word/x", b"anything"),
        ("word/x.xml", b"MsgBox 1"),
        ("word/x.xml", b"<a/>\0\x01\x02\xff"),
        ("word/x.xml", b"<job><script language=\"VBScript\">MsgBox 1</script></job>"),
        ("word/x.xml", b"<pkg:package><pkg:binaryData/></pkg:package>"),
        ("word/document2.xml", b"<a/>MsgBox 1"),
        ("word/x.hta", b"<a/>"),
        ("word/x.js", PNG),
        ("word/x.html", b"<html/>"),
        ("word/media/a.pdf", b"%PDF-1.4"),
        ("word/media/a.swf", b"FWS\x05\0\0\0\0"),
        ("word/media/a.png", b"no picture"),
        ("word/media/a.bin", b"MZ, so it seems"),
        ("word/fonts/font1.odttf", b"no font"),
        ("word/printerSettings/printerSettings1.bin", &[1; 300]),
        ("xl/worksheets/sheet1.bin", b"MZ\x90\0"),
        ("META-INF/manifest.xml", b"<a/>"),
    ];
    for (name, body) in cases {
        check_withdrawn(&docx().part(name, body).build(), name);
    }
    check_withdrawn(&docx().part("word/media/a.xml", &program()).build(), "word/media/a.xml");
    let archive = ZipBuilder::new().entry("run.vbs", b"MsgBox 1").build();
    check_withdrawn(&docx().part("word/embeddings/a.zip", &archive).build(), "word/embeddings/a.zip");
    let storage = CfbBuilder::new().stream("Contents", b"abc").build();
    check_withdrawn(&docx().part("word/a.bin", &storage).build(), "word/a.bin!a compound file that is no object");
}

#[test]
fn what_the_archive_hides_takes_the_voucher_back() {
    check_withdrawn(&docx().zip().entry("word/media/a.png", PNG).encrypted().build(), "word/media/a.png");
    check_withdrawn(&docx().zip().entry("word/media/a.png", PNG).method(12).build(), "word/media/a.png");
    let behind = [&docx().build()[..], b"MZ"].concat();
    check_withdrawn(&behind, "the bytes behind the package");
    check_withdrawn(&docx().zip().prefix(b"PK\x03\x04 and more").build(), "the bytes before the package");
    check_withdrawn(&docx().zip().without_end().build(), "the directory of the package");
    check_vouched(&[&docx().build()[..], &[0; 70_000]].concat());
}

#[test]
fn members_of_plain_archives_are_judged_or_named() {
    let parts = |zip: ZipBuilder| {
        let incomplete = examine(&zip.build()).record.incomplete;
        incomplete.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let archive = ZipBuilder::new().entry("a/", b"").entry("a/letter.docx", &docx().build());
    assert_eq!(parts(archive.clone()), Vec::<String>::new());
    assert_eq!(parts(archive.entry("a/readme.txt", b"hello")), ["unaccounted.a/readme.txt"]);
}

#[test]
fn ten_thousand_parts_in_front_hide_nothing() {
    let project = VbaBuilder::new().document("ThisDocument", "Sub AutoOpen()\r\nEnd Sub\r\n").bin();
    let with = |folder: &str, body: &[u8]| {
        let many = (0..10_050).fold(docm(), |document, part| document.part(&format!("{folder}/a{part}.xml"), body));
        let remote = many.external("word/settings.xml", "attachedTemplate", "http://example.com/t.dotm");
        examine(&remote.part("word/logo.png", &project).vba_project(&project).build())
    };
    let empty = with("word", b"");
    assert_eq!(empty.record.budget.hit().count(), 0);
    for seen in [empty, with("word", b"<a/>"), with("word/_rels", b"<Relationships/>")] {
        for id in ["office.vba.project", "office.package.template_remote", "office.package.renamed_macros"] {
            assert!(seen.ids.contains(id), "{id} is not among {:?}", seen.ids);
        }
    }
    let archive = (0..10_050).fold(ZipBuilder::new(), |zip, part| zip.entry(&format!("{part}"), b""));
    assert_eq!(examine(&archive.entry("letter.docx", &docx().build()).build()).children.len(), 1);
}
