//! The roles of those who take part in a market.

use serde::Serialize;

/// Role of a party.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Participant {
    /// Posts bounties.
    Ambassador,
    /// An engine that is tried.
    Engine,
    /// Another who bets.
    Rival,
    /// Votes on the ground truth.
    Arbiter,
    /// Holds locked money.
    Registry,
}

impl Participant {
    /// Name of the role.
    pub fn name(self) -> &'static str {
        match self {
            Participant::Ambassador => "ambassador",
            Participant::Engine => "engine",
            Participant::Rival => "rival",
            Participant::Arbiter => "arbiter",
            Participant::Registry => "registry",
        }
    }
}
