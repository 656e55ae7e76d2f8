//! 7-Zip archives, read by `sevenz-rust2`.

use std::borrow::Cow;
use std::io::Cursor;

use analyzers::Exhausted;
use sevenz_rust2::{Archive, BlockDecoder, Error, Password};

use crate::contents::Contents;

/// Memory for the list of members, in KiB: some hundred thousand names.
const LIST_KB_MAX: usize = 8 << 10;
/// Memory for a dictionary, in KiB. The largest that 7-Zip's levels take is 64 MiB.
const DICTIONARY_KB_MAX: usize = 80 << 10;
/// 7-Zip's method of encryption (Methods.txt: 06 F1 07 01).
const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];

pub(crate) fn examine(bytes: &[u8], contents: &mut Contents<'_, '_>) -> Result<(), Exhausted> {
    let mut source = Cursor::new(bytes);
    let password = Password::empty();
    let archive = match Archive::read_with_memory_limit(&mut source, &password, LIST_KB_MAX) {
        Ok(archive) => archive,
        // The list itself is encrypted.
        Err(Error::UnsupportedCompressionMethod(_) | Error::PasswordRequired) => {
            contents.locked("the list of members");
            return Ok(());
        }
        Err(_) => {
            contents.broken("the list of members");
            return Ok(());
        }
    };
    for (index, block) in archive.blocks.iter().enumerate() {
        contents.budget().step(1)?;
        let mut ended = Ok(());
        let decoder =
            BlockDecoder::new_with_memory_limit(1, DICTIONARY_KB_MAX, index, &archive, &password, &mut source);
        let mut last = String::from("a block of members");
        let read = decoder.for_each_entries(&mut |entry, reader| {
            last.clone_from(&entry.name);
            match contents.unpack(reader, entry.size) {
                Ok(unpacked) if unpacked.is_whole => {
                    contents.member(&entry.name, Cow::Owned(unpacked.bytes));
                    Ok(true)
                }
                Ok(unpacked) => {
                    contents.member(&entry.name, Cow::Owned(unpacked.bytes));
                    contents.broken(&entry.name);
                    Ok(false)
                }
                Err(exhausted) => {
                    ended = Err(exhausted);
                    Ok(false)
                }
            }
        });
        ended?;
        if read.is_err() {
            let is_locked = block.ordered_coder_iter().any(|(_, coder)| coder.encoder_method_id() == AES);
            if is_locked { contents.locked(&last) } else { contents.broken(&last) }
        }
    }
    Ok(())
}
