use specimens::cfb::CfbBuilder;
use specimens::rtf::*;

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
fn destinations_within_data_take_their_text_with_them() {
    let data = ole1("Package", &package("run.vbs", b"x"));
    let (first, last) = (hex(&data[..20]), hex(&data[20..]));
    let seen = ["office.rtf.object", "office.object.package", "office.object.executable"];
    for between in [
        "{\\fonttbl 4142}",
        "{\\info{\\title 41}{\\author 42}}",
        "{\\*\\author 4142}",
        "{\\pict 4142}",
        "{\\b {\\footnote 41}}",
        "{\\*\\unknown{\\b 4142}}",
        // No destinations: their text is data.
        "{\\pxe }",
        "{\\unknown }",
    ] {
        check(&rtf(&format!("{{\\object{{\\*\\objdata {first}{between}{last}}}}}")), &seen);
    }
    check(&rtf(&format!("{{\\object{{\\*\\objdata {{\\pxe {first}{last}}}}}}}")), &seen);
    // One that ends the data, or does not: what stands before it is looked at, and all of it.
    let rest = format!("{{\\object{{\\*\\objdata {first}{last}\\fonttbl 41}}}}");
    check(&rtf(&rest), &seen);
}

#[test]
fn equations_without_a_compound_file_are_read() {
    let mut equation = vec![0; 28];
    equation[0] = 28;
    equation.extend([3, 1, 1, 3, 10, 0x0a, 1, 8, 0x5a, 0x5a]);
    equation.extend([b'A'; 60]);
    let seen = ["office.rtf.object", "office.object.equation", "office.object.equation_overflow"];
    check(&rtf(&object("", &ole1("Equation.3", &equation))), &seen);
    check(&rtf(&object("", &ole1("eQuation.2", &equation))), &seen);
}

#[test]
fn templates_are_judged_in_any_spelling() {
    let remote = ["office.rtf.template_remote"];
    check(&rtf("{\\*\\template http://example.com/t.dotm}"), &remote);
    check(&rtf("{\\*\\template \\\\\\\\server\\\\t.dotm}"), &remote);
    check(&rtf("{\\*\\template \\u104?\\u116?\\u116?p://example.com/t}"), &remote);
    check(&rtf("{\\*\\template \\'68ttp://example.com/t}"), &remote);
    check(&rtf("{\\*\\template C:\\\\Letter.dot}"), &[]);
    check(&rtf("{\\*\\template {\\*\\junk x}htt{\\title y}p://example.com/t}"), &remote);
    // A setting of the group that ended does not count in the next one, and line ends are no characters.
    check(&rtf("{\\uc0 x}{\\*\\template \\u104\r\n?\\u116?tp://example.com/t}"), &remote);
    check(&rtf("{\\*\\template https://example.sharepoint.com/t.dotx}"), &["office.rtf.template_service"]);
}

#[test]
fn obfuscated_text_is_seen() {
    check(b"{\\rt{\\b x}}", &["office.rtf.odd_header"]);
    check(&rtf(&format!("{{\\*\\{} x}}", "a".repeat(60))), &["office.rtf.overlong_words"]);
    check(&rtf(&"{".repeat(300)), &["office.rtf.deep_groups"]);
    check(&rtf("{\\object{\\*\\objdata 41414141414141414141}}"), &["office.rtf.object", "office.rtf.malformed_object"]);
}
