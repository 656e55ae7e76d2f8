use specimens::cfb::CfbBuilder;
use specimens::ooxml::docx;
use specimens::rtf::{ole10_native, package};

use super::{check, examine, program};

const EQUATION: &str = "0002CE02-0000-0000-C000-000000000046";

fn with_native(data: &[u8]) -> Vec<u8> {
    CfbBuilder::new().stream("WordDocument", &[0; 100]).stream("ObjectPool/_1/\u{1}Ole10Native", data).build()
}

#[test]
fn embedded_files_are_judged_by_name_and_content_and_handed_over() {
    let always = ["office.object.pool", "office.object.package"];
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("letter.txt", b"hello".to_vec(), &[]),
        ("run.js", b"hello".to_vec(), &["office.object.executable"]),
        ("letter.txt", program(), &["office.object.executable"]),
        ("letter.pdf.exe", b"hello".to_vec(), &["office.object.executable", "office.object.double_extension"]),
    ];
    for (name, content, more) in cases {
        let file = with_native(&ole10_native(&package(name, content)));
        check(&file, &[&always, *more].concat());
        assert_eq!(examine(&file).children, [((*name).to_owned(), content.clone())]);
    }
}

#[test]
fn the_layout_without_a_length_is_read_too() {
    check(
        &with_native(&package("run.hta", b"x")),
        &["office.object.pool", "office.object.package", "office.object.executable"],
    );
}

#[test]
fn a_file_that_is_cut_is_incomplete() {
    let mut data = ole10_native(&package("letter.txt", &[7; 100]));
    data.truncate(data.len() - 50);
    let file = with_native(&data);
    check(&file, &["office.object.pool", "office.object.package", "office.object.malformed"]);
    assert!(!examine(&file).record.incomplete.is_empty());
}

#[test]
fn equations_are_told_apart() {
    let equation = |records: &[u8]| {
        let mut stream = vec![0; 28];
        stream[0] = 28;
        stream.extend([3, 1, 1, 3, 10]);
        stream.extend(records);
        CfbBuilder::new().class(EQUATION).stream("Equation Native", &stream).build()
    };
    check(&equation(b"\x0a\x01\x08\x01\x01Times\0\0"), &["office.object.equation"]);
    let long = [&b"\x0a\x01\x08\x5a\x5a"[..], &[b'A'; 60]].concat();
    check(&equation(&long), &["office.object.equation", "office.object.equation_overflow"]);
    let odd = CfbBuilder::new().class(EQUATION).stream("\u{1}Ole10Native", &[9; 50]).build();
    check(&odd, &["office.object.equation", "office.object.equation_odd"]);
}

#[test]
fn classes_that_exploits_use_are_seen_in_packages_too() {
    let browser = CfbBuilder::new().class("8856F961-340A-11D0-A96B-00C04FD705A2").stream("CONTENTS", b"x").build();
    check(&browser, &["office.object.exploit_class"]);
    check(&docx().part("word/embeddings/oleObject1.bin", &browser).build(), &["office.object.exploit_class"]);
}

#[test]
fn links_are_judged_by_where_they_lead() {
    let url: [u8; 16] = [0xe0, 0xc9, 0xea, 0x79, 0xf9, 0xba, 0xce, 0x11, 0x8c, 0x82, 0, 0xaa, 0, 0x4b, 0xa9, 0x0b];
    let link = |target: &str| {
        let text: Vec<u8> = target.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let stream =
            [&b"\x01\0\0\x02\x09\0\0\0"[..], &[0; 20], &url, &(text.len() as u32).to_le_bytes(), &text].concat();
        CfbBuilder::new().stream("\u{1}Ole", &stream).build()
    };
    check(&link("http://example.com/x.hta"), &["office.object.remote_link"]);
    check(&link("http://localhost/x"), &[]);
    check(&link("script:http://example.com/x.sct"), &["office.object.script_link"]);
}
