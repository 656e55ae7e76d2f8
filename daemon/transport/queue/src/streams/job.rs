//! A job: one artifact to scan until a deadline.

use std::time::Duration;

use daemon_base::Sha256Digest;
use serde::{Deserialize, Serialize};

use super::JOB_BYTES_MAX;
use crate::clock;
use crate::error::QueueError;

/// Where the artifact is, and what it must be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ArtifactReference {
    /// Where it is downloaded: at the marketplace's, or from the frontend's store.
    pub uri: String,
    /// The SHA-256 of its bytes, where it is known. Other bytes are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether its bytes spell a URL, whose content is to be judged.
    #[serde(default)]
    pub is_url: bool,
}

impl ArtifactReference {
    /// The digest; `None` where it is not known or not one.
    pub fn digest(&self) -> Option<Sha256Digest> {
        self.sha256.as_deref()?.parse().ok()
    }
}

/// A job on the wire. Fields that a later version adds are passed over by this one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamJob {
    /// Its id: the same for the same artifact of the same bounty, so that it is queued once.
    pub id: String,
    /// The frontend that waits for the report.
    pub frontend: String,
    /// The artifact.
    pub artifact: ArtifactReference,
    /// When a report is too late, in milliseconds since 1970.
    pub deadline: u64,
    /// When it was sent, in milliseconds since 1970.
    #[serde(default)]
    pub sent: u64,
}

impl StreamJob {
    /// A job that is sent now.
    pub fn new(id: &str, frontend: &str, artifact: ArtifactReference, time: Duration) -> StreamJob {
        let now = clock::now_ms();
        let deadline = now.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        StreamJob { id: id.to_owned(), frontend: frontend.to_owned(), artifact, deadline, sent: now }
    }

    /// The time until the deadline; nothing where that has passed.
    pub fn left(&self) -> Option<Duration> {
        self.deadline.checked_sub(clock::now_ms()).filter(|left| *left > 0).map(Duration::from_millis)
    }

    pub(super) fn read(text: &[u8]) -> Option<StreamJob> {
        let job: StreamJob = serde_json::from_slice(text).ok().filter(|_| text.len() <= JOB_BYTES_MAX)?;
        (super::is_name(&job.frontend) && !job.id.is_empty() && job.id.len() <= 512).then_some(job)
    }

    pub(super) fn write(&self) -> Result<String, QueueError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.len() > JOB_BYTES_MAX {
            return Err(QueueError::TooLarge { what: "job", bytes: text.len(), bytes_max: JOB_BYTES_MAX });
        }
        Ok(text)
    }
}
