//! The state machine of nonces. Pure.

use std::collections::BTreeSet;

/// Which nonces are given out next.
///
/// ```
/// use daemon_polyswarmd::nonces::{AccountView, Nonces, Reservation};
///
/// let mut nonces = Nonces::default();
/// assert_eq!(nonces.reserve(2), Reservation::Sync, "nothing is known at first");
/// let chain = AccountView { mined: 5, pending: vec![5, 6, 9], signable: 0 };
/// assert_eq!(nonces.synced(2, &chain), Reservation::Given(vec![7, 8]), "the gap holds both");
/// assert_eq!(nonces.reserve(1), Reservation::Sync, "what follows is taken: look again");
/// assert_eq!(nonces.synced(1, &chain), Reservation::Given(vec![10]));
/// assert_eq!(nonces.reserve(2), Reservation::Given(vec![11, 12]));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nonces {
    /// The lowest nonce that was not given out yet.
    next: u64,
    /// Whether what polyswarmd knows has to be looked at first.
    needs_sync: bool,
    /// Whether nonces were given out that are too high: transactions before them were lost.
    overset: bool,
    /// Nonces that were pending at the last look.
    pending: BTreeSet<u64>,
}

impl Default for Nonces {
    /// Knows nothing yet.
    fn default() -> Self {
        Nonces { next: 0, needs_sync: true, overset: false, pending: BTreeSet::new() }
    }
}

/// What is known of an account outside of this process.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountView {
    /// Number of its transactions that were mined: the lowest nonce that is free on the chain.
    pub mined: u64,
    /// Nonces of transactions that are about to be mined, in any order.
    pub pending: Vec<u64>,
    /// The lowest nonce that the signer still signs.
    pub signable: u64,
}

/// What a reservation came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reservation {
    /// These, consecutive.
    Given(Vec<u64>),
    /// First look at what polyswarmd knows, and tell [`Nonces::synced`].
    Sync,
    /// There is a gap that is too small, and what comes after it would not be mined: wait, and look again.
    Wait,
}

impl Nonces {
    /// Reserves `amount` consecutive nonces.
    pub fn reserve(&mut self, amount: u64) -> Reservation {
        let end = self.next.checked_add(amount);
        let is_free = |end| self.pending.range(self.next..end).next().is_none();
        match end {
            Some(end) if !self.needs_sync && is_free(end) => self.give(end),
            _ => {
                self.needs_sync = true;
                Reservation::Sync
            }
        }
    }

    /// Reserves `amount` consecutive nonces, by what is known now.
    ///
    /// They begin with the first that is free: at or above what was given out before (unless that was too high), what was
    /// mined, and what the signer signs. If they do not fit before the next that is pending, nothing is given.
    pub fn synced(&mut self, amount: u64, chain: &AccountView) -> Reservation {
        self.needs_sync = true;
        self.pending = chain.pending.iter().copied().collect();
        let local = if self.overset { 0 } else { self.next };
        let mut start = local.max(chain.mined).max(chain.signable);
        while self.pending.contains(&start) {
            let Some(next) = start.checked_add(1) else { return Reservation::Wait };
            start = next;
        }
        let Some(end) = start.checked_add(amount) else { return Reservation::Wait };
        if self.pending.range(start..end).next().is_some() {
            return Reservation::Wait;
        }
        (self.needs_sync, self.overset, self.next) = (false, false, start);
        self.give(end)
    }

    /// polyswarmd did not take a nonce as the account's next: look again before the next reservation.
    pub fn desynced(&mut self) {
        self.needs_sync = true;
    }

    /// Transactions with these nonces were not mined in time. If they are not about to be, nonces are too high: the next
    /// look begins with what was mined.
    pub fn timed_out(&mut self, nonces: &[u64]) {
        if !nonces.iter().any(|nonce| self.pending.contains(nonce)) {
            self.needs_sync = true;
            self.overset = true;
        }
    }

    /// Nonces that were reserved and are not used for anything: nothing was signed with them. If none was given out since,
    /// they are the next again; else they are a gap, which the next look finds.
    pub fn returned(&mut self, nonces: &[u64]) {
        let (Some(first), Some(last)) = (nonces.first(), nonces.last()) else { return };
        if last.checked_add(1) == Some(self.next) {
            self.next = *first;
        } else {
            self.needs_sync = true;
            self.overset = true;
        }
    }

