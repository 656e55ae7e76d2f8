//! Builds archives as installers and self-extracting programs carry them: 7-Zip, cabinets, NSIS, PyInstaller. What they
//! hold is stored, or in deflate's and zlib's stored blocks, so that it stays readable in a hex dump; LZMA is a constant.
//!
//! ```
//! let bytes = specimens::archive::cabinet(&[("readme.txt", b"hello")]);
//! assert!(bytes.starts_with(b"MSCF"));
//! ```

use crate::zip::crc32;

/// Name and bytes of a member.
pub type Named<'a> = (&'a str, &'a [u8]);

/// What [`LZMA`] unpacks to: a script of NSIS behind its length, and [`GREETING`] behind its own.
pub const LZMA_PARTS: [&[u8]; 2] = [b"CopyFiles\0a script of an installer\0", GREETING];
/// A shell script.
pub const GREETING: &[u8] = b"#!/bin/sh\necho hello from an installer\n";
/// Properties of LZMA with a dictionary of 64 KiB, as 7-Zip and NSIS write them.
pub const LZMA_PROPERTIES: [u8; 5] = [0x5d, 0, 0, 1, 0];
/// [`LZMA_PARTS`], each behind its length, packed by xz 5.4 as raw LZMA.
pub const LZMA: &[u8] = b"\x00\x11\x80\x30\x08\x66\xf3\x81\xf1\xf1\x58\xf5\xf9\x2a\x86\xd6\x6b\x2d\x70\x27\x6d\x31\xbc\
    \xda\xbd\x35\xfb\x2c\x6c\xd5\xa5\xa4\x1c\xc0\x01\xbc\x1a\x1e\x2b\x80\x57\x70\x6c\x65\xee\xfc\xed\x9f\x9b\x1f\x4b\
    \x50\xde\x64\x77\x2f\x9a\xb7\x5e\x8a\x08\x10\x62\xf2\x1c\x3f\x2a\xf9\xc0\x13\x7e\x58\x0f\xff\xff\xc3\x30\x00\x00";
/// [`GREETING`] alone, packed the same way.
pub const LZMA_GREETING: &[u8] = b"\x00\x11\x88\x42\x46\x3d\xf4\x16\x34\x73\x0a\x0d\xa4\x36\x9d\xe6\x72\x0d\x87\xaf\
    \x47\x6f\x02\x8d\x02\xf0\xf7\x76\xe7\xf9\xc4\xfb\x86\x99\x1b\x5e\x3c\x73\x5a\x03\x0a\x76\x5a\x44\x7f\xfb\x0c\x82\x80";

/// Raw deflate of stored blocks (RFC 1951, 3.2.4).
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chunks = bytes.chunks(0xffff).peekable();
    if chunks.peek().is_none() {
        return vec![1, 0, 0, 0xff, 0xff];
    }
    while let Some(chunk) = chunks.next() {
        let length = chunk.len() as u16;
        out.push(u8::from(chunks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(chunk);
    }
    out
}

/// The same with zlib's header and checksum (RFC 1950).
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    [&[0x78, 1], deflate(bytes).as_slice(), &(b << 16 | a).to_be_bytes()].concat()
}

