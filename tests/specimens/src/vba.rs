//! Builds VBA projects (MS-OVBA): compressed sources, the `dir` and `PROJECT` streams, and documents around them.
//!
//! ```
//! let project = specimens::vba::VbaBuilder::new().module("Module1", "Sub A()\r\nEnd Sub\r\n");
//! assert!(project.doc().starts_with(&[0xd0, 0xcf, 0x11, 0xe0]));
//! ```

use crate::cfb::CfbBuilder;

/// A VBA project in the making.
#[derive(Clone)]
pub struct VbaBuilder {
    code_page: u16,
    modules: Vec<VbaModule>,
    references: Vec<String>,
    forms: Vec<(String, Vec<u8>)>,
    protection: [u8; 3],
    without_dir: bool,
    /// Names that the compiled project knows; none: no version of Office compiled it.
    names: Option<Vec<String>>,
}

#[derive(Clone)]
struct VbaModule {
    name: String,
    stream: String,
    /// After the attributes; none: the stream holds no source at all.
    source: Option<Vec<u8>>,
    cache: Vec<u8>,
    /// The compressed source, where that is not made of `source`.
    container: Option<Vec<u8>>,
    listed: bool,
    shown: bool,
    is_document: bool,
}

impl Default for VbaBuilder {
    fn default() -> Self {
        VbaBuilder {
            code_page: 1252,
            modules: Vec::new(),
            references: Vec::new(),
            forms: Vec::new(),
            protection: [0, 0, 0xff],
            without_dir: false,
            names: None,
        }
    }
}

impl VbaBuilder {
    /// A project without modules.
    pub fn new() -> VbaBuilder {
        VbaBuilder::default()
    }

    /// Adds a module with `source`, after its attributes.
    pub fn module(self, name: &str, source: &str) -> VbaBuilder {
        self.module_bytes(name, source.as_bytes())
    }

    /// Adds a module with `source` as it is in the code page, after its attributes.
    pub fn module_bytes(mut self, name: &str, source: &[u8]) -> VbaBuilder {
        self.modules.push(VbaModule {
            name: name.to_owned(),
            stream: name.to_owned(),
            source: Some(source.to_vec()),
            cache: Vec::new(),
            container: None,
            listed: true,
            shown: true,
            is_document: false,
        });
        self
    }

    /// Adds the module of a document (`ThisDocument`, `ThisWorkbook`), where its events are handled.
    pub fn document(self, name: &str, source: &str) -> VbaBuilder {
        self.module(name, source).last(|module| module.is_document = true)
    }

    /// The last module has a compiled form of so many bytes before its source.
    pub fn compiled(self, bytes: usize) -> VbaBuilder {
        self.last(|module| module.cache = (0..bytes).map(|i| (i * 7 % 251) as u8).collect())
    }

    /// The last module has a compiled form with a table of these lines before its source; the text of a line stands for
    /// its code, as strings and comments do.
    pub fn pcode(self, lines: &[&str]) -> VbaBuilder {
        self.last(|module| module.cache = pcode(lines))
    }

