//! PE images: one stream in a section of its own, behind it the unpacker; a section of names of libraries.

use super::UpxBuilder;

const PAGE: usize = 0x1000;
const SECTOR: usize = 0x200;
/// The record that says how the stream is packed.
const RECORD: usize = 32;

fn le16(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) | usize::from(bytes[at + 1]) << 8
}

fn le32(bytes: &[u8], at: usize) -> usize {
    le16(bytes, at) | le16(bytes, at + 2) << 16
}

fn put(bytes: &mut [u8], at: usize, number: usize) {
    bytes[at..at + 4].copy_from_slice(&(number as u32).to_le_bytes());
}

fn text(bytes: &[u8], at: usize) -> Vec<u8> {
    bytes[at..].iter().copied().take_while(|&byte| byte != 0).collect()
}

/// Takes the tables of imports out of the image, and returns what the packer keeps of them, and the names of libraries,
/// whose first place is `names`.
fn imports(image: &mut [u8], first: usize, directory: usize, pointer: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut kept, mut names) = (Vec::new(), vec![0; 40]);
    let mut row = directory - first;
    while le32(image, row + 12) != 0 {
        let (lookup, name, thunks) = (le32(image, row), le32(image, row + 12) - first, le32(image, row + 16) - first);
        kept.extend((names.len() as u32).to_le_bytes());
        kept.extend((thunks as u32).to_le_bytes());
        let library = text(image, name);
        image[name..name + library.len()].fill(0);
        names.extend([library, vec![0]].concat());
        let mut at = if lookup == 0 { thunks } else { lookup - first };
        while image[at..at + pointer].iter().any(|&byte| byte != 0) {
            if image[at + pointer - 1] & 0x80 != 0 {
                kept.extend([&[0xff], &image[at..at + 2]].concat());
            } else {
                let entry = le32(image, at) - first;
                let function = text(image, entry + 2);
                kept.extend([&[1], function.as_slice(), &[0]].concat());
                image[entry..entry + 2 + function.len()].fill(0);
            }
            image[at..at + pointer].fill(0);
            at += pointer;
        }
        kept.push(0);
        image[row..row + 20].fill(0);
        row += 20;
    }
    kept.extend([0; 4]);
    (kept, names)
}

pub(super) fn packed(builder: &UpxBuilder) -> Vec<u8> {
    let program = builder.program.as_slice();
    let start = le32(program, 60);
    let is_64 = le16(program, start + 24) == 0x20b;
    let (size, pointer) = if is_64 { (0x108, 8) } else { (0xf8, 4) };
    let rows = (0..le16(program, start + 6)).map(|index| start + size + index * 40).collect::<Vec<_>>();
    let first = rows.iter().map(|row| le32(program, row + 12)).min().unwrap();
    let end = rows.iter().map(|row| le32(program, row + 12) + le32(program, row + 8).max(1)).max().unwrap();
    let mut image = vec![0; end.next_multiple_of(PAGE) - first];
    for row in &rows {
        let (address, raw_size, raw) = (le32(program, row + 12), le32(program, row + 16), le32(program, row + 20));
        image[address - first..address - first + raw_size].copy_from_slice(&program[raw..raw + raw_size]);
    }
    let directory = |index: usize| start + size - (16 - index) * 8;
    let import_directory = le32(program, directory(1));
    let (kept, names) = if import_directory == 0 {
        (Vec::new(), vec![0; 40])
    } else {
        imports(&mut image, first, import_directory, pointer)
    };
    let span = image.len();
    image.extend(&kept);
    let header = image.len();
    image.extend(&program[start..rows.last().unwrap() + 40]);
    if import_directory != 0 {
        image.extend([(span as u32).to_le_bytes(), [0; 4]].concat());
    }
    image.extend([0; 2]);
    image.extend((header as u32).to_le_bytes());

    let stream = builder.pack(&image);
    let mut out = program[..start + size].to_vec();
    out[start + 6] = 3;
    let headers = (start + size + 3 * 40 + RECORD).next_multiple_of(SECTOR);
    let packed_size = (stream.len() + builder.unpacker).next_multiple_of(SECTOR);
    let (second, third) = (first + image.len().next_multiple_of(PAGE), packed_size.next_multiple_of(PAGE));
    let third = second + third;
    let names_size = names.len().next_multiple_of(SECTOR);
    for (name, row) in [
        (b"UPX0\0\0\0\0", [second - first, first, 0, headers]),
        (b"UPX1\0\0\0\0", [packed_size, second, packed_size, headers]),
        (b"UPX2\0\0\0\0", [names_size, third, names_size, headers + packed_size]),
    ] {
        out.extend_from_slice(name);
        out.extend(row.iter().flat_map(|number| (*number as u32).to_le_bytes()));
        out.extend([[0; 12].as_slice(), &0xe000_0040u32.to_le_bytes()].concat());
    }
    out.resize(headers - RECORD, 0);
    if builder.without_record {
        out.resize(headers, 0);
    } else {
        let format = if is_64 { 36 } else { 9 };
        out.extend([builder.mark.as_slice(), &[13, format, builder.method, 9], &[0; 8]].concat());
        for number in [image.len(), stream.len(), program.len()] {
            out.extend((number as u32).to_le_bytes());
        }
        out.extend([builder.filter, 0xff, 0, 0]);
    }
    out.extend(&stream);
    out.resize(headers + packed_size, 0);
    out.extend(&names);
    out.resize(headers + packed_size + names_size, 0);
    put(&mut out, start + 40, second + stream.len());
    put(&mut out, start + 80, third + PAGE);
    put(&mut out, start + 84, headers);
    if import_directory != 0 {
        put(&mut out, directory(1), third);
        put(&mut out, directory(1) + 4, 40);
    }
    out
}
