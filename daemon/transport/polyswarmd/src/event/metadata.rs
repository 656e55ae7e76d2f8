//! Metadata of a bounty or a reveal: a list of objects where polyswarmd could validate it, else the text as it was posted.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::lenient::BoundedList;

/// Metadata, as far as it could be read.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Metadata {
    /// There is none.
    #[default]
    None,
    /// An object for each artifact, in order. There may be fewer than artifacts, or more.
    Each(Vec<Map<String, Value>>),
    /// A text that is no such list: a URI that could not be resolved, or anything else.
    Text(String),
}

impl Metadata {
    /// The metadata of one artifact, where there is any.
    pub fn of(&self, artifact: usize) -> Option<&Map<String, Value>> {
        match self {
            Metadata::Each(list) => list.get(artifact),
            Metadata::None | Metadata::Text(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'n') => Ok(Metadata::None),
            Some(b'"') => {
                let text: String = serde_json::from_str(raw).map_err(D::Error::custom)?;
                Ok(if text.is_empty() { Metadata::None } else { Metadata::Text(text) })
            }
            Some(b'[') => {
                let list: BoundedList<Value> = serde_json::from_str(raw).map_err(D::Error::custom)?;
                // What is no object says nothing about its artifact, and must not shift the others.
                let object = |value| if let Value::Object(map) = value { map } else { Map::new() };
                Ok(Metadata::Each(list.0.into_iter().map(object).collect()))
            }
            Some(b'{') => serde_json::from_str(raw).map(|map| Metadata::Each(vec![map])).map_err(D::Error::custom),
            _ => Ok(Metadata::Text(raw.to_owned())),
        }
    }
}
