//! From the arguments of the command line to files, and what was passed over on the way.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufRead;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use daemon_intake::{Entry, FilesFrom, Policy, Separator, Symlinks, WalkSummary};
use triage::{FileKind, HEAD_BYTES, Window};

use crate::cli::WalkArgs;

/// What a walk left out.
#[derive(Debug, Default)]
pub struct Walked {
    /// What was passed over on purpose, and how many.
    pub skipped: BTreeMap<String, u64>,
    /// What could not be read: the first of them, and why.
    pub failures: Vec<(PathBuf, String)>,
    /// How many more there were.
    pub failures_unnamed: u64,
}

impl Walked {
    /// Adds what one walk left out.
    pub fn add(&mut self, summary: WalkSummary) {
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
        for (what, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            *self.skipped.entry(what.to_owned()).or_default() += count;
        }
        self.failures_unnamed += summary.unreadable.count.saturating_sub(summary.unreadable.named.len() as u64);
        self.failures.extend(summary.unreadable.named.into_iter().map(|(path, why)| (path, why.to_string())));
    }
}

/// Whether `path` means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The policy that the arguments ask for.
pub fn policy(args: &WalkArgs) -> Policy {
    let symlinks = if args.follow { Symlinks::All } else { Symlinks::Named };
    Policy { symlinks, one_file_system: args.one_file_system, ..Policy::default() }
}

/// Checks that the arguments name something, and that standard input is not asked to be two things.
pub fn check(args: &WalkArgs) -> anyhow::Result<()> {
    let stdin_twice = args.files_from.as_deref().is_some_and(is_stdin) && args.paths.iter().any(|path| is_stdin(path));
    if stdin_twice {
        bail!("standard input cannot be both a file to examine and the list of files");
    }
    if args.paths.is_empty() && args.files_from.is_none() {
        bail!("nothing to look at: give a PATH, or --files-from FILE");
    }
    Ok(())
}

/// Calls `run` with the paths of the arguments, those of the list last; an error of the list comes last of all.
pub fn with_paths<T>(args: &WalkArgs, run: impl FnOnce(&mut dyn Iterator<Item = PathBuf>) -> T) -> anyhow::Result<T> {
    let named = args.paths.iter().filter(|path| !is_stdin(path)).cloned();
    let Some(list) = &args.files_from else { return Ok(run(&mut named.into_iter())) };
    let reader: Box<dyn BufRead> = if is_stdin(list) {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(list).with_context(|| format!("cannot open the list of files {}", list.display()))?;
        Box::new(std::io::BufReader::new(file))
    };
    let separator = if args.null { Separator::Nul } else { Separator::Newline };
    let mut broken = None;
    let listed = FilesFrom::new(reader, separator).map_while(|path| path.map_err(|error| broken = Some(error)).ok());
    let result = run(&mut named.chain(listed));
    match broken {
        None => Ok(result),
        Some(error) => Err(error).with_context(|| format!("cannot use {} as a list of files", list.display())),
    }
}

/// Gives every file that the arguments name to `each`, until it breaks.
pub fn each(args: &WalkArgs, mut each: impl FnMut(Entry) -> ControlFlow<()>) -> anyhow::Result<Walked> {
    let policy = policy(args);
    let summary = with_paths(args, |paths| daemon_intake::walk(paths, &policy, &mut |entry| each(entry.to_owned())))?;
    let mut walked = Walked::default();
    walked.add(summary);
    Ok(walked)
}

/// What triage says of a file that is too large to be examined, or `data` where it cannot even be opened.
pub fn kind_of(path: &Path) -> FileKind {
    let opened = Entry::named(path).and_then(|entry| entry.open().ok());
    opened.map_or(FileKind::Data, |file| {
        let mut window = FileWindow(File::from(file));
        let mut head = [0; HEAD_BYTES];
        let got = window.read_at(0, &mut head);
        triage::triage_window(head.get(..got).unwrap_or_default(), &mut window)
    })
}

struct FileWindow(File);

impl Window for FileWindow {
    fn size(&mut self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize {
        // What cannot be read is not there, as far as its kind goes.
        self.0.read_at(into, offset).unwrap_or(0)
    }
}
