//! Parses a response URL like the engine's queue delivery.
//!
//! For diagnostics only: an answer is posted to the url as it came, whatever its shape.

/// The parts of a response url of the form `https://host/<a>/<b>/<bounty id>/<task>/?<key>=<nonce>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callback {
    /// `assertions` or `votes`, or whatever stands there.
    pub task: String,
    /// The id of the bounty, by the url.
    pub bounty_id: String,
    /// Secret that authorizes the answer. Anybody who knows it can answer for this engine.
    pub nonce: String,
}

/// Why a response url has not that form.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallbackError {
    /// The path has the wrong number of parts.
    #[error(
        "the path of the response url has {0} parts between slashes, not 6: /a/b/<bounty id>/<assertions or votes>/"
    )]
    Path(usize),
    /// The query is not a single key and value.
    #[error("the query of the response url is not a single key=value")]
    Query,
}

impl Callback {
    /// Reads the parts out of `response_url`.
    ///
    /// # Errors
    ///
    /// [`CallbackError`] if the path has not six parts, or the query is not one key and its value.
    pub fn parse(response_url: &str) -> Result<Self, CallbackError> {
        let (path, query) = path_and_query(response_url);
        let parts: Vec<&str> = path.split('/').collect();
        let [_, _, _, bounty_id, task, _] = parts[..] else { return Err(CallbackError::Path(parts.len())) };
        match query.split('=').collect::<Vec<_>>()[..] {
            [_, nonce] => Ok(Callback { task: task.into(), bounty_id: bounty_id.into(), nonce: nonce.into() }),
            _ => Err(CallbackError::Query),
        }
    }
}

/// The last segment of the path that is not empty.
pub(crate) fn last_segment(response_url: &str) -> Option<&str> {
    path_and_query(response_url).0.rsplit('/').find(|segment| !segment.is_empty())
}

/// Splits and nothing else: no decoding, no normalising, as Python's `urlparse`.
fn path_and_query(url: &str) -> (&str, &str) {
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => url,
    };
    (path, query)
}
