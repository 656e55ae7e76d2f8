//! The rules we ship, built in, so that the program works from any directory.

use std::path::PathBuf;

use crate::RuleFile;

/// Builds in the files named, masked.
///
/// Rule files contain the strings of malware. In plain text they would make scanners, including this one, flag the
/// program. So only their masked form is compiled in.
macro_rules! masked {
    ($($name:literal)*) => {
        &[$(($name, {
            const TEXT: &[u8] = include_bytes!(concat!("../../../../rules/", $name));
            const MASKED: [u8; TEXT.len()] = mask_all(TEXT);
            &MASKED
        })),*]
    };
}

/// Every rule file below `rules/`, by name; a test keeps this list true.
static SHIPPED: &[(&str, &[u8])] = masked! {
    "any/eicar.yar"
    "any/linux_scripts.yar"
    "any/living_off_the_land.yar"
    "any/miners.yar"
    "any/office_parts.yar"
    "any/powershell.yar"
    "any/ransom_notes.yar"
    "any/reverse_shells.yar"
    "any/script_droppers.yar"
    "any/shellcode.yar"
    "any/vba_macros.yar"
    "any/web_shells.yar"
    "elf/bots.yar"
    "elf/implants.yar"
    "elf/packers.yar"
    "office/documents.yar"
    "office/rtf.yar"
    "pe/packers.yar"
    "pe/remote_control.yar"
    "pe/theft.yar"
};

/// The byte at `index` as it is compiled in. Its own inverse. The key moves with the index, so that even a search for
/// text masked by one byte finds nothing.
#[expect(clippy::cast_possible_truncation, reason = "a remainder of 251 is a byte")]
const fn mask(byte: u8, index: usize) -> u8 {
    byte ^ (index % 251) as u8 ^ 0xA5
}

const fn mask_all<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut masked = [0; N];
    let mut index = 0;
    while index < N {
        masked[index] = mask(text[index], index);
        index += 1;
    }
    masked
}

/// The rules we ship, ordered by name.
pub fn shipped() -> Vec<RuleFile> {
    let file = |&(name, masked): &(&str, &[u8])| RuleFile {
        name: name.to_owned(),
        path: PathBuf::new(),
        text: masked.iter().enumerate().map(|(index, &byte)| mask(byte, index)).collect(),
        stamp: None,
    };
    SHIPPED.iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_built_in_is_what_the_directory_holds() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../rules");
        let on_disk = crate::read(&[directory]).unwrap();
        assert_eq!(on_disk.problems, []);
        let plain = |file: RuleFile| (file.name, file.text);
        let on_disk: Vec<_> = on_disk.files.into_iter().map(plain).collect();
        let names = |files: &[(String, Vec<u8>)]| files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
        let built_in: Vec<_> = shipped().into_iter().map(plain).collect();
        assert_eq!(names(&built_in), names(&on_disk));
        assert!(built_in == on_disk);
    }

    #[test]
    fn what_is_compiled_in_cannot_be_read_as_rules() {
        for (name, masked) in SHIPPED {
            for word in ["rule ", "strings", "condition"] {
                let found = masked.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!found, "{name} holds {word:?}");
            }
        }
    }
}
