//! The texts of rule files, each read as it was when it was found, or not at all.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use crate::{FileRole, FoundFile, Problem, Stamp, Survey, SurveyError, Why};

/// Most bytes of rules taken together; what the child that compiles them is handed at once.
pub const TOTAL_BYTES_MAX: u64 = 128 << 20;
/// Number of attempts to read a directory if a file in it changes meanwhile.
const ATTEMPTS: usize = 3;
/// Two changes closer together than this may get the same time: the coarsest clock tick of a kernel is 10 ms.
const TICK: Duration = Duration::from_millis(20);

/// A rule file and its text, which may be anything: it is the compiler's to judge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleFile {
    /// Path relative to the rules directory, with `/` as separator: `pe/packers.yar`.
    pub name: String,
    /// Path of the file. Empty if it is built in.
    pub path: PathBuf,
    /// Bytes of the file.
    pub text: Vec<u8>,
    /// State of the file when it was read. `None` if it is built in.
    pub stamp: Option<Stamp>,
}

/// Contents of the rule directories.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RuleFiles {
    /// Files of rules, ordered by directory and name.
    pub files: Vec<RuleFile>,
    /// The `weights.toml` of each directory that has one, in the order of the directories.
    pub weights: Vec<RuleFile>,
    /// The models of all directories, in the order of the directories.
    pub models: Vec<RuleFile>,
    /// Files and directories that were skipped.
    pub problems: Vec<Problem>,
    /// Whether everything that was found was read. Otherwise what is made of it must not be remembered: whatever kept
    /// a file from being read may pass without leaving a trace in its stamp.
    pub whole: bool,
}

/// Reads the rules and weights in `directories`. A file that changes while it is read is tried again, and left out
/// if it keeps changing.
///
/// # Errors
///
/// [`SurveyError`] if a directory cannot be read, or holds too many files.
pub fn read<P: AsRef<Path>>(directories: &[P]) -> Result<RuleFiles, SurveyError> {
    Ok(read_settled(directories, Survey::take(directories)?)?.1)
}

/// The same without the rules: only weights and models.
///
/// # Errors
///
/// [`SurveyError`] if a directory cannot be read, or holds too many files.
pub fn read_data<P: AsRef<Path>>(directories: &[P]) -> Result<RuleFiles, SurveyError> {
    let mut survey = Survey::take(directories)?;
    survey.entries.retain(|entry| entry.role.is_data());
    let mut files = read_settled(directories, survey)?.1;
    // What else is wrong with a directory is nothing to whoever takes only these.
    let name = |problem: &Problem| problem.path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    files
        .problems
        .retain(|problem| name(problem).and_then(|name| FileRole::of(&name, 0)).is_some_and(FileRole::is_data));
    Ok(files)
}

/// Reads what `survey` found in `directories`, with a new survey whenever a file changed under way: the texts are those
/// of the survey that is returned with them.
pub(crate) fn read_settled<P: AsRef<Path>>(
    directories: &[P],
    mut survey: Survey,
) -> Result<(Survey, RuleFiles), SurveyError> {
    let mut left = ATTEMPTS;
    loop {
        settle(&survey);
        let files = read_surveyed(&survey)?;
        left -= 1;
        if left == 0 || !files.problems.iter().any(|problem| problem.why == Why::Changing) {
            return Ok((survey, files));
        }
        survey = survey.again(directories)?;
    }
}

/// Waits until a change of any file would get another time than it has now.
///
/// Otherwise a file could be read, and edited in the same tick of the kernel's clock: its stamp would say that it is the
/// file that was read.
fn settle(survey: &Survey) {
    let newest = survey.entries.iter().map(|entry| entry.stamp.changed_ns).max().unwrap_or(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos().cast_signed());
    // A time in the future says that the clock was set: the next change gets another time anyway.
    if (0..TICK.as_nanos().cast_signed()).contains(&(now - newest)) {
        std::thread::sleep(TICK);
    }
}

/// Reads what `survey` found, as it was found.
fn read_surveyed(survey: &Survey) -> Result<RuleFiles, SurveyError> {
    let mut files = RuleFiles { problems: survey.problems.clone(), whole: true, ..RuleFiles::default() };
    let mut total = 0;
    for entry in &survey.entries {
        total += entry.stamp.size;
        if total > TOTAL_BYTES_MAX {
            let max = usize::try_from(TOTAL_BYTES_MAX).expect("128 MiB fit any address space");
            return Err(SurveyError::TooMany { path: entry.path.clone(), what: "bytes of rules", max });
        }
        let list = match entry.role {
            FileRole::Rules => &mut files.files,
            FileRole::Weights => &mut files.weights,
            FileRole::Model => &mut files.models,
            FileRole::Recipes => continue,
        };
        match read_entry(survey, entry) {
            Ok(file) => list.push(file),
            Err(why) => {
                files.whole = false;
                files.problems.push(Problem { path: entry.path.clone(), why });
            }
        }
    }
    Ok(files)
}

