//! Transactions for one chain, in RLP: what is signed, what is sent, and who signed.

use alloy_primitives::{B256, U256};
use alloy_rlp::{Decodable, Encodable, Header};

use super::UnsignedTransaction;
use crate::hash::keccak256;
use crate::{Address, Signature, SignatureError};

/// Longest signed transaction that is read, in bytes. Nodes take no longer ones into their pools.
const RAW_MAX: usize = 128 * 1024;

/// Largest id of a chain: v, which is twice the id and 36 at most, must fit.
pub const CHAIN_ID_MAX: u64 = (u64::MAX - 36) / 2;

/// A transaction in the form that Ethereum began with, for one chain (EIP-155). It calls a contract or pays an account;
/// it does not create a contract, which nobody here does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegacyTransaction {
    /// Number of the account's transactions before this one.
    pub nonce: u64,
    /// Wei for each unit of gas.
    pub gas_price: u128,
    /// Most gas that it may use.
    pub gas: u64,
    /// The contract or account.
    pub to: Address,
    /// Wei that are sent along.
    pub value: U256,
    /// The call.
    pub data: Vec<u8>,
    /// The chain that it is for. Signed along, so that it counts on no other chain.
    pub chain_id: u64,
}

/// A transaction, its signature and who made that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedLegacyTransaction {
    transaction: LegacyTransaction,
    signature: Signature,
}

/// Why bytes are not a signed transaction.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TransactionError {
    /// Longer than nodes take.
    #[error("the transaction has {0} bytes, and may have {RAW_MAX}")]
    TooLong(usize),
    /// Not RLP, or not in its one canonical form, or a number that is too large.
    #[error("the transaction is not canonical RLP: {0}")]
    Rlp(alloy_rlp::Error),
    /// Bytes behind its end.
    #[error("{0} bytes stand behind the transaction")]
    Trailing(usize),
    /// It has no recipient.
    #[error("the transaction creates a contract, which none of ours does")]
    Creates,
    /// Its v is for no chain.
    #[error("v of the transaction is {0}: it is for no chain (EIP-155), and would count on every one")]
    NoChain(u64),
    /// The chain's id is too large.
    #[error("a chain's id is above 0 and at most {CHAIN_ID_MAX}, not {0}")]
    ChainId(u64),
    /// The signature is none.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl From<alloy_rlp::Error> for TransactionError {
    fn from(error: alloy_rlp::Error) -> TransactionError {
        TransactionError::Rlp(error)
    }
}

impl From<UnsignedTransaction> for LegacyTransaction {
    fn from(unsigned: UnsignedTransaction) -> LegacyTransaction {
        LegacyTransaction {
            nonce: unsigned.nonce,
            gas_price: unsigned.gas_price,
            gas: unsigned.gas,
            to: unsigned.to,
            value: U256::from(unsigned.value),
            data: unsigned.data,
            chain_id: unsigned.chain_id,
        }
    }
}

impl LegacyTransaction {
    /// The hash that is signed: of the transaction and the chain's id.
    ///
    /// # Errors
    ///
    /// If the chain's id is 0, or so large that v would not fit.
    pub fn signing_hash(&self) -> Result<B256, TransactionError> {
        self.check_chain()?;
        Ok(keccak256(&self.encode_with(&[U256::from(self.chain_id), U256::ZERO, U256::ZERO])))
    }

    /// Puts a signature of [`LegacyTransaction::signing_hash`] to it.
    ///
    /// # Errors
    ///
    /// As [`LegacyTransaction::signing_hash`].
    pub fn signed(self, signature: Signature) -> Result<SignedLegacyTransaction, TransactionError> {
        self.check_chain()?;
        Ok(SignedLegacyTransaction { transaction: self, signature })
    }

    fn check_chain(&self) -> Result<(), TransactionError> {
        let is_possible = (1..=CHAIN_ID_MAX).contains(&self.chain_id);
        if is_possible { Ok(()) } else { Err(TransactionError::ChainId(self.chain_id)) }
    }

