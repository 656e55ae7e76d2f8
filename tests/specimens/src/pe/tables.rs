//! The tables inside a PE image that data directories point to.
//!
//! Each function appends to the data of a section that will be loaded at `base`, and gives the address and
//! size for its data directory. Layouts are those of the PE/COFF specification, "Special Sections".

/// What is exported.
pub(super) struct Export<'a> {
    pub(super) names: &'a [String],
    /// Where every exported function is.
    pub(super) address: u32,
}

/// One resource; all are English (0x409) and named by number.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) type_id: u32,
    /// Its name; else its place among those of its type, from 1.
    pub(super) name: Option<u32>,
    pub(super) data: Vec<u8>,
}

/// The import directory: descriptors, then for each library its lookup table, its address table and its names.
pub(super) fn imports(
    out: &mut Vec<u8>,
    base: u32,
    libraries: &[(String, Vec<String>)],
    copies: usize,
    plus: bool,
) -> (u32, u32) {
    out.resize(out.len().next_multiple_of(16), 0);
    let start = out.len();
    out.resize(start + (libraries.len() * copies + 1) * 20, 0);
    let width = if plus { 8 } else { 4 };
    for (index, (library, functions)) in libraries.iter().enumerate() {
        out.resize(out.len().next_multiple_of(8), 0);
        let lookup = out.len();
        let table_size = (functions.len() + 1) * width;
        out.resize(lookup + 2 * table_size, 0);
        for (place, function) in functions.iter().enumerate() {
            let thunk = match function.strip_prefix('#') {
                Some(ordinal) => {
                    let ordinal: u64 = ordinal.parse().expect("`#` is followed by an ordinal");
                    ordinal | if plus { 1 << 63 } else { 1 << 31 }
                }
                None => {
                    let hint = out.len();
                    out.extend_from_slice(&[0, 0]);
                    out.extend_from_slice(function.as_bytes());
                    out.push(0);
                    out.resize(out.len().next_multiple_of(2), 0);
                    u64::from(base) + hint as u64
                }
            };
            for table in [lookup, lookup + table_size] {
                let at = table + place * width;
                out[at..at + width].copy_from_slice(&thunk.to_le_bytes()[..width]);
            }
        }
        let name = out.len();
        out.extend_from_slice(library.as_bytes());
        out.push(0);
        let mut descriptor = Vec::new();
        let at = |offset: usize| base + offset as u32;
        u32s(&mut descriptor, &[at(lookup), 0, 0, at(name), at(lookup + table_size)]);
        for copy in 0..copies {
            let row = start + (copy * libraries.len() + index) * 20;
            out[row..row + 20].copy_from_slice(&descriptor);
        }
    }
    (base + start as u32, ((libraries.len() * copies + 1) * 20) as u32)
}

/// The export directory.
pub(super) fn exports(out: &mut Vec<u8>, base: u32, exports: &Export<'_>) -> (u32, u32) {
    out.resize(out.len().next_multiple_of(16), 0);
    let start = out.len();
    let count = exports.names.len();
    let (functions, names, ordinals) = (start + 40, start + 40 + count * 4, start + 40 + count * 8);
    out.resize(ordinals + count * 2, 0);
    for (index, name) in exports.names.iter().enumerate() {
        let at = base + out.len() as u32;
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        out[functions + index * 4..functions + index * 4 + 4].copy_from_slice(&exports.address.to_le_bytes());
        out[names + index * 4..names + index * 4 + 4].copy_from_slice(&at.to_le_bytes());
        out[ordinals + index * 2..ordinals + index * 2 + 2].copy_from_slice(&(index as u16).to_le_bytes());
    }
    let library = base + out.len() as u32;
    out.extend_from_slice(b"built.dll\0");
    let mut directory = Vec::new();
    let at = |offset: usize| base + offset as u32;
    u32s(&mut directory, &[0, 0, 0, library, 1, count as u32, count as u32]);
    u32s(&mut directory, &[at(functions), at(names), at(ordinals)]);
    out[start..start + 40].copy_from_slice(&directory);
    (base + start as u32, (out.len() - start) as u32)
}

/// A debug directory with one CodeView record. `file_offset` is that of the section's first byte.
pub(super) fn debug(out: &mut Vec<u8>, base: u32, file_offset: u32, pdb: &str) -> (u32, u32) {
    out.resize(out.len().next_multiple_of(16), 0);
    let start = out.len();
    let record = start + 28;
    let size = 24 + pdb.len() + 1;
    // IMAGE_DEBUG_TYPE_CODEVIEW is 2.
    u32s(out, &[0, 0, 0, 2, size as u32, base + record as u32, file_offset + record as u32]);
    out.extend_from_slice(b"RSDS");
    out.extend_from_slice(&[0x11; 16]);
    u32s(out, &[1]);
    out.extend_from_slice(pdb.as_bytes());
    out.push(0);
    (base + start as u32, 28)
}

