//! The signer's own configuration: what it signs for, and how much. Nothing of it comes from who asks.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use daemon_base::Nct;
use daemon_config::{ConfigMistake, configuration, section};
use daemon_transactions::signing::SpendingLimits;
use daemon_transactions::verify::ChainPolicy;
use daemon_transactions::{Address, CHAIN_ID_MAX};

use super::account::AccountLimits;

/// The address of a contract. Empty: none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContractAddress(pub Option<Address>);

impl FromStr for ContractAddress {
    type Err = daemon_transactions::ParseAddressError;

    fn from_str(text: &str) -> Result<ContractAddress, Self::Err> {
        if text.is_empty() {
            Ok(ContractAddress(None))
        } else {
            text.parse().map(|address| ContractAddress(Some(address)))
        }
    }
}

impl fmt::Display for ContractAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |address| address.fmt(f))
    }
}

daemon_config::texts! {
    ContractAddress: "the address of a contract: \"0x\" and 40 hexadecimal digits";
}

section! {
    check = |config, wrong| {
        for (key, path) in [("keyfile", &config.keyfile), ("record", &config.record), ("socket", &config.socket)] {
            if !path.is_absolute() {
                wrong(format!("{key} must be an absolute path"));
            }
        }
    };

    /// The key and the files of the signer.
    pub struct SignerConfig {
        /// The keystore (`stakeout wallet new`). Its passphrase is in passphrase_file, or else in the credential
        /// `passphrase` of the unit.
        keyfile: PathBuf = PathBuf::from("/etc/stakeout-signer/keyfile.json");
        /// File with the passphrase. Default (empty): the credential `passphrase`.
        passphrase_file: PathBuf = PathBuf::new();
        /// What was signed: a file that only grows. Without it, limits and nonces are not known any more.
        record: PathBuf = PathBuf::from("/var/lib/stakeout-signer/record");
        /// The socket. One passed by systemd overrides it.
        socket: PathBuf = PathBuf::from("/run/stakeout/signer.sock");
        /// Whether to sign messages that claim the engine (EIP-191). Whoever has such a signature can log in as the
        /// account; `stakeout claim` makes it without a running signer.
        claims: bool = false;
        /// Whether to sign assertions and votes for fast polyswarmd.
        fast: bool = false;
    }
}

section! {
    check = check_limits;

    /// How much may be signed, whoever asks. The signer counts it itself, in its record. Amounts are of bids and fees
    /// together.
    pub struct LimitsConfig {
        /// Most on one bounty, and most that the registry is allowed to take at once.
        bounty_max: Nct = Nct::from_base_units(1_031_250_000_000_000_000);
        /// Most within an hour.
        hour_max: Nct = Nct::from_base_units(10_000_000_000_000_000_000);
        /// Most within a day.
        day_max: Nct = Nct::from_base_units(50_000_000_000_000_000_000);
        /// Most in all, until a person resets it (`stakeout-signer reset-total`).
        total_max: Nct = Nct::from_base_units(500_000_000_000_000_000_000);
        /// Least bid on one artifact, as the market takes it.
        bid_min: Nct = Nct::from_base_units(62_500_000_000_000_000);
        /// Most on one artifact, as the market takes it.
        bid_max: Nct = Nct::from_base_units(1_000_000_000_000_000_000);
        /// Highest assertion fee of the market that is paid.
        fee_max: Nct = Nct::from_base_units(31_250_000_000_000_000);
        /// Most that transactions may cost in gas within a day, in ether.
        gas_day_max: Nct = Nct::ZERO;
        /// Most things signed within a day, whatever they are.
        signatures_day_max: usize = 20_000;
        /// How many nonces may be left out at once: those of transactions that were made elsewhere.
        nonce_gap_max: usize = 16;
    }
}

