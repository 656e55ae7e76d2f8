//! Reads what `stakeout scan --ndjson --measures` printed, back into a record that can be weighed again.
//!
//! A line does not hold all of the record: of places and details nothing is weighed, and of a file type only its family.

use std::collections::{HashMap, HashSet};
use std::fmt;

use analyzers::{
    Budget, Cancel, Detail, Evidence, Incomplete, IndicatorId, Layer, LayerId, Limits, MEASURED_MAX, MeasureSet,
    Measured, Record,
};
use daemon_base::Sha256Digest;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use triage::{CfbKind, ElfKind, ElfType, Family, FileKind, PeBits, PeKind, WordSize};

use super::InputError;

/// Longest line taken, in bytes. One of a file with many measured images inside has some 600 KB.
const LINE_BYTES_MAX: usize = 16 << 20;
/// Most subjects of one file that are read: more than any report has.
const SUBJECTS_MAX: usize = 10_000;

/// What was seen in one file.
#[derive(Debug)]
pub struct ScannedFile {
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
    /// File type, by triage.
    pub kind: String,
    /// The evidence and measures, ready to be weighed.
    pub record: Record,
}

/// Reads lines. Keeps each indicator's name once.
#[derive(Debug)]
pub struct LineReader {
    sets: &'static [MeasureSet],
    names: HashSet<IndicatorId>,
    line: u64,
}

#[derive(Deserialize)]
struct ScanLine<'l> {
    #[serde(rename = "type", default, borrow)]
    line_type: Option<&'l str>,
    #[serde(default, borrow)]
    sha256: Option<&'l str>,
    #[serde(default, borrow)]
    kind: Option<&'l str>,
    // Of other types of lines these are something else.
    #[serde(default, borrow)]
    evidence: Option<&'l RawValue>,
    #[serde(default, borrow)]
    incomplete: Option<&'l RawValue>,
    #[serde(default, borrow)]
    subjects: Option<&'l RawValue>,
    #[serde(default, borrow)]
    measures: Option<&'l RawValue>,
}

/// A part of a line.
fn part<'l, T: Deserialize<'l>>(name: &str, value: Option<&'l RawValue>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("has no `{name}`"))?;
    serde_json::from_str(value.get()).map_err(|error| format!("{name}: {error}"))
}

#[derive(Deserialize)]
struct SeenLine {
    id: String,
    layer: String,
}

#[derive(Deserialize)]
struct SubjectLine {
    layer: String,
    /// Not in lines of older versions.
    #[serde(default)]
    kind: Option<String>,
    /// The same.
    #[serde(default)]
    vouched: Option<bool>,
}

impl LineReader {
    /// A reader of lines with measures of these sets.
    pub fn new(sets: &'static [MeasureSet]) -> LineReader {
        LineReader { sets, names: HashSet::new(), line: 0 }
    }

    /// Reads the next line; `None` of one that is about no file, or about one of which no bytes were read.
    ///
    /// # Errors
    ///
    /// If the line is none that a scan with `--measures` prints, or its measures are of another version.
    pub fn read(&mut self, text: &str) -> Result<Option<ScannedFile>, InputError> {
        self.line += 1;
        self.file(text).map_err(|message| InputError { line: self.line, message })
    }

