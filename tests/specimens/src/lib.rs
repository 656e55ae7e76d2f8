//! Builders of files that do no harm: PE, ELF, ZIP, compound files and Office documents, made in code. A test shows
//! what matters and nothing else, `stakeout demo` has something to post, and no sample of anything ever enters the
//! repository.
//!
//! ```
//! use specimens::pe::{CODE, pe, plain_code};
//!
//! let program = pe().section(".text", CODE, plain_code(4096)).import("kernel32.dll", &["ExitProcess"]).build();
//! assert!(program.starts_with(b"MZ"));
//! assert_eq!(specimens::zip::ZipBuilder::new().build().len(), 22, "an archive of nothing is its end record");
//! ```

#![allow(clippy::cast_possible_truncation, reason = "a builder of files: what it casts is its own")]
#![forbid(unsafe_code)]

pub mod archive;
pub mod autoit;
pub mod biff;
pub mod bomb;
pub mod cfb;
pub mod crypt;
pub mod doc;
pub mod elf;
pub mod inno;
pub mod ooxml;
pub mod pe;
pub mod quine;
pub mod rtf;
pub mod samples;
pub mod upx;
pub mod vba;
pub mod zip;

/// The EICAR anti-virus test file. It stands here backwards, so that neither source nor binary is taken for it.
pub fn eicar() -> Vec<u8> {
    r"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X".bytes().rev().collect()
}
