//! A market on a chain, as files in a directory: what a test and a daemon that is killed share. The contract's rules are
//! kept here as BountyRegistry keeps them: one assertion by us, before the expiration; one reveal, after it, that fits the
//! commitment; one settlement, after a quorum, which comes once all is revealed.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_market::{ContractVersion, Nct};
use daemon_service::polyswarmd::{
    Action, Chain, Hearing, Mined, News, PolyswarmdTransport, Prepared, RecordedArtifact, RecordedBounty, SeenAssertion,
};
use daemon_service::transport::{FailedRequest, Local, Transport};
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long a block takes.
const BLOCK: Duration = Duration::from_millis(50);
/// Long: what a start takes on a busy machine must not be what makes a reveal late.
const REVEAL_WINDOW: u64 = 12_000;
const VOTE_WINDOW: u64 = 12_000;
const FEE: u128 = 31_250_000_000_000_000;
const US: &str = "0x00000000000000000000000000000000000000aa";

/// The chain.
pub(crate) struct FileChain {
    directory: PathBuf,
}

/// A bounty as the test sees it afterwards.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Every commitment that was ever sent for it.
    pub sent: Vec<String>,
    pub asserted: bool,
    pub revealed: bool,
    /// What was paid out by the settlement, and what was paid in.
    pub paid: Option<(u128, u128)>,
}

fn failed(why: &str) -> FailedRequest {
    FailedRequest { why: why.to_owned(), after: None }
}

impl FileChain {
    pub(crate) fn new(directory: PathBuf) -> FileChain {
        std::fs::create_dir_all(&directory).expect("a directory of ours can be made");
        let chain = FileChain { directory };
        chain.change(|state| {
            if state.is_null() {
                let began = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis();
                *state =
                    json!({ "began": u64::try_from(began).unwrap(), "transactions": 0, "bounties": {}, "mined": {} });
            }
        });
        chain
    }

    /// The transport on this chain, for the daemon that dies.
    #[allow(dead_code, reason = "the example that includes this file uses it")]
    pub(crate) fn transport(directory: PathBuf) -> Rc<dyn Transport> {
        // Not zero, and another one for each answer: the test knows no other secret.
        let nonce = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos();
            let mut nonce = [1; 32];
            nonce[..16].copy_from_slice(&now.to_be_bytes());
            nonce
        };
        Rc::new(PolyswarmdTransport::new(Rc::new(FileChain::new(directory)), ContractVersion::V1_6_1, nonce))
    }

    /// Changes the state, alone and all at once: whoever is killed meanwhile has changed nothing.
    fn change<T>(&self, change: impl FnOnce(&mut Value) -> T) -> T {
        let lock = File::options().create(true).truncate(false).write(true).open(self.directory.join("lock"));
        let lock = lock.expect("a directory of ours can be written to");
        lock.lock().expect("it can be locked");
        let path = self.directory.join("chain.json");
        let mut state =
            std::fs::read(&path).map_or(Value::Null, |text| serde_json::from_slice(&text).expect("it is ours"));
        let before = state.clone();
        let changed = change(&mut state);
        if state != before {
            let aside = self.directory.join("chain.part");
            std::fs::write(&aside, state.to_string()).expect("a directory of ours can be written to");
            std::fs::rename(&aside, &path).expect("a directory of ours can be written to");
        }
        changed
    }

    fn block(state: &Value) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis();
        let since = u64::try_from(now).unwrap().saturating_sub(state["began"].as_u64().unwrap());
        1 + since / u64::try_from(BLOCK.as_millis()).unwrap()
    }

    /// Posts a bounty about these artifacts, which expires after so long.
    pub(crate) fn post(&self, guid: &str, artifacts: &[&[u8]], life: Duration) {
        for (number, artifact) in artifacts.iter().enumerate() {
            let path = self.directory.join(format!("{guid}-{number}"));
            std::fs::write(path, artifact).expect("a directory of ours can be written to");
        }
        let blocks = u64::try_from(life.as_millis() / BLOCK.as_millis()).unwrap();
        self.change(|state| {
            let block = Self::block(state);
            state["bounties"][guid] = json!({
                "artifacts": artifacts.len(), "block": block, "expiration": block + blocks, "sent": [],
            });
        });
    }

    pub(crate) fn seen(&self) -> BTreeMap<String, Seen> {
        let state = self.change(|state| state.clone());
        let units = |value: &Value| value.as_str().and_then(|text| text.parse::<u128>().ok());
        let seen = |bounty: &Value| {
            let ours = &bounty["ours"];
            let paid_in = ours["bids"].as_array().into_iter().flatten().filter_map(units).sum::<u128>() + FEE;
            Seen {
                sent: bounty["sent"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
                asserted: ours.is_object(),
                revealed: bounty["revealed"].is_array(),
                paid: units(&bounty["settled"]["payout"]).map(|payout| (payout, paid_in)),
            }
        };
        state["bounties"].as_object().unwrap().iter().map(|(guid, bounty)| (guid.clone(), seen(bounty))).collect()
    }

    /// Applies a transaction by the contract's rules.
    fn apply(&self, transaction: &str, action: &Value) -> Mined {
        self.change(|state| {
            let block = Self::block(state);
            let guid = action["guid"].as_str().unwrap().to_owned();
            let bounty = &mut state["bounties"][&guid];
            let expiration = bounty["expiration"].as_u64().unwrap();
            let mut mined = json!({ "block": block });
            let ok = match action["kind"].as_str().unwrap() {
                "commit" => {
                    bounty["sent"].as_array_mut().unwrap().push(action["commitment"].clone());
                    let may = block < expiration && !bounty["ours"].is_object();
                    if may {
                        bounty["ours"] = action.clone();
                        mined["index"] = 0.into();
                    }
                    may
                }
                "reveal" => {
                    let fits = bounty["ours"]["commitment"] == action["commitment"] && !bounty["revealed"].is_array();
                    let may = fits && block >= expiration && block < expiration + REVEAL_WINDOW;
                    if may {
                        bounty["revealed"] = action["verdicts"].clone();
                    }
                    may
                }
                _ => {
                    let may = bounty["revealed"].is_array() && !bounty["settled"].is_object();
                    if may {
                        // The only expert, and the arbiter agrees: everything comes back, and the reward.
                        let bids = bounty["ours"]["bids"].as_array().unwrap().iter();
                        let bids: u128 = bids.map(|bid| bid.as_str().unwrap().parse::<u128>().unwrap()).sum();
                        mined["payout"] = (bids + 5).to_string().into();
                        bounty["settled"] = mined.clone();
                    }
                    may
                }
            };
            if !ok {
                mined["failed"] = "reverted".into();
            }
            state["mined"][transaction] = mined.clone();
            of(transaction, &mined)
        })
    }
}

