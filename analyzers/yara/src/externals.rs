//! The variables of LOKI and THOR: what rules may ask beside the bytes.
//!
//! As both define them: `filename` is the name, `filepath` the directory, `extension` has its dot and is in lower case,
//! and `filetype` is the file type by its first bytes, in the terms of signature-base
//! (`misc/file-type-signatures.txt`). The proofs (`guard`, `required_patterns.rs`) do not depend on them: an
//! expression that is not understood may be true for every file.

use analyzers::{FilePath, Sample};
use triage::{ArchiveKind, CfbKind, FileKind, ImageKind, ScriptKind, ZipKind};
use yara_x::Scanner;

/// Every variable there is. The last one is of the file system, which is not asked.
pub(crate) const VARIABLES: [&str; 5] = ["filename", "filepath", "extension", "filetype", "owner"];

/// Sets all external variables of a scanner, so that none keeps its value from the file before.
pub(crate) fn tell(scanner: &mut Scanner<'_>, path: &FilePath, sample: Sample<'_>) {
    let values = [
        path.file_name().to_owned(),
        path.directory().to_owned(),
        path.extension(),
        file_type(sample.kind, sample.bytes).to_owned(),
    ];
    for (variable, value) in VARIABLES.into_iter().zip(values) {
        scanner.set_global(variable, value).expect("the compiler defines every one of them as a text");
    }
}

/// File type in the terms of signature-base; empty if it has none.
fn file_type(kind: FileKind, bytes: &[u8]) -> &'static str {
    match kind {
        FileKind::Pe(_) | FileKind::Dos(_) => "EXE",
        FileKind::Elf(_) => "ELF",
        FileKind::MachO | FileKind::MachOFat => "MACH-O",
        FileKind::JavaClass => "Java Class",
        FileKind::Cfb(CfbKind::Encrypted | CfbKind::Word | CfbKind::Excel | CfbKind::PowerPoint)
        | FileKind::Cfb(CfbKind::Msi | CfbKind::Outlook | CfbKind::Other) => "OLE",
        FileKind::Ooxml(_) => "Office",
        FileKind::Zip(ZipKind::Jar) => "JAR",
        FileKind::Zip(_) => "ZIP",
        FileKind::Rtf => "RTF",
        FileKind::Pdf => "PDF",
        FileKind::Lnk => "LNK",
        FileKind::Script(script) => script_type(script, bytes),
        FileKind::Archive(archive) => archive_type(archive),
        FileKind::Image(ImageKind::Jpeg) => "JPEG",
        FileKind::Image(ImageKind::Gif) => "GIF",
        FileKind::Image(ImageKind::Png) => "PNG",
        FileKind::Image(_) | FileKind::Font | FileKind::Media(_) | FileKind::Dex | FileKind::Wasm => "",
        FileKind::Empty | FileKind::Eicar | FileKind::Text | FileKind::Data => by_beginning(bytes),
    }
}

fn script_type(script: ScriptKind, bytes: &[u8]) -> &'static str {
    match script {
        ScriptKind::Php => "PHP",
        ScriptKind::Batch => "BATCH",
        ScriptKind::Python => "Python",
        ScriptKind::PowerShell => "PowerShell",
        ScriptKind::Xml => "XML",
        ScriptKind::Shell | ScriptKind::Perl | ScriptKind::Ruby | ScriptKind::JavaScript | ScriptKind::Other => {
            if bytes.starts_with(b"#!") { "UNIX SCRIPT" } else { by_beginning(bytes) }
        }
        ScriptKind::Html => by_beginning(bytes),
    }
}

fn archive_type(archive: ArchiveKind) -> &'static str {
    match archive {
        ArchiveKind::Gzip => "GZIP",
        ArchiveKind::Bzip2 => "BZip2",
        ArchiveKind::SevenZip => "7Zip",
        ArchiveKind::Rar => "RAR",
        ArchiveKind::Tar => "TAR",
        ArchiveKind::Cab => "CAB",
        ArchiveKind::Compress => "TARZ",
        _ => "",
    }
}

/// Kinds that triage does not tell, by what they begin with.
fn by_beginning(bytes: &[u8]) -> &'static str {
    let kinds: [(&[u8], &str); 12] = [
        (b"MZ", "EXE"),
        (b"\x7fE", "ELF"),
        (b"MDMP", "MDMP"),
        (b"regf", "Registry Hive"),
        (b"ElfFil", "EVTX"),
        (b"FILE", "NTFS MFT"),
        (b"FWS", "SWF"),
        (b"CWS", "SWF"),
        (b"ZWS", "SWF"),
        (b"<%@", "ASP"),
        (b"<%", "JSP"),
        (b"@echo", "BATCH"),
    ];
    kinds.into_iter().find(|(beginning, _)| bytes.starts_with(beginning)).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(file_type(triage::triage(bytes), bytes), expected, "{:?}", bytes.get(..16));
    }

    #[test]
    fn kinds_have_the_words_of_signature_base() {
        check(&specimens::pe::pe().build(), "EXE");
        check(b"MZ and no more", "EXE");
        check(&specimens::elf::elf().build(), "ELF");
        check(&specimens::ooxml::docx().build(), "Office");
        check(&specimens::zip::ZipBuilder::new().entry("a", b"b").build(), "ZIP");
        check(&specimens::cfb::CfbBuilder::new().stream("a", b"b").build(), "OLE");
        check(b"{\\rtf1 }", "RTF");
        check(b"%PDF-1.7", "PDF");
        check(b"<?php eval(1);", "PHP");
        check(b"#!/bin/sh\n", "UNIX SCRIPT");
        check(b"@echo off\r\n", "BATCH");
        check(b"MDMP\x93\xa7", "MDMP");
        check(b"plain text", "");
        check(b"", "");
    }
}
