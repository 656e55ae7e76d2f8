//! The interface through which analyzers report.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use triage::FileKind;

use crate::hosts::HostSearch;
use crate::{
    Budget, Detail, Evidence, FilePath, Incomplete, Indicator, Layer, LayerId, Limit, MEASURED_MAX, MeasureSet,
    Measured, NamedHosts,
};

/// Times one indicator is kept per subject. It is weighed once however often it is seen; without this, a file
/// that shows one sign a thousand times would crowd out every other.
const SAME_INDICATOR_MAX: usize = 8;
/// Unaccounted parts that a report names. The first takes the voucher away; the others are for people.
const UNACCOUNTED_MAX: usize = 8;

/// How the layer of a program is called that was unpacked from the one above it.
pub const UNPACKED: &str = "unpacked";

/// All that is known of one artifact so far. The engine carries it from layer to layer.
#[derive(Debug)]
pub struct Record {
    /// Evidence in the order of its discovery.
    pub evidence: Vec<Evidence>,
    /// Reasons why the sample was not fully scanned.
    pub incomplete: Vec<Incomplete>,
    /// The layers, the artifact first.
    pub layers: Vec<Layer>,
    /// Measures of subjects, for a model to weigh; at most [`MEASURED_MAX`].
    pub measured: Vec<Measured>,
    /// Hosts that the artifact names, and what is inside of it. They are no evidence.
    pub hosts: NamedHosts,
    /// Path of the artifact; empty if unknown.
    pub path: FilePath,
    /// Remaining budget.
    pub budget: Budget,
}

/// A layer below the one it was found in, waiting to be examined.
#[derive(Debug)]
pub struct Child<'a> {
    /// Name of the layer, without that of its parent.
    pub name: String,
    /// Bytes of the layer: borrowed from the parent, or owned if they were decompressed.
    pub bytes: Cow<'a, [u8]>,
    /// Whether the parent is vouched for only if an analyzer accounts for these bytes.
    pub is_part: bool,
    /// What they are, if the parent says so; else triage tells.
    pub kind: Option<FileKind>,
}

/// The interface through which an analyzer reports on one sample.
#[derive(Debug)]
pub struct Findings<'a> {
    record: Record,
    subject: LayerId,
    layer: LayerId,
    children: Vec<Child<'a>>,
    /// Parts of the sample that were unpacked.
    opened: Vec<Range<usize>>,
}

impl<'a> Findings<'a> {
    /// Findings on the examined layer `subject`, which is in `record.layers` already.
    pub fn new(record: Record, subject: LayerId) -> Self {
        Findings { record, subject, layer: subject, children: Vec::new(), opened: Vec::new() }
    }

    /// Gives back the record, and the children found.
    pub fn finish(self) -> (Record, Vec<Child<'a>>) {
        (self.record, self.children)
    }

    /// Reports that `indicator` was seen at `span` of the current layer.
    pub fn saw(&mut self, indicator: &Indicator, span: Range<usize>) {
        self.push(indicator, span, Detail::default);
    }

    /// Reports that `indicator` was seen at `span`, and what exactly; `detail` is cut where it grows too long.
    pub fn saw_with(&mut self, indicator: &Indicator, span: Range<usize>, detail: impl fmt::Display) {
        self.push(indicator, span, || Detail::new(detail));
    }

    fn push(&mut self, indicator: &Indicator, span: Range<usize>, detail: impl FnOnce() -> Detail) {
        let same = |seen: &&Evidence| {
            seen.indicator == indicator.id
                && self.record.layers.get(seen.layer.index()).is_some_and(|layer| layer.subject == self.subject)
        };
        if self.record.evidence.iter().filter(same).count() >= SAME_INDICATOR_MAX {
            return;
        }
        if self.record.evidence.len() >= self.record.budget.limits().evidence_max {
            self.record.budget.exhaust(Limit::Evidence);
            return;
        }
        self.record.evidence.push(Evidence {
            indicator: indicator.id.clone(),
            layer: self.layer,
            span,
            detail: detail(),
        });
    }

