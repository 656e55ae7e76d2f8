//! The kinds of files there are, as far as this project cares.
//!
//! Fine where analyzers or operators tell files apart (a .NET DLL, a macro-enabled workbook), coarse for
//! the uninteresting rest. [`FileKind::name`] is an API: reports, metrics and filters key on it.

use serde::{Deserialize, Serialize};

/// File type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum FileKind {
    /// No bytes at all.
    Empty,
    /// The EICAR anti-virus test file.
    Eicar,
    /// A PE/COFF image.
    Pe(PeKind),
    /// An MZ executable that is not a PE: plain DOS, NE, LE or LX.
    Dos(DosKind),
    /// An ELF file.
    Elf(ElfKind),
    /// A Mach-O image, thin.
    MachO,
    /// A universal (fat) Mach-O.
    MachOFat,
    /// Dalvik bytecode.
    Dex,
    /// A compiled Java class.
    JavaClass,
    /// A WebAssembly module.
    Wasm,
    /// An MS-CFB compound file ("OLE").
    Cfb(CfbKind),
    /// An Office Open XML package.
    Ooxml(OoxmlKind),
    /// A ZIP that is not an Office Open XML package.
    Zip(ZipKind),
    /// Rich Text Format.
    Rtf,
    /// Portable Document Format.
    Pdf,
    /// A Windows shell link (MS-SHLLINK).
    Lnk,
    /// Text with a known interpreter.
    Script(ScriptKind),
    /// A container or compressed stream other than ZIP.
    Archive(ArchiveKind),
    /// A picture.
    Image(ImageKind),
    /// A font.
    Font,
    /// Sound or moving pictures.
    Media(MediaKind),
    /// Text of no known interpreter.
    Text,
    /// Unknown data.
    Data,
}

/// Optional header of a PE image.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PeBits {
    /// Magic 0x10b.
    Pe32,
    /// Magic 0x20b.
    Pe32Plus,
    /// Neither: a ROM image, or a header made to confuse.
    Odd,
}

/// Type of a PE image by its headers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct PeKind {
    /// The optional header.
    pub bits: PeBits,
    /// Whether it has a CLR header (data directory 14).
    pub dotnet: bool,
    /// Whether its subsystem is one of the four EFI ones (10 to 13).
    pub efi: bool,
    /// `IMAGE_FILE_DLL` is set.
    pub dll: bool,
    /// `IMAGE_FILE_HEADER.Machine`.
    pub machine: u16,
}

/// Type of an MZ executable without `PE\0\0`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum DosKind {
    /// A DOS program, or `e_lfanew` points nowhere.
    Mz,
    /// 16-bit Windows or OS/2.
    Ne,
    /// VxD or OS/2 2.x.
    Le,
}

/// 32 or 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum WordSize {
    /// `ELFCLASS32`.
    W32,
    /// `ELFCLASS64`.
    W64,
    /// `EI_CLASS` is neither.
    Odd,
}

/// Byte order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ByteOrder {
    /// `ELFDATA2LSB`.
    Little,
    /// `ELFDATA2MSB`.
    Big,
    /// `EI_DATA` is neither.
    Odd,
}

/// `e_type`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ElfType {
    /// `ET_REL`: an object file or kernel module.
    Relocatable,
    /// `ET_EXEC`: a program at a fixed address.
    Executable,
    /// `ET_DYN`: a shared object or position-independent program.
    Dynamic,
    /// `ET_CORE`.
    Core,
    /// Anything else.
    Other,
}

/// Type of an ELF file by its identification and header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ElfKind {
    /// `EI_CLASS`.
    pub word_size: WordSize,
    /// `EI_DATA`.
    pub byte_order: ByteOrder,
    /// `e_type`.
    pub elf_type: ElfType,
    /// `e_machine`.
    pub machine: u16,
}

/// Application of a compound file, by the names of its streams.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum CfbKind {
    /// A `WordDocument` stream.
    Word,
    /// A `Workbook` or `Book` stream.
    Excel,
    /// A `PowerPoint Document` stream.
    PowerPoint,
    /// A Windows Installer database.
    Msi,
    /// An Outlook message.
    Outlook,
    /// An `EncryptedPackage`: an encrypted Office Open XML document.
    Encrypted,
    /// Anything else, or a directory that cannot be read.
    Other,
}

