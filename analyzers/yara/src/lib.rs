//! YARA rules as one more analyzer: compiled rules in, evidence out. Touches no file.
//!
//! [`compile`] makes a bundle of [`Source`]s and tells every [`Mistake`]; [`Library`] opens a bundle and loads
//! of it what is needed; [`Yara`] tries the rules on samples. Compiling makes and runs machine code, and takes
//! seconds for thousands of rules, so it belongs into a process of its own; a bundle holds that machine code, so
//! only trusted bytes are opened.
//!
//! ```
//! use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
//! use analyzers_yara::{Library, Source, Yara, compile};
//!
//! let rule = br#"rule greeting { strings: $a = "hello" condition: $a }"#;
//! let compilation = compile(&[Source::new("greeting.yar", rule)])?;
//! assert!(compilation.mistakes.is_empty());
//! let library = Library::open(Box::new(compilation.bundle))?;
//!
//! let bytes = b"hello, world";
//! let kind = triage::triage(bytes);
//! let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
//! let mut findings = Findings::new(record, LayerId::ARTIFACT);
//! Yara::new(&library).analyze(Sample { bytes, kind }, &mut findings);
//! assert_eq!(findings.finish().0.evidence.len(), 1);
//! # Ok::<(), analyzers_yara::BundleError>(())
//! ```
//!
//! # Sets
//!
//! Most rules are about one format and say so in their condition (`uint16(0) == 0x5A4D`). Such a guard is
//! proven from the condition (`guard`), and where a format has many rules, its files have a set of their own
//! and other files are not bothered with them (`sets.rs`).
//!
//! A large set is divided into parts (`parts.rs`). From each condition it is proven what must be found in a file for the rule
//! to be true: strings, the size, signatures, imports (`prefilter`). One quick search finds out what of it is there, and only
//! the parts in which a rule may be true are run. Inside of a part, rules that need one of a few patterns are skipped together
//! where none matches (`required_patterns.rs`, `guarded_groups.rs`). The module `pe` takes a program apart once for all parts,
//! and no further than they ask (`pe.rs`). The hits are the same as if every rule were tried on every file.
//!
//! The first folder of a file's name may say more: rules in `pe/`, `elf/` and `office/` speak of files that triage calls so,
//! and of no others.
//!
//! # What a rule's meta says
//!
//! | key | meaning |
//! |---|---|
//! | `weight`, `score`, `severity`, … | what a hit counts: each set of rules has a scale of its own (`scale.rs`) |
//! | `attack`, `mitre_attack`, `mitre_att`, `mitre`, `technique` | the first ATT&CK technique in it |
//! | `family`, `malware_family`, `malware`, `threat_name`, `tc_detection_name` | the malware family |
//! | `description` | the meaning of a hit |
//! | `reference`, `author`, `severity` | where it is from; shown to people |
//!
//! # What it cannot see
//!
//! Limitations: the variable `owner` of LOKI and THOR is always empty. Packed or compressed data is not scanned, unless
//! another analyzer passes it on as a child.
//!
//! # How it fails
//!
//! A scan that exceeds the time limit is incomplete. yara-x checks its clock once a second and not in every loop, so a
//! strict limit needs a watchdog on the process. If rules could not be loaded, scans that need them are incomplete; see
//! [`Library::missing`]. Rules that do not match are no evidence: they never vouch for a file.

#![forbid(unsafe_code)]

mod analyzer;
mod bundle;
mod compile;
mod depth;
mod externals;
mod guard;
mod guarded_groups;
mod includes;
mod index;
mod kept_meta;
mod library;
mod magic_class;
mod meta;
mod names;
mod part_kind;
mod part_mask;
mod parts;
mod pe;
mod prefilter;
mod repair;
mod required_patterns;
mod rule_file;
mod scale;
mod set_mask;
mod sets;
mod single;
mod source;
mod text;

pub use analyzer::Yara;
pub use bundle::{BundleError, built_for};
pub use compile::{Compilation, ENDINGS, SOURCE_BYTES_MAX, compile};
pub use index::RuleEntry;
pub use library::{Library, RuleList};
pub use part_mask::PartMask;
pub use repair::MISTAKES_MAX;
pub use set_mask::SetMask;
pub use single::single_rules;
pub use source::{Mistake, RuleFolder, Severity, Source};