    /// Reports the measures of this subject, in the order of their set. Of more than [`MEASURED_MAX`] subjects the rest is a
    /// limit that was hit: no model judges them, so nothing is benign.
    pub fn measured(&mut self, set: MeasureSet, values: Vec<f32>) {
        debug_assert_eq!(values.len(), set.measures().len(), "{set:?}");
        if self.record.measured.len() < MEASURED_MAX {
            self.record.measured.extend(Measured::new(self.subject, set, values));
        } else {
            self.record.budget.exhaust(Limit::Layers);
        }
    }

    /// Adds hosts that the sample names.
    pub fn named(&mut self, hosts: &NamedHosts) {
        self.record.hosts.add_all(hosts);
    }

    /// Adds the hosts that are named in `text`, a piece of the sample's text.
    pub fn named_in(&mut self, text: &[u8]) {
        let mut search = HostSearch::default();
        search.read(text);
        self.named(search.found());
    }

    /// The same of a part of the subject, of which there may be several: of each value the greatest is kept. What is no file
    /// of the family that the set is of has no measures.
    pub fn measured_part(&mut self, set: MeasureSet, values: Vec<f32>) {
        let kind = self.record.layers.get(self.subject.index()).map(|layer| layer.kind);
        if kind.is_none_or(|kind| kind.family().name() != set.family) {
            return;
        }
        let known = self.record.measured.iter_mut().find(|known| known.subject == self.subject && known.set == set);
        match known {
            Some(known) => known.keep_greatest(&values),
            None => self.measured(set, values),
        }
    }

    /// Whether `indicator` was already seen in this subject.
    pub fn has(&self, indicator: &Indicator) -> bool {
        self.record.evidence.iter().any(|seen| {
            seen.indicator == indicator.id
                && self.record.layers.get(seen.layer.index()).is_some_and(|layer| layer.subject == self.subject)
        })
    }

    /// Path of the sample: of the artifact as given by the caller, or of a file inside of it. It is for rules that test
    /// file names; a name is no evidence of the file type.
    pub fn path(&self) -> FilePath {
        match self.record.layers.get(self.subject.index()) {
            Some(layer) if !layer.name.is_empty() => self.record.path.inner(&layer.name.replace('!', "/")),
            Some(_) | None => self.record.path.clone(),
        }
    }

    /// The budget of the whole tree.
    pub fn budget(&mut self) -> &mut Budget {
        &mut self.record.budget
    }

    /// Passes on a child layer, which is triaged and scanned after this analyzer. A part of the artifact is borrowed,
    /// not copied. The engine counts depth and entries; the producer counts produced bytes.
    pub fn child(&mut self, name: &str, bytes: Cow<'a, [u8]>) {
        self.hand_over(name, bytes, false, None);
    }

    /// Passes on a child that is a part of the sample which this analyzer cannot account for itself, such as an archive
    /// behind a program. Unless another analyzer accounts for it ([`Analyzer::accounts_for`](crate::Analyzer)), the engine
    /// says of it what [`Findings::cannot_vouch`] does.
    pub fn part(&mut self, name: &str, bytes: Cow<'a, [u8]>) {
        self.hand_over(name, bytes, true, None);
    }

    /// The same of a part whose kind follows from where it stands, so that nothing it begins with makes another of it.
    pub fn part_of(&mut self, kind: FileKind, name: &str, bytes: Cow<'a, [u8]>) {
        self.hand_over(name, bytes, true, Some(kind));
    }

    fn hand_over(&mut self, name: &str, bytes: Cow<'a, [u8]>, is_part: bool, kind: Option<FileKind>) {
        if self.record.budget.entries(1).is_ok() {
            self.children.push(Child { name: Detail::new(name).to_string(), bytes, is_part, kind });
        }
    }

    /// Says that `span` of the sample was unpacked, and that what it holds was passed on: to the analyzers that come after,
    /// it is nothing unknown.
    pub fn open(&mut self, span: Range<usize>) {
        self.opened.push(span);
    }

    /// The parts of the sample that were unpacked, in the order of their report.
    pub fn opened(&self) -> &[Range<usize>] {
        &self.opened
    }

    /// Reports inside `report` are about the named part of this sample (a stream, a module), with spans in that
    /// part's own bytes. Weighed together with the sample itself.
    pub fn within<T>(&mut self, name: &str, report: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.layer;
        if let Some(layer) = self.record.add_layer(outer, name, None) {
            self.layer = layer;
        }
        let result = report(self);
        self.layer = outer;
        result
    }

