//! The bytes of a request and of an answer, as they cross the wall.
//!
//! An answer contains the evidence, not the verdict: the parent weighs the evidence with its own weights. The answers
//! of workers are untrusted, so every count, index, span and string is checked; an answer that breaks a rule is refused
//! as a whole. Indicators are sent as indices into the catalogue, which both sides have.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::time::Duration;
use std::{fmt, io};

use analyzers::hosts::{is_telling_address, is_telling_domain};
use analyzers::{Detail, Evidence, FilePath, Incomplete, Layer, LayerId, Limits, MEASURED_MAX, Measured, NamedHosts};
use daemon_artifact::{LoadError, NotRegular, Sha256Digest};
use daemon_base::text::is_printable;
use daemon_engine::{MEASURE_SETS, Policy, Report, RuleSet};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use triage::FileKind;

use crate::{Examined, LookOptions, LookResult, Looked};

/// Longest name of a layer, in bytes: that of each layer on the way down, none longer than a detail.
const NAME_BYTES_MAX: usize = 64 * (Detail::BYTES_MAX + 1);

/// Configuration of a template. The rules are passed as descriptors.
#[derive(Serialize, Deserialize, Debug)]
pub(crate) struct WorkerConfig {
    /// [`crate::BUILD`] of the parent.
    pub(crate) build: String,
    pub(crate) limits: Limits,
    pub(crate) any_kind: bool,
    /// The length of the compiled rules, which are the second descriptor, and what their sources come to.
    pub(crate) library: Option<(u64, String)>,
}

impl WorkerConfig {
    pub(crate) fn policy(&self) -> Policy {
        Policy { any_kind: self.any_kind }
    }
}

/// A request about one artifact.
#[derive(Serialize, Deserialize, Debug)]
struct ExamineRequest<'a> {
    sha256: bool,
    kind_only: bool,
    /// Path of the artifact: untrusted, at most [`FilePath::BYTES_MAX`] bytes.
    path: &'a str,
}

/// The answer of a worker.
#[derive(Serialize, Deserialize, Debug)]
enum WorkerReply<'a> {
    Looked {
        elapsed_us: u64,
        size_bytes: u64,
        sha256: Option<[u8; 32]>,
        #[serde(borrow, deserialize_with = "few")]
        layers: Vec<LayerOnWire<'a>>,
        #[serde(borrow, deserialize_with = "few")]
        evidence: Vec<EvidenceOnWire<'a>>,
        #[serde(deserialize_with = "few")]
        measured: Vec<MeasuredOnWire>,
        #[serde(borrow)]
        hosts: HostsOnWire<'a>,
        #[serde(deserialize_with = "few")]
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
    /// Length of the prefix shared with the name of the layer before, in bytes.
    shared: u32,
    /// The rest of its name.
    rest: &'a str,
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

#[derive(Serialize, Deserialize, Debug)]
struct MeasuredOnWire {
    subject: u16,
    /// Index into [`MEASURE_SETS`].
    set: u8,
    #[serde(deserialize_with = "few")]
    values: Vec<f32>,
}

#[derive(Serialize, Deserialize, Debug)]
struct HostsOnWire<'a> {
    #[serde(borrow, deserialize_with = "few")]
    domains: Vec<&'a str>,
    #[serde(deserialize_with = "few")]
    addresses: Vec<IpAddr>,
    more: bool,
}

/// Most elements of any list in an answer, whatever the limits: one more is refused before memory is spent on it.
const LIST_MAX: usize = 10_000;

/// A list of at most [`LIST_MAX`] elements.
fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct AtMost<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMost<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {LIST_MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = list.next_element()? {
                if elements.len() >= LIST_MAX {
                    return Err(serde::de::Error::invalid_length(elements.len(), &self));
                }
                elements.push(element);
            }
            Ok(elements)
        }
    }
    deserializer.deserialize_seq(AtMost(PhantomData))
}

/// Why an answer of a worker was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Garbled(pub &'static str);

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("writing into memory cannot fail, and no value here is unsized")
}

/// The bytes of a request. Its time goes another way: the worker's own clock counts it.
pub fn request(ask: &LookOptions) -> Vec<u8> {
    encode(&ExamineRequest { sha256: ask.sha256, kind_only: ask.kind_only, path: ask.path.as_str() })
}

