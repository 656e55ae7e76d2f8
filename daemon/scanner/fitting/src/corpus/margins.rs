//! What models said of files that they were trained without, as `rules/model/train.py --scores` writes it.

use std::collections::HashMap;

use daemon_base::Sha256Digest;

use super::InputError;
use super::manifest::{CsvReader, digest};

/// Margins out of fold, by the digest of the file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Margins(HashMap<Sha256Digest, f64>);

impl Margins {
    /// Adds the rows of a list with the columns `sha256` and `margin`.
    ///
    /// # Errors
    ///
    /// The first line that is wrong: a margin that is no finite number, or a file that has two.
    pub fn add(&mut self, text: &str) -> Result<(), InputError> {
        let mut reader = CsvReader::new(text, &["sha256", "margin"])?;
        while let Some((line, [sha256, margin])) = reader.next()? {
            let sha256 = digest(line, sha256)?;
            let number: f64 = margin.parse().unwrap_or(f64::NAN);
            if !number.is_finite() {
                return Err(InputError::at(line, format_args!("the margin {margin:?} is no number")));
            }
            if self.0.insert(sha256, number).is_some() {
                return Err(InputError::at(line, format_args!("{sha256} has two margins")));
            }
        }
        Ok(())
    }

    pub(super) fn of(&self, sha256: &Sha256Digest) -> Option<f64> {
        self.0.get(sha256).copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
