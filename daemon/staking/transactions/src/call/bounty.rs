//! `postBounty`, which every few versions spelled anew.

use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use daemon_base::Nct;

use super::range;
use crate::abi::artifact_amounts::postBountyCall as CallV1_4_1;
use crate::abi::registry::postBountyCall as CallV1_3_0;
use crate::abi::uri_only::postBountyCall as CallV1_2_0;
use crate::abi::without_type::postBountyCall as CallV1_0_0;
use crate::abi::{AbiError, decode_call_with_text};
use crate::{Bloom, Guid, amount};

/// A bounty to post.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostBounty {
    /// Its number, which the ambassador chooses.
    pub guid: Guid,
    /// Where the artifacts are.
    pub uri: String,
    /// How many artifacts it has.
    pub artifact_count: u64,
    /// For how many blocks assertions are taken.
    pub duration: u64,
    /// Of the artifacts' hashes.
    pub bloom: Bloom,
    /// What the versions spell differently.
    pub form: BountyForm,
}

/// What the versions spell differently.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BountyForm {
    /// 1.0.0: bounties are of files.
    V1_0_0 {
        /// For the whole bounty.
        amount: Nct,
    },
    /// 1.2.0: a type of artifacts.
    V1_2_0 {
        /// 0 is a file, 1 a URL.
        artifact_type: u64,
        /// For the whole bounty.
        amount: Nct,
    },
    /// 1.3.0, 1.4.0 and from 1.5.0: type and metadata.
    V1_3_0 {
        /// 0 is a file, 1 a URL.
        artifact_type: u64,
        /// For the whole bounty.
        amount: Nct,
        /// Text, or where it is stored.
        metadata: String,
    },
    /// 1.4.1: an amount for each artifact.
    V1_4_1 {
        /// 0 is a file, 1 a URL.
        artifact_type: u64,
        /// For each artifact.
        amounts: Vec<Nct>,
        /// Text, or where it is stored.
        metadata: String,
    },
}

impl PostBounty {
    pub(super) fn encode(&self) -> Vec<u8> {
        let guid = self.guid.number();
        let uri = self.uri.clone();
        let [num_artifacts, duration] = [self.artifact_count, self.duration].map(U256::from);
        let bloom = self.bloom.to_words();
        match &self.form {
            BountyForm::V1_0_0 { amount } => {
                CallV1_0_0 { guid, amount: amount::to_u256(*amount), uri, numArtifacts: num_artifacts, duration, bloom }
                    .abi_encode()
            }
            BountyForm::V1_2_0 { artifact_type, amount } => CallV1_2_0 {
                guid,
                artifactType: U256::from(*artifact_type),
                amount: amount::to_u256(*amount),
                uri,
                numArtifacts: num_artifacts,
                duration,
                bloom,
            }
            .abi_encode(),
            BountyForm::V1_3_0 { artifact_type, amount, metadata } => CallV1_3_0 {
                guid,
                artifactType: U256::from(*artifact_type),
                amount: amount::to_u256(*amount),
                uri,
                numArtifacts: num_artifacts,
                duration,
                bloom,
                metadata: metadata.clone(),
            }
            .abi_encode(),
            BountyForm::V1_4_1 { artifact_type, amounts, metadata } => CallV1_4_1 {
                guid,
                artifactType: U256::from(*artifact_type),
                amount: amounts.iter().map(|amount| amount::to_u256(*amount)).collect(),
                uri,
                numArtifacts: num_artifacts,
                duration,
                bloom,
                metadata: metadata.clone(),
            }
            .abi_encode(),
        }
    }

    /// `selector` is that of one of the four functions.
    pub(super) fn decode(selector: [u8; 4], data: &[u8]) -> Result<PostBounty, AbiError> {
        match selector {
            CallV1_0_0::SELECTOR => {
                let call = decode_call_with_text(data, |call: &CallV1_0_0| &call.uri)?;
                Ok(PostBounty {
                    guid: Guid::from_number(call.guid),
                    uri: call.uri,
                    artifact_count: small::<CallV1_0_0>(call.numArtifacts, "numArtifacts")?,
                    duration: small::<CallV1_0_0>(call.duration, "duration")?,
                    bloom: Bloom::from_words(&call.bloom),
                    form: BountyForm::V1_0_0 { amount: nct::<CallV1_0_0>(call.amount)? },
                })
            }
            CallV1_2_0::SELECTOR => {
                let call = decode_call_with_text(data, |call: &CallV1_2_0| &call.uri)?;
                Ok(PostBounty {
                    guid: Guid::from_number(call.guid),
                    uri: call.uri,
                    artifact_count: small::<CallV1_2_0>(call.numArtifacts, "numArtifacts")?,
                    duration: small::<CallV1_2_0>(call.duration, "duration")?,
                    bloom: Bloom::from_words(&call.bloom),
                    form: BountyForm::V1_2_0 {
                        artifact_type: small::<CallV1_2_0>(call.artifactType, "artifactType")?,
                        amount: nct::<CallV1_2_0>(call.amount)?,
                    },
                })
            }
            CallV1_4_1::SELECTOR => {
                let call = decode_call_with_text(data, |call: &CallV1_4_1| &call.metadata)?;
                let amounts: Result<_, _> = call.amount.into_iter().map(nct::<CallV1_4_1>).collect();
                Ok(PostBounty {
                    guid: Guid::from_number(call.guid),
                    uri: call.uri,
                    artifact_count: small::<CallV1_4_1>(call.numArtifacts, "numArtifacts")?,
                    duration: small::<CallV1_4_1>(call.duration, "duration")?,
                    bloom: Bloom::from_words(&call.bloom),
                    form: BountyForm::V1_4_1 {
                        artifact_type: small::<CallV1_4_1>(call.artifactType, "artifactType")?,
                        amounts: amounts?,
                        metadata: call.metadata,
                    },
                })
            }
            _ => {
                let call = decode_call_with_text(data, |call: &CallV1_3_0| &call.metadata)?;
                Ok(PostBounty {
                    guid: Guid::from_number(call.guid),
                    uri: call.uri,
                    artifact_count: small::<CallV1_3_0>(call.numArtifacts, "numArtifacts")?,
                    duration: small::<CallV1_3_0>(call.duration, "duration")?,
                    bloom: Bloom::from_words(&call.bloom),
                    form: BountyForm::V1_3_0 {
                        artifact_type: small::<CallV1_3_0>(call.artifactType, "artifactType")?,
                        amount: nct::<CallV1_3_0>(call.amount)?,
                        metadata: call.metadata,
                    },
                })
            }
        }
    }
}

fn small<C: SolCall>(number: U256, argument: &'static str) -> Result<u64, AbiError> {
    number.try_into().map_err(|_| range::<C>(argument))
}

fn nct<C: SolCall>(number: U256) -> Result<Nct, AbiError> {
    amount::to_nct(number).map_err(|_| range::<C>("amount"))
}
