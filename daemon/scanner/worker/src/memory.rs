//! Memory of another process.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// A look at the memory of one process, through a `/proc/PID/statm` that is kept open.
#[derive(Debug)]
pub(crate) struct ProcessMemory {
    statm: File,
    page_bytes: u64,
}

impl ProcessMemory {
    /// Memory of process `pid`, which must not have been reaped, because its number could be reused. `None` if `/proc`
    /// is not available; then only the resource limits of the process hold.
    pub(crate) fn of(pid: u32) -> Option<ProcessMemory> {
        let statm = File::open(format!("/proc/{pid}/statm")).ok()?;
        Some(ProcessMemory { statm, page_bytes: rustix::param::page_size() as u64 })
    }

    /// Bytes of memory of its own that are resident now; `None` after its end.
    ///
    /// Pages of files are not counted, so a mapped artifact is not, nor the program: they are the page
    /// cache's, and come and go without harm. What an artifact can make grow without end is anonymous.
    pub(crate) fn own_bytes(&self) -> Option<u64> {
        let mut line = [0; 128];
        let length = self.statm.read_at(&mut line, 0).ok()?;
        let pages = own_pages(line.get(..length)?)?;
        Some(pages.saturating_mul(self.page_bytes))
    }
}

/// Resident less shared pages: fields 2 and 3 of `/proc/PID/statm` (proc(5)).
fn own_pages(statm: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(statm).ok()?;
    let mut fields = text.split_ascii_whitespace().skip(1);
    let resident: u64 = fields.next()?.parse().ok()?;
    let shared: u64 = fields.next()?.parse().ok()?;
    Some(resident.saturating_sub(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_pages_are_the_resident_ones_that_no_file_has() {
        assert_eq!(own_pages(b"1000 300 100 5 0 90 0\n"), Some(200));
        assert_eq!(own_pages(b"1 2"), None);
        assert_eq!(own_pages(b""), None);
    }

    #[test]
    fn what_is_touched_is_seen_to_grow() {
        let memory = ProcessMemory::of(std::process::id()).expect("/proc is there");
        let before = memory.own_bytes().expect("we are alive");
        let bytes = vec![1u8; 32 << 20];
        let after = memory.own_bytes().expect("we are alive");
        assert!(after >= before + (24 << 20), "{before} {after} {}", bytes.len());
    }
}
