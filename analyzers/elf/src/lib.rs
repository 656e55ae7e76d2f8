//! Indicators of ELF images.
//!
//! ```
//! use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
//! use analyzers_elf::Elf;
//!
//! let bytes = specimens::elf::upx_like().upx_magic().build();
//! let kind = triage::triage(&bytes);
//! let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
//! let mut findings = Findings::new(record, LayerId::ARTIFACT);
//! Elf::default().analyze(Sample { bytes: &bytes, kind }, &mut findings);
//!
//! let (record, _children) = findings.finish();
//! assert!(record.evidence.iter().any(|seen| seen.indicator.to_string() == "elf.packer.upx_magic"));
//! ```
//!
//! Looks for what tells bots, miners, rootkits and droppers from ordinary programs:
//!
//! - **what the headers say** (`structure`): tables and segments outside the file, no sections, odd entry
//!   points, writable code; a packer's layout and noise (`packing`); what is behind or beside the program (`outside`);
//! - **what the bytes spell** (`keywords`, found by `search` in one pass): bot functions, flood vocabulary, router
//!   exploits, factory passwords, shell commands; public addresses (`address`); strings hidden by XOR with
//!   one byte (`xor_strings`);
//! - **what a library takes over** (`hooks`).
//!
//! Keywords are the strongest evidence, because packers and unusual linkers are used for legitimate programs, too. A
//! packed program hides its strings, so only its structure is judged, and structure alone has limited weight.
//!
//! Hidden strings are searched for in the first 4 MiB only, and noise is judged by samples: those are heuristics
//! about what bots are like, not limits, so what they leave out does not make a report incomplete.
//!
//! Where readers of ELF files differ, this crate follows the loader: Linux and ld.so for programs and libraries, which
//! use segments and the dynamic section but no section headers (`ident`, `image`, `dynamic`); the module loader of
//! Linux for kernel modules, which uses sections.
//!
//! The analyzer vouches for the files that it parsed, but not for core dumps, and not for files with an embedded
//! archive, program or noise that it did not open.
//!
//! Cannot see: inside packed or encrypted code (what UPX packed another analyzer unpacks), strings put together at run
//! time, what code does. Nothing is executed or unpacked.
//!
//! Fails softly: whatever part of the headers can be read testifies, whatever cannot is a sign itself, and
//! what lies outside the file makes the report incomplete (`truncation`). Memory is bounded by 65,536 entries per table,
//! more are a limit that was hit; time by the file's length and the budget's steps.

#![forbid(unsafe_code)]

mod address;
mod bundle;
pub mod catalogue;
mod dynamic;
mod entropy;
mod hooks;
mod ident;
mod image;
mod keyword_context;
mod keywords;
mod loader_view;
pub mod measures;
mod outside;
mod packing;
mod search;
mod structure;
mod truncation;
mod xor_strings;

use analyzers::{Analyzer, Findings, Incomplete, Indicator, Sample};
use triage::FileKind;

use crate::image::Image;
use crate::measures::Words;
use crate::search::Search;
use crate::xor_strings::Hidden;

/// The expert for ELF images.
#[derive(Debug)]
pub struct Elf {
    search: Search,
    hidden: Hidden,
    words: Words,
}

impl Elf {
    /// Builds the searches: make one and keep it.
    pub fn new() -> Self {
        Elf { search: Search::new(), hidden: Hidden::new(), words: Words::new() }
    }
}

impl Default for Elf {
    fn default() -> Self {
        Elf::new()
    }
}

impl Analyzer for Elf {
    fn name(&self) -> &'static str {
        "elf"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(catalogue::ALL.iter().copied())
    }

    fn wants(&self, kind: FileKind) -> bool {
        matches!(kind, FileKind::Elf(_))
    }

    fn prepare(&self) {
        measures::prepare();
    }

    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>) {
        let Some(image) = Image::read(sample.bytes, findings.budget()) else {
            findings.incomplete(Incomplete::CutShort);
            return;
        };
        truncation::examine(&image, findings);
        vouch(&image, findings);
        structure::examine(&image, findings);
        packing::examine(&image, findings);
        outside::examine(&image, findings);
        hooks::examine(&image, findings);
        // A core holds the memory of whatever ran, a scanner's words included: they say nothing about the file.
        if !image.is_core() {
            let bundle = self.search.examine(&image, findings);
            self.hidden.examine(&image, findings);
            address::examine(&image, findings);
            shape(&image, findings);
            if let Some(named) = bundle {
                bundle::examine(&image, named, findings);
            }
            // A limit ends it here; the budget remembers which.
            if let Ok(Some(values)) = measures::take(&image, &mut self.words, findings.budget()) {
                findings.measured(measures::SET, values);
                findings.named(self.words.hosts().found());
            }
        }
    }
}

/// Vouches for nothing that no loader takes: whatever is in it was not taken apart.
fn vouch(image: &Image<'_>, findings: &mut Findings<'_>) {
    if !image.is_loadable() && !image.is_object() {
        findings.cannot_vouch(format_args!("e_type {}", image.header.e_type));
    } else if image.is_loadable() && image.loads().next().is_none() {
        findings.cannot_vouch("no segment to load");
    } else if image.is_loadable() && image.loads_too_much() {
        findings.cannot_vouch("more segments than are loaded");
    } else if image.is_boot_module() {
        findings.cannot_vouch("a module of a boot loader");
    }
}

/// Maximum number of loaded bytes of a bot.
pub(crate) const BOT_BYTES_MAX: usize = 4 << 20;

/// Lets a loop over the file report one sign a few times. Findings keep no more, but compare each report with
/// all they have: a sign at every entry of a large table, or every nine bytes, would cost their product.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Few(u8);

impl Few {
    /// Maximum number of findings per sign.
    const MAX: u8 = 8;

    /// Whether one more may be reported; counts it.
    pub(crate) fn more(&mut self) -> bool {
        let more = self.0 < Few::MAX;
        self.0 += u8::from(more);
        more
    }
}

/// Network signs of different kinds in a small static program: the shape of a bot.
fn shape(image: &Image<'_>, findings: &mut Findings<'_>) {
    use catalogue::{HTTP_REQUEST, PROC_NET, PUBLIC_ADDRESS, STATIC_BOT_SHAPE, USER_AGENT, WATCHDOG};
    if !image.is_static() || image.loaded_bytes() > BOT_BYTES_MAX {
        return;
    }
    let network = [&PROC_NET, &HTTP_REQUEST, &USER_AGENT, &PUBLIC_ADDRESS, &WATCHDOG];
    let seen = network.iter().filter(|indicator| findings.has(indicator)).count();
    if seen >= 2 {
        findings.saw_with(&STATIC_BOT_SHAPE, 0..0, format_args!("{seen} signs"));
    }
}
