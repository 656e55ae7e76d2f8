//! Embedded files: the data of objects of class `Package` (MS-OLEDS 2.3.6 and what is known of its insides).
//!
//! Three layouts are met: with the length of all in front (the stream `\x01Ole10Native`), without it (the native data
//! of OLE 1 objects, as RTF has them), and data of other classes, which is only a length and bytes.

use analyzers::{Findings, Incomplete};
use triage::{FileKind, ScriptKind};

use crate::catalogue::object as signs;
use crate::compound::{le16, le32};
use crate::file_names;

/// An embedded file.
struct Package<'a> {
    label: String,
    file: String,
    command: String,
    payload: &'a [u8],
    /// Whether it claims more bytes than there are.
    short: bool,
}

/// Examines the native data of an object and hands over the file in it.
pub(crate) fn examine(data: &[u8], findings: &mut Findings<'_>) {
    let after_length = data.get(4..).unwrap_or_default();
    let Some(package) = package(after_length).or_else(|| package(data)) else {
        let length = le32(data, 0).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        return examine_raw(after_length.get(..length).unwrap_or(data), findings);
    };
    findings.saw_with(&signs::PACKAGE, 0..data.len(), &package.file);
    if package.short {
        findings.saw_with(&signs::MALFORMED, 0..data.len(), "an embedded file is shorter than it claims");
        findings.incomplete(Incomplete::CutShort);
    }
    let named = [&package.file, &package.label, &package.command];
    let program = named.iter().find(|name| file_names::is_executable(name));
    let kind = triage::triage(package.payload);
    if let Some(name) = program {
        findings.saw_with(&signs::EXECUTABLE, 0..data.len(), name);
    } else if is_program(kind) {
        findings.saw_with(&signs::EXECUTABLE, 0..data.len(), format_args!("{} is a program", package.file));
    }
    if let Some(name) = named.iter().find(|name| file_names::is_disguised(name)) {
        findings.saw_with(&signs::DOUBLE_EXTENSION, 0..data.len(), name);
    }
    let own_name = package.file.rsplit(['/', '\\']).next().unwrap_or_default();
    hand_over(own_name, package.payload, findings);
}

/// Examines data of another class, which may contain a program or document.
fn examine_raw(payload: &[u8], findings: &mut Findings<'_>) {
    let kind = triage::triage(payload);
    if is_program(kind) {
        findings.saw(&signs::EXECUTABLE, 0..payload.len());
    }
    if is_program(kind) || matches!(kind, FileKind::Cfb(_) | FileKind::Ooxml(_) | FileKind::Zip(_) | FileKind::Rtf) {
        hand_over("native", payload, findings);
    }
}

fn is_program(kind: FileKind) -> bool {
    match kind {
        FileKind::Pe(_) | FileKind::Elf(_) | FileKind::Lnk => true,
        // Markup is embedded by people who write about it.
        FileKind::Script(kind) => !matches!(kind, ScriptKind::Xml | ScriptKind::Html),
        _ => false,
    }
}

/// Passes a copy of `payload` on as a child. A document with an embedded file that nothing can judge is not vouched
/// for.
pub(super) fn hand_over(name: &str, payload: &[u8], findings: &mut Findings<'_>) {
    if !super::is_judged(triage::triage(payload)) {
        findings.cannot_vouch(name);
    }
    if !payload.is_empty() && findings.budget().produce(payload.len() as u64).is_ok() {
        findings.child(name, payload.to_vec().into());
    }
}

/// Reads the layout that begins with the type.
fn package(bytes: &[u8]) -> Option<Package<'_>> {
    if le16(bytes, 0)? != 2 {
        return None;
    }
    let mut rest = bytes.get(2..)?;
    let label = string(&mut rest)?;
    let file = string(&mut rest)?;
    // Two numbers: 0, and 3 for an embedded file or 1 for a linked one.
    let form = le16(rest, 2)?;
    rest = rest.get(4..)?;
    if form == 1 {
        return Some(Package { label, command: file.clone(), file, payload: &[], short: false });
    }
    let command_bytes = usize::try_from(le32(rest, 0)?).ok()?;
    rest = rest.get(4..)?;
    let (mut command, after) = rest.split_at_checked(command_bytes)?;
    let command = string(&mut command).unwrap_or_default();
    let length = usize::try_from(le32(after, 0)?).ok()?;
    let payload = after.get(4..)?;
    let short = payload.len() < length;
    Some(Package { label, file, command, payload: payload.get(..length).unwrap_or(payload), short })
}

/// Reads text up to its NUL. Only its ASCII characters matter.
fn string(rest: &mut &[u8]) -> Option<String> {
    let end = memchr::memchr(0, rest)?;
    let text = rest.get(..end.min(1 << 10))?;
    *rest = rest.get(end + 1..)?;
    Some(String::from_utf8_lossy(text).into_owned())
}
