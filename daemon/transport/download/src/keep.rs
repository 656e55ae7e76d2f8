//! Stores the bytes of a download: counts and hashes them, and keeps them in memory up to a limit.
//!
//! Bytes are collected in a reused buffer and written to a memfd in large pieces, so a small artifact needs three
//! system calls: create, write, seal. If an artifact is larger than the limit, or the memory is in use, the bytes are
//! copied to an unnamed file ([`Spill`]) and continue there. In both cases nobody else can change the bytes: a memfd is
//! sealed, and an unnamed file cannot be opened.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use daemon_artifact::Sha256Digest;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{FetchError, SetupError};
use super::limits::FetchLimits;
use super::runtime::Backend;
use super::spill::{Spill, Through, write_all};
use super::{Fetched, MemoryShare, Storage};

/// Size of a piece before it is written: large enough that small artifacts need one write (64 KiB into a memfd, created
/// and closed, cost 31 us on a busy machine), and small enough that each download may have one or two.
pub(super) const PIECE_BYTES: usize = 256 << 10;
/// A chunk from this size on is written as it is, if nothing gathers before it.
const WHOLE_BYTES: usize = 128 << 10;
/// Unit of the memory accounting.
const UNIT_BYTES: u64 = 64 << 10;
/// Number of buffers kept for later downloads.
const BUFFERS_KEPT: usize = 16;

/// Memory for artifacts, all together: whoever keeps some takes from it. Clones share it.
#[derive(Clone, Debug)]
pub struct ArtifactMemory(Arc<Semaphore>);

impl ArtifactMemory {
    /// So many bytes.
    pub fn new(bytes_max: u64) -> ArtifactMemory {
        let units = usize::try_from(bytes_max / UNIT_BYTES).unwrap_or(usize::MAX);
        ArtifactMemory(Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))))
    }
}

/// Keeps bytes as they come, of downloads and of whoever else receives artifacts. One per thread: it has memory, buffers
/// and the directory for large ones.
pub struct Keeper {
    bytes_max: u64,
    memory_bytes_max: u64,
    memory: ArtifactMemory,
    spill_dir: OwnedFd,
    spill_path: PathBuf,
    through: Through,
    buffers: RefCell<Vec<Vec<u8>>>,
}

impl Keeper {
    pub(super) fn new(
        limits: &FetchLimits,
        memory: ArtifactMemory,
        spill_dir: OwnedFd,
        spill_path: PathBuf,
        through: Through,
    ) -> Keeper {
        Keeper {
            bytes_max: limits.bytes_max,
            memory_bytes_max: limits.memory_bytes_max,
            memory,
            spill_dir,
            spill_path,
            through,
            buffers: RefCell::default(),
        }
    }

    /// One for artifacts that are no downloads: of at most [`FetchLimits::bytes_max`] each, in memory up to
    /// [`FetchLimits::memory_bytes_max`] as far as there is room in `memory`, else in files without names in `spill`.
    /// `backend` is that of the runtime that will keep them.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the directory cannot be opened.
    pub fn open(
        limits: &FetchLimits,
        memory: ArtifactMemory,
        spill: PathBuf,
        backend: &Backend,
    ) -> Result<Keeper, SetupError> {
        let directory = super::directory(&spill)?;
        Ok(Keeper::new(limits, memory, directory, spill, Through::of(backend)))
    }

    /// Begins to keep one whose size nobody has announced.
    pub fn begin(&self) -> Keep<'_> {
        Keep::new(self, None)
    }

    /// Memory for artifacts, all together.
    pub fn memory(&self) -> ArtifactMemory {
        self.memory.clone()
    }

    pub(super) fn through(&self) -> Through {
        self.through
    }

    /// An empty buffer, of [`PIECE_BYTES`] once it has been used.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    pub(super) fn reuse(&self, mut buffer: Vec<u8>) {
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() < BUFFERS_KEPT && (1..=2 * PIECE_BYTES).contains(&buffer.capacity()) {
            buffer.clear();
            buffers.push(buffer);
        }
    }

    fn in_memory(tried: &'static str) -> impl Fn(io::Error) -> FetchError {
        move |source| FetchError::Storage { tried, on: "a file in memory".to_owned(), source }
    }

    fn in_file(&self, tried: &'static str) -> impl Fn(io::Error) -> FetchError {
        move |source| {
            let on = format!("an unnamed file in {}", self.spill_path.display());
            FetchError::Storage { tried, on, source }
        }
    }
}

/// Stores the bytes of one artifact.
pub struct Keep<'k> {
    keeper: &'k Keeper,
    stored: Stored,
    gathered: Vec<u8>,
    /// Number of bytes received, including buffered ones.
    size: u64,
    /// Announced size, if any.
    announced: Option<u64>,
    hasher: Sha256,
    memory: Option<OwnedSemaphorePermit>,
}

enum Stored {
    Nothing,
    Memory(OwnedFd),
    File(Spill),
}

