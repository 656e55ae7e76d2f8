//! Builds binary Word documents (MS-DOC) that hold little else than what a test is about.
//!
//! ```
//! let file = specimens::doc::template("Normal.dot").build();
//! assert!(file.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]));
//! ```

use crate::cfb::CfbBuilder;

/// A document of Word 97 or later that is attached to the template `name` (MS-DOC 2.2.4, SttbfAssoc).
pub fn template(name: &str) -> CfbBuilder {
    let mut table = vec![0; 100];
    let start = table.len();
    table.extend([0xff, 0xff, 18, 0, 0, 0]);
    for index in 0..18 {
        let units: Vec<u16> = if index == 1 { name.encode_utf16().collect() } else { Vec::new() };
        table.extend((units.len() as u16).to_le_bytes());
        table.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }
    let length = table.len() - start;
    table.resize(5000, 0);
    CfbBuilder::new().stream("WordDocument", &fib(start as u32, length as u32)).stream("1Table", &table)
}

/// The same of Word 6 or 95: the list is in the main stream, with one byte a letter.
pub fn template_of_word_6(name: &str) -> CfbBuilder {
    let mut list = vec![0, 0];
    for index in 0..17 {
        let text = if index == 1 { name } else { "" };
        list.push(text.len() as u8);
        list.extend(text.as_bytes());
    }
    let size = (list.len() as u16).to_le_bytes();
    list[..2].copy_from_slice(&size);
    let mut main = vec![0; 0x400];
    main[..4].copy_from_slice(&[0xdc, 0xa5, 0x68, 0]);
    main[0x158..0x15c].copy_from_slice(&0x400_u32.to_le_bytes());
    main[0x15c..0x160].copy_from_slice(&(list.len() as u32).to_le_bytes());
    main.extend(list);
    main.resize(5000, 0);
    CfbBuilder::new().stream("WordDocument", &main)
}

/// A document of Word 6 or 95 with macros of these names (MS-DOC 2.9.317, Tcg), without their code.
pub fn macros_of_word_6(names: &[&str]) -> CfbBuilder {
    let mut table = vec![0xff, 1];
    table.extend((names.len() as u16).to_le_bytes());
    table.extend(names.iter().flat_map(|_| [b'U'; 24]));
    let list: Vec<u8> =
        names.iter().flat_map(|name| [&[name.len() as u8], name.as_bytes(), &[1, 0]].concat()).collect();
    table.push(0x10);
    table.extend((list.len() as u16 + 2).to_le_bytes());
    table.extend(list);
    table.push(0x40);
    let mut main = vec![0; 0x400];
    main[..4].copy_from_slice(&[0xdc, 0xa5, 0x68, 0]);
    main[0x118..0x11c].copy_from_slice(&0x400_u32.to_le_bytes());
    main[0x11c..0x120].copy_from_slice(&(table.len() as u32).to_le_bytes());
    main.extend(table);
    main.resize(5000, 0);
    CfbBuilder::new().stream("WordDocument", &main)
}

/// A FIB (2.5.1) of Word 97 whose table is `1Table`; the list is there.
fn fib(start: u32, length: u32) -> Vec<u8> {
    let mut main = vec![0; 5000];
    main[..4].copy_from_slice(&[0xec, 0xa5, 0xc1, 0]);
    main[10..12].copy_from_slice(&0x200_u16.to_le_bytes());
    // Fourteen numbers of two bytes, twenty-two of four, ninety-three pairs.
    main[32] = 14;
    main[62] = 22;
    main[152] = 93;
    main[154 + 8 * 32..][..4].copy_from_slice(&start.to_le_bytes());
    main[154 + 8 * 32 + 4..][..4].copy_from_slice(&length.to_le_bytes());
    main
}
