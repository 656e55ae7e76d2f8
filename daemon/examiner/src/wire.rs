//! The bytes of a request and of an answer, as they cross the wall.
//!
//! An answer holds what was seen, not what it comes to: whoever asked weighs the evidence by rules of its own. What a
//! worker says is hostile, so every count, index, span and text is checked on return; an answer that breaks one rule
//! is refused whole. Indicators travel as positions in the catalogue, which both sides have.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use analyzers::{Detail, Evidence, Incomplete, Layer, LayerId, Limits, is_shown_as_itself};
use daemon_artifact::{LoadError, NotRegular, Sha256Digest};
use daemon_engine::{Policy, Report, RuleSet};
use serde::{Deserialize, Serialize};
use triage::FileKind;

use crate::{Ask, Examined, Looked, Outcome};

/// Longest name of a layer, in bytes: that of each layer on the way down, none longer than a detail.
const NAME_BYTES_MAX: usize = 64 * (Detail::BYTES_MAX + 1);

/// How a template is to examine. The rules come as descriptors beside it.
#[derive(Serialize, Deserialize, Debug)]
pub(crate) struct Config {
    /// [`crate::BUILD`] of whoever asks.
    pub(crate) build: String,
    pub(crate) limits: Limits,
    pub(crate) any_kind: bool,
    /// The length of the compiled rules, which are the second descriptor, and what their sources come to.
    pub(crate) library: Option<(u64, String)>,
}

impl Config {
    pub(crate) fn policy(&self) -> Policy {
        Policy { any_kind: self.any_kind }
    }
}

/// What is asked about one artifact.
#[derive(Serialize, Deserialize, Debug)]
struct Request {
    sha256: bool,
}

/// What a worker answers.
#[derive(Serialize, Deserialize, Debug)]
enum Answer<'a> {
    Looked {
        elapsed_us: u64,
        size_bytes: u64,
        sha256: Option<[u8; 32]>,
        #[serde(borrow)]
        layers: Vec<LayerOnWire<'a>>,
        #[serde(borrow)]
        evidence: Vec<EvidenceOnWire<'a>>,
        incomplete: Vec<Incomplete>,
    },
    TooLarge {
        size_bytes: Option<u64>,
        size_bytes_max: u64,
    },
    NotRegular(u8),
    NoMemory {
        size_bytes: u64,
    },
    Io {
        errno: Option<i32>,
    },
}

#[derive(Serialize, Deserialize, Debug)]
struct LayerOnWire<'a> {
    name: &'a str,
    subject: u16,
    kind: FileKind,
    wanted: bool,
}

#[derive(Serialize, Deserialize, Debug)]
struct EvidenceOnWire<'a> {
    indicator: u32,
    layer: u16,
    start: u64,
    end: u64,
    detail: &'a str,
}

/// Why an answer was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Garbled(pub &'static str);

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("writing into memory cannot fail, and no value here is unsized")
}

/// The bytes of a request.
pub fn request(ask: Ask) -> Vec<u8> {
    encode(&Request { sha256: ask.sha256 })
}

/// What a request asks.
pub(crate) fn read_request(bytes: &[u8]) -> Option<Ask> {
    postcard::from_bytes(bytes).ok().map(|Request { sha256 }| Ask { sha256 })
}

/// The bytes of an answer, appended to `reply`.
pub(crate) fn write_answer(outcome: &Outcome, rules: &RuleSet, reply: &mut Vec<u8>) {
    let answer = match outcome {
        Ok(looked) => looked_on_wire(looked, rules),
        Err(LoadError::TooLarge { size_bytes, size_bytes_max }) => {
            Answer::TooLarge { size_bytes: *size_bytes, size_bytes_max: *size_bytes_max }
        }
        Err(LoadError::NotRegular(kind)) => Answer::NotRegular(place_of(*kind)),
        Err(LoadError::NoMemory { size_bytes }) => Answer::NoMemory { size_bytes: *size_bytes },
        Err(LoadError::Io { source, .. }) => Answer::Io { errno: source.raw_os_error() },
    };
    reply.extend_from_slice(&encode(&answer));
}

fn looked_on_wire<'l>(looked: &'l Looked, rules: &RuleSet) -> Answer<'l> {
    let Looked { examined: Examined { report, elapsed }, sha256, size } = looked;
    let layers = report.layers.iter().map(|layer| LayerOnWire {
        name: &layer.name,
        subject: layer.subject.0,
        kind: layer.kind,
        wanted: layer.wanted,
    });
    let evidence = report.evidence.iter().filter_map(|seen| {
        Some(EvidenceOnWire {
            indicator: rules.position(&seen.indicator)?,
            layer: seen.layer.0,
            start: seen.span.start as u64,
            end: seen.span.end as u64,
            detail: seen.detail.as_str(),
        })
    });
    Answer::Looked {
        elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        size_bytes: size.unwrap_or(0),
        sha256: sha256.map(|digest| digest.0),
        layers: layers.collect(),
        evidence: evidence.collect(),
        incomplete: report.incomplete.clone(),
    }
}

