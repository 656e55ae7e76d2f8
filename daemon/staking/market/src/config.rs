//! What the market side can be told: which bounties are judged, when they are answered, and what is staked.

use std::time::Duration;

use daemon_config::{DeValue, Limit, Ratio, Share, TooMany, Value, choice, section, texts};

use crate::{
    Betting, BountyFilter, BountyPolicy, ConvictionMap, ConvictionMapError, ConvictionPoint, Filter, LossLimits,
    Modifiers, Nct, Purse, PurseLimits, Rate, Strategy, StrategyError, StrategySettings, TableRow,
};

/// Maximum of loss_row_max: after a restart the purse is counted from this many settlements.
const LOSS_ROW_MAX: u32 = 1_000;

texts! {
    TableRow: "a row, such as \"pe* malicious 0.5 0.25\"";
    ConvictionPoint: "a point, such as \"0.9 0.5\"";
    Filter: "a filter, such as \"mimetype contains dosexec\"";
}

impl Value for Rate {
    const FORM: &'static str = "a rate, such as \"50/s\", \"1000/m\", \"20000/h\" or \"100000/d\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text: String = daemon_config::text(value)?;
        let (number, unit) = text.split_once('/').ok_or_else(String::new)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(String::new()),
        };
        let bounties = number.parse().map_err(|_| String::new())?;
        Ok(Rate { bounties, per: Duration::from_secs(seconds) })
    }

    fn show(&self) -> String {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "m",
            3_600 => "h",
            _ => "d",
        };
        daemon_config::quoted(format!("{}/{unit}", self.bounties))
    }
}

choice! {
    /// What to do with URL artifacts.
    Urls: "\"decline\" or \"visit\"" {
        /// Answer them `unknown`.
        Decline = "decline",
        /// Download and scan the contents.
        Visit = "visit",
    }
}

section! {
    check = check;

    /// Selection of bounties, timing of answers, and stakes.
    pub struct Config {
        /// Time before the expiration at which a bounty is answered at the latest, with partial results if necessary.
        margin: Duration = Duration::from_secs(2);
        /// Maximum duration of a bounty. A bounty that expires later is treated as if it expired after this time.
        life_max: Duration = Duration::from_secs(3_600);
        /// Minimum reward in NCT. Bounties that state a lower reward are declined.
        reward_min: Nct = Nct::ZERO;
        /// Scan only bounties whose metadata matches one of these filters. Default: all. A filter is KEY COMPARISON
        /// TARGET, with one of the comparisons <, <=, ==, >=, >, contains, startswith, endswith and regex. Example:
        /// `["mimetype contains dosexec"]`.
        accept: Vec<Filter> = Vec::new();
        /// Decline bounties whose metadata matches one of these filters.
        reject: Vec<Filter> = Vec::new();
        /// Multiply the confidence by 1.2 if one of these filters matches.
        favor: Vec<Filter> = Vec::new();
        /// Multiply the confidence by 0.8 if one of these filters matches.
        penalize: Vec<Filter> = Vec::new();
        /// What to do with URL artifacts: "decline" answers them unknown, "visit" downloads and scans their contents.
        urls: Urls = Urls::Decline;
        /// Maximum number of open bounties. Further ones are refused with status 503.
        open_max: usize = 1024;
        /// Maximum rates of accepted bounties, such as "50/s" or "1000/m". Further ones are refused with status 503.
        rates: Vec<Rate> = Vec::new();
        /// Bid strategy: default, conservative or aggressive (each also with -2019-06 and -2019-09), seed, min, median,
        /// max, rescale, dni, webhook-template, threshold, kelly, table or expression. See docs/bidding.md. `stakeout
        /// daemon --bid-strategy` and BID_STRATEGY override it.
        bid_strategy: String = "default".to_owned();
        /// For the strategy threshold: conviction below which nothing is staked. Above it, the stake is that of
        /// default.
        bid_threshold: Share = Share(0.5);
        /// For the strategy kelly: fraction of the full Kelly stake, from 0.0 to 1.0.
        kelly_fraction: Share = Share(0.25);
        /// For the strategy table: rows of KIND VERDICT CONVICTION FRACTION. KIND may be `*` or end in `*`, VERDICT may
        /// be `*`. FRACTION is the position between the minimum (0.0) and the maximum bid (1.0); it is interpolated
        /// between rows. Below the lowest conviction nothing is staked. Example: `["pe* malicious 0.5 0.1", "pe*
        /// malicious 1.0 1.0"]`.
        bid_table: Vec<TableRow> = Vec::new();
        /// For the strategy expression: an expression that returns the position between the minimum (0.0) and the
        /// maximum bid (1.0). A negative number, false or () stakes nothing. It may use q, conviction, verdict, kind,
        /// family, evidence, min, max, reward, fee, purse, balance and ratio (docs/bidding.md).
        bid_expression: String = String::new();
        /// Conviction, the input of strategies, as a function of the probability q that the verdict is right: points of
        /// Q CONVICTION, with linear interpolation. Default (empty): 2q - 1, so that a coin flip has conviction 0.
        conviction: Vec<ConvictionPoint> = Vec::new();
        /// Fee of an assertion in NCT, in addition to its stake, if it is not known otherwise.
        assertion_fee: Nct = Nct::literal("0.03125");
        /// Balance of the engine in NCT. kelly stakes a fraction of it, and limits may be fractions of it. No wallet is
        /// queried: keep it up to date.
        balance: Nct = Nct::literal("100");
        /// For the strategy kelly: assumed losses of other engines for each NCT that winners stake. Staking is
        /// profitable if q exceeds 1 / (1 + loser_ratio).
        loser_ratio: Ratio = Ratio(0.3);
        /// Maximum stake on one bounty, in NCT. It replaces the bounty's maximum if it is lower. If the bounty's
        /// minimum exceeds it, nothing is staked.
        stake_max: Nct = Nct::literal("1");
        /// Maximum of all stakes within an hour: an amount of NCT, a percentage of balance, or "none". docs/listing.md
        /// explains how to choose it.
        stake_hour_max: Limit = Limit::Share(25);
        /// Maximum of all stakes within a day: an amount of NCT, a percentage of balance, or "none".
        stake_day_max: Limit = Limit::Share(50);
        /// Maximum of all open stakes: an amount of NCT, a percentage of balance, or "none".
        stake_open_max: Limit = Limit::Share(50);
        /// Time after which a stake no longer counts as open if no settlement is imported.
        stake_open_time: Duration = Duration::from_secs(86_400);
        /// Net loss within a day that closes the purse: an amount of NCT, a percentage of balance, or "none". While the
        /// purse is closed, bounties are answered without stakes; `stakeout purse resume` opens it.
        loss_day_max: Limit = Limit::Share(10);
        /// Number of losses in a row that closes the purse, or "none".
        loss_row_max: TooMany = TooMany(Some(10));
        /// Drop of the return that closes the purse, in percentage points, or "none". The return (profit divided by
        /// stakes) of the last 20 stakes is compared with that of up to 200 before them.
        loss_drop_max: TooMany = TooMany(None);
    }
}

