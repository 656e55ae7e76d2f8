//! The configuration of a marketplace, over webhooks or with a chain: what is posted, who is in it, and what goes wrong.

mod bounties;
mod chain_faults;
mod example;
mod faults;
mod parties;
mod polyswarmd;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use daemon_market::{ContractVersion, Nct};
use serde::{Deserialize, Deserializer};

use crate::{Fees, Seed, SimulatedMarket};
use parties::PARTIES_MAX;

pub use bounties::Bounties;
pub use chain_faults::{ChainFault, ChainFaults};
pub use example::{EXAMPLE, RIVALS};
pub use faults::{Fault, Faults, Often};
pub use parties::{Arbiters, RivalSettings, TestedEngine};
pub(crate) use polyswarmd::DURATION_BLOCKS_MAX;
pub use polyswarmd::PolyswarmdSettings;

/// Base units of one NCT.
const NCT: u128 = 1_000_000_000_000_000_000;

/// Everything that a marketplace can be told.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarketSettings {
    /// Random seed.
    pub seed: u64,
    /// Address that serves artifacts and receives answers. Port 0 selects a free port.
    pub listen: SocketAddr,
    /// Whether it may listen where others than this machine can reach it.
    pub listen_beyond_loopback: bool,
    /// Contract that settles bounties.
    #[serde(deserialize_with = "contract")]
    pub contract: ContractVersion,
    /// Directory of the settlements, one file per engine. Relative to the configuration.
    pub outcomes_directory: Option<PathBuf>,
    /// The bounties to post.
    pub bounties: Bounties,
    /// Fees of the registry.
    pub fees: FeeSettings,
    /// Arbiters, who decide the ground truth.
    pub arbiters: Arbiters,
    /// The engines that are tried.
    #[serde(rename = "engine")]
    pub engines: Vec<TestedEngine>,
    /// Simulated rivals.
    #[serde(rename = "rival")]
    pub rivals: Vec<RivalSettings>,
    /// Injected faults.
    pub faults: Faults,
    /// The marketplace that speaks polyswarmd.
    pub polyswarmd: PolyswarmdSettings,
}

/// Fees of the registry.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeeSettings {
    /// Fee of the ambassador for each bounty.
    pub bounty: Nct,
    /// Fee of an engine for each assertion.
    pub assertion: Nct,
}

impl Default for MarketSettings {
    fn default() -> Self {
        MarketSettings {
            seed: 1,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            listen_beyond_loopback: false,
            contract: ContractVersion::default(),
            outcomes_directory: None,
            bounties: Bounties::default(),
            fees: FeeSettings::default(),
            arbiters: Arbiters::default(),
            engines: Vec::new(),
            rivals: Vec::new(),
            faults: Faults::default(),
            polyswarmd: PolyswarmdSettings::default(),
        }
    }
}

impl Default for FeeSettings {
    fn default() -> Self {
        let Fees { bounty, assertion } = Fees::default();
        FeeSettings { bounty, assertion }
    }
}

impl From<FeeSettings> for Fees {
    fn from(fees: FeeSettings) -> Fees {
        Fees { bounty: fees.bounty, assertion: fees.assertion }
    }
}

/// A simulated market with the rivals, arbiters, fees and amounts of these settings, about nothing yet.
pub fn market_of(settings: &MarketSettings) -> SimulatedMarket {
    SimulatedMarket {
        rivals: settings.rivals.iter().flat_map(RivalSettings::all).collect(),
        arbiters: settings.arbiters.all(),
        contract: settings.contract,
        fees: settings.fees.into(),
        bounds: settings.bounties.bounds(),
        reward: settings.bounties.reward,
        seed: Seed::new(settings.seed),
        ..SimulatedMarket::default()
    }
}

/// All mistakes in a configuration, one per line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Mistakes(pub Vec<String>);

impl MarketSettings {
    /// Reads a configuration, and checks it. Paths in it are relative to `directory`.
    ///
    /// # Errors
    ///
    /// [`Mistakes`] if `text` is not TOML, has unknown keys, or fails [`MarketSettings::check`].
    pub fn read(text: &str, directory: &Path) -> Result<MarketSettings, Mistakes> {
        let mut settings: MarketSettings =
            toml::from_str(text).map_err(|error| Mistakes(vec![error.to_string().trim_end().to_owned()]))?;
        let own = &mut settings.bounties;
        let paths = [&mut own.directory, &mut own.list, &mut own.labels, &mut settings.outcomes_directory];
        let secrets = settings.engines.iter_mut().map(|engine| &mut engine.secret_file);
        for path in paths.into_iter().chain(secrets).flatten() {
            *path = directory.join(&*path);
        }
        settings.check()?;
        Ok(settings)
    }

