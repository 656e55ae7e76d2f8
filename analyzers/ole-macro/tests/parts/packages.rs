use specimens::bomb;
use specimens::cfb::CfbBuilder;
use specimens::ooxml::*;
use specimens::zip::ZipBuilder;

use super::{check, check_whole, examine, program};

#[test]
fn ordinary_documents_show_nothing() {
    for builder in [docx(), docm(), xlsx(), xlsm(), pptx()] {
        let file = builder
            .part("docProps/app.xml", b"<Properties/>")
            .external("word/document.xml", "hyperlink", "http://example.com/powershell")
            .build();
        check(&file, &[]);
        check_whole(&file);
    }
}

#[test]
fn what_a_document_fetches_is_told_apart_by_kind_and_place() {
    const CASES: &[(&str, &str, &[&str])] = &[
        ("attachedTemplate", "file:///C:\\Users\\me\\Letter.dotx", &["office.package.template_external"]),
        ("attachedTemplate", "http://example.com/t.dotm", &["office.package.template_remote"]),
        ("attachedTemplate", "\\\\server\\t.dotm", &["office.package.template_remote", "office.package.network_path"]),
        ("oleObject", "file:///C:\\book.xlsx", &["office.package.object_external"]),
        ("oleObject", "https://example.com/x.html", &["office.package.object_remote"]),
        ("oleObject", "http://example.com/x.html!", &["office.package.object_remote", "office.package.exploit_target"]),
        (
            "oleObject",
            "mhtml:http://x.com/a!x-usc:http://x.com/a",
            &["office.package.object_remote", "office.package.exploit_target"],
        ),
        ("frame", "http://example.com/", &["office.package.frame_remote"]),
        ("subDocument", "file://server/x.docx", &["office.package.frame_remote", "office.package.network_path"]),
        ("image", "http://example.com/a.png", &["office.package.image_remote"]),
        ("image", "file:///C:/a.png", &[]),
        ("hyperlink", "mailto:me@example.com", &[]),
        ("hyperlink", "powershell -nop -w hidden -c calc", &["office.package.command_target"]),
        ("externalLinkPath", "book.xlsx", &[]),
        ("externalLinkPath", "file:///\\\\fileserver\\books\\book.xlsx", &[]),
        ("externalLinkPath", "file:///\\\\198.51.100.7\\book.xlsx", &["office.package.network_path"]),
        (
            "oleObject",
            "file:///\\\\fileserver\\books\\book.xlsx",
            &["office.package.object_external", "office.package.network_path"],
        ),
    ];
    for (kind, target, expected) in CASES {
        check(&docx().external("word/document.xml", kind, target).build(), expected);
    }
}

#[test]
fn relationships_in_utf_16_are_read_too() {
    let xml = "<?xml version=\"1.0\" encoding=\"utf-16\"?><Relationships><Relationship Type=\"x/attachedTemplate\" \
        Target=\"http://example.com/&#x74;.dotm\" TargetMode=\"External\"/></Relationships>";
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(xml.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    check(&docx().part("word/_rels/settings.xml.rels", &wide).build(), &["office.package.template_remote"]);
}

#[test]
fn relationships_are_judged_after_references_are_resolved_and_whatever_their_type_says() {
    let part = |name: &str, relationship: &str| {
        let rels = format!("<Relationships><Relationship {relationship}/></Relationships>");
        docx().part(name, rels.as_bytes())
    };
    for relationship in [
        "Type=\"x/attachedTemplate\" Target=\"http://example.com/\" TargetMode=\"Ex&#116;ernal\"",
        "Type=\"x/attached&#x54;emplate\" Target=\"http://example.com/\" TargetMode=\"External\"",
        "Type=\"x/attachedTemplate\" Target=\"&#104;ttp:&#47;/example.com/\" TargetMode=\"&#69;xternal\"",
        "Type='x/attachedTemplate' Target='h%74tps:%2f%2fexample.com/' TargetMode='external'",
    ] {
        let document = part("word/_rels/settings.xml.rels", relationship);
        check(&document.build(), &["office.package.template_remote"]);
        let lie = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml";
        let document = document.content_type("word/_rels/settings.xml.rels", lie);
        check(&document.build(), &["office.package.template_remote"]);
    }
    let share = "Type=\"x/oleObject\" Target=\"file:///\\\\198.51.100.7\\a\" TargetMode=\"External\"";
    let expected = ["office.package.object_remote", "office.package.network_path"];
    check(&part("word/_rels/document.xml.rels", share).build(), &expected);
}

#[test]
fn binary_workbooks_exchange_data_too() {
    let wide = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        (text.len() as u32).to_le_bytes().into_iter().chain(units).collect()
    };
    let link = |kind: u8| {
        let data = [&[kind, 0][..], &wide("cmd"), &wide("/c calc.exe")].concat();
        [&[0xe8, 2, data.len() as u8][..], &data, &[0xcc, 4, 0]].concat()
    };
    let workbook = |part: &[u8]| xlsx().part("xl/externalLinks/externalLink1.bin", part);
    check(&workbook(&link(1)).build(), &["office.dde.link", "office.dde.command"]);
    check(&workbook(&link(0)).build(), &[]);
    // By its type, under any name.
    let renamed = xlsx().part("xl/a.dat", &link(1)).content_type("xl/a.dat", "application/vnd.ms-excel.externalLink");
    check(&renamed.build(), &["office.dde.link", "office.dde.command"]);
}

