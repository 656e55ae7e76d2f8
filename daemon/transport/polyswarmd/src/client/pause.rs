//! A pause of all requests, after the server said that there are too many (429).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Until when nothing is sent. Shared by all requests of a client.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    until: Mutex<Option<Instant>>,
}

impl Pause {
    /// Waits while there is a pause, also one that begins in the meantime.
    pub(crate) async fn wait(&self) {
        loop {
            let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }

    /// Begins a pause, or makes the present one longer. It never becomes shorter.
    pub(crate) fn begin(&self, length: Duration) {
        let Some(end) = Instant::now().checked_add(length) else { return };
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(until.map_or(end, |until| until.max(end)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_waits_for_the_longest_pause() {
        let pause = Pause::default();
        pause.wait().await;
        let begin = Instant::now();
        pause.begin(Duration::from_millis(200));
        pause.begin(Duration::from_millis(100));
        let longer = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            pause.begin(Duration::from_millis(300));
        };
        tokio::join!(pause.wait(), pause.wait(), longer);
        assert!(begin.elapsed() >= Duration::from_millis(350));
    }
}
