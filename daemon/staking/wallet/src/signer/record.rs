//! The record: a file that only grows, of lines with checksums, each on the disk before what it is about leaves the signer.
//!
//! The checksum of a line covers all lines before it, so that none can be missing, changed or moved. Only the last one may
//! be torn, by a crash while it was written: what it was about was not signed.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use daemon_base::Sha256Digest;
use rustix::fs::{FlockOperation, OFlags, flock};

use super::entry::RecordEntry;

/// The first line: what the file is.
const HEAD: &str = "stakeout-signer record, version 1\n";
/// Length of a checksum, in hexadecimal digits.
const CHECKSUM_DIGITS: usize = 32;
/// Longest line, in bytes. An assertion has 500.
const LINE_BYTES_MAX: u64 = 16 << 10;

/// Why there is no record, or why it takes nothing more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The system would not let us.
    #[error("cannot {what} the record {}", path.display())]
    File {
        /// The operation that failed.
        what: &'static str,
        /// The record.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another signer uses it.
    #[error("another signer uses the record {}: stop it first", .0.display())]
    InUse(PathBuf),
    /// Somebody else may write to it.
    #[error("{} must be a regular file that only its owner may write to (mode {mode:o})", path.display())]
    Unsafe {
        /// The record.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A line is not what was written.
    #[error(
        "line {line} of the record {} is damaged ({why}). What was signed is not known any more, so nothing is signed: \
restore the file from a backup that has every line, or move it away and reset limits and nonces by hand",
        path.display()
    )]
    Damaged {
        /// The record.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// What is to be written does not fit.
    #[error("the entry has {0} bytes, more than a line of the record may have")]
    TooLong(usize),
    /// Earlier it was not certain what is on the disk.
    #[error("an earlier write to the record failed, and what is on the disk is not certain: restart the signer")]
    Broken,
}

/// Where the bytes of a record go.
pub trait Medium {
    /// Puts bytes behind what is there.
    ///
    /// # Errors
    ///
    /// If not all are; some may be.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when all is on the disk.
    ///
    /// # Errors
    ///
    /// If it is not certain that all is.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts to a length.
    ///
    /// # Errors
    ///
    /// If it is not certain that it was cut.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Opened to append.
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// A record that is written to.
#[derive(Debug)]
pub struct Record<M> {
    medium: M,
    path: PathBuf,
    /// Length of what is certain, in bytes.
    length: u64,
    checksum: String,
    is_broken: bool,
}

/// What a record was found to hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordContents {
    /// Its entries, in order.
    pub entries: Vec<RecordEntry>,
    /// Length of a last line that was not written whole, in bytes.
    pub torn: u64,
}

