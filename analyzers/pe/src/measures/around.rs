//! What stands behind the sections, who signed, and what is exported.

use analyzers::{entropy, measures, permille};
use memchr::memmem;
use scroll::{LE, Pread};

use crate::exports::Exports;
use crate::image::{Directory, Image};

/// Bytes of an overlay in which the beginning of an archive is looked for.
const HEAD: usize = 64;
/// Bytes of an attribute certificate that are looked at.
const CERTIFICATE_BYTES_MAX: usize = 128 << 10;
/// Names of exports that are compared.
const NAMES_MAX: u32 = 1_024;
/// Longest name of an export that is compared.
const NAME_MAX: usize = 32;
/// How often an object identifier is looked for: the organisation's name, once a certificate and issuer.
const ORGANISATION: &[u8] = b"\x06\x03\x55\x04\x0a";

/// What is around the program, in the same file.
pub(super) struct Around<'b> {
    size: usize,
    entropy: u32,
    overlay: &'b [u8],
    overlay_entropy: u32,
    certificate: &'b [u8],
    has_certificate: bool,
    is_outside: bool,
    mz: usize,
    zip: usize,
}

impl<'b> Around<'b> {
    /// Bits per byte of the file, and of what belongs to nothing.
    pub(super) fn of(image: &Image<'b>, file_entropy: f64, overlay_entropy: f64) -> Around<'b> {
        let bytes = image.bytes;
        let directory = image.directory(Directory::Certificate);
        let start = directory.map_or(bytes.len(), |directory| (directory.virtual_address as usize).min(bytes.len()));
        let end = directory.map_or(start, |directory| start.saturating_add(directory.size as usize));
        let sections = image.end_of_sections().min(bytes.len());
        let until = if start >= sections { start } else { bytes.len() };
        let certificate = bytes.get(start..end.min(bytes.len())).unwrap_or_default();
        Around {
            size: bytes.len(),
            entropy: entropy(file_entropy),
            overlay: bytes.get(sections..until).unwrap_or_default(),
            overlay_entropy: entropy(overlay_entropy),
            certificate: certificate.get(..CERTIFICATE_BYTES_MAX).unwrap_or(certificate),
            has_certificate: certificate.len() > 8,
            is_outside: end > bytes.len(),
            mz: count(bytes, b"MZ\x90\0"),
            zip: count(bytes, b"PK\x03\x04"),
        }
    }

    fn begins(&self, magic: &[u8]) -> bool {
        memmem::find(self.overlay.get(..HEAD).unwrap_or(self.overlay), magic).is_some()
    }

    fn certificate_says(&self, texts: &[&[u8]]) -> bool {
        texts.iter().any(|text| memmem::find(self.certificate, text).is_some())
    }
}

fn count(bytes: &[u8], magic: &[u8]) -> usize {
    memmem::find_iter(bytes, magic).take(crate::word_classes::COUNT_MAX as usize).count()
}

measures! {
    /// Overlay and signature.
    AROUND, fn around(around: &Around<'_>), source: "PE/COFF specification, \"The Attribute Certificate Table (Image Only)\"; EMBER" {
        "file.size", Bytes, "Size of the file." => around.size;
        "file.entropy", Entropy, "Evenness of the file." => around.entropy;
        "file.programs", Count, "Beginnings of programs in it." => around.mz;
        "file.archives", Count, "Beginnings of ZIP members in it." => around.zip;
        "overlay.bytes", Bytes, "Bytes behind the last section, without signatures." => around.overlay.len();
        "overlay.share", Permille, "They, of the file." => permille(around.overlay.len(), around.size);
        "overlay.entropy", Entropy, "Evenness of those that belong to nothing." => around.overlay_entropy;
        "overlay.zip", Flag, "They begin with a ZIP archive." => around.begins(b"PK");
        "overlay.nsis", Flag, "They begin with an archive of NSIS." => around.begins(b"NullsoftInst");
        "overlay.seven_zip", Flag, "They begin with a 7-Zip archive." => around.begins(b"7z\xbc\xaf");
        "overlay.rar", Flag, "They begin with a RAR archive." => around.begins(b"Rar!");
        "overlay.cabinet", Flag, "They begin with a cabinet." => around.begins(b"MSCF");
        "overlay.program", Flag, "They begin with a program." => around.begins(b"MZ");
        "overlay.autoit", Flag, "They begin with a script of AutoIt." => around.begins(b"AU3!");
        "signature.present", Flag, "It has an attribute certificate." => around.has_certificate;
        "signature.outside", Flag, "The attribute certificate is not in the file." => around.is_outside;
        "signature.bytes", Bytes, "Size of the attribute certificate." => around.certificate.len();
        "signature.der", Flag, "It holds a DER sequence." => around.certificate.get(8) == Some(&0x30);
        "signature.microsoft", Flag, "It names Microsoft." => around.certificate_says(&[b"Microsoft"]);
        "signature.stamped", Flag, "It has a time stamp." =>
            around.certificate_says(&[b"imestamp", b"Time Stamp", b"Time-Stamp"]);
        "signature.extended", Flag, "It is of extended validation." =>
            around.certificate_says(&[b"EV Code", b"Extended Validation"]);
        "signature.organisations", Count, "Organisations that it names." => count(around.certificate, ORGANISATION);
    }
}

/// What is exported.
#[derive(Default)]
pub(super) struct Exported {
    functions: u32,
    names: u32,
    is_com: bool,
    is_service: bool,
    is_installed: bool,
    is_reflective: bool,
    is_module: bool,
}

impl Exported {
    pub(super) fn of(image: &Image<'_>, exports: &Exports) -> Exported {
        let mut exported = Exported::default();
        let Some(table) = exports.table else { return exported };
        let word = |at: usize| image.bytes.pread_with::<u32>(at, LE).ok();
        exported.functions = exports.functions.unwrap_or(0).min(100_000);
        exported.names = word(table + 24).unwrap_or(0).min(100_000);
        let names = word(table + 32).and_then(|address| image.offset_of(address));
        for index in 0..exported.names.min(NAMES_MAX) {
            let at =
                names.and_then(|names| word(names + 4 * index as usize)).and_then(|address| image.offset_of(address));
            let Some(name) = at.and_then(|at| image.bytes.get(at..)) else { break };
            let name = name.get(..NAME_MAX).unwrap_or(name);
            let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
            exported.is_com |= matches!(name, b"DllRegisterServer" | b"DllGetClassObject");
            exported.is_service |= name == b"ServiceMain";
            exported.is_installed |= name == b"DllInstall";
            exported.is_reflective |= name.ends_with(b"ReflectiveLoader") || name.starts_with(b"_ReflectiveLoader@");
            exported.is_module |= name.starts_with(b"PyInit_") || name.starts_with(b"napi_");
        }
        exported
    }
}

measures! {
    /// The exports.
    EXPORTS, fn exports(exported: &Exported), source: "PE/COFF specification, \"The .edata Section (Image Only)\"" {
        "exports.functions", Count, "Functions exported, at most 100,000." => exported.functions;
        "exports.names", Count, "Names exported, at most 100,000." => exported.names;
        "exports.com", Flag, "It is a server of the Component Object Model." => exported.is_com;
        "exports.service", Flag, "It is a service in a library." => exported.is_service;
        "exports.install", Flag, "It can be installed by regsvr32." => exported.is_installed;
        "exports.reflective", Flag, "It loads itself from memory." => exported.is_reflective;
        "exports.module", Flag, "It is a module of Python or Node.js." => exported.is_module;
    }
}
