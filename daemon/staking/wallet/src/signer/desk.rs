//! The signer itself: checks what is asked, counts it, writes it down, signs it. In this order.

use daemon_base::{Nct, Timestamp};
use daemon_transactions::fast::FastTransaction;
use daemon_transactions::personal_message::bytes_of;
use daemon_transactions::signing::{
    Answer, Ask, ChainStatus, ClaimMessage, ClaimSignature, FastAssertion, FastPayload, FastVote, Refusal, RefusalCode,
    SignTransactions, SignedTransaction, SignerReply, SignerRequest, Status, Wanted,
};
use daemon_transactions::verify::{ChainPolicy, verify};
use daemon_transactions::{
    Address, B256, LegacyTransaction, SignedLegacyTransaction, U256, UnsignedTransaction, commitment, keccak256,
};

use super::account::{Decision, SignerAccount};
use super::config::Config;
use super::entry::{Kind, RecordEntry, RecordEvent, Signed, SigningHash, Transactions};
use super::record::{Medium, Record, RecordError};
use crate::key::{MESSAGE_BYTES_MAX, Wallet};

/// Longest text of fast polyswarmd that is signed, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Longest reason of a person, in bytes.
pub const REASON_BYTES_MAX: usize = 1024;

/// Answers requests. Whoever asks is not trusted: everything that limits what is signed is the signer's own.
#[derive(Debug)]
pub struct Desk<M> {
    wallet: Wallet,
    address: Address,
    config: Config,
    chains: Vec<ChainPolicy>,
    account: SignerAccount,
    record: Record<M>,
}

/// What will be signed once it is decided and written down.
enum Form {
    Transactions(Vec<LegacyTransaction>),
    Message(Vec<u8>),
    Text(String),
}

fn refuse<T>(code: RefusalCode, reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, reason: reason.into() })
}

impl<M: Medium> Desk<M> {
    /// Goes on from what the record held.
    pub fn new(wallet: Wallet, config: Config, record: Record<M>, entries: &[RecordEntry]) -> Desk<M> {
        let mut account = SignerAccount::new(config.account_limits(), config.nonce_starts());
        entries.iter().for_each(|entry| account.apply(entry));
        let address = Address::from_bytes(wallet.address());
        Desk { address, chains: config.chains(), wallet, config, account, record }
    }