    /// A version of Office compiled the project, and these are the names in it.
    pub fn compiled_names(mut self, names: &[&str]) -> VbaBuilder {
        self.names = Some(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Hostile: the compressed source of the last module is this.
    pub fn compressed(self, container: &[u8]) -> VbaBuilder {
        self.last(|module| module.container = Some(container.to_vec()))
    }

    /// Hostile: the last module has lost its source.
    pub fn without_source(self) -> VbaBuilder {
        self.last(|module| module.source = None)
    }

    /// Hostile: no list names the last module.
    pub fn unlisted(self) -> VbaBuilder {
        self.last(|module| (module.listed, module.shown) = (false, false))
    }

    /// Hostile: the editor is not told of the last module.
    pub fn hidden(self) -> VbaBuilder {
        self.last(|module| module.shown = false)
    }

    /// Hostile: the last module is listed with a stream that is not there.
    pub fn missing(self) -> VbaBuilder {
        self.last(|module| module.stream = String::new())
    }

    /// The code page of the project.
    pub fn code_page(mut self, number: u16) -> VbaBuilder {
        self.code_page = number;
        self
    }

    /// Adds a reference to a type library: `*\G{...}#1.0#0#C:\Windows\System32\wshom.ocx#Name`.
    pub fn reference(mut self, library: &str) -> VbaBuilder {
        self.references.push(library.to_owned());
        self
    }

    /// Adds a form whose fields hold `text`.
    pub fn form(mut self, name: &str, text: &[u8]) -> VbaBuilder {
        self.forms.push((name.to_owned(), text.to_vec()));
        self
    }

    /// The project is protected by its user.
    pub fn locked(mut self) -> VbaBuilder {
        self.protection[0] = 1;
        self
    }

    /// Hostile: the `dir` stream is noise.
    pub fn without_dir(mut self) -> VbaBuilder {
        self.without_dir = true;
        self
    }

    fn last(mut self, change: impl FnOnce(&mut VbaModule)) -> VbaBuilder {
        change(self.modules.last_mut().expect("a module was added"));
        self
    }

    /// Adds the streams of the project to `file`, below the storage `around` (empty: at the root).
    pub fn add_to(&self, mut file: CfbBuilder, around: &str) -> CfbBuilder {
        let path = |name: &str| if around.is_empty() { name.to_owned() } else { format!("{around}/{name}") };
        file = file.stream(&path("PROJECT"), self.project().as_bytes());
        let dir = if self.without_dir { vec![0x77; 300] } else { compress(&self.dir()) };
        file = file.stream(&path("VBA/dir"), &dir);
        file = file.stream(&path("VBA/_VBA_PROJECT"), &self.compiled_project());
        for module in self.modules.iter().filter(|module| !module.stream.is_empty()) {
            let mut bytes = module.cache.clone();
            bytes.extend(module.container.clone().unwrap_or_else(|| compress(&module.whole_source())));
            file = file.stream(&path(&format!("VBA/{}", module.stream)), &bytes);
        }
        for (name, text) in &self.forms {
            file = file.stream(&path(&format!("{name}/f")), &[0, 4, 0, 0]);
            file = file.stream(&path(&format!("{name}/o")), &[b"\0\x02\x18\0", text.as_slice(), b"\0\0"].concat());
        }
        file
    }

    /// The project alone: the part `vbaProject.bin` of an Office Open XML document.
    pub fn bin(&self) -> Vec<u8> {
        self.add_to(CfbBuilder::new(), "").build()
    }

    /// A Word document of 97 to 2003 that holds little else.
    pub fn doc(&self) -> Vec<u8> {
        self.add_to(CfbBuilder::new().stream("WordDocument", &[0; 4096]), "Macros").build()
    }

    /// An Excel workbook of 97 to 2003 that holds little else.
    pub fn xls(&self) -> Vec<u8> {
        self.add_to(CfbBuilder::new().stream("Workbook", &[9, 8, 16, 0]), "_VBA_PROJECT_CUR").build()
    }

    /// 2.3.4.1: seven bytes say that nothing is compiled. What compiled projects hold has names of one byte a letter in
    /// it, those of conditional compilation among them.
    fn compiled_project(&self) -> Vec<u8> {
        let Some(names) = &self.names else { return vec![0xcc, 0x61, 0xff, 0xff, 0, 0, 0] };
        let mut stream = vec![0xcc, 0x61, 0xb2, 0, 0, 1, 0, 0xff];
        for name in ["Win16", "Win32", "VBA7"].into_iter().chain(names.iter().map(String::as_str)) {
            stream.extend([name.len() as u8, 0x80]);
            stream.extend(name.as_bytes());
            stream.extend([0xff, 0xff, 1, 1]);
        }
        stream
    }

    /// 2.3.1
    fn project(&self) -> String {
        let mut text = String::from("ID=\"{00000000-0000-0000-0000-000000000000}\"\r\n");
        for module in self.modules.iter().filter(|module| module.shown) {
            let line = if module.is_document { "Document" } else { "Module" };
            let rest = if module.is_document { "/&H00000000" } else { "" };
            text += &format!("{line}={}{rest}\r\n", module.name);
        }
        for (name, _) in &self.forms {
            text += &format!("BaseClass={name}\r\n");
        }
        let [user, password, visible] = self.protection;
        text += &format!("Name=\"VBAProject\"\r\nCMG=\"{}\"\r\n", encrypt(&[user, 0, 0, 0]));
        text += &format!("DPB=\"{}\"\r\nGC=\"{}\"\r\n", encrypt(&[password]), encrypt(&[visible]));
        text
    }

    /// 2.3.4.2
    fn dir(&self) -> Vec<u8> {
        let mut dir = Vec::new();
        for (id, number) in [(0x01, 1_u32), (0x02, 0x409), (0x14, 0x409)] {
            record(&mut dir, id, &number.to_le_bytes());
        }
        record(&mut dir, 0x03, &self.code_page.to_le_bytes());
        record(&mut dir, 0x04, b"VBAProject");
        for id in [0x05, 0x40, 0x06, 0x3d] {
            record(&mut dir, id, b"");
        }
        for id in [0x07, 0x08] {
            record(&mut dir, id, &[0; 4]);
        }
        dir.extend(b"\x09\0\x04\0\0\0\x01\0\0\0\x02\0");
        record(&mut dir, 0x0c, b"");
        record(&mut dir, 0x3c, b"");
        for library in &self.references {
            record(&mut dir, 0x16, b"Library");
            record(&mut dir, 0x3e, &utf16("Library"));
            let length = (library.len() as u32).to_le_bytes();
            record(&mut dir, 0x0d, &[&length, library.as_bytes(), &[0; 6]].concat());
        }
        let listed = self.modules.iter().filter(|module| module.listed);
        record(&mut dir, 0x0f, &(listed.clone().count() as u16).to_le_bytes());
        record(&mut dir, 0x13, &[0xff, 0xff]);
        for module in listed {
            record(&mut dir, 0x19, module.name.as_bytes());
            record(&mut dir, 0x47, &utf16(&module.name));
            record(&mut dir, 0x1a, module.name.as_bytes());
            record(&mut dir, 0x32, &utf16(&module.name));
            record(&mut dir, 0x1c, b"");
            record(&mut dir, 0x48, b"");
            record(&mut dir, 0x31, &(module.cache.len() as u32).to_le_bytes());
            record(&mut dir, 0x1e, &[0; 4]);
            record(&mut dir, 0x2c, &[0xff, 0xff]);
            record(&mut dir, if module.is_document { 0x22 } else { 0x21 }, b"");
            record(&mut dir, 0x2b, b"");
        }
        record(&mut dir, 0x10, b"");
        dir
    }
}

impl VbaModule {
    fn whole_source(&self) -> Vec<u8> {
        let attributes = format!("Attribute VB_Name = \"{}\"\r\n", self.name);
        [attributes.as_bytes(), self.source.as_deref().unwrap_or_default()].concat()
    }
}

/// What pcodedmp reads: the mark CAFE and a version, the number of lines, a row for each, a gap, the code.
fn pcode(lines: &[&str]) -> Vec<u8> {
    let mut cache = vec![0x16; 60];
    cache.extend([0xfe, 0xca, 1, 0]);
    cache.extend((lines.len() as u16).to_le_bytes());
    let mut code: Vec<u8> = Vec::new();
    for line in lines {
        cache.extend([0; 4]);
        cache.extend((line.len() as u16).to_le_bytes());
        cache.extend([0; 2]);
        cache.extend(if line.is_empty() { u32::MAX } else { code.len() as u32 }.to_le_bytes());
        code.extend(line.as_bytes());
        code.extend([0, 0]);
    }
    cache.extend([0; 10]);
    cache.extend(code);
    cache
}

fn record(dir: &mut Vec<u8>, id: u16, body: &[u8]) {
    dir.extend(id.to_le_bytes());
    dir.extend((body.len() as u32).to_le_bytes());
    dir.extend(body);
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// "Encrypts" `data` as the `PROJECT` stream keeps it (2.4.3.2), with a seed and a key of our own.
fn encrypt(data: &[u8]) -> String {
    const SEED: u8 = 0x15;
    const KEY: u8 = 0xdf;
    let mut bytes = vec![SEED, SEED ^ 2, SEED ^ KEY];
    let (mut plain, mut newer, mut older) = (KEY, SEED ^ KEY, SEED ^ 2);
    let ignored = vec![7; usize::from(SEED & 6) / 2];
    let length = (data.len() as u32).to_le_bytes();
    for &byte in ignored.iter().chain(&length).chain(data) {
        let encrypted = byte ^ older.wrapping_add(plain);
        (plain, older, newer) = (byte, newer, encrypted);
        bytes.push(encrypted);
    }
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Compresses `plain` as sources and the `dir` stream are (2.4.1.3.6). Looks back for the longest match, byte by byte.
pub fn compress(plain: &[u8]) -> Vec<u8> {
    let mut container = vec![1];
    for chunk in plain.chunks(4096) {
        let tokens = compress_chunk(chunk);
        if tokens.len() < 4096 || chunk.len() < 4096 {
            container.extend((0xb000 | (tokens.len() as u16 - 1)).to_le_bytes());
            container.extend(tokens);
        } else {
            container.extend(0x3fff_u16.to_le_bytes());
            container.extend(chunk);
        }
    }
    container
}

/// A container that expands to `bytes` bytes of `byte`, over 600 times its own size.
pub fn bomb(byte: u8, bytes: usize) -> Vec<u8> {
    let chunk = compress(&[byte; 4096]);
    let chunk = &chunk[1..];
    std::iter::once(1).chain(chunk.iter().copied().cycle().take(chunk.len() * bytes.div_ceil(4096))).collect()
}

fn compress_chunk(chunk: &[u8]) -> Vec<u8> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chunk.len() {
        let flags_at = tokens.len();
        tokens.push(0);
        for bit in 0..8 {
            if at >= chunk.len() {
                break;
            }
            // As many bits for the offset as the place needs, and at least four (2.4.1.3.19.1).
            let bits = (usize::BITS - at.saturating_sub(1).leading_zeros()).clamp(4, 12);
            let length_max = (0xffff_usize >> bits) + 3;
            let length_at = |from: &usize| {
                chunk[at..].iter().zip(&chunk[*from..]).take(length_max).take_while(|(a, b)| a == b).count()
            };
            match (0..at).max_by_key(length_at).map(|from| (at - from, length_at(&from))) {
                Some((offset, length)) if length >= 3 => {
                    let token = (offset - 1) << (16 - bits) | (length - 3);
                    tokens[flags_at] |= 1 << bit;
                    tokens.extend((token as u16).to_le_bytes());
                    at += length;
                }
                _ => {
                    tokens.push(chunk[at]);
                    at += 1;
                }
            }
        }
    }
    tokens
}
