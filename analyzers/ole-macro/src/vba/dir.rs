//! The `dir` stream: code page, references and modules of a project (MS-OVBA 2.3.4.2).
//!
//! Records are read one by one by their id and size alone, in whatever order they come: what writers and obfuscators
//! do to the order does not keep Office from opening the project.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::le32;

/// Most modules and references read of one project; the format allows 65,535 and people reach a few hundred.
const ITEMS_MAX: usize = 4096;

/// Contents of the `dir` stream.
#[derive(Debug)]
pub(crate) struct Dir {
    /// Encoding of the project's text.
    pub encoding: &'static Encoding,
    /// Modules in the order of the stream.
    pub modules: Vec<ListedModule>,
    /// Names of the referenced type libraries and projects.
    pub references: Vec<String>,
    /// Whether its end is missing, or its records are inconsistent.
    pub broken: bool,
}

/// A module, as the `dir` stream lists it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListedModule {
    /// Name of the module.
    pub name: String,
    /// Possible names of its stream, the most likely first. Names are stored twice, in the code page and in UTF-16;
    /// they may disagree.
    pub streams: Vec<String>,
    /// Offset of its compressed source in the stream, after the compiled form.
    pub offset: u32,
}

impl Dir {
    /// Reads the records in `bytes`, which were decompressed: whole or not.
    pub(super) fn read(bytes: &[u8], whole: bool) -> Dir {
        let mut dir = Dir { encoding: WINDOWS_1252, modules: Vec::new(), references: Vec::new(), broken: true };
        for (id, body) in (Records { rest: bytes }) {
            dir.take(id, body);
            if id == 0x10 {
                // The end of the project; what follows means nothing.
                dir.broken = !whole;
                break;
            }
            if dir.modules.len() > ITEMS_MAX || dir.references.len() > ITEMS_MAX {
                break;
            }
        }
        dir
    }

    fn take(&mut self, id: u16, body: &[u8]) {
        match id {
            // PROJECTCODEPAGE
            0x03 => {
                let number = body.first_chunk().map_or(0, |number| u16::from_le_bytes(*number));
                self.encoding = encoding(number);
            }
            // REFERENCEREGISTERED, REFERENCEPROJECT: sizes and text by turns.
            0x0d | 0x0e => {
                let length = le32(body, 0).unwrap_or(0) as usize;
                let name = body.get(4..).and_then(|rest| rest.get(..length.min(rest.len()))).unwrap_or_default();
                self.references.push(self.text(name).into_owned());
            }
            // MODULENAME starts a module; then the same as UTF-16, and both for the stream.
            0x19 => {
                let name = self.text(body).into_owned();
                self.modules.push(ListedModule { streams: vec![name.clone()], name, offset: 0 });
            }
            0x47 => self.module(|module| module.streams.push(utf16(body))),
            0x1a => {
                let stream = self.text(body).into_owned();
                self.module(|module| module.streams.insert(0, stream));
            }
            0x32 => self.module(|module| module.streams.insert(1, utf16(body))),
            0x31 => {
                if let Some(module) = self.modules.last_mut() {
                    module.offset = le32(body, 0).unwrap_or(0);
                }
            }
            _ => {}
        }
    }

    fn text<'t>(&self, bytes: &'t [u8]) -> Cow<'t, str> {
        self.encoding.decode_without_bom_handling(bytes).0
    }

    /// Changes the module that is being read. Four names are all that belong to one.
    fn module(&mut self, change: impl FnOnce(&mut ListedModule)) {
        if let Some(module) = self.modules.last_mut().filter(|module| module.streams.len() < 4) {
            change(module);
        }
    }
}

/// The records of a `dir` stream: id, size, body.
struct Records<'d> {
    rest: &'d [u8],
}

impl<'d> Iterator for Records<'d> {
    type Item = (u16, &'d [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let id = u16::from_le_bytes(*self.rest.first_chunk()?);
        // PROJECTVERSION says 4 and is followed by 6 (2.3.4.2.1.11).
        let size = if id == 0x09 { 6 } else { le32(self.rest, 2)? as usize };
        let body = self.rest.get(6..)?.get(..size)?;
        self.rest = self.rest.get(6 + size..)?;
        Some((id, body))
    }
}

/// The encoding of a Windows code page; Western European where it is not known.
pub(crate) fn encoding(code_page: u16) -> &'static Encoding {
    let label: &[u8] = match code_page {
        874 => b"windows-874",
        932 => b"shift_jis",
        936 => b"gbk",
        949 => b"euc-kr",
        950 => b"big5",
        866 => b"ibm866",
        1250 => b"windows-1250",
        1251 => b"windows-1251",
        1253 => b"windows-1253",
        1254 => b"windows-1254",
        1255 => b"windows-1255",
        1256 => b"windows-1256",
        1257 => b"windows-1257",
        1258 => b"windows-1258",
        10000 => b"macintosh",
        10007 => b"x-mac-cyrillic",
        65001 => b"utf-8",
        _ => b"windows-1252",
    };
    Encoding::for_label(label).unwrap_or(WINDOWS_1252)
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|unit| super::le16(unit, 0));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
