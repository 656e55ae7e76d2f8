//! Packs macro sources into documents: `pack_macros DIRECTORY < LIST`. Each line of the list names a document and its
//! modules, with tabs between them: `name.docm<TAB>module.bas<TAB>…`; the ending says what it is (docm, xlsm, doc, xls).
//! For training and measuring on sources that are published without a document (rules/model).

#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::io::BufRead;
use std::path::{Path, PathBuf};

use specimens::ooxml;
use specimens::vba::{VbaBuilder, compress};

/// Bytes of compiled form before each source: what Office saves has one.
const COMPILED: usize = 300;

fn main() -> std::io::Result<()> {
    let directory = PathBuf::from(std::env::args().nth(1).expect("usage: pack_macros DIRECTORY < LIST"));
    std::fs::create_dir_all(&directory)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut fields = line.split('\t');
        let name = fields.next().unwrap_or_default();
        let mut project = VbaBuilder::new();
        for (number, path) in fields.enumerate() {
            let path = Path::new(path);
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let short: String = stem.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
            let is_document = stem.eq_ignore_ascii_case("ThisWorkbook") || stem.eq_ignore_ascii_case("ThisDocument");
            let module = if is_document { short } else { format!("{short}{number}") };
            let source = std::fs::read(path)?;
            let source = without_header(&source);
            let attributes = format!("Attribute VB_Name = \"{module}\"\r\n");
            let whole = [attributes.as_bytes(), source].concat();
            project = project.module_bytes(&module, source).compressed(&stored(&whole));
            if source.len() > 40 {
                project = project.compiled(COMPILED);
            }
        }
        let document = match name.rsplit('.').next() {
            Some("docm") => ooxml::docm().vba_project(&project.bin()).build(),
            Some("xlsm") => ooxml::xlsm().vba_project(&project.bin()).build(),
            Some("doc") => project.doc(),
            _ => project.xls(),
        };
        std::fs::write(directory.join(name), document)?;
    }
    Ok(())
}

/// A container of chunks that are stored as they are, but for the last, which is compressed: the builder's compression
/// is slow.
fn stored(plain: &[u8]) -> Vec<u8> {
    let (whole, rest) = plain.split_at(plain.len() / 4096 * 4096);
    let mut container = vec![1];
    for chunk in whole.chunks(4096) {
        container.extend(0x3fff_u16.to_le_bytes());
        container.extend(chunk);
    }
    container.extend(compress(rest).get(1..).unwrap_or_default());
    container
}

/// The source behind what the editor writes first when it exports a module: the design of a form, and attributes.
fn without_header(source: &[u8]) -> &[u8] {
    let mut rest = source;
    let mut in_design = source.trim_ascii_start().starts_with(b"VERSION");
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, behind) = rest.split_at(end);
        let is_attribute = line.trim_ascii().starts_with(b"Attribute ");
        in_design &= !is_attribute;
        if !in_design && !is_attribute {
            return rest;
        }
        rest = behind;
    }
    if source.trim_ascii_start().starts_with(b"VERSION") { rest } else { source }
}
