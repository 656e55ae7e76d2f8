//! What files are: a case is a name, the bytes, and the kind they have.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

use specimens::cfb::CfbBuilder;
use specimens::zip::ZipBuilder;
use triage::{FileKind, triage};

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    assert_eq!(triage(bytes).name(), expected);
}

/// `bytes` written over zeros at each offset.
fn at(length: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut file = vec![0; length];
    for (offset, bytes) in parts {
        file[*offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    file
}

/// An MZ file whose new header, at `offset`, is that of a PE image.
fn pe(offset: usize, magic: u16, subsystem: u16, characteristics: u16, clr: u32) -> Vec<u8> {
    let directories = if magic == 0x20b { 112 } else { 96 };
    let optional = offset + 24;
    at(
        offset + 0x400,
        &[
            (0, b"MZ"),
            (0x3c, &(offset as u32).to_le_bytes()),
            (offset, b"PE\0\0\x4c\x01"),
            (offset + 22, &characteristics.to_le_bytes()),
            (optional, &magic.to_le_bytes()),
            (optional + 68, &subsystem.to_le_bytes()),
            (optional + directories - 4, &16u32.to_le_bytes()),
            (optional + directories + 14 * 8, &clr.to_le_bytes()),
        ],
    )
}

#[test]
fn pe_images_are_told_apart() {
    check(&pe(0x80, 0x10b, 3, 0x102, 0), "pe32.exe");
    check(&pe(0x80, 0x20b, 2, 0x2022, 0), "pe32+.dll");
    check(&pe(0x80, 0x10b, 3, 0x102, 0x2008), "pe32.dotnet.exe");
    check(&pe(0x80, 0x20b, 3, 0x2022, 0x2008), "pe32+.dotnet.dll");
    check(&pe(0x80, 0x20b, 10, 0x22, 0), "pe32+.efi");
    check(&pe(0x80, 0x107, 3, 0x102, 0), "pe.odd");
}

#[test]
fn a_pe_header_counts_wherever_it_lies() {
    for offset in [0x40, 0xfe0, 0xfff, 0x1000, 0x10000] {
        check(&pe(offset, 0x20b, 3, 0x22, 0), "pe32+.exe");
    }
    let inside_dos_header = at(0x200, &[(0, b"MZ"), (4, b"PE\0\0\x4c\x01"), (28, &[0x0b, 1]), (0x3c, &[4])]);
    check(&inside_dos_header, "pe32.exe");
}

#[test]
fn a_machine_is_reported() {
    let FileKind::Pe(kind) = triage(&pe(0x80, 0x10b, 3, 0x102, 0)) else { panic!("it is a PE image") };
    assert_eq!(kind.machine, 0x14c);
}

#[test]
fn a_directory_beyond_the_declared_count_does_not_make_it_dotnet() {
    let mut image = pe(0x80, 0x10b, 3, 0x102, 0x2008);
    image[0x80 + 24 + 92] = 14;
    check(&image, "pe32.exe");
}

#[test]
fn mz_without_pe_is_dos() {
    check(b"MZ\0\0", "dos.mz");
    check(&at(0x80, &[(0, b"MZ"), (0x3c, &[0xff; 4])]), "dos.mz");
    check(&at(0x80, &[(0, b"MZ"), (0x3c, &[0x40]), (0x40, b"NE")]), "dos.ne");
    check(&at(0x80, &[(0, b"MZ"), (0x3c, &[0x40]), (0x40, b"LE")]), "dos.le");
    check(&at(0x80, &[(0, b"MZ"), (0x3c, &[0x40]), (0x40, b"PE\x01\0")]), "dos.mz");
    check(b"MZ is also how a sentence may begin.\n", "text");
}

#[test]
fn elf_headers_are_read_as_far_as_they_go() {
    check(b"\x7fELF", "elf.odd");
    check(&at(64, &[(0, b"\x7fELF\x02\x01\x01"), (16, &[3, 0, 62, 0])]), "elf64.dyn");
    check(&at(64, &[(0, b"\x7fELF\x01\x02\x01"), (16, &[0, 2, 0, 8])]), "elf32.exec");
    check(&at(64, &[(0, b"\x7fELF\x02\x01\x01"), (16, &[1, 0, 62, 0])]), "elf64.rel");
    check(&at(64, &[(0, b"\x7fELF\x01\x01\x01"), (16, &[4, 0])]), "elf32.core");
    let FileKind::Elf(kind) = triage(&at(64, &[(0, b"\x7fELF\x01\x02\x01"), (16, &[0, 2, 0, 8])])) else {
        panic!("it is an ELF file")
    };
    assert_eq!((kind.machine, kind.byte_order), (8, triage::ByteOrder::Big));
}

fn zip(names: &[&str]) -> ZipBuilder {
    names.iter().fold(ZipBuilder::new(), |zip, name| zip.entry(name, b"body"))
}

#[test]
fn packages_are_told_apart_by_their_parts() {
    for (names, expected) in [
        (&["a.txt"][..], "zip"),
        (&["[Content_Types].xml", "word/document.xml"], "ooxml.docx"),
        (&["word/document.xml", "word/vbaProject.bin", "[Content_Types].xml"], "ooxml.docm"),
        (&["[Content_Types].xml", "xl/workbook.xml"], "ooxml.xlsx"),
        (&["[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"], "ooxml.xlsm"),
        (&["[Content_Types].xml", "xl/workbook.xml", "xl/macrosheets/sheet1.xml"], "ooxml.xlsm"),
        (&["[Content_Types].xml", "xl/workbook.bin", "xl/vbaProject.bin"], "ooxml.xlsb"),
        (&["[Content_Types].xml", "ppt/presentation.xml"], "ooxml.pptx"),
        (&["[Content_Types].xml", "ppt/presentation.xml", "ppt/vbaProject.bin"], "ooxml.pptm"),
        (&["[Content_Types].xml", "package.nuspec"], "ooxml"),
        (&["[content_types].XML", "Word\\document.xml"], "ooxml.docx"),
        (&["META-INF/MANIFEST.MF", "A.class"], "zip.jar"),
        (&["[Content_Types].xml", "word/document.xml", "meta-inf/manifest.mf"], "zip.jar"),
        (&["[Content_Types].xml", "META-INF/MANIFEST.MF", "A.class"], "zip.jar"),
        (&["AndroidManifest.xml", "[Content_Types].xml", "xl/workbook.xml"], "zip.apk"),
        (&["AndroidManifest.xml", "classes.dex", "META-INF/MANIFEST.MF"], "zip.apk"),
        (&["META-INF/MANIFEST.MF", "AndroidManifest.xml", "[Content_Types].xml", "word/x.xml"], "zip.apk"),
    ] {
        check(&zip(names).build(), expected);
        check(&zip(names).streamed().build(), expected);
        check(&zip(names).without_end().build(), expected);
        check(&zip(names).without_directory().build(), expected);
        check(&zip(names).declaring_entries(0).comment(&[b'c'; 65535]).build(), expected);
        check(&zip(names).declaring_directory(0, u32::MAX).streamed().build(), expected);
    }
}

#[test]
fn a_stored_mimetype_names_open_documents_and_books() {
    let with = |mimetype: &[u8]| ZipBuilder::new().entry("mimetype", mimetype).entry("a", b"").build();
    check(&with(b"application/vnd.oasis.opendocument.text"), "zip.odf");
    check(&with(b"application/epub+zip"), "zip.epub");
    check(&with(b"application/octet-stream"), "zip");
    // Names of Office beside it make no document of Office of it.
    let open = ZipBuilder::new().entry("mimetype", b"application/vnd.oasis.opendocument.text");
    check(&open.entry("[Content_Types].xml", b"").entry("word/document.xml", b"").build(), "zip.odf");
}

#[test]
fn zip_files_that_break_off_stay_zip_files() {
    check(b"PK\x03\x04", "zip");
    check(b"PK\x05\x06\0\0", "zip");
    check(&ZipBuilder::new().build(), "zip");
    let docm = zip(&["[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"]).build();
    for length in 4..docm.len() {
        let name = triage(&docm[..length]).name();
        assert!(["zip", "ooxml", "ooxml.docx", "ooxml.docm"].contains(&name), "{name} at {length}");
    }
}

#[test]
fn a_central_directory_is_believed_over_local_headers() {
    let mut file = zip(&["[Content_Types].xml", "word/document.xml"]).build();
    // The local name of the second entry is made that of a macro project; the central one stays.
    let local = file.windows(17).position(|bytes| bytes == b"word/document.xml").expect("it was just written");
    file[local..local + 17].copy_from_slice(b"x/vbaProject.bin\0");
    check(&file, "ooxml.docx");
}

#[test]
fn a_directory_behind_a_prefix_is_found() {
    let mut file = b"PK00".to_vec();
    file.extend(zip(&["[Content_Types].xml", "xl/workbook.xml"]).build());
    check(&file, "ooxml.xlsx");
}

#[test]
fn large_and_overlapping_directories_are_walked() {
    let many: Vec<String> = (0..12_000).map(|i| format!("junk/{i}.bin")).collect();
    let junk = many.iter().fold(ZipBuilder::new(), |zip, name| zip.entry(name, b""));
    check(&junk.clone().entry("[Content_Types].xml", b"").entry("word/vbaProject.bin", b"").build(), "ooxml.docm");
    check(&zip(&["[Content_Types].xml"]).overlapping("ppt/presentation.xml", 0).build(), "ooxml.pptx");
}

#[test]
fn compound_files_are_told_apart_by_their_streams() {
    for (stream, expected) in [
        ("WordDocument", "cfb.word"),
        ("Workbook", "cfb.excel"),
        ("BOOK", "cfb.excel"),
        ("PowerPoint Document", "cfb.powerpoint"),
        ("EncryptedPackage", "cfb.encrypted"),
        ("__properties_version1.0", "cfb.outlook"),
        ("\u{4840}\u{3f3f}\u{4577}", "cfb.msi"),
        ("WordDocumentary", "cfb"),
        ("Contents", "cfb"),
    ] {
        check(&CfbBuilder::new().stream(stream, b"x").build(), expected);
        check(&CfbBuilder::new().stream("\u{5}SummaryInformation", b"").stream(stream, &[0; 5000]).build(), expected);
        check(&CfbBuilder::new().stream(stream, b"x").cyclic_directory().cyclic_siblings().build(), expected);
    }
}

#[test]
fn a_class_tells_where_no_stream_does() {
    let of = |class| CfbBuilder::new().stream("Contents", b"").class(class);
    check(&of("000C1084-0000-0000-C000-000000000046").build(), "cfb.msi");
    check(&of("000C1084-0000-0000-C000-000000000046").stream("WordDocument", b"").build(), "cfb.msi");
    check(&of("00020906-0000-0000-C000-000000000046").build(), "cfb.word");
    check(&of("00020820-0000-0000-C000-000000000046").stream("WordDocument", b"").build(), "cfb.word");
    check(&of("12345678-0000-0000-C000-000000000046").build(), "cfb");
}

#[test]
fn embedded_objects_do_not_name_the_file_around_them() {
    let workbook = CfbBuilder::new().stream("ObjectPool/_1/WordDocument", b"x").stream("Workbook", b"x");
    check(&workbook.build(), "cfb.excel");
    // With a tree that leads nowhere, any name is better than none.
    check(&CfbBuilder::new().stream("A/WordDocument", b"x").build(), "cfb.word");
}

#[test]
fn long_directories_and_broken_headers_are_read_as_far_as_they_go() {
    let many = (0..400).fold(CfbBuilder::new(), |cfb, i| cfb.stream(&format!("S{i}"), b""));
    check(&many.stream("WordDocument", b"").build(), "cfb.word");
    check(&CfbBuilder::new().stream("WordDocument", b"").directory_start(u32::MAX).build(), "cfb");
    check(&CfbBuilder::new().stream("WordDocument", b"").sector_shift(0xffff).build(), "cfb.word");
    check(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "cfb");
}

#[test]
fn scripts_are_told_apart_by_their_interpreter() {
    for (line, expected) in [
        ("#!/bin/sh\n", "script.shell"),
        ("#! /usr/bin/env python3.11\n", "script.python"),
        ("#!/usr/bin/env -S LANG=C perl -w\n", "script.perl"),
        ("#!/usr/bin/ruby\n", "script.ruby"),
        ("#!/usr/bin/env node", "script.javascript"),
        ("#!/usr/bin/pwsh\n", "script.powershell"),
        ("#!/usr/bin/gawk -f\n", "script"),
        ("#!/bin/sh\r\n", "script.shell"),
        ("#![forbid(unsafe_code)]\n", "text"),
        ("#!\n", "text"),
        ("<?php echo 1;", "script.php"),
        ("<?xml version=\"1.0\"?>", "xml"),
        ("<!DocType Html>", "html"),
        ("\u{feff} \r\n<HTML>", "html"),
        ("  <script>", "html"),
        ("@Echo OFF\r\n", "script.batch"),
        (" #!/bin/sh\n", "text"),
        ("{\\rtf1\\ansi}", "rtf"),
    ] {
        check(line.as_bytes(), expected);
    }
}

#[test]
fn pdf_is_found_where_readers_find_it() {
    check(b"%PDF-1.7\n", "pdf");
    for (preamble, expected) in [(1, "pdf"), (60, "pdf"), (64, "pdf"), (1019, "pdf"), (1020, "data"), (5000, "data")] {
        let mut file = vec![0x01; preamble];
        file.extend(b"%PDF-1.4\n");
        check(&file, expected);
    }
    check(b"100 %Preamble-", "text");
}

#[test]
fn text_is_what_has_no_control_characters() {
    check("plain, ünïcode, 文字\n".as_bytes(), "text");
    check(b"caf\xe9 cr\xe8me\n", "text");
    check(b"caf\x85\x80\x99\n", "data");
    check(b"text with a \0", "data");
    check(b"\xff\xfeh\0i\0\n\0", "text");
    check(b"\xfe\xff\0h\0i", "text");
    check(b"\xfe\xff\0\0", "data");
    check("é".repeat(3000).as_bytes(), "text");
    check(format!("x{}", "é".repeat(3000)).as_bytes(), "text");
    check(&[0; 5000], "data");
    check(b"", "empty");
}

#[test]
fn short_signatures_need_their_fields() {
    check(b"BM is how a sentence may begin", "text");
    check(b"true\n", "text");
    check(b"\xca\xfe\xba\xbe\0\0\0\x02", "macho.fat");
    check(b"\xca\xfe\xba\xbe\0\0\0\x34", "java.class");
    check(b"\xca\xfe\xba\xbe\0\0\0\0", "data");
    check(&at(64, &[(0, b"BM"), (14, &[40])]), "image.bmp");
    check(&at(64, &[(0, &[0, 0, 1, 0, 1, 0, 16, 16]), (14, &[1]), (18, &[22])]), "image.icon");
    check(&at(64, &[(0, &[0, 0, 1, 0])]), "data");
    check(&at(64, &[(0, &[0, 1, 0, 0, 0, 9]), (12, b"GDEF")]), "font");
    check(&[0xff, 0xfb, 0x90, 0x44], "media.mp3");
    check(&[0x1f, 0x9d, 0x90, 0], "archive.compress");
}

#[test]
fn deep_signatures_are_looked_for() {
    check(&at(1024, &[(0, b"name"), (257, b"ustar\0")]), "archive.tar");
    // The sum of the bytes of "name" is 417 = 0o641, with eight spaces 673 = 0o1241.
    check(&at(1024, &[(0, b"name"), (148, b"001241\0 ")]), "archive.tar");
    check(&at(1024, &[(0, b"name"), (148, b"001242\0 ")]), "data");
    check(&at(40_000, &[(32769, b"CD001")]), "archive.iso9660");
    check(&at(40_000, &[(0, &[0xeb]), (510, &[0x55, 0xaa]), (32769, b"CD001")]), "archive.iso9660");
    check(&at(64, &[(0, &[0, 0, 0, 0x20]), (4, b"ftypisom")]), "media.mp4");
    check(&at(64, &[(0, &[0x22, 0x30]), (2, b"-lh5-")]), "archive.lha");
    check(&at(64, &[(7, b"**ACE**")]), "archive.ace");
}

#[test]
fn shell_links_need_the_whole_class() {
    let lnk = b"\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";
    check(lnk, "lnk");
    check(&lnk[..19], "data");
}

#[test]
fn only_the_whole_eicar_test_file_is_one() {
    let eicar = specimens::eicar();
    let followed_by = |rest: &[u8]| [&eicar[..], rest].concat();
    check(&eicar, "eicar");
    check(&followed_by(b" \t\r\n"), "eicar");
    check(&followed_by(b"\x1a"), "eicar");
    check(&followed_by(&[b' '; 60]), "eicar");
    check(&followed_by(&[b' '; 61]), "text");
    check(&followed_by(&[b' '; 8000]), "text");
    check(&followed_by(b"\r\nX"), "text");
    check(&followed_by(b"\0"), "data");
    check(&followed_by(b"%PDF-1.7"), "pdf");
    check(&eicar[..67], "text");
    check(&eicar[..27], "text");
    check(&[b" ", &eicar[..]].concat(), "text");
    check(&[&eicar[..27], &[0; 100]].concat(), "data");
    // What the rest makes of it counts, as for any file that no signature claims.
    let mut tar = followed_by(&[b' '; 189]);
    tar.extend(b"ustar");
    tar.resize(512, 0);
    check(&tar, "archive.tar");
}
