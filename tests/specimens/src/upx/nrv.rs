//! Streams of NRV2B, NRV2D and NRV2E: bits in words between bytes.

/// Which of the three methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum NrvMethod {
    B,
    D,
    E,
}

/// A step of unpacking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NrvStep {
    /// A byte as it is.
    Byte(u8),
    /// Bytes from so far before the end. At least two; three, where the distance is large.
    Copy {
        /// How far back.
        distance: u32,
        /// How many.
        length: u32,
    },
}

/// Shortest copy that packing makes.
const COPY_MIN: usize = 4;
/// How far back it looks.
const WINDOW: usize = 4096;

struct NrvWriter {
    out: Vec<u8>,
    word_size: usize,
    /// Where the word of the next bit stands, and how many bits of it are free.
    word: usize,
    free: usize,
}

impl NrvWriter {
    fn bit(&mut self, bit: u32) {
        if self.free == 0 {
            self.word = self.out.len();
            self.free = self.word_size * 8;
            self.out.resize(self.word + self.word_size, 0);
        }
        self.free -= 1;
        self.out[self.word + self.free / 8] |= (bit as u8) << (self.free % 8);
    }

    fn number(&mut self, number: u32) {
        let bits = number.ilog2();
        for index in (0..bits).rev() {
            self.bit(number >> index & 1);
            self.bit(u32::from(index == 0));
        }
    }

    /// The upper part of a distance.
    fn upper(&mut self, method: NrvMethod, upper: u32) {
        if method == NrvMethod::B {
            self.number(upper);
            return;
        }
        let (mut bits, mut number) = (vec![1, upper & 1], upper >> 1);
        while number > 1 {
            bits.extend([number & 1, 0]);
            number = (number >> 1) + 1;
            bits.push(number & 1);
            number >>= 1;
        }
        for bit in bits.into_iter().rev() {
            self.bit(bit);
        }
    }

    fn length(&mut self, method: NrvMethod, first_is_told: bool, length: u32) {
        let short = if method == NrvMethod::E { length < 3 } else { length < 4 };
        match method {
            NrvMethod::E if short => self.bit(length - 1),
            NrvMethod::E if length < 5 => {
                self.bit(1);
                self.bit(length - 3);
            }
            NrvMethod::E => {
                self.bit(0);
                self.number(length - 3);
            }
            NrvMethod::B | NrvMethod::D => {
                let both = if short { length } else { 0 };
                if !first_is_told {
                    self.bit(both >> 1);
                }
                self.bit(both & 1);
                if !short {
                    self.number(length - 2);
                }
            }
        }
    }
}

/// The first bit of a length, which D and E tell with the distance.
fn first_of(method: NrvMethod, length: u32) -> u32 {
    let short = if method == NrvMethod::E { length < 3 } else { length < 4 };
    match method {
        NrvMethod::E => u32::from(short),
        NrvMethod::B | NrvMethod::D => {
            if short {
                length >> 1
            } else {
                0
            }
        }
    }
}

/// The stream of these steps, in words of so many bytes.
pub fn nrv_of(method: NrvMethod, word_size: usize, steps: &[NrvStep]) -> Vec<u8> {
    let mut writer = NrvWriter { out: Vec::new(), word_size, word: 0, free: 0 };
    let far = if method == NrvMethod::B { 0xd00 } else { 0x500 };
    let mut last = 1;
    for &step in steps {
        let (distance, length) = match step {
            NrvStep::Byte(byte) => {
                writer.bit(1);
                writer.out.push(byte);
                continue;
            }
            NrvStep::Copy { distance, length } => (distance, length - 1 - u32::from(distance > far)),
        };
        writer.bit(0);
        let first = first_of(method, length);
        if distance == last {
            writer.upper(method, 2);
            if method != NrvMethod::B {
                writer.bit(first);
            }
        } else {
            let whole = if method == NrvMethod::B { distance - 1 } else { (distance - 1) << 1 | (first ^ 1) };
            writer.upper(method, (whole >> 8) + 3);
            writer.out.push(whole as u8);
            last = distance;
        }
        writer.length(method, method != NrvMethod::B, length);
    }
    // A distance that no copy has is the end.
    writer.bit(0);
    writer.upper(method, 0x00ff_ffff + 3);
    writer.out.push(0xff);
    writer.out
}

/// The stream that becomes `bytes`, with copies of what it finds again.
pub fn nrv(method: NrvMethod, word_size: usize, bytes: &[u8]) -> Vec<u8> {
    let mut steps = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let window = at.saturating_sub(WINDOW);
        let is_start = |from: &usize| rest.len() >= COPY_MIN && bytes[*from..].starts_with(&rest[..COPY_MIN]);
        match (window..at).rev().take(64).find(is_start) {
            Some(from) => {
                let length = rest.iter().zip(&bytes[from..]).take_while(|(one, other)| one == other).count();
                steps.push(NrvStep::Copy { distance: (at - from) as u32, length: length as u32 });
                at += length;
            }
            None => {
                steps.push(NrvStep::Byte(rest[0]));
                at += 1;
            }
        }
    }
    nrv_of(method, word_size, &steps)
}