/// Decodes a request.
pub(crate) fn read_request(bytes: &[u8]) -> Option<LookOptions> {
    let ExamineRequest { sha256, kind_only, path } = postcard::from_bytes(bytes).ok()?;
    Some(LookOptions { sha256, until: None, path: FilePath::new(path), kind_only })
}

/// The bytes of an answer, appended to `reply`.
pub(crate) fn write_answer(outcome: &LookResult, rules: &RuleSet, reply: &mut Vec<u8>) {
    let answer = match outcome {
        Ok(looked) => looked_on_wire(looked, rules),
        Err(LoadError::TooLarge { size_bytes, size_bytes_max }) => {
            WorkerReply::TooLarge { size_bytes: *size_bytes, size_bytes_max: *size_bytes_max }
        }
        Err(LoadError::NotRegular(kind)) => WorkerReply::NotRegular(place_of(*kind)),
        Err(LoadError::NoMemory { size_bytes }) => WorkerReply::NoMemory { size_bytes: *size_bytes },
        Err(LoadError::Io { source, .. }) => WorkerReply::Io { errno: source.raw_os_error() },
    };
    reply.extend_from_slice(&encode(&answer));
}

fn looked_on_wire<'l>(looked: &'l Looked, rules: &RuleSet) -> WorkerReply<'l> {
    let Looked { examined: Examined { report, elapsed }, sha256, size } = looked;
    let mut before = "";
    let layers = report.layers.iter().map(|layer| {
        let shared = shared(before, &layer.name);
        before = &layer.name;
        let (subject, kind, wanted) = (layer.subject.0, layer.kind, layer.wanted);
        LayerOnWire { shared: u32::try_from(shared).unwrap_or(0), rest: &layer.name[shared..], subject, kind, wanted }
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
    let measured = report.measured.iter().filter_map(|measured| {
        let set = MEASURE_SETS.iter().position(|set| *set == measured.set)?;
        let (subject, set) = (measured.subject.0, u8::try_from(set).ok()?);
        Some(MeasuredOnWire { subject, set, values: measured.values().to_vec() })
    });
    let hosts = HostsOnWire {
        domains: report.hosts.domains().iter().map(String::as_str).collect(),
        addresses: report.hosts.ip_addresses().to_vec(),
        more: report.hosts.has_more(),
    };
    WorkerReply::Looked {
        elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        size_bytes: size.unwrap_or(0),
        sha256: sha256.map(|digest| digest.0),
        layers: layers.collect(),
        evidence: evidence.collect(),
        measured: measured.collect(),
        hosts,
        incomplete: report.incomplete.clone(),
    }
}

/// Length of the common prefix of two names in bytes, at a character boundary.
fn shared(one: &str, other: &str) -> usize {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    same.map(|(c, _)| c.len_utf8()).sum()
}

/// Decodes an answer, checks it, and weighs its evidence with `rules`.
///
/// # Errors
///
/// [`Garbled`] if the bytes are no answer, or one that no honest worker gives: positions outside the artifact, unknown
/// indicators, more than the limits allow.
pub fn read_answer(bytes: &[u8], rules: &RuleSet, limits: &Limits) -> Result<LookResult, Garbled> {
    let (answer, more) = postcard::take_from_bytes(bytes).map_err(|_| Garbled("an answer that cannot be read"))?;
    if !more.is_empty() {
        return Err(Garbled("an answer with something behind it"));
    }
    Ok(match answer {
        WorkerReply::Looked { elapsed_us, size_bytes, sha256, layers, evidence, measured, hosts, incomplete } => {
            if size_bytes > limits.artifact_bytes_max {
                return Err(Garbled("a report on more bytes than are examined"));
            }
            let layers = read_layers(&layers, limits)?;
            let evidence = read_evidence(&evidence, &layers, rules, limits)?;
            let measured = read_measured(measured, &layers)?;
            let hosts = read_hosts(&hosts)?;
            let incomplete = read_incomplete(incomplete)?;
            let report = Report::of(evidence, layers, measured, hosts, incomplete, rules);
            let examined = Examined { report, elapsed: Duration::from_micros(elapsed_us) };
            Ok(Looked { examined, sha256: sha256.map(Sha256Digest), size: Some(size_bytes) })
        }
        WorkerReply::TooLarge { size_bytes, size_bytes_max } => Err(LoadError::TooLarge { size_bytes, size_bytes_max }),
        WorkerReply::NotRegular(place) => {
            let kind = NOT_REGULAR.get(usize::from(place)).ok_or(Garbled("a file type that is none"))?;
            Err(LoadError::NotRegular(*kind))
        }
        WorkerReply::NoMemory { size_bytes } => Err(LoadError::NoMemory { size_bytes }),
        WorkerReply::Io { errno } => {
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
        let before = read.last().map_or("", |before| before.name.as_str());
        let begins = usize::try_from(layer.shared).ok().and_then(|shared| before.get(..shared));
        let begins = begins.ok_or(Garbled("a layer's name that begins like none"))?;
        if begins.len() + layer.rest.len() > NAME_BYTES_MAX || !layer.rest.chars().all(is_printable) {
            return Err(Garbled("a layer's name that no layer has"));
        }
        let (name, subject) = (format!("{begins}{}", layer.rest), LayerId(layer.subject));
        read.push(Layer { name, subject, kind: layer.kind, wanted: layer.wanted });
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

/// Measures are of subjects, each once and in order, as many as their set has, and finite.
fn read_measured(measured: Vec<MeasuredOnWire>, layers: &[Layer]) -> Result<Vec<Measured>, Garbled> {
    if measured.len() > MEASURED_MAX {
        return Err(Garbled("more measured subjects than there may be"));
    }
    if !measured.is_sorted_by(|one, other| one.subject < other.subject) {
        return Err(Garbled("measures of a subject twice, or out of order"));
    }
    let read = |one: MeasuredOnWire| {
        let subject = LayerId(one.subject);
        let layer = layers.get(subject.index()).filter(|layer| layer.subject == subject);
        let layer = layer.ok_or(Garbled("measures of a layer that is no subject"))?;
        let set = MEASURE_SETS.get(usize::from(one.set)).filter(|set| set.family == layer.kind.family().name());
        let set = *set.ok_or(Garbled("measures that files of this kind do not have"))?;
        Measured::new(subject, set, one.values).ok_or(Garbled("measures that are too few, too many or no numbers"))
    };
    measured.into_iter().map(read).collect()
}

/// Hosts are few, each there once and in order, and such as are told.
fn read_hosts(hosts: &HostsOnWire<'_>) -> Result<NamedHosts, Garbled> {
    let HostsOnWire { domains, addresses, more } = hosts;
    if domains.len().max(addresses.len()) > NamedHosts::COUNT_MAX {
        return Err(Garbled("more hosts than are kept"));
    }
    if !domains.is_sorted_by(|one, other| one < other) || !addresses.is_sorted_by(|one, other| one < other) {
        return Err(Garbled("hosts twice, or out of order"));
    }
    let is_telling = domains.iter().all(|domain| is_telling_domain(domain))
        && addresses.iter().all(|&address| is_telling_address(address));
    if !is_telling {
        return Err(Garbled("hosts that nobody tells"));
    }
    let mut read = NamedHosts::default();
    domains.iter().for_each(|domain| read.add_domain(domain));
    addresses.iter().for_each(|&address| read.add_address(address));
    if *more {
        read.leave_out();
    }
    Ok(read)
}

/// Reasons are few, and their texts are short; names of parts are the artifact's own.
fn read_incomplete(incomplete: Vec<Incomplete>) -> Result<Vec<Incomplete>, Garbled> {
    if incomplete.len() > 64 {
        return Err(Garbled("more reasons than there are"));
    }
    let shown = |text: Cow<'static, str>| Cow::Owned(Detail::new(text).to_string());
    let read = incomplete.into_iter().map(|why| match why {
        Incomplete::Panicked(analyzer) => Incomplete::Panicked(shown(analyzer)),
        Incomplete::Crashed(how) => Incomplete::Crashed(shown(how)),
        Incomplete::Unaccounted(part) => Incomplete::Unaccounted(shown(part)),
        Incomplete::Limit(_)
        | Incomplete::CutShort
        | Incomplete::Encrypted
        | Incomplete::Poisonous
        | Incomplete::Truncated
        | Incomplete::Changed => why,
    });
    Ok(read.collect())
}
