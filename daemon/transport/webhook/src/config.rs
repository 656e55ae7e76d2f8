//! What the webhook and the courier can be told: their sections of the configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use daemon_config::{Bytes, section};

use crate::{Courier, CourierError, CourierLimits, Hosts, Product, ServerLimits};

/// Largest body of a request that can be asked for: the journal takes no more in one record.
const BODY_BYTES_MAX: u64 = 16 << 20;

section! {
    check = check;

    /// The webhook, which receives bounties. PolySwarm requires an HTTPS URL with a host name: put a reverse proxy in
    /// front (docs/listing.md).
    pub struct Config {
        /// Address to listen on. A socket passed by systemd overrides it.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8000));
        /// Files with the shared secret, one line each. At most two: both secrets are valid, so that a secret can be
        /// changed without downtime. Without any, the environment variable STAKEOUT_WEBHOOK_SECRET is used.
        secret_files: Vec<PathBuf> = Vec::new();
        /// Maximum size of a request body.
        body_bytes_max: Bytes = Bytes(ServerLimits::default().body_bytes_max as u64);
        /// Maximum time to receive the head of a request.
        head_time_max: Duration = ServerLimits::default().head_time_max;
        /// Maximum time to receive the body of a request.
        body_time_max: Duration = ServerLimits::default().body_time_max;
        /// Maximum time of an idle connection.
        idle_time_max: Duration = ServerLimits::default().idle_time_max;
        /// Maximum number of open connections.
        connections_max: usize = ServerLimits::default().connections_max;
        /// Maximum number of open connections per address. Behind a proxy, all connections come from one address.
        connections_per_address_max: usize = ServerLimits::default().connections_per_peer_max;
    }
}

fn check(config: &Config, wrong: &mut dyn FnMut(String)) {
    if config.secret_files.len() > 2 {
        wrong("secret_files: at most two secrets can be valid at the same time".to_owned());
    }
    let counts = [
        ("connections_max", config.connections_max),
        ("connections_per_address_max", config.connections_per_address_max),
    ];
    for (key, _) in counts.into_iter().filter(|(_, count)| *count == 0) {
        wrong(format!("{key} must be at least 1"));
    }
    if !(1 << 10..=BODY_BYTES_MAX).contains(&config.body_bytes_max.0) {
        wrong("body_bytes_max must be from \"1K\" to \"16M\"".to_owned());
    }
}

impl Config {
    /// What a stranger may spend of us.
    pub fn limits(&self) -> ServerLimits {
        ServerLimits {
            body_bytes_max: usize::try_from(self.body_bytes_max.0).unwrap_or(usize::MAX),
            head_time_max: self.head_time_max,
            body_time_max: self.body_time_max,
            idle_time_max: self.idle_time_max,
            connections_max: self.connections_max,
            connections_per_peer_max: self.connections_per_address_max,
            ..ServerLimits::default()
        }
    }
}

section! {
    check = check_answers;

    /// Delivery of answers, and the engine's metadata in them.
    pub struct AnswersConfig {
        /// The only hosts that answers may be sent to: `https://HOST`, `https://*.DOMAIN`, or, for tests,
        /// `http://HOST:PORT`.
        hosts: Vec<String> = vec!["https://api.polyswarm.network".to_owned(), "https://*.polyswarm.network".to_owned()];
        /// Maximum time of a delivery attempt. Failed deliveries are repeated until the bounty expires.
        attempt_time_max: Duration = CourierLimits::default().attempt_time_max;
        /// Name of the product, in the metadata of answers.
        product: String = "stakeout".to_owned();
        /// Vendor of the engine. Not sent if empty.
        vendor: String = String::new();
        /// Author of the engine. Not sent if empty.
        author: String = String::new();
    }
}

fn check_answers(config: &AnswersConfig, wrong: &mut dyn FnMut(String)) {
    if let Err(error) = Hosts::parse(&config.hosts) {
        error.entries().for_each(|(host, why)| wrong(format!("hosts: {host:?}: {why}")));
    }
    if config.hosts.is_empty() {
        wrong("hosts is empty: list the hosts to which answers may be sent".to_owned());
    }
}

impl AnswersConfig {
    /// Delivers answers.
    ///
    /// # Errors
    /// If `hosts` names what is no host, or no client can be made.
    pub fn courier(&self) -> Result<Courier, CourierError> {
        let limits = CourierLimits { attempt_time_max: self.attempt_time_max, ..CourierLimits::default() };
        Courier::new(Hosts::parse(&self.hosts)?, limits)
    }

    /// Whose answers they are; `version` is that of the program.
    pub fn product(&self, version: &str) -> Product {
        Product {
            name: self.product.clone(),
            vendor: Some(self.vendor.clone()).filter(|vendor| !vendor.is_empty()),
            author: Some(self.author.clone()).filter(|author| !author.is_empty()),
            version: version.to_owned(),
        }
    }
}
