//! VBA projects: their source comes out as it went in, and what is odd about them is told.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

use analyzers::{Analyzer, Budget, Cancel, Findings, Incomplete, LayerId, Limit, Limits, Record, Sample};
use analyzers_ole_macro::{Office, vba_modules};
use proptest::prelude::*;
use specimens::cfb::CfbBuilder;
use specimens::vba::{VbaBuilder, bomb, compress};
use triage::{CfbKind, FileKind};

const CODE: &str = "Sub Total()\r\n    Cells(1, 1).Value = 1\r\nEnd Sub\r\n";

fn examine(bytes: &[u8], limits: Limits) -> (Record, Vec<Vec<u8>>) {
    let kind = FileKind::Cfb(CfbKind::Word);
    let record = Record::new(kind, Budget::new(limits, Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    let (record, children) = findings.finish();
    (record, children.into_iter().map(|child| child.bytes.into_owned()).collect())
}

/// Asks for exactly the signs `expected` of the project, besides that it is there and has source.
#[track_caller]
fn check(project: &VbaBuilder, expected: &[&str]) {
    for file in [project.doc(), project.xls(), project.bin()] {
        let (record, _) = examine(&file, Limits::default());
        let mut seen: Vec<_> =
            record.evidence.iter().filter_map(|seen| seen.indicator.as_str().strip_prefix("office.vba.")).collect();
        seen.retain(|sign| !["project", "source", "no_cache"].contains(sign));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, expected);
    }
}

fn one() -> VbaBuilder {
    VbaBuilder::new().module("Module1", CODE)
}

#[test]
fn an_ordinary_project_shows_nothing() {
    check(&one().document("ThisDocument", "").compiled(700), &[]);
}

#[test]
fn source_is_handed_over_as_one_text() {
    let (_, children) = examine(&one().module("Module2", CODE).doc(), Limits::default());
    let expected = ["Module1", "Module2"].map(|name| format!("Attribute VB_Name = \"{name}\"\r\n{CODE}")).join("\n");
    assert_eq!(children, [expected.into_bytes()]);
}

#[test]
fn text_is_decoded_from_the_projects_code_page() {
    // The Russian word for "document".
    let modules =
        vba_modules(&VbaBuilder::new().code_page(1251).module_bytes("A", b"' \xc4\xee\xea\xf3\xec\xe5\xed\xf2").doc());
    assert_eq!(
        modules[0].text,
        "Attribute VB_Name = \"A\"\r\n' \u{414}\u{43e}\u{43a}\u{443}\u{43c}\u{435}\u{43d}\u{442}"
    );
}

#[test]
fn a_module_that_lost_its_source_is_stomped() {
    check(&one().document("ThisDocument", "").compiled(20_000).without_source(), &["stomped"]);
}

#[test]
fn an_empty_module_with_a_large_compiled_form_is_not_stomped() {
    check(&one().document("Sheet1", "").compiled(5_206).document("Sheet2", "Option Explicit").pcode(&["Option"]), &[]);
}

#[test]
fn a_compiled_form_of_other_lines_is_stomped() {
    let code = ["Sub Total()", "Cells(1, 1).Value = 1", "End Sub"];
    check(&one().pcode(&code), &[]);
    // Some versions count the empty line at the end.
    check(&one().pcode(&["Sub Total()", "Cells(1, 1).Value = 1", "End Sub", ""]), &[]);
    // What ` _` joins is one line.
    check(&VbaBuilder::new().module("M", "Sub A()\r\n x = 1 + _\r\n 2 + _\r\n 3\r\nEnd Sub").pcode(&code), &[]);
    check(&one().pcode(&[code[0], code[1], code[1], code[1], code[2]]), &["stomped"]);
    check(&VbaBuilder::new().module("M", "").pcode(&code).without_source(), &["stomped"]);
    check(&one().module("M", &CODE.repeat(3)).pcode(&[]), &["stomped"]);
    // As many lines, but blank ones.
    check(&VbaBuilder::new().module("M", "\r\n' Hello\r\n\r\n").pcode(&code), &["stomped"]);
}

#[test]
fn a_compiled_form_of_other_names_is_stomped() {
    // Code itself holds no names, only their numbers.
    let code = ["1", "2", "3"];
    let project = one().pcode(&code);
    check(&project.clone().compiled_names(&["total", "Cells", "Value"]), &[]);
    check(&project.clone().compiled_names(&["AutoOpen", "Cells"]), &["stomped"]);
    check(&project.clone().compiled_names(&["Total", "Cells", "Value", "URLDownloadToFileA"]), &["stomped"]);
    // The procedure is called the same, what it calls is not.
    check(&project.compiled_names(&["Total", "CreateObject", "Value"]), &["stomped"]);
}

#[test]
fn compiled_words_that_no_source_says_are_stomped() {
    // Of a version whose table of lines is not known.
    let cache = |text: &str| VbaBuilder::new().module("M", "y = 1\r\nx = \"wscript.shell\"\r\n").pcode(&["a", text]);
    check(&cache("wscript.shell"), &[]);
    check(&cache("powershell -w hidden"), &["stomped"]);
    check(&cache("http://198.51.100.7/a.exe"), &["stomped"]);
}

#[test]
fn source_that_breaks_off_is_incomplete() {
    let whole = compress(format!("Attribute VB_Name = \"A\"\r\n{}", CODE.repeat(200)).as_bytes());
    // Cut, a wrong signature, an offset before the chunk, a chunk that is too long, one that is too short.
    let mut cut = whole.clone();
    cut.truncate(whole.len() - 9);
    let mut signature = whole.clone();
    signature[2] &= 0x8f;
    let mut offset = whole.clone();
    offset.splice(3..6, [0xff, 0xff, 0xff]);
    let long = b"\x01\x0f\xb0\0\0Attrib\xfe\x61\xff\xff\xff\xff\xff\xff\xff".to_vec();
    let short = [b"\x01\x09\xb0\0\0Attribut\0e", &whole[1..]].concat();
    for container in [cut, signature, offset, long, short] {
        let project = one().document("ThisDocument", "").compressed(&container);
        let (record, _) = examine(&project.doc(), Limits::default());
        let seen: Vec<_> = record.evidence.iter().map(|seen| seen.indicator.as_str()).collect();
        assert!(seen.contains(&"office.vba.compression_malformed"), "{seen:?}");
        assert_eq!(record.incomplete, [Incomplete::CutShort]);
    }
    let (record, _) = examine(&one().module("Lost", CODE).compressed(b"").doc(), Limits::default());
    assert_eq!(record.incomplete, [Incomplete::CutShort]);
    let (record, _) = examine(&one().without_dir().doc(), Limits::default());
    assert_eq!(record.incomplete, [Incomplete::CutShort]);
}

#[test]
fn a_module_may_be_called_as_a_document_is() {
    for name in ["Workbook", "Book", "WordDocument", "PowerPoint Document"] {
        let project = one().module(name, "Sub A()\r\nShell x\r\nEnd Sub");
        for file in [project.doc(), specimens::ooxml::xlsm().vba_project(&project.bin()).build()] {
            let kind = triage::triage(&file);
            let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
            let mut findings = Findings::new(record, LayerId::ARTIFACT);
            Office.analyze(Sample { bytes: &file, kind }, &mut findings);
            let (record, _) = findings.finish();
            let shell = |seen: &analyzers::Evidence| seen.indicator.as_str() == "office.source.shell_call";
            assert!(record.evidence.iter().any(shell), "{name}: {:?}", record.evidence);
            assert_eq!(record.incomplete, [], "{name}");
        }
    }
}

#[test]
fn a_project_that_office_emptied_shows_nothing() {
    let mut file = CfbBuilder::new().stream("WordDocument", &[0; 5000]);
    for name in ["dir", "_VBA_PROJECT", "ThisDocument"] {
        file = file.stream(&format!("Macros/VBA/{name}"), b"");
    }
    let (record, children) = examine(&file.build(), Limits::default());
    assert_eq!((record.evidence, record.incomplete, children.len()), (vec![], vec![], 0));
}

#[test]
fn a_module_whose_size_is_a_lie_is_read() {
    for size in [0xff_ffff, 5_000] {
        let file = one().add_to(CfbBuilder::new().stream("WordDocument", &[0; 5000]), "Macros");
        let file = file.size("Macros/VBA/Module1", size).build();
        assert!(vba_modules(&file)[0].text.ends_with(CODE));
        let (record, _) = examine(&file, Limits::default());
        assert_eq!(record.incomplete, [Incomplete::CutShort]);
    }
}

#[test]
fn an_unlisted_module_is_told_and_read() {
    let project = one().module("Module2", CODE).unlisted();
    check(&project, &["module_unlisted"]);
    assert_eq!(vba_modules(&project.doc()).len(), 2);
}

#[test]
fn a_module_hidden_from_the_editor_is_told() {
    check(&one().module("Module2", CODE).hidden(), &["module_hidden"]);
}

#[test]
fn a_module_without_a_stream_is_told() {
    check(&one().module("Module2", CODE).missing(), &["module_missing"]);
}

#[test]
fn a_locked_project_is_told() {
    check(&one().locked(), &["locked"]);
}

#[test]
fn a_payload_in_a_form_is_told() {
    check(&one().form("UserForm1", b"A caption with words"), &["form"]);
    check(&one().form("UserForm1", &[b'J'; 300]), &["form", "form_text"]);
}

#[test]
fn a_reference_to_the_script_host_is_told() {
    let library = r"*\G{F935DC20-1CF0-11D0-ADB9-00C04FD58A0B}#1.0#0#C:\Windows\System32\wshom.ocx#Windows Script Host";
    check(&one().reference(library), &["reference"]);
    check(&one().reference(r"*\G{00020430-0000-0000-C000-000000000046}#2.0#0#C:\Windows\stdole2.tlb#OLE"), &[]);
}

#[test]
fn source_is_found_without_the_list_of_modules() {
    let project = one().without_dir();
    check(&project, &["dir_broken", "module_unlisted"]);
    assert!(vba_modules(&project.doc())[0].text.ends_with(CODE));
}

#[test]
fn source_is_found_without_a_project() {
    let lone =
        CfbBuilder::new().stream("Anything", &compress(format!("Attribute VB_Name = \"A\"\r\n{CODE}").as_bytes()));
    assert!(vba_modules(&lone.build())[0].text.ends_with(CODE));
}

#[test]
fn source_is_found_in_presentations() {
    let storage = one().bin();
    // A zlib stream of stored blocks; its checksum does not matter.
    let mut zlib = vec![0x78, 0x01];
    for block in storage.chunks(60_000) {
        zlib.push(0);
        zlib.extend((block.len() as u16).to_le_bytes());
        zlib.extend((!(block.len() as u16)).to_le_bytes());
        zlib.extend(block);
    }
    zlib.extend([1, 0, 0, 0xff, 0xff]);
    let size = (storage.len() as u32).to_le_bytes();
    let packed = [&size[..], &zlib].concat();
    // PowerPoint itself ends it by a flush: an empty block, and no last one.
    let ended = zlib.len() - 5;
    zlib[ended] = 0;
    let flushed = [&size[..], &zlib].concat();
    // Headers that no zlib would write, and none at all.
    let badly_headed = [&size[..], &b"\xff\xff"[..], &zlib[2..]].concat();
    let headless = [&size[..], &zlib[2..]].concat();
    for (instance, body) in
        [(0x00, &storage), (0x10, &packed), (0x10, &flushed), (0x10, &badly_headed), (0x10, &headless), (0x1f, &packed)]
    {
        let header = [&[instance, 0, 0x11, 0x10][..], &(body.len() as u32).to_le_bytes()].concat();
        let stream = [&[0; 5000], header.as_slice(), body].concat();
        let (record, children) =
            examine(&CfbBuilder::new().stream("PowerPoint Document", &stream).build(), Limits::default());
        assert!(record.layers.iter().any(|layer| layer.name == "PowerPoint Document!storage at 5000"));
        assert!(children.contains(&format!("Attribute VB_Name = \"Module1\"\r\n{CODE}").into_bytes()));
        assert_eq!(record.incomplete, [], "instance {instance}, {:?}", &body[..8]);
    }
    // But one that has less than it says is not whole.
    let cut = &flushed[..flushed.len() - 600];
    let header = [&[0x10, 0, 0x11, 0x10][..], &(cut.len() as u32).to_le_bytes()].concat();
    let stream = [&[0; 5000], header.as_slice(), cut].concat();
    let (record, _) = examine(&CfbBuilder::new().stream("PowerPoint Document", &stream).build(), Limits::default());
    assert_eq!(record.incomplete, [Incomplete::CutShort]);
}

#[test]
fn a_stream_that_expands_six_hundred_times_ends_at_the_limit() {
    let bomb = bomb(b'A', 200 << 20);
    let mut file = CfbBuilder::new().stream("Macros/VBA/Bomb", &bomb);
    file = VbaBuilder::new().module("Bomb", CODE).missing().add_to(file, "Macros");
    let (record, children) = examine(&file.build(), Limits::default());
    assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Stream]);
    assert!(children.iter().all(|child| child.len() <= 17 << 20));
}

