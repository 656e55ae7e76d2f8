//! Relationships: what a part refers to outside of the package.

use std::ops::Range;

use analyzers::{Exhausted, Findings};

use super::xml::{self, Step};
use crate::catalogue::package as signs;
use crate::target::{self, Danger};

/// Examines one `.rels` part.
pub(crate) fn examine(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    // Relationships within the package are most of them, and none of them is of interest here.
    let has = |needle: &[u8]| memchr::memmem::find(text.as_bytes(), needle).is_some();
    if !has(b"xternal") && !has(b"<!DOCTYPE") && !has(b"XTERNAL") {
        return Ok(());
    }
    xml::walk(&text, findings, |step, span, findings| {
        let Step::Open(element) = step else { return };
        let outside = element.attribute("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("External"));
        if !outside || element.name() != "Relationship" {
            return;
        }
        let kind = element.attribute("Type").unwrap_or_default();
        let kind = kind.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        judge(&kind, &element.attribute("Target").unwrap_or_default(), span, findings);
    })
}

/// Judges one relationship of the type `kind` to `target`.
fn judge(kind: &str, target: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    if kind == "hyperlink" {
        match target::judge_click(target) {
            Danger::Exploit => findings.saw_with(&signs::EXPLOIT_TARGET, span, target),
            Danger::Command => findings.saw_with(&signs::COMMAND_TARGET, span, target),
            Danger::Network | Danger::Remote | Danger::Local => {}
        }
        return;
    }
    let danger = target::judge(target);
    match danger {
        Danger::Exploit => findings.saw_with(&signs::EXPLOIT_TARGET, span.clone(), target),
        Danger::Command => findings.saw_with(&signs::COMMAND_TARGET, span.clone(), target),
        Danger::Network => findings.saw_with(&signs::NETWORK_PATH, span.clone(), target),
        Danger::Remote | Danger::Local => {}
    }
    let away = matches!(danger, Danger::Remote | Danger::Network | Danger::Exploit);
    let sign = match (kind, away) {
        ("attachedtemplate", true) if danger == Danger::Remote && target::is_document_service(target) => {
            &signs::TEMPLATE_SERVICE
        }
        ("attachedtemplate", true) => &signs::TEMPLATE_REMOTE,
        // Every document made from a template names it; only one that is elsewhere says anything.
        ("attachedtemplate", false) => &signs::TEMPLATE_EXTERNAL,
        ("oleobject" | "package", true) => &signs::OBJECT_REMOTE,
        ("oleobject" | "package", false) => &signs::OBJECT_EXTERNAL,
        ("frame" | "subdocument", true) => &signs::FRAME_REMOTE,
        ("image", true) => &signs::IMAGE_REMOTE,
        _ => return,
    };
    findings.saw_with(sign, span, target);
}
