//! Images that are hidden by XOR, and archives: what is handed over, and what is not one.

use analyzers::Limit;
use specimens::archive::{cabinet, nsis, py_installer, seven_zip};
use specimens::inno::{editions, inno};
use specimens::pe::{CONSTANTS, noise, ordinary, pe};
use specimens::zip::ZipBuilder;
use triage::{ArchiveKind, FileKind};

use super::{check_not_seen, examine};

fn xored(bytes: &[u8], key: u8) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ key).collect()
}

/// What is unaccounted for.
fn unaccounted(image: &[u8]) -> Vec<String> {
    examine(image).0.incomplete.iter().map(ToString::to_string).collect()
}

#[test]
fn a_hidden_image_is_handed_over_as_it_is_without_its_key() {
    let inner = pe().signed().build();
    for key in [1, 0x20, 0x5a, 0xff] {
        let outer = ordinary().overlay([noise(0x200), xored(&inner, key)].concat()).build();
        let (_, children) = examine(&outer);
        let at = outer.len() - inner.len();
        assert_eq!(children.len(), 1);
        assert_eq!(
            (children[0].name.clone(), children[0].bytes.as_ref()),
            (format!("xored@{at:#x}"), inner.as_slice())
        );
    }
    // In a resource, and in a section.
    for outer in [ordinary().resource(10, xored(&inner, 7)), ordinary().section(".rdata", CONSTANTS, xored(&inner, 7))]
    {
        assert_eq!(examine(&outer.build()).1[0].bytes.as_ref(), inner);
    }
}

#[test]
fn hidden_words_without_an_image_are_none() {
    let stub = xored(b"MZ\0\0This program cannot be run in DOS mode", 9);
    let mixed = [xored(&ordinary().build()[..0x60], 9), ordinary().build()[0x60..].to_vec()].concat();
    for bytes in [stub, mixed] {
        check_not_seen(&ordinary().section(".rdata", CONSTANTS, bytes).build(), "pe.content.xored_image");
    }
    // Headers whose sections are not there.
    let headers = xored(&ordinary().build()[..0x300], 9);
    check_not_seen(&ordinary().overlay(headers).build(), "pe.content.xored_image");
}

#[test]
fn many_hidden_images_are_a_limit_and_what_they_unpack_to_is_paid_for() {
    let inner = xored(&pe().build(), 3);
    let outer = ordinary().overlay(inner.repeat(9)).build();
    let (record, children) = examine(&outer);
    assert_eq!(children.len(), 8);
    assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Entries]);
}

#[test]
fn archives_behind_a_program_are_handed_over_as_parts() {
    let zip = ZipBuilder::new().entry("a.txt", b"hello").build();
    let data = nsis(b"script", &[b"file"]);
    let program = ordinary().build();
    let packed = py_installer(&[(b's', "main", b"code")]);
    for archive in [seven_zip(&[("a", b"b")]), cabinet(&[("a", b"b")]), zip, data, packed] {
        for image in [ordinary(), ordinary().signed()] {
            let image = image.overlay(archive.clone()).build();
            let (record, children) = examine(&image);
            let names: Vec<_> = children.iter().map(|child| (child.name.as_str(), child.is_part)).collect();
            assert_eq!(names, [(format!("overlay@{:#x}", program.len()).as_str(), true)]);
            // What pads it before a signature belongs to a ZIP as far as anybody knows.
            let padding = children[0].bytes.strip_prefix(archive.as_slice()).expect("the archive comes first");
            assert!(padding.iter().all(|&byte| byte == 0) && padding.len() < 8);
            assert_eq!(record.incomplete, []);
        }
    }
}

#[test]
fn what_stands_before_and_behind_an_archive_is_not_accounted_for_unless_it_is_text() {
    let archive = seven_zip(&[("a", b"b")]);
    let config = b";!@Install@!UTF-8!\r\nTitle=\"Example\"\r\n;!@InstallEnd@!";
    let configured = ordinary().overlay([config.as_slice(), &archive].concat()).build();
    assert_eq!((examine(&configured).1.len(), unaccounted(&configured)), (1, vec![]));
    let start = ordinary().build().len();
    let before = ordinary().overlay([noise(100), archive.clone()].concat()).build();
    assert_eq!(examine(&before).1.len(), 1);
    assert_eq!(unaccounted(&before), [format!("unaccounted.overlay@{start:#x}")]);
    let behind = ordinary().overlay([archive.clone(), noise(100)].concat()).build();
    assert_eq!(unaccounted(&behind), [format!("unaccounted.overlay@{:#x}", start + archive.len())]);
    // Several, one behind the other, as WiX has them.
    let cabinets = [cabinet(&[("a", b"b")]), cabinet(&[("c", b"d")])].concat();
    let several = ordinary().overlay(cabinets).build();
    assert_eq!((examine(&several).1.len(), unaccounted(&several)), (2, vec![]));
}