    /// RLP of the six fields and three numbers.
    fn encode_with(&self, numbers: &[U256; 3]) -> Vec<u8> {
        let mut fields = Vec::with_capacity(128 + self.data.len());
        self.nonce.encode(&mut fields);
        self.gas_price.encode(&mut fields);
        self.gas.encode(&mut fields);
        self.to.as_bytes().encode(&mut fields);
        encode_number(self.value, &mut fields);
        self.data.as_slice().encode(&mut fields);
        numbers.iter().for_each(|number| encode_number(*number, &mut fields));
        let mut list = Vec::with_capacity(fields.len() + 4);
        Header { list: true, payload_length: fields.len() }.encode(&mut list);
        list.extend(fields);
        list
    }
}

impl SignedLegacyTransaction {
    /// The transaction.
    pub const fn transaction(&self) -> &LegacyTransaction {
        &self.transaction
    }

    /// The signature.
    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// v: which of two signers, and for which chain.
    pub fn v(&self) -> u64 {
        self.transaction.chain_id * 2 + 35 + u64::from(self.signature.is_odd())
    }

    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        self.transaction.encode_with(&[U256::from(self.v()), self.signature.r(), self.signature.s()])
    }

    /// The hash that it is known by.
    pub fn hash(&self) -> B256 {
        keccak256(&self.encode())
    }

    /// Who signed it.
    ///
    /// # Errors
    ///
    /// If no key can have made the signature.
    pub fn sender(&self) -> Result<Address, TransactionError> {
        Ok(self.signature.recover(self.transaction.signing_hash()?)?)
    }

    /// Reads the bytes that are sent.
    ///
    /// # Errors
    ///
    /// If they are in another than the canonical form, for no chain, with the higher s, or create a contract.
    pub fn decode(raw: &[u8]) -> Result<SignedLegacyTransaction, TransactionError> {
        if raw.len() > RAW_MAX {
            return Err(TransactionError::TooLong(raw.len()));
        }
        let mut rest = raw;
        let mut fields = Header::decode_bytes(&mut rest, true)?;
        if !rest.is_empty() {
            return Err(TransactionError::Trailing(rest.len()));
        }
        let fields = &mut fields;
        let nonce = u64::decode(fields)?;
        let gas_price = u128::decode(fields)?;
        let gas = u64::decode(fields)?;
        let to = match Header::decode_bytes(fields, false)? {
            [] => return Err(TransactionError::Creates),
            to => to.try_into().map_err(|_| alloy_rlp::Error::UnexpectedLength)?,
        };
        let value = decode_number(fields)?;
        let data = Header::decode_bytes(fields, false)?.to_vec();
        let v = u64::decode(fields)?;
        let [r, s] = [decode_number(fields)?, decode_number(fields)?];
        if !fields.is_empty() {
            return Err(TransactionError::Trailing(fields.len()));
        }
        let (chain_id, is_odd) = match v.checked_sub(35) {
            Some(above) if above >= 2 => (above / 2, above % 2 == 1),
            _ => return Err(TransactionError::NoChain(v)),
        };
        let to = Address::from_bytes(to);
        let transaction = LegacyTransaction { nonce, gas_price, gas, to, value, data, chain_id };
        transaction.signed(Signature::new(r, s, is_odd)?)
    }
}

/// A number in RLP: its bytes without leading zeros.
fn encode_number(number: U256, out: &mut Vec<u8>) {
    number.to_be_bytes_trimmed_vec().as_slice().encode(out);
}

fn decode_number(fields: &mut &[u8]) -> Result<U256, alloy_rlp::Error> {
    match Header::decode_bytes(fields, false)? {
        [0, ..] => Err(alloy_rlp::Error::LeadingZero),
        bytes if bytes.len() > 32 => Err(alloy_rlp::Error::Overflow),
        bytes => Ok(U256::from_be_slice(bytes)),
    }
}