fn check(config: &Config, wrong: &mut dyn FnMut(String)) {
    if config.open_max == 0 {
        wrong("open_max must be at least 1".to_owned());
    }
    if config.rates.iter().any(|rate| rate.bounties == 0) {
        wrong("rates: a rate must not be 0".to_owned());
    }
    if let Err(error) = config.strategy() {
        wrong(format!("bid_strategy: {error}"));
    }
    if let Err(error) = ConvictionMap::through(config.conviction.clone()) {
        wrong(format!("conviction: {error}"));
    }
    if config.loss_row_max.0.is_some_and(|most| most > LOSS_ROW_MAX) {
        wrong(format!("loss_row_max must be at most {LOSS_ROW_MAX}"));
    }
}

/// Why there is no betting by a configuration.
#[derive(Debug, thiserror::Error)]
pub enum BettingError {
    /// The strategy cannot be made.
    #[error("cannot use market.bid_strategy")]
    Strategy(#[from] StrategyError),
    /// The map from probability to conviction is none.
    #[error("cannot use market.conviction")]
    Conviction(#[from] ConvictionMapError),
}

impl Config {
    /// Returns the settings of strategies.
    pub fn settings(&self) -> StrategySettings {
        StrategySettings {
            threshold: self.bid_threshold.0,
            kelly_fraction: self.kelly_fraction.0,
            table: self.bid_table.clone(),
            expression: self.bid_expression.clone(),
        }
    }

    /// The strategy that it names.
    ///
    /// # Errors
    /// If there is none of that name, or it lacks something: a table, an expression.
    pub fn strategy(&self) -> Result<Box<dyn crate::BidStrategy>, StrategyError> {
        Strategy::named(&self.bid_strategy, &self.settings())
    }

    /// Returns the limits of the purse.
    pub fn purse_limits(&self) -> PurseLimits {
        let balance = self.balance;
        PurseLimits {
            bounty_max: self.stake_max,
            hour_max: self.stake_hour_max.of(balance),
            day_max: self.stake_day_max.of(balance),
            open_max: self.stake_open_max.of(balance),
            open_time: self.stake_open_time,
            losses: LossLimits {
                day_max: self.loss_day_max.of(balance),
                row_max: self.loss_row_max.0,
                drop_max_percent: self.loss_drop_max.0,
            },
        }
    }

    /// Makes the bid strategy and its settings.
    ///
    /// # Errors
    /// If the strategy or the map from probability to conviction cannot be made.
    pub fn betting(&self) -> Result<Betting, BettingError> {
        Ok(Betting {
            conviction: ConvictionMap::through(self.conviction.clone())?,
            fee: self.assertion_fee,
            balance: self.balance,
            ratio: self.loser_ratio.0,
            ..Betting::new(self.strategy()?, Purse::new(self.purse_limits()))
        })
    }

    /// Which bounties are judged, and when they are answered. What else a policy has (how many are downloaded and examined
    /// at once, whether answers are sent) is for who runs it to fill in.
    pub fn policy(&self) -> BountyPolicy {
        BountyPolicy {
            open_max: self.open_max,
            margin: self.margin,
            life_max: self.life_max,
            reward_min: self.reward_min,
            visit_urls: self.urls == Urls::Visit,
            filter: BountyFilter { accept: self.accept.clone(), reject: self.reject.clone() },
            modifiers: Modifiers { favor: self.favor.clone(), penalize: self.penalize.clone() },
            rates: self.rates.clone(),
            ..BountyPolicy::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written_alike() {
        let read = |text: &str| {
            let text = format!("key = {text}");
            let table = toml::de::DeTable::parse(&text).unwrap();
            Rate::read(table.get_ref()["key"].get_ref()).ok()
        };
        let rate = Rate { bounties: 50, per: Duration::from_secs(1) };
        assert_eq!(read("\"50/s\""), Some(rate));
        assert_eq!(rate.show(), "\"50/s\"");
        assert_eq!(read("\"50\""), None);
    }
}
