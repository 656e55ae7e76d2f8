//! JSON whose members keep their order and whose numbers keep their digits, because its text is what is signed.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::{self, SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// How deep values may lie within each other.
const DEPTH_MAX: usize = 64;

/// A value of JSON. Members of objects keep their order, and no name comes twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, of any size.
    Number(JsonNumber),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// A number as JSON spells it. Whole numbers have any number of digits; others are doubles that are finite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonNumber(String);

impl JsonNumber {
    /// The number, if it is whole and fits.
    pub fn to_u128(&self) -> Option<u128> {
        self.0.parse().ok()
    }

    /// The double, if the spelling is that of one: with a point or an exponent.
    pub(super) fn to_double(&self) -> Option<f64> {
        self.0.contains(['.', 'e', 'E']).then(|| self.0.parse().ok())?
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u128> for JsonNumber {
    fn from(number: u128) -> JsonNumber {
        JsonNumber(number.to_string())
    }
}

impl Json {
    /// Reads one value of which serde_json said that it is JSON.
    fn read(text: &str, depth: usize) -> Result<Json, serde_json::Error> {
        let Some(within) = depth.checked_sub(1) else {
            return Err(serde_json::Error::custom("the values lie too deep within each other"));
        };
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let mut members = Vec::new();
                let mut names = HashSet::new();
                for (name, value) in serde_json::from_str::<Members<'_>>(text)?.0 {
                    if !names.insert(name.clone()) {
                        return Err(serde_json::Error::custom(format_args!("the name {name:?} comes twice")));
                    }
                    members.push((name, Json::read(value.get(), within)?));
                }
                Json::Object(members)
            }
            Some(b'[') => {
                let values: Vec<&RawValue> = serde_json::from_str(text)?;
                Json::List(values.into_iter().map(|value| Json::read(value.get(), within)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Json::Text(serde_json::from_str(text)?),
            Some(b't' | b'f') => Json::Bool(serde_json::from_str(text)?),
            Some(b'n') => Json::Null,
            _ => {
                let number = JsonNumber(text.to_owned());
                if number.to_double().is_some_and(|double| !double.is_finite()) {
                    return Err(serde_json::Error::custom("a number that is too large for a double"));
                }
                Json::Number(number)
            }
        })
    }
}

impl<'de> Deserialize<'de> for Json {
    /// From serde_json's text only.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Json::read(raw.get(), DEPTH_MAX).map_err(D::Error::custom)
    }
}

/// The members of an object, in order, with those that come twice.
struct Members<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(is_true) => serializer.serialize_bool(*is_true),
            Json::Number(number) => {
                let raw = RawValue::from_string(number.0.clone()).map_err(ser::Error::custom)?;
                raw.serialize(serializer)
            }
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| list.serialize_element(value))?;
                list.end()
            }
            Json::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| object.serialize_entry(name, value))?;
                object.end()
            }
        }
    }
}
