//! Keystores on disk: whole or not there, for their owner alone, never over another file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{FILE_BYTES_MAX, Keystore, KeystoreError};

/// Mode of the files: for their owner alone.
const MODE: u32 = 0o600;

fn error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeystoreError {
    let path = path.to_owned();
    move |source| KeystoreError::File { what, path, source }
}

/// Reads a keystore.
///
/// # Errors
///
/// If it cannot be read, is too large, or is no keystore.
pub fn read(path: &Path) -> Result<Keystore, KeystoreError> {
    // A pipe without a writer would make us wait for ever.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file =
        OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(error("open the keystore", path))?;
    let about = file.metadata().map_err(error("read the metadata of", path))?;
    if !about.is_file() {
        return Err(KeystoreError::NotRegular(path.to_owned()));
    }
    let mut json = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut json).map_err(error("read the keystore", path))?;
    if json.len() as u64 > FILE_BYTES_MAX {
        return Err(KeystoreError::TooLarge { path: path.to_owned(), max: FILE_BYTES_MAX });
    }
    Keystore::parse(&json)
}

/// Writes a new keystore, durably.
///
/// # Errors
///
/// If there is a file of this name, or the system does not let us. Nothing is left then.
pub fn create(path: &Path, keystore: &Keystore) -> Result<(), KeystoreError> {
    // Told before anything is written; that it stays so is seen to by the rename.
    if path.symlink_metadata().is_ok() {
        return Err(KeystoreError::Exists(path.to_owned()));
    }
    let beside = Beside::write(path, keystore)?;
    match renameat_with(CWD, &beside.path, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(KeystoreError::Exists(path.to_owned())),
        // A file system that cannot rename so (NFS) can link.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match std::fs::hard_link(&beside.path, path) {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                return Err(KeystoreError::Exists(path.to_owned()));
            }
            Err(source) => return Err(error("create", path)(source)),
        },
        Err(errno) => return Err(error("create", path)(errno.into())),
    }
    sync_directory(path)
}

/// Puts another keystore in the place of one that is there, durably. Its owner stays who it was.
///
/// # Errors
///
/// If the system does not let us. The old one is left then.
pub fn replace(path: &Path, keystore: &Keystore) -> Result<(), KeystoreError> {
    // A link is followed, so that what it leads to is replaced.
    let path = path.canonicalize().map_err(error("find", path))?;
    let about = path.metadata().map_err(error("read the metadata of", &path))?;
    let beside = Beside::write(&path, keystore)?;
    let ours = beside.path.metadata().map_err(error("read the metadata of", &beside.path))?;
    if (ours.uid(), ours.gid()) != (about.uid(), about.gid()) {
        std::os::unix::fs::chown(&beside.path, Some(about.uid()), Some(about.gid()))
            .map_err(error("give the keystore back to the owner of", &path))?;
    }
    std::fs::rename(&beside.path, &path).map_err(error("replace", &path))?;
    sync_directory(&path)
}

/// A file beside the one that is to be, removed when it was not renamed.
struct Beside {
    path: PathBuf,
}

impl Beside {
    fn write(path: &Path, keystore: &Keystore) -> Result<Beside, KeystoreError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(KeystoreError::Random)?;
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.new", base16ct::lower::encode_string(&random)));
        let new = path.with_file_name(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(&new)
            .map_err(error("create a file beside", path))?;
        let beside = Beside { path: new };
        file.write_all(keystore.to_json().as_bytes()).map_err(error("write", &beside.path))?;
        // The mask of the process may have taken even the owner's rights.
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(MODE))
            .map_err(error("protect", &beside.path))?;
        file.sync_all().map_err(error("write", &beside.path))?;
        Ok(beside)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Renamed, there is none. One that cannot be removed is encrypted, and named as what it is.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn sync_directory(path: &Path) -> Result<(), KeystoreError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(error("make durable the directory", directory))
}
