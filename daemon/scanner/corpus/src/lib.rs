//! Labelled files from disk, for [`daemon_fitting`] to judge: manifests, lines that `stakeout scan --ndjson --measures`
//! printed, and folders of files, which are scanned and remembered by their digest.
//!
//! ```no_run
//! use daemon_corpus::CorpusPaths;
//!
//! let paths = CorpusPaths {
//!     manifests: vec!["manifest.csv".into()],
//!     lines: vec!["scan.ndjson".into()],
//!     ..CorpusPaths::default()
//! };
//! let corpus = paths.read(daemon_fitting::Manifest::default(), |_| Ok(Vec::new()))?;
//! println!("{} labelled files", corpus.files.len());
//! # Ok::<(), anyhow::Error>(())
//! ```

#![forbid(unsafe_code)]

mod extraction;
mod remembered;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use daemon_base::text::path as shown;
use daemon_engine::MEASURE_SETS;
use daemon_fitting::{Corpus, InputError, LineReader, Manifest, Margins, Programs, ScannedFile, SourceNames};

pub use extraction::Extraction;
pub use remembered::Remembered;

/// Largest manifest and list of margins or programs. One of 20,000 files has 2 MB.
const LIST_BYTES_MAX: u64 = 256 << 20;
/// Longest line of a scan.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Where labelled files are described.
#[derive(Clone, Debug, Default)]
pub struct CorpusPaths {
    /// Manifests: CSV with `sha256`, `label`, `source` and `group`.
    pub manifests: Vec<PathBuf>,
    /// Lines of scans with measures.
    pub lines: Vec<PathBuf>,
    /// Which program each packed file is: CSV with `sha256` and `program`.
    pub programs: Option<PathBuf>,
    /// Margins out of fold: CSV with `sha256` and `margin`.
    pub margins: Vec<PathBuf>,
    /// Sources that are no ordinary ones.
    pub names: SourceNames,
}

impl CorpusPaths {
    /// Reads all of it, and joins it with what `more` scans of the files that the manifests name. `manifest` is what is known
    /// beside the manifests' files.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or a line of it is wrong, which is named; what `more` returns; or if nothing is left.
    pub fn read(
        &self,
        mut manifest: Manifest,
        more: impl FnOnce(&Manifest) -> anyhow::Result<Vec<ScannedFile>>,
    ) -> anyhow::Result<Corpus> {
        for path in &self.manifests {
            manifest.add(&text(path)?).map_err(|error| placed(path, &error))?;
        }
        let programs = match &self.programs {
            Some(path) => Programs::read(&text(path)?).map_err(|error| placed(path, &error))?,
            None => Programs::default(),
        };
        let mut margins = Margins::default();
        for path in &self.margins {
            margins.add(&text(path)?).map_err(|error| placed(path, &error))?;
        }
        let mut scanned = Vec::new();
        for path in &self.lines {
            read_lines(path, &mut scanned)?;
        }
        scanned.extend(more(&manifest)?);
        let corpus = Corpus::assemble(&manifest, scanned, &programs, &margins, &self.names);
        if corpus.files.is_empty() {
            bail!("no scanned file stands in a manifest: are these the lines, or the files, of this corpus?");
        }
        Ok(corpus)
    }
}

/// An error in a line of a file.
fn placed(path: &Path, error: &InputError) -> anyhow::Error {
    anyhow::anyhow!("{}:{}: {}", shown(path), error.line, error.message)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let hint = || format!("cannot read {}", shown(path));
    let mut text = String::new();
    File::open(path).with_context(hint)?.take(LIST_BYTES_MAX + 1).read_to_string(&mut text).with_context(hint)?;
    if text.len() as u64 > LIST_BYTES_MAX {
        bail!("{} has more than {LIST_BYTES_MAX} bytes", shown(path));
    }
    Ok(text)
}

fn read_lines(path: &Path, scanned: &mut Vec<ScannedFile>) -> anyhow::Result<()> {
    let hint = || format!("cannot read {}", shown(path));
    let mut from = BufReader::with_capacity(1 << 20, File::open(path).with_context(hint)?);
    let mut reader = LineReader::new(MEASURE_SETS);
    let mut line = Vec::new();
    loop {
        line.clear();
        (&mut from).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line).with_context(hint)?;
        if line.is_empty() {
            return Ok(());
        }
        // One that is too long is refused by the reader, which counts lines.
        let text = String::from_utf8_lossy(&line);
        scanned.extend(reader.read(text.trim_end_matches('\n')).map_err(|error| placed(path, &error))?);
    }
}
