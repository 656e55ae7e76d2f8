use specimens::cfb::CfbBuilder;
use specimens::ooxml::{docx, field, word, xlsx};
use specimens::rtf;

use super::{check, check_whole};

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
    check_word(&field(&[r#"DDEAUTO "C:\\Office\\EXCEL.EXE" "C:\\q3.xlsx" "R1C1""#]), &["office.dde.auto"]);
    check_word(&field(&[r#"DDEAUTO "C:\\Office\\EXCEL.EXE\\..\\..\\a.exe" x"#]), &auto);
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

/// A paragraph with a field.
fn paragraph(pieces: &[&str]) -> String {
    format!("<w:p>{}</w:p>", field(pieces))
}

#[test]
fn a_command_that_stands_elsewhere_is_found() {
    let exchange = |argument: &str| paragraph(&["DDEAUTO ", &field(&[argument])]);
    let seen = ["office.dde.auto", "office.dde.command", "office.dde.hidden"];
    for (definition, argument) in [
        (paragraph(&["SET c \"C:\\\\Windows\\\\cmd.exe /k calc\""]), "REF c"),
        (paragraph(&["SET c \"cmd.exe\""]), "c"),
        (paragraph(&["SET c ", &field(&["QUOTE 99 109 100 46 101 120 101"])]), "REF C \\* MERGEFORMAT"),
        (paragraph(&["ASK c \"Which?\" \\d \"cmd /k calc\""]), "REF c"),
        (paragraph(&["SET b \"cmd.exe\""]) + &paragraph(&["SET c ", &field(&["REF b"])]), "REF c"),
        (String::new(), "FILLIN \"Which?\" \\d \"cmd /k calc\""),
        (String::new(), "IF 1 = 1 \"cmd.exe\" \"notepad\""),
        (
            "<w:p><w:bookmarkStart w:id=\"7\" w:name=\"c\"/><w:r><w:t>cm</w:t></w:r><w:r><w:t>d.exe</w:t></w:r>\
             <w:bookmarkEnd w:id=\"7\"/></w:p>"
                .to_owned(),
            "REF c",
        ),
    ] {
        check_word(&(definition.clone() + &exchange(argument)), &seen);
        // It may as well stand behind.
        check_word(&(exchange(argument) + &definition), &seen);
    }
}

#[test]
fn a_keyword_that_stands_elsewhere_is_found() {
    let seen = ["office.dde.auto", "office.dde.command", "office.dde.computed", "office.dde.hidden"];
    let call = paragraph(&[&field(&["REF a"]), " ", &field(&["REF b"])]);
    let set = paragraph(&["SET a \"DDEAUTO\""]) + &paragraph(&["SET b \"cmd.exe /k calc\""]);
    check_word(&(set.clone() + &call), &seen);
    // In a header, while the names are in the text, which has no other fields; or in properties, or variables.
    let header = |body: &str| format!("<w:hdr xmlns:w=\"w\">{body}</w:hdr>");
    let marks = "<w:p><w:bookmarkStart w:id=\"1\" w:name=\"a\"/><w:r><w:t>DDEAUTO</w:t></w:r><w:bookmarkEnd w:id=\"1\"/>\
        <w:bookmarkStart w:id=\"2\" w:name=\"b\"/><w:r><w:t>cmd.exe</w:t></w:r><w:bookmarkEnd w:id=\"2\"/></w:p>";
    let file = docx().part("word/header1.xml", header(&call).as_bytes());
    check(&file.clone().part("word/document.xml", word(marks).as_bytes()).build(), &seen);
    let call = paragraph(&[&field(&["DOCPROPERTY  a "]), " ", &field(&["COMMENTS"])]);
    let file = docx().part("word/header1.xml", header(&call).as_bytes());
    let file = file
        .part("docProps/core.xml", b"<c:coreProperties><dc:description>cmd.exe /k</dc:description></c:coreProperties>")
        .part(
            "docProps/custom.xml",
            b"<Properties><property name=\"A\"><v:lpwstr>DDEAUTO</v:lpwstr></property></Properties>",
        );
    check(&file.build(), &seen);
    let call = paragraph(&[&field(&["DOCVARIABLE a"]), " cmd.exe"]);
    let settings = b"<w:settings><w:docVars><w:docVar w:name=\"a\" w:val=\"DDEAUTO\"/></w:docVars></w:settings>";
    check(&docx().part("word/settings.xml", settings).part("word/document.xml", word(&call).as_bytes()).build(), &seen);
}

#[test]
fn the_saved_result_stands_for_what_is_not_known() {
    let unknown = "<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText> DOCPROPERTY z </w:instrText></w:r><w:r>\
        <w:fldChar w:fldCharType=\"separate\"/></w:r><w:r><w:t>DDEAUTO</w:t></w:r><w:r><w:fldChar w:fldCharType=\"end\"/></w:r>";
    check_word(
        &paragraph(&[unknown, " cmd.exe"]),
        &["office.dde.auto", "office.dde.command", "office.dde.computed", "office.dde.hidden"],
    );
}

#[test]
fn a_keyword_that_comes_from_a_data_source_is_odd() {
    check_word(&paragraph(&[&field(&["MERGEFIELD x"]), " cmd.exe"]), &["office.dde.computed"]);
    check_word(&paragraph(&["IF ", &field(&["MERGEFIELD x"]), " = \"a\" \"b\" \"c\""]), &[]);
    // Merged letters have as many of these as they like.
    let letters = paragraph(&["HYPERLINK \"", &field(&["MERGEFIELD x"]), "\""]).repeat(200);
    check_word(&letters, &[]);
    check_whole(&docx().part("word/document.xml", word(&letters).as_bytes()).build());
}

#[test]
fn names_that_refer_to_themselves_end() {
    let body =
        paragraph(&["SET a ", &field(&["REF a"]), &field(&["REF a"])]) + &paragraph(&["DDE ", &field(&["REF a"])]);
    check_word(&body, &["office.dde.field", "office.dde.hidden"]);
}

#[test]
fn fields_that_fetch_are_judged() {
    let exploit = ["office.object.exploit_class", "office.object.script_link"];
    check_word(&field(&["LINK htmlfile \"http://example.com/x.html!\" \"\" \\a"]), &exploit);
    check_word(&field(&["LINK Word.Document.8 \"http://example.com/x.rtf\" \"\" \\a"]), &["office.object.remote_link"]);
    check_word(&field(&["LINK Excel.Sheet.12 \"C:\\\\Reports\\\\q3.xlsx\" \"S!R1C1\" \\a \\f 5"]), &[]);
    check_word(&field(&["INCLUDETEXT \"http://example.com/x.rtf\""]), &["office.package.frame_remote"]);
    check_word(&field(&["INCLUDEPICTURE \"http://example.com/x.png\" \\d"]), &["office.package.image_remote"]);
    check_word(&field(&["INCLUDEPICTURE \"\\\\\\\\192.0.2.7\\\\x.png\""]), &["office.package.network_path"]);
    check_word(&field(&["HYPERLINK \"ms-msdt:/id x\""]), &["office.package.exploit_target"]);
    // What it shows and where in the document it leads is no command.
    check_word(&field(&["HYPERLINK \\l \"powershell\" \\o \"cmd\""]), &[]);
    let set = paragraph(&["SET a \"http://example.com/x.html!\""]);
    check_word(&(set + &paragraph(&["LINK htmlfile ", &field(&["REF a"])])), &exploit);
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
fn binary_documents_keep_names_in_fields_and_property_sets() {
    let seen = ["office.dde.auto", "office.dde.command", "office.dde.computed", "office.dde.hidden"];
    let text = "\u{13} SET a \"DDEAUTO\" \u{15}\r\u{13} \u{13} REF a \u{15} \u{13} COMMENTS \u{15}\u{14}x\u{15}";
    // One set with one property, number 6: a string (MS-OLEPS 2.21, 2.15).
    let value = b"cmd.exe /k calc\0";
    let mut summary = vec![0; 48];
    summary[..2].copy_from_slice(&[0xfe, 0xff]);
    summary[24] = 1;
    summary[44] = 48;
    for number in [16 + 8 + value.len() as u32, 1, 6, 16, 0x1e, value.len() as u32] {
        summary.extend(number.to_le_bytes());
    }
    summary.extend(value);
    let stream = [&[0; 600][..], text.as_bytes(), &[0; 5000]].concat();
    let file = CfbBuilder::new().stream("WordDocument", &stream).stream("\u{5}SummaryInformation", &summary);
    check(&file.build(), &seen);
}

#[test]
fn rtf_has_fields_too() {
    check(&rtf::rtf(&rtf::field("DDEAUTO cmd.exe /k calc")), &["office.dde.auto", "office.dde.command"]);
    check(&rtf::rtf(&rtf::field("HYPERLINK \"http://example.com\"")), &[]);
    let seen = ["office.dde.auto", "office.dde.command", "office.dde.computed", "office.dde.hidden"];
    let call = rtf::field(&format!("{} {}", rtf::field("REF a"), rtf::field("DOCPROPERTY b")));
    let names = "{\\info{\\*\\userprops{\\propname b}\\proptype30{\\staticval cmd.exe}}}{\\*\\bkmkstart a}DDEAUTO{\\*\\bkmkend a}";
    check(&rtf::rtf(&format!("{names}{call}")), &seen);
    check(&rtf::rtf(&format!("{call}{names}")), &seen);
    let call = rtf::field(&format!("{} {}", rtf::field("REF a"), rtf::field("DOCPROPERTY comments")));
    let names = "{\\info{\\doccomm cmd.exe}}{\\*\\bkmkstart a}DDEAUTO{\\*\\bkmkend a}";
    check(&rtf::rtf(&format!("{names}{call}")), &seen);
    let call = rtf::field(&format!("{} cmd.exe", rtf::field("DOCVARIABLE v")));
    check(&rtf::rtf(&format!("{{\\*\\docvar {{v}}{{DDEAUTO}}}}{call}")), &seen);
    let link = "LINK htmlfile \"http://example.com/x.html!\" \"\" \\\\a";
    check(&rtf::rtf(&rtf::field(link)), &["office.object.exploit_class", "office.object.script_link"]);
}
