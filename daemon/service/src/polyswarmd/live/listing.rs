//! What is recorded of a bounty: what polyswarmd says of it, and what was seen when it came.

use std::rc::Rc;
use std::time::Duration;

use daemon_base::text::causes;
use daemon_polyswarmd::{BidForm, Market, event};
use tracing::warn;

use super::super::chain::Hearing;
use super::super::recorded::{RecordedArtifact, RecordedBounty};
use super::LiveChain;

impl LiveChain {
    /// Lists the artifacts of a bounty, and hands it on.
    pub(super) async fn list(&self, bounty: event::BountyPosted, heard: &Rc<dyn Hearing>) {
        let Ok(_turn) = self.listing.acquire().await else { return };
        let guid = bounty.guid;
        let Ok(Market { client, .. }) = self.market() else { return };
        let listed = match client.artifacts(&bounty.uri).await {
            Ok(listed) => listed,
            Err(error) => return warn!(%guid, why = causes(&error), "bounty not taken: its artifacts are not listed"),
        };
        // A bid on an artifact that the contract does not know could lock everybody's stakes: it says how many there are.
        let known = match client.bounty(guid).await {
            Ok(bounty) => {
                bounty.num_artifacts.map_or(listed.len(), |count| usize::try_from(count).unwrap_or(usize::MAX))
            }
            Err(error) => return warn!(%guid, why = causes(&error), "bounty not taken: its artifacts are not counted"),
        };
        let artifacts = listed.len().min(known);
        let Some(parameters) = *self.parameters.borrow() else { return };
        let fast = self.is_fast();
        let pace = self.blocks.block_time();
        let left = bounty.expiration.saturating_sub(self.blocks.latest());
        let block_time = if fast { Duration::from_secs(left) } else { pace };
        let metadata = (0..artifacts).map(|artifact| bounty.metadata.of(artifact).cloned().unwrap_or_default());
        let recorded = RecordedBounty {
            guid: guid.to_string(),
            artifact_type: match bounty.artifact_type {
                daemon_market::ArtifactType::File => "file".to_owned(),
                daemon_market::ArtifactType::Url => "url".to_owned(),
            },
            author: bounty.author.to_string(),
            amount: bounty.amount,
            uri: bounty.uri,
            metadata: metadata.collect(),
            artifacts: listed
                .into_iter()
                .take(artifacts)
                .map(|entry| RecordedArtifact { name: entry.name, hash: entry.hash })
                .collect(),
            expiration: (!fast).then_some(bounty.expiration),
            block: self.blocks.latest(),
            block_millis: u64::try_from(block_time.as_millis()).unwrap_or(u64::MAX),
            bid_min: parameters.assertion_bid_minimum,
            bid_max: parameters.assertion_bid_maximum,
            assertion_fee: parameters.assertion_fee,
            bounty_fee: parameters.bounty_fee,
            one_bid: self.config.bids == BidForm::Single,
            response_url: format!("{}/bounties/{guid}/assertions", client.base().host()),
        };
        heard.bounty(recorded).await;
    }
}
