//! Interpreters that scripts are bound to, and the programs that installers run, known by what they import.
//!
//! An interpreter imports whatever any script may use: to fetch, to start programs, to watch the keyboard. That says nothing
//! of the script that is there. The libraries of one hardly change between its versions, and nothing else has all of them:
//! of 15,224 images of the development corpus 338 have one of these sets, and each is the interpreter.
//!
//! Sources: import tables of AutoIt 3.2 to 3.3.18, AutoHotkey 1.0.48 to 2.0, and the setup program of Inno Setup 5 and 6.

use std::ops::RangeInclusive;

/// Libraries of an image that are kept to tell whether one comes again: more than any interpreter has.
const SEEN_MAX: usize = 24;

/// An interpreter: the libraries that it imports, and how many functions.
struct Interpreter {
    name: &'static str,
    libraries: LibrarySet,
    functions: RangeInclusive<u32>,
}

const INTERPRETERS: [Interpreter; 13] = [
    known(
        "AutoIt",
        "advapi32 comctl32 comdlg32 gdi32 iphlpapi kernel32 mpr ole32 oleaut32 psapi shell32 user32 userenv \
         uxtheme version wininet winmm wsock32",
        480..=580,
    ),
    known(
        "AutoIt",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 mpr ole32 oleaut32 psapi shell32 user32 userenv version \
         wininet winmm wsock32",
        470..=560,
    ),
    known(
        "AutoIt",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 mpr ole32 oleaut32 shell32 user32 version winmm wsock32",
        390..=480,
    ),
    known(
        "AutoHotkey",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 ole32 oleaut32 shell32 user32 version winmm wsock32",
        340..=460,
    ),
    known(
        "AutoHotkey",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 ole32 oleaut32 psapi shell32 user32 version winmm \
         wsock32",
        390..=490,
    ),
    known(
        "AutoHotkey",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 ole32 oleaut32 psapi shell32 user32 version wininet \
         winmm wsock32",
        430..=500,
    ),
    known(
        "AutoHotkey",
        "advapi32 comctl32 dwmapi gdi32 kernel32 ole32 oleaut32 psapi shell32 shlwapi user32 uxtheme \
         version wininet winmm wsock32",
        440..=530,
    ),
    known(
        "Inno Setup",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 mpr ole32 oleaut32 shell32 user32 version",
        400..=450,
    ),
    known(
        "Inno Setup",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 mpr msimg32 ole32 oleaut32 shell32 user32 version",
        410..=560,
    ),
    known(
        "Inno Setup",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 mpr netapi32 ole32 oleaut32 shell32 user32 version",
        490..=550,
    ),
    known(
        "Inno Setup",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 mpr msvcrt netapi32 ole32 oleaut32 shell32 user32 \
         version winhttp",
        520..=580,
    ),
    known(
        "Inno Setup",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 mpr msvcrt ole32 oleaut32 shell32 user32 version winhttp",
        530..=590,
    ),
    known(
        "Inno Setup",
        "advapi32 comctl32 comdlg32 gdi32 kernel32 mpr msvcrt ntdll ole32 oleaut32 shell32 user32 version \
         winhttp wtsapi32",
        540..=600,
    ),
];

const fn known(name: &'static str, libraries: &str, functions: RangeInclusive<u32>) -> Interpreter {
    Interpreter { name, libraries: LibrarySet::of(libraries), functions }
}

/// The name of the interpreter that imports these libraries, and about as many functions.
pub(crate) fn of(libraries: LibrarySet, functions: u32) -> Option<&'static str> {
    let is_of = |known: &&Interpreter| known.libraries == libraries && known.functions.contains(&functions);
    INTERPRETERS.iter().find(is_of).map(|known| known.name)
}

/// Names of libraries in any order, as one number: their count, and the sum of what is made of each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct LibrarySet {
    count: u32,
    sum: u64,
}

impl LibrarySet {
    /// Of names without their ends, with spaces between them.
    const fn of(names: &str) -> Self {
        let (names, mut set) = (names.as_bytes(), LibrarySet { count: 0, sum: 0 });
        let (mut at, mut start) = (0, 0);
        while at <= names.len() {
            if at == names.len() || names[at] == b' ' {
                set.count += 1;
                set.sum = set.sum.wrapping_add(mixed(names, start, at));
                start = at + 1;
            }
            at += 1;
        }
        set
    }
}

/// The libraries of one image, each once: some linkers list one several times.
#[derive(Default, Debug)]
pub(crate) struct SeenLibraries {
    /// What was made of the first names.
    names: [u64; SEEN_MAX],
    set: LibrarySet,
}

impl SeenLibraries {
    pub(crate) fn insert(&mut self, name: &[u8]) {
        let stem = match name.split_last_chunk::<4>() {
            Some((stem, end)) if end.eq_ignore_ascii_case(b".dll") => stem,
            _ => name,
        };
        let name = mixed(stem, 0, stem.len());
        let count = self.set.count as usize;
        if self.names.iter().take(count).any(|&seen| seen == name) {
            return;
        }
        if let Some(place) = self.names.get_mut(count) {
            *place = name;
        }
        self.set = LibrarySet { count: self.set.count.saturating_add(1), sum: self.set.sum.wrapping_add(name) };
    }

    pub(crate) fn set(&self) -> LibrarySet {
        self.set
    }
}

/// Of the bytes from `start` to `end`, in small letters: FNV-1a (Fowler, Noll, Vo).
const fn mixed(bytes: &[u8], start: usize, end: usize) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, start);
    while at < end {
        hash = (hash ^ bytes[at].to_ascii_lowercase() as u64).wrapping_mul(0x100_0000_01b3);
        at += 1;
    }
    hash
}
