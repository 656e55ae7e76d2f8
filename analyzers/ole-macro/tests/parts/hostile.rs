//! What is made to break us: each ends, with a reason, at a limit that was set before.

use analyzers::{Limit, Limits};
use proptest::prelude::*;
use specimens::cfb::CfbBuilder;
use specimens::ooxml::*;
use specimens::{bomb, rtf};

use super::{examine, examine_within};

#[test]
fn overlapping_entries_that_declare_39_gib_end_at_a_limit() {
    let file = bomb::overlapping_entries("word/document.", 1_400, 125_000);
    assert!(file.len() < 300_000, "{}", file.len());
    let entries = file.windows(28).filter(|header| header.starts_with(b"PK\x01\x02"));
    let declared = entries.map(|header| u64::from(u32::from_le_bytes(header[24..28].try_into().expect("four bytes"))));
    assert!(declared.sum::<u64>() > 39 << 30);
    let seen = examine(&file);
    assert!(seen.ids.contains("office.package.overlap"), "{:?}", seen.ids);
    assert!(seen.record.budget.hit().count() > 0);
}

#[test]
fn one_part_that_is_too_long_does_not_hide_the_others() {
    let file = docx()
        .external("word/document.xml", "attachedTemplate", "http://example.com/t.dotm")
        .zip()
        .entry("word/_rels/a.rels", &bomb::deflated_zeros(100_000))
        .method(8)
        .build();
    let seen = examine(&file);
    assert!(seen.ids.contains("office.package.template_remote"), "{:?}", seen.ids);
    assert_eq!(seen.record.budget.hit().collect::<Vec<_>>(), [Limit::Stream]);
}

#[test]
fn an_archive_in_itself_is_one_child_a_layer() {
    let seen = examine(&bomb::nested("a.zip", 50));
    assert_eq!(seen.children.len(), 1);
}

#[test]
fn millions_of_attributes_and_elements_end() {
    let attributes: String = (0..1_000_000).map(|number| format!(" a{number}=\"\"")).collect();
    let xml = word(&format!("<w:p{attributes}/>{}", field(&["PAGE"])));
    let seen = examine(&docx().part("word/document.xml", xml.as_bytes()).build());
    assert!(seen.ids.contains("office.package.excessive_xml"), "{:?}", seen.ids);
    let xml = format!("{}{}", "<w:p>".repeat(1_000_000), field(&["PAGE"]));
    let seen = examine(&docx().part("word/document.xml", xml.as_bytes()).build());
    assert!(seen.ids.contains("office.package.excessive_xml"), "{:?}", seen.ids);
}

#[test]
fn endless_groups_words_and_fields_of_rtf_end() {
    for piece in ["{", "}", "\\field", "{\\field{\\fldinst DDE ", "{\\objdata 41", "\\bin99999999999999999999 ", "\\'"]
    {
        examine(&rtf::rtf(&piece.repeat(200_000)));
    }
}

#[test]
fn a_hundred_thousand_field_marks_end() {
    for text in ["\u{13}", "\u{13} QUOTE 65 ", "\u{13}a\u{15}"] {
        examine(&CfbBuilder::new().stream("WordDocument", text.repeat(100_000).as_bytes()).build());
    }
}

/// One of each, small.
fn documents() -> Vec<Vec<u8>> {
    let object = CfbBuilder::new()
        .class("0002CE02-0000-0000-C000-000000000046")
        .stream("\u{1}Ole10Native", &rtf::ole10_native(&rtf::package("a.exe", b"MZ")))
        .stream("Equation Native", &[28; 60])
        .stream("\u{1}Ole", &[0xe0; 60]);
    vec![
        docx().external("word/document.xml", "frame", "http://example.com/").build(),
        docx().part("word/document.xml", word(&field(&["DDE cmd"])).as_bytes()).zip().streamed().build(),
        docx().part("word/embeddings/a.bin", &object.build()).build(),
        docx().zip().entry("word/header1.xml", &bomb::deflated_zeros(9)).method(8).build(),
        rtf::rtf(&rtf::object("\\objupdate", &rtf::ole1("Package", &rtf::package("a.js", b"x")))),
        rtf::rtf(&rtf::field("DDEAUTO cmd {\\*\\template http://x}")),
        object.build(),
    ]
}

#[test]
fn every_cut_is_survived() {
    for file in documents() {
        for end in 0..file.len() {
            examine(&file[..end]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_change_is_survived_and_gives_the_same_twice(
        which in 0..7_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut file = documents().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let (once, twice) = (examine(&file), examine(&file));
        prop_assert_eq!(&once.record.evidence, &twice.record.evidence);
        prop_assert_eq!(&once.record.incomplete, &twice.record.incomplete);
        let limits = Limits { steps_max: 50, produced_bytes_max: 500, entries_max: 5, ..Limits::default() };
        examine_within(&file, limits);
    }
}