fn check_limits(config: &LimitsConfig, wrong: &mut dyn FnMut(String)) {
    let rising = [
        ("bounty_max", config.bounty_max),
        ("hour_max", config.hour_max),
        ("day_max", config.day_max),
        ("total_max", config.total_max),
    ];
    for [(least, less), (most, more)] in rising.array_windows() {
        if less > more {
            wrong(format!("{least} is more than {most}"));
        }
    }
    if config.bid_min > config.bid_max {
        wrong("bid_min is more than bid_max".to_owned());
    }
    if config.bid_max > config.bounty_max {
        wrong("bid_max is more than bounty_max: no such bid would be signed".to_owned());
    }
    if config.signatures_day_max == 0 {
        wrong("signatures_day_max must be at least 1".to_owned());
    }
}

section! {
    check = check_chain;

    /// The side chain, where PolySwarm's bounties are. A chain_id of 0: not used.
    pub struct ChainConfig {
        /// The chain (EIP-155).
        chain_id: usize = 0;
        /// The contract of the token (NectarToken).
        token: ContractAddress = ContractAddress::default();
        /// The registry of bounties (BountyRegistry).
        registry: ContractAddress = ContractAddress::default();
        /// The nonce of the first transaction, when the record begins: how many the account has sent.
        nonce_start: usize = 0;
        /// Most gas of one transaction. Free chains are asked for the gas of a whole block.
        gas_max: usize = 50_000_000;
        /// Highest price of a unit of gas, in wei. 0: gas is free.
        gas_price_max: usize = 0;
    }
}

section! {
    check = |config, wrong| check_chain(&config.as_chain(), wrong);

    /// The home chain (Ethereum itself). A chain_id of 0: not used. Its keys mean what those of [side] do.
    pub struct HomeChainConfig {
        /// The chain (EIP-155).
        chain_id: usize = 0;
        /// The contract of the token (NectarToken).
        token: ContractAddress = ContractAddress::default();
        /// The registry of bounties (BountyRegistry).
        registry: ContractAddress = ContractAddress::default();
        /// The nonce of the first transaction, when the record begins: how many the account has sent.
        nonce_start: usize = 0;
        /// Most gas of one transaction.
        gas_max: usize = 5_000_000;
        /// Highest price of a unit of gas, in wei.
        gas_price_max: usize = 0;
    }
}

impl HomeChainConfig {
    fn as_chain(&self) -> ChainConfig {
        let HomeChainConfig { chain_id, token, registry, nonce_start, gas_max, gas_price_max } = self.clone();
        ChainConfig { chain_id, token, registry, nonce_start, gas_max, gas_price_max }
    }
}

fn check_chain(config: &ChainConfig, wrong: &mut dyn FnMut(String)) {
    if config.chain_id == 0 {
        if config.token.0.is_some() || config.registry.0.is_some() {
            wrong("chain_id is 0, so its contracts would not be used: set it".to_owned());
        }
        return;
    }
    if config.chain_id as u64 > CHAIN_ID_MAX {
        wrong(format!("chain_id must be at most {CHAIN_ID_MAX}"));
    }
    match (config.token.0, config.registry.0) {
        (Some(token), Some(registry)) if token == registry => {
            wrong("token and registry are the same contract".to_owned())
        }
        (Some(_), Some(_)) => {}
        _ => wrong("token and registry must be set, where chain_id is".to_owned()),
    }
    if config.gas_max < 21_000 {
        wrong("gas_max is below what any transaction costs (21000)".to_owned());
    }
}

configuration! {
    /// What the signer can be told.
    pub struct Config {
        signer: SignerConfig,
        limits: LimitsConfig,
        side: ChainConfig,
        home: HomeChainConfig,
    }
}

/// The head of the example.
const HEAD: &str = "# Configuration of stakeout-signer. Every key is shown with its default; see docs/wallet.md.\n";