    /// Leaves every named part: what is reported next is about the sample itself. For the engine, after an analyzer
    /// panicked inside of [`Findings::within`].
    pub fn leave_parts(&mut self) {
        self.layer = self.subject;
    }

    /// Says that not everything was looked at. Limits noticed by the [`Budget`] need no second word.
    pub fn incomplete(&mut self, why: Incomplete) {
        self.record.note(why);
    }

    /// Takes back the voucher that the analyzer gave by wanting this kind of file: `part` of the current layer is
    /// nothing it can account for. The artifact is not benign then, whatever else is said of it; what was seen stands.
    pub fn cannot_vouch(&mut self, part: impl fmt::Display) {
        let layer = self.record.layers.get(self.layer.index()).map_or("", |layer| layer.name.as_str());
        let name = if layer.is_empty() { Detail::new(part) } else { Detail::new(format_args!("{layer}!{part}")) };
        self.record.note(Incomplete::Unaccounted(name.to_string().into()));
    }
}

impl Record {
    /// An empty record of an artifact of this kind.
    pub fn new(kind: FileKind, budget: Budget) -> Self {
        let artifact = Layer { name: String::new(), subject: LayerId::ARTIFACT, kind, wanted: false };
        let path = FilePath::default();
        Record {
            evidence: Vec::new(),
            incomplete: Vec::new(),
            layers: vec![artifact],
            measured: Vec::new(),
            hosts: NamedHosts::default(),
            path,
            budget,
        }
    }

    /// The same, of an artifact that is called so.
    pub fn called(self, path: FilePath) -> Self {
        Record { path, ..self }
    }

    /// Adds the layer `name` below `parent`: a subject of its own with `kind`, or a named part without.
    /// None, and the limit is noted, when there are too many.
    pub fn add_layer(&mut self, parent: LayerId, name: &str, kind: Option<FileKind>) -> Option<LayerId> {
        let index = self.layers.len();
        let (Ok(id), true) = (u16::try_from(index), index < self.budget.limits().layers_max) else {
            self.budget.exhaust(Limit::Layers);
            return None;
        };
        let above = self.layers.get(parent.index())?;
        let name = Detail::new(name);
        let name = if above.name.is_empty() { name.to_string() } else { format!("{}!{name}", above.name) };
        let layer = match kind {
            Some(kind) => Layer { name, subject: LayerId(id), kind, wanted: false },
            None => Layer { name, subject: above.subject, kind: above.kind, wanted: above.wanted },
        };
        self.layers.push(layer);
        Some(LayerId(id))
    }

    /// The subject that this one was unpacked from, if it was: the same program, which a packer hid.
    pub fn unpacked_from(&self, subject: LayerId) -> Option<LayerId> {
        let name = self.layers.get(subject.index())?.name.strip_suffix(UNPACKED)?;
        let outer = if name.is_empty() { name } else { name.strip_suffix('!')? };
        let is_outer = |layer: &Layer| layer.name == outer && layer.subject != subject;
        self.layers.iter().find(|layer| is_outer(layer)).map(|layer| layer.subject)
    }

    /// Notes a reason why not everything was looked at, once; of parts that are unaccounted for the first few.
    pub fn note(&mut self, why: Incomplete) {
        let is_unaccounted = |why: &&Incomplete| matches!(why, Incomplete::Unaccounted(_));
        let too_many =
            is_unaccounted(&&why) && self.incomplete.iter().filter(is_unaccounted).count() >= UNACCOUNTED_MAX;
        if !too_many && !self.incomplete.contains(&why) {
            self.incomplete.push(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cancel, Limits};

    crate::indicators! {
        ONE = "toy.one", "One.", source: "test";
        TWO = "toy.two", "Two.", source: "test";
    }

    fn findings(limits: Limits) -> Findings<'static> {
        Findings::new(Record::new(FileKind::Data, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT)
    }

    #[test]
    fn one_sign_cannot_crowd_out_the_others() {
        let mut findings = findings(Limits::default());
        for at in 0..100_000 {
            findings.saw(&ONE, at..at + 1);
        }
        findings.saw(&TWO, 0..1);
        let (record, _) = findings.finish();
        assert_eq!(record.evidence.len(), SAME_INDICATOR_MAX + 1);
        assert_eq!(record.budget.hit().count(), 0);
    }

    #[test]
    fn too_much_evidence_is_a_limit() {
        let mut findings = findings(Limits { evidence_max: 1, ..Limits::default() });
        findings.saw(&ONE, 0..1);
        findings.saw(&TWO, 0..1);
        let (record, _) = findings.finish();
        assert_eq!(record.evidence.len(), 1);
        assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Evidence]);
    }

