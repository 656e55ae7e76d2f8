//! Strings of an image.

use analyzers::{Findings, Indicator};

use crate::api::Api;
use crate::catalogue as signs;
use crate::dotnet::ManagedCode;
use crate::imports::Imports;
use crate::keywords::Sign;
use crate::scan::{Scan, quote};
use crate::structure::Traits;

/// Places of one sign that are reported.
const PLACES_MAX: usize = 3;

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
    (Sign::GoProgram, &signs::GO),
    (Sign::RustProgram, &signs::RUST),
];

// All but the DOS stub, which is no indicator.
const _: () = assert!(SIGNS.len() + 1 == Sign::COUNT, "a sign has no indicator");

/// Reports what the words say.
pub(crate) fn words(
    bytes: &[u8],
    scan: &Scan,
    (imports, managed): (&Imports, &ManagedCode),
    traits: Traits,
    findings: &mut Findings<'_>,
) {
    let is_interpreter = imports.interpreter().is_some();
    for &(sign, indicator) in SIGNS {
        let dotnet_only = matches!(sign, Sign::DotnetProtector | Sign::DotnetDownload);
        // What an interpreter looks for at run time is as little its script's as what it imports.
        let of_interpreter = sign == Sign::InjectionApis && is_interpreter;
        if !scan.has(sign) || dotnet_only && !traits.dotnet || of_interpreter {
            continue;
        }
        for span in scan.spans(sign).take(PLACES_MAX) {
            let quote = quote(bytes, &span);
            findings.saw_with(indicator, span, quote);
        }
    }
    let writes_registry = imports.apis.has(Api::RegistryWrite) && !is_interpreter;
    let imported = writes_registry.then(|| imports.apis.span(Api::RegistryWrite));
    if let Some(span) = imported.or(managed.writes_registry()).filter(|_| scan.has(Sign::RunKey)) {
        findings.saw(&signs::RUN_KEY_WRITTEN, span);
    }
}