/// What an answer says, checked and weighed by `rules`.
pub fn read_answer(bytes: &[u8], rules: &RuleSet, limits: &Limits) -> Result<Outcome, Garbled> {
    let answer = postcard::from_bytes(bytes).map_err(|_| Garbled("an answer that cannot be read"))?;
    Ok(match answer {
        Answer::Looked { elapsed_us, size_bytes, sha256, layers, evidence, incomplete } => {
            let layers = read_layers(&layers, limits)?;
            let evidence = read_evidence(&evidence, &layers, rules, limits)?;
            let incomplete = read_incomplete(incomplete)?;
            let report = Report::of(evidence, layers, incomplete, rules);
            let examined = Examined { report, elapsed: Duration::from_micros(elapsed_us) };
            Ok(Looked { examined, sha256: sha256.map(Sha256Digest), size: Some(size_bytes) })
        }
        Answer::TooLarge { size_bytes, size_bytes_max } => Err(LoadError::TooLarge { size_bytes, size_bytes_max }),
        Answer::NotRegular(place) => {
            let kind = NOT_REGULAR.get(usize::from(place)).ok_or(Garbled("a file type that is none"))?;
            Err(LoadError::NotRegular(*kind))
        }
        Answer::NoMemory { size_bytes } => Err(LoadError::NoMemory { size_bytes }),
        Answer::Io { errno } => {
            let source = errno.map_or_else(|| io::ErrorKind::Other.into(), io::Error::from_raw_os_error);
            Err(LoadError::Io { tried: "read", source })
        }
    })
}

const NOT_REGULAR: [NotRegular; 5] =
    [NotRegular::Fifo, NotRegular::Socket, NotRegular::Directory, NotRegular::Device, NotRegular::Other];

fn place_of(kind: NotRegular) -> u8 {
    NOT_REGULAR.iter().position(|known| *known == kind).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

fn read_layers(layers: &[LayerOnWire<'_>], limits: &Limits) -> Result<Vec<Layer>, Garbled> {
    if layers.is_empty() || layers.len() > limits.layers_max.max(1) {
        return Err(Garbled("more layers than there may be, or none"));
    }
    let mut read: Vec<Layer> = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let subject = usize::from(layer.subject);
        // A layer is its own subject, or a part of one that came before.
        if subject > index || (subject < index && usize::from(read[subject].subject.0) != subject) {
            return Err(Garbled("a layer of no subject"));
        }
        if layer.name.len() > NAME_BYTES_MAX || !layer.name.chars().all(is_shown_as_itself) {
            return Err(Garbled("a layer's name that no layer has"));
        }
        read.push(Layer {
            name: layer.name.to_owned(),
            subject: LayerId(layer.subject),
            kind: layer.kind,
            wanted: layer.wanted,
        });
    }
    Ok(read)
}

fn read_evidence(
    evidence: &[EvidenceOnWire<'_>],
    layers: &[Layer],
    rules: &RuleSet,
    limits: &Limits,
) -> Result<Vec<Evidence>, Garbled> {
    if evidence.len() > limits.evidence_max {
        return Err(Garbled("more evidence than there may be"));
    }
    let read = |seen: &EvidenceOnWire<'_>| {
        let indicator = rules.at(seen.indicator).ok_or(Garbled("an indicator that is none"))?;
        let (start, end) = (usize::try_from(seen.start), usize::try_from(seen.end));
        let span = match (start, end) {
            (Ok(start), Ok(end)) if start <= end => start..end,
            _ => return Err(Garbled("a span that ends before it begins")),
        };
        if usize::from(seen.layer) >= layers.len() {
            return Err(Garbled("evidence in a layer that is none"));
        }
        let layer = LayerId(seen.layer);
        Ok(Evidence { indicator: indicator.id.clone(), layer, span, detail: Detail::new(seen.detail) })
    };
    evidence.iter().map(read).collect()
}

/// Reasons are few, and their texts are those of people who write code: a word or two.
fn read_incomplete(incomplete: Vec<Incomplete>) -> Result<Vec<Incomplete>, Garbled> {
    if incomplete.len() > 64 {
        return Err(Garbled("more reasons than there are"));
    }
    let shown = |text: Cow<'static, str>| Cow::Owned(Detail::new(text).to_string());
    let read = incomplete.into_iter().map(|why| match why {
        Incomplete::Panicked(analyzer) => Incomplete::Panicked(shown(analyzer)),
        Incomplete::Crashed(how) => Incomplete::Crashed(shown(how)),
        Incomplete::Limit(_)
        | Incomplete::CutShort
        | Incomplete::Encrypted
        | Incomplete::Poisonous
        | Incomplete::Truncated
        | Incomplete::Changed => why,
    });
    Ok(read.collect())
}
