//! Hosts that a document names: in its macros, and in what it fetches.

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use analyzers_ole_macro::Office;
use specimens::ooxml::docx;
use specimens::vba::VbaBuilder;

#[track_caller]
fn check(bytes: &[u8], domains: &[&str], addresses: &[&str]) {
    let kind = triage::triage(bytes);
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    let hosts = findings.finish().0.hosts;
    let found: Vec<String> = hosts.ip_addresses().iter().map(ToString::to_string).collect();
    let expected = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    assert_eq!((hosts.domains(), found), (&expected(domains)[..], expected(addresses)));
}

fn macros(lines: &[&str]) -> Vec<u8> {
    let source = format!("Sub Document_Open()\r\n{}\r\nEnd Sub\r\n", lines.join("\r\n"));
    VbaBuilder::new().document("ThisDocument", &source).doc()
}

#[test]
fn a_host_in_a_literal_is_told_and_one_in_a_comment_is_not() {
    check(&macros(&["x = \"http://evil-host.top/a.exe\""]), &["evil-host.top"], &[]);
    check(&macros(&["' see http://evil-host.top/"]), &[], &[]);
    check(&macros(&["x = \"ThisWorkbook.Name\"", "y = Application.Name.net"]), &[], &[]);
}

#[test]
fn a_host_in_pieces_is_told_whole() {
    check(&macros(&["x = \"ht\" & \"tp://evil-host.co\" & \"m/a\" & Chr(46) & \"exe\""]), &["evil-host.com"], &[]);
    check(&macros(&["x = StrReverse(\"a/12.841.9.54//:ptth\")"]), &[], &["45.9.148.21"]);
    check(&macros(&["x = \"http://evil-\"", "x = x & \"host.co\"", "x = x & \"m.au/\""]), &["evil-host.com.au"], &[]);
    check(&macros(&["x = Replace(\"hxxp://evil-host.top/\", \"xx\", \"tt\")"]), &["evil-host.top"], &[]);
}

#[test]
fn what_a_document_fetches_is_told_and_what_it_links_to_is_not() {
    let part = |kind: &str| {
        docx()
            .external("word/document.xml", kind, "http://evil-host.top/t.dotm")
            .part("word/settings.xml", b"<w:settings/>")
    };
    check(&part("attachedTemplate").build(), &["evil-host.top"], &[]);
    check(&part("hyperlink").build(), &[], &[]);
}
