//! Choices of the operator that other parts know too.

use daemon_config::choice;

choice! {
    /// A chain of the market.
    Chain: "\"side\" or \"home\"" {
        /// The chain that bounties are posted on.
        Side = "side",
        /// The chain that NCT live on: the main chain of Ethereum.
        Home = "home",
    }
}

impl Chain {
    /// The name of the chain in requests.
    pub fn name(self) -> &'static str {
        match self {
            Chain::Side => "side",
            Chain::Home => "home",
        }
    }
}

choice! {
    /// How a market takes the bids of a bounty with several artifacts.
    BidForm: "\"each\" or \"single\"" {
        /// A bid for each artifact that is asserted on: contracts from 1.4.0.
        Each = "each",
        /// One bid for all of them, the average: contracts up to 1.3.0.
        Single = "single",
    }
}
