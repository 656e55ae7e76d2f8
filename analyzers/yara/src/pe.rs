//! What yara-x's module `pe` says of a file: found out once for all parts of a set, and no more of it than rules ask for.
//!
//! The module takes a program apart whether a condition asks for anything or not, and every field of its output is made
//! ready for conditions before they are looked at. Names of exports are the dearest of it, for the module compares each with
//! all others; so they are left out where no rule asks for them.

use std::collections::HashSet;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use yara_x::mods::PE;

use crate::prefilter::FileFacts;

/// Larger files are not copied to leave something out.
const COPIED_BYTES_MAX: usize = 64 << 20;

/// Dear parts of the module's output.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct PeFields {
    /// Exports, or what is computed from the bytes of the whole file.
    whole: bool,
    imports: bool,
    resources: bool,
    signatures: bool,
}

impl PeFields {
    /// Those that conditions with these words may ask for.
    pub(crate) fn named(words: &HashSet<&str>) -> PeFields {
        let any = |names: &[&str]| names.iter().any(|name| words.contains(name));
        PeFields {
            whole: any(&[
                "exports",
                "exports_index",
                "export_details",
                "number_of_exports",
                "export_timestamp",
                "dll_name",
                // The entry of the exports is one of these.
                "data_directories",
                // The digest of the file is another without its exports.
                "is_signed",
                "verified",
                "file_digest",
            ]),
            imports: any(&[
                "imports",
                "import_details",
                "delayed_import_details",
                "import_rva",
                "delayed_import_rva",
                "imphash",
            ]),
            resources: any(&["resources", "version_info", "version_info_list", "language", "locale"]),
            signatures: any(&["signatures"]),
        }
    }
}

/// The module's output about one file.
#[derive(Default)]
pub(crate) struct PeOutput {
    /// Without exports.
    lean: Option<Option<Box<PE>>>,
    full: Option<Option<Box<PE>>>,
}

impl PeOutput {
    /// What is known of the file.
    pub(crate) fn facts(&mut self, file: &[u8]) -> FileFacts {
        match self.lean(file) {
            Some(pe) if pe.is_pe() => FileFacts {
                signed: !pe.signatures.is_empty(),
                import_hash: Some(import_hash(pe)),
                entry_point: pe.entry_point.map(u64::from),
                overlay: pe.overlay.offset.and_then(|offset| u64::try_from(offset).ok()),
            },
            Some(_) | None => FileFacts::default(),
        }
    }

    /// The output with the fields that are asked for.
    pub(crate) fn with(&mut self, fields: PeFields, file: &[u8]) -> Option<Box<PE>> {
        let pe = if fields.whole { self.full(file)? } else { self.lean(file)? };
        let mut pe = Box::new(pe.clone());
        if !fields.imports {
            pe.import_details.clear();
            pe.delayed_import_details.clear();
        }
        if !fields.resources {
            pe.resources.clear();
            pe.version_info_list.clear();
        }
        if !fields.signatures {
            pe.signatures.clear();
        }
        Some(pe)
    }

    fn full(&mut self, file: &[u8]) -> Option<&PE> {
        self.full.get_or_insert_with(|| yara_x::mods::invoke::<PE>(file)).as_deref()
    }

    fn lean(&mut self, file: &[u8]) -> Option<&PE> {
        let lean = || match without_exports(file) {
            Some(copy) => yara_x::mods::invoke::<PE>(&copy),
            None => yara_x::mods::invoke::<PE>(file),
        };
        self.lean.get_or_insert_with(lean).as_deref()
    }
}

/// A copy of the file whose headers name no exports. None if it names none anyway, or is too large.
fn without_exports(file: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| Some(u32::from_le_bytes(*file.get(at..)?.first_chunk()?));
    if !file.starts_with(b"MZ") || file.len() > COPIED_BYTES_MAX {
        return None;
    }
    let optional_header = usize::try_from(number(0x3c)?).ok()?.checked_add(24)?;
    // Directories stand behind fields whose width depends on the magic number.
    let first_directory = match number(optional_header)? & 0xffff {
        0x10b => optional_header.checked_add(96)?,
        0x20b => optional_header.checked_add(112)?,
        _ => return None,
    };
    // Where the header is said to end before its directories, sections stand in their place.
    let header_bytes = usize::from(u16::from_le_bytes(*file.get(optional_header.checked_sub(4)?..)?.first_chunk()?));
    if number(first_directory)? == 0 || optional_header.checked_add(header_bytes)? < first_directory.checked_add(8)? {
        return None;
    }
    let mut copy = file.to_vec();
    copy.get_mut(first_directory..first_directory.checked_add(8)?)?.fill(0);
    Some(copy)
}

/// The hash of the imports: MD5 of `library.function` in small letters, with commas between them, in the order of the file
/// (Mandiant's definition, by the names that the module gives).
fn import_hash(pe: &PE) -> [u8; 16] {
    let mut text = String::new();
    for import in &pe.import_details {
        let stem = without_ending(import.library_name()).to_lowercase();
        for function in &import.functions {
            let comma = if text.is_empty() { "" } else { "," };
            text.extend([comma, &stem, ".", &function.name().to_lowercase()]);
        }
    }
    Md5::digest(text).into()
}

/// The name of a library without what ends most of them.
fn without_ending(name: &str) -> &str {
    let split = name.len().checked_sub(4).and_then(|at| name.split_at_checked(at));
    let known = |ending: &str| [".dll", ".sys", ".ocx"].iter().any(|known| known.eq_ignore_ascii_case(ending));
    split.filter(|(_, ending)| known(ending)).map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether conditions with this word are told of the file as it is.
    #[track_caller]
    fn check(word: &str, whole: bool) {
        assert_eq!(PeFields::named(&HashSet::from(["pe", word])).whole, whole, "{word}");
    }

    #[test]
    fn what_a_digest_of_the_file_tells_is_asked_of_the_file_as_it_is() {
        ["is_signed", "verified", "file_digest"].into_iter().for_each(|word| check(word, true));
        ["exports", "number_of_exports", "dll_name", "data_directories"].into_iter().for_each(|word| check(word, true));
        ["signatures", "number_of_signatures", "subject", "imphash", "sections"]
            .into_iter()
            .for_each(|word| check(word, false));
    }

    #[test]
    fn endings_of_libraries_are_left_out_before_letters_are_made_small() {
        assert_eq!(without_ending("KERNEL32.DLL"), "KERNEL32");
        assert_eq!(without_ending("a.Sys"), "a");
        assert_eq!(without_ending("a.exe"), "a.exe");
        assert_eq!(without_ending("dll"), "dll");
        // A sigma is another small letter at the end of a word.
        assert_eq!(without_ending("ΑΣ.DLL").to_lowercase(), "ας");
    }

    #[test]
    fn exports_are_left_out_only_where_the_header_has_their_directory() {
        let program = specimens::pe::pe().export("Run").dll().build();
        let copy = without_exports(&program).unwrap();
        assert!(copy.len() == program.len() && copy != program);
        let optional_header = usize::from(program[0x3c]) + 24;
        let mut short = program;
        // The header is said to end before it: what stands there is a section.
        short[optional_header - 4] = 96;
        assert_eq!(without_exports(&short), None);
    }
}
