//! Strings of an image, and images embedded in it.

use std::borrow::Cow;
use std::ops::Range;

use analyzers::{Exhausted, Findings, Indicator, Limit};
use goblin::pe::header::{PE_MAGIC, PE_POINTER_OFFSET};
use scroll::{LE, Pread};

use crate::api::Api;
use crate::catalogue as signs;
use crate::certificate::Certificate;
use crate::image::Image;
use crate::imports::Imports;
use crate::keywords::Sign;
use crate::overlay::AccountedBytes;
use crate::resources::Resources;
use crate::scan::{Scan, quote};
use crate::section::Section;
use crate::structure::Traits;

/// Places of one sign that are reported.
const PLACES_MAX: usize = 3;
/// Images inside an image that are examined in their own right, not counting those inside of these. As many as a
/// report has layers by default; with more, the examination is incomplete.
const CHILDREN_MAX: usize = 1_000;
/// Maximum distance of the MZ header before the text of its MS-DOS stub.
const STUB_BEFORE_MAX: usize = 0x80;

/// The indicator of each sign.
const SIGNS: &[(Sign, &Indicator)] = &[
    (Sign::InjectionApis, &signs::INJECTION_APIS),
    (Sign::UserAgent, &signs::USER_AGENT),
    (Sign::RunKey, &signs::RUN_KEY),
    (Sign::ShellCommand, &signs::SHELL_COMMAND),
    (Sign::PowerShell, &signs::POWERSHELL),
    (Sign::PowerShellHidden, &signs::POWERSHELL_HIDDEN),
    (Sign::ShadowCopies, &signs::SHADOW_COPIES),
    (Sign::SelfDelete, &signs::SELF_DELETE),
    (Sign::DefenceSwitches, &signs::DEFENCE_SWITCHES),
    (Sign::Firewall, &signs::FIREWALL),
    (Sign::SecurityProducts, &signs::SECURITY_PRODUCTS),
    (Sign::AnalysisTools, &signs::ANALYSIS_TOOLS),
    (Sign::VirtualMachines, &signs::VIRTUAL_MACHINES),
    (Sign::BrowserCredentials, &signs::BROWSER_CREDENTIALS),
    (Sign::Wallets, &signs::WALLETS),
    (Sign::Onion, &signs::ONION),
    (Sign::RansomNote, &signs::RANSOM_NOTE),
    (Sign::RawAddress, &signs::RAW_ADDRESS),
    (Sign::PublicAddress, &signs::PUBLIC_ADDRESS),
    (Sign::Irc, &signs::IRC),
    (Sign::PhpGate, &signs::PHP_GATE),
    (Sign::Base64Pe, &signs::BASE64_PE),
    (Sign::ReflectiveLoader, &signs::REFLECTIVE_LOADER),
    (Sign::CredentialDumping, &signs::CREDENTIAL_DUMPING),
    (Sign::KeyLabels, &signs::KEY_LABELS),
    (Sign::DotnetProtector, &signs::DOTNET_PROTECTOR),
    (Sign::DotnetDownload, &signs::DOTNET_DOWNLOAD),
    (Sign::AutoIt, &signs::AUTOIT),
    (Sign::ScheduledTask, &signs::SCHEDULED_TASK),
    (Sign::StartupPlaces, &signs::STARTUP),
    (Sign::AutorunInf, &signs::AUTORUN_INF),
    (Sign::Webhook, &signs::WEBHOOK),
    (Sign::Mining, &signs::MINING),
];

// All but the DOS stub, which is no indicator.
const _: () = assert!(SIGNS.len() + 1 == Sign::COUNT, "a sign has no indicator");

/// Reports what the words say.
pub(crate) fn words(bytes: &[u8], scan: &Scan, imports: &Imports, traits: Traits, findings: &mut Findings<'_>) {
    for &(sign, indicator) in SIGNS {
        let dotnet_only = matches!(sign, Sign::DotnetProtector | Sign::DotnetDownload);
        if !scan.has(sign) || dotnet_only && !traits.dotnet {
            continue;
        }
        for span in scan.spans(sign).take(PLACES_MAX) {
            let quote = quote(bytes, &span);
            findings.saw_with(indicator, span, quote);
        }
    }
    if scan.has(Sign::RunKey) && imports.apis.has(Api::RegistryWrite) {
        findings.saw(&signs::RUN_KEY_WRITTEN, imports.apis.span(Api::RegistryWrite));
    }
}

