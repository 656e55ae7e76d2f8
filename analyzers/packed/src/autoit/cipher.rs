//! The stream of bytes that AutoIt encrypts with: a lagged generator of 17 words.

/// Words, and the distance between the two that are mixed.
const WORDS: usize = 17;
const LAG: usize = 10;
/// Numbers that are passed over at the start.
const WARM_UP: usize = 9;

struct Keystream {
    words: [u32; WORDS],
    one: usize,
    other: usize,
}

impl Keystream {
    fn new(key: u32) -> Self {
        let (mut words, mut word) = ([0; WORDS], key);
        for place in &mut words {
            word = 1u32.wrapping_sub(word.wrapping_mul(0x53a9_b4fb));
            *place = word;
        }
        let mut stream = Keystream { words, one: 0, other: LAG };
        for _ in 0..WARM_UP {
            stream.next();
        }
        stream
    }

    fn next(&mut self) -> u32 {
        let at = |index: usize| self.words.get(index).copied().unwrap_or(0);
        let word = at(self.one).rotate_left(9).wrapping_add(at(self.other).rotate_left(13));
        if let Some(place) = self.words.get_mut(self.one) {
            *place = word;
        }
        let before = |index: usize| index.checked_sub(1).unwrap_or(WORDS - 1);
        (self.one, self.other) = (before(self.one), before(self.other));
        word
    }

    /// The upper eight bits of every second number.
    fn byte(&mut self) -> u8 {
        self.next();
        self.next().to_be_bytes()[0]
    }
}

/// Decrypts, or encrypts: it is the same.
pub(super) fn decrypt(bytes: &[u8], key: u32) -> Vec<u8> {
    let mut stream = Keystream::new(key);
    bytes.iter().map(|byte| byte ^ stream.byte()).collect()
}
