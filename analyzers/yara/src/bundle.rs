//! The bundle: compiled sets of rules and their index, as bytes.
//!
//! A bundle contains machine code, so the caller must know its origin: `daemon/scanner/rules` keeps it private and
//! checks its digest. This module checks that it fits this program and this processor.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::set_mask::SETS_MAX;

/// Starts every bundle. The last byte is the version of the format.
const MAGIC: [u8; 8] = *b"STKYARA\x07";

/// The version of yara-x that this crate is pinned to; its serialized rules fit no other.
const ENGINE: &str = "yara-x 1.22.1";

/// Most bytes an index may have: 10,143 public rules have 4 MB.
const INDEX_BYTES_MAX: usize = 256 << 20;

/// Why a bundle cannot be written, opened or loaded.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The bytes are not a bundle of this version of the format.
    #[error("this is not a bundle of compiled rules of this version: compile the rules again")]
    NoBundle,
    /// The bundle was compiled by another yara-x or for another processor.
    #[error("the rules were compiled for {theirs}, this is {ours}: compile the rules again")]
    Elsewhere {
        /// Platform for which the rules were compiled.
        theirs: String,
        /// Platform of this program.
        ours: String,
    },
    /// The bundle is damaged.
    #[error("the bundle of compiled rules is damaged ({what}): compile the rules again")]
    Damaged {
        /// Damaged part.
        what: &'static str,
    },
    /// yara-x cannot load a set.
    #[error("cannot load the compiled rules of the set `{set}`: compile the rules again")]
    Load {
        /// The name of the set.
        set: String,
        /// Error of yara-x.
        #[source]
        source: yara_x::errors::SerializationError,
    },
    /// yara-x cannot serialize a set.
    #[error("cannot serialize compiled rules")]
    Serialize(#[source] yara_x::errors::SerializationError),
    /// The index cannot be written.
    #[error("cannot write the index of compiled rules")]
    Index(#[source] postcard::Error),
}

/// Header after [`MAGIC`] and its own length in four bytes.
#[derive(Serialize, Deserialize)]
struct Header {
    built_for: String,
    index_bytes: u64,
}

/// Alignment of the sets, which mapped and copied bundles share.
const ALIGN: usize = 64;

/// Where in a bundle the data of a set are.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct SetSpans {
    /// The tables that tell which parts a file needs.
    pub prefilter: Range<usize>,
    /// The compiled rules of each part.
    pub parts: Vec<Range<usize>>,
}

/// Where in a bundle its data are.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Spans {
    /// Each rule.
    pub rules: Vec<Range<usize>>,
    /// The data of each set.
    pub sets: Vec<SetSpans>,
}

/// Writes a bundle. `blobs` are the rules, and then the data of the sets in order, for each its prefilter and then its parts.
pub(crate) fn write(index: &Index, blobs: Vec<Vec<u8>>) -> Result<Vec<u8>, BundleError> {
    let index = postcard::to_allocvec(index).map_err(BundleError::Index)?;
    let header = Header { built_for: built_for(), index_bytes: index.len() as u64 };
    let header = postcard::to_allocvec(&header).map_err(BundleError::Index)?;
    let header_bytes = u32::try_from(header.len()).expect("a header holds a line of text and a number");
    let start = [MAGIC.as_slice(), &header_bytes.to_le_bytes(), &header, &index];
    let padded = |length: usize| length.next_multiple_of(ALIGN);
    let blobs_bytes: usize = blobs.iter().map(|blob| padded(blob.len())).sum();
    // No more than is needed, and each part of the data once: a compiler's memory is dear while an engine runs beside it.
    let mut bundle = Vec::with_capacity(padded(start.iter().map(|part| part.len()).sum()) + blobs_bytes);
    start.into_iter().for_each(|part| bundle.extend_from_slice(part));
    for blob in blobs {
        bundle.resize(padded(bundle.len()), 0);
        bundle.extend_from_slice(&blob);
    }
    Ok(bundle)
}