#[test]
fn a_project_cut_at_any_byte_is_no_panic() {
    let file = one().document("ThisDocument", CODE).compiled(100).form("UserForm1", b"text").bin();
    for length in 0..file.len() {
        examine(&file[..length], Limits::default());
    }
}

proptest! {
    // Building them takes longer than reading them.
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    // Of sixteen letters, so that every chunk shrinks: the format cannot tell the length of a last one that does not.
    #[test]
    fn source_comes_out_as_it_went_in(source in proptest::collection::vec(b'a'..=b'p', 0..3000), repeats in 1usize..4) {
        let source = source.repeat(repeats);
        let modules = vba_modules(&VbaBuilder::new().module_bytes("A", &source).doc());
        let expected = [b"Attribute VB_Name = \"A\"\r\n", source.as_slice()].concat();
        prop_assert!(modules[0].source == expected);
    }

    #[test]
    fn no_bytes_make_it_panic(changes in proptest::collection::vec((0usize..10_000, any::<u8>()), 0..40)) {
        let mut file = one().document("ThisDocument", CODE).compiled(100).form("UserForm1", b"text").doc();
        let length = file.len();
        for (at, byte) in changes {
            file[at % length] = byte;
        }
        let once = examine(&file, Limits::default());
        let again = examine(&file, Limits::default());
        prop_assert_eq!(once.0.evidence, again.0.evidence);
        prop_assert_eq!(once.1, again.1);
    }
}
