//! VBA projects (MS-OVBA).

use analyzers::Findings;

use crate::compound::Compound;
use crate::source;

/// Examines every VBA project in `compound`.
pub(crate) fn examine(_compound: &Compound<'_>, findings: &mut Findings<'_>) {
    source::examine(&[], findings);
}
