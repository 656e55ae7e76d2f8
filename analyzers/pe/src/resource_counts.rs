//! Counts resources while they are walked, for measures: how many of which type, how large and even.

use analyzers::{Budget, Exhausted, entropy};

use crate::entropy::entropy_of_bytes;

/// Bytes of one resource whose evenness is taken, and of all of them.
const ENTROPY_BYTES_MAX: usize = 200 << 10;
const ENTROPY_BYTES_ALL: usize = 1 << 20;
/// Smallest resource whose evenness means something.
const ENTROPY_BYTES_MIN: usize = 512;
/// Smallest resource of raw data that may hold a program.
const RAW_BYTES_MIN: usize = 2 << 10;
/// Languages that are told apart; further ones do not count.
const LANGUAGES_MAX: usize = 64;
/// Types with a number of their own are below this.
const TYPES: usize = 25;
/// RT_RCDATA: raw data.
const RAW: u32 = 10;
/// What the type's number has where it is a name.
const NAMED: u32 = 1 << 31;

/// What is counted of resources while they are walked. Scratch, reused from file to file.
#[derive(Default, Debug)]
pub(crate) struct ResourceCounts {
    pub(crate) types: [u32; TYPES],
    pub(crate) named: u32,
    pub(crate) leaves: u32,
    pub(crate) bytes: usize,
    pub(crate) largest: usize,
    pub(crate) highest_entropy: u32,
    pub(crate) raw_entropy: u32,
    pub(crate) raw_largest: usize,
    pub(crate) raw_images: u32,
    measured: usize,
    pub(crate) languages: Vec<u16>,
}

impl ResourceCounts {
    /// A language of some resource.
    pub(crate) fn language(&mut self, id: u32) {
        let id = (id & 0xffff) as u16;
        if self.languages.len() < LANGUAGES_MAX && !self.languages.contains(&id) {
            self.languages.push(id);
        }
    }

    /// A resource.
    pub(crate) fn leaf(&mut self, type_id: u32, data: &[u8], budget: &mut Budget) -> Result<(), Exhausted> {
        self.leaves += 1;
        self.bytes = self.bytes.saturating_add(data.len());
        self.largest = self.largest.max(data.len());
        if type_id & NAMED != 0 {
            self.named += 1;
        } else if let Some(count) = self.types.get_mut(type_id as usize) {
            *count += 1;
        }
        if data.len() < ENTROPY_BYTES_MIN || self.measured > ENTROPY_BYTES_ALL {
            return Ok(());
        }
        let head = data.get(..ENTROPY_BYTES_MAX).unwrap_or(data);
        self.measured += head.len();
        budget.step(1 + (head.len() >> 16) as u64)?;
        let even = entropy(entropy_of_bytes(head));
        self.highest_entropy = self.highest_entropy.max(even);
        if data.len() > RAW_BYTES_MIN && (type_id == RAW || type_id & NAMED != 0) {
            self.raw_entropy = self.raw_entropy.max(even);
            self.raw_largest = self.raw_largest.max(data.len());
            self.raw_images += u32::from(data.starts_with(b"MZ"));
        }
        Ok(())
    }
}
