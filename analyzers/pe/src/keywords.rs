//! Words that give programs away, and what each is a sign of.
//!
//! The words are stored in reverse, so that a scan of this binary, or of a program that links this crate, does not find
//! them. They are in lower case, because the search ignores case. None is shorter than the shortest run of text that is
//! kept. Some need a context, which is given with them.

use crate::around::Around;
use crate::text::RUN_MIN;

/// Sign of a keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Sign {
    InjectionApis,
    UserAgent,
    RunKey,
    ShellCommand,
    PowerShell,
    PowerShellHidden,
    ShadowCopies,
    SelfDelete,
    DefenceSwitches,
    Firewall,
    SecurityProducts,
    AnalysisTools,
    VirtualMachines,
    BrowserCredentials,
    Wallets,
    Onion,
    RansomNote,
    RawAddress,
    PublicAddress,
    Irc,
    PhpGate,
    Base64Pe,
    ReflectiveLoader,
    CredentialDumping,
    KeyLabels,
    DotnetProtector,
    DotnetDownload,
    AutoIt,
    ScheduledTask,
    StartupPlaces,
    AutorunInf,
    Webhook,
    Mining,
    GoProgram,
    RustProgram,
    /// Not a sign by itself: the text of an MS-DOS stub.
    DosStub,
}

impl Sign {
    /// Number of signs.
    pub(crate) const COUNT: usize = Sign::DosStub as usize + 1;

    /// Number of different words of a sign that must be present.
    pub(crate) fn words_min(self) -> usize {
        match self {
            Sign::Irc | Sign::SecurityProducts | Sign::KeyLabels | Sign::DotnetDownload => 2,
            _ => 1,
        }
    }
}

/// Longest word, in bytes.
const WORD_BYTES_MAX: usize = 48;

/// One word.
#[derive(Debug)]
pub(crate) struct Keyword {
    reversed: [u8; WORD_BYTES_MAX],
    length: usize,
    pub(crate) sign: Sign,
    pub(crate) around: Around,
}

impl Keyword {
    /// The word itself.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.reversed.iter().take(self.length).rev().copied().collect()
    }
}

const fn word(text: &str, sign: Sign) -> Keyword {
    around(text, sign, Around::Any)
}

const fn around(text: &str, sign: Sign, around: Around) -> Keyword {
    let text = text.as_bytes();
    assert!(text.len() >= RUN_MIN, "text that short is not searched");
    let mut reversed = [0; WORD_BYTES_MAX];
    let mut at = 0;
    while at < text.len() {
        reversed[at] = text[text.len() - 1 - at];
        at += 1;
    }
    Keyword { reversed, length: text.len(), sign, around }
}

