//! VBA projects (MS-OVBA), wherever in a compound file they are.
//!
//! A project is a storage with a stream `dir`: it lists the modules, and each has a stream that holds the compiled
//! form first and the compressed source behind it. Office runs either, so a source that was taken away while the
//! compiled form stayed is a sign ("stomping"). Streams that look like modules but are listed nowhere are read too.

mod decompress;
mod dir;
mod pcode;
mod project;
mod read;
mod report;

use analyzers::{Exhausted, Findings, Limit};

use self::read::Read;
use crate::compound::{Compound, StorageEntry, le16, le32};

/// Projects looked at in one compound file. Embedded documents may bring their own.
const PROJECTS_MAX: usize = 32;
/// Beginning of compressed source after the three bytes of its container: every module has attributes.
const MARKER: &[u8] = b"\0Attribut";

/// The source of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VbaModule {
    /// Name of the module; if it is not listed, of its stream.
    pub name: String,
    /// The path of its stream.
    pub stream: String,
    /// Decompressed source, in the code page of the project.
    pub source: Vec<u8>,
    /// Source of the module as text.
    pub text: String,
}

/// Examines every VBA project in `compound`.
pub(crate) fn examine(compound: &Compound<'_>, findings: &mut Findings<'_>) {
    // Which limit was hit is remembered by the budget.
    let _ = each_project(compound, findings, report::report);
}

/// The sources of every VBA project in `compound`, as [`examine`] sees them.
pub(crate) fn modules(compound: &Compound<'_>, findings: &mut Findings<'_>) -> Vec<VbaModule> {
    let mut modules = Vec::new();
    let _ = each_project(compound, findings, |_, project, _| {
        modules.extend(project.modules.iter().map(|module| VbaModule {
            name: module.name.clone(),
            stream: module.stream.clone(),
            source: project.raw.get(module.raw.clone()).unwrap_or_default().to_vec(),
            text: project.text.get(module.text.clone()).unwrap_or_default().to_owned(),
        }));
        Ok(())
    });
    modules
}

/// Reads the projects one by one.
fn each_project<'f>(
    compound: &Compound<'_>,
    findings: &mut Findings<'f>,
    mut take: impl FnMut(&Compound<'_>, Read<'_>, &mut Findings<'f>) -> Result<(), Exhausted>,
) -> Result<(), Exhausted> {
    let entries = compound.entries();
    let mut storages: Vec<&str> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.is_stream_named("dir") || entry.is_stream_named("_VBA_PROJECT")) {
        if !storages.contains(&entry.parent()) {
            if storages.len() == PROJECTS_MAX {
                return Err(findings.budget().exhaust(Limit::Entries));
            }
            storages.push(entry.parent());
        }
    }
    for storage in &storages {
        findings.budget().step(entries.len() as u64)?;
        let streams: Vec<&StorageEntry> =
            entries.iter().filter(|entry| !entry.is_storage && entry.parent() == *storage).collect();
        // Office leaves the streams of an embedded document's project behind, all of them empty, when it drops the rest.
        if streams.iter().all(|stream| stream.size == 0) {
            continue;
        }
        let project = Read::new(compound, storage, &streams, findings.budget())?;
        take(compound, project, findings)?;
    }
    // Without a project, modules may still lie about: a directory that was damaged, or a file made to look so.
    if storages.is_empty() && compound.contains(MARKER) {
        // Storages in presentations are opened by themselves.
        let is_read = |entry: &&StorageEntry| !entry.is_storage && !entry.is_stream_named("PowerPoint Document");
        let streams: Vec<&StorageEntry> = entries.iter().filter(is_read).collect();
        let mut project = Read::new(compound, "", &streams, findings.budget())?;
        project.is_guess = true;
        if !project.modules.is_empty() {
            take(compound, project, findings)?;
        }
    }
    Ok(())
}
