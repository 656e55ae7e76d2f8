//! A polyswarmd in front of the simulated chain: requests take time, get lost, and are answered by nodes that lag behind.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use daemon_artifact::Sha256Digest;
use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_service::polyswarmd::{Action, Chain, Hearing, Mined, Prepared, SeenAssertion};
use daemon_service::transport::{FailedRequest, Local};

use crate::contract::{ChainAction, US};
use crate::scenario::{How, Op};
use crate::scene::Scene;

/// How long a request may take: a client waits no longer.
const SLOW: Duration = Duration::from_secs(9);
/// How many blocks a transaction is waited for.
const WAIT_BLOCKS: u32 = 8;

thread_local! {
    static NONCES: Cell<u64> = const { Cell::new(0) };
}

/// Another nonce each time, the same ones in each run.
pub(crate) fn nonce() -> [u8; 32] {
    let number = NONCES.get() + 1;
    NONCES.set(number);
    let mut nonce = [1; 32];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    nonce
}

pub(crate) fn begin_nonces() {
    NONCES.set(0);
}

/// The chain as a process sees it.
pub(crate) struct SimulatedChain {
    pub scene: Rc<Scene>,
}

fn failed(why: &str) -> FailedRequest {
    FailedRequest { why: why.to_owned(), after: None }
}

fn parse(guid: &str) -> usize {
    guid.parse().expect("bounties are called by their numbers")
}

impl SimulatedChain {
    /// A request: there, done (perhaps twice), and back.
    async fn request<T>(
        &self,
        number: usize,
        op: Op,
        what: &'static str,
        act: impl FnOnce(&Scene, bool) -> T,
    ) -> Result<T, FailedRequest> {
        let scene = &self.scene;
        let how = scene.trouble(Some(number), op);
        if how == Some(How::DiesBefore) {
            scene.die("before a request");
            return std::future::pending().await;
        }
        let lost = scene.drawn("lost", number).below(6);
        let lost = |way: u64| lost == way && scene.scenario.is_lossy(scene.now());
        scene.clockwork.sleep(scene.latency(what, number)).await;
        if how == Some(How::Fails) || lost(0) || scene.scenario.is_cut(scene.now()) {
            scene.note(|| format!("request fails: {what} {number}"));
            return Err(failed("connection refused"));
        }
        let done = act(scene, how == Some(How::Twice));
        if how == Some(How::DiesAfter) {
            scene.die("after a request");
            return std::future::pending().await;
        }
        if how == Some(How::Slow) {
            scene.clockwork.sleep(SLOW).await;
        } else if scene.scenario.is_sluggish(scene.now()) {
            let millis = scene.drawn("sluggish", number).below(9_000);
            scene.clockwork.sleep(Duration::from_millis(millis)).await;
        }
        scene.clockwork.sleep(scene.latency(what, number)).await;
        if how == Some(How::Unheard) || lost(1) || scene.scenario.is_cut(scene.now()) {
            scene.note(|| format!("reply lost: {what} {number}"));
            return Err(failed("no reply"));
        }
        Ok(done)
    }

    /// The block that the node knows which is asked.
    fn block_seen(scene: &Scene, number: usize) -> u64 {
        let lag = scene.drawn("lag", number).one_of(&[0, 0, 0, 1, 2]);
        scene.contract.borrow().block_at(scene.now()).saturating_sub(lag)
    }
}

impl Chain for SimulatedChain {
    fn address(&self) -> String {
        US.to_owned()
    }

    fn settles_itself(&self) -> bool {
        false
    }

    fn block_time(&self) -> Duration {
        self.scene.scenario.terms.block
    }

