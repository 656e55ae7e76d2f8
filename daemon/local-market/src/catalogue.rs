//! The files that bounties are about, and what they are.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::settings::Bounties;

/// A file, and whether it is malicious.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Specimen {
    /// Path of the file.
    pub path: PathBuf,
    /// Whether the file is labelled malicious.
    pub malicious: bool,
}

/// Why there are no files to post.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A file or directory that cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A line is not a valid label.
    #[error("{}:{line}: a label must be PATH,malicious or PATH,benign", .path.display())]
    Label {
        /// Path of the file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// No files at all.
    #[error("there are no files to post: set bounties.directory or bounties.list")]
    Empty,
}

/// The files that these settings name, in the order of their paths.
pub(crate) fn catalogue(settings: &Bounties) -> Result<Vec<Specimen>, CatalogueError> {
    let labels = settings.labels.as_deref().map(labels).transpose()?.unwrap_or_default();
    let mut specimens = Vec::new();
    let mut add = |path: PathBuf, by_place: Option<bool>| {
        let malicious = labels.get(&path).copied().or(by_place).unwrap_or(settings.default_label);
        specimens.push(Specimen { path, malicious });
    };
    if let Some(directory) = &settings.directory {
        beneath(directory, &mut |path| {
            let inside = path.strip_prefix(directory).unwrap_or(&path);
            let by_place = match inside.iter().next().and_then(|first| first.to_str()) {
                Some("malicious") => Some(true),
                Some("benign") => Some(false),
                Some(_) | None => None,
            };
            add(path, by_place);
        })?;
    }
    if let Some(list) = &settings.list {
        let text = std::fs::read_to_string(list).map_err(read(list))?;
        let base = list.parent().unwrap_or(Path::new(""));
        text.lines().filter(|line| !line.is_empty()).for_each(|line| add(base.join(line), None));
    }
    specimens.sort_by(|a, b| a.path.cmp(&b.path));
    specimens.dedup_by(|a, b| a.path == b.path);
    if specimens.is_empty() && settings.number > 0 {
        return Err(CatalogueError::Empty);
    }
    Ok(specimens)
}

/// Every regular file beneath a directory. Links are not followed: what they name may be beneath as well.
fn beneath(directory: &Path, each: &mut dyn FnMut(PathBuf)) -> Result<(), CatalogueError> {
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).map_err(read(&directory))? {
            let entry = entry.map_err(read(&directory))?;
            let kind = entry.file_type().map_err(read(&entry.path()))?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                each(entry.path());
            }
        }
    }
    Ok(())
}

/// Reads a list of labels. Its paths are relative to it.
fn labels(path: &Path) -> Result<HashMap<PathBuf, bool>, CatalogueError> {
    let text = std::fs::read_to_string(path).map_err(read(path))?;
    let base = path.parent().unwrap_or(Path::new(""));
    let mut labels = HashMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // The last comma: paths may have some.
        let malicious = match line.rsplit_once(',') {
            Some((file, "malicious")) => Some((file, true)),
            Some((file, "benign")) => Some((file, false)),
            Some(_) | None => None,
        };
        let wrong = CatalogueError::Label { path: path.to_path_buf(), line: number + 1 };
        let (file, malicious) = malicious.ok_or(wrong)?;
        labels.insert(base.join(file), malicious);
    }
    Ok(labels)
}

fn read(path: &Path) -> impl Fn(io::Error) -> CatalogueError {
    let path = path.to_path_buf();
    move |source| CatalogueError::Read { path: path.clone(), source }
}

/// The digest of a file, in hexadecimal, and its size. Reads it a part at a time.
pub(crate) fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut part = vec![0; 128 << 10];
    loop {
        let count = match file.read(&mut part) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&part[..count]);
        size += count as u64;
    }
    Ok((hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay_out(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        directory
    }

    fn told(directory: &Path, settings: &Bounties) -> String {
        let line = |specimen: &Specimen| {
            let path = specimen.path.strip_prefix(directory).unwrap().display().to_string();
            format!("{path} {}", if specimen.malicious { "bad" } else { "good" })
        };
        catalogue(settings).unwrap().iter().map(line).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn places_label_lists_label_better_and_the_rest_has_the_default() {
        let directory = lay_out(&[
            ("all/malicious/deep/a", "a"),
            ("all/benign/b", "b"),
            ("all/malicious/c,d", "c"),
            ("all/e", "e"),
            ("labels.csv", "all/malicious/c,d,benign\n\nelsewhere,malicious\n"),
            ("list", "elsewhere\nall/e\n"),
        ]);
        let at = |name: &str| Some(directory.path().join(name));
        let mut settings =
            Bounties { directory: at("all"), list: at("list"), labels: at("labels.csv"), ..Bounties::default() };
        let seen = "all/benign/b good, all/e good, all/malicious/c,d good, all/malicious/deep/a bad, elsewhere bad";
        assert_eq!(told(directory.path(), &settings), seen);
        settings.default_label = true;
        assert_eq!(told(directory.path(), &settings), seen.replace("all/e good", "all/e bad"));
    }

    #[test]
    fn what_is_no_label_is_told_with_its_line() {
        let directory = lay_out(&[("labels.csv", "a,benign\nb,evil\n")]);
        let labels = Some(directory.path().join("labels.csv"));
        let error = catalogue(&Bounties { labels, ..Bounties::default() }).unwrap_err().to_string();
        assert!(error.contains("labels.csv:2: a label must be"), "{error}");
        assert!(matches!(catalogue(&Bounties::default()), Err(CatalogueError::Empty)));
    }

    #[test]
    fn a_digest_is_that_of_all_of_the_file() {
        let directory = lay_out(&[("large", &"x".repeat(300_000)), ("empty", "")]);
        let of = |name: &str| digest(&directory.path().join(name)).unwrap();
        assert_eq!(of("empty"), ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(), 0));
        let whole = Sha256::digest("x".repeat(300_000));
        assert_eq!(of("large"), (whole.iter().map(|byte| format!("{byte:02x}")).collect(), 300_000));
    }
}
