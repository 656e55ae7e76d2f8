//! Sections: how many of which kind, how even their bytes are, where the program begins.

use analyzers::{entropy, measures, permille};

use crate::image::Image;
use crate::section::Section;

/// Names that compilers and linkers give, in lower case.
const USUAL: &[&[u8]] = &[
    b".text",
    b".data",
    b".rdata",
    b".rsrc",
    b".reloc",
    b".bss",
    b".idata",
    b".edata",
    b".pdata",
    b".tls",
    b"code",
    b"data",
    b".crt",
    b".didat",
    b".gfids",
    b".00cfg",
    b".xdata",
    b".itext",
    b".rodata",
    b".sdata",
    b".ndata",
    b"_rdata",
    b".buildid",
    b".eh_fram",
    b"init",
    b"page",
    b".debug",
    b".sbss",
    b"bss",
];
/// Thousandths of a bit per byte from which a section counts as packed or encrypted.
const HIGH_ENTROPY: u32 = 7_200;
/// Most that a section grows in memory, in thousandths of its size in the file.
const GROWTH_MAX: u32 = 50_000;

/// A section with its entropy, in thousandths of a bit per byte.
struct Sized<'s> {
    section: &'s Section,
    entropy: u32,
    bytes: usize,
}

impl Sized<'_> {
    fn is_called(&self, name: &[u8]) -> bool {
        self.section.name().eq_ignore_ascii_case(name)
    }

    fn is_usual(&self) -> bool {
        USUAL.iter().any(|name| self.is_called(name))
    }

    /// Size in memory, in thousandths of that in the file.
    fn growth(&self) -> u32 {
        match self.section.raw_size {
            0 => GROWTH_MAX,
            raw => permille(self.section.virtual_size as usize, raw as usize).min(GROWTH_MAX),
        }
    }
}

/// All sections.
pub(super) struct Sections<'s> {
    sections: Vec<Sized<'s>>,
    size: usize,
    entry: Option<usize>,
    entry_address: u32,
}

impl<'s> Sections<'s> {
    /// `entropy_of`: bits per byte of a section, by its index.
    pub(super) fn of(image: &Image<'s>, entropy_of: impl Fn(usize) -> f64) -> Sections<'s> {
        let size = image.bytes.len();
        let sized = |(index, section): (usize, &'s Section)| Sized {
            section,
            entropy: entropy(entropy_of(index)),
            bytes: section.raw(size).len(),
        };
        let entry_address = image.optional.as_ref().map_or(0, |optional| optional.standard.address_of_entry_point);
        Sections {
            sections: image.sections.iter().enumerate().map(sized).collect(),
            size,
            entry: image.section_at(entry_address).map(|(index, _)| index).filter(|_| entry_address != 0),
            entry_address,
        }
    }

    fn count(&self, is: impl Fn(&Sized<'_>) -> bool) -> usize {
        self.sections.iter().filter(|section| is(section)).count()
    }

    fn named(&self, name: &[u8]) -> Option<&Sized<'s>> {
        self.sections.iter().find(|section| section.is_called(name))
    }

    fn entropy(&self, name: &[u8]) -> u32 {
        self.named(name).map_or(0, |section| section.entropy)
    }

    fn share(&self, name: &[u8]) -> u32 {
        self.named(name).map_or(0, |section| permille(section.bytes, self.size))
    }

    fn growth(&self, name: &[u8]) -> u32 {
        self.named(name).map_or(0, Sized::growth)
    }

    fn at_entry(&self) -> Option<&Sized<'s>> {
        self.entry.and_then(|index| self.sections.get(index))
    }

    fn entry_position(&self) -> u32 {
        self.at_entry().map_or(0, |entry| {
            let inside = self.entry_address.saturating_sub(entry.section.virtual_address);
            permille(inside as usize, entry.section.extent() as usize)
        })
    }

    fn mean_entropy(&self) -> u32 {
        let sum: u64 = self.sections.iter().map(|section| u64::from(section.entropy)).sum();
        u32::try_from(sum.checked_div(self.sections.len() as u64).unwrap_or(0)).unwrap_or(0)
    }

    fn twins(&self) -> usize {
        let mut names: Vec<&[u8]> = self.sections.iter().map(|section| section.section.name()).collect();
        names.sort_unstable();
        names.dedup();
        self.sections.len() - names.len()
    }
}