    /// Writes down that it begins, with what its clock needs.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    pub fn begin(&mut self, clock: &super::Clock) -> Result<(), RecordError> {
        let opened = RecordEvent::Opened(clock.opened(self.address));
        self.write(clock.now(), opened)
    }

    /// The account.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Whether only a restart helps.
    pub fn is_broken(&self) -> bool {
        self.record.is_broken()
    }

    /// Answers a request.
    pub fn answer(&mut self, request: SignerRequest, now: Timestamp) -> Answer {
        let reply = match request.ask {
            Ask::Status => Ok(SignerReply::Status(self.status(now))),
            Ask::Transactions(ask) => self.transactions(ask, now),
            Ask::Claim(ask) => self.claim(&ask, now),
            Ask::FastAssertion(ask) => self.fast_assertion(ask, now),
            Ask::FastVote(ask) => self.fast_vote(&ask, now),
        };
        Answer { id: request.id, reply: reply.unwrap_or_else(SignerReply::Refused) }
    }

    /// A person begins the total anew.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    pub fn reset_total(&mut self, reason: &str, now: Timestamp) -> Result<(), RecordError> {
        self.write(now, RecordEvent::TotalReset { reason: reason.to_owned() })
    }

    /// A person says which nonce is next. What was signed stays signed: such a nonce is never signed for anything else.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    pub fn set_nonce(&mut self, chain_id: u64, next: u64, reason: &str, now: Timestamp) -> Result<(), RecordError> {
        self.write(now, RecordEvent::NonceSet { chain_id, next, reason: reason.to_owned() })
    }

    /// Who signs, and how much it may still sign.
    pub fn status(&mut self, now: Timestamp) -> Status {
        let chain = |policy: &ChainPolicy| ChainStatus {
            chain_id: policy.chain_id,
            token: policy.token,
            registry: policy.registry,
            next_nonce: self.account.next_nonce(policy.chain_id),
        };
        Status {
            address: self.address,
            chains: self.chains.iter().map(chain).collect(),
            limits: self.account.limits().spending.clone(),
            spent: self.account.spent(now),
        }
    }

    fn transactions(&mut self, ask: SignTransactions, now: Timestamp) -> Result<SignerReply, Refusal> {
        let SignTransactions { chain_id, wanted, amount, transactions } = ask;
        let Some(policy) = self.chains.iter().find(|policy| policy.chain_id == chain_id) else {
            return refuse(RefusalCode::UnknownChain, format!("chain {chain_id} is not in the signer's configuration"));
        };
        verify(&wanted, &transactions, policy)
            .map_err(|mismatch| Refusal { code: RefusalCode::NotAsWanted, reason: mismatch.to_string() })?;
        if wanted.amount() != Some(amount) {
            return refuse(RefusalCode::NotAsWanted, format!("what is wanted does not come to {amount} NCT"));
        }
        self.check_market(&wanted)?;
        let gas = gas_of(&transactions)?;
        let transactions: Vec<LegacyTransaction> = transactions.into_iter().map(Into::into).collect();
        let mut nonces = Vec::with_capacity(transactions.len());
        for transaction in &transactions {
            let hash = transaction.signing_hash().map_err(malformed)?;
            nonces.push((transaction.nonce, SigningHash(hash)));
        }
        let signed = Signed {
            kind: kind_of(&wanted),
            bounty: wanted.bounty(),
            amount,
            gas,
            content: content_of(&wanted),
            commitment: match &wanted {
                Wanted::Assertion { commitment, .. } => Some(*commitment),
                Wanted::Reveal { nonce, verdicts, .. } => Some(commitment(self.address, *nonce, verdicts)),
                Wanted::Settle { .. } | Wanted::Approve { .. } => None,
            },
            transactions: Some(Transactions { chain_id, nonces }),
        };
        self.sign(signed, Form::Transactions(transactions), now)
    }

    /// What the market takes.
    fn check_market(&self, wanted: &Wanted) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        let Wanted::Assertion { bids, fee, .. } = wanted else { return Ok(()) };
        bids.as_slice().iter().try_for_each(|bid| self.check_bid(*bid))?;
        if *fee > limits.fee_max {
            return refuse(
                RefusalCode::OverBounty,
                format!("a fee of {fee} NCT is above limits.fee_max, {} NCT", limits.fee_max),
            );
        }
        Ok(())
    }

    fn check_bid(&self, bid: Nct) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        if bid > limits.bid_max {
            return refuse(
                RefusalCode::OverBounty,
                format!("a bid of {bid} NCT is above limits.bid_max, {} NCT", limits.bid_max),
            );
        }
        if bid < limits.bid_min {
            return refuse(
                RefusalCode::NotAllowed,
                format!("a bid of {bid} NCT is below limits.bid_min, {} NCT", limits.bid_min),
            );
        }
        Ok(())
    }

    fn claim(&mut self, ask: &ClaimMessage, now: Timestamp) -> Result<SignerReply, Refusal> {
        if !self.config.signer.claims {
            let why = "this signer signs no claims (signer.claims): use `stakeout claim`";
            return refuse(RefusalCode::NotAllowed, why);
        }
        if ask.message.len() > MESSAGE_BYTES_MAX {
            return refuse(RefusalCode::Malformed, format!("the message has more than {MESSAGE_BYTES_MAX} bytes"));
        }
        let message = bytes_of(&ask.message).into_owned();
        let signed = without_transactions(Kind::Claim, None, Nct::ZERO, keccak256(&message));
        self.sign(signed, Form::Message(message), now)
    }

    fn fast_assertion(&mut self, ask: FastAssertion, now: Timestamp) -> Result<SignerReply, Refusal> {
        self.check_fast()?;
        self.check_bid(ask.bid)?;
        let made = FastTransaction::assertion(self.address, ask.bounty, ask.verdict, ask.bid, ask.metadata);
        let text = made.text();
        let signed = without_transactions(Kind::FastAssertion, Some(ask.bounty), ask.bid, keccak256(text.as_bytes()));
        self.sign_text(signed, text, now)
    }

    fn fast_vote(&mut self, ask: &FastVote, now: Timestamp) -> Result<SignerReply, Refusal> {
        self.check_fast()?;
        let text = FastTransaction::vote(self.address, ask.bounty, ask.vote).text();
        let signed = without_transactions(Kind::FastVote, Some(ask.bounty), Nct::ZERO, keccak256(text.as_bytes()));
        self.sign_text(signed, text, now)
    }

    fn check_fast(&self) -> Result<(), Refusal> {
        if self.config.signer.fast {
            return Ok(());
        }
        refuse(RefusalCode::NotAllowed, "this signer signs nothing for fast polyswarmd (signer.fast)")
    }

    fn sign_text(&mut self, signed: Signed, text: String, now: Timestamp) -> Result<SignerReply, Refusal> {
        if text.len() > TEXT_BYTES_MAX {
            return refuse(RefusalCode::Malformed, format!("the text has more than {TEXT_BYTES_MAX} bytes"));
        }
        self.sign(signed, Form::Text(text), now)
    }

    /// Decides, writes down, and only then signs.
    fn sign(&mut self, signed: Signed, form: Form, now: Timestamp) -> Result<SignerReply, Refusal> {
        match self.account.decide(&signed, now)? {
            Decision::Again => {}
            Decision::New => self
                .write(now, RecordEvent::Signed(signed))
                .map_err(|error| Refusal { code: RefusalCode::Unavailable, reason: describe(&error) })?,
        }
        match form {
            Form::Transactions(transactions) => transactions
                .into_iter()
                .map(|transaction| self.sign_transaction(transaction))
                .collect::<Result<_, _>>()
                .map(SignerReply::Transactions),
            Form::Message(message) => Ok(SignerReply::Claim(ClaimSignature {
                address: self.address,
                signature: in_hex(&self.wallet.sign_message(&message)),
            })),
            Form::Text(text) => {
                let signature = in_hex(&self.wallet.sign_text(&text));
                Ok(SignerReply::Fast(FastPayload { raw_transaction: text, signature }))
            }
        }
    }

    /// Signs a transaction, and reads what was made of it before it leaves.
    fn sign_transaction(&self, transaction: LegacyTransaction) -> Result<SignedTransaction, Refusal> {
        let raw = self.wallet.sign_transaction(&transaction);
        let read = SignedLegacyTransaction::decode(&raw).map_err(bug)?;
        if read.sender().map_err(bug)? != self.address || *read.transaction() != transaction {
            return Err(bug("what was signed is not what was to be signed"));
        }
        Ok(SignedTransaction { hash: read.hash(), nonce: transaction.nonce, raw })
    }

    fn write(&mut self, now: Timestamp, event: RecordEvent) -> Result<(), RecordError> {
        let entry = RecordEntry { at: self.account.pass(now), event };
        self.record.append(&entry)?;
        self.account.apply(&entry);
        Ok(())
    }
}

