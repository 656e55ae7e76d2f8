//! What kinds of files are called.

use super::{
    ArchiveKind, CfbKind, DosKind, ElfKind, ElfType, Family, FileKind, ImageKind, MediaKind, OoxmlKind, PeBits, PeKind,
    ScriptKind, WordSize, ZipKind,
};

impl Family {
    /// The name used in weights, reports and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Family::Pe => "pe",
            Family::Elf => "elf",
            Family::Office => "office",
            Family::Other => "other",
        }
    }

    /// The family of a kind of this name ([`FileKind::name`]): for what was written down by name.
    pub fn of_kind(name: &str) -> Family {
        let (class, of) = name.split_once('.').unwrap_or((name, ""));
        match class {
            "pe" | "pe32" | "pe32+" => Family::Pe,
            "elf" | "elf32" | "elf64" => Family::Elf,
            "cfb" if matches!(of, "msi" | "outlook") => Family::Other,
            "cfb" | "ooxml" | "rtf" => Family::Office,
            _ => Family::Other,
        }
    }
}

impl FileKind {
    /// The name of the kind, lower case, stable: `pe32+.dotnet.dll`, `elf64.dyn`, `ooxml.docm`.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Empty => "empty",
            FileKind::Eicar => "eicar",
            FileKind::Pe(kind) => kind.name(),
            FileKind::Dos(DosKind::Mz) => "dos.mz",
            FileKind::Dos(DosKind::Ne) => "dos.ne",
            FileKind::Dos(DosKind::Le) => "dos.le",
            FileKind::Elf(kind) => kind.name(),
            FileKind::MachO => "macho",
            FileKind::MachOFat => "macho.fat",
            FileKind::Dex => "dex",
            FileKind::JavaClass => "java.class",
            FileKind::Wasm => "wasm",
            FileKind::Cfb(kind) => match kind {
                CfbKind::Word => "cfb.word",
                CfbKind::Excel => "cfb.excel",
                CfbKind::PowerPoint => "cfb.powerpoint",
                CfbKind::Msi => "cfb.msi",
                CfbKind::Outlook => "cfb.outlook",
                CfbKind::Encrypted => "cfb.encrypted",
                CfbKind::Other => "cfb",
            },
            FileKind::Ooxml(kind) => match kind {
                OoxmlKind::Docx => "ooxml.docx",
                OoxmlKind::Docm => "ooxml.docm",
                OoxmlKind::Xlsx => "ooxml.xlsx",
                OoxmlKind::Xlsm => "ooxml.xlsm",
                OoxmlKind::Xlsb => "ooxml.xlsb",
                OoxmlKind::Pptx => "ooxml.pptx",
                OoxmlKind::Pptm => "ooxml.pptm",
                OoxmlKind::Other => "ooxml",
            },
            FileKind::Zip(kind) => match kind {
                ZipKind::Plain => "zip",
                ZipKind::Jar => "zip.jar",
                ZipKind::Apk => "zip.apk",
                ZipKind::Odf => "zip.odf",
                ZipKind::Epub => "zip.epub",
            },
            FileKind::Rtf => "rtf",
            FileKind::Pdf => "pdf",
            FileKind::Lnk => "lnk",
            FileKind::Script(kind) => match kind {
                ScriptKind::Shell => "script.shell",
                ScriptKind::Python => "script.python",
                ScriptKind::Perl => "script.perl",
                ScriptKind::Ruby => "script.ruby",
                ScriptKind::Php => "script.php",
                ScriptKind::JavaScript => "script.javascript",
                ScriptKind::Batch => "script.batch",
                ScriptKind::PowerShell => "script.powershell",
                ScriptKind::Html => "html",
                ScriptKind::Xml => "xml",
                ScriptKind::Other => "script",
            },
            FileKind::Archive(kind) => match kind {
                ArchiveKind::Gzip => "archive.gzip",
                ArchiveKind::Bzip2 => "archive.bzip2",
                ArchiveKind::Xz => "archive.xz",
                ArchiveKind::Zstd => "archive.zstd",
                ArchiveKind::Lz4 => "archive.lz4",
                ArchiveKind::Lzip => "archive.lzip",
                ArchiveKind::Compress => "archive.compress",
                ArchiveKind::SevenZip => "archive.7z",
                ArchiveKind::Rar => "archive.rar",
                ArchiveKind::Tar => "archive.tar",
                ArchiveKind::Cpio => "archive.cpio",
                ArchiveKind::Ar => "archive.ar",
                ArchiveKind::Cab => "archive.cab",
                ArchiveKind::Iso9660 => "archive.iso9660",
                ArchiveKind::Rpm => "archive.rpm",
                ArchiveKind::Arj => "archive.arj",
                ArchiveKind::Lha => "archive.lha",
                ArchiveKind::Ace => "archive.ace",
                ArchiveKind::Chm => "archive.chm",
                ArchiveKind::SquashFs => "archive.squashfs",
                ArchiveKind::Xar => "archive.xar",
                ArchiveKind::Crx => "archive.crx",
                ArchiveKind::Nsis => "archive.nsis",
                ArchiveKind::Inno => "archive.inno",
                ArchiveKind::PyInstaller => "archive.pyinstaller",
            },
            FileKind::Image(kind) => match kind {
                ImageKind::Png => "image.png",
                ImageKind::Jpeg => "image.jpeg",
                ImageKind::Gif => "image.gif",
                ImageKind::Bmp => "image.bmp",
                ImageKind::Tiff => "image.tiff",
                ImageKind::WebP => "image.webp",
                ImageKind::Icon => "image.icon",
                ImageKind::Psd => "image.psd",
                ImageKind::Other => "image",
            },
            FileKind::Font => "font",
            FileKind::Media(kind) => match kind {
                MediaKind::Riff => "media.riff",
                MediaKind::Ogg => "media.ogg",
                MediaKind::Mp3 => "media.mp3",
                MediaKind::Mp4 => "media.mp4",
                MediaKind::Flac => "media.flac",
                MediaKind::Matroska => "media.matroska",
                MediaKind::Other => "media",
            },
            FileKind::Text => "text",
            FileKind::Data => "data",
        }
    }
}

