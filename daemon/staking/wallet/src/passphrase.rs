//! Passphrases: from a file that only its owner reads, or typed without an echo. Never from arguments or the environment,
//! which every process of the user can read.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroize;

use crate::memory::{LockError, Locked};

/// Longest passphrase, in bytes.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;
/// Name of the credential (`LoadCredential=`) that holds the passphrase.
pub const CREDENTIAL: &str = "passphrase";

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The file cannot be read.
    #[error("cannot read the passphrase in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It is no passphrase.
    #[error("the passphrase in {} {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What was typed is no passphrase.
    #[error("the passphrase {0}")]
    Typed(&'static str),
    /// Nobody can be asked.
    #[error(
        "there is no terminal to ask for the passphrase: use --passphrase-file, or the credential `{CREDENTIAL}` of a unit"
    )]
    NoTerminal(#[source] io::Error),
    /// No locked memory.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// A passphrase, in locked memory. `Debug` prints nothing of it.
pub struct Passphrase {
    bytes: Locked<[u8; PASSPHRASE_BYTES_MAX]>,
    length: usize,
}

impl Passphrase {
    /// A copy of these bytes.
    ///
    /// # Errors
    ///
    /// If there are too many, or there is no locked memory.
    pub fn new(bytes: &[u8]) -> Result<Passphrase, PassphraseError> {
        let mut place = Locked::new([0; PASSPHRASE_BYTES_MAX])?;
        let Some(to) = place.get_mut(..bytes.len()) else { return Err(PassphraseError::Typed(TOO_LONG)) };
        to.copy_from_slice(bytes);
        Ok(Passphrase { bytes: place, length: bytes.len() })
    }

    /// Reads the one line of a file, without the line break that editors put at its end. Nothing else is taken away: a
    /// blank may be part of a passphrase.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is too long, or has several lines.
    pub fn read(path: &Path) -> Result<Passphrase, PassphraseError> {
        let unreadable = |source| PassphraseError::Unreadable { path: path.to_owned(), source };
        let unusable = |why| PassphraseError::Unusable { path: path.to_owned(), why };
        let mut file = File::open(path).map_err(unreadable)?;
        // Two bytes more than a passphrase may have: for its line break.
        let mut place = Locked::new([0; PASSPHRASE_BYTES_MAX + 2])?;
        let mut length = 0;
        while length < place.len() {
            match file.read(&mut place[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        let mut one_more = [0];
        let is_longer = length == place.len() && file.read(&mut one_more).map_err(unreadable)? > 0;
        let line = &place[..length];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if is_longer || line.len() > PASSPHRASE_BYTES_MAX {
            return Err(unusable(TOO_LONG));
        }
        check(line).map_err(unusable)?;
        Passphrase::new(line)
    }

    /// Asks at the terminal.
    ///
    /// # Errors
    ///
    /// If there is no terminal, or what is typed is no passphrase.
    pub fn ask(prompt: &str) -> Result<Passphrase, PassphraseError> {
        let mut typed = rpassword::prompt_password(prompt).map_err(PassphraseError::NoTerminal)?;
        let passphrase =
            check(typed.as_bytes()).map_err(PassphraseError::Typed).and_then(|()| Passphrase::new(typed.as_bytes()));
        typed.zeroize();
        passphrase
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl PartialEq for Passphrase {
    fn eq(&self, other: &Passphrase) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.as_bytes(), other.as_bytes()).into()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

const TOO_LONG: &str = "has more than 1024 bytes";

fn check(line: &[u8]) -> Result<(), &'static str> {
    if line.contains(&b'\n') || line.contains(&b'\r') {
        return Err("has more than one line: write it into a file of its own");
    }
    if line.contains(&0) {
        return Err("contains a NUL byte: save the file as UTF-8 or ASCII text");
    }
    Ok(())
}

/// Where a passphrase comes from: the file that was named, else the credential of the unit, else the terminal.
///
/// # Errors
///
/// If it cannot be read, or nobody can be asked.
pub fn passphrase(file: Option<&Path>, prompt: &str) -> Result<Passphrase, PassphraseError> {
    match passphrase_file(file) {
        Some(path) => Passphrase::read(&path),
        None => Passphrase::ask(prompt),
    }
}

/// The file that a passphrase is read from, if it is not asked for.
pub fn passphrase_file(named: Option<&Path>) -> Option<PathBuf> {
    let credential = || {
        let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
        path.exists().then_some(path)
    };
    named.map(Path::to_owned).or_else(credential)
}

/// Why a file that holds a secret is not safe: who else may read it.
pub fn readable_by_others(path: &Path) -> Option<String> {
    let mode = path.metadata().ok()?.mode() & 0o7777;
    (mode & 0o044 != 0).then(|| format!("others may read {} (mode {mode:o}): run chmod 600", path.display()))
}

/// Whether somebody can be asked.
pub fn has_terminal() -> bool {
    io::stdin().is_terminal() || File::open("/dev/tty").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<Vec<u8>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        match Passphrase::read(file.path()) {
            Ok(passphrase) => Ok(passphrase.as_bytes().to_vec()),
            Err(PassphraseError::Unusable { why, .. }) => Err(why.to_owned()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_file_holds_one_line() {
        let longest = vec![b'x'; PASSPHRASE_BYTES_MAX];
        for (content, passphrase) in [
            (&b"secret"[..], &b"secret"[..]),
            (b"secret\n", b"secret"),
            (b"secret\r\n", b"secret"),
            (b" with blanks \n", b" with blanks "),
            (b"", b""),
            (b"\n", b""),
            ("žluťoučký".as_bytes(), "žluťoučký".as_bytes()),
            (&longest, &longest),
            (&[&longest[..], b"\r\n"].concat(), &longest),
        ] {
            assert_eq!(read(content).as_deref(), Ok(passphrase), "{content:?}");
        }
        for (content, why) in [
            (&b"two\nlines\n"[..], "more than one line"),
            (b"secret\n\n", "more than one line"),
            (b"nul\0", "NUL"),
            (&[&longest[..], b"x"].concat(), "more than 1024 bytes"),
            (&[&longest[..], &longest[..]].concat(), "more than 1024 bytes"),
        ] {
            assert!(read(content).unwrap_err().contains(why), "{why}");
        }
        let missing = Passphrase::read(Path::new("/nowhere/passphrase")).unwrap_err();
        assert_eq!(missing.to_string(), "cannot read the passphrase in /nowhere/passphrase");
        let directory = Passphrase::read(Path::new("/")).unwrap_err();
        assert!(matches!(directory, PassphraseError::Unreadable { .. }));
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let passphrase = Passphrase::new(b"hidden").unwrap();
        assert_eq!(format!("{passphrase:?}"), "Passphrase(..)");
        assert_eq!(passphrase, Passphrase::new(b"hidden").unwrap());
        assert_ne!(passphrase, Passphrase::new(b"hidde").unwrap());
    }
}
