//! Builds compound files (MS-CFB, versions 3 and 4), honest and hostile ones.
//!
//! Storages may be nested one into the other; the siblings of each form a chain to the right instead of a
//! balanced tree, which readers accept. Streams shorter than 4096 bytes lie in the mini stream, as the format
//! wants it.
//!
//! ```
//! let doc = specimens::cfb::CfbBuilder::new().stream("WordDocument", &[0; 5000]).stream("Macros/VBA/dir", b"").build();
//! assert!(doc.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]));
//! ```

const SECTOR: usize = 512;
const MINI_SECTOR: usize = 64;
const MINI_STREAM_CUTOFF: usize = 4096;
const FREE: u32 = 0xffff_ffff;
const END: u32 = 0xffff_fffe;
const FAT: u32 = 0xffff_fffd;
/// How many FAT sectors the header lists; this builder writes no DIFAT sectors.
const HEADER_DIFAT: usize = 109;

/// A compound file in the making.
#[derive(Clone, Default)]
pub struct CfbBuilder {
    streams: Vec<(String, Vec<u8>)>,
    class: [u8; 16],
    cyclic_directory: bool,
    cyclic_siblings: bool,
    cyclic_fat: bool,
    cyclic_mini_fat: bool,
    cyclic_difat: bool,
    directory_start: Option<u32>,
    sector_shift: Option<u16>,
    version_4: bool,
    sizes: Vec<(String, u64)>,
    orphans: Vec<String>,
}

/// A directory entry in the making (2.6.1).
struct CfbEntry {
    name: String,
    kind: u8,
    right: u32,
    child: u32,
    start: u32,
    size_bytes: u64,
}

impl CfbBuilder {
    /// A compound file without streams.
    pub fn new() -> CfbBuilder {
        CfbBuilder::default()
    }

    /// Adds a stream. `path` names the storages around it, with `/` between: `Macros/VBA/dir`.
    pub fn stream(mut self, path: &str, bytes: &[u8]) -> CfbBuilder {
        self.streams.push((path.to_owned(), bytes.to_vec()));
        self
    }

    /// Sets the class of the root storage, as it is written: `000C1084-0000-0000-C000-000000000046`.
    ///
    /// # Panics
    ///
    /// If `class` has not 32 hexadecimal digits.
    pub fn class(mut self, class: &str) -> CfbBuilder {
        let digits: String = class.chars().filter(char::is_ascii_hexdigit).collect();
        let number = u128::from_str_radix(&digits, 16).expect("a class is 32 hexadecimal digits");
        let bytes = number.to_be_bytes();
        // The first three fields of a GUID are little-endian.
        for (to, from) in self.class.iter_mut().zip([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]) {
            *to = bytes[from];
        }
        self
    }

    /// Hostile: the chain of directory sectors returns to its first one.
    pub fn cyclic_directory(mut self) -> CfbBuilder {
        self.cyclic_directory = true;
        self
    }

    /// Hostile: the last sibling of the root's children has the first one to its right.
    pub fn cyclic_siblings(mut self) -> CfbBuilder {
        self.cyclic_siblings = true;
        self
    }

    /// Hostile: the header names another first sector of the directory.
    pub fn directory_start(mut self, sector: u32) -> CfbBuilder {
        self.directory_start = Some(sector);
        self
    }

    /// Hostile: the header claims sectors of `1 << shift` bytes.
    pub fn sector_shift(mut self, shift: u16) -> CfbBuilder {
        self.sector_shift = Some(shift);
        self
    }

    /// Writes version 4: sectors of 4096 bytes.
    pub fn version_4(mut self) -> CfbBuilder {
        self.version_4 = true;
        self
    }

    /// Hostile: in the FAT, the last sector of every stream is followed by its first.
    pub fn cyclic_fat(mut self) -> CfbBuilder {
        self.cyclic_fat = true;
        self
    }

    /// Hostile: in the mini FAT, the last sector of every stream is followed by its first.
    pub fn cyclic_mini_fat(mut self) -> CfbBuilder {
        self.cyclic_mini_fat = true;
        self
    }

    /// Hostile: a DIFAT sector that is followed by itself.
    pub fn cyclic_difat(mut self) -> CfbBuilder {
        self.cyclic_difat = true;
        self
    }

    /// Hostile: the directory says another size of the stream at `path`, in bytes.
    pub fn size(mut self, path: &str, bytes: u64) -> CfbBuilder {
        self.sizes.push((path.to_owned(), bytes));
        self
    }