#[test]
fn what_an_archive_begins_with_makes_no_other_kind_of_it() {
    let image = pe().build();
    let mut package = py_installer(&[(b's', "main", b"code")]);
    // All that stands before belongs to the archive, as its last record says.
    let record = package.len() - 88;
    let length = (package.len() + image.len()) as u32;
    package[record + 8..record + 12].copy_from_slice(&length.to_be_bytes());
    let outer = ordinary().overlay([image, package].concat()).build();
    let (_, children) = examine(&outer);
    assert_eq!(children[0].kind, Some(FileKind::Archive(ArchiveKind::PyInstaller)));
    assert!(children[0].bytes.starts_with(b"MZ"));
    let data = ordinary().overlay(nsis(b"script", &[b"file"])).build();
    assert_eq!(examine(&data).1[0].kind, Some(FileKind::Archive(ArchiveKind::Nsis)));
}

#[test]
fn installers_by_inno_setup_are_handed_over_with_the_table_of_their_loader() {
    for version in editions() {
        let built = inno(version).file("{app}\\a.txt", b"Dear all, this is the manual.");
        for loader in [ordinary(), ordinary().signed(), ordinary().manifest("<x/>")] {
            let image = built.installer_of(loader);
            let (record, children) = examine(&image);
            assert_eq!(record.incomplete, [], "{version}");
            let [child] = children.as_slice() else { panic!("{version}: {children:?}") };
            assert_eq!((child.is_part, child.kind), (true, Some(FileKind::Archive(ArchiveKind::Inno))));
            assert!(child.name.starts_with("overlay@"), "{}", child.name);
            assert!(child.bytes.windows(12).any(|bytes| bytes == b"Inno Setup S"));
            let seen = record.evidence.iter().find(|seen| seen.indicator.as_str() == "pe.content.archive").unwrap();
            assert_eq!(seen.detail.as_str(), format!("Inno Setup {version}"));
        }
    }
}

#[test]
fn a_table_of_inno_setup_that_lies_hands_nothing_over() {
    const MARK: &[u8] = b"rDlPtS\xcd\xe6";
    let built = inno("5.5.7").file("{app}\\a.txt", b"Dear all, this is the manual.");
    let good = built.installer();
    let table = good.windows(MARK.len()).position(|bytes| bytes == MARK).unwrap();
    let size = good.len() as u32;
    // Version, size of all, program, setup data, packed files.
    let lies = [(12, 3), (16, size + 1), (16, 0), (20, 0), (20, size), (32, 7), (32, size), (36, 1)];
    for (field, number) in lies {
        let mut image = good.clone();
        image[table + field..table + field + 4].copy_from_slice(&number.to_le_bytes());
        let (record, children) = examine(&image);
        assert_eq!(children.len(), 0, "{field}: {number}");
        // It is said what it is, and that nobody accounts for it.
        assert!(record.evidence.iter().any(|seen| seen.detail.as_str() == "Inno Setup 5.5.7"));
        assert_eq!(unaccounted(&image).len(), 1, "{field}: {number}");
    }
    // What stands behind the end that it speaks of is not its own.
    let behind = [good.clone(), noise(100)].concat();
    assert_eq!((examine(&behind).1.len(), unaccounted(&behind)), (1, vec![format!("unaccounted.overlay@{size:#x}")]));
    // Another resource is no table, whatever is in it.
    let other = ordinary().resource_named(10, 11_112, good[table..table + 44].to_vec()).build();
    assert_eq!(examine(&other).1.len(), 0);
    // The pointer to a table at the end.
    let old = inno("5.0.4").installer();
    for at in 0x30..0x3c {
        let mut image = old.clone();
        image[at] ^= 1;
        assert_eq!(examine(&image).1.len(), 0, "{at:#x}");
    }
    assert_eq!(examine(&old[..old.len() - 1]).1.len(), 0);
}

#[test]
fn formats_that_nobody_opens_are_told_and_stay_unaccounted() {
    for archive in [b"Rar!\x1a\x07\x01\0 and so on".as_slice(), b"idska32\x1a and so on", b"zlb\x1a and so on"] {
        let image = ordinary().overlay(archive).build();
        let (record, children) = examine(&image);
        assert!(record.evidence.iter().any(|seen| seen.indicator.as_str() == "pe.content.archive"));
        assert_eq!((children.len(), unaccounted(&image).len()), (0, 1));
    }
}

#[test]
fn archives_in_resources_are_handed_over_as_parts() {
    let archive = cabinet(&[("setup.exe", b"hello")]);
    let image = ordinary().resource(10, archive.clone()).build();
    let (_, children) = examine(&image);
    assert_eq!((children.len(), children[0].is_part, children[0].bytes.as_ref()), (1, true, archive.as_slice()));
    assert!(children[0].name.starts_with("resource@"));
    let open = ZipBuilder::new().entry("a.bin", b"hello").build();
    check_not_seen(&ordinary().resource(10, open).build(), "pe.content.locked_archive");
    // Neither a picture nor words that look like the beginning of one.
    for other in [b"\x89PNG\r\n\x1a\n".as_slice(), b"MSC", b"7z or so"] {
        assert_eq!(examine(&ordinary().resource(10, other).build()).1.len(), 0);
    }
}
