//! The table of signatures: what the first bytes of a file claim it to be.
//!
//! One table, [`MAGICS`], in order of precedence: where two rows match, the earlier one speaks. A row is at
//! most 16 bytes long, so that one SSE2 compare decides it (see `compare.rs`). A signature alone is a claim;
//! [`Confirm`] names the structure that has to stand behind it before [`crate::triage()`] believes it.
//!
//! Signatures deeper than 64 bytes (tar at 257, ISO 9660 at 32769) are not in the table: `unclaimed.rs` searches for
//! them in files without a known signature.

use crate::kind::{
    ArchiveKind, ByteOrder, CfbKind, ElfKind, ElfType, Family, FileKind, ImageKind, MediaKind, OoxmlKind, PeBits,
    PeKind, ScriptKind, WordSize,
};
use crate::signature::{Confirm, Magic, ShortSignature};

/// Number of bytes that [`magic`](crate::magic()) uses.
pub const MAGIC_BYTES: usize = 64;

/// What the head of a file claims to be: a row of [`MAGICS`], or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate(u8);

impl Candidate {
    /// No row of the table matches. The file may still be text, a script after white space, tar,
    /// ISO 9660 or a PDF with a preamble: nothing of the families PE, ELF and Office.
    pub const NONE: Candidate = Candidate(u8::MAX);

    /// The candidate of row `index` of [`MAGICS`].
    pub(crate) const fn row_at(index: u8) -> Candidate {
        Candidate(index)
    }

    /// The row that matched.
    pub fn row(self) -> Option<&'static Magic> {
        MAGICS.get(usize::from(self.0))
    }

    /// The most the file can turn out to be: for MZ a PE image with nothing known of it, for every ZIP an
    /// Office Open XML package. Structure may lower the claim ([`crate::triage()`]), never raise it.
    pub fn kind(self) -> Option<FileKind> {
        self.row().map(|row| row.kind)
    }

    /// The family the file can at most belong to. A file of the families PE, ELF and Office always has a
    /// candidate of its family, so whoever wants only these may decline on this answer.
    pub fn family(self) -> Family {
        self.kind().map_or(Family::Other, FileKind::family)
    }
}

/// A PE image of which nothing has been read yet.
const PE_UNREAD: FileKind =
    FileKind::Pe(PeKind { bits: PeBits::Odd, dotnet: false, efi: false, dll: false, machine: 0 });
/// An ELF file of which nothing has been read yet.
const ELF_UNREAD: FileKind = FileKind::Elf(ElfKind {
    word_size: WordSize::Odd,
    byte_order: ByteOrder::Odd,
    elf_type: ElfType::Other,
    machine: 0,
});

const ALL: &[u8; 16] = &[0xff; 16];

/// A row that believes the signature, or asks for a confirmation, all bits of it mattering.
const fn row(offset: usize, bytes: &'static [u8], kind: FileKind, confirm: Confirm, spec: &'static str) -> Magic {
    masked(offset, bytes, ALL.split_at(bytes.len()).0, kind, confirm, spec)
}

/// A row of which only the bits in `mask` matter.
const fn masked(
    offset: usize,
    bytes: &'static [u8],
    mask: &'static [u8],
    kind: FileKind,
    confirm: Confirm,
    spec: &'static str,
) -> Magic {
    assert!(bytes.len() >= 2 && bytes.len() <= 16 && bytes.len() == mask.len());
    assert!(mask[0] == 0xff && offset + 16 <= MAGIC_BYTES);
    let mut i = 0;
    while i < bytes.len() {
        assert!(bytes[i] & !mask[i] == 0, "a bit that the mask clears can never match");
        i += 1;
    }
    Magic { offset, bytes, mask, kind, confirm, spec }
}

const fn archive(bytes: &'static [u8], kind: ArchiveKind, spec: &'static str) -> Magic {
    row(0, bytes, FileKind::Archive(kind), Confirm::Signature, spec)
}

const fn image(bytes: &'static [u8], kind: ImageKind, spec: &'static str) -> Magic {
    row(0, bytes, FileKind::Image(kind), Confirm::Signature, spec)
}

const fn media(bytes: &'static [u8], kind: MediaKind, spec: &'static str) -> Magic {
    row(0, bytes, FileKind::Media(kind), Confirm::Signature, spec)
}

const fn font(bytes: &'static [u8], spec: &'static str) -> Magic {
    row(0, bytes, FileKind::Font, Confirm::Signature, spec)
}

const fn fields(bytes: &'static [u8], kind: FileKind, fields: ShortSignature, spec: &'static str) -> Magic {
    row(0, bytes, kind, Confirm::Fields(fields), spec)
}