    /// Hostile: the tree does not reach the stream or storage at `path`, nor what follows it in its storage.
    pub fn orphan(mut self, path: &str) -> CfbBuilder {
        self.orphans.push(path.to_owned());
        self
    }

    fn sector(&self) -> usize {
        if self.version_4 { 4096 } else { SECTOR }
    }

    /// The file.
    ///
    /// # Panics
    ///
    /// If a size was set for a stream that was not added.
    pub fn build(&self) -> Vec<u8> {
        let sector = self.sector();
        let mut mini = Vec::new();
        let mut mini_fat = Vec::new();
        // The sectors behind the header, and the FAT that chains them. The directory comes last, the FAT after it.
        let mut sectors = Vec::new();
        let mut fat = Vec::new();
        let mut entries = vec![CfbEntry::new("Root Entry", 5)];
        for (path, bytes) in &self.streams {
            let id = add(&mut entries, path);
            let (start, cyclic, table) = match bytes.len() {
                0 => (END, false, &mut fat),
                1..MINI_STREAM_CUTOFF => {
                    (append(&mut mini, &mut mini_fat, bytes, MINI_SECTOR), self.cyclic_mini_fat, &mut mini_fat)
                }
                _ => (append(&mut sectors, &mut fat, bytes, sector), self.cyclic_fat, &mut fat),
            };
            if cyclic {
                *table.last_mut().expect("the stream has a sector") = start;
            }
            entries[id].start = start;
            entries[id].size_bytes = bytes.len() as u64;
        }
        order(&mut entries);
        entries[0].size_bytes = mini.len() as u64;
        entries[0].start = if mini.is_empty() { END } else { append(&mut sectors, &mut fat, &mini, sector) };
        for (path, bytes) in &self.sizes {
            let id = find(&entries, path);
            entries[id].size_bytes = *bytes;
        }
        for path in &self.orphans {
            let id = find(&entries, path) as u32;
            for entry in &mut entries {
                entry.child = if entry.child == id { FREE } else { entry.child };
                entry.right = if entry.right == id { FREE } else { entry.right };
            }
        }
        let mini_fat_sectors = (4 * mini_fat.len()).div_ceil(sector);
        let mini_fat_bytes = numbers(&mini_fat, mini_fat_sectors, sector);
        let mini_fat_start =
            if mini_fat.is_empty() { END } else { append(&mut sectors, &mut fat, &mini_fat_bytes, sector) };
        let difat_start = if self.cyclic_difat {
            let mut table = vec![0xff; sector - 4];
            table.extend((fat.len() as u32).to_le_bytes());
            append(&mut sectors, &mut fat, &table, sector)
        } else {
            END
        };
        if self.cyclic_siblings {
            close_siblings(&mut entries);
        }
        let directory: Vec<u8> = entries.iter().flat_map(|entry| entry.bytes(self.class)).collect();
        let directory_start = append(&mut sectors, &mut fat, &directory, sector);
        if self.cyclic_directory {
            *fat.last_mut().expect("the directory has a sector") = directory_start;
        }
        let fat_start = fat.len();
        let fat_sectors = (1..).find(|n| (fat_start + n) * 4 <= n * sector).expect("127 sectors of 128 are left");
        assert!(fat_sectors <= HEADER_DIFAT, "a test file stays below 7 MiB");
        fat.resize(fat_start + fat_sectors, FAT);

        let directory_sectors = if self.version_4 { directory.len().div_ceil(sector) } else { 0 };
        let mut file = self.header(&[
            directory_sectors as u32,
            fat_sectors as u32,
            self.directory_start.unwrap_or(directory_start),
            0,
            MINI_STREAM_CUTOFF as u32,
            mini_fat_start,
            mini_fat_sectors as u32,
            difat_start,
            u32::from(self.cyclic_difat),
        ]);
        for i in 0..HEADER_DIFAT {
            file.extend(if i < fat_sectors { (fat_start + i) as u32 } else { FREE }.to_le_bytes());
        }
        file.resize(sector, 0);
        file.extend(sectors);
        file.extend(numbers(&fat, fat_sectors, sector));
        file
    }

