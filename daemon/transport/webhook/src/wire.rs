//! From the bytes of a delivery to a [`Bounty`], in both dialects that PolySwarm's senders have spoken.
//!
//! The parser is lenient about irrelevant fields and strict about fields that concern money: ids are kept exactly,
//! amounts never pass through a float, and a duplicate key is an error, because the signer and the reader might use
//! different ones. It reads no clock.

use daemon_base::Sha256Digest;
use daemon_base::text::is_printable;
use daemon_market::{ArtifactType, BidBounds, Bounty, BountyId, BountyKey, Nct, Phase, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{amount::amount, expiration, response_url};

/// Longest id that is kept, in bytes.
pub(crate) const ID_BYTES_MAX: usize = 128;

/// Why a body is not a bounty.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The body is not JSON, or has a duplicate key.
    #[error("the body cannot be read as a bounty: {0}")]
    NotJson(#[source] serde_json::Error),
    /// The body is not UTF-8.
    #[error("the body is not UTF-8, so it is not JSON")]
    NotText,
    /// The body is JSON, but not an object.
    #[error("the body is JSON but not an object with the fields of a bounty")]
    NotAnObject,
    /// A field that must be there is not.
    #[error("`{field}` is missing")]
    Missing {
        /// Name of the field.
        field: &'static str,
    },
    /// A field is there and cannot be used.
    #[error("`{field}` cannot be used: {why}")]
    Unusable {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with the field.
        why: &'static str,
    },
}

impl WireError {
    /// The field at fault, where it is one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            WireError::NotJson(_) | WireError::NotText | WireError::NotAnObject => None,
            WireError::Missing { field } | WireError::Unusable { field, .. } => Some(field),
        }
    }
}

/// The fields we read, each still as it is written. Everything else is passed over.
#[derive(Deserialize)]
struct BountyFields<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    guid: Option<&'a RawValue>,
    #[serde(borrow)]
    artifact_uri: Option<&'a RawValue>,
    #[serde(borrow)]
    artifact_url: Option<&'a RawValue>,
    #[serde(borrow)]
    artifact_type: Option<&'a RawValue>,
    #[serde(borrow)]
    rules: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    sha256: Option<&'a RawValue>,
    #[serde(borrow)]
    mimetype: Option<&'a RawValue>,
    #[serde(borrow)]
    phase: Option<&'a RawValue>,
    #[serde(borrow)]
    expiration: Option<&'a RawValue>,
    #[serde(borrow)]
    reward: Option<&'a RawValue>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(borrow)]
    response_url: Option<&'a RawValue>,
}

/// Limits of bids, unparsed.
#[derive(Deserialize)]
struct RawBidRules<'a> {
    #[serde(borrow)]
    min_allowed_bid: Option<&'a RawValue>,
    #[serde(borrow)]
    max_allowed_bid: Option<&'a RawValue>,
}

/// Reads the bounty that `body` is, which came in at `now`.
///
/// If both formats' names of a field are present, the newer one counts: `id` before `guid`, `artifact_uri` before
/// `artifact_url`, `reward` before `amount`. A field that is `null` is absent.
///
/// # Errors
///
/// [`WireError`] if the body is not a JSON object in UTF-8, or a field is missing or cannot be used.
pub fn parse(body: &[u8], now: Timestamp) -> Result<Bounty, WireError> {
    let body = str::from_utf8(body).map_err(|_| WireError::NotText)?;
    let fields: BountyFields<'_> = object(body).map_err(WireError::NotJson)?.ok_or(WireError::NotAnObject)?;

    let response_url = text_field("response_url", fields.response_url)?.filter(|url| !url.is_empty());
    let phase = phase(fields.phase.and_then(text).as_deref(), response_url.as_deref());
    let artifact_type = artifact_type(text_field("artifact_type", fields.artifact_type)?.as_deref())?;
    let metadata = metadata(&fields)?;
    Ok(Bounty {
        key: BountyKey { id: id(&fields)?, phase },
        artifact_type,
        artifact_uri: artifact_uri(&fields)?,
        sha256: sha256(&metadata, fields.sha256),
        metadata,
        bounds: bounds(fields.rules)?,
        reward: fields.reward.or(fields.amount).and_then(|raw| amount(raw).ok()).map(Nct::from_base_units),
        response_url,
        deliverable: true,
        expires: match text_field("expiration", fields.expiration)? {
            None => now + expiration::UNSAID,
            Some(text) => expiration::moment(&text)
                .ok_or(WireError::Unusable { field: "expiration", why: "it must be a date and time in ISO 8601" })?,
        },
        on_chain: None,
    })
}

/// An object's fields; none where `json` is something else. Serde would take an array for a struct as well, by position.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> serde_json::Result<Option<T>> {
    if json.trim_ascii_start().starts_with('{') {
        return serde_json::from_str(json).map(Some);
    }
    serde_json::from_str::<&RawValue>(json).map(|_| None)
}