    fn file(&mut self, text: &str) -> Result<Option<ScannedFile>, String> {
        if text.len() > LINE_BYTES_MAX {
            return Err(format!("has {} bytes, more than {LINE_BYTES_MAX}", text.len()));
        }
        if text.trim().is_empty() {
            return Ok(None);
        }
        let line: ScanLine<'_> =
            serde_json::from_str(text).map_err(|error| format!("is no line of a scan: {error}"))?;
        if line.line_type.is_some_and(|word| word != "file") {
            return Ok(None);
        }
        let Some(kind) = line.kind else { return Err("has no `kind`: is it a line of a scan?".to_owned()) };
        let Some(sha256) = line.sha256 else { return Ok(None) };
        let sha256 = sha256.parse().map_err(|_| format!("{sha256:?} is no SHA-256"))?;
        let (Some(_), Some(measures)) = (line.subjects, line.measures) else {
            return Err("has no measures: scan with --ndjson --measures".to_owned());
        };
        let subjects: Vec<SubjectLine> = part("subjects", line.subjects)?;
        let seen_in_file: Vec<SeenLine> = part("evidence", line.evidence)?;
        let reasons: Vec<String> = part("incomplete", line.incomplete)?;
        let measured = self.measured(measures.get())?;
        let mut record = Record::new(kind_of(Family::of_kind(kind)), Budget::new(Limits::default(), Cancel::default()));
        for text in &reasons {
            let why = Incomplete::parse(text).ok_or_else(|| format!("{text:?} is no reason to be incomplete"))?;
            record.incomplete.push(why);
        }
        add_subjects(&mut record, &subjects, &measured, &seen_in_file)?;
        let places = layers_by_name(&record);
        let mut seen = HashSet::new();
        for evidence in seen_in_file {
            let layer = place(&places, &evidence.layer);
            let indicator = self.name(&evidence.id);
            if seen.insert((layer, indicator.clone())) {
                record.evidence.push(Evidence { indicator, layer, span: 0..0, detail: Detail::default() });
            }
        }
        for (layer, set, values) in measured {
            let of_set = values.len();
            let measured = Measured::new(place(&places, &layer), set, values)
                .ok_or_else(|| format!("has {of_set} measures of {}, of which one is too large", set.family))?;
            record.measured.push(measured);
        }
        Ok(Some(ScannedFile { sha256, kind: kind.to_owned(), record }))
    }

    fn name(&mut self, id: &str) -> IndicatorId {
        if let Some(known) = self.names.get(id) {
            return known.clone();
        }
        let id = IndicatorId::loaded(id);
        self.names.insert(id.clone());
        id
    }

    fn measured(&self, text: &str) -> Result<Vec<(String, MeasureSet, Vec<f32>)>, String> {
        let mut json = serde_json::Deserializer::from_str(text);
        AllMeasures { sets: self.sets }.deserialize(&mut json).map_err(|error| format!("measures: {error}"))
    }
}

fn add_subjects(
    record: &mut Record,
    subjects: &[SubjectLine],
    measured: &[(String, MeasureSet, Vec<f32>)],
    evidence: &[SeenLine],
) -> Result<(), String> {
    if subjects.len() > SUBJECTS_MAX {
        return Err(format!("has {} subjects, more than {SUBJECTS_MAX}", subjects.len()));
    }
    for subject in subjects {
        let family = match &subject.kind {
            Some(kind) => Family::of_kind(kind),
            None if subject.layer.is_empty() => {
                record.layers.first().map_or(Family::Other, |layer| layer.kind.family())
            }
            None => guessed(&subject.layer, measured, evidence),
        };
        let wanted = subject.vouched.unwrap_or(family != Family::Other);
        if subject.layer.is_empty() {
            if let Some(artifact) = record.layers.first_mut() {
                artifact.wanted = wanted;
            }
            continue;
        }
        let id = u16::try_from(record.layers.len()).map(LayerId).map_err(|error| error.to_string())?;
        record.layers.push(Layer { name: subject.layer.clone(), subject: id, kind: kind_of(family), wanted });
    }
    Ok(())
}

/// The family of a subject that an older version printed without its kind: who measured it, or whose signs it shows.
fn guessed(layer: &str, measured: &[(String, MeasureSet, Vec<f32>)], evidence: &[SeenLine]) -> Family {
    let measured = measured.iter().find(|(name, ..)| name == layer).map(|(_, set, _)| set.family);
    let mut shown = evidence.iter().filter(|seen| seen.layer == layer).filter_map(|seen| seen.id.split('.').next());
    let named = |name: &str| Family::ALL.into_iter().find(|family| family.name() == name);
    measured.and_then(named).or_else(|| shown.find_map(named)).unwrap_or(Family::Other)
}

fn layers_by_name(record: &Record) -> HashMap<String, LayerId> {
    let mut places = HashMap::new();
    for layer in &record.layers {
        places.entry(layer.name.clone()).or_insert(layer.subject);
    }
    places
}

/// The subject of a layer: itself, or the nearest one around it where it is only a named part.
fn place(places: &HashMap<String, LayerId>, layer: &str) -> LayerId {
    let mut name = layer;
    loop {
        if let Some(id) = places.get(name) {
            return *id;
        }
        match name.rsplit_once('!') {
            Some((around, _)) => name = around,
            None => return LayerId::ARTIFACT,
        }
    }
}