impl Record<File> {
    /// Opens the record, or begins one, and keeps every other signer from it.
    ///
    /// # Errors
    ///
    /// If it is in use, damaged, or the system does not let us.
    pub fn open(path: &Path) -> Result<(Record<File>, RecordContents), RecordError> {
        let error = |what| move |source| RecordError::File { what, path: path.to_owned(), source };
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(path)
            .map_err(error("open"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(RecordError::InUse(path.to_owned())),
            Err(errno) => return Err(error("lock")(errno.into())),
        }
        let about = file.metadata().map_err(error("read the metadata of"))?;
        if !about.is_file() || about.mode() & 0o022 != 0 {
            return Err(RecordError::Unsafe { path: path.to_owned(), mode: about.mode() & 0o7777 });
        }
        let opened = Record::read(file, path)?;
        // The file itself must be there after a crash, not only its lines.
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(error("make durable the directory of"))?;
        Ok(opened)
    }
}

impl<M: Medium> Record<M> {
    /// Reads what a medium holds from where it stands, cuts off a torn end, and goes on behind it.
    ///
    /// # Errors
    ///
    /// If it is damaged, or cannot be read or cut.
    pub fn read(mut medium: M, path: &Path) -> Result<(Record<M>, RecordContents), RecordError>
    where
        for<'m> &'m M: Read,
    {
        let error = |what| move |source| RecordError::File { what, path: path.to_owned(), source };
        let mut reader = BufReader::new(&medium);
        let mut found = RecordContents::default();
        let mut length = 0;
        let mut checksum = String::new();
        let mut number = 1;
        loop {
            let mut line = Vec::new();
            (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(error("read"))?;
            if line.is_empty() {
                break;
            }
            let read = match &checksum {
                none if none.is_empty() => read_head(&line).map(|()| None),
                before => read_line(&line, before).map(Some),
            };
            match read {
                Ok(None) => checksum = digest(HEAD.as_bytes()),
                Ok(Some((entry, next))) => {
                    found.entries.push(entry);
                    checksum = next;
                }
                Err(why) => {
                    let is_last = reader.fill_buf().map_err(error("read"))?.is_empty();
                    // A line that ends was written whole; but the pages of a file may come to the disk in any order, and
                    // where one did not, there are zeros.
                    if is_last && (!line.ends_with(b"\n") || line.contains(&0)) {
                        found.torn = line.len() as u64;
                        break;
                    }
                    return Err(RecordError::Damaged { path: path.to_owned(), line: number, why });
                }
            }
            length += line.len() as u64;
            number += 1;
        }
        if found.torn > 0 {
            medium.cut(length).and_then(|()| medium.sync()).map_err(error("cut off the torn end of"))?;
        }
        let mut record = Record { medium, path: path.to_owned(), length, checksum, is_broken: false };
        if record.checksum.is_empty() {
            record.write(HEAD.as_bytes())?;
            record.checksum = digest(HEAD.as_bytes());
        }
        Ok((record, found))
    }

    /// Writes an entry. When this returns, it is on the disk.
    ///
    /// # Errors
    ///
    /// If it is not certain to be there. After a failed sync nothing more is taken.
    ///
    /// # Panics
    ///
    /// If an entry cannot be JSON, which would be a bug.
    pub fn append(&mut self, entry: &RecordEntry) -> Result<(), RecordError> {
        let json = serde_json::to_string(entry).expect("entries have text keys and no fallible parts");
        let checksum = chained(&self.checksum, &json);
        let line = format!("{checksum} {json}\n");
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(RecordError::TooLong(line.len()));
        }
        self.write(line.as_bytes())?;
        self.checksum = checksum;
        Ok(())
    }

    /// Whether only a restart helps.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    fn write(&mut self, line: &[u8]) -> Result<(), RecordError> {
        if self.is_broken {
            return Err(RecordError::Broken);
        }
        let path = self.path.clone();
        if let Err(source) = self.medium.append(line) {
            // Part of it may be there: a full disk takes what fits.
            self.is_broken = self.medium.cut(self.length).is_err();
            return Err(RecordError::File { what: "write to", path, source });
        }
        if let Err(source) = self.medium.sync() {
            // The kernel may have dropped what it could not write, and would not say so again.
            self.is_broken = true;
            return Err(RecordError::File { what: "make durable", path, source });
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

fn read_head(line: &[u8]) -> Result<(), String> {
    if line == HEAD.as_bytes() { Ok(()) } else { Err("it does not begin as a record of version 1".to_owned()) }
}

fn read_line(line: &[u8], before: &str) -> Result<(RecordEntry, String), String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    let text = text.strip_suffix('\n').ok_or("it has no end")?;
    let (checksum, json) = text.split_once(' ').ok_or("it has no checksum")?;
    if checksum != chained(before, json) {
        return Err("its checksum is wrong".to_owned());
    }
    let entry = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Ok((entry, checksum.to_owned()))
}

fn chained(before: &str, json: &str) -> String {
    digest(format!("{before} {json}").as_bytes())
}

fn digest(bytes: &[u8]) -> String {
    let mut digits = Sha256Digest::of(bytes).to_string();
    digits.truncate(CHECKSUM_DIGITS);
    digits
}
