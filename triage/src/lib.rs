//! What is it? The kind of a file by its magic bytes and its structure.
//!
//! Two passes. [`magic`] compares the head of a file with a table of masked signatures by SIMD and is
//! safe to call anywhere, in any process: it looks at 64 bytes and parses nothing. [`triage`] confirms
//! the candidate by structure (is there a `PE\0\0` where `e_lfanew` points? what does the central
//! directory of this ZIP name?) in bounded time, whatever the input.
//!
//! Knows no other crate of this project, reads no file, keeps no state.

#![forbid(unsafe_code)]

mod kind;

pub use kind::{
    ArchiveKind, ByteOrder, CfbKind, DosKind, ElfKind, ElfType, Family, FileKind, ImageKind, MediaKind, OoxmlKind,
    PeBits, PeKind, ScriptKind, WordSize, ZipKind,
};
