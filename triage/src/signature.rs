//! What a signature is, and what has to stand behind it before it is believed.

use crate::kind::FileKind;

/// One signature: `(head[offset + i] & mask[i]) == bytes[i]` for every `i`.
#[derive(Debug)]
pub struct Magic {
    /// Offset of the signature, in bytes from the start of the file.
    pub offset: usize,
    /// Bytes of the signature, with irrelevant bits cleared: 2 to 16 bytes.
    pub bytes: &'static [u8],
    /// Mask of relevant bits, as long as `bytes`. Its first byte is 0xff, because rows are found by it.
    pub mask: &'static [u8],
    /// The most a file with this signature can turn out to be.
    pub kind: FileKind,
    /// The structure that must agree before the claim is believed.
    pub confirm: Confirm,
    /// Specification of the signature.
    pub spec: &'static str,
}

/// What has to be looked at, beyond the signature, before a claim is believed or refined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirm {
    /// Nothing: the signature is long or odd enough to be the answer.
    Signature,
    /// `e_lfanew` and what it points at.
    Pe,
    /// The rest of the ELF header; an ELF file stays one whatever it says.
    Elf,
    /// The directory of a compound file.
    Cfb,
    /// The central directory of a ZIP.
    Zip,
    /// The CLSID of a shell link.
    Lnk,
    /// All of the EICAR test file, and nothing but white space behind it.
    Eicar,
    /// Java class or universal Mach-O: they share 0xCAFEBABE.
    CafeBabe,
    /// The interpreter line.
    Shebang,
    /// Two-byte text in UTF-16, or noise that begins like its byte order mark.
    Utf16,
    /// Fields of a format whose signature is too short to be believed alone.
    Fields(ShortSignature),
}

/// Formats with short signatures, whose next fields are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum ShortSignature {
    Bmp,
    Icon,
    Mp3,
    Sfnt,
    Swf,
    Compress,
    Arj,
    CpioBinary,
}
