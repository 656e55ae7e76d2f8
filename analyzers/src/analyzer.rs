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
/// An analyzer must keep no state between samples: the same bytes give the same findings, in any order. If it panics,
/// it is rebuilt; its earlier findings are kept.
pub trait Analyzer {
    /// Name of the analyzer, the first part of its indicators' ids.
    fn name(&self) -> &'static str;

    /// Every indicator it may report.
    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_>;

    /// Whether files of this kind concern it.
    fn wants(&self, kind: FileKind) -> bool;

    /// Whether finding nothing in a file of this kind is evidence that it is harmless. That is true for an analyzer
    /// that parsed the file, but not for patterns that did not match (YARA rules).
    fn vouches(&self, kind: FileKind) -> bool {
        self.wants(kind)
    }

    /// Whether it reads files of this kind to their end, hands over what they hold, and says of what nobody can account for
    /// that it [cannot vouch](Findings::cannot_vouch): then a file that carries one is none the worse for it. True for
    /// archives that are opened, though nobody vouches for an archive itself.
    fn accounts_for(&self, kind: FileKind) -> bool {
        self.vouches(kind)
    }

    /// Whether it takes files of this kind apart, rather than looking for patterns in whatever there is. Kinds that no
    /// analyzer takes apart may be left out as a whole.
    fn opens(&self, kind: FileKind) -> bool {
        self.wants(kind)
    }

    /// Builds what is the same for all files and all analyzers of its kind, such as tables of words, and is built at the first
    /// need otherwise: for processes that will be forked.
    fn prepare(&self) {}

    /// Does, once, what may be forbidden to the process later: starts threads, makes memory executable, fills caches.
    fn rehearse(&mut self) {}

    /// Looks at `sample` and reports into `findings`.
    ///
    /// Never fails: a file that cannot be parsed is evidence, not an error. Loops whose length the file controls must
    /// call [`Budget::step`](crate::Budget::step).
    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>);
}