fn malformed(error: impl std::fmt::Display) -> Refusal {
    Refusal { code: RefusalCode::Malformed, reason: error.to_string() }
}

fn bug(error: impl std::fmt::Display) -> Refusal {
    Refusal { code: RefusalCode::Unavailable, reason: format!("a bug of the signer: {error}") }
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// What transactions may cost in gas at most.
fn gas_of(transactions: &[UnsignedTransaction]) -> Result<Nct, Refusal> {
    let costs = transactions.iter().map(|transaction| u128::from(transaction.gas).checked_mul(transaction.gas_price));
    costs.into_iter().try_fold(0_u128, |sum, cost| sum.checked_add(cost?)).map(Nct::from_base_units).ok_or_else(|| {
        Refusal { code: RefusalCode::OverDay, reason: "the gas would cost more than there is".to_owned() }
    })
}

fn kind_of(wanted: &Wanted) -> Kind {
    match wanted {
        Wanted::Assertion { .. } => Kind::Assertion,
        Wanted::Reveal { .. } => Kind::Reveal,
        Wanted::Settle { .. } => Kind::Settle,
        Wanted::Approve { .. } => Kind::Approve,
    }
}

/// Hash of what is said of a bounty. The fee is the market's and may change meanwhile.
fn content_of(wanted: &Wanted) -> B256 {
    let mut wanted = wanted.clone();
    if let Wanted::Assertion { fee, .. } = &mut wanted {
        *fee = Nct::ZERO;
    }
    let json = serde_json::to_vec(&wanted).expect("wishes have text keys and no fallible parts");
    keccak256(&json)
}

fn without_transactions(kind: Kind, bounty: Option<daemon_transactions::Guid>, amount: Nct, content: B256) -> Signed {
    Signed { kind, bounty, amount, gas: Nct::ZERO, content, commitment: None::<U256>, transactions: None }
}

fn in_hex(bytes: &[u8]) -> String {
    format!("0x{}", base16ct::lower::encode_string(bytes))
}
