//! File path, for rules that test file names.

use std::fmt;
use std::sync::Arc;

/// Path of an artifact as given by the caller. Empty if there is none.
///
/// Hostile: a file may be called anything. It is compared and never opened or shown. The bytes of two files that differ in
/// name alone may be judged differently, but only by rules that ask for it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct FilePath(Option<Arc<str>>);

impl FilePath {
    /// Most bytes that are kept: as many as Linux allows a path to have (`PATH_MAX`).
    pub const BYTES_MAX: usize = 4096;

    /// This path. Of a longer one the end is kept, where the name is.
    pub fn new(path: &str) -> FilePath {
        let mut start = path.len().saturating_sub(Self::BYTES_MAX);
        while !path.is_char_boundary(start) {
            start += 1;
        }
        FilePath(path.get(start..).filter(|path| !path.is_empty()).map(Arc::from))
    }

    /// Returns the path as text, with its slashes unchanged.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The path of something inside of this file.
    pub fn inner(&self, name: &str) -> FilePath {
        match self.as_str() {
            "" => FilePath::new(name),
            outer => FilePath::new(&format!("{outer}/{name}")),
        }
    }

    /// The name of the file alone: `a.exe`.
    pub fn file_name(&self) -> &str {
        self.split().1
    }

    /// The path without the name: `/tmp`, and no slash at its end but that of the root.
    pub fn directory(&self) -> &str {
        self.split().0
    }

    /// Extension with its dot in lower case: `.exe`. Empty if the name has no dot, or only a leading one.
    pub fn extension(&self) -> String {
        match self.file_name().rfind('.') {
            None | Some(0) => String::new(),
            Some(dot) => self.file_name().get(dot..).unwrap_or_default().to_ascii_lowercase(),
        }
    }

    fn split(&self) -> (&str, &str) {
        let path = self.as_str();
        match path.rfind(['/', '\\']) {
            None => ("", path),
            Some(at) => (path.get(..at.max(1)).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        }
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, directory: &str, name: &str, extension: &str) {
        let path = FilePath::new(path);
        assert_eq!((path.directory(), path.file_name(), path.extension().as_str()), (directory, name, extension));
    }

    #[test]
    fn a_path_is_taken_apart() {
        check("/var/log/sys.LOG", "/var/log", "sys.LOG", ".log");
        check("C:\\Temp\\a.tar.gz", "C:\\Temp", "a.tar.gz", ".gz");
        check("a.exe", "", "a.exe", ".exe");
        check("/vmlinuz", "/", "vmlinuz", "");
        check("/home/.bashrc", "/home", ".bashrc", "");
        check("", "", "", "");
        check("folder/", "folder", "", "");
    }

    #[test]
    fn what_is_inside_is_below() {
        assert_eq!(FilePath::new("/tmp/a.docx").inner("word/b.exe").as_str(), "/tmp/a.docx/word/b.exe");
        assert_eq!(FilePath::default().inner("word/b.exe").as_str(), "word/b.exe");
    }

    #[test]
    fn a_long_path_keeps_its_end() {
        let path = FilePath::new(&format!("\u{e9}{}/a.exe", "x".repeat(FilePath::BYTES_MAX - 7)));
        assert_eq!((path.as_str().len(), path.file_name()), (FilePath::BYTES_MAX - 1, "a.exe"));
    }
}