#[test]
fn parts_are_judged_by_their_first_bytes_whatever_they_are_called() {
    let footnotes = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml";
    let declared = docx().part("word/footnotes.xml", &program()).content_type("word/footnotes.xml", footnotes);
    check(&declared.build(), &["office.package.executable_part", "office.package.disguised_part"]);
    for rtf in [&b"{\\rtf1 }"[..], b"\xef\xbb\xbf\r\n {\\rtf1 }"] {
        for name in ["word/afchunk.xml", "word/afchunk.rtf", "word/afchunk.txt"] {
            let seen = examine(&docx().part(name, rtf).content_type(name, "application/xml").build());
            assert_eq!(seen.children, [(name.to_owned(), b"{\\rtf1 }".to_vec())]);
        }
    }
    let inner = docm().build();
    let main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
    let seen = examine(&docx().part("word/afchunk.docx", &inner).content_type("word/afchunk.docx", main).build());
    assert_eq!(seen.children, [("word/afchunk.docx".to_owned(), inner)]);
}

#[test]
fn a_vba_project_is_found_under_any_name_and_deflated() {
    let project = CfbBuilder::new().stream("VBA/dir", b"x").stream("PROJECT", b"x").build();
    check(&docm().vba_project(&project).build(), &[]);
    let renamed = docm()
        .content_type("word/media/logo.xml", "application/vnd.ms-office.vbaProject")
        .part("word/media/logo.xml", &project);
    check(&renamed.build(), &["office.package.renamed_macros"]);
    let seen = examine(&renamed.build());
    assert!(seen.record.layers.iter().any(|layer| layer.name.starts_with("word/media/logo.xml")));
    let picture = docx().part("word/media/logo.png", &project);
    check(&picture.build(), &["office.package.renamed_macros", "office.package.disguised_part"]);
}

#[test]
fn programs_scripts_and_documents_within_are_found() {
    let program = program();
    check(&docx().part("word/media/a.bin", &program).build(), &["office.package.executable_part"]);
    check(
        &docx().part("word/media/a.png", &program).build(),
        &["office.package.executable_part", "office.package.disguised_part"],
    );
    check(&docx().part("word/run.ps1", b"calc").build(), &["office.package.script_part"]);
    check(&docx().part("word/media/a.bin", b"MZ, so it seems").build(), &[]);
    let inner = xlsx().build();
    let seen = examine(&docx().part("word/embeddings/book.xlsx", &inner).build());
    assert_eq!(seen.children, [("word/embeddings/book.xlsx".to_owned(), inner)]);
}

#[test]
fn controls_and_ribbons_are_seen() {
    let flash = b"<ax:ocx ax:classid=\"{D27CDB6E-AE6D-11CF-96B8-444553540000}\"/>";
    let file = docx().part("word/activeX/activeX1.xml", flash).build();
    check(&file, &["office.package.activex", "office.object.exploit_class"]);
    let ribbon = b"<customUI onLoad=\"Start\"/>";
    check(&docm().part("customUI/customUI.xml", ribbon).build(), &["office.package.ribbon_onload"]);
    // A callback of another document, and a ribbon under any name or on another machine.
    let remote = b"<customUI onLoad=\"https://example.com/a.dotm!Start\"/>";
    let both = ["office.package.ribbon_onload", "office.package.ribbon_remote"];
    check(&docm().part("customUI/customUI.xml", remote).build(), &both);
    let button = b"<customUI><button getLabel=\"&#x5c;\\example.com\\a.dotm!Label\"/></customUI>";
    check(&docm().part("customUI/customUI.xml", button).build(), &["office.package.ribbon_remote"]);
    let extensibility = |target: &str, mode: &str| {
        let rels = format!(
            "<Relationships><Relationship Type=\"x/officeDocument\" Target=\"word/document.xml\"/><Relationship \
             Type=\"x/ui/extensibility\" Target=\"{target}\"{mode}/></Relationships>"
        );
        docm().part("_rels/.rels", rels.as_bytes()).part("word/any.xml", ribbon).build()
    };
    // The builder has relationships of its own.
    let twice = ["office.package.duplicate_part", "office.package.unlisted_part"];
    check(&extensibility("word/any.xml", ""), &[twice[0], twice[1], "office.package.ribbon_onload"]);
    let outside = extensibility("http://example.com/ui.xml", " TargetMode=\"External\"");
    check(&outside, &[twice[0], twice[1], "office.package.ribbon_remote"]);
}

