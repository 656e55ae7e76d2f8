//! No privilege, none to be gained, and no new machine code.

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};

/// Drops every capability (root keeps its number, and with it no more than the files of root), and forbids this
/// process to gain any. Others of the same user can no longer look into it, nor can it leave a core.
pub(super) fn drop() -> Result<(), Errno> {
    let none = CapabilitySet::empty();
    let held = capabilities(None)?;
    if held.effective != none || held.permitted != none || held.inheritable != none {
        set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    }
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Memory that is or was writable never becomes executable from now on. Answers whether the kernel knows how.
pub(super) fn deny_executable_memory() -> bool {
    // Not inherited where the kernel can do that (6.6): a child that needs a compiler must not find itself unable.
    // A worker has no children, so the older kind is as good.
    let wanted = libc::PR_MDWE_REFUSE_EXEC_GAIN | libc::PR_MDWE_NO_INHERIT;
    [wanted, libc::PR_MDWE_REFUSE_EXEC_GAIN].into_iter().any(|flags| {
        // JUSTIFICATION: our crates have no safe wrapper of this prctl.
        // SAFETY: it takes numbers and touches no memory; the unused arguments are zero, as prctl(2) demands. No code
        // that this process runs depends on making memory executable later: the rehearsal is over.
        unsafe {
            libc::prctl(
                libc::PR_SET_MDWE,
                libc::c_ulong::from(flags),
                0 as libc::c_ulong,
                0 as libc::c_ulong,
                0 as libc::c_ulong,
            ) == 0
        }
    })
}