fn text_field(field: &'static str, raw: Option<&RawValue>) -> Result<Option<String>, WireError> {
    raw.map(|raw| text(raw).ok_or(WireError::Unusable { field, why: "it must be a string" })).transpose()
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A number's digits as they stand there, never as a number: ids exceed 64 bits. Or the text of a string.
fn id(fields: &BountyFields<'_>) -> Result<BountyId, WireError> {
    let (field, raw) = match (fields.id, fields.guid) {
        (Some(id), _) => ("id", id),
        (None, Some(guid)) => ("guid", guid),
        (None, None) => return Err(WireError::Missing { field: "id" }),
    };
    let unusable = |why| WireError::Unusable { field, why };
    let decoded;
    let id = match raw.get().as_bytes().first() {
        Some(b'"') => {
            decoded = text(raw).ok_or_else(|| unusable("it is not a proper string"))?;
            decoded.as_str()
        }
        Some(b'-' | b'0'..=b'9') => raw.get(),
        _ => return Err(unusable("it must be a number or a string")),
    };
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(unusable("it must have 1 to 128 bytes"));
    }
    if !id.chars().all(is_printable) {
        return Err(unusable("it has control or invisible characters"));
    }
    Ok(BountyId::new(id))
}

fn artifact_uri(fields: &BountyFields<'_>) -> Result<String, WireError> {
    let (field, raw) = match (fields.artifact_uri, fields.artifact_url) {
        (Some(uri), _) => ("artifact_uri", uri),
        (None, Some(url)) => ("artifact_url", url),
        (None, None) => return Err(WireError::Missing { field: "artifact_uri" }),
    };
    match text(raw) {
        Some(uri) if !uri.is_empty() => Ok(uri),
        Some(_) | None => Err(WireError::Unusable { field, why: "it must be a string that is not empty" }),
    }
}

fn artifact_type(text: Option<&str>) -> Result<ArtifactType, WireError> {
    match text {
        None => Ok(ArtifactType::File),
        Some(text) if text.eq_ignore_ascii_case("file") => Ok(ArtifactType::File),
        Some(text) if text.eq_ignore_ascii_case("url") => Ok(ArtifactType::Url),
        Some(_) => Err(WireError::Unusable { field: "artifact_type", why: "it must be FILE or URL" }),
    }
}

/// `phase` before the response url: it is the marketplace's own word, while the url is an address whose shape it may
/// change any day. Only where it says nothing that we know does the url decide.
fn phase(phase: Option<&str>, response_url: Option<&str>) -> Phase {
    match phase.map(str::to_ascii_lowercase).as_deref() {
        Some("assertion" | "assertion_window") => return Phase::Assertion,
        Some("arbitration" | "arbitration_window" | "vote" | "vote_window" | "voting" | "voting_window") => {
            return Phase::Arbitration;
        }
        Some(_) | None => {}
    }
    match response_url.and_then(response_url::last_segment) {
        Some("votes") => Phase::Arbitration,
        Some(_) | None => Phase::Assertion,
    }
}

/// A bound that is not there is the market's own. A minimum above the maximum stays as it is: the caller abstains.
fn bounds(rules: Option<&RawValue>) -> Result<BidBounds, WireError> {
    let rules = rules.ok_or(WireError::Missing { field: "rules" })?;
    let unusable = |why| WireError::Unusable { field: "rules", why };
    let rules: RawBidRules<'_> = object(rules.get())
        .map_err(|_| unusable("it has a key twice"))?
        .ok_or_else(|| unusable("it must be an object with min_allowed_bid and max_allowed_bid"))?;
    let bound = |field, raw: Option<&RawValue>, default| match raw.map(amount) {
        None => Ok(default),
        Some(Ok(units)) => Ok(Nct::from_base_units(units)),
        Some(Err(why)) => Err(WireError::Unusable { field, why }),
    };
    let market = BidBounds::default();
    Ok(BidBounds {
        min: bound("rules.min_allowed_bid", rules.min_allowed_bid, market.min)?,
        max: bound("rules.max_allowed_bid", rules.max_allowed_bid, market.max)?,
    })
}

/// The bounty's `metadata`, and what older senders put beside it where it has none of its own.
fn metadata(fields: &BountyFields<'_>) -> Result<Map<String, Value>, WireError> {
    let mut metadata: Map<String, Value> = match fields.metadata {
        None => Map::new(),
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| WireError::Unusable {
            field: "metadata",
            why: "it must be an object, nested no deeper than 127 times",
        })?,
    };
    for (key, raw) in
        [("sha256", fields.sha256), ("mimetype", fields.mimetype), ("artifact_type", fields.artifact_type)]
    {
        if metadata.get(key).is_none_or(Value::is_null)
            && let Some(text) = raw.and_then(text)
        {
            metadata.insert(key.into(), text.into());
        }
    }
    Ok(metadata)
}

/// The digest in `metadata`, or the one beside it.
///
/// Parses the digest. An invalid one is treated as missing, because no artifact could match it; filters still see it in
/// the metadata.
fn sha256(metadata: &Map<String, Value>, beside: Option<&RawValue>) -> Option<[u8; 32]> {
    let inside = metadata.get("sha256").and_then(Value::as_str);
    inside.and_then(digest).or_else(|| beside.and_then(text).and_then(|text| digest(&text))).or_else(|| {
        if let Some(text) = inside {
            tracing::debug!(sha256 = %text.escape_debug().take(80).collect::<String>(), "sha256 of a bounty is invalid: not checked");
        }
        None
    })
}

fn digest(text: &str) -> Option<[u8; 32]> {
    text.parse().ok().map(|Sha256Digest(digest)| digest)
}
