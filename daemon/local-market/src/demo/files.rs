//! The files of the demo's bounties: files of this machine, labelled benign, and generated files that look malicious.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use daemon_base::text::path as shown;

use super::suspicious::suspicious;
use crate::Seed;
use crate::seed::shuffle;

/// Directories to choose files from.
const DIRECTORIES: [&str; 4] = ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share"];
/// Allowed size of a file, in bytes.
const BYTES: std::ops::RangeInclusive<u64> = 256..=4 << 20;
/// Maximum number of directory entries read per directory.
const LOOKED_AT_MAX: usize = 60_000;
/// One in this many bounties is about a generated file.
const BAD_PART: u64 = 3;
/// Percentage of programs and libraries among the other files.
const PROGRAMS_PERCENT: u64 = 75;

/// The lists for the marketplace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DemoFiles {
    /// File with all paths, one per line.
    pub list: PathBuf,
    /// File with the label of each path.
    pub labels: PathBuf,
    /// Number of malicious files.
    pub malicious: u64,
    /// Number of files.
    pub number: u64,
}

/// Chooses and generates `number` files, and writes both lists into `directory`.
///
/// # Errors
///
/// `directory` cannot be written, or this machine has no usable files.
pub fn choose(number: u64, seed: u64, directory: &Path) -> anyhow::Result<DemoFiles> {
    let made = directory.join("suspicious");
    std::fs::create_dir(&made).with_context(|| format!("cannot make {}", shown(&made)))?;
    let malicious = number.div_ceil(BAD_PART);
    let (mut list, mut labels) = (String::new(), String::new());
    for nth in 0..malicious {
        // Another seed makes other files.
        let (ending, bytes) = suspicious(nth + (seed % 1_000_000) * 10_000);
        let path = made.join(format!("{nth}.{ending}"));
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", shown(&path)))?;
        let path = text(&path).context("the path of the directory is not UTF-8")?;
        list.push_str(&format!("{path}\n"));
        labels.push_str(&format!("{path},malicious\n"));
    }
    let own = of_this_machine(number - malicious, seed);
    if own.is_empty() && number > malicious {
        bail!("there are no usable files in {}", DIRECTORIES.join(", "));
    }
    for path in &own {
        list.push_str(&format!("{path}\n"));
        labels.push_str(&format!("{path},benign\n"));
    }
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", shown(&path)))?;
        anyhow::Ok(path)
    };
    Ok(DemoFiles {
        list: write("files.txt", &list)?,
        labels: write("labels.csv", &labels)?,
        malicious,
        number: malicious + own.len() as u64,
    })
}

/// Chooses up to `number` files: programs, libraries and others.
fn of_this_machine(number: u64, seed: u64) -> Vec<String> {
    let mut found = Vec::new();
    for directory in DIRECTORIES {
        beneath(Path::new(directory), &mut found);
    }
    // Directories come in no order of their own.
    found.sort_unstable();
    shuffle(Seed::new(seed), &mut found);
    let mut programs = number * PROGRAMS_PERCENT / 100;
    let mut others = number - programs;
    let wanted = usize::try_from(number).unwrap_or(usize::MAX);
    let (mut chosen, mut passed) = (Vec::new(), Vec::new());
    for path in found {
        if programs + others == 0 {
            break;
        }
        let left = if is_program(Path::new(&path)) { &mut programs } else { &mut others };
        if *left > 0 {
            *left -= 1;
            chosen.push(path);
        } else if passed.len() < wanted {
            passed.push(path);
        }
    }
    // Where one sort is short, the other has more.
    let missing = wanted.saturating_sub(chosen.len());
    chosen.extend(passed.into_iter().take(missing));
    chosen
}

/// Collects readable regular files of an allowed size whose names have no line breaks.
fn beneath(directory: &Path, found: &mut Vec<String>) {
    let (mut waiting, mut looked_at) = (vec![directory.to_path_buf()], 0);
    while let Some(directory) = waiting.pop() {
        // What cannot be read is somebody else's.
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            looked_at += 1;
            if looked_at > LOOKED_AT_MAX {
                return;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file()
                && entry.metadata().is_ok_and(|metadata| BYTES.contains(&metadata.len()))
                && let Some(path) = text(&entry.path())
            {
                found.push(path.to_owned());
            }
        }
    }
}

fn text(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| !text.contains(['\n', '\r']))
}

/// Whether the file begins with the ELF magic bytes.
fn is_program(path: &Path) -> bool {
    let mut head = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_chosen_as_are_asked_for_and_a_third_look_bad() {
        let directory = tempfile::tempdir().unwrap();
        let chosen = choose(30, 7, directory.path()).unwrap();
        assert_eq!((chosen.number, chosen.malicious), (30, 10));
        let list = std::fs::read_to_string(chosen.list).unwrap();
        let labels = std::fs::read_to_string(chosen.labels).unwrap();
        assert_eq!(
            (list.lines().count(), labels.lines().filter(|line| line.ends_with(",malicious")).count()),
            (30, 10)
        );
        assert!(list.lines().all(|path| Path::new(path).is_file()));
    }
}
