//! What must hold at every moment: the limits of the purse, and that it is counted anew as it lived.

use daemon_journal::{Filter, Recall, Story};
use daemon_ledger::LedgerEntry;
use daemon_market::{Nct, Profit, Purse};
use proptest::prelude::*;

use crate::market::FEE;
use crate::trial::{KillTrial, betting, limits};

impl KillTrial {
    /// A purse counted anew is the purse that lived: by now nothing is on its way.
    pub(crate) fn check_counted(&self) -> Result<(), TestCaseError> {
        let (counted, untold) = betting(&self.journal, self.now().wall);
        let (counted, purse) = (counted.purse, self.bounties.purse());
        let seen = |purse: &Purse| (purse.breaker().losses_in_a_row(), purse.breaker().profit_of_the_day());
        prop_assert_eq!(seen(&counted), seen(purse));
        prop_assert_eq!(counted.closed().is_some(), purse.closed().is_some(), "{:?}", untold);
        Ok(())
    }

    /// Every stake that the marketplace may have, by the journal: when, how much, and whether it is still open.
    pub(crate) fn stakes(&self) -> Vec<(i64, u128, bool)> {
        let mut stakes = Vec::new();
        let see = &mut |story: Story| {
            let Some(answer) = story.answer.filter(|answer| answer.bid > Nct::ZERO) else { return };
            let gone = story
                .ending
                .is_some_and(|ended| !daemon_market::Ending::from(ended.how).may_have_arrived(ended.attempts));
            if !gone {
                stakes.push((answer.at.micros(), answer.bid.base_units(), story.settled.is_none()));
            }
        };
        self.journal.each(&Filter::default(), see).unwrap();
        stakes
    }

    pub(crate) fn check(&self) -> Result<(), TestCaseError> {
        let stakes = self.stakes();
        let now = self.now().wall.micros();
        let most = |limit: Option<Nct>| limit.unwrap().base_units();
        let limits = limits();
        for (at, ..) in &stakes {
            let within = |length: i64| -> u128 {
                stakes.iter().filter(|(then, ..)| (at - length + 1..=*at).contains(then)).map(|(_, bid, _)| bid).sum()
            };
            prop_assert!(within(3_600_000_000) <= most(limits.hour_max));
            prop_assert!(within(86_400_000_000) <= most(limits.day_max));
        }
        prop_assert!(stakes.iter().all(|(_, bid, _)| *bid <= limits.bounty_max.base_units()));
        let open_since = now - i64::try_from(limits.open_time.as_micros()).unwrap();
        let open: u128 = stakes.iter().filter(|(at, _, open)| *open && *at > open_since).map(|(_, bid, _)| bid).sum();
        prop_assert!(open <= most(limits.open_max), "{open} is open");
        // The marketplace has no stake that we do not know of.
        let known: u128 = stakes.iter().map(|(_, bid, _)| bid).sum();
        let theirs: u128 = self.market.taken.values().map(|(_, bid)| bid.base_units()).sum();
        prop_assert!(theirs <= known);
        Ok(())
    }

    /// The ledger's sum, and the sum of what was settled by the marketplace's own account.
    pub(crate) fn sums(&self) -> (i128, i128) {
        let (mut ledger, mut settled) = (Profit::ZERO, 0_i128);
        let see = &mut |story: Story| {
            let Some(entry) = LedgerEntry::of(&story).filter(|entry| entry.outcome.is_some()) else { return };
            ledger = ledger.checked_add(entry.profit().expect("everything is told")).unwrap();
            let id = story.bounty.key.id.as_str();
            if let Some((_, bid)) = self.market.taken.get(id) {
                let payout = self.market.settled[id].payout.unwrap().base_units();
                settled += payout as i128 - (bid.base_units() + FEE) as i128;
            }
        };
        self.journal.each(&Filter::default(), see).unwrap();
        (ledger.base_units(), settled)
    }
}
