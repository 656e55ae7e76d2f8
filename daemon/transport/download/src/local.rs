//! Uris that need no network: the artifact in the uri itself, or in a file of this machine.
//!
//! A foreign file is copied as a download is, for its owner may change it while it is examined.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use daemon_artifact::{NotRegular, is_pseudo};
use data_url::forgiving_base64::DecodeError;
use data_url::{DataUrl, DataUrlError};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::{Errno, pread};
use tokio::task::spawn_blocking;
use url::Url;

use super::error::FetchError;
use super::keep::{Keep, Keeper, PIECE_BYTES};
use super::spill::Through;
use daemon_artifact::OpenError;

/// The artifact that a `data:` uri carries.
pub(super) async fn carried<'k>(keeper: &'k Keeper, uri: &str, bytes_max: u64) -> Result<Keep<'k>, FetchError> {
    let data = DataUrl::process(uri).map_err(|error| match error {
        DataUrlError::NotADataUrl => FetchError::uri("not a data: uri"),
        DataUrlError::NoComma => FetchError::uri("a data: uri without a comma"),
    })?;
    let mut bytes = Vec::new();
    let decoded = data.decode(|more| {
        bytes.extend_from_slice(more);
        if bytes.len() as u64 > bytes_max { Err(()) } else { Ok(()) }
    });
    match decoded {
        Ok(_fragment) => {}
        Err(DecodeError::InvalidBase64(error)) => {
            return Err(FetchError::uri(format_args!("a data: uri with bad base64: {error:?}")));
        }
        Err(DecodeError::WriteError(())) => {
            return Err(FetchError::TooLarge { size_bytes: None, size_bytes_max: bytes_max });
        }
    }
    let mut keep = Keep::begin(keeper, Some(bytes.len() as u64))?;
    keep.take(&bytes).await?;
    Ok(keep)
}

/// Files that `file:` URIs may refer to.
pub(super) enum Files {
    Refused,
    Beneath { path: PathBuf, dir: OwnedFd },
    Anywhere,
}

impl Files {
    /// A copy of the file that `uri` names.
    pub(super) async fn copied<'k>(&self, keeper: &'k Keeper, uri: &Url) -> Result<Keep<'k>, FetchError> {
        let path = uri.to_file_path().map_err(|()| FetchError::uri("a file: uri of another machine"))?;
        match self.copy(keeper, &path).await {
            Ok(keep) => keep,
            Err(source) => Err(FetchError::File { path, source }),
        }
    }

    async fn copy<'k>(&self, keeper: &'k Keeper, path: &Path) -> Result<Result<Keep<'k>, FetchError>, OpenError> {
        let (file, size) = self.open(path)?;
        let mut keep = match Keep::begin(keeper, Some(size)) {
            Ok(keep) => keep,
            Err(error) => return Ok(Err(error)),
        };
        let reader = FileReader::new(file, keeper.through());
        let mut buffer = keeper.buffer();
        loop {
            let (read, filled) = reader.read(buffer, keep.size()).await;
            buffer = filled;
            if read? == 0 {
                break;
            }
            if let Err(error) = keep.take(&buffer).await {
                return Ok(Err(error));
            }
        }
        keeper.reuse(buffer);
        Ok(Ok(keep))
    }

    /// Opens a regular file, waits for nothing; tells its size.
    fn open(&self, path: &Path) -> Result<(OwnedFd, u64), OpenError> {
        // A FIFO is opened without waiting for its other end, and found out below.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = match self {
            Files::Refused => return Err(OpenError::Denied),
            Files::Anywhere => openat2(CWD, path, flags, Mode::empty(), resolve)?,
            Files::Beneath { path: root, dir } => {
                let below = path.strip_prefix(root).map_err(|_| OpenError::Denied)?;
                openat2(dir.as_fd(), below, flags, Mode::empty(), resolve | ResolveFlags::BENEATH)?
            }
        };
        let stat = fstat(&file)?;
        if let Some(kind) = NotRegular::of(FileType::from_raw_mode(stat.st_mode)) {
            return Err(OpenError::NotRegular(kind));
        }
        // A window into the kernel: its size lies, and reading it may have effects.
        if is_pseudo(&file)? {
            return Err(OpenError::NotRegular(NotRegular::Other));
        }
        Ok((file, u64::try_from(stat.st_size).unwrap_or(0)))
    }
}

/// Reads a file without making the thread wait for its disk.
enum FileReader {
    Ring(Rc<tokio_uring::fs::File>),
    Threads(Arc<OwnedFd>),
}

impl FileReader {
    fn new(file: OwnedFd, through: Through) -> FileReader {
        match through {
            Through::Ring => FileReader::Ring(Rc::new(tokio_uring::fs::File::from_std(file.into()))),
            Through::Threads => FileReader::Threads(Arc::new(file)),
        }
    }

    /// Fills `buffer` from `offset` on, as far as one read goes; 0 bytes at the end of the file.
    async fn read(&self, mut buffer: Vec<u8>, offset: u64) -> (io::Result<usize>, Vec<u8>) {
        buffer.clear();
        buffer.reserve(PIECE_BYTES);
        match self {
            FileReader::Ring(file) => file.read_at(buffer, offset).await,
            FileReader::Threads(file) => {
                let file = Arc::clone(file);
                let read = spawn_blocking(move || {
                    loop {
                        match pread(&*file, rustix::buffer::spare_capacity(&mut buffer), offset) {
                            Err(Errno::INTR) => {}
                            outcome => break (outcome.map_err(io::Error::from), buffer),
                        }
                    }
                });
                read.await.unwrap_or_else(|error| (Err(io::Error::other(error)), Vec::new()))
            }
        }
    }
}
