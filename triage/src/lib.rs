//! Identifies the type of a file by its magic bytes and its structure.
//!
//! Two passes. [`magic`] compares the head of a file with a table of masked signatures, 16 bytes at a time, and
//! is safe to call anywhere, in any process: it looks at 64 bytes and parses nothing. [`triage()`] confirms
//! the candidate by structure (is there a `PE\0\0` where `e_lfanew` points? what does the central
//! directory of this ZIP name?) in bounded time, whatever the input. [`triage_window`] does the same for a
//! file of which only the head is in memory.
//!
//! ```
//! use triage::{Candidate, FileKind, ScriptKind, magic, triage};
//!
//! let script = b"#!/bin/sh\necho hello\n";
//! assert_eq!(triage(script), FileKind::Script(ScriptKind::Shell));
//! assert_eq!(triage(b"").name(), "empty");
//!
//! // Magic bytes alone are only a candidate: this starts like a Windows program, and is none.
//! assert_ne!(magic(b"MZ, said the file"), Candidate::NONE);
//! assert_eq!(triage(b"MZ, said the file"), FileKind::Text);
//! ```
//!
//! Limitations: it does not recognise a ZIP or PE image behind other bytes (the type of a self-extracting archive is
//! that of its first bytes), text that turns binary after 512 bytes, and the contents of a compressed stream. It never
//! fails: unknown data is [`FileKind::Data`]. `docs/triage.md` lists the differences from libmagic.
//!
//! Knows no other crate of this project, reads no file, keeps no state.

#![forbid(unsafe_code)]

mod cfb;
mod compare;
mod confirm;
mod elf;
mod fields;
mod kind;
mod magic;
mod pe;
mod signature;
mod text;
mod unclaimed;
mod window;
mod zip;

pub use compare::{magic, magic_scalar};
pub use confirm::{triage, triage_window};
pub use kind::{
    ArchiveKind, ByteOrder, CfbKind, DosKind, ElfKind, ElfType, Family, FileKind, ImageKind, MediaKind, OoxmlKind,
    PeBits, PeKind, ScriptKind, WordSize, ZipKind,
};
pub use magic::{Candidate, MAGIC_BYTES, MAGICS};
pub use signature::{Confirm, Magic, ShortSignature};
pub use window::{HEAD_BYTES, Window};
