//! The events, each with its data.

use daemon_base::Nct;
use daemon_market::ArtifactType;
use daemon_transactions::{Address, Guid, U256};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{EventError, Metadata};
use crate::lenient;

/// Something that happened on the market.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The websocket is there. `start_time` is when the server started, as it tells it: seconds since 1970.
    Connected {
        /// Seconds since 1970, with a fraction; empty if not told.
        start_time: String,
    },
    /// A block was mined.
    Block {
        /// Its number.
        number: u64,
    },
    /// A bounty was posted.
    Bounty(BountyPosted),
    /// An expert asserted, with a commitment in place of verdicts.
    Assertion(AssertionPosted),
    /// An expert revealed the verdicts of an assertion.
    Reveal(Reveal),
    /// An arbiter voted.
    Vote(VoteCast),
    /// Enough arbiters voted the same: experts and the ambassador may settle.
    Quorum {
        /// The bounty.
        bounty_guid: Guid,
    },
    /// Somebody settled a bounty for himself.
    SettledBounty(SettledBounty),
    /// The market's fees changed.
    FeeUpdate(FeeUpdate),
    /// The market's windows changed.
    WindowUpdate(WindowUpdate),
    /// The contract takes no more bounties: what is open has to be settled.
    Deprecated {
        /// Whether another contract takes its place.
        rollover: bool,
    },
    /// The contract takes bounties again.
    Undeprecated,
    /// A channel for offers was opened. Of no interest to a microengine.
    InitializedChannel(InitializedChannel),
}

impl Event {
    /// The name of the event on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Connected { .. } => "connected",
            Event::Block { .. } => "block",
            Event::Bounty(_) => "bounty",
            Event::Assertion(_) => "assertion",
            Event::Reveal(_) => "reveal",
            Event::Vote(_) => "vote",
            Event::Quorum { .. } => "quorum",
            Event::SettledBounty(_) => "settled_bounty",
            Event::FeeUpdate(_) => "fee_update",
            Event::WindowUpdate(_) => "window_update",
            Event::Deprecated { .. } => "deprecated",
            Event::Undeprecated => "undeprecated",
            Event::InitializedChannel(_) => "initialized_channel",
        }
    }
}

/// A bounty that was posted.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct BountyPosted {
    /// The bounty's guid.
    #[serde(deserialize_with = "lenient::text")]
    pub guid: Guid,
    /// What its artifacts are.
    #[serde(deserialize_with = "artifact_type")]
    pub artifact_type: ArtifactType,
    /// Who posted it.
    #[serde(deserialize_with = "lenient::address")]
    pub author: Address,
    /// The reward for all its artifacts together.
    #[serde(deserialize_with = "lenient::nct")]
    pub amount: Nct,
    /// The URI under which its artifacts are listed. Check it by [`is_artifact_uri`](crate::is_artifact_uri).
    pub uri: String,
    /// The last block (on fast: the last second since 1970) in which assertions are taken.
    #[serde(deserialize_with = "lenient::u64")]
    pub expiration: u64,
    /// Metadata of its artifacts.
    #[serde(default)]
    pub metadata: Metadata,
}

/// An assertion that was posted.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct AssertionPosted {
    /// The bounty.
    #[serde(deserialize_with = "lenient::text")]
    pub bounty_guid: Guid,
    /// The expert.
    #[serde(deserialize_with = "lenient::address")]
    pub author: Address,
    /// Its number among the bounty's assertions, from 0.
    #[serde(deserialize_with = "lenient::u64")]
    pub index: u64,
    /// A bid for each artifact in the mask; one for all of them on contracts up to 1.3.0.
    #[serde(deserialize_with = "lenient::ncts")]
    pub bid: Vec<Nct>,
    /// The artifacts that it is about: padded with false to their number, but longer where a higher bit is set.
    #[serde(deserialize_with = "lenient::bools")]
    pub mask: Vec<bool>,
    /// The commitment to verdicts that are not told yet.
    #[serde(deserialize_with = "lenient::u256")]
    pub commitment: U256,
}

/// An assertion that was revealed.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Reveal {
    /// The bounty.
    #[serde(deserialize_with = "lenient::text")]
    pub bounty_guid: Guid,
    /// The expert.
    #[serde(deserialize_with = "lenient::address")]
    pub author: Address,
    /// The number of the assertion.
    #[serde(deserialize_with = "lenient::u64")]
    pub index: u64,
    /// The nonce of its commitment.
    #[serde(deserialize_with = "lenient::u256")]
    pub nonce: U256,
    /// True where an artifact is said to be malicious. Of any length.
    #[serde(deserialize_with = "lenient::bools")]
    pub verdicts: Vec<bool>,
    /// What the expert says about the artifacts.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A vote that was cast.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct VoteCast {
    /// The bounty.
    #[serde(deserialize_with = "lenient::text")]
    pub bounty_guid: Guid,
    /// The arbiter.
    #[serde(deserialize_with = "lenient::address")]
    pub voter: Address,
    /// True where an artifact is malicious. Of any length.
    #[serde(deserialize_with = "lenient::bools")]
    pub votes: Vec<bool>,
}

