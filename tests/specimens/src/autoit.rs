//! What the compiler of AutoIt puts behind its interpreter: a script as tokens, and files, each encrypted and packed.
//!
//! ```
//! let bytes = specimens::autoit::compiled(&[&["MsgBox", "(", "0", ")"]], &[("setup.exe", b"MZ")]);
//! assert!(bytes.windows(8).any(|mark| mark == b"AU3!EA06"));
//! ```

const MARK: &[u8] = b"\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7dAU3!EA06";
const OPERATORS: [&str; 16] = [",", "=", ">", "<", "<>", ">=", "<=", "(", ")", "+", "-", "/", "*", "&", "[", "]"];

fn encrypt(bytes: &[u8], key: u32) -> Vec<u8> {
    let mut word = key;
    let mut words: Vec<u32> = Vec::new();
    for _ in 0..17 {
        word = 1u32.wrapping_sub(word.wrapping_mul(0x53a9_b4fb));
        words.push(word);
    }
    let (mut one, mut other) = (0, 10);
    let mut next = || {
        words[one] = words[one].rotate_left(9).wrapping_add(words[other].rotate_left(13));
        let word = words[one];
        (one, other) = ((one + 16) % 17, (other + 16) % 17);
        word
    };
    (0..9).for_each(|_| _ = next());
    bytes
        .iter()
        .map(|byte| {
            next();
            byte ^ (next() >> 24) as u8
        })
        .collect()
}

/// Bits, the highest first.
#[derive(Default)]
struct HighestFirst {
    out: Vec<u8>,
    free: usize,
}

impl HighestFirst {
    fn put(&mut self, number: usize, count: usize) {
        for index in (0..count).rev() {
            if self.free == 0 {
                self.out.push(0);
                self.free = 8;
            }
            self.free -= 1;
            *self.out.last_mut().unwrap() |= ((number >> index & 1) as u8) << self.free;
        }
    }
}

/// Packs by copies of single repeated bytes, and everything else as it is.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut bits = HighestFirst::default();
    let mut at = 0;
    while at < bytes.len() {
        let same = bytes[at..].iter().take_while(|byte| at > 0 && **byte == bytes[at - 1]).count();
        if same < 3 {
            bits.put(1, 1);
            bits.put(usize::from(bytes[at]), 8);
            at += 1;
            continue;
        }
        bits.put(0, 1);
        bits.put(1, 15);
        let mut rest = same - 3;
        for (count, all) in [(2, 3), (3, 7), (5, 31), (8, 255)] {
            bits.put(rest.min(all), count);
            let goes_on = rest >= all;
            rest = rest.saturating_sub(all);
            if !goes_on {
                break;
            }
            if all == 255 {
                while rest >= 255 {
                    bits.put(255, 8);
                    rest -= 255;
                }
                bits.put(rest, 8);
            }
        }
        at += same;
    }
    [b"EA06".as_slice(), &(bytes.len() as u32).to_be_bytes(), &bits.out].concat()
}

/// Tokens of one line: names of variables begin with `$`, of macros with `@`, strings with a quote, numbers with a digit.
fn tokens(line: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in line {
        let operator = OPERATORS.iter().position(|operator| operator == word);
        let (kind, word) = match word.as_bytes()[0] {
            _ if operator.is_some() => {
                out.push(0x40 + operator.unwrap() as u8);
                continue;
            }
            b'0'..=b'9' => {
                out.push(5);
                out.extend(word.parse::<i32>().unwrap().to_le_bytes());
                continue;
            }
            b'$' => (0x33, &word[1..]),
            b'@' => (0x32, &word[1..]),
            b'"' => (0x36, &word[1..]),
            _ => (0x31, *word),
        };
        let units: Vec<u16> = word.encode_utf16().collect();
        out.push(kind);
        out.extend((units.len() as u32).to_le_bytes());
        out.extend(units.iter().flat_map(|unit| (unit ^ units.len() as u16).to_le_bytes()));
    }
    out.push(0x7f);
    out
}

fn file(kind: &str, path: &str, content: &[u8]) -> Vec<u8> {
    let name = |name: &str, mask: u32, key: u32| {
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = units.len() as u32 / 2;
        [(length ^ mask).to_le_bytes().to_vec(), encrypt(&units, key + length)].concat()
    };
    let data = packed(content);
    let sizes = [data.len(), content.len()].map(|size| (size as u32 ^ 0x87bc).to_le_bytes());
    let head = [encrypt(b"FILE", 0x18ee), name(kind, 0xadbc, 0xb33f), name(path, 0xf820, 0xf479)].concat();
    [head, vec![1], sizes.concat(), vec![0; 20], encrypt(&data, 0x2477)].concat()
}

/// What stands behind the interpreter: the script, whose lines are words, and files.
pub fn compiled(script: &[&[&str]], files: &[(&str, &[u8])]) -> Vec<u8> {
    let lines: Vec<u8> = script.iter().flat_map(|line| tokens(line)).collect();
    with_script(&[(script.len() as u32).to_le_bytes().to_vec(), lines].concat(), files)
}

/// The same with a script of any bytes: the number of its lines, and tokens.
pub fn with_script(script: &[u8], files: &[(&str, &[u8])]) -> Vec<u8> {
    let files = files.iter().flat_map(|(path, content)| file(path, path, content));
    [
        MARK.to_vec(),
        vec![0; 16],
        file(">>>AUTOIT SCRIPT<<<", "C:\\a.au3", script),
        files.collect(),
        b"AU3!EA06".to_vec(),
    ]
    .concat()
}
