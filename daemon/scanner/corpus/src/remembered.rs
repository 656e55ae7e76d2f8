//! What was seen in files, remembered between runs: one file of lines for each version of the program and its rules.

use std::collections::HashMap;
use std::fs::{DirBuilder, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use daemon_base::Sha256Digest;
use daemon_base::text::path as shown;

/// Lines of a scan by the digest of their file.
#[derive(Debug, Default)]
pub struct Remembered {
    path: Option<PathBuf>,
    lines: HashMap<Sha256Digest, String>,
    grown: bool,
}

impl Remembered {
    /// Nothing, and nothing is remembered.
    pub fn nothing() -> Remembered {
        Remembered::default()
    }

    /// What was remembered in `directory` under `key`, which names everything that evidence depends on beside the bytes:
    /// the program, its rules and its limits.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made, or the file is there and cannot be read.
    pub fn open(directory: &Path, key: &str) -> anyhow::Result<Remembered> {
        let hint = || format!("cannot use the cache directory {}", shown(directory));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(hint)?;
        let digest = Sha256Digest::of(key.as_bytes()).to_string();
        let path = directory.join(format!("{}.ndjson", &digest[..32]));
        let mut remembered = Remembered { path: Some(path.clone()), ..Remembered::default() };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(remembered),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", shown(&path))),
        };
        for line in BufReader::new(file).lines() {
            let line = line.with_context(|| format!("cannot read {}", shown(&path)))?;
            if let Some((digest, line)) = line.split_once(' ')
                && let Ok(digest) = digest.parse()
            {
                remembered.lines.insert(digest, line.to_owned());
            }
        }
        Ok(remembered)
    }

    /// The line about a file.
    pub fn get(&self, sha256: &Sha256Digest) -> Option<&str> {
        self.lines.get(sha256).map(String::as_str)
    }

    /// Remembers a line.
    pub fn add(&mut self, sha256: Sha256Digest, line: String) {
        self.lines.insert(sha256, line);
        self.grown = true;
    }

    /// Writes it down, as a whole or not at all.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn keep(&self) -> anyhow::Result<()> {
        let (Some(path), true) = (&self.path, self.grown) else { return Ok(()) };
        let hint = || format!("cannot write {}", shown(path));
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(directory).with_context(hint)?;
        let mut out = std::io::BufWriter::new(file.as_file_mut());
        let mut lines: Vec<(&Sha256Digest, &String)> = self.lines.iter().collect();
        lines.sort_unstable();
        for (sha256, line) in lines {
            writeln!(out, "{sha256} {line}").with_context(hint)?;
        }
        out.flush().with_context(hint)?;
        drop(out);
        file.persist(path).with_context(hint)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_there_again_under_its_key_alone() {
        let directory = tempfile::tempdir().unwrap();
        let sha256 = Sha256Digest::of(b"abc");
        let mut first = Remembered::open(directory.path(), "build 1").unwrap();
        assert_eq!(first.get(&sha256), None);
        first.add(sha256, "{\"a\": 1}".to_owned());
        first.keep().unwrap();
        let again = Remembered::open(directory.path(), "build 1").unwrap();
        assert_eq!(again.get(&sha256), Some("{\"a\": 1}"));
        assert_eq!(Remembered::open(directory.path(), "build 2").unwrap().get(&sha256), None);
        assert_eq!(Remembered::nothing().get(&sha256), None);
        Remembered::nothing().keep().unwrap();
    }
}