    fn give(&mut self, end: u64) -> Reservation {
        let given = (self.next..end).collect();
        self.next = end;
        Reservation::Given(given)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn chain(mined: u64, pending: &[u64]) -> AccountView {
        AccountView { mined, pending: pending.to_vec(), signable: 0 }
    }

    fn given(nonces: impl IntoIterator<Item = u64>) -> Reservation {
        Reservation::Given(nonces.into_iter().collect())
    }

    #[test]
    fn nonces_are_the_first_that_are_free() {
        for (mined, pending, amount, expected) in [
            (5, &[][..], 2, given([5, 6])),
            (5, &[7], 2, given([5, 6])),
            (5, &[6], 2, Reservation::Wait),
            (5, &[6, 5], 2, given([7, 8])),
            (5, &[5, 6, 8], 2, Reservation::Wait),
            (5, &[5, 6, 8], 1, given([7])),
            (5, &[1, 2], 1, given([5])),
            (u64::MAX, &[], 1, Reservation::Wait),
        ] {
            let mut nonces = Nonces::default();
            assert_eq!(nonces.synced(amount, &chain(mined, pending)), expected, "{mined} {pending:?} {amount}");
        }
    }

    #[test]
    fn waiting_does_not_forget_that_it_has_to_look() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.synced(2, &chain(5, &[6])), Reservation::Wait);
        assert_eq!(nonces.reserve(2), Reservation::Sync);
        assert_eq!(nonces.synced(2, &chain(7, &[])), given([7, 8]));
    }

    #[test]
    fn what_was_given_out_is_not_given_again_unless_it_was_too_high() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.synced(2, &chain(5, &[])), given([5, 6]));
        nonces.desynced();
        assert_eq!(nonces.reserve(1), Reservation::Sync);
        assert_eq!(nonces.synced(1, &chain(5, &[])), given([7]));
        nonces.timed_out(&[7]);
        assert_eq!(nonces.reserve(1), Reservation::Sync);
        assert_eq!(nonces.synced(1, &chain(5, &[])), given([5]));
        // Those of others than the signer's are of no use.
        nonces.timed_out(&[5]);
        assert_eq!(nonces.synced(1, &AccountView { signable: 8, ..chain(5, &[]) }), given([8]));
    }

    #[test]
    fn what_is_pending_is_not_too_high() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.synced(1, &chain(5, &[5])), given([6]));
        nonces.timed_out(&[5]);
        assert_eq!(nonces.reserve(1), given([7]));
    }

    #[test]
    fn what_was_not_used_is_given_again() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.synced(2, &chain(5, &[])), given([5, 6]));
        nonces.returned(&[5, 6]);
        assert_eq!(nonces.reserve(1), given([5]));
        assert_eq!(nonces.reserve(2), given([6, 7]));
        nonces.returned(&[5]);
        assert_eq!(nonces.reserve(1), Reservation::Sync);
        assert_eq!(nonces.synced(1, &chain(5, &[6, 7])), given([5]));
    }

    #[derive(Clone, Debug)]
    enum NonceStep {
        Reserve(u64),
        /// The transaction of the lowest nonce that can be mined is.
        Mine,
        /// One that waits is lost.
        Lose(prop::sample::Index),
        Desync,
        ReturnLast,
    }

    fn steps() -> impl Strategy<Value = Vec<NonceStep>> {
        let step = prop_oneof![
            4 => (1u64..4).prop_map(NonceStep::Reserve),
            4 => Just(NonceStep::Mine),
            1 => any::<prop::sample::Index>().prop_map(NonceStep::Lose),
            1 => Just(NonceStep::Desync),
            1 => Just(NonceStep::ReturnLast),
        ];
        prop::collection::vec(step, 1..80)
    }

    proptest! {
        /// Against a chain that mines in order, loses transactions and is looked at in between: no nonce is given out
        /// while a transaction with it is alive, what is given is consecutive, and in the end everything can be mined.
        #[test]
        fn no_nonce_is_in_use_twice_and_no_gap_stays(steps in steps()) {
            let mut nonces = Nonces::default();
            let mut mined = 0u64;
            let mut pool: BTreeMap<u64, ()> = BTreeMap::new();
            let mut last: Vec<u64> = Vec::new();
            let look = |mined: u64, pool: &BTreeMap<u64, ()>| chain(mined, &pool.keys().copied().collect::<Vec<_>>());
            let reserve = |nonces: &mut Nonces, amount, mined, pool: &BTreeMap<u64, ()>| match nonces.reserve(amount) {
                Reservation::Sync => nonces.synced(amount, &look(mined, pool)),
                done => done,
            };
            for step in steps {
                match step {
                    NonceStep::Reserve(amount) => if let Reservation::Given(given) = reserve(&mut nonces, amount, mined, &pool) {
                        prop_assert_eq!(given.len() as u64, amount);
                        prop_assert!(given.windows(2).all(|pair| pair[1] == pair[0] + 1));
                        for nonce in &given {
                            prop_assert!(*nonce >= mined);
                            prop_assert!(pool.insert(*nonce, ()).is_none(), "{} is in use", nonce);
                        }
                        last = given;
                    },
                    NonceStep::Mine => if pool.remove(&mined).is_some() { mined += 1 },
                    NonceStep::Lose(which) => if !pool.is_empty() {
                        let nonce = *pool.keys().nth(which.index(pool.len())).unwrap();
                        pool.remove(&nonce);
                        last.clear();
                    },
                    NonceStep::Desync => nonces.desynced(),
                    NonceStep::ReturnLast => if !last.is_empty() && last.iter().all(|nonce| pool.contains_key(nonce)) {
                        last.iter().for_each(|nonce| { pool.remove(nonce); });
                        nonces.returned(&last);
                        last.clear();
                    },
                }
            }
            // Timeouts are noticed one after the other, gaps of one are filled, until nothing waits any more.
            for _ in 0..1000 {
                while pool.remove(&mined).is_some() {
                    mined += 1;
                }
                let Some(stuck) = pool.keys().next().copied() else { break };
                nonces.desynced();
                let _ = nonces.synced(u64::MAX, &look(mined, &pool));
                // What waits is pending, so it is not too high itself; what was lost before it is.
                let lost: Vec<u64> = (mined..stuck).collect();
                nonces.timed_out(&lost);
                if let Reservation::Given(given) = reserve(&mut nonces, 1, mined, &pool) {
                    prop_assert!(pool.insert(given[0], ()).is_none());
                }
            }
            prop_assert!(pool.is_empty(), "stuck: {:?} after {}", pool, mined);
        }

        #[test]
        fn nothing_overflows(mined: u64, signable: u64, pending: Vec<u64>, amount: u64, returned: Vec<u64>) {
            let amount = amount % 1000;
            let mut nonces = Nonces::default();
            let chain = AccountView { mined, pending, signable };
            let first = nonces.synced(amount, &chain);
            nonces.returned(&returned);
            nonces.timed_out(&returned);
            let _ = nonces.reserve(amount);
            let _ = (first, nonces.synced(amount, &chain));
        }
    }
}
