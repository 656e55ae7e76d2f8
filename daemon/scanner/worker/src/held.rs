//! A program as it was when we first looked, whatever has taken its name since.
//!
//! A package manager puts the new version of a program under the old one's name while the old one runs. What the old one
//! starts must be of its own build, so it holds the file: a file that is open is there until it is closed.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A program's file, held open.
#[derive(Debug)]
pub struct HeldProgram {
    path: PathBuf,
    file: File,
}

impl HeldProgram {
    /// Holds the program that `path` names now.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<HeldProgram> {
        let path = path.into();
        Ok(HeldProgram { file: File::open(&path)?, path })
    }

    /// Holds the program that runs here, under whatever name it was started.
    ///
    /// # Errors
    ///
    /// If `/proc` does not give the program.
    pub fn this() -> io::Result<HeldProgram> {
        Ok(HeldProgram { file: File::open("/proc/self/exe")?, path: std::env::current_exe()? })
    }

    /// The name it had when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path from which a child can start it: its name, or, if another file has the name by now, its descriptor.
    pub fn place(&self) -> PathBuf {
        let identity = |about: Metadata| (about.dev(), about.ino());
        let ours = self.file.metadata().map(identity).ok();
        let named = self.path.metadata().map(identity).ok();
        match ours == named {
            true => self.path.clone(),
            false => PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn says(program: &HeldProgram) -> String {
        let output = Command::new(program.place()).arg("hello").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn it_is_started_though_its_name_is_taken_or_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        std::fs::copy("/bin/echo", &path).unwrap();
        let held = HeldProgram::open(&path).unwrap();
        assert_eq!((held.place(), says(&held)), (path.clone(), "hello\n".to_owned()));
        // As a package manager does it.
        let new = directory.path().join("program.new");
        std::fs::copy("/bin/false", &new).unwrap();
        std::fs::rename(&new, &path).unwrap();
        assert_eq!(says(&held), "hello\n");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(says(&held), "hello\n");
        assert_eq!(held.path(), path);
    }

    #[test]
    fn this_program_is_held_too() {
        let held = HeldProgram::this().unwrap();
        assert_eq!(held.place(), std::env::current_exe().unwrap());
    }
}
