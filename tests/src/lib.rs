//! Builders of test files: PE, ELF, ZIP and CFB images made in code, so that a test shows what matters
//! and nothing else, and no sample of anything ever enters the repository.

#![forbid(unsafe_code)]

pub mod cfb;
pub mod elf;
pub mod pe;
pub mod zip;

/// The EICAR anti-virus test file, put together at run time so that no source is taken for it.
pub fn eicar() -> Vec<u8> {
    let halves = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];
    halves.concat().into_bytes()
}
