use testkit::cfb::CfbBuilder;
use testkit::rtf::*;

use super::{check, examine, program};

#[test]
fn ordinary_text_shows_nothing() {
    check(&rtf("{\\fonttbl{\\f0 Times;}}Hello {\\pict\\pngblip 89504e47}\\par"), &[]);
}

#[test]
fn objects_are_read_from_their_data() {
    let file = rtf(&object("", &ole1("Package", &package("run.vbs", b"x"))));
    check(&file, &["office.rtf.object", "office.object.package", "office.object.executable"]);
    assert_eq!(examine(&file).children, [("run.vbs".to_owned(), b"x".to_vec())]);
    check(&rtf(&object("", &ole1("eQuAtIoN.3", &[0; 40]))), &["office.rtf.object", "office.object.equation"]);
    check(
        &rtf(&object("\\objupdate", &ole1("Word.Document.8", b"x"))),
        &["office.rtf.object", "office.rtf.auto_update"],
    );
    check(&rtf(&object("", &ole1("X", &program()))), &["office.rtf.object", "office.object.executable"]);
    let inner = CfbBuilder::new().class("0002CE02-0000-0000-C000-000000000046").stream("x", b"x").build();
    check(
        &rtf(&object("", &ole1("X", &inner))),
        &["office.rtf.object", "office.object.equation", "office.object.equation_odd"],
    );
}

#[test]
fn links_of_objects_are_judged() {
    let link = ole1_link("Word.Document.8", "http://example.com/x.hta");
    check(
        &rtf(&object("\\objautlink", &link)),
        &["office.rtf.object", "office.rtf.auto_link", "office.object.remote_link"],
    );
}

#[test]
fn data_is_put_together_as_word_does_it() {
    let data = ole1("Package", &package("run.vbs", b"x"));
    let digits: Vec<String> = data.iter().map(|byte| format!("{byte:02X}")).collect();
    let expected =
        ["office.rtf.object", "office.object.package", "office.object.executable", "office.rtf.obfuscated_data"];
    for between in ["{}", "{\\*\\junk 4142}", "\\par ", "%", "3\\'41", "\\ulnone12345 \t"] {
        let file = rtf(&format!("{{\\object{{\\*\\objdata {}}}}}", digits.join(between)));
        check(&file, &expected);
    }
    let length = (data.len() - 1).to_string();
    let binary = [&b"{\\rtf1{\\object{\\*\\objdata 01\\bin"[..], length.as_bytes(), b" ", &data[1..], b"}}}"];
    check(&binary.concat(), &expected[..3]);
}

#[test]
fn templates_are_judged_in_any_spelling() {
    let remote = ["office.rtf.template_remote"];
    check(&rtf("{\\*\\template http://example.com/t.dotm}"), &remote);
    check(&rtf("{\\*\\template \\\\\\\\server\\\\t.dotm}"), &remote);
    check(&rtf("{\\*\\template \\u104?\\u116?\\u116?p://example.com/t}"), &remote);
    check(&rtf("{\\*\\template \\'68ttp://example.com/t}"), &remote);
    check(&rtf("{\\*\\template C:\\\\Letter.dot}"), &[]);
}

#[test]
fn obfuscated_text_is_seen() {
    check(b"{\\rt{\\b x}}", &["office.rtf.odd_header"]);
    check(&rtf(&format!("{{\\*\\{} x}}", "a".repeat(60))), &["office.rtf.overlong_words"]);
    check(&rtf(&"{".repeat(300)), &["office.rtf.deep_groups"]);
    check(&rtf("{\\object{\\*\\objdata 41414141414141414141}}"), &["office.rtf.object", "office.rtf.malformed_object"]);
}
