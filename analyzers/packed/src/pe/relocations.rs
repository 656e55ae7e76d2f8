//! Addresses in the program that depend on where it is loaded. UPX writes them from the highest byte on and without the
//! base, and of their places the distances, so that both pack well.

use crate::numbers::{le16, le32};
use crate::setback::Setback;

/// Places that are read. A large program has some hundred thousand.
const PLACES_MAX: usize = 4 << 20;
/// Addresses of one page share a block of the table.
const PAGE: usize = 0x1000;

/// The places of addresses: offsets in the program, from the distances at `at`.
pub(crate) fn places(image: &[u8], at: usize) -> Result<Vec<usize>, Setback> {
    let mut distances = image.get(at..).ok_or(Setback::Broken)?;
    let mut places = Vec::new();
    // The first distance is from four bytes before the beginning.
    let mut place = 0usize;
    loop {
        let (&first, rest) = distances.split_first().ok_or(Setback::Broken)?;
        let distance;
        (distance, distances) = match first {
            0 => return Ok(places),
            1..0xf0 => (usize::from(first), rest),
            0xf0.. => {
                let far = usize::from(first & 15) << 16 | le16(rest, 0).ok_or(Setback::Broken)?;
                let rest = rest.get(2..).ok_or(Setback::Broken)?;
                if far == 0 {
                    (le32(rest, 0).ok_or(Setback::Broken)?, rest.get(4..).ok_or(Setback::Broken)?)
                } else {
                    (far, rest)
                }
            }
        };
        place = place.checked_add(distance).filter(|place| *place < image.len() + 4).ok_or(Setback::Broken)?;
        if places.len() == PLACES_MAX {
            return Err(Setback::Broken);
        }
        places.push(place.checked_sub(4).ok_or(Setback::Broken)?);
    }
}

/// Writes addresses as the program has them, `base` being that of its first byte.
pub(crate) fn undo(image: &mut [u8], places: &[usize], base: u64, is_64: bool) {
    for &place in places {
        let Some(rest) = image.get_mut(place..) else { continue };
        if is_64 {
            if let Some(address) = rest.first_chunk_mut::<8>() {
                *address = u64::from_be_bytes(*address).wrapping_add(base).to_le_bytes();
            }
        } else if let Some(address) = rest.first_chunk_mut::<4>() {
            *address = u32::from_be_bytes(*address).wrapping_add(low(base)).to_le_bytes();
        }
    }
}

fn low(base: u64) -> u32 {
    let [a, b, c, d, ..] = base.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The table of relocations (PE/COFF, "The .reloc Section") of these places, as addresses in the image.
pub(crate) fn table(addresses: &[usize], is_64: bool) -> Vec<u8> {
    let kind: u16 = if is_64 { 10 } else { 3 };
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    let mut table = Vec::new();
    for block in sorted.chunk_by(|one, next| one / PAGE == next / PAGE) {
        let Some(page) = block.first().map(|first| first / PAGE * PAGE) else { continue };
        let size = 8 + block.len().next_multiple_of(2) * 2;
        for number in [page, size] {
            table.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
        let end = table.len() - 8 + size;
        for address in block {
            let entry = kind << 12 | u16::try_from(address % PAGE).unwrap_or(0);
            table.extend_from_slice(&entry.to_le_bytes());
        }
        table.resize(end, 0);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_become_places() {
        let mut image = vec![0x10, 0x20, 0xf1, 0x02, 0x00, 0xf0, 0, 0, 4, 0, 0, 0, 0];
        image.resize(0x2_0000, 0);
        assert_eq!(places(&image, 0), Ok(vec![0x0c, 0x2c, 0x1002e, 0x10032]));
        assert_eq!(places(&image[..12], 0), Err(Setback::Broken), "no end");
        assert_eq!(places(&image[..0x100], 0), Err(Setback::Broken), "a place outside");
        assert_eq!(places(&image, image.len() + 1), Err(Setback::Broken));
    }

    #[test]
    fn addresses_are_those_of_the_program() {
        let mut image = [0, 0, 0x12, 0x34, 0xff, 0, 0, 0];
        undo(&mut image, &[0, 6], 0x40_1000, false);
        assert_eq!(image, [0x34, 0x22, 0x40, 0, 0xff, 0, 0, 0]);
        let mut image = [0, 0, 0, 0, 0, 0, 0x12, 0x34];
        undo(&mut image, &[0], 0x1_4000_1000, true);
        assert_eq!(u64::from_le_bytes(image), 0x1_4000_2234);
    }

    #[test]
    fn the_table_has_a_block_for_each_page() {
        let bytes = table(&[0x2004, 0x1000, 0x1ffc, 0x1004], false);
        let expected: Vec<u8> = [0x1000u32, 16]
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .chain([0x3000u16, 0x3004, 0x3ffc, 0].iter().flat_map(|entry| entry.to_le_bytes()))
            .chain([0x2000u32, 12].iter().flat_map(|number| number.to_le_bytes()))
            .chain([0x3004u16, 0].iter().flat_map(|entry| entry.to_le_bytes()))
            .collect();
        assert_eq!(bytes, expected);
        assert_eq!(table(&[0x1000], true)[8..10], [0x00, 0xa0]);
    }
}
