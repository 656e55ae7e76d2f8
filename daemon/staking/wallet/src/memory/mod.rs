//! Memory for secrets, and a process that gives none of its memory away.

mod locked;
mod process;

pub use locked::{LockError, Locked};
pub use process::{HardenError, harden, lock_all};
