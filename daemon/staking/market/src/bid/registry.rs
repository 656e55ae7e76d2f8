//! Strategies by name: the one list of them.

use num_bigint::BigInt;

use super::BidStrategy;
use super::error::StrategyError;
use super::expression::Expression;
use super::formulas::{self, BountyPolicy, DefaultStrategy, Formula, Threshold};
use super::kelly::Kelly;
use super::table::{BidTable, TableRow};
use crate::formula::FormulaError;

/// Settings of the strategies, from the configuration. Each strategy reads its own.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategySettings {
    /// `threshold`: the lowest conviction that is bid on, 0.0 to 1.0.
    pub threshold: f64,
    /// `kelly`: the part of the full Kelly stake that is staked, above 0.0, up to 1.0.
    pub kelly_fraction: f64,
    /// `table`: the rows of the table.
    pub table: Vec<TableRow>,
    /// `expression`: the expression.
    pub expression: String,
}

impl Default for StrategySettings {
    fn default() -> Self {
        StrategySettings { threshold: 0.5, kelly_fraction: 0.25, table: Vec::new(), expression: String::new() }
    }
}

/// How a strategy is made.
#[derive(Clone, Copy)]
enum Make {
    /// One of PolySwarm's formulas.
    Formula(fn(&BountyPolicy) -> Result<BigInt, FormulaError>),
    /// From the settings.
    By(fn(&StrategySettings) -> Result<Box<dyn BidStrategy>, StrategyError>),
}

/// A strategy.
struct StrategyEntry {
    name: &'static str,
    meaning: &'static str,
    make: Make,
}

/// Every strategy there is.
const REGISTRY: &[StrategyEntry] = &[
    StrategyEntry {
        name: "default",
        meaning: "from the least to the most allowed, by conviction (polyswarm-client 2.7 to 2.13.3)",
        make: Make::By(default_strategy),
    },
    StrategyEntry {
        name: "conservative",
        meaning: "the least allowed (polyswarm-client 2.7 to 2.13.3)",
        make: Make::Formula(formulas::client_conservative),
    },
    StrategyEntry {
        name: "aggressive",
        meaning: "from 8 times the least to the most allowed, by conviction (polyswarm-client 2.7 to 2.13.3)",
        make: Make::Formula(formulas::client_aggressive),
    },
    StrategyEntry {
        name: "default-2019-06",
        meaning: "from the least allowed to 8 times as much, by conviction (polyswarm-client 2.2 to 2.5)",
        make: Make::Formula(formulas::default_2019_06),
    },
    StrategyEntry {
        name: "conservative-2019-06",
        meaning: "the least allowed (polyswarm-client 2.2 to 2.5)",
        make: Make::Formula(formulas::conservative_2019_06),
    },
    StrategyEntry {
        name: "aggressive-2019-06",
        meaning: "from 8 to 32 times the least allowed, by conviction (polyswarm-client 2.2 to 2.5)",
        make: Make::Formula(formulas::aggressive_2019_06),
    },
    StrategyEntry {
        name: "default-2019-09",
        meaning: "from the least allowed to 8 times as much, by conviction (polyswarm-client 2.6)",
        make: Make::Formula(formulas::default_2019_09),
    },
    StrategyEntry {
        name: "conservative-2019-09",
        meaning: "the least allowed (polyswarm-client 2.6)",
        make: Make::Formula(formulas::conservative_2019_09),
    },
    StrategyEntry {
        name: "aggressive-2019-09",
        meaning: "from 8 to 32 times the least allowed, by conviction (polyswarm-client 2.6)",
        make: Make::Formula(formulas::aggressive_2019_09),
    },
    StrategyEntry {
        name: "seed",
        meaning: "from the least to the most allowed, by conviction (PolySwarm's guide of 2019)",
        make: Make::Formula(formulas::seed),
    },
    StrategyEntry {
        name: "min",
        meaning: "the least allowed (polyswarm_engine's bid_min)",
        make: Make::Formula(formulas::min),
    },
    StrategyEntry {
        name: "median",
        meaning: "half way between the least and the most allowed (polyswarm_engine's bid_median)",
        make: Make::Formula(formulas::median),
    },
    StrategyEntry {
        name: "max",
        meaning: "the most allowed (polyswarm_engine's bid_max)",
        make: Make::Formula(formulas::max),
    },
    StrategyEntry {
        name: "rescale",
        meaning: "conviction in percent, rescaled to what is allowed (polyswarm_engine's rescale_to_bid)",
        make: Make::Formula(formulas::rescale),
    },
    StrategyEntry {
        name: "dni",
        meaning: "none, low, med or high by conviction: four steps (polyswarm_engine's dni_to_bid)",
        make: Make::Formula(formulas::dni),
    },
    StrategyEntry {
        name: "webhook-template",
        meaning: "from the least to the most allowed, by conviction (microengine-webhooks-py)",
        make: Make::Formula(formulas::webhook_template),
    },
    StrategyEntry {
        name: "threshold",
        meaning: "as default, and nothing where conviction is below a threshold",
        make: Make::By(threshold),
    },
    StrategyEntry {
        name: "kelly",
        meaning: "a part of the stake that makes the bankroll grow fastest, and nothing where no profit is expected",
        make: Make::By(kelly),
    },
    StrategyEntry {
        name: "table",
        meaning: "by your own table of kinds, verdicts and convictions",
        make: Make::By(table),
    },
    StrategyEntry { name: "expression", meaning: "by your own expression", make: Make::By(expression) },
];

