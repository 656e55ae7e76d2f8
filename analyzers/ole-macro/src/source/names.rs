//! Names that no language would make.

/// For each letter, those that follow it at least three times in ten thousand pairs of letters within the words of
/// names that people give, in macros of many languages (505,172 pairs of the development half of the macro corpus).
const COMMON: [&str; 26] = [
    "bcdfghiklmnprstuvwxyz",
    "aeijlorstu",
    "abcehiklmnorstuy",
    "abdefgiloprstu",
    "abcdefgiklmnpqrstuvwxy",
    "aefilorstu",
    "aehilnorsu",
    "aeilort",
    "abcdefgklmnoprstvxz",
    "aeo",
    "abeiorstu",
    "abcdegiklnopstuy",
    "abdeilmnopsuy",
    "abcdefghiklnopstuv",
    "abcdfgiklmnoprstuvwx",
    "acdehiloprstuy",
    "u",
    "acdegiklmnoprstuvy",
    "abceghiklopqstuw",
    "abcehilmnoprstuxy",
    "abcdefilmnprst",
    "aeino",
    "abeinos",
    "cimpt",
    "eps",
    "aeop",
];

/// The same as bits: letters that follow, by letter.
const FOLLOWERS: [u32; 26] = {
    let mut followers = [0; 26];
    let mut letter = 0;
    while letter < 26 {
        let common = COMMON[letter].as_bytes();
        let mut at = 0;
        while at < common.len() {
            followers[letter] |= 1 << (common[at] - b'a');
            at += 1;
        }
        letter += 1;
    }
    followers
};

/// Shortest name that tells anything, in bytes.
const LENGTH_MIN: usize = 6;
/// Longest part of a name that is looked at, in bytes.
const LENGTH_MAX: usize = 64;

/// Whether at least two, and a third, of the pairs of letters in `name` are uncommon. None for names too short to tell.
pub(super) fn is_random(name: &[u8]) -> Option<bool> {
    if name.len() < LENGTH_MIN {
        return None;
    }
    let name = name.get(..LENGTH_MAX).unwrap_or(name);
    let (mut pairs, mut odd) = (0, 0);
    for pair in name.windows(2) {
        let &[a, b] = pair else { continue };
        // `userForm` is two words: a pair across them tells nothing.
        let new_word = a.is_ascii_lowercase() && b.is_ascii_uppercase();
        let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
        if new_word || !b.is_ascii_lowercase() {
            continue;
        }
        let Some(followers) = a.checked_sub(b'a').and_then(|letter| FOLLOWERS.get(usize::from(letter))) else {
            continue;
        };
        pairs += 1;
        odd += usize::from(followers & (1 << (b - b'a')) == 0);
    }
    Some(odd >= 2 && odd * 3 >= pairs)
}
