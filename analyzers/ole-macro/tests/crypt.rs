//! Encrypted documents: opened where the password is known to all, never benign where not.

use analyzers::{Analyzer, Budget, Cancel, Child, Findings, Incomplete, LayerId, Limit, Limits, Record, Sample};
use analyzers_ole_macro::Office;
use proptest::prelude::*;
use specimens::biff::{Hidden, Workbook, call, document, text};
use specimens::cfb::CfbBuilder;
use specimens::crypt::{FilePass, agile, agile_claiming, standard, workbook};
use specimens::ooxml::docx;

const DEFAULT: &str = "VelvetSweatshop";

fn examine(bytes: &[u8]) -> (Record, Vec<Vec<u8>>) {
    let kind = triage::triage(bytes);
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    let (record, children) = findings.finish();
    let decrypted = children.into_iter().filter(|child| child.name == "decrypted");
    (record, decrypted.map(|Child { bytes, .. }| bytes.into_owned()).collect())
}

/// Asks for exactly the signs `expected` of encryption, and returns what was decrypted.
#[track_caller]
fn check(file: &[u8], expected: &[&str], incomplete: &[Incomplete]) -> Vec<Vec<u8>> {
    let (record, children) = examine(file);
    let mut seen: Vec<_> =
        record.evidence.iter().filter_map(|seen| seen.indicator.as_str().strip_prefix("office.crypt.")).collect();
    seen.sort_unstable();
    assert_eq!(seen, expected);
    assert_eq!(record.incomplete, incomplete);
    children
}

fn package() -> Vec<u8> {
    docx().part("word/media/noise.bin", &[7; 9000]).build()
}

fn dropper() -> Workbook {
    let book = Workbook::new().worksheet("Sheet1", Hidden::No).macro_sheet("Macro1", Hidden::Very).auto_open();
    // Longer than two blocks of keys.
    (1..40).fold(book.formula(0, 0, &call("EXEC", [text("calc.exe")])), |book, row| {
        book.formula(row, 0, &call("HALT", []))
    })
}

#[test]
fn packages_under_the_default_password_are_opened() {
    let package = package();
    for file in [standard(&package, DEFAULT), agile(&package, DEFAULT, 1000)] {
        let children = check(&file, &["default_password", "package"], &[]);
        assert_eq!(children, std::slice::from_ref(&package));
    }
}

#[test]
fn packages_under_another_password_are_incomplete() {
    for file in [standard(&package(), "secret"), agile(&package(), "secret", 1000)] {
        let children = check(&file, &["locked", "package"], &[Incomplete::Encrypted]);
        assert!(children.is_empty());
    }
}

#[test]
fn workbooks_under_the_default_password_are_examined() {
    for method in [FilePass::Rc4, FilePass::CryptoApi, FilePass::CryptoApi40, FilePass::Xor] {
        let file = document(&workbook(&dropper(), DEFAULT, method));
        check(&file, &["default_password", "workbook"], &[]);
        let (record, _) = examine(&file);
        let seen = record.evidence.iter().find(|seen| seen.indicator.as_str() == "office.xlm.execute");
        let seen = seen.unwrap_or_else(|| panic!("{method:?}: {:?}", record.evidence));
        assert_eq!(seen.detail.as_str(), "Macro1!A1: =EXEC(\"calc.exe\")");
        assert_eq!(record.layers[seen.layer.index()].name, "Workbook!decrypted");
    }
}

#[test]
fn workbooks_under_another_password_are_incomplete() {
    let file = document(&workbook(&dropper(), "secret", FilePass::CryptoApi));
    check(&file, &["locked", "workbook"], &[Incomplete::Encrypted]);
}

#[test]
fn a_claim_of_ten_million_turns_costs_nothing() {
    let file = agile_claiming(&package(), DEFAULT, 1, 10_000_000);
    check(&file, &["costly", "package"], &[Incomplete::Encrypted]);
}

#[test]
fn turns_of_hashing_are_paid_before() {
    let kind = triage::triage(&agile(&package(), "secret", 1000));
    let limits = Limits { steps_max: 15_000, ..Limits::default() };
    let mut findings = Findings::new(Record::new(kind, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT);
    let file = agile(&package(), "secret", 1000);
    Office.analyze(Sample { bytes: &file, kind }, &mut findings);
    assert_eq!(findings.finish().0.budget.hit().collect::<Vec<_>>(), [Limit::Steps]);
}

#[test]
fn what_is_decrypted_is_paid_before() {
    let file = standard(&package(), DEFAULT);
    let kind = triage::triage(&file);
    let limits = Limits { produced_bytes_max: 4096, ..Limits::default() };
    let mut findings = Findings::new(Record::new(kind, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT);
    Office.analyze(Sample { bytes: &file, kind }, &mut findings);
    let (record, children) = findings.finish();
    assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Produced]);
    assert!(children.is_empty());
}

#[test]
fn descriptions_that_cannot_be_read_are_incomplete() {
    for description in [&b""[..], b"short", &[9, 0, 9, 0, 0, 0, 0, 0], b"\x04\0\x04\0\x40\0\0\0<encryption/>"] {
        let file = CfbBuilder::new().stream("EncryptionInfo", description).stream("EncryptedPackage", &[1; 64]).build();
        check(&file, &["package", "unreadable"], &[Incomplete::Encrypted]);
    }
}

#[test]
fn encrypted_word_documents_and_presentations_are_known() {
    let mut word = vec![0; 5000];
    word[11] = 1;
    check(&CfbBuilder::new().stream("WordDocument", &word).build(), &["document"], &[Incomplete::Encrypted]);
    let user = [&[0, 0, 0xf6, 0x0f, 0x14, 0, 0, 0, 0x14, 0, 0, 0], &[0xdf, 0xc4, 0xd1, 0xf3][..], &[0; 16]].concat();
    let file = CfbBuilder::new().stream("PowerPoint Document", &[0; 5000]).stream("Current User", &user).build();
    check(&file, &["presentation"], &[Incomplete::Encrypted]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12)) {
        for mut file in [
            agile(b"PK", DEFAULT, 2),
            document(&workbook(&dropper(), DEFAULT, FilePass::Rc4)),
            document(&workbook(&dropper(), DEFAULT, FilePass::CryptoApi)),
        ] {
            for (at, byte) in &changes {
                let at = at.index(file.len());
                file[at] = *byte;
            }
            examine(&file);
        }
    }
}