impl PeKind {
    fn name(self) -> &'static str {
        match (self.bits, self.efi, self.dotnet, self.dll) {
            (PeBits::Pe32, true, _, _) => "pe32.efi",
            (PeBits::Pe32Plus, true, _, _) => "pe32+.efi",
            (PeBits::Pe32, false, true, false) => "pe32.dotnet.exe",
            (PeBits::Pe32, false, true, true) => "pe32.dotnet.dll",
            (PeBits::Pe32, false, false, false) => "pe32.exe",
            (PeBits::Pe32, false, false, true) => "pe32.dll",
            (PeBits::Pe32Plus, false, true, false) => "pe32+.dotnet.exe",
            (PeBits::Pe32Plus, false, true, true) => "pe32+.dotnet.dll",
            (PeBits::Pe32Plus, false, false, false) => "pe32+.exe",
            (PeBits::Pe32Plus, false, false, true) => "pe32+.dll",
            (PeBits::Odd, _, _, _) => "pe.odd",
        }
    }
}

impl ElfKind {
    fn name(self) -> &'static str {
        match (self.word_size, self.elf_type) {
            (WordSize::W32, ElfType::Relocatable) => "elf32.rel",
            (WordSize::W32, ElfType::Executable) => "elf32.exec",
            (WordSize::W32, ElfType::Dynamic) => "elf32.dyn",
            (WordSize::W32, ElfType::Core) => "elf32.core",
            (WordSize::W32, ElfType::Other) => "elf32",
            (WordSize::W64, ElfType::Relocatable) => "elf64.rel",
            (WordSize::W64, ElfType::Executable) => "elf64.exec",
            (WordSize::W64, ElfType::Dynamic) => "elf64.dyn",
            (WordSize::W64, ElfType::Core) => "elf64.core",
            (WordSize::W64, ElfType::Other) => "elf64",
            (WordSize::Odd, _) => "elf.odd",
        }
    }
}

impl std::fmt::Display for FileKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_family_of_its_kind() {
        let pe = |bits, efi, dotnet, dll| FileKind::Pe(PeKind { bits, efi, dotnet, dll, machine: 0 });
        let documents = [CfbKind::Word, CfbKind::Msi, CfbKind::Outlook, CfbKind::Encrypted, CfbKind::Other];
        let kinds = crate::magic::MAGICS.iter().map(|magic| magic.kind);
        let kinds = kinds.chain(documents.map(FileKind::Cfb)).chain([
            pe(PeBits::Pe32, true, false, false),
            pe(PeBits::Pe32Plus, false, true, true),
            pe(PeBits::Odd, false, false, false),
            FileKind::Ooxml(OoxmlKind::Docm),
            FileKind::Text,
            FileKind::Data,
        ]);
        for kind in kinds {
            assert_eq!(Family::of_kind(kind.name()), kind.family(), "{kind}");
        }
        assert_eq!(Family::of_kind("perl"), Family::Other);
    }
}