impl Config {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    ///
    /// Every mistake, with line and column where it has a place.
    pub fn parse(text: &str) -> Result<Config, Vec<ConfigMistake>> {
        let (config, mut mistakes) = daemon_config::read::<Config>(text);
        if mistakes.is_empty() {
            mistakes = daemon_config::check(&config);
            if config.side.chain_id != 0 && config.side.chain_id == config.home.chain_id {
                mistakes.push(ConfigMistake::of_value("side.chain_id and home.chain_id are the same".to_owned()));
            }
        }
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    /// A commented file with every key at its default.
    pub fn example() -> String {
        daemon_config::example::<Config>(HEAD)
    }

    /// The chains that are signed for.
    pub fn chains(&self) -> Vec<ChainPolicy> {
        let policy = |chain: &ChainConfig| {
            Some(ChainPolicy {
                chain_id: chain.chain_id as u64,
                token: chain.token.0?,
                registry: chain.registry.0?,
                gas_max: chain.gas_max as u64,
                gas_price_max: chain.gas_price_max as u128,
            })
        };
        let chains = [self.side.clone(), self.home.as_chain()];
        chains.iter().filter(|chain| chain.chain_id != 0).filter_map(policy).collect()
    }

    /// The first nonce of each chain.
    pub fn nonce_starts(&self) -> HashMap<u64, u64> {
        let chains = [self.side.clone(), self.home.as_chain()];
        chains.iter().map(|chain| (chain.chain_id as u64, chain.nonce_start as u64)).collect()
    }

    /// How much may be signed.
    pub fn account_limits(&self) -> AccountLimits {
        let limits = &self.limits;
        AccountLimits {
            spending: SpendingLimits {
                bounty: limits.bounty_max,
                hour: limits.hour_max,
                day: limits.day_max,
                total: limits.total_max,
            },
            gas_day: limits.gas_day_max,
            signatures_day: limits.signatures_day_max as u64,
            nonce_gap: limits.nonce_gap_max as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0x2A2cEDE7598F91240068714fD83E449b19853Cb9";
    const REGISTRY: &str = "0x21262bF29FF08691C8A72bc6f22F791996E1891F";

    #[test]
    fn the_example_is_a_configuration_that_signs_for_no_chain() {
        let example = Config::example();
        let config = Config::parse(&example).unwrap();
        assert_eq!(config, Config::default());
        assert!(config.chains().is_empty());
        let all = example.replace("\n#", "\n").lines().filter(|line| line.contains(" = ")).count();
        assert!(all > 25, "every key is shown: {all}");
    }

    #[test]
    fn a_chain_is_read() {
        let text = format!(
            "[side]\nchain_id = 1337\ntoken = \"{TOKEN}\"\nregistry = \"{}\"\nnonce_start = 7\n",
            REGISTRY.to_lowercase()
        );
        let config = Config::parse(&text).unwrap();
        let [chain] = config.chains()[..] else { panic!("one chain") };
        assert_eq!((chain.chain_id, chain.gas_price_max, chain.registry.to_string().as_str()), (1337, 0, REGISTRY));
        assert_eq!(config.nonce_starts()[&1337], 7);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let wrong_digit = TOKEN.replacen("2A", "2a", 1);
        for (text, told) in [
            ("[side]\nchain_idd = 1\n".to_owned(), "2:1: unknown key side.chain_idd"),
            ("[limits]\nhour_max = 5\n".to_owned(), "2:12: limits.hour_max must be an amount of NCT"),
            ("[limits]\nhour_max = \"60\"\n".to_owned(), "limits.hour_max is more than day_max"),
            ("[limits]\nbid_max = \"2\"\n".to_owned(), "limits.bid_max is more than bounty_max"),
            ("[limits]\nbid_min = \"2\"\n".to_owned(), "limits.bid_min is more than bid_max"),
            ("[side]\nchain_id = 1\n".to_owned(), "side.token and registry must be set"),
            (format!("[side]\ntoken = \"{wrong_digit}\"\n"), "checksum"),
            (format!("[side]\ntoken = \"{TOKEN}\"\n"), "side.chain_id is 0"),
            (format!("[side]\nchain_id = 1\ntoken = \"{TOKEN}\"\nregistry = \"{TOKEN}\"\n"), "the same contract"),
            ("[signer]\nkeyfile = \"keyfile.json\"\n".to_owned(), "signer.keyfile must be an absolute path"),
            ("[signer\n".to_owned(), "1:"),
        ] {
            let mistakes = Config::parse(&text).unwrap_err();
            let all = mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            assert!(all.contains(told), "{text}: {all}");
        }
    }
}
