//! Installers by Inno Setup: the program that the loader runs, the setup data, and packed files.
//!
//! ```text
//! table of the loader: where the others are       table.rs
//! program of the setup, a block                   block.rs
//! setup data: version                             layout.rs
//!             encryption, as of version 6.5
//!             block of entries                    names.rs
//!             block of locations                  files.rs
//! chunks of packed files                          chunks.rs, unpack.rs, calls.rs, sum.rs
//! ```
//!
//! What the setup does beside copying files (its entries and its script, compiled) is handed over for rules to look through,
//! and nobody accounts for it.
//!
//! Source: Inno Setup, Projects/SetupLdr.dpr, Projects/Src/Setup.MainFunc.pas and Setup.FileExtractor.pas.

mod block;
mod calls;
mod chunks;
mod files;
mod layout;
mod names;
mod sum;
mod table;
mod unpack;

use std::borrow::Cow;
use std::ops::Range;

use analyzers::Exhausted;

use self::block::SetupBlock;
use self::chunks::Chunks;
use self::layout::{ID_LENGTH, SetupLayout};
use self::table::{LoaderTable, crc32};
use crate::contents::Contents;
use crate::numbers::le32;

/// How a compiled script begins, behind its length.
const SCRIPT: &[u8] = b"IFPS";
/// What the header of encryption says of an installer that is encrypted as a whole.
const ALL_ENCRYPTED: u8 = 2;

pub(crate) fn examine(bytes: &[u8], contents: &mut Contents<'_, '_>) -> Result<(), Exhausted> {
    let Some(table) = LoaderTable::read(bytes) else {
        contents.broken("the loader's table");
        return Ok(());
    };
    let id = bytes.get(table.setup..).unwrap_or_default();
    let layout = match SetupLayout::of(id.get(..ID_LENGTH).unwrap_or(id)) {
        Ok(layout) => layout,
        Err(version) => {
            contents.broken(&format!("setup data of version {version}"));
            return Ok(());
        }
    };
    let mut known = vec![table.span.clone()];
    match SetupBlock::open(bytes, table.program, layout.block_size) {
        Some(block) => {
            known.push(table.program..block.end);
            program(&block, &table, &layout, contents)?;
        }
        None => contents.broken("the program of the setup"),
    }
    setup(bytes, &table, layout, contents, &mut known)?;
    account(bytes, &table, known, contents);
    Ok(())
}

/// Hands over the program that the loader runs.
fn program(
    block: &SetupBlock<'_>,
    table: &LoaderTable,
    layout: &SetupLayout,
    contents: &mut Contents<'_, '_>,
) -> Result<(), Exhausted> {
    let Some(mut reader) = block.reader(contents.budget())? else {
        contents.broken("the program of the setup");
        return Ok(());
    };
    let mut program = contents.unpack(&mut reader, table.program_size as u64)?;
    let length = program.bytes.len();
    layout.calls.undo(&mut program.bytes, length);
    if crc32(&program.bytes) != table.program_crc {
        contents.broken("the program of the setup");
    }
    contents.member("setup.exe", Cow::Owned(program.bytes));
    Ok(())
}

/// Hands over entries, script and files.
fn setup(
    bytes: &[u8],
    table: &LoaderTable,
    layout: SetupLayout,
    contents: &mut Contents<'_, '_>,
    known: &mut Vec<Range<usize>>,
) -> Result<(), Exhausted> {
    let encryption = table.setup + ID_LENGTH;
    let first = encryption + layout.encryption;
    if let Some((crc, header)) = bytes.get(encryption..first).and_then(|header| header.split_at_checked(4)) {
        if le32(crc, 0) != Some(crc32(header) as usize) {
            contents.broken("the header of encryption");
            return Ok(());
        }
        if header.first() == Some(&ALL_ENCRYPTED) {
            contents.locked("setup data");
            return Ok(());
        }
    }
    let open = |at| SetupBlock::open(bytes, at, layout.block_size);
    let blocks = open(first).and_then(|entries| open(entries.end).map(|locations| (entries, locations)));
    let Some((entries, locations)) = blocks else {
        contents.broken("setup data");
        return Ok(());
    };
    known.push(table.setup..locations.end);
    let Some(block) = unpacked(&entries, contents)? else { return Ok(()) };
    contents.named_in(&block)?;
    let script = script(&block).map(<[u8]>::to_vec);
    let Some(places) = unpacked(&locations, contents)? else { return Ok(()) };
    let files = files::read(&places, &layout.location);
    let count = files.as_ref().map_or(0, Vec::len);
    let names = names::read(&block, count, &layout, contents.budget())?;
    if let Some(script) = script {
        contents.code("script", Cow::Owned(script));
    }
    contents.code("setup data", Cow::Owned(block));
    let Some(files) = files else {
        contents.broken("the list of members");
        return Ok(());
    };
    let chunks = Chunks { bytes, start: table.packed, layout, names };
    for files in files.chunk_by(|one, other| one.chunk() == other.chunk()) {
        known.extend(chunks.open(files, contents)?);
    }
    Ok(())
}

/// What a block unpacks to. None, and it is said, where its checksums are wrong.
fn unpacked(block: &SetupBlock<'_>, contents: &mut Contents<'_, '_>) -> Result<Option<Vec<u8>>, Exhausted> {
    let Some(mut reader) = block.reader(contents.budget())? else {
        contents.broken("setup data");
        return Ok(None);
    };
    let unpacked = contents.unpack(&mut reader, u64::MAX)?;
    if !unpacked.is_whole {
        contents.broken("the end of the setup data");
    }
    Ok(Some(unpacked.bytes))
}

/// The compiled script among the entries.
fn script(entries: &[u8]) -> Option<&[u8]> {
    let at = entries.windows(SCRIPT.len()).position(|window| window == SCRIPT)?;
    let length = le32(entries, at.checked_sub(4)?)?;
    entries.get(at..)?.get(..length)
}

/// Says where bytes belong to nothing, from the first part to the end.
fn account(bytes: &[u8], table: &LoaderTable, mut known: Vec<Range<usize>>, contents: &mut Contents<'_, '_>) {
    let parts = [Some(table.program), Some(table.setup), table.packed];
    let mut end = parts.into_iter().flatten().min().unwrap_or(0);
    known.sort_by_key(|range| range.start);
    for range in known {
        let between = bytes.get(end..range.start).unwrap_or_default();
        if !between.is_empty() && !unpack::is_of_nothing(between) {
            contents.refuse("bytes between members");
        }
        end = end.max(range.end);
    }
    if end < bytes.len() {
        contents.refuse("bytes behind members");
    }
}