#[test]
fn odd_names_and_doubles_are_seen() {
    check(&docx().part("word/../evil.xml", b"<x/>").build(), &["office.package.odd_name"]);
    check(&docx().part("word\\evil.xml", b"<x/>").build(), &["office.package.odd_name"]);
    check(&docx().part("Word/Document.xml", b"<x/>").build(), &["office.package.duplicate_part"]);
}

#[test]
fn bytes_around_and_parts_that_are_not_listed_are_seen() {
    let rels = b"<Relationships><Relationship Type=\"x/attachedTemplate\" Target=\"http://example.com/\" \
        TargetMode=\"External\"/></Relationships>";
    let hidden = ZipBuilder::new().entry("word/_rels/document.xml.rels", rels).without_directory().build();
    let file = docx().zip().prefix(&hidden).build();
    let expected = ["office.package.bytes_around", "office.package.unlisted_part", "office.package.template_remote"];
    check(&file, &expected);
    let mut longer = docx().build();
    longer.extend(b"and more");
    check(&longer, &["office.package.bytes_around"]);
}

#[test]
fn a_refused_directory_hides_nothing() {
    let document = docx().external("word/document.xml", "attachedTemplate", "http://example.com/t.dotm");
    for file in [
        document.zip().without_end().build(),
        document.zip().without_directory().build(),
        document.zip().declaring_entries(60_000).build(),
    ] {
        let seen = examine(&file);
        assert!(seen.ids.contains("office.package.template_remote"), "{:?}", seen.ids);
        assert!(seen.ids.contains("office.package.malformed_zip"), "{:?}", seen.ids);
    }
    check(&document.zip().streamed().build(), &["office.package.template_remote"]);
}

#[test]
fn b4_odd_archives_that_are_legal_are_read() {
    let document = || docx().external("word/document.xml", "attachedTemplate", "http://example.com/t.dotm").zip();
    for (what, file) in [
        ("sizes behind bodies", document().streamed()),
        ("a comment", document().comment(b"PK\x03\x04 is how an entry begins")),
        ("a directory's entry", document().entry("word/", b"").entry("word/media/", b"")),
        ("empty bodies", document().entry("word/a.bin", b"").entry("word/b.bin", b"")),
        ("alignment by extra fields", document().raw_entry(b"word/a.bin", &[0; 64], b"a")),
        ("two entries of one name", document().entry("word/a.xml", b"<a/>").entry("word/a.xml", b"<a/>")),
    ] {
        let seen = examine(&file.build());
        assert!(seen.ids.contains("office.package.template_remote"), "{what}: {:?}", seen.ids);
        assert!(!seen.ids.contains("office.package.overlap"), "{what}: {:?}", seen.ids);
        assert_eq!(seen.record.budget.hit().count(), 0, "{what}");
    }
}

#[test]
fn what_cannot_be_read_is_never_whole() {
    let part = |method: u16, body: &[u8]| {
        let seen = examine(&docx().zip().entry("word/header1.xml", body).method(method).build());
        assert!(!seen.record.incomplete.is_empty());
        seen.ids
    };
    assert!(part(8, b"\xff\xff\xff\xff").contains("office.package.broken_stream"));
    assert!(part(12, b"BZh").contains("office.package.odd_method"));
    let file = docx().zip().entry("word/header1.xml", b"secret").encrypted().build();
    check(&file, &["office.package.encrypted_part"]);
    assert!(!examine(&file).record.incomplete.is_empty());
}

#[test]
fn the_encryption_bit_alone_hides_nothing() {
    let rels = b"<Relationships><Relationship Type=\"x/attachedTemplate\" Target=\"http://example.com/\" \
        TargetMode=\"External\"/></Relationships>";
    let file = docx().zip().entry("word/_rels/settings.xml.rels", rels).encrypted().build();
    check(&file, &["office.package.encrypted_part", "office.package.template_remote"]);
}

#[test]
fn document_types_are_seen_and_not_expanded() {
    let file = docx().part("word/header1.xml", &bomb::billion_laughs()).build();
    check(&file, &["office.package.doctype"]);
}

#[test]
fn documents_in_plain_archives_are_handed_over() {
    let inner = docm().build();
    let file = ZipBuilder::new().entry("readme.txt", b"hello").entry("invoice.docm", &inner).build();
    let seen = examine(&file);
    assert_eq!(seen.children, [("invoice.docm".to_owned(), inner)]);
    let without_types = ZipBuilder::new()
        .entry("word/document.xml", b"<x/>")
        .entry(
            "word/_rels/document.xml.rels",
            b"<R><Relationship Type=\"x/frame\" Target=\"http://x.com/\" TargetMode=\"External\"/></R>",
        )
        .build();
    check(&without_types, &["office.package.frame_remote"]);
}