fn of(transaction: &str, mined: &Value) -> Mined {
    Mined {
        transaction: transaction.to_owned(),
        block: mined["block"].as_u64(),
        failed: mined["failed"].as_str().map(str::to_owned),
        index: mined["index"].as_u64(),
        paid: mined["payout"].as_str().map(|units| Nct::from_base_units(units.parse().unwrap())),
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    daemon_artifact::Sha256Digest(*bytes).to_string()
}

impl Chain for FileChain {
    fn address(&self) -> String {
        US.to_owned()
    }

    fn settles_itself(&self) -> bool {
        false
    }

    fn block_time(&self) -> Duration {
        BLOCK
    }

    fn listen(self: Rc<Self>, heard: Rc<dyn Hearing>, mut stopped: Local<'static, ()>) -> Local<'static, ()> {
        Box::pin(async move {
            let mut told = std::collections::BTreeSet::new();
            loop {
                let state = self.change(|state| state.clone());
                let number = Self::block(&state);
                heard.news(News::Block { number, reveal_window: REVEAL_WINDOW, vote_window: VOTE_WINDOW });
                for (guid, bounty) in state["bounties"].as_object().unwrap() {
                    let expiration = bounty["expiration"].as_u64().unwrap();
                    if expiration > number && told.insert(guid.clone()) {
                        let artifacts = bounty["artifacts"].as_u64().unwrap();
                        let artifact = |_| RecordedArtifact { name: String::new(), hash: String::new() };
                        let recorded = RecordedBounty {
                            guid: guid.clone(),
                            artifact_type: "file".to_owned(),
                            author: "0x01".to_owned(),
                            amount: Nct::from_base_units(5),
                            uri: guid.clone(),
                            artifacts: (0..artifacts).map(artifact).collect(),
                            metadata: Vec::new(),
                            expiration: Some(expiration),
                            block: number,
                            block_millis: u64::try_from(BLOCK.as_millis()).unwrap(),
                            bid_min: Nct::from_base_units(62_500_000_000_000_000),
                            bid_max: Nct::from_base_units(300_000_000_000_000_000),
                            assertion_fee: Nct::from_base_units(FEE),
                            bounty_fee: Nct::from_base_units(FEE),
                            one_bid: false,
                            response_url: "file chain".to_owned(),
                        };
                        heard.bounty(recorded).await;
                    }
                    // Arbiters are quick: there is a quorum as soon as all is revealed. It is told again and again.
                    if bounty["revealed"].is_array() {
                        heard.news(News::Quorum { guid: guid.clone() });
                    }
                }
                tokio::select! {
                    () = &mut stopped => return,
                    () = tokio::time::sleep(BLOCK) => {}
                }
            }
        })
    }

    fn artifact<'a>(
        &'a self,
        uri: &'a str,
        artifact: usize,
        fetcher: &'a Fetcher,
        deadline: Instant,
    ) -> Local<'a, Result<Fetched, FetchError>> {
        let uri = format!("file://{}/{uri}-{artifact}", self.directory.display());
        Box::pin(async move { fetcher.fetch(&uri, None, deadline).await })
    }

    fn assertions<'a>(&'a self, guid: &'a str) -> Local<'a, Result<Vec<SeenAssertion>, FailedRequest>> {
        Box::pin(async move {
            let bounty = self.change(|state| state["bounties"][guid].clone());
            let ours = &bounty["ours"];
            if !ours.is_object() {
                return Ok(Vec::new());
            }
            let bools =
                |list: &Value| list.as_array().map(|list| list.iter().map(|bit| bit == true).collect::<Vec<_>>());
            let bids = ours["bids"].as_array().unwrap().iter();
            let commitment: daemon_artifact::Sha256Digest = ours["commitment"].as_str().unwrap().parse().unwrap();
            Ok(vec![SeenAssertion {
                author: US.to_owned(),
                index: 0,
                bids: bids.map(|bid| Nct::from_base_units(bid.as_str().unwrap().parse().unwrap())).collect(),
                mask: bools(&ours["mask"]).unwrap(),
                commitment: commitment.0,
                verdicts: bools(&bounty["revealed"]),
            }])
        })
    }

    fn votes<'a>(&'a self, guid: &'a str) -> Local<'a, Result<Vec<Vec<bool>>, FailedRequest>> {
        Box::pin(async move {
            let revealed = self.change(|state| state["bounties"][guid]["revealed"].clone());
            let vote = revealed.as_array().ok_or_else(|| failed("nothing is revealed"))?;
            Ok(vec![vote.iter().map(|bit| bit == true).collect()])
        })
    }

    fn commitment(&self, verdicts: &[bool], nonce: &[u8; 32]) -> [u8; 32] {
        let bits: Vec<u8> = verdicts.iter().map(|bit| u8::from(*bit)).collect();
        daemon_artifact::Sha256Digest::of(&[&nonce[..], &bits].concat()).0
    }

    fn prepare<'a>(&'a self, action: Action<'a>) -> Local<'a, Result<Prepared, FailedRequest>> {
        Box::pin(async move {
            let action = match action {
                Action::Commit { guid, bids, mask, verdicts, nonce, .. } => json!({
                    "kind": "commit", "guid": guid, "mask": mask,
                    "bids": bids.iter().map(|bid| bid.base_units().to_string()).collect::<Vec<_>>(),
                    "commitment": hex(&self.commitment(verdicts, nonce)),
                }),
                Action::Reveal { guid, nonce, verdicts, .. } => json!({
                    "kind": "reveal", "guid": guid, "verdicts": verdicts,
                    "commitment": hex(&self.commitment(verdicts, nonce)),
                }),
                Action::Settle { guid } => json!({ "kind": "settle", "guid": guid }),
            };
            let number = self.change(|state| {
                state["transactions"] = (state["transactions"].as_u64().unwrap() + 1).into();
                state["transactions"].as_u64().unwrap()
            });
            let transaction = (format!("{number:#066x}"), action.to_string().into_bytes());
            Ok(Prepared { transactions: vec![transaction], nonces: vec![number] })
        })
    }

    fn send<'a>(&'a self, prepared: Prepared) -> Local<'a, Result<Mined, FailedRequest>> {
        Box::pin(async move {
            let (transaction, action) = prepared.transactions.last().expect("one was prepared");
            let mined = self.apply(transaction, &serde_json::from_slice(action).expect("it is ours"));
            // A block until anybody hears of it: time enough to be killed.
            tokio::time::sleep(BLOCK).await;
            Ok(mined)
        })
    }

    fn mined<'a>(&'a self, transaction: &'a str) -> Local<'a, Result<Option<Mined>, FailedRequest>> {
        Box::pin(async move {
            let mined = self.change(|state| state["mined"][transaction].clone());
            Ok(mined.is_object().then(|| of(transaction, &mined)))
        })
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}
