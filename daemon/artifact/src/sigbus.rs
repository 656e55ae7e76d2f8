//! A file that shrinks while it is mapped must not kill the process.
//!
//! Touching a mapped page past the end of its file (or a page that the disk cannot read) raises SIGBUS, whatever kind
//! of map it is: shared, private, populated or locked. So every map claims a slot in a static table, and the SIGBUS
//! handler looks up the faulting address there. If the address is in a map, the rest of that map is replaced by zero
//! pages, the slot is marked torn, and the instruction runs again and reads zeros. Otherwise the previous SIGBUS
//! handler is called. No other signal is handled.
//!
//! The handler uses only atomics and `mmap` (on Linux a plain system call), no locks and no allocations. A SIGBUS
//! handler that is installed later must call this one.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Maximum number of guarded maps. A thread has one artifact at a time, so this is many times the number of threads. If
/// the table is full, the file is read instead of mapped.
pub(crate) const SLOTS: usize = 1024;

/// Smallest page Linux has; maps start and end on multiples of it whatever the real page size.
const UNIT: u64 = 4096;
/// A range is one word, so that the handler never sees half of an update: the first page's number above, the
/// count of pages in the low `COUNT_BITS`. 36 + 28 bits: addresses below 2^48, maps below 1 TiB.
const COUNT_BITS: u32 = 28;
/// Marks a free slot.
const FREE: u64 = 0;
/// A claimed slot that guards nothing yet: a first page without a count.
const CLAIMED: u64 = 1 << COUNT_BITS;

struct MapSlot {
    range: AtomicU64,
    torn: AtomicBool,
}

static TABLE: [MapSlot; SLOTS] =
    [const { MapSlot { range: AtomicU64::new(FREE), torn: AtomicBool::new(false) } }; SLOTS];
/// Slot at which the next search begins.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A claimed slot. Give it the range of a map with [`Guard::watch`]; drop it before that map is unmapped.
pub(crate) struct Guard {
    slot: &'static MapSlot,
}

impl Guard {
    /// `None` if every slot is taken, or if the handler could not be installed.
    pub(crate) fn claim() -> Option<Guard> {
        if !install() {
            return None;
        }
        let start = NEXT.fetch_add(1, Ordering::Relaxed);
        let slot = (0..SLOTS).filter_map(|i| TABLE.get(start.wrapping_add(i) % SLOTS)).find(|slot| {
            slot.range.load(Ordering::Relaxed) == FREE
                && slot.range.compare_exchange(FREE, CLAIMED, Ordering::Acquire, Ordering::Relaxed).is_ok()
        })?;
        slot.torn.store(false, Ordering::Relaxed);
        Some(Guard { slot })
    }

    /// Guards `bytes`, which must be the whole of a map. Answers `false`, and guards nothing, if the range does
    /// not fit into a slot's word.
    pub(crate) fn watch(&self, bytes: &[u8]) -> bool {
        let word = word(bytes.as_ptr() as u64, bytes.len() as u64);
        if let Some(word) = word {
            self.slot.range.store(word, Ordering::Release);
        }
        word.is_some()
    }

    /// Whether a page of the map could not be had and was replaced by zeros.
    pub(crate) fn torn(&self) -> bool {
        self.slot.torn.load(Ordering::Acquire)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.slot.range.store(FREE, Ordering::Release);
    }
}

/// A range of addresses as a slot holds it; `None` if it does not fit.
fn word(address: u64, size_bytes: u64) -> Option<u64> {
    let first = address / UNIT;
    let count = size_bytes.div_ceil(UNIT);
    let fits = first >> (64 - COUNT_BITS) == 0 && count >> COUNT_BITS == 0;
    fits.then_some(first << COUNT_BITS | count)
}

