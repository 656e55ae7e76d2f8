//! Lists rule files with their names and stamps, without reading them.
//!
//! A start with a warm cache does no more than this: one `getdents` per directory and one `fstatat` per file.
//! Directories are opened relative to each other, never through a symbolic link, so nothing outside of the rules
//! directory is reached, even if somebody replaces directories by links at the same time.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use crate::{FILE_BYTES_MAX, Problem, Why};

/// Most rule files taken from all directories together. The public rules we know of come in some two thousand.
pub const FILES_MAX: usize = 65_536;
/// Most names looked at, of whatever sort: a directory with more is not one of rules.
const NAMES_MAX: usize = 1 << 20;
/// Maximum depth of directories.
const DEPTH_MAX: usize = 16;

/// State of a file by its metadata.
///
/// The time of change is the kernel's own and cannot be set back: an edit that keeps size and time of modification
/// still moves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Device number of the file system.
    pub device: u64,
    /// The inode number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last modification of the content, in nanoseconds since 1970.
    pub modified_ns: i128,
    /// Time of the last change of the inode, in nanoseconds since 1970.
    pub changed_ns: i128,
}

impl Stamp {
    // The types of these fields differ between architectures; all fit.
    #[allow(clippy::unnecessary_cast)]
    pub(crate) fn of(stat: &Stat) -> Self {
        let nanoseconds = |seconds: i128, rest: i128| seconds * 1_000_000_000 + rest;
        Stamp {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: u64::try_from(stat.st_size).unwrap_or(u64::MAX),
            modified_ns: nanoseconds(i128::from(stat.st_mtime), i128::from(stat.st_mtime_nsec)),
            changed_ns: nanoseconds(i128::from(stat.st_ctime), i128::from(stat.st_ctime_nsec)),
        }
    }
}

/// Extensions of rule files, in upper or lower case.
const RULE_ENDINGS: [&str; 4] = ["yar", "yara", "rule", "rules"];

/// What names of models end in.
const MODEL_ENDING: &str = ".model.json";

/// Role of a file, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileRole {
    /// YARA rules: `*.yar`, `*.yara`, `*.rule` or `*.rules`, in whatever case.
    Rules,
    /// Tests of rules: `*.test.toml`.
    Recipes,
    /// Weights: `weights.toml` at the top of a directory.
    Weights,
    /// A model: `FAMILY.model.json` at the top of a directory, in whatever case.
    Model,
}

impl FileRole {
    /// Whether it is read by this process, and no rules.
    pub fn is_data(self) -> bool {
        matches!(self, FileRole::Weights | FileRole::Model)
    }

    pub(crate) fn of(name: &str, depth: usize) -> Option<Self> {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        if ending.is_some_and(|ending| RULE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))) {
            Some(FileRole::Rules)
        } else if name.ends_with(".test.toml") {
            Some(FileRole::Recipes)
        } else if depth > 0 {
            None
        } else if model_family(name).is_some() {
            Some(FileRole::Model)
        } else {
            (name == "weights.toml").then_some(FileRole::Weights)
        }
    }
}

/// The part of a model's name before its ending.
pub fn model_family(name: &str) -> Option<&str> {
    let (family, ending) = name.split_at_checked(name.len().checked_sub(MODEL_ENDING.len())?)?;
    ending.eq_ignore_ascii_case(MODEL_ENDING).then_some(family)
}

/// A file that was found.
#[derive(Clone, Debug)]
pub struct FoundFile {
    /// Role of the file.
    pub role: FileRole,
    /// Path relative to the rules directory, with `/` as separator: `pe/packers.yar`. It is unique among all rules: if
    /// two directories have a file of the same name, the later becomes `pe/packers~2.yar`.
    pub name: String,
    /// Path of the file.
    pub path: PathBuf,
    /// State of the file when it was found.
    pub stamp: Stamp,
    /// Index into the survey's directories.
    pub(crate) directory: usize,
    /// Path relative to that directory, as on disk.
    pub(crate) beneath: String,
}

