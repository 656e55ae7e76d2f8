//! Anomalies that parsers report: each kind once, with its first position.

/// Something in the headers or tables that no linker writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Oddity {
    NoSignature,
    HeadersOverlap,
    HeadersCut,
    OptionalMagic,
    OptionalSize,
    DirectoryCount,
    DirectoryUncounted,
    NoSections,
    ManySections,
    Alignment,
    HeadersSize,
    ImageBase,
    ImageSize,
    SectionsOverlap,
    RawPointer,
    ImportTable,
    ImportCount,
    ExportTable,
    ResourceTree,
    Certificate,
}

impl Oddity {
    const ALL: [Oddity; 20] = [
        Oddity::NoSignature,
        Oddity::HeadersOverlap,
        Oddity::HeadersCut,
        Oddity::OptionalMagic,
        Oddity::OptionalSize,
        Oddity::DirectoryCount,
        Oddity::DirectoryUncounted,
        Oddity::NoSections,
        Oddity::ManySections,
        Oddity::Alignment,
        Oddity::HeadersSize,
        Oddity::ImageBase,
        Oddity::ImageSize,
        Oddity::SectionsOverlap,
        Oddity::RawPointer,
        Oddity::ImportTable,
        Oddity::ImportCount,
        Oddity::ExportTable,
        Oddity::ResourceTree,
        Oddity::Certificate,
    ];

    /// Describes the anomaly in a few words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Oddity::NoSignature => "no PE signature where e_lfanew points",
            Oddity::HeadersOverlap => "PE header inside the DOS header",
            Oddity::HeadersCut => "headers run past the end of the file",
            Oddity::OptionalMagic => "optional header is neither PE32 nor PE32+",
            Oddity::OptionalSize => "optional header is larger than it says",
            Oddity::DirectoryCount => "more than 16 data directories",
            Oddity::DirectoryUncounted => "a data directory that is not counted",
            Oddity::NoSections => "no sections",
            Oddity::ManySections => "more than 96 sections",
            Oddity::Alignment => "alignment that is none",
            Oddity::HeadersSize => "SizeOfHeaders is zero or larger than the file",
            Oddity::ImageBase => "image base is not a multiple of 64 KiB",
            Oddity::ImageSize => "sections reach past SizeOfImage",
            Oddity::SectionsOverlap => "sections overlap or are out of order",
            Oddity::RawPointer => "section data is not aligned",
            Oddity::ImportTable => "import directory cannot be read",
            Oddity::ImportCount => "absurdly many imports",
            Oddity::ExportTable => "export directory cannot be read",
            Oddity::ResourceTree => "resource directory is cut, cyclic or absurdly large",
            Oddity::Certificate => "attribute certificate is malformed",
        }
    }
}

/// The oddities of one image.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Oddities {
    seen: u32,
    places: [usize; Oddity::ALL.len()],
}

impl Oddities {
    /// Notes an oddity and the file offset it was noticed at.
    pub(crate) fn note(&mut self, oddity: Oddity, at: usize) {
        let index = oddity as usize;
        if self.seen & (1 << index) == 0 {
            self.seen |= 1 << index;
            self.places[index] = at;
        }
    }

    /// Returns the number of kinds of anomalies.
    pub(crate) fn count(&self) -> u32 {
        self.seen.count_ones()
    }

    /// Each kind with its place, in the order of the kinds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Oddity, usize)> + '_ {
        Oddity::ALL
            .into_iter()
            .filter(|&oddity| self.seen & (1 << oddity as u32) != 0)
            .map(|oddity| (oddity, self.places[oddity as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_oddity_is_told_once_at_its_first_place() {
        let mut oddities = Oddities::default();
        for oddity in Oddity::ALL.into_iter().rev() {
            oddities.note(oddity, oddity as usize + 10);
            oddities.note(oddity, 0);
        }
        let told: Vec<_> = oddities.iter().map(|(oddity, at)| (oddity as usize, at)).collect();
        assert_eq!(told, (0..Oddity::ALL.len()).map(|index| (index, index + 10)).collect::<Vec<_>>());
    }
}