/// A 7-Zip archive whose members are stored.
pub fn seven_zip(members: &[Named<'_>]) -> Vec<u8> {
    let data: Vec<u8> = members.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    seven_zip_of(&data, &[0x01, 0x00], members)
}

/// A 7-Zip archive of one block: `data` is it as packed, `coder` says by which method, and `members` are what it unpacks
/// to (7zFormat.txt).
pub fn seven_zip_of(data: &[u8], coder: &[u8], members: &[Named<'_>]) -> Vec<u8> {
    let mut header = vec![0x01, 0x04, 0x06];
    let number = |value: usize| [&[0xff], (value as u64).to_le_bytes().as_slice()].concat();
    header.extend([number(0), number(1), vec![0x09], number(data.len()), vec![0]].concat());
    header.extend([&[0x07, 0x0b, 1, 0, 1], coder, &[0x0c]].concat());
    let sum: usize = members.iter().map(|(_, bytes)| bytes.len()).sum();
    header.extend([number(sum), vec![0, 0x08, 0x0d], number(members.len())].concat());
    if let Some((_, all_but_last)) = members.split_last().filter(|(_, rest)| !rest.is_empty()) {
        header.push(0x09);
        header.extend(all_but_last.iter().flat_map(|(_, bytes)| number(bytes.len())));
    }
    header.extend([0x0a, 1]);
    header.extend(members.iter().flat_map(|(_, bytes)| crc32(bytes).to_le_bytes()));
    header.extend([0, 0, 0x05]);
    let names: Vec<u8> =
        members.iter().flat_map(|(name, _)| name.encode_utf16().chain([0])).flat_map(u16::to_le_bytes).collect();
    header.extend([number(members.len()), vec![0x11], number(names.len() + 1), vec![0], names, vec![0, 0]].concat());
    let place = [
        (data.len() as u64).to_le_bytes().as_slice(),
        &(header.len() as u64).to_le_bytes(),
        &crc32(&header).to_le_bytes(),
    ]
    .concat();
    [b"7z\xbc\xaf\x27\x1c\0\x04", crc32(&place).to_le_bytes().as_slice(), &place, data, &header].concat()
}

/// A cabinet of one folder whose blocks are stored (MS-CAB).
pub fn cabinet(members: &[Named<'_>]) -> Vec<u8> {
    cabinet_of(0, members, |block| block.to_vec())
}

/// The same with blocks of MSZIP.
pub fn cabinet_ms_zip(members: &[Named<'_>]) -> Vec<u8> {
    cabinet_of(1, members, |block| [b"CK".as_slice(), &deflate(block)].concat())
}

/// The same with blocks packed by `pack`, by the method `kind`.
pub fn cabinet_of(kind: u16, members: &[Named<'_>], pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let data: Vec<u8> = members.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let blocks: Vec<Vec<u8>> = data
        .chunks(0x8000)
        .map(|block| {
            let packed = pack(block);
            let sizes = [(packed.len() as u16).to_le_bytes(), (block.len() as u16).to_le_bytes()].concat();
            [[0; 4].as_slice(), &sizes, &packed].concat()
        })
        .collect();
    let mut files = Vec::new();
    let mut offset = 0u32;
    for (name, bytes) in members {
        files.extend((bytes.len() as u32).to_le_bytes());
        files.extend(offset.to_le_bytes());
        files.extend([0; 6]);
        files.extend([0x20, 0]);
        files.extend(name.as_bytes());
        files.push(0);
        offset += bytes.len() as u32;
    }
    let first_block = 36 + 8 + files.len();
    let size = first_block + blocks.iter().map(Vec::len).sum::<usize>();
    let mut cabinet = b"MSCF\0\0\0\0".to_vec();
    cabinet.extend((size as u32).to_le_bytes());
    cabinet.extend([0; 4]);
    cabinet.extend(44u32.to_le_bytes());
    cabinet.extend([0, 0, 0, 0, 3, 1, 1, 0]);
    cabinet.extend((members.len() as u16).to_le_bytes());
    cabinet.extend([0; 6]);
    cabinet.extend((first_block as u32).to_le_bytes());
    cabinet.extend((blocks.len() as u16).to_le_bytes());
    cabinet.extend(kind.to_le_bytes());
    [cabinet, files, blocks.concat()].concat()
}

/// The data of an installer by NSIS, all of it one stream of deflate: a script and files.
pub fn nsis(script: &[u8], files: &[&[u8]]) -> Vec<u8> {
    let parts: Vec<u8> = [script].iter().chain(files).flat_map(|part| behind_length(part)).collect();
    nsis_of(script.len(), &deflate(&parts))
}

/// The same with each part a stream of its own.
pub fn nsis_separate(script: &[u8], files: &[&[u8]]) -> Vec<u8> {
    let part = |part: &[u8]| {
        let packed = deflate(part);
        [(packed.len() as u32 | 1 << 31).to_le_bytes().as_slice(), &packed].concat()
    };
    let parts: Vec<u8> = [script].iter().chain(files).flat_map(|bytes| part(bytes)).collect();
    nsis_of(script.len(), &parts)
}

/// The first header of NSIS, for a script of that many bytes, and `data` behind it, with a checksum that nobody checks.
pub fn nsis_of(script: usize, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0, 0, 0, 0];
    header.extend(b"\xef\xbe\xad\xdeNullsoftInst");
    header.extend((script as u32).to_le_bytes());
    header.extend((28 + data.len() as u32 + 4).to_le_bytes());
    [header.as_slice(), data, &[1, 2, 3, 4]].concat()
}

fn behind_length(part: &[u8]) -> Vec<u8> {
    [&(part.len() as u32).to_le_bytes(), part].concat()
}

/// An archive of PyInstaller: each member with the letter of its type, packed by zlib.
pub fn py_installer(members: &[(u8, &str, &[u8])]) -> Vec<u8> {
    let (mut data, mut table) = (Vec::new(), Vec::new());
    for (kind, name, bytes) in members {
        let packed = zlib(bytes);
        let length = (18 + name.len() + 1).next_multiple_of(16);
        for number in [length, data.len(), packed.len(), bytes.len()] {
            table.extend((number as u32).to_be_bytes());
        }
        table.extend([1, *kind]);
        table.extend(name.as_bytes());
        table.resize(table.len() + length - 18 - name.len(), 0);
        data.extend(packed);
    }
    let mut record = b"MEI\x0c\x0b\x0a\x0b\x0e".to_vec();
    for number in [data.len() + table.len() + 88, data.len(), table.len(), 311] {
        record.extend((number as u32).to_be_bytes());
    }
    record.extend(b"python311.dll");
    record.resize(88, 0);
    [data, table, record].concat()
}
