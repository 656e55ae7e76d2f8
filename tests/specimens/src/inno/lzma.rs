//! LZMA of literals alone (LZMA specification, Igor Pavlov, 2015): nothing gets smaller, and any decoder reads it.

/// Properties: lc 3, lp 0, pb 2, and a dictionary of 64 KiB.
pub(super) const PROPERTIES: [u8; 5] = [0x5d, 0, 0, 1, 0];
const HALF: u16 = 1 << 10;

/// The range coder.
struct RangeCoder {
    low: u64,
    range: u32,
    cache: u8,
    pending: usize,
    out: Vec<u8>,
}

impl RangeCoder {
    fn bit(&mut self, probability: &mut u16, bit: u32) {
        let bound = (self.range >> 11) * u32::from(*probability);
        if bit == 0 {
            self.range = bound;
            *probability += (2048 - *probability) >> 5;
        } else {
            self.low += u64::from(bound);
            self.range -= bound;
            *probability -= *probability >> 5;
        }
        self.normalize();
    }

    /// Bits of equal probability, all of them ones.
    fn ones(&mut self, count: usize) {
        for _ in 0..count {
            self.range >>= 1;
            self.low += u64::from(self.range);
            self.normalize();
        }
    }

    fn normalize(&mut self) {
        while self.range < 1 << 24 {
            self.range <<= 8;
            self.shift();
        }
    }

    fn shift(&mut self) {
        if self.low < 0xff00_0000 || self.low > 0xffff_ffff {
            let carry = (self.low >> 32) as u8;
            for index in 0..self.pending {
                let byte = if index == 0 { self.cache } else { 0xff };
                self.out.push(byte.wrapping_add(carry));
            }
            (self.pending, self.cache) = (0, (self.low >> 24) as u8);
        }
        self.pending += 1;
        self.low = (self.low & 0x00ff_ffff) << 8;
    }
}

/// `bytes` behind the properties, with the mark of the end.
pub(super) fn lzma(bytes: &[u8]) -> Vec<u8> {
    let mut coder = RangeCoder { low: 0, range: u32::MAX, cache: 0, pending: 1, out: PROPERTIES.to_vec() };
    let mut is_match = [HALF; 4];
    let mut literals = vec![[HALF; 0x300]; 8];
    let mut before = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        coder.bit(&mut is_match[at % 4], 0);
        let probabilities = &mut literals[usize::from(before >> 5)];
        let mut symbol = 1;
        for shift in (0..8).rev() {
            let bit = u32::from(byte >> shift & 1);
            coder.bit(&mut probabilities[symbol], bit);
            symbol = symbol << 1 | bit as usize;
        }
        before = byte;
    }
    // A match of the shortest length, from as far away as can be: the end.
    coder.bit(&mut is_match[bytes.len() % 4], 1);
    for _ in 0..5 {
        // No repetition, a short length, and its three bits.
        coder.bit(&mut HALF.clone(), 0);
    }
    for _ in 0..6 {
        coder.bit(&mut HALF.clone(), 1);
    }
    coder.ones(26);
    for _ in 0..4 {
        coder.bit(&mut HALF.clone(), 1);
    }
    for _ in 0..5 {
        coder.shift();
    }
    coder.out
}

/// LZMA2 whose pieces are stored.
pub(super) fn lzma2(bytes: &[u8]) -> Vec<u8> {
    // A dictionary of 64 KiB.
    let mut out = vec![8];
    for (index, piece) in bytes.chunks(1 << 16).enumerate() {
        out.push(if index == 0 { 1 } else { 2 });
        out.extend(((piece.len() - 1) as u16).to_be_bytes());
        out.extend_from_slice(piece);
    }
    out.push(0);
    out
}
