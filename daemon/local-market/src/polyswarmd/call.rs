//! Calls of the token and the registry, as the chain carries them out: those of the contract's version, with amounts in
//! 128 bits.

use alloy_primitives::U256;
use daemon_market::{ContractVersion, Nct};
use daemon_transactions::signing::Bids;
use daemon_transactions::{Address, BountyForm, Guid, PostBounty, amount};

use super::registry::Posting;

/// A call, with its arguments read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum RegistryCall {
    Approve {
        spender: Address,
        amount: Nct,
    },
    Transfer {
        to: Address,
        amount: Nct,
    },
    PostBounty(Box<Posting>),
    PostAssertion {
        guid: Guid,
        bids: Vec<Nct>,
        mask: U256,
        commitment: U256,
    },
    RevealAssertion {
        guid: Guid,
        index: u64,
        nonce: U256,
        verdicts: U256,
        metadata: String,
    },
    VoteOnBounty {
        guid: Guid,
        votes: U256,
        valid_bloom: bool,
    },
    SettleBounty {
        guid: Guid,
    },
    /// What no contract here takes, such as the token's call sent to the registry. It is mined, and reverted.
    Refused(String),
}

impl RegistryCall {
    /// Reads the data of a transaction to the token, or else to the registry of this version.
    pub(super) fn decode(data: &[u8], to_token: bool, contract: ContractVersion) -> RegistryCall {
        match daemon_transactions::Call::decode(data) {
            Ok(call) => RegistryCall::of(call, to_token, contract),
            Err(why) => RegistryCall::Refused(why.to_string()),
        }
    }

    fn of(call: daemon_transactions::Call, to_token: bool, contract: ContractVersion) -> RegistryCall {
        use daemon_transactions::Call as Read;
        let is_for_token = matches!(call, Read::Approve { .. } | Read::Transfer { .. });
        let name = call.name();
        let foreign = || RegistryCall::Refused(format!("no function of this contract: {name}"));
        if is_for_token != to_token {
            return foreign();
        }
        match call {
            // Whoever allows more than there is, as many do, allows all there is.
            Read::Approve { spender, amount } => RegistryCall::Approve { spender, amount: saturated(amount) },
            Read::Transfer { recipient, amount } => RegistryCall::Transfer { to: recipient, amount: saturated(amount) },
            Read::PostBounty(bounty) => {
                posting(*bounty, contract).map_or_else(foreign, |posting| RegistryCall::PostBounty(Box::new(posting)))
            }
            Read::PostAssertion { guid, bids, mask, commitment } => {
                let bids = match bids {
                    Bids::Single(bid) if contract.one_bid() => vec![bid],
                    Bids::Each(bids) if !contract.one_bid() => bids,
                    Bids::Single(_) | Bids::Each(_) => return foreign(),
                };
                RegistryCall::PostAssertion { guid, bids, mask, commitment }
            }
            Read::RevealAssertion { guid, index, nonce, verdicts, metadata } => {
                RegistryCall::RevealAssertion { guid, index, nonce, verdicts, metadata }
            }
            Read::VoteOnBounty { guid, votes, valid_bloom } => RegistryCall::VoteOnBounty { guid, votes, valid_bloom },
            Read::SettleBounty { guid } => RegistryCall::SettleBounty { guid },
        }
    }

    /// The data of a transaction for this version.
    pub(super) fn encode(self, contract: ContractVersion) -> Vec<u8> {
        use daemon_transactions::Call as Written;
        let call = match self {
            RegistryCall::Approve { spender, amount } => Written::Approve { spender, amount: amount::to_u256(amount) },
            RegistryCall::Transfer { to, amount } => {
                Written::Transfer { recipient: to, amount: amount::to_u256(amount) }
            }
            RegistryCall::PostBounty(posting) => Written::PostBounty(Box::new(posted(*posting, contract))),
            RegistryCall::PostAssertion { guid, bids, mask, commitment } => {
                let bids = match bids.as_slice() {
                    [bid] if contract.one_bid() => Bids::Single(*bid),
                    _ => Bids::Each(bids),
                };
                Written::PostAssertion { guid, bids, mask, commitment }
            }
            RegistryCall::RevealAssertion { guid, index, nonce, verdicts, metadata } => {
                Written::RevealAssertion { guid, index, nonce, verdicts, metadata }
            }
            RegistryCall::VoteOnBounty { guid, votes, valid_bloom } => {
                Written::VoteOnBounty { guid, votes, valid_bloom }
            }
            RegistryCall::SettleBounty { guid } => Written::SettleBounty { guid },
            RegistryCall::Refused(_) => return Vec::new(),
        };
        call.encode()
    }
}

/// Whether this version's `postBounty` has no artifact type and no metadata.
fn is_without_type(contract: ContractVersion) -> bool {
    match contract {
        ContractVersion::V1_0_0 => true,
        ContractVersion::V1_3_0 | ContractVersion::V1_4_0 | ContractVersion::V1_5_0 | ContractVersion::V1_6_1 => false,
    }
}

/// A bounty in the form of this version; `None` if it is of another.
fn posting(bounty: PostBounty, contract: ContractVersion) -> Option<Posting> {
    let (artifact_type, amount, metadata) = match bounty.form {
        BountyForm::V1_0_0 { amount } if is_without_type(contract) => (0, amount, String::new()),
        BountyForm::V1_3_0 { artifact_type, amount, metadata } if !is_without_type(contract) => {
            (artifact_type, amount, metadata)
        }
        BountyForm::V1_0_0 { .. }
        | BountyForm::V1_2_0 { .. }
        | BountyForm::V1_3_0 { .. }
        | BountyForm::V1_4_1 { .. } => return None,
    };
    let PostBounty { guid, uri, artifact_count, duration, bloom, form: _ } = bounty;
    Some(Posting { guid, artifact_type, amount, uri, artifact_count, duration, bloom, metadata })
}

fn posted(posting: Posting, contract: ContractVersion) -> PostBounty {
    let Posting { guid, artifact_type, amount, uri, artifact_count, duration, bloom, metadata } = posting;
    let form = if is_without_type(contract) {
        BountyForm::V1_0_0 { amount }
    } else {
        BountyForm::V1_3_0 { artifact_type, amount, metadata }
    };
    PostBounty { guid, uri, artifact_count, duration, bloom, form }
}

fn saturated(amount: U256) -> Nct {
    Nct::from_base_units(u128::try_from(amount).unwrap_or(u128::MAX))
}