    #[test]
    fn more_measured_subjects_than_are_kept_are_a_limit() {
        static NONE: std::sync::LazyLock<Vec<&'static crate::Measure>> = std::sync::LazyLock::new(Vec::new);
        let set = MeasureSet::new("toy", 1, &NONE);
        let mut findings = findings(Limits::default());
        for _ in 0..MEASURED_MAX {
            findings.measured(set, Vec::new());
        }
        assert_eq!(findings.budget().hit().count(), 0);
        findings.measured(set, Vec::new());
        let (record, _) = findings.finish();
        assert_eq!(record.measured.len(), MEASURED_MAX);
        assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Layers]);
    }

    #[test]
    fn unaccounted_parts_are_named_and_few() {
        let mut findings = findings(Limits::default());
        findings.within("word/embeddings/one.docx", |findings| findings.cannot_vouch("word/x"));
        for part in 0..1_000 {
            findings.cannot_vouch(format_args!("word/\n{part}"));
        }
        let (record, _) = findings.finish();
        let reasons: Vec<String> = record.incomplete.iter().map(ToString::to_string).collect();
        assert_eq!(reasons.len(), UNACCOUNTED_MAX);
        assert_eq!(reasons[0], "unaccounted.word/embeddings/one.docx!word/x");
        assert_eq!(reasons[1], "unaccounted.word/\\u{a}0");
        assert!(record.incomplete.iter().all(|why| why.class() == "unaccounted" && why.withholds_benign_only()));
    }

    #[test]
    fn what_is_inside_is_called_by_its_name_there() {
        let mut record = Record::new(FileKind::Data, Budget::new(Limits::default(), Cancel::default()));
        let package = record.add_layer(LayerId::ARTIFACT, "word/a.bin", Some(FileKind::Data)).unwrap();
        let inner = record.add_layer(package, "b.exe", Some(FileKind::Data)).unwrap();
        let record = record.called(FilePath::new("/tmp/x.docx"));
        let mut findings = Findings::new(record, LayerId::ARTIFACT);
        for (layer, path) in [(LayerId::ARTIFACT, "/tmp/x.docx"), (inner, "/tmp/x.docx/word/a.bin/b.exe")] {
            findings = Findings::new(findings.finish().0, layer);
            assert_eq!(findings.path().as_str(), path);
        }
    }

    #[test]
    fn what_was_unpacked_knows_from_where() {
        let mut record = Record::new(FileKind::Data, Budget::new(Limits::default(), Cancel::default()));
        let mut add = |parent, name| record.add_layer(parent, name, Some(FileKind::Data)).unwrap();
        let program = add(LayerId::ARTIFACT, UNPACKED);
        let archive = add(LayerId::ARTIFACT, "inner.zip");
        let member = add(archive, "setup.exe");
        let inside = add(member, UNPACKED);
        let other = add(archive, "not-unpacked");
        let from: Vec<_> = [LayerId::ARTIFACT, program, archive, member, inside, other]
            .into_iter()
            .map(|subject| record.unpacked_from(subject))
            .collect();
        assert_eq!(from, [None, Some(LayerId::ARTIFACT), None, None, Some(member), None]);
    }

    #[test]
    fn parts_are_named_from_the_outside_in() {
        let mut findings = findings(Limits::default());
        findings.within("xl/vbaProject.bin", |findings| {
            findings.within("Module1", |findings| findings.saw(&ONE, 0..1));
            findings.saw(&TWO, 0..1);
        });
        let (record, _) = findings.finish();
        let names: Vec<_> =
            record.evidence.iter().map(|seen| record.layers[seen.layer.index()].name.as_str()).collect();
        assert_eq!(names, ["xl/vbaProject.bin!Module1", "xl/vbaProject.bin"]);
        assert!(record.layers.iter().all(|layer| layer.subject == LayerId::ARTIFACT));
    }
}
