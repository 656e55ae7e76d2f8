//! Artifacts that are held for the shadow set, within a limit on all of them.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes that may be held, and those that are.
#[derive(Clone, Debug)]
pub(crate) struct HeldBytes {
    max: u64,
    now: Arc<AtomicU64>,
}

impl HeldBytes {
    pub(crate) fn new(max: u64) -> HeldBytes {
        HeldBytes { max, now: Arc::default() }
    }

    /// Holds a file, if there is room for it.
    pub(crate) fn hold(&self, file: &OwnedFd, size: u64) -> Option<HeldFile> {
        let fits = |now: u64| now.checked_add(size).filter(|sum| *sum <= self.max);
        self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        // From here on its drop gives the room back.
        let room = HeldRoom { size, now: Arc::clone(&self.now) };
        Some(HeldFile { file: file.try_clone().ok()?, _room: room })
    }
}

/// A file that is held.
#[derive(Debug)]
pub(crate) struct HeldFile {
    /// The file.
    pub file: OwnedFd,
    _room: HeldRoom,
}

#[derive(Debug)]
struct HeldRoom {
    size: u64,
    now: Arc<AtomicU64>,
}

impl Drop for HeldRoom {
    fn drop(&mut self) {
        self.now.fetch_sub(self.size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let file = OwnedFd::from(tempfile::tempfile().unwrap());
        let held = HeldBytes::new(100);
        let first = held.hold(&file, 60).unwrap();
        assert!(held.hold(&file, 41).is_none());
        assert!(held.hold(&file, u64::MAX).is_none());
        let second = held.hold(&file, 40).unwrap();
        drop(first);
        assert!(held.hold(&file, 61).is_none());
        drop(second);
        assert!(held.hold(&file, 100).is_some());
    }
}
