//! What time it is, for those who must not ask themselves.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use daemon_market::{Now, Timestamp};

/// Two clocks: the calendar's, and one that nobody sets.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Begins now.
    pub fn start() -> Clock {
        Clock { began: Instant::now() }
    }

    /// What both say.
    pub fn now(&self) -> Now {
        Now { wall: wall(), steady: self.began.elapsed() }
    }

    /// When the steady clock says `steady`.
    pub fn instant(&self, steady: Duration) -> Instant {
        self.began + steady
    }
}

/// What the calendar says.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
