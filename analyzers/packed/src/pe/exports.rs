//! The functions that a library exports: UPX keeps the table outside, so that others can link to the library, and all its
//! addresses point there.
//!
//! Source: PE/COFF specification, "The .edata Section".

use std::ops::Range;

use analyzers::Budget;

use super::head::PeHead;
use crate::numbers::{le32, put_le32};
use crate::setback::Setback;

/// The table itself, in bytes.
const TABLE: usize = 40;
/// Most names and functions.
const NAMES_MAX: usize = 64 << 10;

/// Copies the table to where the program has it. `directory` is its place in the packed file, `own` in the program, both
/// addresses.
pub(crate) fn restore(
    bytes: &[u8],
    (packed, directory): (&PeHead, Range<usize>),
    image: &mut [u8],
    (own, first): (Range<usize>, usize),
    budget: &mut Budget,
) -> Result<(), Setback> {
    let start = packed.offset(directory.start).ok_or(Setback::Broken)?;
    let length = directory.len().min(own.len());
    let mut copy = bytes.get(start..).and_then(|rest| rest.get(..length)).ok_or(Setback::Broken)?.to_vec();
    let inside = |address: usize| {
        (directory.contains(&address)).then(|| address - directory.start).filter(|place| *place < length)
    };
    let number = |copy: &[u8], at: usize| le32(copy, at).ok_or(Setback::Broken);
    let (functions, names) = (number(&copy, 20)?, number(&copy, 24)?);
    if functions > NAMES_MAX || names > NAMES_MAX || length < TABLE {
        return Err(Setback::Broken);
    }
    budget.step(1 + (functions + names) as u64)?;
    // Rows of names; functions that are forwarded, whose addresses are texts in here.
    for (field, count) in [(32, names), (28, functions)] {
        let Some(rows) = inside(number(&copy, field)?) else { continue };
        for row in (0..count).map(|index| rows + index * 4) {
            if let Some(place) = inside(number(&copy, row)?) {
                put_le32(&mut copy, row, place + own.start).ok_or(Setback::Broken)?;
            }
        }
    }
    for field in [12, 28, 32, 36] {
        if let Some(place) = inside(number(&copy, field)?) {
            put_le32(&mut copy, field, place + own.start).ok_or(Setback::Broken)?;
        }
    }
    let home = own.start.checked_sub(first).ok_or(Setback::Broken)?;
    let room = image.get_mut(home..).and_then(|rest| rest.get_mut(..copy.len())).ok_or(Setback::Broken)?;
    room.copy_from_slice(&copy);
    Ok(())
}
