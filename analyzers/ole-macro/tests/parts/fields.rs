use testkit::cfb::CfbBuilder;
use testkit::ooxml::{docx, field, word, xlsx};
use testkit::rtf;

use super::check;

#[track_caller]
fn check_word(body: &str, expected: &[&str]) {
    check(&docx().part("word/document.xml", word(body).as_bytes()).build(), expected);
}

#[test]
fn data_exchange_in_word_is_seen_however_it_is_written() {
    let auto = ["office.dde.auto", "office.dde.command"];
    check_word(&field(&[r#"DDEAUTO c:\\windows\\system32\\cmd.exe "/k calc""#]), &auto);
    check_word(&field(&[r#" "DD"#, "EAU", r#"TO" c:\\windows\\system32\\cmd.exe "/k calc""#]), &auto);
    check_word(&field(&["DDE Excel Sheet1 R1C1"]), &["office.dde.field"]);
    check_word(
        r#"<w:fldSimple w:instr="DDE &quot;powershell&quot; x"><w:r/></w:fldSimple>"#,
        &["office.dde.field", "office.dde.command"],
    );
}

#[test]
fn character_codes_are_spelled_out() {
    let quote = field(&["QUOTE 68 68 69 65 85 84 79"]);
    check_word(
        &field(&[&quote, " powershell -c calc"]),
        &["office.dde.auto", "office.dde.command", "office.dde.hidden"],
    );
}

#[test]
fn ordinary_fields_say_nothing() {
    for instruction in ["PAGE", "HYPERLINK \"http://example.com/cmd.exe\"", "DDESIGN x", "REF DDE", "QUOTE 68 68 69"] {
        check_word(&field(&[instruction]), &[]);
    }
}

#[test]
fn links_of_workbooks_are_seen() {
    let link = |service: &str| {
        let xml = format!("<externalLink><ddeLink ddeService=\"{service}\" ddeTopic=\"/c calc\"/></externalLink>");
        xlsx().part("xl/externalLinks/externalLink1.xml", xml.as_bytes()).build()
    };
    check(&link("cmd"), &["office.dde.link", "office.dde.command"]);
    check(&link("Bloomberg"), &["office.dde.link"]);
}

#[test]
fn binary_documents_have_fields_in_both_widths() {
    let text = "\u{13} DDEAUTO cmd /c calc \u{14}result\u{15}";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for text in [text.as_bytes(), &wide] {
        let stream = [&[0; 600][..], text, &[0; 5000]].concat();
        let file = CfbBuilder::new().stream("WordDocument", &stream).build();
        check(&file, &["office.dde.auto", "office.dde.command"]);
    }
}

#[test]
fn rtf_has_fields_too() {
    check(&rtf::rtf(&rtf::field("DDEAUTO cmd.exe /k calc")), &["office.dde.auto", "office.dde.command"]);
    check(&rtf::rtf(&rtf::field("HYPERLINK \"http://example.com\"")), &[]);
}
