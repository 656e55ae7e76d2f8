//! Relationships: which parts belong to which, and what a part refers to outside of the package.
//!
//! Everything is judged after XML has resolved its references: `Ex&#116;ernal` is what Office reads as `External`.

use std::collections::HashMap;
use std::ops::Range;

use analyzers::{Exhausted, Findings};
use memchr::memmem;

use super::role::PartRole;
use crate::catalogue::package as signs;
use crate::target::{self, Danger};
use crate::xml::{self, XmlStep};

/// Roles of parts, by the relationships of the package.
#[derive(Default)]
pub(crate) struct Relations {
    roles: HashMap<String, PartRole>,
    mains: Vec<String>,
}

impl Relations {
    /// Takes in the `.rels` part `key`, and reports what it refers to outside of the package.
    pub(super) fn read(
        &mut self,
        name: &str,
        key: &str,
        part: &[u8],
        findings: &mut Findings<'_>,
    ) -> Result<(), Exhausted> {
        let text = xml::text(part, findings)?;
        let has = |needle: &[u8]| memmem::find(text.as_bytes(), needle).is_some();
        // Where nothing can be to report, no layer is made for it: there are documents with thousands of these parts.
        if has(b"TargetMode") || has(b"<!DOCTYPE") {
            findings.within(name, |findings| self.walk(&text, key, findings))
        } else {
            self.walk(&text, key, findings)
        }
    }

    fn walk(&mut self, text: &str, key: &str, findings: &mut Findings<'_>) -> Result<(), Exhausted> {
        let folder = source_folder(key);
        xml::walk(text, findings, |step, span, findings| {
            let XmlStep::Open(element) = step else { return };
            if element.name() != "Relationship" {
                return;
            }
            let kind = element.attribute("Type").unwrap_or_default();
            let kind = kind.trim().rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            let target = element.attribute("Target").unwrap_or_default();
            let mode = element.attribute("TargetMode").unwrap_or_default();
            if mode.trim().eq_ignore_ascii_case("External") {
                return judge(&kind, &target, span, findings);
            }
            if folder.is_empty() && kind == "officedocument" {
                self.mains.push(resolved("", &target));
            } else if let Some(role) = role_of(&kind, &target) {
                self.roles.insert(resolved(folder, &target), role);
            }
        })
    }

    /// Role of a part, by the relationship that leads to it.
    pub(super) fn role(&self, key: &str) -> Option<PartRole> {
        self.roles.get(key).copied()
    }

    /// Whether the part is the document itself, where the package begins.
    pub(super) fn is_main(&self, key: &str) -> bool {
        self.mains.iter().any(|main| main == key)
    }
}

/// The key of the part whose relationships the part `key` holds; None for those of the package itself, and for what is
/// not in its place.
pub(crate) fn source(key: &str) -> Option<String> {
    let (folder, name) = key.rsplit_once('/')?;
    let name = name.strip_suffix(".rels")?;
    let outer = folder.strip_suffix("_rels")?;
    Some(format!("{outer}{name}"))
}

/// The folder of the part whose relationships the part `key` holds: `word` for `word/_rels/document.xml.rels`.
fn source_folder(key: &str) -> &str {
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    folder.strip_suffix("_rels").map_or(folder, |outer| outer.trim_end_matches('/'))
}

/// The key of the part that `target` names, as seen from `folder`.
fn resolved(folder: &str, target: &str) -> String {
    let target = target.trim().replace('\\', "/").to_ascii_lowercase();
    let mut segments: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments.join("/")
}

/// Role for a type of relationship; `None` if the content decides.
fn role_of(kind: &str, target: &str) -> Option<PartRole> {
    let is_binary = target.trim_end().to_ascii_lowercase().ends_with(".bin");
    match kind {
        "extensibility" | "usercustomization" => Some(PartRole::Ribbon),
        "vbaproject" => Some(PartRole::Macros),
        "xlmacrosheet" | "xlintlmacrosheet" => {
            Some(if is_binary { PartRole::MacroSheetBinary } else { PartRole::MacroSheet })
        }
        "externallink" => Some(if is_binary { PartRole::ExternalLinkBinary } else { PartRole::ExternalLink }),
        _ => None,
    }
}

/// Judges one relationship of the type `kind` to `target`, outside of the package.
fn judge(kind: &str, target: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    if kind == "hyperlink" {
        match target::judge_click(target) {
            Danger::Exploit => findings.saw_with(&signs::EXPLOIT_TARGET, span, target),
            Danger::Command => findings.saw_with(&signs::COMMAND_TARGET, span, target),
            Danger::Network | Danger::Nearby | Danger::Remote | Danger::Local => {}
        }
        return;
    }
    findings.named_in(target.as_bytes());
    let danger = target::judge(target);
    match danger {
        Danger::Exploit => findings.saw_with(&signs::EXPLOIT_TARGET, span.clone(), target),
        Danger::Command => findings.saw_with(&signs::COMMAND_TARGET, span.clone(), target),
        // Workbooks of an office refer to each other on its file server, and ask before they look there.
        Danger::Nearby if kind.starts_with("externallink") || kind.starts_with("xl") => {}
        Danger::Network | Danger::Nearby => findings.saw_with(&signs::NETWORK_PATH, span.clone(), target),
        Danger::Remote | Danger::Local => {}
    }
    let away = matches!(danger, Danger::Remote | Danger::Nearby | Danger::Network | Danger::Exploit);
    let sign = match (kind, away) {
        ("attachedtemplate", true) if danger == Danger::Remote && target::is_document_service(target) => {
            &signs::TEMPLATE_SERVICE
        }
        // Offices link charts and tables to workbooks on their own file server.
        ("oleobject" | "package", true) if danger == Danger::Nearby => &signs::OBJECT_EXTERNAL,
        ("attachedtemplate", true) => &signs::TEMPLATE_REMOTE,
        // Every document made from a template names it; only one that is elsewhere says anything.
        ("attachedtemplate", false) => &signs::TEMPLATE_EXTERNAL,
        ("oleobject" | "package" | "control", true) => &signs::OBJECT_REMOTE,
        ("oleobject" | "package", false) => &signs::OBJECT_EXTERNAL,
        ("frame" | "subdocument" | "afchunk", true) => &signs::FRAME_REMOTE,
        ("extensibility" | "usercustomization", true) => &signs::RIBBON_REMOTE,
        ("image", true) => &signs::IMAGE_REMOTE,
        _ => return,
    };
    findings.saw_with(sign, span, target);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_resolved_as_packages_resolve_them() {
        const CASES: &[(&str, &str, &str)] = &[
            ("_rels/.rels", "word/document.xml", "word/document.xml"),
            ("_rels/.rels", "/Word\\Document.xml", "word/document.xml"),
            ("word/_rels/document.xml.rels", "../customUI/a.xml", "customui/a.xml"),
            ("word/_rels/document.xml.rels", "./media/../a.bin ", "word/a.bin"),
            ("xl/worksheets/_rels/sheet1.xml.rels", "../../../../x.xml", "x.xml"),
        ];
        for (key, target, part) in CASES {
            assert_eq!(resolved(source_folder(key), target), *part, "{target} of {key}");
        }
    }
}
