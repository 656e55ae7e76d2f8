//! Downloads of artifacts: from polyswarmd itself, into the sealed files of the download crate.

use daemon_download::{FetchError, Fetched, Fetcher};
use reqwest::StatusCode;
use tokio::time::{Instant, timeout_at};

use super::Client;
use super::error::{RequestError, RequestFailure, said};
use super::send::ApiCall;
use crate::is_artifact_uri;
use crate::uri::is_artifact_index;

/// Longest that a refusal is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 1 << 10;

/// Why an artifact could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The server did not give it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// What it gave could not be kept: too large, too slow, broken off.
    #[error("cannot download artifact {index} of {uri}")]
    Download {
        /// The URI.
        uri: String,
        /// The artifact's number.
        index: usize,
        /// Why not.
        #[source]
        source: FetchError,
    },
}

impl Client {
    /// Downloads an artifact of a bounty before `deadline`, within the limits of `fetcher`. For a URL artifact, the bytes
    /// are the URL.
    ///
    /// # Errors
    /// If the URI or the number are none of artifacts, the request fails, or the bytes cannot be kept.
    pub async fn artifact(
        &self,
        uri: &str,
        index: usize,
        fetcher: &Fetcher,
        deadline: Instant,
    ) -> Result<Fetched, ArtifactError> {
        let call = ApiCall::get(format!("/artifacts/{uri}/{index}"));
        let error = |why| RequestError { what: format!("GET {}", call.path), host: self.base().host(), why };
        if !is_artifact_uri(uri) || !is_artifact_index(index) {
            let uri = daemon_base::text::shortened(uri, 100);
            let why = RequestFailure::NotSent(format!("there can be no artifact {index} of `{uri}`"));
            return Err(RequestError { what: "GET /artifacts".to_owned(), host: self.base().host(), why }.into());
        }
        let limits = &self.shared.limits;
        let mut pause = limits.retry_pause;
        let mut attempt = 1;
        loop {
            let failed = match timeout_at(deadline, self.artifact_once(&call, attempt, fetcher, deadline)).await {
                Ok(Ok(fetched)) => return Ok(fetched),
                Ok(Err(failed)) => failed,
                Err(_) => Failed::Download(FetchError::Deadline),
            };
            let is_passing = match &failed {
                Failed::Request(failure) => failure.is_passing(),
                Failed::Download(source) => source.is_worth_retrying(),
            };
            let is_late = Instant::now().checked_add(pause).is_none_or(|then| then >= deadline);
            if !is_passing || is_late || attempt >= limits.attempts_max {
                return Err(match failed {
                    Failed::Request(failure) => error(failure).into(),
                    Failed::Download(source) => ArtifactError::Download { uri: uri.to_owned(), index, source },
                });
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
            attempt += 1;
        }
    }

    async fn artifact_once(
        &self,
        call: &ApiCall<'_>,
        attempt: u32,
        fetcher: &Fetcher,
        deadline: Instant,
    ) -> Result<Fetched, Failed> {
        self.shared.pause.wait().await;
        let time_max = self.shared.limits.request_time_max;
        let sent = tokio::time::timeout(time_max, self.send(call)).await;
        let mut response = sent.unwrap_or(Err(RequestFailure::TooSlow(time_max)))?;
        match response.status() {
            // Neither a part (206) nor nothing (204): only this is the artifact.
            StatusCode::OK => fetcher.keep(response, deadline).await.map_err(Failed::Download),
            StatusCode::TOO_MANY_REQUESTS => {
                self.too_many(&response);
                Err(RequestFailure::RateLimited(attempt).into())
            }
            status => {
                let mut text = Vec::new();
                let read = async {
                    while let Ok(Some(chunk)) = response.chunk().await {
                        text.extend_from_slice(&chunk[..chunk.len().min(REFUSAL_BYTES_MAX - text.len())]);
                        if text.len() == REFUSAL_BYTES_MAX {
                            break;
                        }
                    }
                };
                let _ = tokio::time::timeout(time_max, read).await;
                let said = said(&String::from_utf8_lossy(&text));
                Err(RequestFailure::Refused { status: status.as_u16(), said, errors: None }.into())
            }
        }
    }
}

/// How one attempt failed.
enum Failed {
    Request(RequestFailure),
    Download(FetchError),
}

impl From<RequestFailure> for Failed {
    fn from(failure: RequestFailure) -> Failed {
        Failed::Request(failure)
    }
}
