//! Parts that say what runs: changes to the ribbon, and ActiveX controls.

use analyzers::{Exhausted, Findings};

use crate::catalogue::package as signs;
use crate::object;
use crate::target::{self, Danger};
use crate::xml;

/// Changes to the ribbon: what runs when it is loaded.
pub(super) fn examine_ribbon(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    xml::walk(&text, findings, |step, span, findings| {
        let xml::XmlStep::Open(element) = step else { return };
        if let Some(macro_name) = element.attribute("onLoad").filter(|_| element.name() == "customUI") {
            findings.saw_with(&signs::RIBBON_ONLOAD, span.clone(), macro_name);
        }
        // A callback is a macro, and `document!macro` is one of another document, which Office fetches.
        for value in element.values() {
            let document = value.rsplit_once('!').map_or("", |(document, _)| document);
            if matches!(target::judge(document), Danger::Remote | Danger::Nearby | Danger::Network | Danger::Exploit) {
                findings.saw_with(&signs::RIBBON_REMOTE, span.clone(), &value);
            }
        }
    })
}

/// An ActiveX control: its class.
pub(super) fn examine_control(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    findings.saw(&signs::ACTIVEX, 0..0);
    xml::walk(&text, findings, |step, span, findings| {
        let xml::XmlStep::Open(element) = step else { return };
        if let Some(class) = element.attribute("classid") {
            object::examine_class_text(&class, span, findings);
        }
    })
}
