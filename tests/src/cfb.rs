//! Builds compound files (MS-CFB, version 3: 512-byte sectors), honest and hostile ones.
//!
//! Storages may be nested one into the other; the siblings of each form a chain to the right instead of a
//! balanced tree, which readers accept. Streams shorter than 4096 bytes lie in the mini stream, as the format
//! wants it.
//!
//! ```
//! let doc = testkit::cfb::CfbBuilder::new().stream("WordDocument", &[0; 5000]).stream("Macros/VBA/dir", b"").build();
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
    directory_start: Option<u32>,
    sector_shift: Option<u16>,
}

/// A directory entry in the making (2.6.1).
struct Entry {
    name: String,
    kind: u8,
    right: u32,
    child: u32,
    start: u32,
    size_bytes: usize,
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

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        let mut mini = Vec::new();
        let mut mini_fat = Vec::new();
        // The sectors behind the header, and the FAT that chains them. The directory comes last, the FAT after it.
        let mut sectors = Vec::new();
        let mut fat = Vec::new();
        let mut entries = vec![Entry::new("Root Entry", 5)];
        for (path, bytes) in &self.streams {
            let id = add(&mut entries, path);
            let start = match bytes.len() {
                0 => END,
                1..MINI_STREAM_CUTOFF => append(&mut mini, &mut mini_fat, bytes, MINI_SECTOR),
                _ => append(&mut sectors, &mut fat, bytes, SECTOR),
            };
            entries[id].start = start;
            entries[id].size_bytes = bytes.len();
        }
        entries[0].size_bytes = mini.len();
        entries[0].start = if mini.is_empty() { END } else { append(&mut sectors, &mut fat, &mini, SECTOR) };
        let mini_fat_sectors = (4 * mini_fat.len()).div_ceil(SECTOR);
        let mini_fat_bytes = numbers(&mini_fat, mini_fat_sectors);
        let mini_fat_start =
            if mini_fat.is_empty() { END } else { append(&mut sectors, &mut fat, &mini_fat_bytes, SECTOR) };
        if self.cyclic_siblings {
            close_siblings(&mut entries);
        }
        let directory: Vec<u8> = entries.iter().flat_map(|entry| entry.bytes(self.class)).collect();
        let directory_start = append(&mut sectors, &mut fat, &directory, SECTOR);
        if self.cyclic_directory {
            *fat.last_mut().expect("the directory has a sector") = directory_start;
        }
        let fat_start = fat.len();
        let fat_sectors = (1..).find(|n| (fat_start + n) * 4 <= n * SECTOR).expect("127 sectors of 128 are left");
        assert!(fat_sectors <= HEADER_DIFAT, "a test file stays below 7 MiB");
        fat.resize(fat_start + fat_sectors, FAT);

        let mut file = self.header(fat_start, fat_sectors, directory_start, mini_fat_start, mini_fat_sectors);
        file.extend(sectors);
        file.extend(numbers(&fat, fat_sectors));
        file
    }

    /// 2.2
    fn header(&self, fat: usize, fats: usize, directory: u32, mini_fat: u32, mini_fats: usize) -> Vec<u8> {
        let mut header = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
        header.extend([0; 16]);
        for number in [0x3e, 3, 0xfffe, self.sector_shift.unwrap_or(9), 6, 0, 0, 0] {
            header.extend(u16::to_le_bytes(number));
        }
        let directory = self.directory_start.unwrap_or(directory);
        let cutoff = MINI_STREAM_CUTOFF as u32;
        for number in [0, fats as u32, directory, 0, cutoff, mini_fat, mini_fats as u32, END, 0] {
            header.extend(number.to_le_bytes());
        }
        for i in 0..HEADER_DIFAT {
            header.extend(if i < fats { (fat + i) as u32 } else { FREE }.to_le_bytes());
        }
        assert_eq!(header.len(), SECTOR);
        header
    }
}

impl Entry {
    fn new(name: &str, kind: u8) -> Entry {
        Entry { name: name.to_owned(), kind, right: FREE, child: FREE, start: 0, size_bytes: 0 }
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
        bytes[120..128].copy_from_slice(&(self.size_bytes as u64).to_le_bytes());
        bytes
    }
}

/// Adds the entry at `path` and the storages that are missing around it; returns its number.
fn add(entries: &mut Vec<Entry>, path: &str) -> usize {
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
                entries.push(Entry::new(part, kind));
                id
            }
        };
    }
    parent
}

/// The numbers of the children of `parent`.
fn siblings(entries: &[Entry], parent: usize) -> impl Iterator<Item = usize> {
    let step = |id: u32| (id != FREE).then_some(id as usize);
    std::iter::successors(step(entries[parent].child), move |id| step(entries[*id].right))
}

fn close_siblings(entries: &mut [Entry]) {
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
fn numbers(table: &[u32], sectors: usize) -> Vec<u8> {
    let free = std::iter::repeat_n(&FREE, sectors * SECTOR / 4 - table.len());
    table.iter().chain(free).flat_map(|number| number.to_le_bytes()).collect()
}