/// The words.
pub(crate) static WORDS: &[Keyword] = &[
    around("virtualallocex", Sign::InjectionApis, Around::Function),
    around("writeprocessmemory", Sign::InjectionApis, Around::Function),
    around("createremotethread", Sign::InjectionApis, Around::Function),
    around("ntunmapviewofsection", Sign::InjectionApis, Around::Function),
    around("zwunmapviewofsection", Sign::InjectionApis, Around::Function),
    around("ntwritevirtualmemory", Sign::InjectionApis, Around::Function),
    around("ntcreatethreadex", Sign::InjectionApis, Around::Function),
    around("rtlcreateuserthread", Sign::InjectionApis, Around::Function),
    word("mozilla/4.0", Sign::UserAgent),
    word("mozilla/5.0", Sign::UserAgent),
    around("currentversion\\run", Sign::RunKey, Around::KeyName),
    word("cmd.exe /c", Sign::ShellCommand),
    word("cmd.exe /k", Sign::ShellCommand),
    word("cmd.exe /q /c", Sign::ShellCommand),
    word("cmd.exe\" /c", Sign::ShellCommand),
    around("cmd /c", Sign::ShellCommand, Around::EndsHere),
    word("%comspec% /c", Sign::ShellCommand),
    word("command.com /c", Sign::ShellCommand),
    word("powershell", Sign::PowerShell),
    word("-windowstyle hidden", Sign::PowerShellHidden),
    word("-w hidden", Sign::PowerShellHidden),
    word("-encodedcommand", Sign::PowerShellHidden),
    word("-executionpolicy bypass", Sign::PowerShellHidden),
    word("-exec bypass", Sign::PowerShellHidden),
    word("frombase64string(", Sign::PowerShellHidden),
    word("vssadmin", Sign::ShadowCopies),
    word("bcdedit", Sign::ShadowCopies),
    word("wbadmin", Sign::ShadowCopies),
    word("shadowcopy delete", Sign::ShadowCopies),
    word("win32_shadowcopy", Sign::ShadowCopies),
    word("/c del ", Sign::SelfDelete),
    word("/c ping ", Sign::SelfDelete),
    word("ping 127.0.0.1", Sign::SelfDelete),
    word("ping -n ", Sign::SelfDelete),
    word("del /f /q", Sign::SelfDelete),
    word("del \"%s\"", Sign::SelfDelete),
    word("disableantispyware", Sign::DefenceSwitches),
    word("disablerealtimemonitoring", Sign::DefenceSwitches),
    word("disabletaskmgr", Sign::DefenceSwitches),
    word("disableregistrytools", Sign::DefenceSwitches),
    word("disableregedit", Sign::DefenceSwitches),
    around("enablelua", Sign::DefenceSwitches, Around::EndsHere),
    word("taskkill", Sign::DefenceSwitches),
    word("net stop ", Sign::DefenceSwitches),
    word("netsh firewall", Sign::Firewall),
    word("advfirewall", Sign::Firewall),
    word("sharedaccess\\parameters\\firewallpolicy", Sign::Firewall),
    word("antivirusproduct", Sign::SecurityProducts),
    word("msmpeng", Sign::SecurityProducts),
    around("avp.exe", Sign::SecurityProducts, Around::Alone),
    around("ekrn.exe", Sign::SecurityProducts, Around::Alone),
    around("egui.exe", Sign::SecurityProducts, Around::Alone),
    around("avgnt.exe", Sign::SecurityProducts, Around::Alone),
    around("avguard.exe", Sign::SecurityProducts, Around::Alone),
    around("mcshield.exe", Sign::SecurityProducts, Around::Alone),
    around("ccsvchst.exe", Sign::SecurityProducts, Around::Alone),
    around("rtvscan.exe", Sign::SecurityProducts, Around::Alone),
    around("nod32krn.exe", Sign::SecurityProducts, Around::Alone),
    around("ashdisp.exe", Sign::SecurityProducts, Around::Alone),
    around("avastsvc.exe", Sign::SecurityProducts, Around::Alone),
    around("bdagent.exe", Sign::SecurityProducts, Around::Alone),
    around("360tray.exe", Sign::SecurityProducts, Around::Alone),
    word("ollydbg", Sign::AnalysisTools),
    word("wireshark", Sign::AnalysisTools),
    around("procmon.exe", Sign::AnalysisTools, Around::Alone),
    around("procexp.exe", Sign::AnalysisTools, Around::Alone),
    around("x64dbg.exe", Sign::AnalysisTools, Around::Alone),
    around("x32dbg.exe", Sign::AnalysisTools, Around::Alone),
    around("idaq.exe", Sign::AnalysisTools, Around::Alone),
    word("immunitydebugger", Sign::AnalysisTools),
    word("processhacker", Sign::AnalysisTools),
    word("vboxservice", Sign::VirtualMachines),
    word("vboxtray", Sign::VirtualMachines),
    word("vboxguest", Sign::VirtualMachines),
    word("vboxmouse", Sign::VirtualMachines),
    word("vboxhook", Sign::VirtualMachines),
    word("vmtoolsd", Sign::VirtualMachines),
    word("vmwaretray", Sign::VirtualMachines),
    word("vmwareuser", Sign::VirtualMachines),
    word("sbiedll", Sign::VirtualMachines),
    around("wine_get_unix_file_name", Sign::VirtualMachines, Around::Function),
    word("xenservice", Sign::VirtualMachines),
    word("cuckoomon", Sign::VirtualMachines),
    word("\\login data", Sign::BrowserCredentials),
    word("signons.sqlite", Sign::BrowserCredentials),
    word("signons.txt", Sign::BrowserCredentials),
    word("logins.json", Sign::BrowserCredentials),
    around("key3.db", Sign::BrowserCredentials, Around::Alone),
    around("key4.db", Sign::BrowserCredentials, Around::Alone),
    word("moz_logins", Sign::BrowserCredentials),
    word("chrome\\user data", Sign::BrowserCredentials),
    word("intelliforms\\storage", Sign::BrowserCredentials),
    around("wallet.dat", Sign::Wallets, Around::Alone),
    word("electrum\\wallets", Sign::Wallets),
    around(".onion", Sign::Onion, Around::HiddenService),
    word("torproject.org", Sign::Onion),
    around("decrypt your", Sign::RansomNote, Around::YourFiles),
    word("files have been encrypted", Sign::RansomNote),
    word("files are encrypted", Sign::RansomNote),
    around("been encrypted", Sign::RansomNote, Around::YourFiles),
    word("recover your files", Sign::RansomNote),
    word("restore your files", Sign::RansomNote),
    around("decryption key", Sign::RansomNote, Around::YourFiles),
    around("http://", Sign::RawAddress, Around::Address),
    around("https://", Sign::RawAddress, Around::Address),
    word("checkip.dyndns", Sign::PublicAddress),
    word("api.ipify.org", Sign::PublicAddress),
    word("icanhazip.com", Sign::PublicAddress),
    word("whatismyip", Sign::PublicAddress),
    word("ip-api.com", Sign::PublicAddress),
    word("ipinfo.io", Sign::PublicAddress),
    word("myip.dnsomatic", Sign::PublicAddress),
    word("privmsg", Sign::Irc),
    word("join #", Sign::Irc),
    word("nick %s", Sign::Irc),
    word("user %s", Sign::Irc),
    word("/gate.php", Sign::PhpGate),
    word("/panel.php", Sign::PhpGate),
    word("/bot.php", Sign::PhpGate),
    word("/upload.php", Sign::PhpGate),
    word("/logs.php", Sign::PhpGate),
    around(".php?id=", Sign::PhpGate, Around::Parameter),
    word(".php?%s", Sign::PhpGate),
    word("tvqqaamaaaaeaaaa", Sign::Base64Pe),
    word("tvpqaaiaaaaeaa8a", Sign::Base64Pe),
    word("4d5a90000300000004", Sign::Base64Pe),
    word("reflectiveloader", Sign::ReflectiveLoader),
    word("mimikatz", Sign::CredentialDumping),
    word("sekurlsa", Sign::CredentialDumping),
    word("gentilkiwi", Sign::CredentialDumping),
    word("lsadump", Sign::CredentialDumping),
    word("samicryptlm", Sign::CredentialDumping),
    around("[backspace]", Sign::KeyLabels, Around::Label),
    around("[enter]", Sign::KeyLabels, Around::Label),
    around("[caps lock]", Sign::KeyLabels, Around::Label),
    around("[capslock]", Sign::KeyLabels, Around::Label),
    around("[page down]", Sign::KeyLabels, Around::Label),
    around("[pagedown]", Sign::KeyLabels, Around::Label),
    around("[delete]", Sign::KeyLabels, Around::Label),
    around("[insert]", Sign::KeyLabels, Around::Label),
    around("<backspace>", Sign::KeyLabels, Around::Label),
    around("<enter>", Sign::KeyLabels, Around::Label),
    around("<caps lock>", Sign::KeyLabels, Around::Label),
    word("keylogger", Sign::KeyLabels),
    word("confusedby", Sign::DotnetProtector),
    word("confuserex", Sign::DotnetProtector),
    word("smartassembly", Sign::DotnetProtector),
    word("dotfuscator", Sign::DotnetProtector),
    word("babelobfuscator", Sign::DotnetProtector),
    word("cryptoobfuscator", Sign::DotnetProtector),
    around("downloadfile", Sign::DotnetDownload, Around::Alone),
    around("downloaddata", Sign::DotnetDownload, Around::Alone),
    around("downloadstring", Sign::DotnetDownload, Around::Alone),
    around("processstartinfo", Sign::DotnetDownload, Around::Alone),
    word("au3!ea05", Sign::AutoIt),
    word("au3!ea06", Sign::AutoIt),
    word("schtasks", Sign::ScheduledTask),
    word("start menu\\programs\\startup", Sign::StartupPlaces),
    word("image file execution options", Sign::StartupPlaces),
    word("windows nt\\currentversion\\winlogon", Sign::StartupPlaces),
    word("autorun.inf", Sign::AutorunInf),
    word("api.telegram.org/bot", Sign::Webhook),
    word("/api/webhooks/", Sign::Webhook),
    word("pastebin.com/raw", Sign::Webhook),
    word("stratum+tcp", Sign::Mining),
    word("stratum+ssl", Sign::Mining),
    word("go build id: \"", Sign::GoProgram),
    word("go buildinf:", Sign::GoProgram),
    word("/rustc/", Sign::RustProgram),
    word("library\\core\\src\\", Sign::RustProgram),
    word("this program ", Sign::DosStub),
];

const _: () = assert!(WORDS.len() <= 256, "the words found are kept as bits");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::is_printable;

    #[test]
    fn words_are_lower_case_printable_and_different() {
        let mut texts: Vec<Vec<u8>> = WORDS.iter().map(Keyword::text).collect();
        assert!(texts.iter().all(|text| text.iter().all(|&b| is_printable(b) && !b.is_ascii_uppercase())));
        texts.sort_unstable();
        assert!(texts.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn every_sign_has_the_words_it_needs() {
        for word in WORDS {
            let words = WORDS.iter().filter(|other| other.sign == word.sign).count();
            assert!(words >= word.sign.words_min(), "{:?}", word.sign);
        }
    }
}
