//! The bounties that are posted: about which files, how many, how fast, and for how much.

use std::path::PathBuf;
use std::time::Duration;

use daemon_market::{BidBounds, Nct};
use serde::{Deserialize, Deserializer};

use super::{NCT, share};

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

    pub(super) fn check(&self, wrong: &mut Vec<String>) {
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

/// Whether a label says malicious.
fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "malicious" => Ok(true),
        "benign" => Ok(false),
        other => Err(serde::de::Error::custom(format!("`{other}` must be malicious or benign"))),
    }
}