/// Type of an Office Open XML document, by the parts in its central directory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum OoxmlKind {
    /// Word, no VBA project part.
    Docx,
    /// Word with a VBA project.
    Docm,
    /// Excel, no macros.
    Xlsx,
    /// Excel with a VBA project or a macro sheet.
    Xlsm,
    /// Excel with a binary workbook part.
    Xlsb,
    /// PowerPoint, no VBA project part.
    Pptx,
    /// PowerPoint with a VBA project.
    Pptm,
    /// Another package with `[Content_Types].xml`: Visio, XPS, NuGet, MSIX.
    Other,
}

/// Type of a ZIP that is not an Office Open XML package.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ZipKind {
    /// No more is known.
    Plain,
    /// `META-INF/MANIFEST.MF`.
    Jar,
    /// `AndroidManifest.xml`.
    Apk,
    /// OpenDocument: a stored `mimetype` of `application/vnd.oasis.opendocument`.
    Odf,
    /// A stored `mimetype` of `application/epub+zip`.
    Epub,
}

/// Interpreter of a script.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ScriptKind {
    /// sh, bash, dash, ksh, zsh.
    Shell,
    /// Python.
    Python,
    /// Perl.
    Perl,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// JavaScript under node or Windows Script Host, when a shebang says so.
    JavaScript,
    /// A Windows batch file.
    Batch,
    /// PowerShell, when a shebang says so.
    PowerShell,
    /// HTML or an HTML application.
    Html,
    /// XML.
    Xml,
    /// A shebang of any other interpreter.
    Other,
}

/// Format of an archive or compressed stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ArchiveKind {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    Lz4,
    Lzip,
    Compress,
    SevenZip,
    Rar,
    Tar,
    Cpio,
    Ar,
    Cab,
    Iso9660,
    Rpm,
    Arj,
    Lha,
    Ace,
    Chm,
    SquashFs,
    Xar,
    Crx,
}

/// Image format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ImageKind {
    Png,
    Jpeg,
    Gif,
    Bmp,
    Tiff,
    WebP,
    Icon,
    Psd,
    Other,
}

/// Audio or video format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum MediaKind {
    Riff,
    Ogg,
    Mp3,
    Mp4,
    Flac,
    Matroska,
    Other,
}

/// Coarse kinds: what weights are calibrated for and operators think in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Family {
    /// PE images.
    Pe,
    /// ELF files.
    Elf,
    /// Office documents: CFB, Office Open XML, RTF.
    Office,
    /// Everything else.
    Other,
}

impl Family {
    /// Every family there is.
    pub const ALL: [Family; 4] = [Family::Pe, Family::Elf, Family::Office, Family::Other];

    /// The name used in weights, reports and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Family::Pe => "pe",
            Family::Elf => "elf",
            Family::Office => "office",
            Family::Other => "other",
        }
    }
}

impl FileKind {
    /// The coarse kind.
    pub fn family(self) -> Family {
        match self {
            FileKind::Pe(_) => Family::Pe,
            FileKind::Elf(_) => Family::Elf,
            FileKind::Cfb(kind) => match kind {
                CfbKind::Word | CfbKind::Excel | CfbKind::PowerPoint | CfbKind::Encrypted | CfbKind::Other => {
                    Family::Office
                }
                CfbKind::Msi | CfbKind::Outlook => Family::Other,
            },
            FileKind::Ooxml(_) | FileKind::Rtf => Family::Office,
            FileKind::Empty
            | FileKind::Eicar
            | FileKind::Dos(_)
            | FileKind::MachO
            | FileKind::MachOFat
            | FileKind::Dex
            | FileKind::JavaClass
            | FileKind::Wasm
            | FileKind::Zip(_)
            | FileKind::Pdf
            | FileKind::Lnk
            | FileKind::Script(_)
            | FileKind::Archive(_)
            | FileKind::Image(_)
            | FileKind::Font
            | FileKind::Media(_)
            | FileKind::Text
            | FileKind::Data => Family::Other,
        }
    }

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
