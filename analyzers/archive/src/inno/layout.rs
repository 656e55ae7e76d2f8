//! What the versions of Inno Setup differ in, as far as it is read. The setup data begin with the version of their format.
//!
//! Source: Inno Setup, Projects/Src/Shared.Struct.pas of each release (`SetupID`, `TSetupFileEntry`,
//! `TSetupFileLocationEntry`), and for what is older than the published history, innoextract, src/setup.

use super::calls::CallFilter;
use super::sum::SumKind;

/// How setup data begin, and their length.
const ID: &[u8] = b"Inno Setup Setup Data (";
pub(super) const ID_LENGTH: usize = 64;
/// The versions of the format that are known.
const FIRST: FormatVersion = [4, 2, 5, 0];
const LAST: FormatVersion = [7, 0, 0, 3];
/// Length of the header of encryption, with its checksum.
const ENCRYPTION: usize = 4 + 49;

type FormatVersion = [u8; 4];

/// The format of one version.
#[derive(Clone, Copy)]
pub(super) struct SetupLayout {
    /// Whether strings are UTF-16.
    pub(super) is_wide: bool,
    /// Length of what stands between the version and the first block.
    pub(super) encryption: usize,
    /// Length of the size of a block.
    pub(super) block_size: usize,
    pub(super) calls: CallFilter,
    /// Salt before what is packed, where it is encrypted.
    pub(super) salt: usize,
    /// Where files lie.
    pub(super) location: LocationLayout,
    /// What files are called.
    pub(super) name: NameLayout,
}

/// The fields of where a file lies, in order: slices, place, place in what is unpacked, size, packed size, checksum, times
/// and versions, flags.
#[derive(Clone, Copy)]
pub(super) struct LocationLayout {
    /// Length of the place.
    pub(super) start: usize,
    pub(super) sum: SumKind,
    /// Length from the flags on.
    pub(super) flags: usize,
    /// Bits of the flags.
    pub(super) is_filtered: u8,
    pub(super) is_encrypted: u8,
    pub(super) is_packed: u8,
}

/// The fields of a file's entry: strings, the second of which is the name, then what has a fixed length.
#[derive(Clone, Copy)]
pub(super) struct NameLayout {
    pub(super) strings: usize,
    pub(super) fixed: usize,
    /// Where the number of the location stands, behind strings, and the number of the permissions.
    pub(super) location: usize,
    pub(super) permissions: usize,
}

impl SetupLayout {
    /// What the setup data that begin with `id` look like. Otherwise their version, as they say it.
    pub(super) fn of(id: &[u8]) -> Result<SetupLayout, String> {
        let rest = id.strip_prefix(ID).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b')').unwrap_or(rest.len());
        let (version, mark) = rest.split_at(end);
        let said = String::from_utf8_lossy(version);
        let end = mark.iter().position(|&byte| byte == 0).unwrap_or(mark.len());
        let is_marked = match mark.get(..end) {
            Some(b")") => false,
            Some(b") (u)") => true,
            _ => return Err(said.into_owned()),
        };
        match parse(&said).filter(|version| (FIRST..=LAST).contains(version)) {
            Some(version) => Ok(SetupLayout::new(version, is_marked || version >= [6, 3, 0, 0])),
            None => Err(said.into_owned()),
        }
    }

    fn new(version: FormatVersion, is_wide: bool) -> SetupLayout {
        SetupLayout {
            is_wide,
            encryption: if version >= [6, 5, 0, 0] { ENCRYPTION } else { 0 },
            block_size: if version >= [6, 7, 0, 0] { 8 } else { 4 },
            calls: match version {
                _ if version >= [5, 3, 9, 0] => CallFilter::Blocks { is_sign_kept: false },
                _ if version >= [5, 2, 0, 0] => CallFilter::Blocks { is_sign_kept: true },
                _ => CallFilter::Running,
            },
            salt: if version >= [6, 4, 0, 0] { 0 } else { 8 },
            location: LocationLayout::new(version),
            name: NameLayout::new(version),
        }
    }
}

impl LocationLayout {
    /// Length of an entry.
    pub(super) fn length(&self) -> usize {
        8 + self.start + 24 + self.sum.length() + 16 + self.flags
    }

