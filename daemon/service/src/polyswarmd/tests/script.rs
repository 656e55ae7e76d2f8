//! A chain that says what a test wants, and notes what is done.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_market::Nct;

use crate::polyswarmd::{Action, Chain, Hearing, Mined, Prepared, SeenAssertion};
use crate::transport::{FailedRequest, Local};

pub(super) const US: &str = "0xAbCd000000000000000000000000000000000001";

/// A chain that says what a test wants, and notes what is done.
#[derive(Default)]
pub(super) struct Script {
    pub assertions: RefCell<Vec<SeenAssertion>>,
    pub votes: RefCell<Vec<Vec<bool>>>,
    pub mined: RefCell<HashMap<String, Mined>>,
    /// What the next transaction becomes; by default it succeeds.
    pub becomes: RefCell<Option<Result<Mined, FailedRequest>>>,
    pub done: RefCell<Vec<String>>,
    pub number: Cell<u64>,
}

impl Script {
    pub(super) fn done(&self) -> Vec<String> {
        self.done.take()
    }
}

impl Chain for Script {
    fn address(&self) -> String {
        US.to_owned()
    }

    fn settles_itself(&self) -> bool {
        false
    }

    fn block_time(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn listen(self: Rc<Self>, _: Rc<dyn Hearing>, stopped: Local<'static, ()>) -> Local<'static, ()> {
        stopped
    }

    fn artifact<'a>(
        &'a self,
        _: &'a str,
        _: usize,
        _: &'a Fetcher,
        _: tokio::time::Instant,
    ) -> Local<'a, Result<Fetched, FetchError>> {
        Box::pin(async { Err(FetchError::Deadline) })
    }

    fn assertions<'a>(&'a self, _: &'a str) -> Local<'a, Result<Vec<SeenAssertion>, FailedRequest>> {
        Box::pin(async { Ok(self.assertions.borrow().clone()) })
    }

    fn votes<'a>(&'a self, _: &'a str) -> Local<'a, Result<Vec<Vec<bool>>, FailedRequest>> {
        Box::pin(async { Ok(self.votes.borrow().clone()) })
    }

    fn commitment(&self, verdicts: &[bool], nonce: &[u8; 32]) -> [u8; 32] {
        let mut commitment = *nonce;
        verdicts.iter().zip(&mut commitment).for_each(|(verdict, byte)| *byte ^= u8::from(*verdict));
        commitment
    }

    fn prepare<'a>(&'a self, action: Action<'a>) -> Local<'a, Result<Prepared, FailedRequest>> {
        Box::pin(async move {
            let name = match action {
                Action::Commit { .. } => "commit",
                Action::Reveal { .. } => "reveal",
                Action::Settle { .. } => "settle",
            };
            self.number.set(self.number.get() + 1);
            self.done.borrow_mut().push(format!("prepare {name}"));
            let transactions = vec![(format!("0x{}", self.number.get()), name.as_bytes().to_vec())];
            Ok(Prepared { transactions, nonces: Vec::new() })
        })
    }

    fn send<'a>(&'a self, prepared: Prepared) -> Local<'a, Result<Mined, FailedRequest>> {
        Box::pin(async move {
            self.done.borrow_mut().push(format!("send {}", prepared.last()));
            let transaction = prepared.last().to_owned();
            let succeeds =
                Mined { transaction, block: Some(7), failed: None, index: Some(3), paid: Some(Nct::literal("2")) };
            self.becomes.take().unwrap_or(Ok(succeeds))
        })
    }

    fn mined<'a>(&'a self, transaction: &'a str) -> Local<'a, Result<Option<Mined>, FailedRequest>> {
        Box::pin(async move { Ok(self.mined.borrow().get(transaction).cloned()) })
    }

    fn ready(&self) -> Result<(), String> {
        Err("the websocket is not connected: connection refused".to_owned())
    }
}
