//! A disk in memory that can be full, fail, or vanish at any moment.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use crate::signer::Medium;

/// What goes wrong at the next write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum DiskFault {
    #[default]
    None,
    /// The disk takes so many bytes and no more.
    Full(usize),
    /// All bytes are taken, but it is not certain that they are on the disk.
    SyncFails,
    /// So many bytes are on the disk when the machine dies.
    DiesWriting(usize),
    /// All bytes are on the disk, and then the machine dies: nothing is signed.
    DiesAfterSync,
}

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
    fault: DiskFault,
    is_dead: bool,
}

/// What outlives the signers that use it. Each has an opening of its own.
#[derive(Clone, Default)]
pub(super) struct Disk {
    content: Rc<RefCell<Content>>,
    read: Rc<RefCell<usize>>,
}

impl Disk {
    /// As a new process finds it.
    pub(super) fn open(&self) -> Disk {
        let mut content = self.content.borrow_mut();
        content.is_dead = false;
        content.fault = DiskFault::None;
        content.synced = content.bytes.len();
        Disk { content: Rc::clone(&self.content), read: Rc::default() }
    }

    /// Another disk with the same bytes.
    pub(super) fn copy(&self) -> Disk {
        Disk::with(&self.bytes())
    }

    pub(super) fn with(bytes: &[u8]) -> Disk {
        let disk = Disk::default();
        disk.content.borrow_mut().bytes = bytes.to_vec();
        disk
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.content.borrow().bytes.clone()
    }

    pub(super) fn break_next(&self, fault: DiskFault) {
        self.content.borrow_mut().fault = fault;
    }

    pub(super) fn is_dead(&self) -> bool {
        self.content.borrow().is_dead
    }
}

impl Read for &Disk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.read.borrow_mut();
        let count = (&self.content.borrow().bytes[*read..]).read(buffer)?;
        *read += count;
        Ok(count)
    }
}

impl Medium for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.content.borrow_mut();
        if content.is_dead {
            return Err(io::Error::other("dead"));
        }
        match content.fault {
            DiskFault::Full(room) => {
                content.bytes.extend_from_slice(&bytes[..room.min(bytes.len())]);
                content.fault = DiskFault::None;
                Err(io::ErrorKind::StorageFull.into())
            }
            DiskFault::DiesWriting(written) => {
                content.bytes.extend_from_slice(&bytes[..written.min(bytes.len())]);
                content.is_dead = true;
                Err(io::Error::other("dead"))
            }
            DiskFault::None | DiskFault::SyncFails | DiskFault::DiesAfterSync => {
                content.bytes.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut content = self.content.borrow_mut();
        match content.fault {
            DiskFault::SyncFails => {
                content.fault = DiskFault::None;
                Err(io::Error::other("the device is gone"))
            }
            DiskFault::DiesAfterSync => {
                content.is_dead = true;
                Err(io::Error::other("dead"))
            }
            _ if content.is_dead => Err(io::Error::other("dead")),
            _ => {
                content.synced = content.bytes.len();
                Ok(())
            }
        }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut content = self.content.borrow_mut();
        if content.is_dead {
            return Err(io::Error::other("dead"));
        }
        content.bytes.truncate(usize::try_from(length).unwrap());
        Ok(())
    }
}
