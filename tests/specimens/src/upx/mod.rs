//! Packs programs as UPX lays them out. The unpacker is zeros, so nothing that is built here could run.
//!
//! ```
//! use specimens::{elf, upx};
//!
//! let packed = upx::upx(&elf::ordinary().build()).mark(*b"LSD!").build();
//! assert!(packed.starts_with(b"\x7fELF") && !packed.windows(4).any(|mark| mark == b"UPX!"));
//! ```

mod elf;
mod nrv;
mod pe;

pub use nrv::{NrvMethod, NrvStep, nrv, nrv_of};

/// How UPX calls its methods: NRV2B, D and E, each with words of four, one and two bytes.
const METHODS: [NrvMethod; 3] = [NrvMethod::B, NrvMethod::D, NrvMethod::E];
const WORD_SIZES: [usize; 3] = [4, 1, 2];

/// A program to be packed.
#[derive(Clone, Debug)]
pub struct UpxBuilder {
    program: Vec<u8>,
    method: u8,
    mark: [u8; 4],
    filter: u8,
    unpacker: usize,
    without_record: bool,
    inner_mark: Option<[u8; 4]>,
}

/// Packs `program`, an ELF program or a PE image as the other builders make them, by NRV2B.
pub fn upx(program: &[u8]) -> UpxBuilder {
    UpxBuilder {
        program: program.to_vec(),
        method: 2,
        mark: *b"UPX!",
        filter: 0,
        unpacker: 2_000,
        without_record: false,
        inner_mark: None,
    }
}

impl UpxBuilder {
    /// Packs by the method of this number, 2 to 10.
    pub fn method(mut self, number: u8) -> Self {
        self.method = number;
        self
    }

    /// Puts other bytes in the place of the packer's mark.
    pub fn mark(mut self, mark: [u8; 4]) -> Self {
        self.mark = mark;
        self
    }

    /// Puts other bytes in the place of the first four of a packed ELF header.
    pub fn inner_mark(mut self, mark: [u8; 4]) -> Self {
        self.inner_mark = Some(mark);
        self
    }

    /// Says that the code was filtered so, with a mark of 0xff, and filters nothing.
    pub fn filter(mut self, number: u8) -> Self {
        self.filter = number;
        self
    }

    /// Makes the unpacker this long.
    pub fn unpacker(mut self, length: usize) -> Self {
        self.unpacker = length;
        self
    }

    /// Leaves the record out that says how a PE image is packed.
    pub fn without_record(mut self) -> Self {
        self.without_record = true;
        self
    }

    /// The packed program.
    pub fn build(self) -> Vec<u8> {
        if self.program.starts_with(b"MZ") { pe::packed(&self) } else { elf::packed(&self) }
    }

    fn pack(&self, bytes: &[u8]) -> Vec<u8> {
        let number = usize::from(self.method - 2);
        nrv(METHODS[number / 3], WORD_SIZES[number % 3], bytes)
    }
}
