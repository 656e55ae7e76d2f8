//! A list of paths, one per line or separated by NUL, as `find -print0` writes it.

use std::ffi::OsString;
use std::io::{self, BufRead};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The longest path taken from a list, in bytes: sixteen times what Linux opens at once (`PATH_MAX`, 4096), so that
/// what is too long is refused by the open, with its name.
pub const PATH_BYTES_MAX: usize = 64 << 10;

/// Separator of paths in a list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Separator {
    /// A line each. A path that contains a newline cannot be written.
    Newline,
    /// A NUL after each: any path can be written.
    Nul,
}

/// Why a list could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum FilesFromError {
    /// The path has no end: this is not a list, or not one with this separator.
    #[error("path {number} of the list is longer than {PATH_BYTES_MAX} bytes: is the separator wrong (--null)?")]
    TooLong {
        /// Number of the path, from 1.
        number: u64,
    },
    /// The list itself cannot be read.
    #[error("cannot read the list of files")]
    Io(#[source] io::Error),
}

/// The paths of a list, in order. Empty lines are left out; names need not be UTF-8. Ends after the first error.
pub struct FilesFrom<R> {
    list: R,
    separator: u8,
    number: u64,
    ended: bool,
}

impl<R: BufRead> FilesFrom<R> {
    /// Reads nothing yet.
    pub fn new(list: R, separator: Separator) -> Self {
        let separator = match separator {
            Separator::Newline => b'\n',
            Separator::Nul => 0,
        };
        FilesFrom { list, separator, number: 0, ended: false }
    }

    fn read(&mut self) -> Result<Option<PathBuf>, FilesFromError> {
        loop {
            let mut path = Vec::new();
            let limit = PATH_BYTES_MAX as u64 + 1;
            let got = io::Read::take(&mut self.list, limit).read_until(self.separator, &mut path);
            if got.map_err(FilesFromError::Io)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if path.last() == Some(&self.separator) {
                path.pop();
            }
            if path.len() > PATH_BYTES_MAX {
                return Err(FilesFromError::TooLong { number: self.number });
            }
            if !path.is_empty() {
                return Ok(Some(PathBuf::from(OsString::from_vec(path))));
            }
        }
    }
}

impl<R: BufRead> Iterator for FilesFrom<R> {
    type Item = Result<PathBuf, FilesFromError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &[u8], separator: Separator, expected: &[&[u8]]) {
        let paths: Vec<PathBuf> = FilesFrom::new(list, separator).collect::<Result<_, _>>().unwrap();
        let paths: Vec<Vec<u8>> = paths.into_iter().map(|path| path.into_os_string().into_vec()).collect();
        assert_eq!(paths, expected);
    }

    #[test]
    fn each_line_is_a_path_and_empty_ones_are_none() {
        check(b"a\n\n/b c\nlast", Separator::Newline, &[b"a", b"/b c", b"last"]);
        check(b"", Separator::Newline, &[]);
        check(b"\n\n", Separator::Newline, &[]);
    }

    #[test]
    fn nul_separates_paths_with_newlines_in_them() {
        check(b"a\nb\0c\0", Separator::Nul, &[b"a\nb", b"c"]);
    }

    #[test]
    fn names_need_not_be_utf_8() {
        check(b"\xff\xfe\n", Separator::Newline, &[b"\xff\xfe"]);
    }

    #[test]
    fn path_without_end_is_an_error_and_the_last_word() {
        let list = vec![b'a'; PATH_BYTES_MAX + 1];
        let mut paths = FilesFrom::new(&list[..], Separator::Newline);
        assert!(matches!(paths.next(), Some(Err(FilesFromError::TooLong { number: 1 }))));
        assert!(paths.next().is_none());
        check(&list[1..], Separator::Nul, &[&list[1..]]);
    }
}
