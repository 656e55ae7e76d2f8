//! Formats of archives: how they begin, and how long they say they are.
//!
//! Sources: 7-Zip, 7zFormat.txt; MS-CAB 2.1; PKWARE APPNOTE 4.3; NSIS, Source/exehead/fileform.h (`firstheader`).

use scroll::{LE, Pread};
use triage::{ArchiveKind, FileKind, magic};

/// How cabinets of Microsoft begin; those of others share the first four bytes.
pub(crate) const CABINET: &[u8] = b"MSCF\0\0\0\0";
/// What stands behind the flags of NSIS.
pub(crate) const NSIS: &[u8] = b"\xef\xbe\xad\xdeNullsoftInst";

/// Format of an archive inside an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Container {
    SevenZip,
    Cabinet,
    Zip,
    Nsis,
    PyInstaller,
    Rar,
    Inno,
}

impl Container {
    /// What begins here, of what another analyzer may open.
    pub(crate) fn at_start(bytes: &[u8]) -> Option<Container> {
        if bytes.get(4..).is_some_and(|rest| rest.starts_with(NSIS)) {
            return Some(Container::Nsis);
        }
        match magic(bytes).kind()? {
            FileKind::Archive(ArchiveKind::SevenZip) => Some(Container::SevenZip),
            FileKind::Archive(ArchiveKind::Cab) if bytes.starts_with(CABINET) => Some(Container::Cabinet),
            FileKind::Ooxml(_) => Some(Container::Zip),
            _ => None,
        }
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Container::SevenZip => "7-Zip",
            Container::Cabinet => "cabinet",
            Container::Zip => "ZIP",
            Container::Nsis => "NSIS",
            Container::PyInstaller => "PyInstaller",
            Container::Rar => "RAR",
            Container::Inno => "Inno Setup",
        }
    }

    /// What it is, where its first bytes may say something else.
    pub(crate) fn kind(self) -> Option<FileKind> {
        match self {
            Container::Nsis => Some(FileKind::Archive(ArchiveKind::Nsis)),
            Container::PyInstaller => Some(FileKind::Archive(ArchiveKind::PyInstaller)),
            _ => None,
        }
    }

    /// Whether an analyzer may open it, wherever it is found.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Container::Rar | Container::Inno)
    }

    /// How many bytes it takes up, as it says; all there are where it does not say, or says more.
    pub(crate) fn length(self, bytes: &[u8]) -> usize {
        let word = |at| bytes.pread_with::<u32>(at, LE).ok().map(|word| word as usize);
        let long = |at| bytes.pread_with::<u64>(at, LE).ok().and_then(|long| usize::try_from(long).ok());
        let said = match self {
            Container::SevenZip => long(12)
                .zip(long(20))
                .and_then(|(offset, size)| offset.checked_add(size))
                .and_then(|end| end.checked_add(32)),
            Container::Cabinet => word(8),
            Container::Nsis => word(24),
            Container::Zip | Container::PyInstaller | Container::Rar | Container::Inno => None,
        };
        said.filter(|&said| said > 0).map_or(bytes.len(), |said| said.min(bytes.len()))
    }
}