/// Reads one file, if it is what it was when it was found.
pub(crate) fn read_entry(survey: &Survey, entry: &FoundFile) -> Result<RuleFile, Why> {
    let fail = |error: std::io::Error| Why::Unreadable(error.to_string());
    let fd = match open_beneath(survey.directory(entry), &entry.beneath) {
        Ok(fd) => fd,
        // Gone, or replaced by a link, since it was found.
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => return Err(Why::Changing),
        Err(errno) => return Err(fail(errno.into())),
    };
    let stamp_now = |fd: BorrowedFd<'_>| match fstat(fd) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Stamp::of(&stat)),
        Ok(stat) => Err(Why::not_a_file(FileType::from_raw_mode(stat.st_mode))),
        Err(errno) => Err(fail(errno.into())),
    };
    if stamp_now(fd.as_fd())? != entry.stamp {
        return Err(Why::Changing);
    }
    let size = usize::try_from(entry.stamp.size).expect("a survey takes no file above 16 MiB");
    let mut text = Vec::with_capacity(size + 1);
    let mut file = std::fs::File::from(fd);
    // One byte more than there should be: a file that grew is noticed, one that grows without end is not followed.
    file.by_ref().take(entry.stamp.size + 1).read_to_end(&mut text).map_err(fail)?;
    if text.len() != size || stamp_now(file.as_fd())? != entry.stamp {
        return Err(Why::Changing);
    }
    Ok(RuleFile { name: entry.name.clone(), path: entry.path.clone(), text, stamp: Some(entry.stamp) })
}

// Opening a FIFO for reading would wait for a writer; opening a terminal could take it over.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens `beneath`, a path that leads through no symbolic link and never out of `directory`.
fn open_beneath(directory: BorrowedFd<'_>, beneath: &str) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(directory, beneath, READ, Mode::empty(), resolve) {
        // Older than Linux 5.6, or a filter that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_stepwise(directory, beneath),
        outcome => outcome,
    }
}

/// The same where `openat2` is missing: one component after the other, none of them a link.
fn open_stepwise(directory: BorrowedFd<'_>, beneath: &str) -> Result<OwnedFd, Errno> {
    if beneath.split('/').any(|component| matches!(component, "" | "..")) {
        return Err(Errno::XDEV);
    }
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut held: Option<OwnedFd> = None;
    let mut rest = beneath;
    while let Some((component, next)) = rest.split_once('/') {
        held = Some(openat(held.as_ref().map_or(directory, AsFd::as_fd), component, step, Mode::empty())?);
        rest = next;
    }
    openat(held.as_ref().map_or(directory, AsFd::as_fd), rest, READ | OFlags::NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[track_caller]
    fn check(beneath: &str, expected: Result<&[u8], Errno>) {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), b"secret").unwrap();
        let inside = tempfile::tempdir().unwrap();
        let at = |name: &str| inside.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/c.yar"), b"rule").unwrap();
        symlink(outside.path().join("secret"), at("file.yar")).unwrap();
        symlink(outside.path(), at("way")).unwrap();
        symlink("a", at("inner")).unwrap();
        let directory = openat(rustix::fs::CWD, inside.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        for open in [open_beneath, open_stepwise] {
            let outcome = open(directory.as_fd(), beneath).map(|fd| {
                let mut bytes = Vec::new();
                std::fs::File::from(fd).read_to_end(&mut bytes).unwrap();
                bytes
            });
            assert_eq!(outcome.as_deref().map_err(|&errno| errno), expected, "{beneath}");
        }
    }

    #[test]
    fn a_file_beneath_is_opened() {
        check("a/b/c.yar", Ok(b"rule"));
    }

    #[test]
    fn no_link_is_followed_neither_at_the_end_nor_on_the_way() {
        check("file.yar", Err(Errno::LOOP));
        // What a directory that is a link is refused with depends on who refuses: both are refusals.
        let directory = tempfile::tempdir().unwrap();
        symlink("/etc", directory.path().join("way")).unwrap();
        let directory = openat(rustix::fs::CWD, directory.path(), OFlags::DIRECTORY, Mode::empty()).unwrap();
        for open in [open_beneath, open_stepwise] {
            assert!(matches!(open(directory.as_fd(), "way/passwd"), Err(Errno::LOOP | Errno::NOTDIR)));
        }
    }

    #[test]
    fn no_path_leads_out() {
        check("../secret", Err(Errno::XDEV));
        check("a/../../secret", Err(Errno::XDEV));
    }

    #[test]
    fn what_is_not_there_is_not_there() {
        check("a/d.yar", Err(Errno::NOENT));
    }
}
