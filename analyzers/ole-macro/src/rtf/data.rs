//! The hexadecimal data of objects, put together as Word does it.
//!
//! Word skips everything that is not a digit; unknown words, groups and white space may be between any two. `\'hh`
//! inside of the data is not a byte of it: Word drops it together with a pending digit (Mandiant, How RTF malware
//! evades static signature-based detection, 2016). Data of `\bin` is used unchanged.

/// Data in the making.
#[derive(Default)]
pub(crate) struct HexData {
    /// Decoded bytes.
    pub bytes: Vec<u8>,
    high: Option<u8>,
    /// Places where something stood between digits that no writer puts there.
    pub interruptions: usize,
}

impl HexData {
    /// Takes digits out of `text`, as long as `room` bytes allow. False if there was no room for all.
    pub(super) fn text(&mut self, text: &[u8], room: usize) -> bool {
        for byte in text {
            match char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
                Some(digit) => {
                    if self.bytes.len() >= room {
                        return false;
                    }
                    match self.high.take() {
                        Some(high) => self.bytes.push(high << 4 | digit),
                        None => self.high = Some(digit),
                    }
                }
                // Lines are wrapped by every writer.
                None if byte.is_ascii_whitespace() => {}
                None => self.interruptions += 1,
            }
        }
        true
    }

    /// Takes the bytes of `\bin`.
    pub(super) fn binary(&mut self, bytes: &[u8], room: usize) -> bool {
        self.interruptions += 1;
        let free = room.saturating_sub(self.bytes.len());
        self.bytes.extend(bytes.get(..free).unwrap_or(bytes));
        bytes.len() <= free
    }

    /// Something other than text interrupts the data.
    pub(super) fn interrupt(&mut self) {
        if !self.bytes.is_empty() || self.high.is_some() {
            self.interruptions += 1;
        }
    }

    /// `\'hh` stood in the data.
    pub(super) fn escape(&mut self) {
        self.interrupt();
        self.high = None;
    }
}