/// Reads the index of a bundle, and where its data are.
pub(crate) fn read(bundle: &[u8]) -> Result<(Index, Spans), BundleError> {
    let rest = bundle.strip_prefix(&MAGIC).ok_or(BundleError::NoBundle)?;
    let (header_bytes, rest) = rest.split_first_chunk().ok_or(BundleError::Damaged { what: "header" })?;
    let header = usize::try_from(u32::from_le_bytes(*header_bytes)).ok().and_then(|bytes| rest.get(..bytes));
    let header = header.ok_or(BundleError::Damaged { what: "header" })?;
    let start = MAGIC.len() + header_bytes.len() + header.len();
    let Header { built_for: theirs, index_bytes } =
        postcard::from_bytes(header).map_err(|_| BundleError::Damaged { what: "header" })?;
    if theirs != built_for() {
        return Err(BundleError::Elsewhere { theirs, ours: built_for() });
    }
    let end = usize::try_from(index_bytes).ok().filter(|&bytes| bytes <= INDEX_BYTES_MAX).map(|bytes| start + bytes);
    let index = end.and_then(|end| bundle.get(start..end)).ok_or(BundleError::Damaged { what: "index" })?;
    let mut at = start + index.len();
    let index: Index = postcard::from_bytes(index).map_err(|_| BundleError::Damaged { what: "index" })?;
    let mut next = |length: u64| {
        let start = at.next_multiple_of(ALIGN);
        let end = usize::try_from(length).ok().and_then(|bytes| start.checked_add(bytes));
        let span = end.filter(|&end| end <= bundle.len()).map(|end| start..end);
        at = span.as_ref().map_or(at, |span| span.end);
        span.ok_or(BundleError::Damaged { what: "rules" })
    };
    let all = next(index.rule_lengths.iter().map(|&length| u64::from(length)).sum())?;
    let mut rules = Vec::with_capacity(index.rule_lengths.len());
    let mut from = all.start;
    for &length in &index.rule_lengths {
        let to = from + length as usize;
        rules.push(from..to);
        from = to;
    }
    let mut sets = Vec::with_capacity(index.sets.len());
    for set in &index.sets {
        let prefilter = next(set.prefilter_length)?;
        let parts = set.parts.iter().map(|part| next(part.length)).collect::<Result<_, _>>()?;
        sets.push(SetSpans { prefilter, parts });
    }
    let chunks = index.sets.iter().flat_map(|set| set.parts.iter().flat_map(|part| part.chunks.iter().flatten()));
    let mut numbers = chunks.chain(&index.by_id);
    if numbers.any(|&number| number as usize >= rules.len()) || sets.len() > SETS_MAX {
        return Err(BundleError::Damaged { what: "index" });
    }
    Ok((index, Spans { rules, sets }))
}

/// Identifies the platform of compiled rules: the engine, the architecture, and the processor features that the code
/// generator uses.
pub fn built_for() -> String {
    let mut here = format!("{ENGINE}, {}-{}", std::env::consts::ARCH, std::env::consts::OS);
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! features {
            ($($name:tt)*) => { $(if std::is_x86_feature_detected!($name) { here.push('+'); here.push_str($name); })* };
        }
        features!("sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "avx" "avx2" "fma" "bmi1" "bmi2" "lzcnt"
            "avx512bitalg" "avx512dq" "avx512f" "avx512vl" "avx512vbmi" "cmpxchg16b");
    }
    here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let (index, spans) = read(&write(&Index::default(), vec![Vec::new()]).unwrap()).unwrap();
        assert_eq!((index, spans), (Index::default(), Spans { rules: vec![], sets: vec![] }));
    }

    #[test]
    fn other_bytes_are_no_bundle() {
        for bytes in [&b""[..], b"MZ", b"STKYARA\x01 and more"] {
            assert!(matches!(read(bytes), Err(BundleError::NoBundle)));
        }
    }

    #[test]
    fn a_bundle_of_another_processor_says_what_to_do() {
        let header = Header { built_for: "yara-x 1.0.0, sparc".into(), index_bytes: 0 };
        let header = postcard::to_allocvec(&header).unwrap();
        let bundle = [&MAGIC[..], &u32::try_from(header.len()).unwrap().to_le_bytes(), &header].concat();
        let error = read(&bundle).unwrap_err().to_string();
        assert!(error.starts_with("the rules were compiled for yara-x 1.0.0, sparc, this is yara-x"), "{error}");
        assert!(error.ends_with("compile the rules again"), "{error}");
    }

    #[test]
    fn no_truncated_bundle_is_read() {
        let bundle = write(&Index::default(), vec![Vec::new()]).unwrap();
        for length in 0..bundle.len() {
            assert!(read(&bundle[..length]).is_err(), "{length}");
        }
    }
}
