//! Nonces by what polyswarmd knows.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::{AccountView, Nonces, Reservation};
use crate::{Client, RequestError};

/// How long is waited before looking again at a gap that is too small.
const GAP_PAUSE: Duration = Duration::from_secs(1);

/// How often the number of mined transactions is asked for until it is told the same twice in a row.
const ASKED_MAX: u32 = 6;

/// Why there are no nonces.
#[derive(Debug, thiserror::Error)]
pub enum NonceError {
    /// polyswarmd could not be asked.
    #[error("cannot find the account's next nonce")]
    Request(#[from] RequestError),
    /// Transactions before them are stuck.
    #[error(
        "no {amount} nonces are free: transactions of this account wait for one that is missing; is another program using \
         the account?"
    )]
    Gap {
        /// Number of nonces that were wanted.
        amount: u64,
    },
}

/// Gives out nonces, to one caller after the other.
#[derive(Debug, Default)]
pub struct NonceManager {
    nonces: Mutex<Nonces>,
    gap_pause: Option<Duration>,
}

impl NonceManager {
    /// Looks again after `pause` at a gap that is too small, rather than after 1 s.
    pub fn with_gap_pause(pause: Duration) -> NonceManager {
        NonceManager { gap_pause: Some(pause), ..NonceManager::default() }
    }

    /// Reserves `amount` consecutive nonces before `deadline`. `signable` is the lowest nonce that the signer still signs.
    ///
    /// # Errors
    /// If polyswarmd cannot be asked, or a gap stays too small.
    pub async fn reserve(
        &self,
        client: &Client,
        amount: u64,
        signable: u64,
        deadline: Instant,
    ) -> Result<Vec<u64>, NonceError> {
        // Held all the way: who comes later must not overtake while we ask.
        let mut nonces = self.nonces.lock().await;
        let mut reservation = nonces.reserve(amount);
        loop {
            match reservation {
                // The signer may have signed for somebody else in the meantime.
                Reservation::Given(given) if given.first().is_none_or(|first| *first >= signable) => return Ok(given),
                Reservation::Given(_) | Reservation::Sync => {
                    let (mined, pending) = tokio::try_join!(mined(client), client.pending())?;
                    reservation = nonces.synced(amount, &AccountView { mined, pending, signable });
                }
                Reservation::Wait => {
                    let pause = self.gap_pause.unwrap_or(GAP_PAUSE);
                    if Instant::now().checked_add(pause).is_none_or(|then| then >= deadline) {
                        return Err(NonceError::Gap { amount });
                    }
                    sleep(pause).await;
                    reservation = Reservation::Sync;
                }
            }
        }
    }

    /// polyswarmd did not take a nonce as the account's next.
    pub async fn desynced(&self) {
        self.nonces.lock().await.desynced();
    }

    /// Transactions with these nonces were not mined in time.
    pub async fn timed_out(&self, nonces: &[u64]) {
        self.nonces.lock().await.timed_out(nonces);
    }

    /// Nothing was signed with these nonces.
    pub async fn returned(&self, nonces: &[u64]) {
        self.nonces.lock().await.returned(nonces);
    }
}

/// The number of the account's transactions that were mined. Asked until it is told the same twice in a row: servers behind
/// one address differ for a moment, and with a nonce that is too high everything would wait for one that is never signed.
async fn mined(client: &Client) -> Result<u64, RequestError> {
    let mut before = client.nonce(false).await?;
    for _ in 1..ASKED_MAX {
        let now = client.nonce(false).await?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
    // The lower one leaves no gap.
    Ok(before.min(client.nonce(false).await?))
}