    /// Finds every mistake.
    ///
    /// # Errors
    ///
    /// [`Mistakes`]: every one, told.
    pub fn check(&self) -> Result<(), Mistakes> {
        let mut wrong = Vec::new();
        if !self.listen_beyond_loopback && !self.listen.ip().is_loopback() {
            let listen = self.listen;
            wrong.push(format!(
                "listen is {listen}, which other machines can reach: use 127.0.0.1, or set \
                 listen_beyond_loopback = true"
            ));
        }
        self.bounties.check(&mut wrong);
        if self.arbiters.number > PARTIES_MAX {
            wrong.push(format!("arbiters.number must be at most {PARTIES_MAX}"));
        }
        share("arbiters.errs", self.arbiters.errs, &mut wrong);
        share("arbiters.absent", self.arbiters.absent, &mut wrong);
        for engine in &self.engines {
            engine.check(&mut wrong);
        }
        for rival in &self.rivals {
            rival.check(&mut wrong);
        }
        for fault in Fault::ALL {
            if let Often::Share(often) = self.faults.often(fault) {
                share(&format!("faults.{}", fault.name()), often, &mut wrong);
            }
        }
        let mut names: Vec<String> = self.engines.iter().map(|engine| engine.name.clone()).collect();
        if wrong.is_empty() {
            names.extend(self.rivals.iter().flat_map(RivalSettings::all).map(|rival| rival.name));
        }
        self.polyswarmd.check(self.listen_beyond_loopback, &mut wrong);
        names.sort_unstable();
        for twice in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            wrong.push(format!("two parties have the name `{}`", twice[0]));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Mistakes(wrong)) }
    }
}

fn contract<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ContractVersion, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn share(what: &str, often: f64, wrong: &mut Vec<String>) {
    if !(0.0..=1.0).contains(&often) {
        wrong.push(format!("{what} must be from 0.0 to 1.0, not {often}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<MarketSettings, Mistakes> {
        MarketSettings::read(text, Path::new("/etc/market"))
    }

    #[test]
    fn the_example_is_read_and_its_commented_keys_are_the_defaults() {
        read(EXAMPLE).unwrap();
        let live: String = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let MarketSettings { faults, engines, rivals, bounties, outcomes_directory, polyswarmd, .. } =
            read(&live).unwrap();
        let defaults = MarketSettings::default();
        assert_eq!(faults, Faults { slow_milliseconds: Some(3_000), ..Faults::default() });
        assert!(PolyswarmdSettings { api_key: None, ..polyswarmd } == PolyswarmdSettings::default());
        let own = Bounties { directory: None, list: None, labels: None, balance: None, ..bounties.clone() };
        assert_eq!(own, defaults.bounties);
        assert!(bounties.directory.is_some() && bounties.list.is_some() && bounties.labels.is_some());
        assert!(outcomes_directory.is_some() && engines.len() == 1 && rivals.len() == 2);
    }

    #[test]
    fn a_slip_of_the_finger_is_told_with_its_place() {
        let told = read("seed = 1\n[bounties]\nnumbers = 3\n").unwrap_err().to_string();
        assert!(told.contains("line 3") && told.contains("numbers") && told.contains("`number`"), "{told}");
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let text = r#"
            listen = "0.0.0.0:8900"
            bounties = { bid_min = "2", bid_max = "1", life_seconds = 0.0 }
            faults.duplicate = 1.5
            rival = [{ name = "r", true_positive = 7.0, false_positive = 0.0 }]
            [[engine]]
            name = "../x"
            url = "ftp://x"
        "#;
        let Mistakes(told) = read(text).unwrap_err();
        assert_eq!(told.len(), 8, "{told:#?}");
    }

    #[test]
    fn beyond_loopback_it_listens_only_when_told() {
        assert!(read("listen = \"192.0.2.1:80\"").is_err());
        assert!(read("listen = \"192.0.2.1:80\"\nlisten_beyond_loopback = true").is_ok());
        assert!(read("listen = \"[::1]:0\"").is_ok());
    }

    #[test]
    fn paths_are_relative_to_the_configuration() {
        let settings = read("outcomes_directory = \"out\"\nbounties.directory = \"/samples\"").unwrap();
        assert_eq!(settings.outcomes_directory, Some("/etc/market/out".into()));
        assert_eq!(settings.bounties.directory, Some("/samples".into()));
    }

    #[test]
    fn two_of_one_name_are_a_mistake() {
        let rival = "{ name = \"r\", true_positive = 0.9, false_positive = 0.1 }";
        assert!(read(&format!("rival = [{rival}]")).is_ok());
        assert_eq!(
            read(&format!("rival = [{rival}, {rival}]")).unwrap_err().to_string(),
            "two parties have the name `r`"
        );
    }

    #[test]
    fn secrets_do_not_show() {
        let text = "engine = [{ name = \"e\", url = \"http://x/\", secret = \"hunter2\" }]";
        assert!(!format!("{:?}", read(text).unwrap()).contains("hunter2"));
    }
}
