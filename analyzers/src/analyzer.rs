//! The trait of analyzers for a family of file types.

use triage::FileKind;

use crate::{Findings, Indicator};

/// The bytes an analyzer sees: an artifact, or a child of one.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Bytes of the layer.
    pub bytes: &'a [u8],
    /// File type of the layer, by triage.
    pub kind: FileKind,
}

/// An expert for one family of files. Owns its scratch memory and is reused for many samples.
///
/// It must not let anything of one sample show in the findings of the next: same bytes, same findings, in
/// any order. If it panics, it is dropped and built anew; what it had reported stays.
pub trait Analyzer {
    /// Its name, the first word of its indicators' ids.
    fn name(&self) -> &'static str;

    /// Every indicator it may report.
    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_>;

    /// Whether files of this kind concern it.
    fn wants(&self, kind: FileKind) -> bool;

    /// Whether its silence about a file of this kind means something. Patterns that were not found (YARA rules) are no
    /// evidence that a file is good; an expert who took it apart and saw nothing is.
    fn vouches(&self, kind: FileKind) -> bool {
        self.wants(kind)
    }

    /// Whether it takes files of this kind apart, rather than looking for patterns in whatever there is. Kinds that no
    /// analyzer takes apart may be left out as a whole.
    fn opens(&self, kind: FileKind) -> bool {
        self.wants(kind)
    }

    /// Does once what later may be forbidden to its process: starts threads, makes memory executable, fills caches.
    fn rehearse(&mut self) {}

    /// Looks at `sample` and reports into `findings`.
    ///
    /// Never fails: a file it cannot parse is evidence, not an error. Loops whose length the file decides
    /// pay [`Budget::step`](crate::Budget::step).
    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>);
}