/// A box of ISO base media at the start of a file. Its first four bytes are its length, which for a first
/// box is below 16 MiB: that gives the row a first byte to be found by.
const fn media_box(bytes: &'static [u8; 8]) -> Magic {
    const LENGTH_FREE: &[u8] = &[0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    let spec = "ISO/IEC 14496-12 4.2, box header; QuickTime File Format, \"Atoms\"";
    masked(0, bytes, LENGTH_FREE, FileKind::Media(MediaKind::Mp4), Confirm::Signature, spec)
}

/// A chunk file: four bytes of name, four of length, four of form.
const fn chunked(bytes: &'static [u8; 12], kind: FileKind, spec: &'static str) -> Magic {
    const LENGTH_FREE: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    masked(0, bytes, LENGTH_FREE, kind, Confirm::Signature, spec)
}

/// The mask that ignores the case of the letters in `bytes`, and of nothing else. The first byte is exact.
const fn any_case<const N: usize>(bytes: &[u8; N]) -> [u8; N] {
    let mut mask = [0xff; N];
    let mut i = 1;
    while i < N {
        if bytes[i].is_ascii_uppercase() {
            mask[i] = 0xdf;
        }
        i += 1;
    }
    mask
}

/// Markup or a command at the start of a text: written here in capitals, matched in either case.
macro_rules! script {
    ($bytes:literal, $kind:expr, $spec:expr) => {
        masked(0, $bytes, &const { any_case($bytes) }, FileKind::Script($kind), Confirm::Signature, $spec)
    };
}

const HTML: &str = "WHATWG MIME Sniffing 7.1, table of HTML tags";
const MACHO: &str = "Apple mach-o/loader.h, MH_MAGIC and its kin";
const ZIP_SPEC: &str = "PKWARE APPNOTE 4.3";
const RIFF: &str = "Microsoft/IBM Multimedia Programming Interface 1.0, RIFF";
const BZIP2: &str = "bzip2 1.0.8 decompress.c, BZ_HDR and the block magic";
const CPIO: &str = "cpio(5), odc and newc headers";
const WOFF: &str = "W3C WOFF 1.0 section 3, WOFF 2.0 section 4.1";

/// Every signature there is, in order of precedence; rows with a larger offset come later.
pub const MAGICS: &[Magic] = &[
    // Programs.
    row(0, b"MZ", PE_UNREAD, Confirm::Pe, "PE Format, \"MS-DOS Stub\""),
    row(0, b"\x7fELF", ELF_UNREAD, Confirm::Elf, "System V ABI (gABI), \"ELF Identification\""),
    row(0, &[0xfe, 0xed, 0xfa, 0xce], FileKind::MachO, Confirm::Signature, MACHO),
    row(0, &[0xfe, 0xed, 0xfa, 0xcf], FileKind::MachO, Confirm::Signature, MACHO),
    row(0, &[0xce, 0xfa, 0xed, 0xfe], FileKind::MachO, Confirm::Signature, MACHO),
    row(0, &[0xcf, 0xfa, 0xed, 0xfe], FileKind::MachO, Confirm::Signature, MACHO),
    row(0, &[0xca, 0xfe, 0xba, 0xbe], FileKind::JavaClass, Confirm::CafeBabe, "JVM Specification 4.1; mach-o/fat.h"),
    row(0, &[0xca, 0xfe, 0xba, 0xbf, 0, 0, 0], FileKind::MachOFat, Confirm::Signature, "mach-o/fat.h, FAT_MAGIC_64"),
    masked(
        0,
        b"dex\n0\0\0\0",
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff],
        FileKind::Dex,
        Confirm::Signature,
        "Android Dalvik Executable format, DEX_FILE_MAGIC",
    ),
    row(0, b"\0asm", FileKind::Wasm, Confirm::Signature, "WebAssembly Core 5.5.16, modules"),
    row(0, b"X5O!P%@AP[4\\PZX5", FileKind::Eicar, Confirm::Eicar, "EICAR anti-malware test file"),
    // Documents.
    row(
        0,
        &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1],
        FileKind::Cfb(CfbKind::Other),
        Confirm::Cfb,
        "MS-CFB 2.2, Header Signature",
    ),
    row(0, b"PK\x03\x04", FileKind::Ooxml(OoxmlKind::Other), Confirm::Zip, ZIP_SPEC),
    row(0, b"PK\x05\x06", FileKind::Ooxml(OoxmlKind::Other), Confirm::Zip, ZIP_SPEC),
    row(0, b"PK\x07\x08PK\x03\x04", FileKind::Ooxml(OoxmlKind::Other), Confirm::Zip, ZIP_SPEC),
    row(0, b"PK00PK\x03\x04", FileKind::Ooxml(OoxmlKind::Other), Confirm::Zip, "PKWARE APPNOTE 8.5.4"),
    row(0, b"{\\rt", FileKind::Rtf, Confirm::Signature, "RTF 1.9.1, \\rtfN; Word reads shorter versions of it too"),
    row(0, b"%PDF-", FileKind::Pdf, Confirm::Signature, "ISO 32000-1 7.5.2, file header"),
    row(
        0,
        &[0x4c, 0, 0, 0, 1, 0x14, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0],
        FileKind::Lnk,
        Confirm::Lnk,
        "MS-SHLLINK 2.1, HeaderSize and LinkCLSID",
    ),
    row(0, b"ITSF\x03\0\0\0", FileKind::Archive(ArchiveKind::Chm), Confirm::Signature, "chmlib, ITSF header version 3"),
    // Text with an interpreter. AMR sound begins like a shebang and comes first.
    media(b"#!AMR", MediaKind::Other, "RFC 4867 section 5.1"),
    row(0, b"#!", FileKind::Script(ScriptKind::Other), Confirm::Shebang, "execve(2), interpreter scripts"),
    script!(b"<?PHP", ScriptKind::Php, "PHP manual, PHP tags"),
    script!(b"<?XML", ScriptKind::Xml, "XML 1.0 section 2.8"),
    script!(b"<!DOCTYPE HTML", ScriptKind::Html, HTML),
    script!(b"<HTML", ScriptKind::Html, HTML),
    script!(b"<HEAD", ScriptKind::Html, HTML),
    script!(b"<BODY", ScriptKind::Html, HTML),
    script!(b"<SCRIPT", ScriptKind::Html, HTML),
    script!(b"<IFRAME", ScriptKind::Html, HTML),
    script!(b"<TITLE", ScriptKind::Html, HTML),
    script!(b"<HTA", ScriptKind::Html, "Microsoft HTML Applications, HTA:APPLICATION"),
    script!(b"<SVG", ScriptKind::Xml, "SVG 1.1 section 5.1"),
    script!(b"@ECHO", ScriptKind::Batch, "Windows command reference, echo"),
    script!(b"@REM", ScriptKind::Batch, "Windows command reference, rem"),
    // Containers and compressed streams.
    archive(&[0x1f, 0x8b, 8], ArchiveKind::Gzip, "RFC 1952 section 2.3.1"),
    masked(
        0,
        b"BZh01AY&SY",
        &[0xff, 0xff, 0xff, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        FileKind::Archive(ArchiveKind::Bzip2),
        Confirm::Signature,
        BZIP2,
    ),
    masked(
        0,
        b"BZh0\x17\x72\x45\x38\x50\x90",
        &[0xff, 0xff, 0xff, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        FileKind::Archive(ArchiveKind::Bzip2),
        Confirm::Signature,
        BZIP2,
    ),
    archive(&[0xfd, b'7', b'z', b'X', b'Z', 0], ArchiveKind::Xz, "The .xz File Format 1.2 section 2.1.1.1"),
    archive(&[0x28, 0xb5, 0x2f, 0xfd], ArchiveKind::Zstd, "RFC 8878 section 3.1.1"),
    archive(&[0x04, 0x22, 0x4d, 0x18], ArchiveKind::Lz4, "LZ4 Frame Format 1.6"),
    archive(&[0x02, 0x21, 0x4c, 0x18], ArchiveKind::Lz4, "LZ4 Frame Format 1.6, legacy frame"),
    archive(b"LZIP\x01", ArchiveKind::Lzip, "lzip manual, file format version 1"),
    fields(
        &[0x1f, 0x9d],
        FileKind::Archive(ArchiveKind::Compress),
        ShortSignature::Compress,
        "ncompress compress42.c, MAGIC_1 and MAGIC_2",
    ),
    archive(&[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c], ArchiveKind::SevenZip, "7zFormat.txt, SignatureHeader"),
    archive(b"Rar!\x1a\x07", ArchiveKind::Rar, "RAR 5.0 archive format, signature; RAR 1.5 alike"),
    archive(b"RE~^", ArchiveKind::Rar, "unrar archive.cpp, RAR 1.4 signature"),
    archive(b"070701", ArchiveKind::Cpio, CPIO),
    archive(b"070702", ArchiveKind::Cpio, CPIO),
    archive(b"070707", ArchiveKind::Cpio, CPIO),
    fields(
        &[0xc7, 0x71],
        FileKind::Archive(ArchiveKind::Cpio),
        ShortSignature::CpioBinary,
        "cpio(5), old binary format",
    ),
    archive(b"!<arch>\n", ArchiveKind::Ar, "ar.h, ARMAG"),
    archive(b"!<thin>\n", ArchiveKind::Ar, "GNU binutils, thin archives"),
    archive(b"MSCF\0\0\0\0", ArchiveKind::Cab, "MS-CAB 2.1, CFHEADER"),
    archive(b"ISc(", ArchiveKind::Cab, "unshield, CAB_SIGNATURE: InstallShield cabinet"),
    archive(&[0xed, 0xab, 0xee, 0xdb], ArchiveKind::Rpm, "RPM package format, lead"),
    fields(
        &[0x60, 0xea],
        FileKind::Archive(ArchiveKind::Arj),
        ShortSignature::Arj,
        "ARJ technical information, main header",
    ),
    archive(b"hsqs", ArchiveKind::SquashFs, "Linux squashfs_fs.h, SQUASHFS_MAGIC"),
    archive(b"sqsh", ArchiveKind::SquashFs, "squashfs-tools, SQUASHFS_MAGIC_SWAP"),
    archive(b"xar!\0", ArchiveKind::Xar, "xar, header: magic and size"),
    archive(b"Cr24\x02\0\0\0", ArchiveKind::Crx, "Chrome CRX format version 2"),
    archive(b"Cr24\x03\0\0\0", ArchiveKind::Crx, "Chromium crx3.proto"),
    // Pictures.
    image(b"\x89PNG\r\n\x1a\n", ImageKind::Png, "W3C PNG section 5.2"),
    image(&[0xff, 0xd8, 0xff], ImageKind::Jpeg, "ITU-T T.81 B.1.1.3, SOI and the next marker"),
    image(b"GIF87a", ImageKind::Gif, "GIF87a specification"),
    image(b"GIF89a", ImageKind::Gif, "GIF89a specification, section 17"),
    fields(b"BM", FileKind::Image(ImageKind::Bmp), ShortSignature::Bmp, "MS-WMF 2.2.2.3 and BITMAPFILEHEADER"),
    image(b"II*\0", ImageKind::Tiff, "TIFF 6.0 section 2"),
    image(b"MM\0*", ImageKind::Tiff, "TIFF 6.0 section 2"),
    image(b"II+\0\x08\0\0\0", ImageKind::Tiff, "BigTIFF design"),
    image(b"MM\0+\0\x08\0\0", ImageKind::Tiff, "BigTIFF design"),
    chunked(b"RIFF\0\0\0\0WEBP", FileKind::Image(ImageKind::WebP), "RFC 9649 section 2.4"),
    image(b"8BPS\0\x01", ImageKind::Psd, "Adobe Photoshop File Formats, version 1"),
    image(b"8BPS\0\x02", ImageKind::Psd, "Adobe Photoshop File Formats, PSB"),
    image(b"\0\0\0\x0cjP  \r\n\x87\n", ImageKind::Other, "ISO/IEC 15444-1 I.5.1, JPEG 2000"),
    image(b"\0\0\0\x0cJXL \r\n\x87\n", ImageKind::Other, "ISO/IEC 18181-2, JPEG XL container"),
    image(&[0xd7, 0xcd, 0xc6, 0x9a, 0, 0], ImageKind::Other, "MS-WMF 2.3.2.3, META_PLACEABLE"),
    image(b"AT&TFORM", ImageKind::Other, "DjVu 3 specification, 8.1"),
    image(b"gimp xcf ", ImageKind::Other, "GIMP devel-docs xcf.txt"),
    image(b"qoif", ImageKind::Other, "QOI specification 1.0"),
    // Sound and moving pictures.
    chunked(b"RIFF\0\0\0\0WAVE", FileKind::Media(MediaKind::Riff), RIFF),
    chunked(b"RIFF\0\0\0\0AVI ", FileKind::Media(MediaKind::Riff), RIFF),
    chunked(b"RIFF\0\0\0\0RMID", FileKind::Media(MediaKind::Riff), RIFF),
    chunked(b"FORM\0\0\0\0AIFF", FileKind::Media(MediaKind::Other), "Apple AIFF 1.3"),
    chunked(b"FORM\0\0\0\0AIFC", FileKind::Media(MediaKind::Other), "Apple AIFF-C"),
    media(b"OggS\0", MediaKind::Ogg, "RFC 3533 section 6"),
    masked(
        0,
        b"ID3\0",
        &[0xff, 0xff, 0xff, 0xf0],
        FileKind::Media(MediaKind::Mp3),
        Confirm::Signature,
        "ID3v2.4 structure, section 3.1",
    ),
    media(b"fLaC\0\0\0", MediaKind::Flac, "RFC 9639 section 6"),
    media(&[0x1a, 0x45, 0xdf, 0xa3], MediaKind::Matroska, "RFC 8794 section 11.2.1, EBML header"),
    media_box(b"\0\0\0\0ftyp"),
    media_box(b"\0\0\0\0moov"),
    media_box(b"\0\0\0\0mdat"),
    media_box(b"\0\0\0\0wide"),
    media(b"MThd\0\0\0\x06", MediaKind::Other, "Standard MIDI Files 1.0"),
    media(b"FLV\x01", MediaKind::Other, "Adobe Flash Video 10.1, annex E"),
    media(&[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11], MediaKind::Other, "ASF specification, header object GUID"),
    media(&[0, 0, 1, 0xba], MediaKind::Other, "ISO/IEC 13818-1 2.5.3.3, pack header"),
    media(&[0, 0, 1, 0xb3], MediaKind::Other, "ISO/IEC 13818-2 6.2.2.1, sequence header"),
    media(b".snd\0\0\0", MediaKind::Other, "Sun audio file format"),
    fields(b"FWS", FileKind::Media(MediaKind::Other), ShortSignature::Swf, "SWF File Format 19, header"),
    fields(b"CWS", FileKind::Media(MediaKind::Other), ShortSignature::Swf, "SWF File Format 19, header"),
    fields(b"ZWS", FileKind::Media(MediaKind::Other), ShortSignature::Swf, "SWF File Format 19, header"),
    // The byte order marks stand before the MPEG sync word, which can look like one of them.
    row(0, &[0xff, 0xfe], FileKind::Text, Confirm::Utf16, "Unicode 15 section 23.8, byte order mark"),
    row(0, &[0xfe, 0xff], FileKind::Text, Confirm::Utf16, "Unicode 15 section 23.8, byte order mark"),
    masked(
        0,
        &[0xff, 0xe2],
        &[0xff, 0xe6],
        FileKind::Media(MediaKind::Mp3),
        Confirm::Fields(ShortSignature::Mp3),
        "ISO/IEC 11172-3 2.4.1.3, layer III",
    ),
    // Fonts; icons last, for their signature is nearly all zeros.
    fields(&[0, 1, 0, 0], FileKind::Font, ShortSignature::Sfnt, "OpenType 1.9, table directory"),
    fields(b"true", FileKind::Font, ShortSignature::Sfnt, "Apple TrueType Reference Manual, font directory"),
    fields(b"OTTO", FileKind::Font, ShortSignature::Sfnt, "OpenType 1.9, table directory"),
    font(b"ttcf\0", "OpenType 1.9, TTC header"),
    font(b"wOFF", WOFF),
    font(b"wOF2", WOFF),
    font(b"%!PS-AdobeFont-", "Adobe Type 1 Font Format, chapter 2"),
    font(b"%!FontType1-", "Adobe Type 1 Font Format, chapter 2"),
    masked(
        0,
        &[0x80, 1, 0, 0, 0, 0, b'%', b'!'],
        &[0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff],
        FileKind::Font,
        Confirm::Signature,
        "Adobe Technical Note 5040, PFB",
    ),
    font(b"\x01fcp", "X11 pcf.h, PCF_FILE_VERSION"),
    font(b"STARTFONT ", "Adobe Technical Note 5005, BDF"),
    fields(&[0, 0, 1, 0], FileKind::Image(ImageKind::Icon), ShortSignature::Icon, "Windows ICONDIR, type 1"),
    fields(&[0, 0, 2, 0], FileKind::Image(ImageKind::Icon), ShortSignature::Icon, "Windows ICONDIR, type 2: cursor"),
    // Offset 2: the first two bytes are the header's size and checksum.
    masked(
        2,
        b"-lh\0-",
        &[0xff, 0xff, 0xff, 0, 0xff],
        FileKind::Archive(ArchiveKind::Lha),
        Confirm::Signature,
        "LHA header documents, method id",
    ),
    masked(
        2,
        b"-lz\0-",
        &[0xff, 0xff, 0xff, 0, 0xff],
        FileKind::Archive(ArchiveKind::Lha),
        Confirm::Signature,
        "LArc header, method id",
    ),
    // Offset 7: checksum, size, type and flags stand before it.
    row(
        7,
        b"**ACE**",
        FileKind::Archive(ArchiveKind::Ace),
        Confirm::Signature,
        "ACE technical information, main header",
    ),
];

// The issue asks for 64; an index must fit a Candidate.
const _: () = assert!(MAGICS.len() >= 64 && MAGICS.len() < u8::MAX as usize);
