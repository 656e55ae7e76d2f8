//! The kinds of files there are, as far as this project cares.
//!
//! Fine where analyzers or operators tell files apart (a .NET DLL, a macro-enabled workbook), coarse for
//! the uninteresting rest. [`FileKind::name`] is an API: reports, metrics and filters key on it.

mod names;

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
    /// The data of an installer by NSIS, as it stands behind its program.
    Nsis,
    /// The data of an installer by Inno Setup, from or up to the table of its loader.
    Inno,
    /// The archive of a program packed by PyInstaller (CArchive), as it stands behind its loader.
    PyInstaller,
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
}
