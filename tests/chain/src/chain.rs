//! The chain: a process of ganache, what is deployed on it, and what it is asked.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail, ensure};
use daemon_base::Nct;
use daemon_transactions::{Address, B256, Call, ContractEvent, SignedLegacyTransaction, U256, amount, selector};
use serde_json::{Value, json};

use crate::Tools;
use crate::rpc::Rpc;

/// The chain's id.
pub const CHAIN_ID: u64 = 1337;

/// Most gas of a transaction: a block's, as on a free chain.
pub const GAS: u64 = 50_000_000;

/// A chain that runs until this is dropped.
#[derive(Debug)]
pub struct Ganache {
    process: Child,
    rpc: Rpc,
    contracts: Value,
    owner: Address,
    /// Its blocks.
    _folder: tempfile::TempDir,
}

/// What became of a transaction.
#[derive(Debug)]
pub struct GanacheReceipt {
    /// The block that it is in.
    pub block: u64,
    /// What contracts told.
    pub events: Vec<ContractEvent>,
}

impl Drop for Ganache {
    fn drop(&mut self) {
        // It also ends by itself with its standard input. Nobody is left who could be told of a failure.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Ganache {
    /// Starts a chain with nothing on it.
    ///
    /// # Errors
    ///
    /// If ganache does not start.
    pub async fn start(tools: &Tools) -> Result<Ganache> {
        let contracts = serde_json::from_slice(&std::fs::read(tools.contracts())?)?;
        let folder = tempfile::tempdir()?;
        let mut command = tools.node("serve.js");
        command.arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("node cannot be started")?;
        let stdout = process.stdout.take().context("ganache has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().parse();
        let Ok(port) = port else {
            let _ = process.kill();
            let _ = process.wait();
            bail!("ganache tells no port, but {line:?}");
        };
        let mut chain =
            Ganache { process, rpc: Rpc::new(port)?, contracts, owner: Address::from_bytes([0; 20]), _folder: folder };
        let accounts = chain.rpc.call("eth_accounts", json!([])).await?;
        // ganache writes addresses without their checksum.
        chain.owner = accounts[0].as_str().context("ganache has no account")?.parse()?;
        Ok(chain)
    }

    /// The account that deploys, and that the token is given to at first.
    pub fn owner(&self) -> Address {
        self.owner
    }

    /// Deploys a contract. `arguments` are the words of its constructor's arguments.
    ///
    /// # Errors
    ///
    /// If there is no such contract, or the constructor reverts.
    pub async fn deploy(&self, contract: &str, arguments: &[U256]) -> Result<Address> {
        let bytecode = self.contracts[contract]["bytecode"].as_str().context("no such contract")?;
        let mut data = format!("0x{bytecode}");
        arguments.iter().for_each(|word| data.push_str(&format!("{word:064x}")));
        let sent = json!([{"from": self.owner.to_string(), "gas": quantity(GAS), "gasPrice": "0x0", "data": data}]);
        let hash = self.rpc.call("eth_sendTransaction", sent).await?;
        let receipt = self.rpc.call("eth_getTransactionReceipt", json!([hash])).await?;
        Ok(receipt["contractAddress"].as_str().context("no contract was made")?.parse()?)
    }

    /// The functions of a compiled contract: their signatures and selectors, in hexadecimal.
    pub fn functions(&self, contract: &str) -> Vec<(String, String)> {
        let functions = self.contracts[contract]["functions"].as_object().into_iter().flatten();
        functions.map(|(name, selector)| (name.clone(), selector.as_str().unwrap_or_default().to_owned())).collect()
    }

    /// Sends a transaction of the owner, which ganache signs.
    ///
    /// # Errors
    ///
    /// If the contract refuses it.
    pub async fn send_as_owner(&self, to: Address, data: &[u8]) -> Result<GanacheReceipt> {
        let sent = json!([{
            "from": self.owner.to_string(), "to": to.to_string(), "gas": quantity(GAS), "gasPrice": "0x0",
            "data": hex(data),
        }]);
        let hash = self.rpc.call("eth_sendTransaction", sent).await?;
        self.receipt(&hash).await
    }

    /// Sends a signed transaction, and compares what the chain makes of it with what was signed.
    ///
    /// # Errors
    ///
    /// If the chain refuses it ([`crate::Reverted`] where a contract does), or reads another hash, sender or nonce.
    pub async fn send(&self, raw: &[u8]) -> Result<GanacheReceipt> {
        let signed = SignedLegacyTransaction::decode(raw)?;
        let hash = self.rpc.call("eth_sendRawTransaction", json!([hex(raw)])).await?;
        ensure!(hash == signed.hash().to_string(), "the chain calls the transaction {hash}, not {}", signed.hash());
        let seen = self.rpc.call("eth_getTransactionByHash", json!([hash])).await?;
        let from: Address = seen["from"].as_str().context("no sender")?.parse()?;
        ensure!(from == signed.sender()?, "the chain says that {from} sent it");
        ensure!(seen["nonce"] == quantity(signed.transaction().nonce), "another nonce: {}", seen["nonce"]);
        self.receipt(&hash).await
    }

    async fn receipt(&self, hash: &Value) -> Result<GanacheReceipt> {
        let receipt = self.rpc.call("eth_getTransactionReceipt", json!([hash])).await?;
        ensure!(receipt["status"] == "0x1", "the transaction failed: {receipt}");
        let logs = receipt["logs"].as_array().context("a receipt without logs")?;
        Ok(GanacheReceipt {
            block: number(&receipt["blockNumber"])?,
            events: logs.iter().map(event).collect::<Result<_>>()?,
        })
    }

    /// The number of transactions that an account has sent.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub async fn nonce(&self, account: Address) -> Result<u64> {
        number(&self.rpc.call("eth_getTransactionCount", json!([account.to_string(), "latest"])).await?)
    }

    /// What an account has of the token.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub async fn balance(&self, token: Address, account: Address) -> Result<Nct> {
        let mut data = selector("balanceOf(address)").to_vec();
        data.extend(account.to_number().to_be_bytes::<32>());
        let words = self.view(token, &data).await?;
        ensure!(words.len() == 32, "a balance is one word");
        Ok(amount::to_nct(U256::from_be_slice(&words))?)
    }

