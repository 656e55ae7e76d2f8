//! The paths that were given, as files to scan, and what was skipped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use analyzers::FilePath;
use anyhow::{Context, bail};
use daemon_base::Cancel;
use daemon_base::text::{causes, path as shown};
use daemon_walk::{Entry, EntryRef, FilesFrom, Mode, Policy, Separator, SweepSummary, WalkSummary};
use triage::FileKind;

use crate::stdin::{Stdin, is_stdin};

/// What a directory walk skipped or could not read.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// Number of entries skipped by policy, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// The first paths that could not be read, each with its error.
    pub failures: Vec<(PathBuf, String)>,
    /// Number of further paths that could not be read.
    pub failures_unnamed: u64,
}

impl Walked {
    fn new(summary: WalkSummary, broken_list: Option<(PathBuf, String)>) -> Walked {
        let mut walked = Walked::default();
        let counts = [
            ("symbolic links", summary.symlinks_skipped),
            ("dangling links", summary.symlinks_dangling),
            ("FIFOs", summary.specials.fifos),
            ("sockets", summary.specials.sockets),
            ("devices", summary.specials.devices),
            ("other file systems", summary.other_file_systems),
            ("kernel file systems", summary.pseudo_file_systems),
            ("directories too deep", summary.too_deep),
            ("directories seen before", summary.visited_again),
            ("files gone meanwhile", summary.vanished),
        ];
        walked
            .skipped
            .extend(counts.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| (what.to_owned(), count)));
        let unreadable = summary.unreadable;
        // What lies too deep was asked for and not looked at, unlike the rest.
        walked.failures_unnamed = unreadable.count.saturating_sub(unreadable.named.len() as u64) + summary.too_deep;
        walked.failures.extend(unreadable.named.into_iter().map(|(path, why)| (path, why.to_string())));
        walked.failures.extend(broken_list);
        walked
    }
}

/// The paths to walk; the list of files is open.
pub struct Paths {
    named: Vec<PathBuf>,
    stdin: bool,
    list: Option<(PathBuf, FilesFrom<Box<dyn BufRead>>)>,
}

impl Paths {
    /// Checks that there is at least one path and that standard input is used only once, and opens the list of files.
    ///
    /// # Errors
    /// If there is no path, standard input is used twice, or the list cannot be opened.
    pub fn open(paths: &[PathBuf], files_from: Option<(&Path, Separator)>, stop: &Cancel) -> anyhow::Result<Paths> {
        if paths.is_empty() && files_from.is_none() {
            bail!("no files given: use PATH or --files-from FILE");
        }
        let stdin = paths.iter().any(|path| is_stdin(path));
        if files_from.is_some_and(|(list, _)| is_stdin(list)) && stdin {
            bail!("standard input cannot be both a file to scan and the list of files");
        }
        let named = paths.iter().filter(|path| !is_stdin(path)).cloned().collect();
        let Some((list, separator)) = files_from else { return Ok(Paths { named, stdin, list: None }) };
        let reader: Box<dyn BufRead> = if is_stdin(list) {
            Box::new(BufReader::new(Stdin::new(stop.clone())))
        } else {
            let file = File::open(list).with_context(|| format!("cannot open the list of files {}", shown(list)))?;
            Box::new(BufReader::new(file))
        };
        Ok(Paths { named, stdin, list: Some((list.to_owned(), FilesFrom::new(reader, separator))) })
    }

    /// Whether standard input is one of the files.
    pub(crate) fn has_stdin(&self) -> bool {
        self.stdin
    }

    /// Calls `run` with all paths, those of the list last. Returns an error in the list beside the result, because
    /// files that were scanned before it must not be lost.
    fn with<T>(self, run: impl FnOnce(&mut dyn Iterator<Item = PathBuf>) -> T) -> (T, Option<(PathBuf, String)>) {
        let mut named = self.named.into_iter();
        let Some((list, paths)) = self.list else { return (run(&mut named), None) };
        let mut broken = None;
        let listed = paths.map_while(|path| path.map_err(|error| broken = Some(error)).ok());
        let result = run(&mut named.chain(listed));
        (result, broken.map(|error| (list, causes(&error))))
    }

    /// Calls `each` with every file, until it breaks.
    pub(crate) fn each(self, policy: &Policy, mut each: impl FnMut(Entry) -> ControlFlow<()>) -> Walked {
        let (summary, broken) =
            self.with(|paths| daemon_walk::walk(paths, policy, &mut |entry| each(entry.to_owned())));
        Walked::new(summary, broken)
    }

    /// Calls `each` with every file and its kind, until it breaks.
    pub(crate) fn sweep(
        self,
        policy: &Policy,
        mode: Mode,
        mut each: impl FnMut(EntryRef<'_>, FileKind) -> ControlFlow<()>,
    ) -> (SweepSummary, Walked) {
        let (mut summary, broken) = self.with(|paths| daemon_walk::sweep(paths, policy, mode, &mut each));
        let walked = Walked::new(std::mem::take(&mut summary.walk), broken);
        (summary, walked)
    }
}

/// Kind of a too large file by its magic bytes, or `data` if it cannot be opened again. Its structure is not parsed
/// outside of the sandbox.
pub(crate) fn kind_of(entry: &Entry) -> FileKind {
    entry.open().map_or(FileKind::Data, |file| daemon_pool::kind_of(&file))
}

/// Absolute path of a file, for rules that test file names. Invalid UTF-8 is replaced.
pub fn called(path: &Path) -> FilePath {
    if is_stdin(path) {
        return FilePath::default();
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    FilePath::new(&whole.to_string_lossy())
}
