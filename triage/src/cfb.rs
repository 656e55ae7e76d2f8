//! MS-CFB: whose compound file is it? The names in its directory say.
//!
//! Lenient, for Office is: whatever can be read of the directory speaks, and a file with the signature stays a
//! compound file however broken it is. Chains may be cyclic and sectors may lie anywhere, so the walk counts
//! its steps. Section numbers are those of MS-CFB.

use crate::kind::CfbKind;
use crate::window::{HEAD_BYTES, Pages, View, le16, le32};

/// Directory sectors that are looked at: 4 entries each in version 3, 32 in version 4.
const DIRECTORY_SECTORS_MAX: usize = 512;
/// Directory entries that are looked at. Office writes its main stream among the first.
const ENTRIES_MAX: usize = 2048;
/// DIFAT sectors that are followed for one lookup: enough for 1 GiB of 512-byte sectors.
const DIFAT_SECTORS_MAX: u32 = 128;
/// Reads of the allocation tables in all, for chains made to take the longest way.
const LOOKUPS_MAX: u32 = 2048;

/// 2.6.1: the size of a directory entry; 2.1: the largest number of a sector or of an entry.
const ENTRY_BYTES: usize = 128;
const SECTOR_MAX: u32 = 0xffff_fffa;
/// 2.2: how many FAT sectors the header lists.
const HEADER_DIFAT: u32 = 109;

/// The kind of the compound file that is looked at.
pub(crate) fn kind(view: &mut View<'_>) -> CfbKind {
    let head = view.head();
    let sector_shift = match le16(head, 30) {
        Some(12) => 12,
        _ => 9,
    };
    let (Some(directory), Some(difat)) = (le32(head, 48), le32(head, 68)) else { return CfbKind::Other };
    let mut file = Cfb {
        head,
        table: SectorTable { sector: SECTOR_MAX, length: 0, bytes: [0; HEAD_BYTES] },
        pages: Pages::new(view),
        sector_shift,
        difat,
        lookups: 0,
    };
    let entries = file.directory(directory);
    top_level(&entries).or_else(|| entries.iter().filter_map(|entry| entry.sign).min()).map_or(CfbKind::Other, of)
}

/// What an entry indicates about the file, the strongest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FormatHint {
    Encrypted,
    Msi,
    Outlook,
    Word,
    Excel,
    PowerPoint,
}

fn of(sign: FormatHint) -> CfbKind {
    match sign {
        FormatHint::Encrypted => CfbKind::Encrypted,
        FormatHint::Msi => CfbKind::Msi,
        FormatHint::Outlook => CfbKind::Outlook,
        FormatHint::Word => CfbKind::Word,
        FormatHint::Excel => CfbKind::Excel,
        FormatHint::PowerPoint => CfbKind::PowerPoint,
    }
}

/// A directory entry, as far as it matters here (2.6.1).
struct DirectoryEntry {
    sign: Option<FormatHint>,
    left: u32,
    right: u32,
    child: u32,
}

impl DirectoryEntry {
    fn read(bytes: &[u8]) -> Option<DirectoryEntry> {
        let name = bytes.get(..64)?;
        let name = name.get(..usize::from(le16(bytes, 64)?.saturating_sub(2))).unwrap_or(name);
        let class = bytes.get(80..96)?;
        let sign = match *bytes.get(66)? {
            0 => None,
            5 => class_sign(class),
            _ => name_sign(name),
        };
        Some(DirectoryEntry { sign, left: le32(bytes, 68)?, right: le32(bytes, 72)?, child: le32(bytes, 76)? })
    }
}

/// Format by the class of the root storage, if no stream decides.
fn class_sign(class: &[u8]) -> Option<FormatHint> {
    // All are {0002xxxx or 000Cxxxx-0000-0000-C000-000000000046}; the first field is little-endian.
    if class.get(4..)? != [0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46] {
        return None;
    }
    match le32(class, 0)? {
        // Windows Installer package, transform and patch, then the classes that Office registers.
        0x000c_1084 | 0x000c_1082 | 0x000c_1086 => Some(FormatHint::Msi),
        0x0002_0d0b => Some(FormatHint::Outlook),
        0x0002_0906 | 0x0002_0900 => Some(FormatHint::Word),
        0x0002_0820 | 0x0002_0810 => Some(FormatHint::Excel),
        _ => None,
    }
}

/// Format by the name of a stream or storage. Names are UTF-16 and compared without case (2.6.4).
fn name_sign(name: &[u8]) -> Option<FormatHint> {
    // Windows Installer packs two characters into one of U+3800 to U+4840; tables begin with U+4840.
    if name.starts_with(&[0x40, 0x48]) {
        return Some(FormatHint::Msi);
    }
    let is = |wanted: &str| name.len() == 2 * wanted.len() && begins(name, wanted);
    // MS-OFFCRYPTO 2.3.4, MS-DOC 2.1.1, MS-XLS 2.1.2, MS-PPT 2.1.2, MS-OXMSG 2.1.
    if is("EncryptedPackage") {
        Some(FormatHint::Encrypted)
    } else if is("__properties_version1.0") || is("__nameid_version1.0") {
        Some(FormatHint::Outlook)
    } else if is("WordDocument") {
        Some(FormatHint::Word)
    } else if is("Workbook") || is("Book") {
        Some(FormatHint::Excel)
    } else if is("PowerPoint Document") {
        Some(FormatHint::PowerPoint)
    } else {
        None
    }
}

