//! Files that are small and claim, or become, very large.

use crate::zip::ZipBuilder;

/// `blocks * 258 + 1` zeros, compressed 1,032 to 1: raw deflate (RFC 1951) with a code of one bit for the longest match.
pub fn deflated_zeros(blocks: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // A final block with dynamic codes: 286 literal and length codes, 1 distance code, 18 code length codes.
    for (value, count) in [(1, 1), (2, 2), (29, 5), (0, 5), (14, 4)] {
        bits.put(value, count);
    }
    // Lengths of the code length codes, in the order of 3.2.7: of 18 one bit, of 1 and 2 two bits.
    for (place, length) in [(2, 1), (15, 2), (17, 2)] {
        bits.lengths[place] = length;
    }
    for length in bits.lengths {
        bits.put(length, 3);
    }
    // Literal 0 has two bits, 256 (end) has two, 285 (258 bytes) has one; distance 0 (one byte back) has one.
    let zeros = |bits: &mut Bits, count: u32| {
        bits.code(0b0, 1);
        bits.put(count - 11, 7);
    };
    bits.code(0b11, 2);
    zeros(&mut bits, 138);
    zeros(&mut bits, 117);
    bits.code(0b11, 2);
    zeros(&mut bits, 28);
    bits.code(0b10, 2);
    bits.code(0b10, 2);
    // A zero, that zero again and again, the end.
    bits.code(0b10, 2);
    for _ in 0..blocks {
        bits.code(0b00, 2);
    }
    bits.code(0b11, 2);
    bits.finish()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
    lengths: [u32; 18],
}

impl Bits {
    /// A number, its lowest bit first.
    fn put(&mut self, value: u32, count: u32) {
        self.held |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// A code, its highest bit first.
    fn code(&mut self, code: u32, count: u32) {
        for bit in (0..count).rev() {
            self.put(code >> bit & 1, 1);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, 7);
        self.bytes
    }
}

/// A ZIP whose `files` entries lie one in the other: each begins with a stored block of deflate that quotes the header
/// of the next, and goes on as the next (Fifield, A better zip bomb, WOOT 2019). `blocks` is for [`deflated_zeros`].
/// Each name is `name`, a number and `.rels`, so that it is read.
pub fn overlapping_entries(name: &str, files: usize, blocks: usize) -> Vec<u8> {
    let kernel = deflated_zeros(blocks);
    let name = |index: usize| format!("{name}{index:05}.rels");
    // From the last to the first: what stands behind each header.
    let (mut compressed, mut inflated) = (kernel.len() as u32, (blocks * 258 + 1) as u32);
    let mut headers = vec![(header(&name(files - 1), compressed, inflated), compressed, inflated)];
    for index in (0..files - 1).rev() {
        let quoted = headers.last().map_or(0, |(header, _, _)| header.len() as u32);
        compressed += 5 + quoted;
        inflated += quoted;
        headers.push((header(&name(index), compressed, inflated), compressed, inflated));
    }
    headers.reverse();
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (index, (header, compressed, inflated)) in headers.iter().enumerate() {
        if index > 0 {
            let length = header.len() as u16;
            file.push(0);
            file.extend(length.to_le_bytes());
            file.extend((!length).to_le_bytes());
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&numbers(*compressed, *inflated));
        directory.extend((name(index).len() as u16).to_le_bytes());
        directory.extend([0; 12]);
        directory.extend((file.len() as u32).to_le_bytes());
        directory.extend(name(index).as_bytes());
        file.extend(header);
    }
    file.extend(kernel);
    let start = file.len() as u32;
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([(files as u16).to_le_bytes(); 2].as_flattened());
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}

/// A local header.
fn header(name: &str, compressed: u32, inflated: u32) -> Vec<u8> {
    let mut header = b"PK\x03\x04".to_vec();
    header.extend(numbers(compressed, inflated));
    header.extend((name.len() as u16).to_le_bytes());
    header.extend([0, 0]);
    header.extend(name.as_bytes());
    header
}

/// Version 2.0, deflate, no time, no CRC, the two sizes.
fn numbers(compressed: u32, inflated: u32) -> Vec<u8> {
    let mut bytes = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0, 0, 0, 0, 0];
    bytes.extend(compressed.to_le_bytes());
    bytes.extend(inflated.to_le_bytes());
    bytes
}

/// Archives one in the other, `depth` of them, all with the same name.
pub fn nested(name: &str, depth: usize) -> Vec<u8> {
    (0..depth).fold(b"the end".to_vec(), |inner, _| ZipBuilder::new().entry(name, &inner).build())
}

/// XML whose last entity would be three billion times `lol`.
pub fn billion_laughs() -> Vec<u8> {
    let mut xml = String::from("<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\">");
    for level in 1..10 {
        let before = if level == 1 { "&lol;".to_owned() } else { format!("&lol{};", level - 1) };
        xml.push_str(&format!("<!ENTITY lol{level} \"{}\">", before.repeat(10)));
    }
    xml.push_str("]><lolz>&lol9;</lolz>");
    xml.into_bytes()
}
