//! Metadata of .NET programs (ECMA-335, partition II, 22 and 24): what they name and call, and no code.

/// Metadata in the making. Rows are few, so all indexes have two bytes.
#[derive(Clone, Default, Debug)]
pub struct DotnetMetadata {
    texts: Vec<u8>,
    blobs: Vec<u8>,
    references: Vec<[u16; 3]>,
    types: Vec<[u16; 2]>,
    members: Vec<[u16; 3]>,
    natives: Vec<u16>,
}

/// Metadata of a program that names nothing.
pub fn metadata() -> DotnetMetadata {
    DotnetMetadata { texts: vec![0], blobs: vec![0], ..DotnetMetadata::default() }
}

impl DotnetMetadata {
    fn text(&mut self, text: &str) -> u16 {
        let at = self.texts.len() as u16;
        self.texts.extend(text.as_bytes());
        self.texts.push(0);
        at
    }

    /// Adds a type of its own.
    pub fn own_type(mut self, namespace: &str, name: &str) -> Self {
        let row = [self.text(name), self.text(namespace)];
        self.types.push(row);
        self
    }

    /// Calls a member of a type of the framework, with this signature.
    pub fn calls(mut self, namespace: &str, type_name: &str, member: &str, signature: &[u8]) -> Self {
        // ResolutionScope: the first assembly.
        let reference = [1 << 2 | 2, self.text(type_name), self.text(namespace)];
        self.references.push(reference);
        let signature_at = self.blobs.len() as u16;
        self.blobs.push(signature.len() as u8);
        self.blobs.extend(signature);
        // MemberRefParent: that type.
        let row = [(self.references.len() as u16) << 3 | 1, self.text(member), signature_at];
        self.members.push(row);
        self
    }

    /// Imports a native function.
    pub fn native(mut self, function: &str) -> Self {
        let name = self.text(function);
        self.natives.push(name);
        self
    }

    /// The metadata as it stands in a program.
    pub(super) fn build(mut self) -> Vec<u8> {
        let (module, library, assembly) = (self.text("program.exe"), self.text("library.dll"), self.text("mscorlib"));
        let words = |words: &[u16]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let tables: [(u32, usize, Vec<u8>); 7] = [
            (0x00, 1, words(&[0, module, 1, 0, 0])),
            (0x01, self.references.len(), self.references.iter().flat_map(|row| words(row)).collect()),
            (
                0x02,
                self.types.len(),
                self.types.iter().flat_map(|row| words(&[1, 0, row[0], row[1], 0, 1, 1])).collect(),
            ),
            (0x0a, self.members.len(), self.members.iter().flat_map(|row| words(row)).collect()),
            (0x1a, 1, words(&[library])),
            (0x1c, self.natives.len(), self.natives.iter().flat_map(|&name| words(&[0x100, 3, name, 1])).collect()),
            (0x23, 1, words(&[4, 0, 0, 0, 0, 0, 0, assembly, 0, 0])),
        ];
        let there = || tables.iter().filter(|(_, rows, _)| *rows > 0);
        let mut stream = vec![0, 0, 0, 0, 2, 0, 0, 1];
        stream.extend(there().fold(0u64, |all, (table, ..)| all | 1 << table).to_le_bytes());
        stream.extend([0; 8]);
        stream.extend(there().flat_map(|(_, rows, _)| (*rows as u32).to_le_bytes()));
        stream.extend(there().flat_map(|(.., rows)| rows.iter().copied()));
        let streams: [(&[u8], Vec<u8>); 4] = [
            (b"#~\0\0", stream),
            (b"#Strings\0\0\0\0", self.texts),
            (b"#GUID\0\0\0", vec![7; 16]),
            (b"#Blob\0\0\0", self.blobs),
        ];
        let mut root = b"BSJB\x01\0\x01\0\0\0\0\0\x0c\0\0\0v4.0.30319\0\0\0\0".to_vec();
        root.extend((streams.len() as u16).to_le_bytes());
        let mut at = root.len() + streams.iter().map(|(name, _)| 8 + name.len()).sum::<usize>();
        for (name, content) in &streams {
            root.extend((at as u32).to_le_bytes());
            root.extend((content.len() as u32).to_le_bytes());
            root.extend_from_slice(name);
            at += content.len().next_multiple_of(4);
        }
        for (_, content) in streams {
            root.extend(content);
            root.resize(root.len().next_multiple_of(4), 0);
        }
        root
    }
}