measures! {
    /// The sections.
    SECTIONS, fn sections(all: &Sections<'_>), source: "PE/COFF specification, \"Section Table (Section Headers)\"; EMBER" {
        "section.entry_entropy", Entropy, "Evenness of the section that the program begins in." =>
            all.at_entry().map_or(0, |entry| entry.entropy);
        "section.entry_writable", Flag, "The program begins where it may be written to." =>
            all.at_entry().is_some_and(|entry| entry.section.is_writable());
        "section.entry_executable", Flag, "The program begins in a section that is executable." =>
            all.at_entry().is_some_and(|entry| entry.section.is_executable());
        "section.entry_share", Permille, "The section that the program begins in, of the file." =>
            all.at_entry().map_or(0, |entry| permille(entry.bytes, all.size));
        "section.entry_position", Permille, "Where in its section the program begins." => all.entry_position();
        "section.entry_usual", Flag, "The program begins in a section with a usual name." =>
            all.at_entry().is_some_and(Sized::is_usual);
        "section.entry_index", Count, "Number of the section that the program begins in, from 1; 0 if in none." =>
            all.entry.map_or(0, |index| index + 1);
        "section.entry_last", Flag, "The program begins in the last section." =>
            all.entry.is_some_and(|index| index + 1 == all.sections.len());
        "section.text_entropy", Entropy, "Evenness of `.text`." => all.entropy(b".text");
        "section.text_share", Permille, "`.text`, of the file." => all.share(b".text");
        "section.text_growth", Permille, "Size of `.text` in memory, of that in the file." => all.growth(b".text");
        "section.data_entropy", Entropy, "Evenness of `.data`." => all.entropy(b".data");
        "section.data_share", Permille, "`.data`, of the file." => all.share(b".data");
        "section.data_growth", Permille, "Size of `.data` in memory, of that in the file." => all.growth(b".data");
        "section.rdata_entropy", Entropy, "Evenness of `.rdata`." => all.entropy(b".rdata");
        "section.rdata_share", Permille, "`.rdata`, of the file." => all.share(b".rdata");
        "section.rdata_growth", Permille, "Size of `.rdata` in memory, of that in the file." => all.growth(b".rdata");
        "section.rsrc_entropy", Entropy, "Evenness of `.rsrc`." => all.entropy(b".rsrc");
        "section.rsrc_share", Permille, "`.rsrc`, of the file." => all.share(b".rsrc");
        "section.reloc_entropy", Entropy, "Evenness of `.reloc`." => all.entropy(b".reloc");
        "section.reloc_share", Permille, "`.reloc`, of the file." => all.share(b".reloc");
        "section.pdata_entropy", Entropy, "Evenness of `.pdata`." => all.entropy(b".pdata");
        "section.pdata_share", Permille, "`.pdata`, of the file." => all.share(b".pdata");
        "section.bss_growth", Permille, "Size of `.bss` in memory, of that in the file." => all.growth(b".bss");
        "section.idata_entropy", Entropy, "Evenness of `.idata`." => all.entropy(b".idata");
        "section.idata_share", Permille, "`.idata`, of the file." => all.share(b".idata");
        "section.code_entropy", Entropy, "Evenness of `CODE`." => all.entropy(b"code");
        "section.code_share", Permille, "`CODE`, of the file." => all.share(b"code");
        "section.tls_growth", Permille, "Size of `.tls` in memory, of that in the file." => all.growth(b".tls");
        "section.writable_executable", Count, "Sections that may be written to and executed." =>
            all.count(|section| section.section.is_writable() && section.section.is_executable());
        "section.executable", Count, "Sections that may be executed." => all.count(|section| section.section.is_executable());
        "section.writable", Count, "Sections that may be written to." => all.count(|section| section.section.is_writable());
        "section.usual", Count, "Sections with a usual name." => all.count(|section| section.is_usual());
        "section.unusual", Count, "Sections with an unusual name." => all.count(|section| !section.is_usual());
        "section.without_data", Count, "Sections without data in the file." => all.count(|section| section.section.raw_size == 0);
        "section.without_name", Count, "Sections without a name." =>
            all.count(|section| section.section.name().iter().all(u8::is_ascii_whitespace));
        "section.same_name", Count, "Sections that are called as another one." => all.twins();
        "section.high_entropy", Count, "Sections whose bytes are as even as packed ones." =>
            all.count(|section| section.entropy > HIGH_ENTROPY);
        "section.highest_entropy", Entropy, "Evenness of the most even section." =>
            all.sections.iter().map(|section| section.entropy).max().unwrap_or(0);
        "section.lowest_entropy", Entropy, "Evenness of the least even section." =>
            all.sections.iter().map(|section| section.entropy).min().unwrap_or(0);
        "section.mean_entropy", Entropy, "Mean evenness of sections." => all.mean_entropy();
        "section.highest_growth", Permille, "Largest size in memory of any section, of that in the file." =>
            all.sections.iter().map(Sized::growth).max().unwrap_or(0);
    }
}
