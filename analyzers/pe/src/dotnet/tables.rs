//! Tables of .NET metadata, as far as they are needed: where each begins, and the columns of their rows.
//!
//! Source: ECMA-335, partition II, 22 (tables), 24.2.2 to 24.2.6 (streams, sizes of indexes), 25.3.3 (header).

use goblin::pe::data_directories::DataDirectory;
use scroll::{LE, Pread};

use crate::image::{Directory, Image};

/// Streams that are looked at. Compilers write five, protectors a few more.
const STREAMS_MAX: usize = 16;
/// Longest name of anything.
const NAME_MAX: usize = 512;
/// Rows that a table may claim: an index has 24 bits.
const ROWS_MAX: u32 = 1 << 24;

/// A table, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
    TypeRef = 0x01,
    TypeDef = 0x02,
    MemberRef = 0x0a,
    ModuleRef = 0x1a,
    ImplMap = 0x1c,
}

/// Tables up to the last that is needed.
const TABLES: usize = Table::ImplMap as usize + 1;
/// All tables that the header counts.
const COUNTED: usize = 64;

/// A column.
#[derive(Clone, Copy)]
enum Column {
    Bytes(usize),
    Text,
    Guid,
    Blob,
    /// Index into one table.
    Row(usize),
    /// Index into one of several tables; the number of bits that say which.
    Coded(u32, &'static [usize]),
}

const RESOLUTION_SCOPE: Column = Column::Coded(2, &[0x00, 0x1a, 0x23, 0x01]);
const TYPE_DEF_OR_REF: Column = Column::Coded(2, &[0x02, 0x01, 0x1b]);
const MEMBER_REF_PARENT: Column = Column::Coded(3, &[0x02, 0x01, 0x1a, 0x06, 0x1b]);
const HAS_CONSTANT: Column = Column::Coded(2, &[0x04, 0x08, 0x17]);
const HAS_ATTRIBUTE: Column = Column::Coded(
    5,
    &[
        0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00, 0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23, 0x26, 0x27,
        0x28, 0x2a, 0x2c, 0x2b,
    ],
);
const ATTRIBUTE_TYPE: Column = Column::Coded(3, &[0x06, 0x0a]);
const HAS_MARSHAL: Column = Column::Coded(1, &[0x04, 0x08]);
const HAS_SECURITY: Column = Column::Coded(2, &[0x02, 0x06, 0x20]);
const HAS_SEMANTICS: Column = Column::Coded(1, &[0x14, 0x17]);
const METHOD_DEF_OR_REF: Column = Column::Coded(1, &[0x06, 0x0a]);
const MEMBER_FORWARDED: Column = Column::Coded(1, &[0x04, 0x06]);

/// Columns of each table, in the order of their numbers (ECMA-335, II.22.2 to II.22.39).
const COLUMNS: [&[Column]; TABLES] = {
    use Column::{Blob, Bytes, Guid, Row, Text};
    [
        &[Bytes(2), Text, Guid, Guid, Guid],
        &[RESOLUTION_SCOPE, Text, Text],
        &[Bytes(4), Text, Text, TYPE_DEF_OR_REF, Row(0x04), Row(0x06)],
        &[Row(0x04)],
        &[Bytes(2), Text, Blob],
        &[Row(0x06)],
        &[Bytes(8), Text, Blob, Row(0x08)],
        &[Row(0x08)],
        &[Bytes(4), Text],
        &[Row(0x02), TYPE_DEF_OR_REF],
        &[MEMBER_REF_PARENT, Text, Blob],
        &[Bytes(2), HAS_CONSTANT, Blob],
        &[HAS_ATTRIBUTE, ATTRIBUTE_TYPE, Blob],
        &[HAS_MARSHAL, Blob],
        &[Bytes(2), HAS_SECURITY, Blob],
        &[Bytes(6), Row(0x02)],
        &[Bytes(4), Row(0x04)],
        &[Blob],
        &[Row(0x02), Row(0x14)],
        &[Row(0x14)],
        &[Bytes(2), Text, TYPE_DEF_OR_REF],
        &[Row(0x02), Row(0x17)],
        &[Row(0x17)],
        &[Bytes(2), Text, Blob],
        &[Bytes(2), Row(0x06), HAS_SEMANTICS],
        &[Row(0x02), METHOD_DEF_OR_REF, METHOD_DEF_OR_REF],
        &[Text],
        &[Blob],
        &[Bytes(2), MEMBER_FORWARDED, Text, Row(0x1a)],
    ]
};

/// The metadata of an image.
#[derive(Debug)]
pub(crate) struct Tables<'b> {
    texts: &'b [u8],
    /// Offset of the texts in the file.
    texts_at: usize,
    blobs: &'b [u8],
    rows: [u32; COUNTED],
    /// Which heaps have wide indexes: texts, GUIDs, blobs.
    wide: u8,
    data: &'b [u8],
    starts: [usize; TABLES],
}

