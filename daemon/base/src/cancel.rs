//! A flag that cancels a scan.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that tells an examination to stop. A watchdog sets it; the examination looks at it in every loop that the file
/// controls.
#[derive(Clone, Default, Debug)]
pub struct Cancel(Arc<AtomicBool>);

/// The same flag, for who has it set otherwise: by a signal.
impl From<Arc<AtomicBool>> for Cancel {
    fn from(flag: Arc<AtomicBool>) -> Cancel {
        Cancel(flag)
    }
}

impl Cancel {
    /// Asks the examination to stop.
    pub fn cancel(&self) {
        // No data is handed over with the flag, so no ordering is needed.
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Makes the flag fit for the next examination.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