/// Reports images inside this one and hands them over, each to be examined in its own right.
pub(crate) fn embedded<'a>(
    bytes: &'a [u8],
    scan: &Scan,
    resources: &Resources,
    sections: &mut Vec<Section>,
    accounts: &mut AccountedBytes,
    findings: &mut Findings<'a>,
) -> Result<(), Exhausted> {
    let by_stub = scan.stubs().iter().filter_map(|&stub| header_before(bytes, stub)).map(|start| (start, start));
    let by_resource = resources.images.iter().map(|span| (span.start, span.end));
    let mut starts: Vec<(usize, usize)> = by_stub
        .chain(by_resource.filter(|&(start, _)| is_image(bytes, start)))
        .filter(|&(start, _)| start > 0)
        .collect();
    // Of one place the entry that knows of more bytes comes first: a resource may be more than the image in it.
    starts.sort_unstable_by_key(|&(start, end)| (start, usize::MAX - end));
    starts.dedup_by_key(|&mut (start, _)| start);
    // Those handed over do not overlap, so that a layer's children are no larger than itself however they nest.
    let (mut free, mut handed_over) = (1, 0);
    for (start, known_end) in starts {
        let Some(span) = extent(bytes, start, sections) else {
            continue;
        };
        let span = span.start..span.end.max(known_end);
        findings.budget().step(1 + sections.len() as u64)?;
        if start < free {
            // It starts inside one that was handed over, and will be found there, as far as that reaches.
            if span.end > free {
                findings.budget().exhaust(Limit::Entries);
            }
            continue;
        }
        if handed_over == CHILDREN_MAX {
            findings.budget().exhaust(Limit::Entries);
            break;
        }
        findings.saw_with(&signs::EMBEDDED_IMAGE, span.clone(), format_args!("{} bytes", span.len()));
        free = span.end;
        handed_over += 1;
        accounts.add(span.clone());
        if let Some(image) = bytes.get(span) {
            findings.child(&format!("image@{start:#x}"), Cow::Borrowed(image));
        }
    }
    Ok(())
}

/// The MZ header that the text of an MS-DOS stub belongs to.
fn header_before(bytes: &[u8], stub: usize) -> Option<usize> {
    let from = stub.saturating_sub(STUB_BEFORE_MAX);
    let before = bytes.get(from..stub)?;
    memchr::memmem::rfind_iter(before, b"MZ").map(|at| from + at).find(|&start| is_image(bytes, start))
}

fn is_image(bytes: &[u8], start: usize) -> bool {
    let at = |offset: usize| start.checked_add(offset).and_then(|at| bytes.pread_with::<u32>(at, LE).ok());
    bytes.get(start..).is_some_and(|rest| rest.starts_with(b"MZ"))
        && at(PE_POINTER_OFFSET as usize).is_some_and(|pointer| at(pointer as usize) == Some(PE_MAGIC))
}

/// From its first byte to the end of its last section, or of the signature right behind that. None for what are headers
/// alone: linkers and packers carry such templates, and there is nothing to examine.
fn extent(bytes: &[u8], start: usize, sections: &mut Vec<Section>) -> Option<Range<usize>> {
    let rest = bytes.get(start..).unwrap_or_default();
    let mut image = Image::read(rest, sections);
    if image.optional.is_some() && image.sections.iter().all(|section| image.mapped(section).is_empty()) {
        return None;
    }
    let size = image.end_of_sections();
    let behind = Certificate::read(&mut image).signatures.last().map_or(0..0, Clone::clone);
    let signed = (size..size + 8).contains(&behind.start);
    Some(match size {
        0 => start..bytes.len(),
        // Entries of the table are padded to multiples of eight bytes.
        _ if signed => start..start + behind.end.next_multiple_of(8).min(rest.len()),
        _ => start..start + size,
    })
}
