//! Builders of test files: PE, ELF, ZIP and CFB images made in code, so that a test shows what matters
//! and nothing else, and no sample of anything ever enters the repository.

#![forbid(unsafe_code)]

pub mod cfb;
pub mod elf;
pub mod pe;
pub mod zip;
