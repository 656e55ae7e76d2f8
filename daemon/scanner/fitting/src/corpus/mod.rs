//! Labelled files: what manifests say of them, joined with what a scan saw in them.

mod line;
mod manifest;
mod margins;
#[cfg(test)]
mod tests;
mod units;

use std::collections::BTreeMap;
use std::fmt;

use analyzers::{LayerId, Record, Weights};
use daemon_base::Sha256Digest;
use triage::Family;

pub use line::{LineReader, ScannedFile};
pub use manifest::{Manifest, ManifestRow, Programs};
pub use margins::Margins;

/// What is wrong with a line of input.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct InputError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
}

impl InputError {
    fn at(line: u64, message: impl fmt::Display) -> InputError {
        InputError { line, message: message.to_string() }
    }
}

/// Sources of files that do not speak for ordinary ones.
#[derive(Clone, Debug)]
pub struct SourceNames {
    /// Benign files that were packed on purpose: the same programs under every packer.
    pub packed: Vec<String>,
    /// Benign files that were made to be odd.
    pub odd: Vec<String>,
    /// Collections of malware of which many files are harmless: shown, but nothing is fitted to them.
    pub noisy: Vec<String>,
}

impl Default for SourceNames {
    /// Those of `rules/model/common.py`.
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        SourceNames {
            packed: names(&["packingdata", "packed-elf"]),
            odd: names(&["corkami-pocs"]),
            noisy: names(&["capa-testfiles"]),
        }
    }
}

/// One labelled file.
#[derive(Debug)]
pub struct CorpusFile {
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
    /// Whether it is malware.
    pub malicious: bool,
    /// Where it is from: a collection, a registry.
    pub source: String,
    /// Package or repository that it is from, or the manifest's group of malware.
    pub group: String,
    /// File type, by triage.
    pub kind: String,
    /// Its family.
    pub family: Family,
    /// What the bootstrap draws, and what is in one fold as a whole: all benign files of a package or program; of malware
    /// the manifest's group, and where that is a whole collection, the files of one kind that show the same indicators.
    pub unit: String,
    /// Whether it is started itself: neither a library nor a driver.
    pub program: bool,
    /// Whether it is packed or was made to be odd, although it is benign.
    pub hard: bool,
    /// Whether it is of a collection of which many files are harmless.
    pub noisy: bool,
    /// What was seen in it.
    pub record: Record,
    /// The margin of a model that was trained without it, if it is known.
    pub margin: Option<f64>,
}

/// Labelled files in the order of their digests, and what was left out.
#[derive(Debug, Default)]
pub struct Corpus {
    /// The files.
    pub files: Vec<CorpusFile>,
    /// Files that were scanned and stand in no manifest.
    pub unlisted: usize,
    /// Files of the manifests that were not scanned.
    pub missing: usize,
}

impl Corpus {
    /// Joins manifests with what was seen. Of a file that was scanned several times the first counts.
    pub fn assemble(
        manifest: &Manifest,
        scanned: impl IntoIterator<Item = ScannedFile>,
        programs: &Programs,
        margins: &Margins,
        names: &SourceNames,
    ) -> Corpus {
        let mut found: BTreeMap<Sha256Digest, ScannedFile> = BTreeMap::new();
        let mut unlisted = 0;
        for file in scanned {
            match manifest.get(&file.sha256) {
                None => unlisted += 1,
                Some(_) => {
                    found.entry(file.sha256).or_insert(file);
                }
            }
        }
        let missing = manifest.len() - found.len();
        let join = |file: ScannedFile| {
            let row = manifest.get(&file.sha256)?;
            Some(units::labelled(file, row, programs, margins, names))
        };
        Corpus { files: found.into_values().filter_map(join).collect(), unlisted, missing }
    }

    /// Takes each model's own margin as one out of fold: for files that no model was trained on.
    pub fn with_own_margins(mut self, weights: &Weights) -> Corpus {
        for file in self.files.iter_mut().filter(|file| file.margin.is_none()) {
            let measured = file.record.measured.iter().find(|measured| measured.subject == LayerId::ARTIFACT);
            let model = weights.model(file.family);
            file.margin = model.zip(measured).and_then(|(model, measured)| Some(model.testify(measured)?.margin));
        }
        self
    }

    /// Names what was read: of each file its digest, label, unit, indicators, measures and margin.
    pub fn digest(&self) -> Sha256Digest {
        let mut bytes = Vec::new();
        for file in &self.files {
            bytes.extend(file.sha256.0);
            bytes.push(u8::from(file.malicious));
            let mut add = |text: &str| {
                bytes.extend(text.as_bytes());
                // Stands in no name, so that no two lists come to the same bytes.
                bytes.push(0);
            };
            add(&file.source);
            add(&file.unit);
            let mut seen: Vec<(u16, &str)> =
                file.record.evidence.iter().map(|seen| (seen.layer.0, seen.indicator.as_str())).collect();
            seen.sort_unstable();
            seen.into_iter().for_each(|(layer, id)| add(&format!("{layer} {id}")));
            let values = file.record.measured.iter().flat_map(|measured| measured.values());
            bytes.extend(values.flat_map(|value| value.to_le_bytes()));
            bytes.extend(file.margin.iter().flat_map(|margin| margin.to_le_bytes()));
        }
        Sha256Digest::of(&bytes)
    }

    /// The files of one family.
    pub fn of(&self, family: Family) -> Vec<&CorpusFile> {
        self.files.iter().filter(|file| file.family == family).collect()
    }
}