impl<'b> Tables<'b> {
    /// The metadata of an image; none where there is none, or where the tables are not compressed (`#-`), as only
    /// protectors leave them.
    pub(crate) fn of(image: &Image<'b>) -> Option<Tables<'b>> {
        let bytes = image.bytes;
        let word = |at: usize| bytes.pread_with::<u32>(at, LE).ok().map(|word| word as usize);
        let DataDirectory { virtual_address, .. } = image.directory(Directory::Clr)?;
        let header = image.offset_of(virtual_address)?;
        let root = image.offset_of(u32::try_from(word(header + 8)?).ok()?)?;
        let mut at = root.checked_add(16)?.checked_add(word(root + 12)?)?;
        let count = usize::from(bytes.pread_with::<u16>(at.checked_add(2)?, LE).ok()?);
        at += 4;
        let (mut tables, mut texts, mut blobs) = (None, (&[][..], 0), &[][..]);
        for _ in 0..count.min(STREAMS_MAX) {
            let (offset, size) = (word(at)?, word(at + 4)?);
            let name = bytes.get(at + 8..).map(|rest| rest.get(..32).unwrap_or(rest))?;
            let length = name.iter().position(|&byte| byte == 0)?;
            let start = root.checked_add(offset)?;
            let stream = bytes.get(start..start.saturating_add(size).min(bytes.len())).unwrap_or_default();
            match &name[..length] {
                b"#~" | b"#-" => tables = Some(stream),
                b"#Strings" => texts = (stream, start.min(bytes.len())),
                b"#Blob" => blobs = stream,
                _ => {}
            }
            at += 8 + (length / 4 + 1) * 4;
        }
        Tables::read(tables?, texts, blobs)
    }

    fn read(stream: &'b [u8], (texts, texts_at): (&'b [u8], usize), blobs: &'b [u8]) -> Option<Tables<'b>> {
        let present = stream.pread_with::<u64>(8, LE).ok()?;
        let mut rows = [0; COUNTED];
        let mut at = 24;
        for (table, count) in rows.iter_mut().enumerate() {
            if present >> table & 1 != 0 {
                *count = stream.pread_with::<u32>(at, LE).ok()?;
                at += 4;
            }
        }
        if rows.iter().any(|&count| count > ROWS_MAX) {
            return None;
        }
        let wide = *stream.get(6)?;
        // There may be four bytes more before the rows, which compilers of Visual Basic 7 left (dotnet/runtime,
        // metamodel.cpp, `CMiniMdSchema::LoadFrom`: EXTRA_DATA).
        if wide & 0x40 != 0 {
            at += 4;
        }
        let mut tables = Tables { texts, texts_at, blobs, rows, wide, data: stream.get(at..)?, starts: [0; TABLES] };
        let (mut starts, mut start) = ([0; TABLES], 0usize);
        for (table, (place, &count)) in starts.iter_mut().zip(&rows).enumerate() {
            *place = start;
            start = start.checked_add(tables.row_size(table).checked_mul(count as usize)?)?;
        }
        tables.starts = starts;
        Some(tables)
    }

    fn width(&self, column: Column) -> usize {
        let of = |is_wide: bool| if is_wide { 4 } else { 2 };
        match column {
            Column::Bytes(width) => width,
            Column::Text => of(self.wide & 1 != 0),
            Column::Guid => of(self.wide & 2 != 0),
            Column::Blob => of(self.wide & 4 != 0),
            Column::Row(table) => of(self.rows[table] > 0xffff),
            Column::Coded(bits, tables) => of(tables.iter().any(|&table| self.rows[table] >= 1 << (16 - bits))),
        }
    }

    fn row_size(&self, table: usize) -> usize {
        COLUMNS[table].iter().map(|&column| self.width(column)).sum()
    }

    /// Rows of a table that are there, whatever it claims.
    pub(crate) fn count(&self, table: Table) -> u32 {
        let index = table as usize;
        let room = self.data.len().saturating_sub(self.starts[index]) / self.row_size(index).max(1);
        self.rows[index].min(u32::try_from(room).unwrap_or(u32::MAX))
    }

    /// A column of a row. Rows are counted from one.
    pub(crate) fn value(&self, table: Table, row: u32, column: usize) -> Option<u32> {
        let index = table as usize;
        if row == 0 || row > self.rows[index] {
            return None;
        }
        let columns = COLUMNS[index];
        let before: usize = columns.iter().take(column).map(|&column| self.width(column)).sum();
        let at = self.starts[index] + (row as usize - 1) * self.row_size(index) + before;
        match self.width(*columns.get(column)?) {
            2 => self.data.pread_with::<u16>(at, LE).ok().map(u32::from),
            4 => self.data.pread_with::<u32>(at, LE).ok(),
            _ => None,
        }
    }

    /// The text that a column names.
    pub(crate) fn text(&self, table: Table, row: u32, column: usize) -> &'b [u8] {
        let at = self.value(table, row, column).map_or(usize::MAX, |at| at as usize);
        let rest = self.texts.get(at..).unwrap_or_default();
        let rest = rest.get(..NAME_MAX).unwrap_or(rest);
        rest.get(..rest.iter().position(|&byte| byte == 0).unwrap_or(0)).unwrap_or_default()
    }

    /// Where in the file that text stands.
    pub(crate) fn text_at(&self, table: Table, row: u32, column: usize) -> std::ops::Range<usize> {
        let at = self.value(table, row, column).map_or(0, |at| at as usize);
        let start = self.texts_at + at.min(self.texts.len());
        start..start + self.text(table, row, column).len()
    }

    /// The bytes that a column names, behind their length (II.24.2.4).
    pub(crate) fn blob(&self, table: Table, row: u32, column: usize) -> &'b [u8] {
        let at = self.value(table, row, column).map_or(usize::MAX, |at| at as usize);
        let length = |rest: &[u8]| match *rest {
            [one, ..] if one & 0x80 == 0 => Some((1, usize::from(one))),
            [one, two, ..] if one & 0xc0 == 0x80 => Some((2, usize::from(one & 0x3f) << 8 | usize::from(two))),
            _ => None,
        };
        let Some(rest) = self.blobs.get(at..) else { return &[] };
        length(rest).and_then(|(skip, length)| rest.get(skip..skip + length)).unwrap_or_default()
    }
}
