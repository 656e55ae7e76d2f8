//! A value in pages of its own that never reach a disk: not by swap, not by a core dump, not by a fork.

use std::fmt;
use std::io;
use std::mem::{align_of, size_of};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use zeroize::Zeroize;

/// The least page of any machine: what is aligned for this is aligned for a page.
const PAGE_BYTES_MIN: usize = 4096;

/// Why no memory can be had for a secret.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot {what} {bytes} bytes of memory for a secret: raise the limit of locked memory (`ulimit -l`, LimitMEMLOCK= of a \
unit)"
)]
pub struct LockError {
    what: &'static str,
    bytes: usize,
    #[source]
    source: io::Error,
}

/// A value in memory of its own: locked, left out of core dumps and of children, and overwritten when it is dropped.
///
/// `Debug` prints nothing of it.
pub struct Locked<T> {
    place: NonNull<T>,
    length: usize,
}

impl<T> Locked<T> {
    /// Moves a value there. The place it comes from is the caller's to overwrite.
    ///
    /// # Errors
    ///
    /// If the system does not let us map or lock the memory.
    ///
    /// # Panics
    ///
    /// If the kernel maps something at address 0, which it does not.
    pub fn new(value: T) -> Result<Locked<T>, LockError> {
        const { assert!(align_of::<T>() <= PAGE_BYTES_MIN) }
        let length = size_of::<T>().max(1);
        let error =
            |what| move |errno: rustix::io::Errno| LockError { what, bytes: length, source: io::Error::from(errno) };
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory that anybody knows of.
        let address = unsafe {
            mmap_anonymous(std::ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        }
        .map_err(error("map"))?;
        // Unmapped again where anything below fails.
        let pages = Pages { address, length };
        // SAFETY: the mapping is ours alone, of this length. The calls change how the kernel treats it, not its bytes.
        unsafe { mlock(address, length) }.map_err(error("lock"))?;
        // SAFETY: as above.
        unsafe { madvise(address, length, Advice::LinuxDontDump) }.map_err(error("keep from core dumps"))?;
        // SAFETY: as above; it is anonymous and private, which this advice asks for.
        unsafe { madvise(address, length, Advice::LinuxWipeOnFork) }.map_err(error("keep from children"))?;
        // A mapping is never at address 0.
        let place = NonNull::new(address.cast::<T>()).expect("the kernel maps nothing at address 0");
        // SAFETY: writable, long enough, and aligned to a page, which is more than T asks for.
        unsafe { place.write(value) };
        std::mem::forget(pages);
        Ok(Locked { place, length })
    }
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` wrote a T there, and only `drop` takes it away.
        unsafe { self.place.as_ref() }
    }
}

impl<T> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; we are borrowed exclusively.
        unsafe { self.place.as_mut() }
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        // SAFETY: the value is there, and nobody uses it after this.
        unsafe { self.place.drop_in_place() };
        // SAFETY: the whole mapping is readable and writable, initialised (by the kernel with zeros), and no value lives in
        // it any more.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.place.as_ptr().cast::<u8>(), self.length) };
        bytes.zeroize();
        drop(Pages { address: self.place.as_ptr().cast(), length: self.length });
    }
}

// SAFETY: it owns its T as a Box does.
unsafe impl<T: Send> Send for Locked<T> {}
// SAFETY: it lends its T as a Box does.
unsafe impl<T: Sync> Sync for Locked<T> {}

impl<T> fmt::Debug for Locked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Locked(..)")
    }
}

/// A mapping, unmapped when it is dropped.
struct Pages {
    address: *mut std::ffi::c_void,
    length: usize,
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever drops this knows no pointer into it any more.
        let unmapped = unsafe { munmap(self.address, self.length) };
        debug_assert!(unmapped.is_ok(), "a mapping of ours can be unmapped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flags of the mapping that holds an address.
    fn flags_of(address: usize) -> String {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in maps.lines() {
            if let Some((from, to)) = line.split(' ').next().and_then(|range| range.split_once('-'))
                && let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
            {
                inside = (from..to).contains(&address);
            }
            if let (true, Some(flags)) = (inside, line.strip_prefix("VmFlags:")) {
                return flags.to_owned();
            }
        }
        panic!("no mapping holds {address:x}");
    }

    #[test]
    fn its_pages_are_locked_and_reach_no_dump_and_no_child() {
        let secret = Locked::new([7_u8; 32]).unwrap();
        let flags = flags_of(secret.as_ptr() as usize);
        for (flag, what) in [("lo", "locked"), ("dd", "left out of dumps"), ("wf", "wiped on fork")] {
            assert!(flags.split_whitespace().any(|there| there == flag), "not {what}: {flags}");
        }
    }

    #[test]
    fn it_holds_its_value_and_prints_nothing_of_it() {
        let mut secret = Locked::new(vec![String::from("hidden")]).unwrap();
        secret.push(String::from("too"));
        assert_eq!(secret.len(), 2);
        assert_eq!(format!("{secret:?} {secret:#?}"), "Locked(..) Locked(..)");
        drop(secret);
        assert_eq!(*Locked::new(()).unwrap(), ());
    }
}