    /// Asks a contract without a transaction.
    ///
    /// # Errors
    ///
    /// If the contract refuses.
    pub async fn view(&self, to: Address, data: &[u8]) -> Result<Vec<u8>> {
        let result = self.rpc.call("eth_call", json!([{"to": to.to_string(), "data": hex(data)}, "latest"])).await?;
        bytes(&result)
    }

    /// The number of the last block.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub async fn block(&self) -> Result<u64> {
        number(&self.rpc.call("eth_blockNumber", json!([])).await?)
    }

    /// Lets blocks pass, so that the next transaction is in block `block` or a later one.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub async fn pass_until(&self, block: u64) -> Result<()> {
        let missing = block.saturating_sub(self.block().await? + 1);
        if missing > 0 {
            self.rpc.call("evm_mine", json!([{"blocks": missing}])).await?;
        }
        Ok(())
    }

    /// Gives tokens of the owner away.
    ///
    /// # Errors
    ///
    /// If the owner has not so many.
    pub async fn give(&self, token: Address, recipient: Address, given: Nct) -> Result<()> {
        let call = Call::Transfer { recipient, amount: amount::to_u256(given) };
        self.send_as_owner(token, &call.encode()).await.map(drop)
    }
}

fn event(log: &Value) -> Result<ContractEvent> {
    let topics = log["topics"].as_array().context("a log without topics")?;
    let topics =
        topics.iter().map(|topic| Ok(B256::try_from(bytes(topic)?.as_slice())?)).collect::<Result<Vec<_>>>()?;
    Ok(ContractEvent::decode(&topics, &bytes(&log["data"])?)?)
}

fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

fn number(value: &Value) -> Result<u64> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).context("not a number of the chain")?;
    Ok(u64::from_str_radix(digits, 16)?)
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", base16ct::lower::encode_string(bytes))
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).context("not bytes of the chain")?;
    Ok(base16ct::mixed::decode_vec(digits)?)
}
