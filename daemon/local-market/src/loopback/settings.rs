//! The configuration of a marketplace: what is posted, who is in it, and what goes wrong.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use daemon_market::{BidBounds, ContractVersion, Nct};
use serde::{Deserialize, Deserializer};

use super::Faults;
use super::faults::{Fault, Often};
use crate::polyswarmd::PolyswarmdSettings;
use crate::{Arbiter, BiddingPlan, Fees, Rival, Seed, SimulatedMarket, Skill};

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

/// The bounties and their rate.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounties {
    /// Number of bounties. Files are used repeatedly if necessary.
    pub number: u64,
    /// Directory of the files, with subdirectories. Those in `malicious` or `benign` have that label.
    pub directory: Option<PathBuf>,
    /// A file of paths, one a line, instead or as well.
    pub list: Option<PathBuf>,
    /// File with labels: lines of `PATH,malicious` or `PATH,benign`.
    pub labels: Option<PathBuf>,
    /// Label of the other files: whether they are malicious.
    #[serde(deserialize_with = "label")]
    pub default_label: bool,
    /// Maximum number of bounties per second.
    pub per_second: f64,
    /// Maximum number of unsettled bounties.
    pub in_flight_max: usize,
    /// Reward of each bounty.
    pub reward: Nct,
    /// Least that may be bid.
    pub bid_min: Nct,
    /// Most that may be bid.
    pub bid_max: Nct,
    /// Duration of each bounty, in seconds.
    pub life_seconds: f64,
    /// Fraction of bounties in arbitration, on which engines vote.
    pub arbitration: f64,
    /// Balance of the ambassador. Default: enough for all bounties.
    pub balance: Option<Nct>,
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

/// Arbiters, who decide the ground truth.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Arbiters {
    /// Number of arbiters.
    pub number: u32,
    /// Fraction of wrong votes, from 0.0 to 1.0.
    pub errs: f64,
    /// Fraction of missing votes, from 0.0 to 1.0.
    pub absent: f64,
}

/// An engine that is tried.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestedEngine {
    /// Name of the engine.
    pub name: String,
    /// URL of its webhook.
    pub url: String,
    /// Secret that signs its bounties.
    pub secret: Option<String>,
    /// A file that holds that, one line.
    pub secret_file: Option<PathBuf>,
    /// Initial balance.
    #[serde(default = "balance")]
    pub balance: Nct,
}

/// Others who bet.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RivalSettings {
    /// Name of the rival; a number is appended if there are several.
    pub name: String,
    /// Number of rivals of this kind.
    #[serde(default = "one")]
    pub number: u32,
    /// Rate of true positives, from 0.0 to 1.0.
    pub true_positive: f64,
    /// Rate of false positives, from 0.0 to 1.0.
    pub false_positive: f64,
    /// Fraction of bounties from which it abstains, from 0.0 to 1.0.
    #[serde(default)]
    pub abstains: f64,
    /// Exponent on the odds that it gives itself: 1.0 is calibrated, more claims too much.
    #[serde(default = "calibrated")]
    pub overconfidence: f64,
    /// Bid strategy.
    #[serde(default, deserialize_with = "plan")]
    pub strategy: BiddingPlan,
    /// Initial balance.
    #[serde(default = "balance")]
    pub balance: Nct,
}

fn balance() -> Nct {
    Nct::from_base_units(1_000 * NCT)
}

fn one() -> u32 {
    1
}

fn calibrated() -> f64 {
    1.0
}

/// Base units of one NCT.
const NCT: u128 = 1_000_000_000_000_000_000;

/// Most rivals of one kind, and most arbiters.
const PARTIES_MAX: u32 = 1_000;

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

impl Default for Bounties {
    fn default() -> Self {
        let BidBounds { min, max } = BidBounds::default();
        Bounties {
            number: 100,
            directory: None,
            list: None,
            labels: None,
            default_label: false,
            per_second: 20.0,
            in_flight_max: 64,
            reward: Nct::from_base_units(2 * NCT),
            bid_min: min,
            bid_max: max,
            life_seconds: 30.0,
            arbitration: 0.0,
            balance: None,
        }
    }
}

impl Bounties {
    /// Between what bids may lie.
    pub fn bounds(&self) -> BidBounds {
        BidBounds { min: self.bid_min, max: self.bid_max }
    }

