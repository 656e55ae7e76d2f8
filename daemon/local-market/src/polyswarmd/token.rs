//! The token: who owns how much, and who may spend it for whom.
//!
//! Money comes in by [`Token::deposit`] alone; everything else moves it. So the sum of all balances is what was
//! deposited, which [`Token::audit`] checks.

use std::collections::BTreeMap;

use daemon_market::Nct;
use daemon_transactions::Address;

use super::receipt::Reverted;

/// An ERC-20 token, as much of it as the registry needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Token {
    balances: BTreeMap<Address, Nct>,
    /// By owner and spender.
    allowances: BTreeMap<(Address, Address), Nct>,
    deposited: Nct,
}

impl Token {
    /// Gives an account money from outside.
    pub(super) fn deposit(&mut self, to: Address, amount: Nct) {
        // Settings bound each deposit and their number.
        self.deposited = self.deposited.checked_add(amount).expect("all money together can be counted");
        let balance = self.balances.entry(to).or_default();
        *balance = balance.checked_add(amount).expect("no balance exceeds all deposits");
    }

    pub(super) fn balance(&self, of: Address) -> Nct {
        self.balances.get(&of).copied().unwrap_or_default()
    }

    /// Replaces what `spender` may spend for `owner`.
    pub(super) fn approve(&mut self, owner: Address, spender: Address, amount: Nct) {
        self.allowances.insert((owner, spender), amount);
    }

    /// Moves money by the will of its owner.
    pub(super) fn transfer(&mut self, from: Address, to: Address, amount: Nct) -> Result<(), Reverted> {
        let left = self.balance(from).checked_sub(amount).ok_or(Reverted::new("SafeMath: subtraction overflow"))?;
        self.balances.insert(from, left);
        let balance = self.balances.entry(to).or_default();
        *balance = balance.checked_add(amount).expect("no balance exceeds all deposits");
        Ok(())
    }

    /// Moves money that its owner allowed `spender` to move.
    pub(super) fn transfer_from(
        &mut self,
        spender: Address,
        from: Address,
        to: Address,
        amount: Nct,
    ) -> Result<(), Reverted> {
        let allowed = self.allowances.get(&(from, spender)).copied().unwrap_or_default();
        let left = allowed.checked_sub(amount).ok_or(Reverted::new("SafeMath: subtraction overflow"))?;
        self.transfer(from, to, amount)?;
        self.allowances.insert((from, spender), left);
        Ok(())
    }

    /// The sum of all deposits.
    pub(super) fn deposited(&self) -> Nct {
        self.deposited
    }

    /// The sum of all balances, where it is not the sum of all deposits.
    pub(super) fn audit(&self) -> Result<(), Nct> {
        let total = self.balances.values().fold(Nct::ZERO, |sum, balance| sum.saturating_add(*balance));
        if total == self.deposited { Ok(()) } else { Err(total) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nct(whole: u128) -> Nct {
        Nct::from_base_units(whole * 10u128.pow(18))
    }

    fn account(last: u8) -> Address {
        let mut bytes = [0; 20];
        bytes[19] = last;
        Address::from_bytes(bytes)
    }

    #[test]
    fn nobody_spends_more_than_was_allowed_or_is_there() {
        let (owner, spender, to) = (account(1), account(2), account(3));
        let mut token = Token::default();
        token.deposit(owner, nct(5));
        assert!(token.transfer_from(spender, owner, to, nct(1)).is_err(), "nothing was allowed");
        token.approve(owner, spender, nct(3));
        token.transfer_from(spender, owner, to, nct(2)).unwrap();
        assert!(token.transfer_from(spender, owner, to, nct(2)).is_err(), "one is left of three");
        token.approve(owner, spender, nct(100));
        assert!(token.transfer_from(spender, owner, to, nct(4)).is_err(), "three are there");
        token.transfer_from(spender, owner, to, nct(3)).unwrap();
        assert_eq!((token.balance(owner), token.balance(to)), (Nct::ZERO, nct(5)));
        assert_eq!(token.audit(), Ok(()));
    }

    #[test]
    fn a_transfer_to_oneself_makes_no_money() {
        let owner = account(1);
        let mut token = Token::default();
        token.deposit(owner, nct(5));
        token.transfer(owner, owner, nct(5)).unwrap();
        assert!(token.transfer(owner, owner, nct(6)).is_err());
        assert_eq!((token.balance(owner), token.audit()), (nct(5), Ok(())));
    }
}