/// A settlement of one participant.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct SettledBounty {
    /// The bounty.
    #[serde(deserialize_with = "lenient::text")]
    pub bounty_guid: Guid,
    /// Who settled, and was paid.
    #[serde(deserialize_with = "lenient::address")]
    pub settler: Address,
    /// What was paid to him. A JSON number, which may be beyond 64 bits.
    #[serde(deserialize_with = "lenient::nct")]
    pub payout: Nct,
}

/// Fees that are in force from now on, also for bounties that are open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct FeeUpdate {
    /// What posting a bounty costs.
    #[serde(deserialize_with = "lenient::nct")]
    pub bounty_fee: Nct,
    /// What an assertion costs.
    #[serde(deserialize_with = "lenient::nct")]
    pub assertion_fee: Nct,
}

/// Windows that are in force from now on, in blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct WindowUpdate {
    /// Blocks after the expiration in which assertions may be revealed.
    #[serde(deserialize_with = "lenient::u64")]
    pub assertion_reveal_window: u64,
    /// Blocks after that in which arbiters may vote.
    #[serde(deserialize_with = "lenient::u64")]
    pub arbiter_vote_window: u64,
}

/// A channel for offers.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct InitializedChannel {
    /// The channel.
    #[serde(deserialize_with = "lenient::text")]
    pub guid: Guid,
    /// Who offers.
    #[serde(deserialize_with = "lenient::address")]
    pub ambassador: Address,
    /// Whom it is offered to.
    #[serde(deserialize_with = "lenient::address")]
    pub expert: Address,
    /// The contract of the channel.
    #[serde(deserialize_with = "lenient::address")]
    pub multi_signature: Address,
}

#[derive(Deserialize)]
struct Connected {
    #[serde(default)]
    start_time: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(deserialize_with = "lenient::u64")]
    number: u64,
}

#[derive(Deserialize)]
struct Quorum {
    #[serde(deserialize_with = "lenient::text")]
    bounty_guid: Guid,
}

#[derive(Deserialize)]
struct Deprecated {
    #[serde(default)]
    rollover: bool,
}

/// `file` or `url`, of either case.
pub(crate) fn artifact_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ArtifactType, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    if text.eq_ignore_ascii_case("file") {
        Ok(ArtifactType::File)
    } else if text.eq_ignore_ascii_case("url") {
        Ok(ArtifactType::Url)
    } else {
        Err(serde::de::Error::custom("the artifact type is neither file nor url"))
    }
}

/// Reads the data of the event of this name; `None` if there is no such event.
pub(super) fn read(name: &str, data: Option<&RawValue>) -> Result<Option<Event>, EventError> {
    fn of<'m, T: Deserialize<'m>>(event: &'static str, data: Option<&'m RawValue>) -> Result<T, EventError> {
        let data = data.map_or("{}", RawValue::get);
        let data = if data == "null" { "{}" } else { data };
        if !data.starts_with('{') {
            return Err(EventError::Data { event, why: "it is no JSON object".to_owned() });
        }
        serde_json::from_str(data).map_err(|error| EventError::Data { event, why: lenient::told(&error) })
    }
    Ok(Some(match name {
        "connected" => {
            let start_time = match of::<Connected>("connected", data)?.start_time {
                Some(serde_json::Value::String(text)) => daemon_base::text::shortened(&text, 40),
                Some(serde_json::Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            Event::Connected { start_time }
        }
        "block" => Event::Block { number: of::<Block>("block", data)?.number },
        "bounty" => Event::Bounty(of("bounty", data)?),
        "assertion" => Event::Assertion(of("assertion", data)?),
        "reveal" => Event::Reveal(of("reveal", data)?),
        "vote" => Event::Vote(of("vote", data)?),
        "quorum" => Event::Quorum { bounty_guid: of::<Quorum>("quorum", data)?.bounty_guid },
        "settled_bounty" => Event::SettledBounty(of("settled_bounty", data)?),
        "fee_update" => Event::FeeUpdate(of("fee_update", data)?),
        "window_update" => Event::WindowUpdate(of("window_update", data)?),
        "deprecated" => Event::Deprecated { rollover: of::<Deprecated>("deprecated", data)?.rollover },
        "undeprecated" => Event::Undeprecated,
        "initialized_channel" => Event::InitializedChannel(of("initialized_channel", data)?),
        _ => return Ok(None),
    }))
}
