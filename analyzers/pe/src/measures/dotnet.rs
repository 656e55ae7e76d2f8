//! .NET: the sizes of its tables, and what its names tell.

use analyzers::{Budget, Exhausted, entropy, measures, permille};
use memchr::memmem;
use scroll::{LE, Pread};

use crate::entropy::entropy_of_bytes;
use crate::image::{Directory, Image};

/// Streams of metadata that are read. Compilers write five.
const STREAMS_MAX: usize = 8;
/// Bytes of names, and of literals, that are looked at.
const HEAP_BYTES_MAX: usize = 1 << 20;
/// Names whose lengths are taken.
const NAMES_MAX: usize = 3_000;
/// Tables of metadata (ECMA-335, II.22).
const TABLES: usize = 64;

/// What the metadata says.
pub(super) struct DotnetMetadata<'b> {
    is_there: bool,
    flags: u32,
    streams: u16,
    is_uncompressed: bool,
    rows: [u32; TABLES],
    literals: &'b [u8],
    literal_bytes: usize,
    literal_entropy: u32,
    names: &'b [u8],
    name_bytes: usize,
    high_bytes: u32,
    name_length: u32,
    short_names: u32,
}

impl<'b> DotnetMetadata<'b> {
    pub(super) fn of(image: &Image<'b>, budget: &mut Budget) -> Result<DotnetMetadata<'b>, Exhausted> {
        let mut metadata = DotnetMetadata {
            is_there: image.directory(Directory::Clr).is_some(),
            flags: 0,
            streams: 0,
            is_uncompressed: false,
            rows: [0; TABLES],
            literals: &[],
            literal_bytes: 0,
            literal_entropy: 0,
            names: &[],
            name_bytes: 0,
            high_bytes: 0,
            name_length: 0,
            short_names: 0,
        };
        // Where something is missing, the rest stays zero.
        let _ = metadata.read(image);
        budget.step(1 + ((metadata.literals.len() + metadata.names.len()) >> 14) as u64)?;
        metadata.literal_entropy = entropy(entropy_of_bytes(metadata.literals));
        let high = metadata.names.iter().filter(|byte| !byte.is_ascii()).count();
        metadata.high_bytes = permille(high, metadata.names.len());
        let lengths = || metadata.names.split(|&byte| byte == 0).take(NAMES_MAX).map(<[u8]>::len);
        let (count, sum) = (lengths().count(), lengths().sum::<usize>());
        let mean = (10 * sum).checked_div(count).unwrap_or(0);
        let short = permille(lengths().filter(|&length| length <= 2).count(), count);
        metadata.name_length = u32::try_from(mean).unwrap_or(u32::MAX);
        metadata.short_names = short;
        Ok(metadata)
    }

    /// Header, root and streams (ECMA-335, II.24.2 and II.25.3.3).
    fn read(&mut self, image: &Image<'b>) -> Option<()> {
        let bytes = image.bytes;
        let word = |at: usize| bytes.pread_with::<u32>(at, LE).ok();
        let header = image.offset_of(image.directory(Directory::Clr)?.virtual_address)?;
        self.flags = word(header + 16)?;
        let root = image.offset_of(word(header + 8)?)?;
        let version = word(root + 12)? as usize;
        let mut at = root.checked_add(16)?.checked_add(version)?;
        self.streams = bytes.pread_with(at.checked_add(2)?, LE).ok()?;
        at += 4;
        for _ in 0..usize::from(self.streams).min(STREAMS_MAX) {
            let (offset, size) = (word(at)? as usize, word(at + 4)? as usize);
            let name = bytes.get(at + 8..).map(|rest| rest.get(..32).unwrap_or(rest))?;
            let length = name.iter().position(|&byte| byte == 0)?;
            let start = root.checked_add(offset)?;
            let end = start.saturating_add(size).min(bytes.len());
            let part = bytes.get(start..end).unwrap_or_default();
            let head = part.get(..HEAP_BYTES_MAX).unwrap_or(part);
            match &name[..length] {
                b"#~" | b"#-" => {
                    self.is_uncompressed = &name[..length] == b"#-";
                    self.read_rows(part);
                }
                b"#US" => (self.literals, self.literal_bytes) = (head, size),
                b"#Strings" => (self.names, self.name_bytes) = (head, size),
                _ => {}
            }
            at += 8 + (length / 4 + 1) * 4;
        }
        Some(())
    }

    fn read_rows(&mut self, tables: &[u8]) -> Option<()> {
        let present = tables.pread_with::<u64>(8, LE).ok()?;
        let mut at = 24;
        for table in 0..TABLES {
            if present >> table & 1 != 0 {
                let rows = tables.pread_with::<u32>(at, LE).ok()?;
                if let Some(count) = self.rows.get_mut(table) {
                    *count = rows.min(1 << 24);
                }
                at += 4;
            }
        }
        Some(())
    }

    fn names(&self, texts: &[&[u8]]) -> bool {
        self.is_there && texts.iter().any(|text| memmem::find(self.names, text).is_some())
    }

    fn rows(&self, table: usize) -> u32 {
        self.rows.get(table).copied().unwrap_or(0)
    }
}

measures! {
    /// The metadata.
    DOTNET, fn dotnet(net: &DotnetMetadata<'_>), source: "ECMA-335, partition II, 22 to 25; names of protectors" {
        "dotnet.present", Flag, "It is a program of .NET." => net.is_there;
        "dotnet.il_only", Flag, "It has no native code." => net.flags & 1 != 0;
        "dotnet.wants_32_bits", Flag, "It must run with 32 bits." => net.flags & 2 != 0;
        "dotnet.strong_name", Flag, "It has a strong name." => net.flags & 8 != 0;
        "dotnet.streams", Count, "Streams of metadata." => net.streams;
        "dotnet.uncompressed", Flag, "Its tables are not compressed, as protectors leave them." => net.is_uncompressed;
        "dotnet.type_references", Count, "Types of others that it names." => net.rows(1);
        "dotnet.types", Count, "Types of its own." => net.rows(2);
        "dotnet.fields", Count, "Fields." => net.rows(4);
        "dotnet.methods", Count, "Methods." => net.rows(6);
        "dotnet.member_references", Count, "Members of others that it names." => net.rows(10);
        "dotnet.attributes", Count, "Custom attributes." => net.rows(12);
        "dotnet.native_functions", Count, "Native functions that it calls." => net.rows(28);
        "dotnet.assembly", Flag, "It is an assembly." => net.rows(32) > 0;
        "dotnet.assembly_references", Count, "Assemblies that it names." => net.rows(35);
        "dotnet.resources", Count, "Resources of .NET." => net.rows(40);
        "dotnet.literal_bytes", Bytes, "Bytes of its literals." => net.literal_bytes;
        "dotnet.literal_entropy", Entropy, "Evenness of its literals." => net.literal_entropy;
        "dotnet.name_bytes", Bytes, "Bytes of its names." => net.name_bytes;
        "dotnet.name_length", Count, "Mean length of its names, in tenths of a character." => net.name_length;
        "dotnet.short_names", Permille, "Names of at most two characters, of all." => net.short_names;
        "dotnet.high_bytes", Permille, "Bytes of names that are not ASCII, of all." => net.high_bytes;
        "dotnet.protectors", Flag, "It names a protector." => net.names(&[
            b"Confuse", b"Dotfuscator", b"SmartAssembly", b"Babel", b"Eazfuscator", b".NETReactor", b"CryptoObf", b"Yano",
        ]);
        "dotnet.loads_code", Flag, "It names what loads and calls other code." =>
            net.names(&[b"\0Load\0", b"GetMethod", b"EntryPoint", b"InvokeMember", b"MethodInfo"]);
        "dotnet.unpacks", Flag, "It names what decompresses." => net.names(&[b"GZipStream", b"DeflateStream"]);
        "dotnet.encrypts", Flag, "It names what encrypts." =>
            net.names(&[b"RijndaelManaged", b"AesManaged", b"TripleDES", b"MD5CryptoService", b"AesCryptoService"]);
        "dotnet.fetches", Flag, "It names what fetches and sends." => net.names(&[
            b"WebClient", b"DownloadFile", b"DownloadString", b"HttpWebRequest", b"TcpClient", b"SmtpClient",
        ]);
        "dotnet.starts_programs", Flag, "It names what starts programs." => net.names(&[b"ProcessStartInfo", b"Process\0"]);
        "dotnet.registry", Flag, "It names the registry." => net.names(&[b"RegistryKey"]);
        "dotnet.base64", Flag, "It names what decodes Base64." => net.names(&[b"FromBase64String"]);
        "dotnet.watches", Flag, "It names what watches keys and screen." =>
            net.names(&[b"SetWindowsHookEx", b"GetAsyncKeyState", b"CopyFromScreen"]);
        "dotnet.visual_basic", Flag, "It is written in Visual Basic." => net.names(&[b"Microsoft.VisualBasic"]);
    }
}