    fn now(&self) -> Instant {
        self.scene.instant + self.scene.now()
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

    fn assertions<'a>(&'a self, guid: &'a str) -> Local<'a, Result<Vec<SeenAssertion>, FailedRequest>> {
        let number = parse(guid);
        Box::pin(self.request(number, Op::Ask, "assertions", move |scene, _| {
            let block = SimulatedChain::block_seen(scene, number);
            scene.contract.borrow().assertions(number, block)
        }))
    }

    fn votes<'a>(&'a self, guid: &'a str) -> Local<'a, Result<Vec<Vec<bool>>, FailedRequest>> {
        let number = parse(guid);
        Box::pin(self.request(number, Op::Ask, "votes", move |scene, _| {
            let block = scene.contract.borrow().block_at(scene.now());
            scene.contract.borrow().votes(number, block)
        }))
    }

    fn commitment(&self, verdicts: &[bool], nonce: &[u8; 32]) -> [u8; 32] {
        let bits: Vec<u8> = verdicts.iter().map(|bit| u8::from(*bit)).collect();
        Sha256Digest::of(&[&nonce[..], &bits].concat()).0
    }

    fn prepare<'a>(&'a self, action: Action<'a>) -> Local<'a, Result<Prepared, FailedRequest>> {
        let action = match action {
            Action::Commit { guid, bids, mask, verdicts, nonce, .. } => ChainAction::Commit {
                number: parse(guid),
                bids: bids.to_vec(),
                mask: mask.to_vec(),
                commitment: self.commitment(verdicts, nonce),
            },
            Action::Reveal { guid, nonce, verdicts, .. } => ChainAction::Reveal {
                number: parse(guid),
                verdicts: verdicts.to_vec(),
                commitment: self.commitment(verdicts, nonce),
            },
            Action::Settle { guid } => ChainAction::Settle { number: parse(guid) },
        };
        Box::pin(self.request(action.number(), Op::Prepare, "prepare", move |scene, _| {
            let again = scene.scenario.terms.outbox;
            let hash = scene.contract.borrow_mut().transaction(action, again);
            Prepared { transactions: vec![(hash, Vec::new())], nonces: vec![0] }
        }))
    }

    fn send<'a>(&'a self, prepared: Prepared) -> Local<'a, Result<Mined, FailedRequest>> {
        Box::pin(async move {
            let (scene, hash) = (&self.scene, prepared.last().to_owned());
            let action = scene.contract.borrow().action(&hash).cloned().ok_or_else(|| failed("unknown"))?;
            let (op, what) = match action {
                ChainAction::Commit { .. } => (Op::Commit, "commit"),
                ChainAction::Reveal { .. } => (Op::Reveal, "reveal"),
                ChainAction::Settle { .. } => (Op::Settle, "settle"),
            };
            let number = action.number();
            self.request(number, op, what, |scene, twice| {
                if let ChainAction::Commit { commitment, .. } = &action {
                    scene.invariants.borrow_mut().committed(scene, number, *commitment);
                }
                let late = op == Op::Commit && scene.scenario.is_sluggish(scene.now());
                let most = if late { 8 } else { 3 };
                let wait = scene.drawn("wait", number).below(most);
                scene.contract.borrow_mut().send(&hash, wait);
                // Signed once more by somebody on the way.
                if twice {
                    let twin = scene.contract.borrow_mut().transaction(action.clone(), false);
                    scene.contract.borrow_mut().send(&twin, wait);
                }
            })
            .await?;
            for _ in 0..WAIT_BLOCKS {
                if let Some(mined) = self.mined(&hash).await? {
                    return Ok(mined);
                }
                scene.clockwork.sleep(scene.scenario.terms.block).await;
            }
            Err(failed("it is in no block yet"))
        })
    }

    fn mined<'a>(&'a self, transaction: &'a str) -> Local<'a, Result<Option<Mined>, FailedRequest>> {
        Box::pin(async move {
            let number = self.scene.contract.borrow().action(transaction).map(ChainAction::number);
            let Some(number) = number else { return Ok(None) };
            self.request(number, Op::Ask, "mined", |scene, _| scene.contract.borrow().mined(transaction)).await
        })
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}
