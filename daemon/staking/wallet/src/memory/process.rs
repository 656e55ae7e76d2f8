//! What a process that holds a key refuses to everybody else.

use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Why the process cannot be closed to others.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}, so the key would not be safe in this process")]
pub struct HardenError {
    what: &'static str,
    #[source]
    source: io::Error,
}

/// Closes the process: no core dumps, and no other process of the same user may attach to it or read its memory.
///
/// # Errors
///
/// If the kernel refuses either.
pub fn harden() -> Result<(), HardenError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|errno| HardenError { what: "forbid core dumps", source: errno.into() })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|errno| HardenError { what: "close the process to others", source: errno.into() })
}

/// Locks all memory there is and will be, where the limit of locked memory allows it. Secrets are locked by themselves
/// (see [`Locked`](super::Locked)); this adds the stack, where they pass while something is signed.
///
/// Returns whether it was allowed.
pub fn lock_all() -> bool {
    mlockall(MlockAllFlags::CURRENT).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_process_makes_no_core_dump_and_is_read_by_nobody() {
        // In a child: this process is to stay open to debuggers.
        if std::env::var_os("WALLET_HARDEN").is_some() {
            harden().unwrap();
            let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
            let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
            assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"]);
            assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
            return;
        }
        let test = "memory::process::tests::a_closed_process_makes_no_core_dump_and_is_read_by_nobody";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact"])
            .env("WALLET_HARDEN", "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"), "the child ran this test");
    }
}