/// Every strategy: its name, and what it does in a line.
pub const STRATEGIES: &[(&str, &str)] = &{
    let mut list = [("", ""); REGISTRY.len()];
    let mut at = 0;
    while at < REGISTRY.len() {
        list[at] = (REGISTRY[at].name, REGISTRY[at].meaning);
        at += 1;
    }
    list
};

/// Makes strategies from their names.
#[derive(Clone, Copy, Debug)]
pub enum Strategy {}

impl Strategy {
    /// The strategy of that name, with its settings checked.
    ///
    /// # Errors
    ///
    /// If there is no such strategy, or its settings are wrong.
    pub fn named(name: &str, settings: &StrategySettings) -> Result<Box<dyn BidStrategy>, StrategyError> {
        let Some(entry) = REGISTRY.iter().find(|entry| entry.name == name) else {
            return Err(StrategyError::Name { name: name.to_owned(), known: names() });
        };
        match entry.make {
            Make::Formula(of) => Ok(Box::new(Formula { name: entry.name, of })),
            Make::By(make) => make(settings),
        }
    }
}

fn names() -> String {
    let names: Vec<&str> = STRATEGIES.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

fn default_strategy(_: &StrategySettings) -> Result<Box<dyn BidStrategy>, StrategyError> {
    Ok(Box::new(DefaultStrategy))
}

fn threshold(settings: &StrategySettings) -> Result<Box<dyn BidStrategy>, StrategyError> {
    let least = settings.threshold;
    if !(0.0..=1.0).contains(&least) {
        return Err(StrategyError::Threshold(least));
    }
    Ok(Box::new(Threshold { least }))
}

fn kelly(settings: &StrategySettings) -> Result<Box<dyn BidStrategy>, StrategyError> {
    let fraction = settings.kelly_fraction;
    if !(fraction > 0.0 && fraction <= 1.0) {
        return Err(StrategyError::KellyFraction(fraction));
    }
    Ok(Box::new(Kelly { fraction }))
}

fn table(settings: &StrategySettings) -> Result<Box<dyn BidStrategy>, StrategyError> {
    Ok(Box::new(BidTable::new(&settings.table)?))
}

fn expression(settings: &StrategySettings) -> Result<Box<dyn BidStrategy>, StrategyError> {
    Ok(Box::new(Expression::new(&settings.expression)?))
}
