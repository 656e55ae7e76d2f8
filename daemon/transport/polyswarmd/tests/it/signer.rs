//! A signer on a unix socket, with a key of its own: honest, or broken in the way that it is told to be.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use daemon_polyswarmd::{Address, U256};
use daemon_transactions::signing::{
    Answer, Ask, ChainStatus, FastPayload, Refusal, RefusalCode, SignedTransaction, SignerReply, SignerRequest,
    SpendingLimits, Spent, Status, from_line, to_line,
};
use daemon_transactions::{LegacyTransaction, Signature};
use k256::ecdsa::SigningKey;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;

use crate::chain::{CHAIN_ID, registry, token};

/// How the next question is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignerFault {
    /// The connection ends after the question was dealt with.
    DropAfter,
    /// The connection ends before.
    DropBefore,
    Refuse(RefusalCode),
    Hang,
    Garbage,
    OtherId,
    Endless,
    /// Signs with another key than its address says.
    OtherKey,
    /// Signs with more gas than was asked.
    OtherTransaction,
}

#[derive(Default)]
pub(crate) struct Book {
    pub faults: Vec<SignerFault>,
    /// Questions for signatures, in order.
    pub asked: Vec<Ask>,
    pub next_nonce: u64,
    /// Its number, token and registry.
    chain: Option<(u64, Address, Address)>,
    signed: HashMap<u64, LegacyTransaction>,
}

pub(crate) struct Signer {
    pub socket: PathBuf,
    pub book: Arc<Mutex<Book>>,
    _directory: tempfile::TempDir,
}

/// The account of the key with these bytes.
pub(crate) fn address(byte: u8) -> Address {
    let transaction = LegacyTransaction {
        nonce: 0,
        gas_price: 0,
        gas: 0,
        to: registry(),
        value: U256::ZERO,
        data: Vec::new(),
        chain_id: 1,
    };
    sign(byte, transaction).sender().unwrap()
}

fn sign(byte: u8, transaction: LegacyTransaction) -> daemon_transactions::SignedLegacyTransaction {
    let key = SigningKey::from_slice(&[byte; 32]).unwrap();
    let hash = transaction.signing_hash().unwrap();
    let (signature, id) = key.sign_prehash_recoverable(hash.as_slice()).unwrap();
    let (r, s) = (signature.r().to_bytes(), signature.s().to_bytes());
    let signature = Signature::new(U256::from_be_slice(&r), U256::from_be_slice(&s), id.is_y_odd()).unwrap();
    transaction.signed(signature).unwrap()
}

impl Signer {
    pub(crate) fn start() -> Signer {
        Signer::for_chain(CHAIN_ID, token(), registry())
    }

    pub(crate) fn for_chain(chain_id: u64, token: Address, registry: Address) -> Signer {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("signer.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let book = Arc::new(Mutex::new(Book { chain: Some((chain_id, token, registry)), ..Book::default() }));
        let shared = Arc::clone(&book);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let book = Arc::clone(&shared);
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut line = Vec::new();
                    stream.read_until(b'\n', &mut line).await.unwrap();
                    let request: SignerRequest = from_line(&line).unwrap();
                    let fault = {
                        let mut book = book.lock().unwrap();
                        if matches!(request.ask, Ask::Status) || book.faults.is_empty() {
                            None
                        } else {
                            Some(book.faults.remove(0))
                        }
                    };
                    let mut answer = match fault {
                        Some(SignerFault::DropBefore) => return,
                        Some(SignerFault::Hang) => std::future::pending().await,
                        Some(SignerFault::Garbage) => b"{\"id\":1,\"reply\":{\"surprise\":{}}}\n".to_vec(),
                        Some(SignerFault::Endless) => vec![b'x'; 1 << 20],
                        Some(SignerFault::Refuse(code)) => {
                            let refusal = Refusal { code, reason: "as told".to_owned() };
                            to_line(&Answer { id: request.id, reply: SignerReply::Refused(refusal) })
                        }
                        fault => {
                            let id =
                                if matches!(fault, Some(SignerFault::OtherId)) { request.id + 1 } else { request.id };
                            to_line(&Answer { id, reply: answer(&mut book.lock().unwrap(), request.ask, fault) })
                        }
                    };
                    if matches!(fault, Some(SignerFault::DropAfter)) {
                        answer.truncate(answer.len() / 2);
                    }
                    let _ = stream.get_mut().write_all(&answer).await;
                });
            }
        });
        Signer { socket, book, _directory: directory }
    }

    pub(crate) fn faults(&self, faults: impl IntoIterator<Item = SignerFault>) {
        self.book.lock().unwrap().faults.extend(faults);
    }

    pub(crate) fn asked(&self) -> Vec<Ask> {
        self.book.lock().unwrap().asked.clone()
    }
}

/// As the real one: nonces only rise, and the same question has the same answer.
fn answer(book: &mut Book, ask: Ask, fault: Option<SignerFault>) -> SignerReply {
    let nothing = daemon_base::Nct::ZERO;
    let (chain_id, token, registry) = book.chain.expect("every signer has a chain");
    match ask {
        Ask::Status => SignerReply::Status(Status {
            address: address(1),
            chains: vec![ChainStatus { chain_id, token, registry, next_nonce: book.next_nonce }],
            limits: SpendingLimits { bounty: nothing, hour: nothing, day: nothing, total: nothing },
            spent: Spent { hour: nothing, day: nothing, total: nothing },
        }),
        Ask::Transactions(asked) => {
            book.asked.push(Ask::Transactions(asked.clone()));
            let mut signed = Vec::new();
            for transaction in asked.transactions {
                let mut transaction: LegacyTransaction = transaction.into();
                let known = book.signed.get(&transaction.nonce);
                if known.is_some_and(|known| *known != transaction)
                    || (known.is_none() && transaction.nonce < book.next_nonce)
                {
                    return SignerReply::Refused(Refusal { code: RefusalCode::NonceUsed, reason: "used".to_owned() });
                }
                book.signed.insert(transaction.nonce, transaction.clone());
                book.next_nonce = book.next_nonce.max(transaction.nonce + 1);
                if matches!(fault, Some(SignerFault::OtherTransaction)) {
                    transaction.gas += 1;
                }
                let nonce = transaction.nonce;
                let key = if matches!(fault, Some(SignerFault::OtherKey)) { 2 } else { 1 };
                let transaction = sign(key, transaction);
                signed.push(SignedTransaction { raw: transaction.encode(), hash: transaction.hash(), nonce });
            }
            SignerReply::Transactions(signed)
        }
        Ask::FastAssertion(assertion) => {
            book.asked.push(Ask::FastAssertion(assertion.clone()));
            SignerReply::Fast(FastPayload {
                raw_transaction: assertion.bounty.to_string(),
                signature: "0x00".to_owned(),
            })
        }
        other => panic!("nobody asks for {other:?}"),
    }
}
