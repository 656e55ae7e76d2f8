//! Requests to the daemon, and their encoding as HTTP.

use std::fmt;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};

/// Maximum size of the lines in one request, in bytes. Longer input is sent in several requests.
pub const LINES_BYTES_MAX: usize = 4 << 20;
/// Longest name that lines may have, in bytes.
pub const NAME_BYTES_MAX: usize = 32;
/// Longest id of a letter, in bytes.
const LETTER_BYTES_MAX: usize = 128;
/// The header with the name of lines.
pub(crate) const NAME_HEADER: &str = "stakeout-name";

/// A request to the daemon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControlRequest {
    /// Whether it works, and whether it takes bounties: a [`Health`].
    Health,
    /// The rules in use.
    Rules,
    /// The state of the purse.
    Purse,
    /// Settlements to import. [`Taken`] gives the id of the receipt.
    Tell {
        /// Name of the import, for the log: letters, digits and `-`.
        name: String,
        /// One record a line.
        lines: Bytes,
    },
    /// The result of an import.
    Receipt(LetterId),
}

/// An answer of the daemon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControlReply {
    /// The requested document, as JSON.
    Said(String),
    /// There is nothing yet.
    NotYet,
    /// The request is invalid, with the reason.
    Wrong(String),
    /// The request failed, with the reason.
    Cannot(String),
}

/// Whether all is well with a daemon.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Health {
    /// Version of the daemon.
    pub version: String,
    /// Whether it judges without answering anybody.
    pub dry_run: bool,
    /// Why work does not go on, where it does not.
    pub not_live: Option<String>,
    /// Why it takes no bounties, where it takes none.
    pub not_ready: Option<String>,
}

/// Lines are on the daemon's disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// Id of the receipt.
    pub letter: LetterId,
}

/// Names lines that were taken. It is part of a file's name, so it has letters, digits and `-` alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LetterId(String);

impl LetterId {
    /// The id that `text` is, if it is one.
    pub fn new(text: &str) -> Option<LetterId> {
        (plain(text) && (1..=LETTER_BYTES_MAX).contains(&text.len())).then(|| LetterId(text.to_owned()))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LetterId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<LetterId, &'static str> {
        LetterId::new(&text).ok_or("invalid inbox id")
    }
}

impl From<LetterId> for String {
    fn from(id: LetterId) -> String {
        id.0
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A request's line and body.
pub(crate) struct EncodedRequest {
    pub method: Method,
    pub path: String,
    pub name: Option<String>,
    pub body: Bytes,
}

impl ControlRequest {
    pub(crate) fn write(&self) -> EncodedRequest {
        let get =
            |path: &str| EncodedRequest { method: Method::GET, path: path.to_owned(), name: None, body: Bytes::new() };
        match self {
            ControlRequest::Health => get("/health"),
            ControlRequest::Rules => get("/rules"),
            ControlRequest::Purse => get("/purse"),
            ControlRequest::Receipt(letter) => get(&format!("/inbox/{letter}")),
            ControlRequest::Tell { name, lines } => {
                let name = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(NAME_BYTES_MAX);
                let (name, body) = (Some(name.collect()), lines.clone());
                EncodedRequest { method: Method::POST, path: "/inbox".to_owned(), name, body }
            }
        }
    }

    /// Decodes a request, or returns the status and the reason of its refusal.
    pub(crate) fn read(written: EncodedRequest) -> Result<ControlRequest, (StatusCode, String)> {
        let EncodedRequest { method, path, name, body } = written;
        let ask = match path.as_str() {
            "/health" => ControlRequest::Health,
            "/rules" => ControlRequest::Rules,
            "/purse" => ControlRequest::Purse,
            "/inbox" => {
                let name = name.unwrap_or_default();
                if !plain(&name) || name.len() > NAME_BYTES_MAX {
                    let why = format!("{NAME_HEADER} must consist of at most {NAME_BYTES_MAX} letters, digits and -");
                    return Err((StatusCode::BAD_REQUEST, why));
                }
                ControlRequest::Tell { name, lines: body }
            }
            path => match path.strip_prefix("/inbox/").and_then(LetterId::new) {
                Some(letter) => ControlRequest::Receipt(letter),
                None => {
                    let there = "not found: use /health, /rules, /purse, /inbox or /inbox/LETTER".to_owned();
                    return Err((StatusCode::NOT_FOUND, there));
                }
            },
        };
        let wanted = if matches!(ask, ControlRequest::Tell { .. }) { Method::POST } else { Method::GET };
        if method != wanted {
            return Err((StatusCode::METHOD_NOT_ALLOWED, format!("{path} supports only {wanted}")));
        }
        Ok(ask)
    }
}

impl ControlReply {
    /// Makes the answer to a request.
    pub fn said(record: &impl Serialize) -> ControlReply {
        match serde_json::to_string(record) {
            Ok(text) => ControlReply::Said(text),
            Err(error) => ControlReply::Cannot(format!("cannot encode the answer: {error}")),
        }
    }

    pub(crate) fn write(self) -> (StatusCode, String) {
        match self {
            ControlReply::Said(text) => (StatusCode::OK, text),
            ControlReply::NotYet => (StatusCode::NOT_FOUND, "not finished yet".to_owned()),
            ControlReply::Wrong(why) => (StatusCode::BAD_REQUEST, why),
            ControlReply::Cannot(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_arrives_as_it_was_asked() {
        let letter = LetterId::new("17-4-settled").unwrap();
        let lines = Bytes::from_static(b"{}\n");
        for ask in [
            ControlRequest::Health,
            ControlRequest::Rules,
            ControlRequest::Purse,
            ControlRequest::Tell { name: "settled".to_owned(), lines: lines.clone() },
            ControlRequest::Receipt(letter),
        ] {
            assert_eq!(ControlRequest::read(ask.write()), Ok(ask));
        }
        // A name is cut down to what a name may be.
        let written = ControlRequest::Tell { name: "../etc/pass wd".to_owned(), lines }.write();
        assert_eq!(written.name.as_deref(), Some("etcpasswd"));
    }

    #[test]
    fn nothing_that_could_be_a_path_is_taken() {
        for id in ["", ".", "..", "../7", "a/b", "a.receipt", "a\0b", "ä", &"7".repeat(LETTER_BYTES_MAX + 1)] {
            assert_eq!(LetterId::new(id), None, "{id:?}");
            assert!(serde_json::from_value::<Taken>(serde_json::json!({ "letter": id })).is_err(), "{id:?}");
            let path = format!("/inbox/{id}");
            let asked = EncodedRequest { method: Method::GET, path, name: None, body: Bytes::new() };
            assert_eq!(ControlRequest::read(asked).unwrap_err().0, StatusCode::NOT_FOUND, "{id:?}");
            let asked = EncodedRequest {
                method: Method::POST,
                path: "/inbox".to_owned(),
                name: Some(id.into()),
                body: Bytes::new(),
            };
            assert_eq!(ControlRequest::read(asked).is_ok(), id.is_empty(), "{id:?}");
        }
    }

    #[test]
    fn another_method_is_not_taken_for_the_right_one() {
        for (method, path) in [(Method::POST, "/purse"), (Method::GET, "/inbox"), (Method::DELETE, "/inbox/7")] {
            let asked = EncodedRequest { method, path: path.to_owned(), name: None, body: Bytes::new() };
            assert_eq!(ControlRequest::read(asked).unwrap_err().0, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
}