    fn new(version: FormatVersion) -> LocationLayout {
        let (is_filtered, is_encrypted, is_packed) = if version >= [6, 4, 3, 0] { (2, 3, 4) } else { (4, 6, 7) };
        LocationLayout {
            start: if version >= [6, 5, 2, 0] { 8 } else { 4 },
            sum: match version {
                _ if version >= [6, 4, 0, 0] => SumKind::Sha256,
                _ if version >= [5, 3, 9, 0] => SumKind::Sha1,
                _ => SumKind::Md5,
            },
            flags: match version {
                _ if version >= [6, 4, 3, 0] => 1,
                // Whether it is signed stands behind them.
                _ if version >= [6, 3, 0, 0] => 3,
                _ if version >= [5, 1, 13, 0] => 2,
                _ => 1,
            },
            is_filtered,
            is_encrypted,
            is_packed,
        }
    }
}

impl NameLayout {
    fn new(version: FormatVersion) -> NameLayout {
        // Versions of Windows stand first, as of 6.5 a digest before them.
        let location = if version >= [6, 5, 0, 0] { 33 + 20 } else { 20 };
        let permissions = location + 4 + 4 + 8;
        let options = match version {
            _ if version >= [7, 0, 0, 3] => 9,
            _ if version >= [6, 7, 0, 0] => 8,
            _ if version >= [6, 5, 0, 0] => 5,
            _ => 4,
        };
        NameLayout {
            strings: match version {
                _ if version >= [6, 5, 0, 0] => 16,
                _ if version >= [5, 2, 5, 0] => 10,
                _ => 9,
            },
            fixed: permissions + 2 + options + 1,
            location,
            permissions,
        }
    }
}

/// Three or four numbers between dots.
fn parse(version: &str) -> Option<FormatVersion> {
    let mut parsed = [0; 4];
    let mut numbers = version.split('.');
    for (place, index) in parsed.iter_mut().zip(0..) {
        match numbers.next() {
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => *place = number.parse().ok()?,
            None if index == 3 => {}
            _ => return None,
        }
    }
    numbers.next().is_none().then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &[u8]) -> Result<SetupLayout, String> {
        let mut id = id.to_vec();
        id.resize(ID_LENGTH, 0);
        SetupLayout::of(&id)
    }

    /// Lengths of a location's and a file's entry, and whether strings are wide.
    fn lengths(id: &[u8]) -> (usize, usize, bool) {
        let layout = of(id).ok().unwrap();
        (layout.location.length(), layout.name.fixed, layout.is_wide)
    }

    #[test]
    fn entries_are_as_long_as_their_version_has_them() {
        for (id, expected) in [
            (b"Inno Setup Setup Data (4.2.6)".as_slice(), (69, 43, false)),
            (b"Inno Setup Setup Data (5.1.13)", (70, 43, false)),
            (b"Inno Setup Setup Data (5.3.8) (u)", (70, 43, true)),
            (b"Inno Setup Setup Data (5.3.9)", (74, 43, false)),
            (b"Inno Setup Setup Data (6.2.0) (u)", (74, 43, true)),
            (b"Inno Setup Setup Data (6.3.0)", (75, 43, true)),
            (b"Inno Setup Setup Data (6.4.0.1)", (87, 43, true)),
            (b"Inno Setup Setup Data (6.4.3)", (85, 43, true)),
            (b"Inno Setup Setup Data (6.5.0)", (85, 77, true)),
            (b"Inno Setup Setup Data (6.5.2)", (89, 77, true)),
            (b"Inno Setup Setup Data (6.7.0)", (89, 80, true)),
            (b"Inno Setup Setup Data (7.0.0.3)", (89, 81, true)),
        ] {
            assert_eq!(lengths(id), expected, "{}", String::from_utf8_lossy(id));
        }
    }

    #[test]
    fn versions_that_are_not_known_are_said() {
        for (id, expected) in [
            (b"Inno Setup Setup Data (2.0.18)".as_slice(), "2.0.18"),
            (b"Inno Setup Setup Data (7.0.0.4)", "7.0.0.4"),
            (b"Inno Setup Setup Data (5.5)", "5.5"),
            (b"Inno Setup Setup Data (5.5.256)", "5.5.256"),
            (b"Inno Setup Setup Data (5.5.+7)", "5.5.+7"),
            (b"Inno Setup Setup Data (5.5.0) (x)", "5.5.0"),
            (b"something else", ""),
        ] {
            assert_eq!(of(id).err().as_deref(), Some(expected));
        }
    }
}