    /// Returns the duration of each bounty.
    pub fn life(&self) -> Duration {
        Duration::try_from_secs_f64(self.life_seconds).unwrap_or_default()
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

impl Default for Arbiters {
    fn default() -> Self {
        Arbiters { number: 3, errs: 0.0, absent: 0.0 }
    }
}

impl Arbiters {
    pub(crate) fn all(&self) -> Vec<Arbiter> {
        let Arbiters { number, errs, absent } = *self;
        (1..=number).map(|nth| Arbiter { name: format!("arbiter-{nth}"), errs, absent }).collect()
    }
}

impl RivalSettings {
    pub(crate) fn all(&self) -> impl Iterator<Item = Rival> {
        let name = |nth| if self.number == 1 { self.name.clone() } else { format!("{}-{nth}", self.name) };
        (1..=self.number).map(move |nth| Rival {
            name: name(nth),
            skill: Skill {
                true_positive: self.true_positive,
                false_positive: self.false_positive,
                abstains: self.abstains,
                overconfidence: self.overconfidence,
            },
            bidder: self.strategy.into(),
            balance: self.balance,
        })
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

/// Without its secret.
impl std::fmt::Debug for TestedEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("name", &self.name).field("url", &self.url).finish_non_exhaustive()
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

impl Bounties {
    fn check(&self, wrong: &mut Vec<String>) {
        let mut unless = |right: bool, what: &str| {
            if !right {
                wrong.push(format!("bounties.{what}"));
            }
        };
        unless(self.number <= 10_000_000, "number must be at most 10000000");
        unless(self.bid_min > Nct::ZERO, "bid_min must be above 0");
        unless(self.bid_min <= self.bid_max, "bid_min must not exceed bid_max");
        unless(self.per_second > 0.0 && self.per_second.is_finite(), "per_second must be above 0");
        unless(self.in_flight_max > 0, "in_flight_max must be at least 1");
        unless((0.05..=86_400.0).contains(&self.life_seconds), "life_seconds must be from 0.05 to 86400");
        share("bounties.arbitration", self.arbitration, wrong);
    }
}

impl TestedEngine {
    fn check(&self, wrong: &mut Vec<String>) {
        let TestedEngine { name, url, .. } = self;
        // It becomes the name of a file.
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(fits) {
            wrong
                .push(format!("engine {name:?}: a name must consist of letters, digits, `-`, `_` and `.`, and must not begin with a dot"));
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            wrong.push(format!("engine {name}: url must begin with http:// or https://, not {url:?}"));
        }
        if self.secret.is_some() == self.secret_file.is_some() {
            wrong.push(format!("engine {name}: give either secret or secret_file"));
        }
    }

    /// Reads the secret that signs the bounties of the engine.
    pub(super) fn read_secret(&self) -> std::io::Result<Vec<u8>> {
        let text = match (&self.secret, &self.secret_file) {
            (Some(secret), _) => secret.clone(),
            (None, Some(path)) => std::fs::read_to_string(path)?,
            (None, None) => String::new(),
        };
        Ok(text.trim_end_matches(['\r', '\n']).as_bytes().to_vec())
    }
}

impl RivalSettings {
    fn check(&self, wrong: &mut Vec<String>) {
        let name = &self.name;
        if !(1..=PARTIES_MAX).contains(&self.number) {
            wrong.push(format!("rival {name}: number must be from 1 to {PARTIES_MAX}"));
        }
        for (key, often) in [
            ("true_positive", self.true_positive),
            ("false_positive", self.false_positive),
            ("abstains", self.abstains),
        ] {
            share(&format!("rival {name}: {key}"), often, wrong);
        }
        if !(self.overconfidence > 0.0 && self.overconfidence.is_finite()) {
            wrong.push(format!("rival {name}: overconfidence must be above 0; 1.0 is calibrated"));
        }
    }
}

fn share(what: &str, often: f64, wrong: &mut Vec<String>) {
    if !(0.0..=1.0).contains(&often) {
        wrong.push(format!("{what} must be from 0.0 to 1.0, not {often}"));
    }
}

fn contract<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ContractVersion, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn plan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BiddingPlan, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// Whether a label says malicious.
pub(super) fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "malicious" => Ok(true),
        "benign" => Ok(false),
        other => Err(serde::de::Error::custom(format!("`{other}` must be malicious or benign"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::EXAMPLE;

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
