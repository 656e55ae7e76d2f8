//! Embedded objects.

use analyzers::Findings;

use crate::compound::Compound;

/// Examines the objects in a compound file.
pub(crate) fn examine_compound(_compound: &Compound<'_>, _findings: &mut Findings<'_>) {}
