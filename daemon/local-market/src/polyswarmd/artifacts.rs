//! What is stored under a URI: the artifacts of bounties, and metadata.
//!
//! Real communities have IPFS, or a service whose URIs are digests of 64 hexadecimal digits. Here it is the latter: the
//! digest of what is stored.

use std::collections::HashMap;
use std::collections::VecDeque;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Most metadata documents that are kept. Only those of bounties that are open are asked for.
const DOCUMENTS_MAX: usize = 50_000;

/// An artifact of a bounty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct MarketArtifact {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) bytes: Bytes,
}

/// An artifact as it is listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct ListedArtifact<'a> {
    pub(super) name: &'a str,
    pub(super) hash: &'a str,
}

/// All that is stored.
#[derive(Debug, Default)]
pub(super) struct Store {
    artifacts: HashMap<String, Vec<MarketArtifact>>,
    documents: HashMap<String, Value>,
    /// URIs of documents, the oldest first.
    stored: VecDeque<String>,
}

impl MarketArtifact {
    pub(super) fn new(name: String, bytes: Vec<u8>) -> MarketArtifact {
        MarketArtifact { name, sha256: hex(&Sha256::digest(&bytes)), bytes: bytes.into() }
    }

    pub(super) fn listed(&self) -> ListedArtifact<'_> {
        ListedArtifact { name: &self.name, hash: &self.sha256 }
    }
}

impl Store {
    /// Stores the artifacts of a bounty, and returns their URI.
    pub(super) fn add_artifacts(&mut self, salt: u64, artifacts: Vec<MarketArtifact>) -> String {
        let mut digest = Sha256::new();
        digest.update(salt.to_be_bytes());
        artifacts.iter().for_each(|artifact| digest.update(&artifact.sha256));
        let uri = hex(&digest.finalize());
        self.artifacts.insert(uri.clone(), artifacts);
        uri
    }

    /// Forgets the artifacts of a bounty that is over.
    pub(super) fn remove_artifacts(&mut self, uri: &str) {
        self.artifacts.remove(uri);
    }

    /// The artifacts of this URI.
    pub(super) fn artifacts(&self, uri: &str) -> Option<&[MarketArtifact]> {
        self.artifacts.get(uri).map(Vec::as_slice)
    }

    /// Stores a document, and returns its URI.
    pub(super) fn add_document(&mut self, document: Value) -> String {
        let uri = hex(&Sha256::digest(document.to_string()));
        if self.documents.insert(uri.clone(), document).is_none() {
            self.stored.push_back(uri.clone());
        }
        if self.stored.len() > DOCUMENTS_MAX
            && let Some(oldest) = self.stored.pop_front()
        {
            self.documents.remove(&oldest);
        }
        uri
    }

    /// A document by its URI, if it is one.
    pub(super) fn document(&self, uri: &str) -> Option<&Value> {
        self.documents.get(uri)
    }

    /// What stands in an event for metadata of a transaction: the document at that URI, or in the text itself, if it is
    /// metadata of the kind that is expected; else the text.
    pub(super) fn substitute(&self, text: &str, is_right: fn(&Value) -> bool) -> Value {
        let document = self.document(text).cloned().or_else(|| serde_json::from_str(text).ok());
        document.filter(is_right).unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

/// Whether it is metadata of an assertion: a list of verdicts, each with a malware family.
pub(super) fn is_assertion_metadata(value: &Value) -> bool {
    is_list_with(value, "malware_family")
}

/// Whether it is metadata of a bounty: a list of files, each with its type.
pub(super) fn is_bounty_metadata(value: &Value) -> bool {
    is_list_with(value, "mimetype")
}

fn is_list_with(value: &Value, field: &str) -> bool {
    let items = value.as_array().filter(|items| (1..=256).contains(&items.len()));
    items.is_some_and(|items| items.iter().all(|item| item.get(field).is_some_and(Value::is_string)))
}

fn hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_stands_for_its_uri_if_it_is_of_the_right_kind() {
        let mut store = Store::default();
        let document = json!([{"malware_family": "EICAR"}]);
        let uri = store.add_document(document.clone());
        assert_eq!(uri.len(), 64);
        assert_eq!(store.substitute(&uri, is_assertion_metadata), document);
        assert_eq!(store.substitute(&document.to_string(), is_assertion_metadata), document);
        assert_eq!(store.substitute(&uri, is_bounty_metadata), json!(uri));
        for text in ["", "free text", "[]", "[{}]", "[{\"malware_family\": null}]"] {
            assert_eq!(store.substitute(text, is_assertion_metadata), json!(text));
        }
    }

    #[test]
    fn the_same_artifacts_of_two_bounties_have_two_uris() {
        let mut store = Store::default();
        let artifact = MarketArtifact::new("a".to_owned(), b"abc".to_vec());
        let (first, second) = (store.add_artifacts(1, vec![artifact.clone()]), store.add_artifacts(2, vec![artifact]));
        store.remove_artifacts(&first);
        assert!(store.artifacts(&first).is_none() && store.artifacts(&second).is_some_and(|found| found.len() == 1));
    }
}