fn begins(name: &[u8], wanted: &str) -> bool {
    let units = name.chunks_exact(2);
    units
        .zip(wanted.bytes())
        .all(|(unit, byte)| unit.first().is_some_and(|low| low.eq_ignore_ascii_case(&byte)) && unit.get(1) == Some(&0))
}

/// The strongest sign among the root storage and its children: what lies deeper belongs to embedded objects.
fn top_level(entries: &[DirectoryEntry]) -> Option<FormatHint> {
    let root = entries.first()?;
    let mut visited = vec![false; entries.len()];
    let mut pending = vec![root.child];
    let mut strongest = None;
    while let Some(id) = pending.pop() {
        let id = id as usize;
        let (Some(entry), Some(visited)) = (entries.get(id), visited.get_mut(id)) else { continue };
        if std::mem::replace(visited, true) {
            continue;
        }
        strongest = stronger(strongest, entry.sign);
        pending.extend([entry.left, entry.right]);
    }
    match (strongest, root.sign) {
        // An installer database may hold a stream of any name.
        (_, Some(FormatHint::Msi)) => root.sign,
        (None, sign) => sign,
        (sign, _) => sign,
    }
}

fn stronger(a: Option<FormatHint>, b: Option<FormatHint>) -> Option<FormatHint> {
    a.into_iter().chain(b).min()
}

/// The FAT or DIFAT sector that was read last.
struct SectorTable {
    sector: u32,
    length: usize,
    bytes: [u8; HEAD_BYTES],
}

/// A compound file being read.
struct Cfb<'v, 'a> {
    head: &'a [u8],
    /// Sectors of the directory are read through these, sectors of the tables through `table`: a walk takes
    /// turns between them.
    pages: Pages<'v, 'a>,
    table: SectorTable,
    sector_shift: u32,
    difat: u32,
    lookups: u32,
}

impl Cfb<'_, '_> {
    /// The entries of the directory whose first sector is `sector`.
    fn directory(&mut self, mut sector: u32) -> Vec<DirectoryEntry> {
        let mut entries = Vec::new();
        for _ in 0..DIRECTORY_SECTORS_MAX {
            let at = self.offset(sector);
            let bytes = self.pages.bytes(at, 1 << self.sector_shift);
            let room = ENTRIES_MAX - entries.len();
            entries.extend(bytes.chunks_exact(ENTRY_BYTES).take(room).filter_map(DirectoryEntry::read));
            match self.next(sector) {
                Some(next) if entries.len() < ENTRIES_MAX => sector = next,
                _ => break,
            }
        }
        entries
    }

    /// 2.2: the header takes the place of one sector.
    fn offset(&self, sector: u32) -> u64 {
        (u64::from(sector) + 1) << self.sector_shift
    }

    /// The sector that follows `sector` in its chain (2.3).
    fn next(&mut self, sector: u32) -> Option<u32> {
        let per_sector = 1 << (self.sector_shift - 2);
        let fat_sector = self.fat_sector(sector / per_sector)?;
        self.lookup(fat_sector, sector % per_sector)
    }

    /// Sector of part `part` of the FAT: the header lists the first ones, DIFAT sectors the rest (2.5).
    fn fat_sector(&mut self, part: u32) -> Option<u32> {
        if part < HEADER_DIFAT {
            return le32(self.head, 76 + 4 * part as usize).filter(|sector| *sector < SECTOR_MAX);
        }
        // The last number of a DIFAT sector is that of the next one.
        let per_sector = (1 << (self.sector_shift - 2)) - 1;
        let part = part - HEADER_DIFAT;
        if part / per_sector >= DIFAT_SECTORS_MAX {
            return None;
        }
        let mut sector = self.difat;
        for _ in 0..part / per_sector {
            sector = self.lookup(sector, per_sector)?;
        }
        self.lookup(sector, part % per_sector)
    }

    /// Number `index` of the table in `sector`, if it is the number of a sector.
    fn lookup(&mut self, sector: u32, index: u32) -> Option<u32> {
        self.lookups += 1;
        if self.lookups > LOOKUPS_MAX || sector >= SECTOR_MAX {
            return None;
        }
        if self.table.sector != sector {
            let at = self.offset(sector);
            let length = (1 << self.sector_shift).min(self.table.bytes.len());
            let bytes = &mut self.table.bytes[..length];
            (self.table.sector, self.table.length) = (sector, self.pages.fill(at, bytes));
        }
        let held = self.table.bytes.get(..self.table.length)?;
        le32(held, 4 * index as usize).filter(|next| *next < SECTOR_MAX)
    }
}
