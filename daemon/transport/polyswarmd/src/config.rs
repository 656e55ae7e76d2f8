//! What the polyswarmd transport can be told: its section of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use daemon_config::{Bytes, section};
use daemon_transactions::Address;

use crate::choices::{BidForm, Chain};
use crate::client::{Base, RequestLimits};
use crate::connection::ConnectionLimits;

section! {
    check = check;

    /// A market of polyswarmd, where stakes are signed transactions and verdicts are committed to first and revealed later
    /// (docs/polyswarmd.md). Needs a running `stakeout-signer`, which has the wallet.
    pub struct Config {
        /// URL of polyswarmd: `https://HOST`. Default (empty): no such market.
        url: String = String::new();
        /// Community on that server: requests go to `URL/v1/COMMUNITY`. Default (empty): to `URL` itself.
        community: String = String::new();
        /// Chain that bounties are posted on: "side" or "home".
        chain: Chain = Chain::Side;
        /// Address of the account, which must be the signer's. Default (empty): the signer's.
        account: String = String::new();
        /// File with the API key, one line. Default (empty): no key.
        api_key_file: PathBuf = PathBuf::new();
        /// Send the API key over unencrypted `http:`. Only for tests: anybody on the way could use it.
        allow_key_over_http: bool = false;
        /// Socket of `stakeout-signer`.
        signer_socket: PathBuf = PathBuf::from("/run/stakeout/signer.sock");
        /// Identifier of the chain in signatures (EIP-155). Default (0): the only chain that the signer knows.
        chain_id: usize = 0;
        /// Maximum gas of a transaction. polyswarmd asks for that of a whole block on chains where gas is free.
        gas_max: usize = 50_000_000;
        /// Maximum price of gas, in gwei. Default (0): only chains where gas is free.
        gas_price_max_gwei: usize = 0;
        /// Bids of a bounty with several artifacts: "each" artifact has its own (contracts from 1.4.0), or a "single" one is
        /// for all of them, their average (contracts up to 1.3.0).
        bids: BidForm = BidForm::Each;
        /// Maximum time of a request. Waiting for a transaction's receipt takes longer by what the server itself waits.
        request_time_max: Duration = RequestLimits::default().request_time_max;
        /// Maximum size of a reply, artifacts excepted (those have the limits of [intake]).
        reply_bytes_max: Bytes = Bytes(RequestLimits::default().reply_bytes_max as u64);
        /// Maximum number of attempts of a request that may be repeated.
        attempts_max: usize = RequestLimits::default().attempts_max as usize;
        /// Maximum number of simultaneous requests.
        requests_max: usize = RequestLimits::default().requests_max;
        /// Interval of pings on the websocket.
        ping_interval: Duration = ConnectionLimits::default().ping_interval;
        /// Maximum silence on the websocket, also from a peer that answers no ping. Then it is connected anew.
        silence_max: Duration = ConnectionLimits::default().silence_max;
    }
}

fn check(config: &Config, wrong: &mut dyn FnMut(String)) {
    if config.url.is_empty() {
        return;
    }
    match Base::new(&config.url, &config.community) {
        Err(error) => wrong(error.to_string()),
        Ok(base) => {
            let has_key = !config.api_key_file.as_os_str().is_empty();
            if has_key && !base.is_encrypted() && !config.allow_key_over_http {
                wrong(
                    "url: the API key would be sent over unencrypted http: use https, or set allow_key_over_http"
                        .to_owned(),
                );
            }
        }
    }
    if !config.account.is_empty()
        && let Err(error) = config.account.parse::<Address>()
    {
        wrong(format!("account: {error}"));
    }
    for (key, count) in [("attempts_max", config.attempts_max), ("requests_max", config.requests_max)] {
        if count == 0 {
            wrong(format!("{key} must be at least 1"));
        }
    }
    if !(1 << 10..=64 << 20).contains(&config.reply_bytes_max.0) {
        wrong("reply_bytes_max must be from \"1K\" to \"64M\"".to_owned());
    }
    if config.ping_interval.is_zero() || config.silence_max <= config.ping_interval {
        wrong("silence_max must be longer than ping_interval, and neither may be zero".to_owned());
    }
}

impl Config {
    /// Whether there is such a market.
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    /// The account that is named, if one is.
    pub fn named_account(&self) -> Option<Address> {
        self.account.parse().ok()
    }

    /// How the websocket is watched.
    pub fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            ping_interval: self.ping_interval,
            silence_max: self.silence_max,
            ..ConnectionLimits::default()
        }
    }

    /// Limits of requests.
    pub fn limits(&self) -> RequestLimits {
        RequestLimits {
            request_time_max: self.request_time_max,
            reply_bytes_max: usize::try_from(self.reply_bytes_max.0).unwrap_or(usize::MAX),
            attempts_max: u32::try_from(self.attempts_max).unwrap_or(u32::MAX),
            requests_max: self.requests_max,
            ..RequestLimits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use daemon_config::Section;

    use super::*;

    fn wrong(config: Config) -> Vec<String> {
        let mut wrong = Vec::new();
        Config::check(&config, &mut |what| wrong.push(what));
        wrong
    }

    fn on() -> Config {
        Config { url: "https://polyswarmd.example".to_owned(), ..Config::default() }
    }

    #[test]
    fn without_a_url_there_is_no_such_market() {
        assert!(!Config::default().is_on() && on().is_on());
        assert_eq!(wrong(Config { requests_max: 0, ..Config::default() }), [] as [String; 0]);
        assert_eq!(wrong(on()), [] as [String; 0]);
    }

    #[test]
    fn every_mistake_is_told() {
        let http = || Config { url: "http://host".to_owned(), api_key_file: "/key".into(), ..on() };
        assert_eq!(wrong(Config { allow_key_over_http: true, ..http() }), [] as [String; 0]);
        for (config, begins) in [
            (http(), "url: the API key"),
            (Config { url: "host".to_owned(), ..on() }, "url: "),
            (Config { community: "../x".to_owned(), ..on() }, "community: "),
            (Config { account: "0x12".to_owned(), ..on() }, "account: "),
            (Config { attempts_max: 0, ..on() }, "attempts_max "),
            (Config { requests_max: 0, ..on() }, "requests_max "),
            (Config { reply_bytes_max: Bytes(1), ..on() }, "reply_bytes_max "),
            (Config { silence_max: Duration::from_secs(15), ..on() }, "silence_max "),
            (Config { ping_interval: Duration::ZERO, ..on() }, "silence_max "),
        ] {
            let told = wrong(config);
            assert!(told.len() == 1 && told[0].starts_with(begins), "{begins}: {told:?}");
        }
    }
}
