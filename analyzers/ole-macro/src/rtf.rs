//! Rich Text Format.

use analyzers::{Findings, Sample};

/// Examines the RTF document `sample`.
pub(crate) fn examine<'a>(_sample: Sample<'a>, _findings: &mut Findings<'a>) {}