/// The previous SIGBUS handler. Written once, before this handler can run; then only read.
struct Previous(UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: the only write happens inside `Once::call_once`, before `sigaction` makes `on_bus` reachable; every
// read happens in `on_bus`.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous(UnsafeCell::new(MaybeUninit::uninit()));
static INSTALL: Once = Once::new();
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Bytes of a page; the smallest there is until the kernel was asked.
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(4096);

/// Installs the handler at the first call; answers whether it is in place.
fn install() -> bool {
    INSTALL.call_once(|| {
        PAGE_BYTES.store(rustix::param::page_size(), Ordering::Relaxed);
        // JUSTIFICATION: there is no safe way to handle SIGBUS: crates that wrap signals safely (signal-hook)
        // forbid it, because returning to the faulting instruction is what a handler for it must make valid.
        // SAFETY: both structs live across the calls; `on_bus` has the signature SA_SIGINFO asks for and is
        // async-signal-safe; the previous action is stored before ours can be entered. Zeroed is a valid
        // `sigaction`: a null handler is SIG_DFL. Between asking and setting another thread could set
        // an action that we then do not chain to; handlers are installed once, at start, so none does.
        let done = unsafe {
            let mut ours: libc::sigaction = std::mem::zeroed();
            ours.sa_sigaction = on_bus as *const () as usize;
            // ONSTACK: the runtime gives each thread a spare stack, and a fault may come deep in a parser.
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigemptyset(&mut ours.sa_mask);
            libc::sigaction(libc::SIGBUS, std::ptr::null(), (*PREVIOUS.0.get()).as_mut_ptr()) == 0
                && libc::sigaction(libc::SIGBUS, &ours, std::ptr::null_mut()) == 0
        };
        INSTALLED.store(done, Ordering::Release);
    });
    INSTALLED.load(Ordering::Acquire)
}

extern "C" fn on_bus(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // JUSTIFICATION: as for `install`; a handler receives raw pointers.
    // SAFETY: the kernel passes a valid `siginfo_t` to an SA_SIGINFO handler; `si_addr` is read only for the
    // codes that carry an address. `mend` and `chain` are sound for any address.
    unsafe {
        let of_memory = matches!((*info).si_code, libc::BUS_ADRERR | libc::BUS_OBJERR);
        if !(of_memory && mend((*info).si_addr() as usize)) {
            chain(signal, info, context);
        }
    }
}

/// Maps zero pages from the page of `address` to the end of its map; `false` if it is in no guarded map.
/// Async-signal-safe.
fn mend(address: usize) -> bool {
    let page = PAGE_BYTES.load(Ordering::Relaxed);
    for slot in &TABLE {
        let range = slot.range.load(Ordering::Acquire);
        let first = (range >> COUNT_BITS) * UNIT;
        let end = first + (range & ((1 << COUNT_BITS) - 1)) * UNIT;
        if !(first..end).contains(&(address as u64)) {
            continue;
        }
        let Ok(end) = usize::try_from(end) else { continue };
        slot.torn.store(true, Ordering::Release);
        let from = address & !(page - 1);
        let length = end.next_multiple_of(page) - from;
        // JUSTIFICATION: replacing pages under a live slice is the only way to let the faulting load succeed.
        // SAFETY: the faulting thread holds a borrow of the map that this slot guards, so the map is alive and
        // stays so until we return; a slot is one word, so `from..from + length` lies inside that map. The
        // pages stay readable and are released with the map's own `munmap`. `errno` is put back: the code we
        // interrupted may be about to read it.
        unsafe {
            let errno = libc::__errno_location();
            let before = *errno;
            let got = libc::mmap(
                from as *mut libc::c_void,
                length,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
                -1,
                0,
            );
            *errno = before;
            return got != libc::MAP_FAILED;
        }
    }
    false
}

/// Calls the previous handler for an address outside of the guarded maps.
///
/// # Safety
/// Only from inside a SIGBUS handler, with its own arguments.
unsafe fn chain(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // JUSTIFICATION: calling a handler known only by its address is inherently unsafe.
    // SAFETY: `PREVIOUS` was written before this handler was installed, with what `sigaction` said, so an
    // address that is neither SIG_DFL nor SIG_IGN is a function of the kind that its flags name.
    unsafe {
        let previous = (*PREVIOUS.0.get()).assume_init_ref();
        match previous.sa_sigaction {
            // Back to the default: the instruction runs again, faults again, and the process ends as it would
            // have without us. To ignore a fault is not possible; the kernel kills for it as well.
            libc::SIG_DFL | libc::SIG_IGN => {
                let mut default: libc::sigaction = std::mem::zeroed();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &default, std::ptr::null_mut());
            }
            address if previous.sa_flags & libc::SA_SIGINFO != 0 => {
                type Action = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
                std::mem::transmute::<usize, Action>(address)(signal, info, context);
            }
            address => std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(address)(signal),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn full_table_gives_no_guard_and_a_dropped_one_is_given_again() {
        let mut guards: Vec<Guard> = (0..SLOTS).map(|_| Guard::claim().expect("a free slot")).collect();
        assert!(Guard::claim().is_none());
        guards.pop();
        assert!(Guard::claim().is_some());
    }

    #[test]
    fn range_beyond_what_a_word_holds_is_refused() {
        let cases = [
            (0x7fff_ffff_f000, 4096, Some(0x7_ffff_ffff << COUNT_BITS | 1)),
            (0x1000, 1, Some(1 << COUNT_BITS | 1)),
            (0x1000, (1 << 40) - 1, None),
            (0x1000, (1 << 40) - 4096, Some(1 << COUNT_BITS | 0x0fff_ffff)),
            (1 << 48, 4096, None),
        ];
        for (address, size_bytes, expected) in cases {
            assert_eq!(word(address, size_bytes), expected, "{size_bytes} bytes at {address:#x}");
        }
    }

    /// Set in the child process of the test below.
    const CHILD: &str = "DAEMON_ARTIFACT_TEST_DIES_OF_SIGBUS";

    #[test]
    fn fault_in_a_map_that_is_not_ours_still_kills() {
        if std::env::var_os(CHILD).is_some() {
            assert!(install());
            let file = tempfile::tempfile().unwrap();
            file.set_len(4096).unwrap();
            // SAFETY: it is the point of this process to die of what this map does next.
            let map = unsafe { memmap2::Mmap::map(&file) }.unwrap();
            file.set_len(0).unwrap();
            std::process::exit(i32::from(map[0]));
        }
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sigbus::tests::fault_in_a_map_that_is_not_ours_still_kills"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), Some(libc::SIGBUS));
    }
}