/// A CLR header (ECMA-335, II.25.3.3), and the metadata behind it.
pub(super) fn clr(out: &mut Vec<u8>, base: u32, content: &[u8]) -> (u32, u32) {
    out.resize(out.len().next_multiple_of(16), 0);
    let start = out.len();
    let metadata = start + 72;
    u32s(out, &[72]);
    u16s(out, &[2, 5]);
    u32s(out, &[base + metadata as u32, content.len() as u32, 1]);
    out.resize(metadata, 0);
    out.extend_from_slice(content);
    (base + start as u32, 72)
}

/// The resource section: types, then one numbered name and one language below each resource.
pub(super) fn resources(base: u32, resources: &[Resource]) -> Vec<u8> {
    let mut types: Vec<u32> = resources.iter().map(|resource| resource.type_id).collect();
    types.sort_unstable();
    types.dedup();
    let mut out = Vec::new();
    directory(&mut out, types.len());
    let mut data_entries = Vec::new();
    for (index, &type_id) in types.iter().enumerate() {
        let names = out.len();
        entry(&mut out, 16 + index * 8, type_id, names as u32 | 1 << 31);
        let members: Vec<_> = resources.iter().filter(|resource| resource.type_id == type_id).collect();
        directory(&mut out, members.len());
        for (place, member) in members.iter().enumerate() {
            let languages = out.len();
            let name = member.name.unwrap_or(place as u32 + 1);
            entry(&mut out, names + 16 + place * 8, name, languages as u32 | 1 << 31);
            directory(&mut out, 1);
            let data_entry = out.len();
            entry(&mut out, languages + 16, 0x409, data_entry as u32);
            out.resize(data_entry + 16, 0);
            data_entries.push((data_entry, *member));
        }
    }
    for (data_entry, resource) in data_entries {
        out.resize(out.len().next_multiple_of(8), 0);
        let mut row = Vec::new();
        u32s(&mut row, &[base + out.len() as u32, resource.data.len() as u32, 0, 0]);
        out[data_entry..data_entry + 16].copy_from_slice(&row);
        out.extend_from_slice(&resource.data);
    }
    out
}

fn directory(out: &mut Vec<u8>, entries: usize) {
    u32s(out, &[0, 0, 0]);
    u16s(out, &[0, entries as u16]);
    out.resize(out.len() + entries * 8, 0);
}

fn entry(out: &mut [u8], at: usize, id: u32, target: u32) {
    out[at..at + 4].copy_from_slice(&id.to_le_bytes());
    out[at + 4..at + 8].copy_from_slice(&target.to_le_bytes());
}

/// A COFF symbol table of functions in the first section, and its string table; nothing without names.
pub(super) fn symbols(names: &[String]) -> Vec<u8> {
    let (mut out, mut strings) = (Vec::new(), vec![0; 4]);
    for name in names {
        u32s(&mut out, &[0, strings.len() as u32, 0]);
        // Section 1, a function, external, no auxiliary records.
        u16s(&mut out, &[1, 0x20]);
        out.extend([2, 0]);
        strings.extend_from_slice(name.as_bytes());
        strings.push(0);
    }
    if names.is_empty() {
        return out;
    }
    let length = (strings.len() as u32).to_le_bytes();
    strings[..4].copy_from_slice(&length);
    [out, strings].concat()
}

/// A version resource (`VS_VERSIONINFO`) with one string table.
pub(super) fn version(company: &str) -> Vec<u8> {
    let mut fixed = Vec::new();
    u32s(&mut fixed, &[0xfeef_04bd, 0x0001_0000, 0x0001_0000, 0, 0x0001_0000, 0, 0x3f, 0, 0x4_0004, 1, 0, 0, 0]);
    let string = block("CompanyName", &wide(company), company.encode_utf16().count() as u16 + 1, 1, &[]);
    let table = block("040904b0", &[], 0, 1, &string);
    let strings = block("StringFileInfo", &[], 0, 1, &table);
    block("VS_VERSION_INFO", &fixed, fixed.len() as u16, 0, &strings)
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn block(key: &str, value: &[u8], value_length: u16, kind: u16, children: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    u16s(&mut out, &[0, value_length, kind]);
    out.extend_from_slice(&wide(key));
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(children);
    let length = (out.len() as u16).to_le_bytes();
    out[..2].copy_from_slice(&length);
    out
}

pub(super) fn u16s(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

pub(super) fn u32s(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}