/// A kind of the family: nothing else of it is weighed.
fn kind_of(family: Family) -> FileKind {
    match family {
        Family::Pe => FileKind::Pe(PeKind { bits: PeBits::Pe32, dotnet: false, efi: false, dll: false, machine: 0 }),
        Family::Elf => FileKind::Elf(ElfKind {
            word_size: WordSize::W64,
            byte_order: triage::ByteOrder::Little,
            elf_type: ElfType::Executable,
            machine: 0,
        }),
        Family::Office => FileKind::Cfb(CfbKind::Other),
        Family::Other => FileKind::Data,
    }
}

/// All vectors of a file.
struct AllMeasures {
    sets: &'static [MeasureSet],
}

impl<'de> DeserializeSeed<'de> for AllMeasures {
    type Value = Vec<(String, MeasureSet, Vec<f32>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AllMeasures {
    type Value = Vec<(String, MeasureSet, Vec<f32>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("measures of each subject")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element_seed(OneVector { sets: self.sets })? {
            if all.len() == MEASURED_MAX {
                return Err(A::Error::custom(format_args!("more than {MEASURED_MAX} measured subjects")));
            }
            all.push(one);
        }
        Ok(all)
    }
}

/// The vector of one subject: `layer`, `family` and `version` stand before `values`.
struct OneVector {
    sets: &'static [MeasureSet],
}

impl<'de> DeserializeSeed<'de> for OneVector {
    type Value = (String, MeasureSet, Vec<f32>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneVector {
    type Value = (String, MeasureSet, Vec<f32>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the measures of one subject")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut layer, mut set, mut version, mut values) = (None::<String>, None::<MeasureSet>, None::<u32>, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "layer" => layer = Some(map.next_value()?),
                "family" => {
                    let family: String = map.next_value()?;
                    let known = self.sets.iter().find(|set| set.family == family);
                    set = Some(*known.ok_or_else(|| A::Error::custom(format_args!("nothing measures {family:?}")))?);
                }
                "version" => version = Some(map.next_value()?),
                "values" => {
                    let set = set.ok_or_else(|| A::Error::custom("`family` must stand before `values`"))?;
                    values = Some(map.next_value_seed(ValuesOf(set))?);
                }
                _ => return Err(A::Error::custom(format_args!("unknown field {key:?}"))),
            }
        }
        let set = set.ok_or_else(|| A::Error::missing_field("family"))?;
        match version {
            Some(version) if version == set.version => {}
            Some(version) => {
                return Err(A::Error::custom(format_args!(
                    "version {version} of the measures of {}, and this program takes {}: scan the files again",
                    set.family, set.version
                )));
            }
            None => return Err(A::Error::missing_field("version")),
        }
        let layer = layer.ok_or_else(|| A::Error::missing_field("layer"))?;
        Ok((layer, set, values.ok_or_else(|| A::Error::missing_field("values"))?))
    }
}

/// Names and values of one vector, in any order, each name once.
struct ValuesOf(MeasureSet);

impl<'de> DeserializeSeed<'de> for ValuesOf {
    type Value = Vec<f32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ValuesOf {
    type Value = Vec<f32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of measures")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<f32>, A::Error> {
        let measures = self.0.measures();
        let mut values = vec![None; measures.len()];
        let mut next = 0;
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            // They are printed in the order of the set.
            let at = if measures.get(next).is_some_and(|measure| measure.name == name) {
                next
            } else {
                let known = self.0.position(&name);
                known.ok_or_else(|| A::Error::custom(format_args!("there is no measure {name:?}")))?
            };
            next = at + 1;
            let value = map.next_value::<f32>()?;
            if let Some(place) = values.get_mut(at)
                && place.replace(value).is_some()
            {
                return Err(A::Error::custom(format_args!("the measure {name:?} stands there twice")));
            }
        }
        let missing = measures.iter().zip(&values).find(|(_, value)| value.is_none());
        match missing {
            Some((measure, _)) => Err(A::Error::custom(format_args!("the measure {:?} is missing", measure.name))),
            None => Ok(values.into_iter().flatten().collect()),
        }
    }
}