    /// 2.2, up to the DIFAT; `numbers` are those from the size of the directory on.
    fn header(&self, numbers: &[u32; 9]) -> Vec<u8> {
        let (version, shift) = if self.version_4 { (4, 12) } else { (3, 9) };
        let mut header = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
        header.extend([0; 16]);
        for number in [0x3e, version, 0xfffe, self.sector_shift.unwrap_or(shift), 6, 0, 0, 0] {
            header.extend(u16::to_le_bytes(number));
        }
        header.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        header
    }
}

impl CfbEntry {
    fn new(name: &str, kind: u8) -> CfbEntry {
        CfbEntry { name: name.to_owned(), kind, right: FREE, child: FREE, start: 0, size_bytes: 0 }
    }

    fn bytes(&self, class: [u8; 16]) -> [u8; 128] {
        let mut bytes = [0; 128];
        let units: Vec<u8> = self.name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(units.len() <= 62, "a name has at most 31 characters");
        bytes[..units.len()].copy_from_slice(&units);
        bytes[64..66].copy_from_slice(&(units.len() as u16 + 2).to_le_bytes());
        bytes[66] = self.kind;
        bytes[67] = 1;
        bytes[68..72].copy_from_slice(&FREE.to_le_bytes());
        bytes[72..76].copy_from_slice(&self.right.to_le_bytes());
        bytes[76..80].copy_from_slice(&self.child.to_le_bytes());
        if self.kind == 5 {
            bytes[80..96].copy_from_slice(&class);
        }
        bytes[116..120].copy_from_slice(&self.start.to_le_bytes());
        bytes[120..128].copy_from_slice(&self.size_bytes.to_le_bytes());
        bytes
    }
}

/// Adds the entry at `path` and the storages that are missing around it; returns its number.
fn add(entries: &mut Vec<CfbEntry>, path: &str) -> usize {
    let mut parent = 0;
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let kind = if parts.peek().is_some() { 1 } else { 2 };
        let found = siblings(entries, parent).find(|id| entries[*id].name == part && entries[*id].kind == kind);
        parent = match found {
            Some(id) => id,
            None => {
                let id = entries.len();
                match siblings(entries, parent).last() {
                    Some(last) => entries[last].right = id as u32,
                    None => entries[parent].child = id as u32,
                }
                entries.push(CfbEntry::new(part, kind));
                id
            }
        };
    }
    parent
}

/// The number of the entry at `path`, which exists.
fn find(entries: &[CfbEntry], path: &str) -> usize {
    path.split('/').fold(0, |parent, part| {
        siblings(entries, parent).find(|id| entries[*id].name == part).expect("the stream was added before")
    })
}

/// Brings siblings into the order of the format: by length, then by letter (2.6.4).
fn order(entries: &mut [CfbEntry]) {
    for parent in 0..entries.len() {
        let mut children: Vec<usize> = siblings(entries, parent).collect();
        children.sort_by_key(|id| (entries[*id].name.encode_utf16().count(), entries[*id].name.to_uppercase()));
        let after = children.iter().skip(1).map(|id| *id as u32).chain([FREE]);
        for (&id, right) in children.iter().zip(after) {
            entries[id].right = right;
        }
        entries[parent].child = children.first().map_or(FREE, |id| *id as u32);
    }
}

/// The numbers of the children of `parent`.
fn siblings(entries: &[CfbEntry], parent: usize) -> impl Iterator<Item = usize> {
    let step = |id: u32| (id != FREE).then_some(id as usize);
    std::iter::successors(step(entries[parent].child), move |id| step(entries[*id].right))
}

fn close_siblings(entries: &mut [CfbEntry]) {
    let last = siblings(entries, 0).last();
    if let Some(last) = last {
        entries[last].right = entries[0].child;
    }
}

/// Appends `bytes` as a chain of whole sectors and returns the number of the first.
fn append(sectors: &mut Vec<u8>, fat: &mut Vec<u32>, bytes: &[u8], sector_bytes: usize) -> u32 {
    let start = fat.len();
    let count = bytes.len().div_ceil(sector_bytes);
    fat.extend((1..count).map(|i| (start + i) as u32));
    fat.push(END);
    sectors.extend(bytes);
    sectors.resize(fat.len() * sector_bytes, 0);
    start as u32
}

/// A table of sector numbers, filled up to whole sectors.
fn numbers(table: &[u32], count: usize, sector_bytes: usize) -> Vec<u8> {
    let free = std::iter::repeat_n(&FREE, count * sector_bytes / 4 - table.len());
    table.iter().chain(free).flat_map(|number| number.to_le_bytes()).collect()
}
