//! Office Open XML packages.

use analyzers::{Findings, Sample};

/// Examines the package `sample`, or a ZIP that may hold an Office part.
pub(crate) fn examine<'a>(_sample: Sample<'a>, _findings: &mut Findings<'a>) {}
