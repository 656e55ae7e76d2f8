//! Capabilities of an image, from its imports, exports and resources.

use analyzers::Findings;

use crate::api::{Api, ApiSet};
use crate::catalogue as signs;
use crate::certificate::{Certificate, Match};
use crate::exports::Exports;
use crate::image::{Directory, Image};
use crate::imports::Imports;
use crate::resources::Resources;
use crate::structure::Traits;

/// Reports what the imports say, `native` being those of .NET (P/Invoke).
pub(crate) fn imports(
    image: &Image<'_>,
    imports: &Imports,
    native: &ApiSet,
    traits: Traits,
    findings: &mut Findings<'_>,
) {
    if let Some(name) = imports.interpreter() {
        findings.saw_with(&signs::INTERPRETER, image.directory_span(Directory::Import), name);
        return;
    }
    let apis = &imports.apis.with(native);
    let all = |wanted: &[Api]| apis.has_all(wanted);
    let table = image.directory_span(Directory::Import);
    let injects = all(&[Api::AllocateRemote, Api::WriteRemote, Api::RunRemote])
        || all(&[Api::WriteRemote, Api::SetContext, Api::ResumeThread])
        || all(&[Api::WriteRemote, Api::UnmapView]);
    let downloads = apis.has(Api::Download);
    let starts = apis.has(Api::Execute);
    // Kernel drivers use some of these on memory that is their own.
    if injects && !traits.bare {
        findings.saw(&signs::INJECTION_SET, apis.span(Api::WriteRemote));
    }
    if downloads {
        findings.saw(&signs::DOWNLOADER, apis.span(Api::Download));
    }
    if starts {
        findings.saw(&signs::STARTS_PROGRAMS, apis.span(Api::Execute));
    }
    if downloads && starts {
        findings.saw(&signs::DOWNLOAD_AND_EXECUTE, apis.span(Api::Execute));
    }
    if apis.has(Api::CreateService) {
        findings.saw(&signs::CREATES_SERVICE, apis.span(Api::CreateService));
    }
    if all(&[Api::Snapshot, Api::WalkProcesses]) {
        findings.saw(&signs::WALKS_PROCESSES, apis.span(Api::Snapshot));
    }
    if apis.has(Api::Keyboard) {
        findings.saw(&signs::KEYBOARD, apis.span(Api::Keyboard));
    }
    if all(&[Api::BlitBits, Api::DeviceContext, Api::CompatibleBitmap]) {
        findings.saw(&signs::SCREEN, apis.span(Api::BlitBits));
    }
    if apis.has(Api::RegistryWrite) {
        findings.saw(&signs::REGISTRY_WRITE, apis.span(Api::RegistryWrite));
    }
    if apis.has(Api::AntiDebug) && !traits.bare {
        findings.saw(&signs::ANTI_DEBUGGING, apis.span(Api::AntiDebug));
    }
    if all(&[Api::AdjustToken, Api::LookupPrivilege]) {
        findings.saw(&signs::TOKEN_PRIVILEGES, apis.span(Api::AdjustToken));
    }
    if apis.has(Api::LegacyCrypto) {
        findings.saw(&signs::LEGACY_CRYPTO, apis.span(Api::LegacyCrypto));
    }
    if apis.has(Api::SocketStart) || all(&[Api::Socket, Api::Connect, Api::Send]) {
        let first = if apis.has(Api::SocketStart) { Api::SocketStart } else { Api::Socket };
        findings.saw(&signs::SOCKETS, apis.span(first));
    }
    if apis.has(Api::Shares) {
        findings.saw(&signs::SHARES, apis.span(Api::Shares));
    }
    if all(&[Api::FindResource, Api::LoadResource, Api::WriteFile]) {
        findings.saw(&signs::RESOURCE_DROPPER, apis.span(Api::FindResource));
    }
    if apis.has(Api::TempPath) {
        findings.saw(&signs::TEMP_PATH, apis.span(Api::TempPath));
    }
    if all(&[Api::LoadLibrary, Api::GetProcAddress]) {
        findings.saw(&signs::DYNAMIC_RESOLUTION, apis.span(Api::GetProcAddress));
    }
    if imports.visual_basic {
        findings.saw(&signs::VISUAL_BASIC, table.clone());
    }
    // .NET imports one function, firmware and drivers few or none; none of that is odd.
    if traits.dotnet || traits.bare || image.optional.is_none() {
        return;
    }
    let count = format_args!("{} functions of {} libraries", imports.functions, imports.libraries);
    match imports.functions {
        0 if image.sections.iter().any(|section| section.is_executable()) => {
            findings.saw(&signs::NO_IMPORTS, table.clone())
        }
        1..=12 => findings.saw_with(&signs::FEW_IMPORTS, table.clone(), count),
        _ => {}
    }
    if (1..=20).contains(&imports.functions) && apis.has(Api::GetProcAddress) {
        findings.saw_with(&signs::LOADER_ONLY, table, count);
    }
}

/// Reports what the exports say: only whether there are any, their names are text.
pub(crate) fn exports(image: &Image<'_>, exports: &Exports, traits: Traits, findings: &mut Findings<'_>) {
    let span = image.directory_span(Directory::Export);
    let count = exports.functions.unwrap_or(0);
    let exports = count > 0;
    if traits.dotnet || traits.bare || image.optional.is_none() {
        return;
    }
    let has_code = image.sections.iter().any(|section| section.is_executable());
    if traits.library && !exports && has_code {
        findings.saw(&signs::EXPORTS_NOTHING, span);
    } else if !traits.library && exports {
        findings.saw_with(&signs::PROGRAM_EXPORTS, span, format_args!("{count} functions"));
    }
}

/// Reports what resources, signature and their absence say.
pub(crate) fn identity(image: &Image<'_>, resources: &Resources, traits: Traits, findings: &mut Findings<'_>) {
    if let Some(span) = &resources.version {
        findings.saw(&signs::VERSION, span.clone());
        if resources.claims_microsoft && !traits.signed && !traits.debug {
            findings.saw(&signs::CLAIMS_MICROSOFT, span.clone());
        }
    }
    if let Some(span) = &resources.requires_administrator {
        findings.saw(&signs::REQUIRES_ADMINISTRATOR, span.clone());
    }
    let nameless = resources.version.is_none() && !traits.signed && !traits.debug;
    if nameless && !traits.library && !traits.bare && image.optional.is_some() {
        findings.saw(&signs::ANONYMOUS, 0..0);
    }
}

/// Reports the signature, and whether it is of this file.
pub(crate) fn signature(certificate: &Certificate, digest: Option<Match>, findings: &mut Findings<'_>) {
    let Some(span) = certificate.span() else {
        return;
    };
    findings.saw(&signs::SIGNATURE, span.clone());
    if digest == Some(Match::Other) {
        findings.saw(&signs::SIGNATURE_OF_OTHER, span);
    }
}

/// Reports what was odd on the way.
pub(crate) fn oddities(image: &Image<'_>, findings: &mut Findings<'_>) {
    let size = image.bytes.len();
    for (oddity, at) in image.oddities.iter() {
        findings.saw_with(&signs::ANOMALY, at.min(size)..at.saturating_add(4).min(size), oddity.words());
    }
    let count = image.oddities.count();
    if count >= 3 {
        findings.saw_with(&signs::MANY_ANOMALIES, 0..0, format_args!("{count} kinds"));
    }
}