impl<'k> Keep<'k> {
    /// Nothing is made yet: neither file nor memory. What is `announced` is believed only to refuse early and to
    /// go to a file at once.
    pub(super) fn begin(keeper: &'k Keeper, announced: Option<u64>) -> Result<Keep<'k>, FetchError> {
        if announced.is_some_and(|size| size > keeper.bytes_max) {
            return Err(FetchError::TooLarge { size_bytes: announced, size_bytes_max: keeper.bytes_max });
        }
        Ok(Keep::new(keeper, announced))
    }

    fn new(keeper: &'k Keeper, announced: Option<u64>) -> Keep<'k> {
        Keep {
            keeper,
            stored: Stored::Nothing,
            gathered: keeper.buffer(),
            size: 0,
            announced,
            hasher: Sha256::new(),
            memory: None,
        }
    }

    /// Returns the number of bytes received.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Digest of the bytes that came so far.
    pub(super) fn digest(&self) -> Sha256Digest {
        Sha256Digest(self.hasher.clone().finalize().into())
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`FetchError::TooLarge`] if these are too many, [`FetchError::Storage`] if they cannot be stored.
    pub async fn take(&mut self, chunk: &[u8]) -> Result<(), FetchError> {
        let before = self.size;
        self.size += chunk.len() as u64;
        if self.size > self.keeper.bytes_max {
            return Err(FetchError::TooLarge { size_bytes: None, size_bytes_max: self.keeper.bytes_max });
        }
        self.hasher.update(chunk);
        let last = self.announced == Some(self.size);
        if self.gathered.is_empty() && (last || chunk.len() >= WHOLE_BYTES) && self.fits_memory() {
            return self.write_memory(chunk, before);
        }
        self.gathered.extend_from_slice(chunk);
        if last || self.gathered.len() >= PIECE_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Ends it: everything is stored, what is in memory is sealed.
    ///
    /// # Errors
    ///
    /// [`FetchError::Storage`] if it cannot be stored.
    pub async fn finish(mut self) -> Result<Fetched, FetchError> {
        if !self.gathered.is_empty() || matches!(self.stored, Stored::Nothing) {
            self.flush().await?;
        }
        let sha256 = self.digest();
        let (file, place) = match std::mem::replace(&mut self.stored, Stored::Nothing) {
            Stored::Memory(file) => {
                let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
                fcntl_add_seals(&file, seals).map_err(io::Error::from).map_err(Keeper::in_memory("seal"))?;
                (file, Storage::Memory)
            }
            Stored::File(spill) => (spill.finish().await.map_err(self.keeper.in_file("write to"))?, Storage::File),
            Stored::Nothing => unreachable!("a flush stores even nothing"),
        };
        Ok(Fetched { file, size: self.size, sha256, place, memory: MemoryShare(self.memory.take()) })
    }

    /// Stores what has gathered.
    async fn flush(&mut self) -> Result<(), FetchError> {
        let offset = self.size - self.gathered.len() as u64;
        if self.fits_memory() {
            let gathered = std::mem::take(&mut self.gathered);
            let written = self.write_memory(&gathered, offset);
            self.gathered = gathered;
            self.gathered.clear();
            return written;
        }
        let keeper = self.keeper;
        let spill = match &mut self.stored {
            Stored::File(spill) => spill,
            stored => {
                let mut spill =
                    Spill::create(keeper.spill_dir.as_fd(), keeper.through).map_err(keeper.in_file("make"))?;
                if let Stored::Memory(memory) = std::mem::replace(stored, Stored::Nothing) {
                    spill.copy_from(memory, offset).await.map_err(keeper.in_file("copy to"))?;
                    self.memory = None;
                }
                *stored = Stored::File(spill);
                let Stored::File(spill) = stored else { unreachable!("just stored") };
                spill
            }
        };
        spill.write(&mut self.gathered, offset).await.map_err(keeper.in_file("write to"))
    }

    /// Whether all received bytes may stay in memory; if so, reserves it.
    fn fits_memory(&mut self) -> bool {
        let most = self.announced.unwrap_or(0).max(self.size);
        if matches!(self.stored, Stored::File(_)) || most > self.keeper.memory_bytes_max {
            return false;
        }
        let held = self.memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits) as u64;
        let wanted = self.size.div_ceil(UNIT_BYTES).saturating_sub(held);
        let Ok(wanted) = u32::try_from(wanted) else { return false };
        if wanted == 0 {
            return true;
        }
        match (Arc::clone(&self.keeper.memory.0).try_acquire_many_owned(wanted), &mut self.memory) {
            (Ok(more), Some(memory)) => memory.merge(more),
            (Ok(first), none) => *none = Some(first),
            (Err(_), _) => return false,
        }
        true
    }

    fn write_memory(&mut self, bytes: &[u8], offset: u64) -> Result<(), FetchError> {
        if let Stored::Nothing = self.stored {
            let file = memfd_create(c"artifact", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING);
            self.stored = Stored::Memory(file.map_err(io::Error::from).map_err(Keeper::in_memory("make"))?);
        }
        match &self.stored {
            Stored::Memory(file) => write_all(file, bytes, offset).map_err(Keeper::in_memory("write to")),
            Stored::Nothing | Stored::File(_) => unreachable!("what is in a file does not fit memory"),
        }
    }
}

impl Drop for Keep<'_> {
    fn drop(&mut self) {
        self.keeper.reuse(std::mem::take(&mut self.gathered));
    }
}
