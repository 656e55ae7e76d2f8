//! The market over its wire: an engine of a few lines plays in it, and everything that may go wrong does.

mod faults;
mod play;
mod requests;

use alloy_primitives::U256;
use daemon_market::Nct;
use daemon_transactions::{Address, ArtifactBits, Call, LegacyTransaction, Signature, UnsignedTransaction, commitment};
use futures_util::StreamExt;
use k256::ecdsa::SigningKey;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{ChainClosing, ChainControl, ChainMarket};
use crate::Fees;
use crate::settings::{Arbiters, Bounties, ChainFault, ChainFaults, MarketSettings, Often, PolyswarmdSettings};

/// A market that runs in this process, whose blocks are made by hand, and an engine in it.
struct MarketTrial {
    control: ChainControl,
    running: JoinHandle<ChainClosing>,
    engine: TestEngine,
    _files: tempfile::TempDir,
}

/// An engine: a key, and how it asks.
struct TestEngine {
    key: SigningKey,
    address: Address,
    client: Client,
    url: String,
    api_key: Option<String>,
    nonce: u64,
}

fn settings(polyswarmd: PolyswarmdSettings) -> (MarketSettings, tempfile::TempDir) {
    let files = tempfile::tempdir().unwrap();
    for (place, number) in [("malicious", 3), ("benign", 3)] {
        std::fs::create_dir(files.path().join(place)).unwrap();
        for nth in 0..number {
            std::fs::write(files.path().join(place).join(format!("{nth}.bin")), format!("{place} {nth}")).unwrap();
        }
    }
    let bounties =
        Bounties { number: 1, directory: Some(files.path().to_path_buf()), in_flight_max: 1, ..Bounties::default() };
    let polyswarmd = PolyswarmdSettings {
        block_seconds: 0.0,
        duration_blocks: 4,
        reveal_window_blocks: 4,
        vote_window_blocks: 3,
        artifacts_max: 1,
        ..polyswarmd
    };
    let arbiters = Arbiters { number: 3, errs: 0.0, absent: 0.0 };
    (MarketSettings { bounties, polyswarmd, arbiters, ..MarketSettings::default() }, files)
}

impl MarketTrial {
    async fn begin(polyswarmd: PolyswarmdSettings) -> MarketTrial {
        let api_key = polyswarmd.api_key.clone();
        let (settings, files) = settings(polyswarmd);
        MarketTrial::with(settings, files, api_key).await
    }

    async fn with(settings: MarketSettings, files: tempfile::TempDir, api_key: Option<String>) -> MarketTrial {
        let market = ChainMarket::bind(settings).await.unwrap();
        let (url, control) = (market.url(), market.control());
        let running = tokio::spawn(market.run(std::future::pending()));
        MarketTrial { control, running, engine: TestEngine::new(url, api_key), _files: files }
    }

    fn steps(&self, number: usize) {
        (0..number).for_each(|_| self.control.step());
    }

    fn block(&self) -> u64 {
        self.control.progress().block
    }

    fn steps_until(&self, block: u64) {
        while self.block() < block {
            self.control.step();
        }
    }

    /// The events of a transaction: asks, and makes blocks until there is an answer.
    async fn receipt(&self, hash: &str) -> (u16, Value) {
        let ask = self.engine.ask(Method::GET, "/transactions", Some(json!({ "transactions": [hash] })));
        let blocks = async {
            loop {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                self.control.step();
            }
        };
        tokio::select! {
            answer = ask => answer,
            () = blocks => unreachable!("it never ends"),
        }
    }

    async fn end(self) -> ChainClosing {
        self.steps(60);
        self.running.await.unwrap()
    }
}

impl TestEngine {
    fn new(url: String, api_key: Option<String>) -> TestEngine {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let point = key.verifying_key().to_encoded_point(false);
        let hash = alloy_primitives::keccak256(&point.as_bytes()[1..]);
        let address = Address::from_bytes(super::chain::tail(hash));
        TestEngine { key, address, client: crate::loopback::client().unwrap(), url, api_key, nonce: 0 }
    }

    /// Asks, and gives the status and the whole answer.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{separator}account={}&chain=side&base_nonce=0", self.url, self.address);
        let mut request = self.client.request(method, url);
        if let Some(key) = &self.api_key {
            request = request.header("Authorization", key);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::String(String::from_utf8_lossy(&bytes).into_owned())))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer["result"].clone()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(Method::POST, path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer["result"].clone()
    }

    fn sign(&self, unsigned: UnsignedTransaction) -> String {
        let transaction = LegacyTransaction::from(unsigned);
        let (signature, id) = self.key.sign_prehash_recoverable(&transaction.signing_hash().unwrap()[..]).unwrap();
        let [r, s] = [signature.r().to_bytes(), signature.s().to_bytes()].map(|bytes| U256::from_be_slice(&bytes));
        let signed = transaction.signed(Signature::new(r, s, id.is_y_odd()).unwrap()).unwrap();
        alloy_primitives::hex::encode(signed.encode())
    }

    /// Signs what the server built, with the nonces of its own, and posts it; the hash of the last, or what went wrong.
    async fn send(&mut self, built: &Value) -> Result<String, Value> {
        let mut last = Value::Null;
        for transaction in built["transactions"].as_array().unwrap() {
            let mut unsigned: UnsignedTransaction = serde_json::from_value(transaction.clone()).unwrap();
            unsigned.nonce = self.nonce;
            self.nonce += 1;
            let raw = self.sign(unsigned);
            let (status, answer) =
                self.ask(Method::POST, "/transactions", Some(json!({ "transactions": [raw] }))).await;
            if status != 200 {
                return Err(answer);
            }
            last = answer["result"][0]["message"].clone();
        }
        Ok(last.as_str().unwrap().to_owned())
    }

    async fn listen(&self, path: &str) -> WebSocketStream<TcpStream> {
        let address = self.url.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = tokio_tungstenite::client_async(format!("ws://{address}{path}"), stream).await.unwrap();
        socket
    }

    /// Bids the most on the one artifact of a bounty, and gives what is committed to.
    async fn commit(&mut self, guid: &str, malicious: bool) -> (Result<String, Value>, U256) {
        let nonce = U256::from(4_711);
        let verdicts = ArtifactBits::new(vec![malicious]).unwrap();
        let body = json!({
            "bid": [10u128.pow(18).to_string()],
            "mask": [true],
            "commitment": commitment(self.address, nonce, &verdicts).to_string(),
        });
        let built = self.post(&format!("/bounties/{guid}/assertions"), body).await;
        (self.send(&built).await, nonce)
    }
}

/// The next message of that event.
async fn event(socket: &mut WebSocketStream<TcpStream>, name: &str) -> Value {
    loop {
        let message = socket.next().await.expect("the websocket is open").unwrap();
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["event"] == name {
            return message;
        }
    }
}
