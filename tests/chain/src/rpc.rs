//! The chain's JSON-RPC.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

/// Longest that one call may take. A block of one transaction takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// The chain executed a transaction, and a contract refused it.
#[derive(Debug, thiserror::Error)]
#[error("reverted: {0}")]
pub struct Reverted(pub String);

/// A client of one chain.
#[derive(Debug)]
pub(crate) struct Rpc {
    client: reqwest::Client,
    url: String,
    id: AtomicU64,
}

impl Rpc {
    pub(crate) fn new(port: u16) -> Result<Rpc> {
        // Fails if somebody installed one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Rpc { client, url: format!("http://127.0.0.1:{port}/"), id: AtomicU64::new(1) })
    }

    pub(crate) async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let id = self.id.fetch_add(1, Ordering::Relaxed);
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        let request = self.client.post(&self.url).header("content-type", "application/json").body(body);
        let reply = request.send().await.with_context(|| format!("{method} cannot be sent"))?;
        let reply: Value =
            serde_json::from_slice(&reply.bytes().await?).with_context(|| format!("reply to {method}"))?;
        let error = &reply["error"];
        if error.is_null() {
            return Ok(reply["result"].clone());
        }
        let message = error["message"].as_str().unwrap_or_default();
        match message.split_once("revert") {
            Some((_, reason)) => Err(Reverted(reason.trim().to_owned()).into()),
            None => Err(anyhow!("{method}: {error}")),
        }
    }
}