/// Why nothing can be said of a directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurveyError {
    /// A directory is gone or may not be read.
    #[error("cannot read the rules directory {path:?}")]
    Directory {
        /// Path of the directory.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// There are more files than anybody has rules.
    #[error("{path:?} contains more than {max} {what}: is it the right directory?")]
    TooMany {
        /// The directory given.
        path: PathBuf,
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
}

/// Contents of the rule directories. They stay open, so that the listed files are the ones that are read.
#[derive(Debug)]
pub struct Survey {
    /// Rules, recipes, weights and models, ordered by directory and name.
    pub entries: Vec<FoundFile>,
    /// Files and directories that were skipped.
    pub problems: Vec<Problem>,
    directories: Vec<OwnedFd>,
    /// Names without their endings that others have.
    reserved: Vec<String>,
}

impl Survey {
    /// Looks at `directories` and everything below them. Names that begin with a dot are skipped: they are what
    /// editors and version control leave.
    ///
    /// # Errors
    ///
    /// [`SurveyError`] if a directory cannot be read, or holds too many files.
    pub fn take<P: AsRef<Path>>(directories: &[P]) -> Result<Self, SurveyError> {
        Survey::take_beside(directories, Vec::new())
    }

    /// The same beside rule files that have these names without their endings: those built in.
    pub(crate) fn take_beside<P: AsRef<Path>>(directories: &[P], reserved: Vec<String>) -> Result<Self, SurveyError> {
        let mut survey = Survey { entries: Vec::new(), problems: Vec::new(), directories: Vec::new(), reserved };
        let mut names = 0;
        for (index, path) in directories.iter().enumerate() {
            let path = path.as_ref();
            // A link given by the operator is the operator's choice; below it none is followed.
            let fd = openat(rustix::fs::CWD, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|errno| directory_error(path, errno))?;
            let before = survey.entries.len();
            let place = DirectoryLevel { directory: index, beneath: String::new(), path: path.to_path_buf(), depth: 0 };
            survey.visit(fd.as_fd(), &place, &mut names)?;
            survey.entries[before..].sort_by(|a, b| a.beneath.cmp(&b.beneath));
            if survey.entries[before..].iter().all(|entry| entry.role == FileRole::Recipes) {
                survey.problems.push(Problem { path: path.to_path_buf(), why: Why::NoRules });
            }
            survey.directories.push(fd);
        }
        survey.name_apart();
        Ok(survey)
    }

    /// The files of one role.
    pub fn of_role(&self, role: FileRole) -> impl Iterator<Item = &FoundFile> {
        self.entries.iter().filter(move |entry| entry.role == role)
    }

    /// A new look at the same directories.
    pub(crate) fn again<P: AsRef<Path>>(&self, directories: &[P]) -> Result<Self, SurveyError> {
        Survey::take_beside(directories, self.reserved.clone())
    }

    pub(crate) fn directory(&self, entry: &FoundFile) -> BorrowedFd<'_> {
        self.directories[entry.directory].as_fd()
    }

    fn visit(&mut self, fd: BorrowedFd<'_>, place: &DirectoryLevel, names: &mut usize) -> Result<(), SurveyError> {
        let fail = |errno| directory_error(&place.path, errno);
        for item in Dir::read_from(fd).map_err(fail)? {
            let item = item.map_err(fail)?;
            *names += 1;
            if *names > NAMES_MAX {
                return Err(SurveyError::TooMany { path: place.path.clone(), what: "names", max: NAMES_MAX });
            }
            if item.file_name().to_bytes().starts_with(b".") {
                continue;
            }
            self.look_at(fd, place, item.file_name(), item.file_type(), names)?;
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        fd: BorrowedFd<'_>,
        place: &DirectoryLevel,
        raw: &CStr,
        listed: FileType,
        names: &mut usize,
    ) -> Result<(), SurveyError> {
        let Ok(name) = raw.to_str() else {
            let path = place.path.join(raw.to_string_lossy().as_ref());
            self.problems.push(Problem { path, why: Why::NameNotText });
            return Ok(());
        };
        let role = FileRole::of(name, place.depth);
        // Most directories of rules hold little else, but a README needs no call.
        if role.is_none() && matches!(listed, FileType::RegularFile) {
            return Ok(());
        }
        let stat = match statat(fd, raw, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Removed since it was listed: then it is not there.
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(directory_error(&place.path.join(name), errno)),
        };
        let path = place.path.join(name);
        let mut problem = |why| self.problems.push(Problem { path: path.clone(), why });
        match (role, FileType::from_raw_mode(stat.st_mode)) {
            (Some(role), FileType::RegularFile) => {
                let stamp = Stamp::of(&stat);
                if stamp.size > FILE_BYTES_MAX {
                    problem(Why::TooLarge(stamp.size));
                } else if self.entries.len() >= FILES_MAX {
                    return Err(SurveyError::TooMany { path, what: "rule files", max: FILES_MAX });
                } else {
                    let beneath = place.beneath_of(name);
                    let (name, directory) = (beneath.clone(), place.directory);
                    self.entries.push(FoundFile { role, name, path, stamp, directory, beneath });
                }
            }
            (Some(_), other) => problem(Why::not_a_file(other)),
            (None, FileType::Directory) if place.depth >= DEPTH_MAX => problem(Why::TooDeep),
            (None, FileType::Directory) => {
                let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let inner = openat(fd, raw, flags, Mode::empty()).map_err(|errno| directory_error(&path, errno))?;
                let beneath = place.beneath_of(name);
                let place = DirectoryLevel { directory: place.directory, beneath, path, depth: place.depth + 1 };
                self.visit(inner.as_fd(), &place, names)?;
            }
            // A link to a file of another sort is nobody's rule; one to a directory may have been meant as rules.
            (None, FileType::Symlink) => {
                let target = statat(fd, raw, AtFlags::empty()).map(|stat| FileType::from_raw_mode(stat.st_mode));
                if target == Ok(FileType::Directory) {
                    problem(Why::SymbolicLink);
                }
            }
            (None, _) => {}
        }
        Ok(())
    }

    /// Makes the names of rule files unique without their endings, since each becomes a namespace of rules.
    fn name_apart(&mut self) {
        let mut taken: HashSet<String> = self.reserved.iter().cloned().collect();
        for entry in self.entries.iter_mut().filter(|entry| entry.role == FileRole::Rules) {
            let (stem, ending) = entry.name.rsplit_once('.').expect("a rule file's name has an ending");
            if taken.insert(stem.to_owned()) {
                continue;
            }
            let next = (2u32..).map(|number| format!("{stem}~{number}"));
            let free = next.into_iter().find(|name| !taken.contains(name)).expect("there are fewer files than numbers");
            let name = format!("{free}.{ending}");
            taken.insert(free);
            entry.name = name;
        }
    }
}

/// A directory on the way down.
struct DirectoryLevel {
    directory: usize,
    beneath: String,
    path: PathBuf,
    depth: usize,
}

impl DirectoryLevel {
    fn beneath_of(&self, name: &str) -> String {
        if self.beneath.is_empty() { name.to_owned() } else { format!("{}/{name}", self.beneath) }
    }
}

fn directory_error(path: &Path, errno: Errno) -> SurveyError {
    SurveyError::Directory { path: path.to_path_buf(), source: errno.into() }
}
