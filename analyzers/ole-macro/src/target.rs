//! Where a link leads, and how dangerous that is.
//!
//! Shared by relationships of packages, monikers of linked objects and templates of RTF.

use std::borrow::Cow;

/// What following a link does, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Danger {
    /// Stays on this machine.
    Local,
    /// Fetches by HTTP or FTP from another one.
    Remote,
    /// Logs on to a share, or to a WebDAV server, and so sends the user's password hash.
    Network,
    /// Runs a command interpreter.
    Command,
    /// Uses a handler that turns fetching into running.
    Exploit,
}

/// Schemes whose handlers run what they fetch. CVE-2021-40444 (mhtml, x-usc), CVE-2022-30190 (ms-msdt),
/// CVE-2017-8759 (soap), CVE-2017-0199 and CVE-2017-8570 (script monikers).
const EXPLOIT_SCHEMES: [&str; 12] = [
    "mhtml:",
    "ms-msdt:",
    "x-usc:",
    "mk:",
    "ms-its:",
    "its:",
    "search-ms:",
    "ms-officecmd:",
    "script:",
    "scriptlet:",
    "soap:",
    "wsdl=",
];
/// Longest part of a target that is looked at, in bytes: longer than any URL that a browser takes.
const TARGET_BYTES_MAX: usize = 4 << 10;

/// Judges `target`, the address of something that is loaded without a click.
pub(crate) fn judge(target: &str) -> Danger {
    let target = plain(target);
    let exploit = EXPLOIT_SCHEMES.iter().any(|scheme| target.starts_with(scheme))
        || target.contains("!x-usc:")
        || target.contains("ms-msdt:")
        || (remote_host(&target).is_some() && target.ends_with('!'));
    if exploit {
        return Danger::Exploit;
    }
    if let Some(host) = remote_host(&target) {
        return if is_loopback(host) { Danger::Local } else { Danger::Remote };
    }
    if let Some(host) = share_host(&target) {
        return if is_loopback(host) { Danger::Local } else { Danger::Network };
    }
    if runs_command(&target) { Danger::Command } else { Danger::Local }
}

/// Judges `target`, the address behind text that has to be clicked.
pub(crate) fn judge_click(target: &str) -> Danger {
    let target = plain(target);
    if target.starts_with("ms-msdt:") || target.starts_with("search-ms:") || target.starts_with("ms-officecmd:") {
        return Danger::Exploit;
    }
    let leaves = remote_host(&target).is_some() || target.starts_with("mailto:") || target.starts_with('#');
    if !leaves && runs_command(&target) { Danger::Command } else { Danger::Local }
}

/// Hosts of document services that belong to one organisation each (Microsoft Learn, SharePoint Online and its national
/// clouds), as they end.
const DOCUMENT_SERVICES: [&str; 5] =
    [".sharepoint.com", ".sharepoint.us", ".sharepoint.cn", ".sharepoint-mil.us", ".sharepoint.de"];

/// Whether `target` lies on a document service of some organisation, or on a server of the own network: a name without a
/// dot leads nowhere else. An attacker may rent the former, so it says nothing for a document.
pub(crate) fn is_document_service(target: &str) -> bool {
    let plain = plain(target);
    let host = match judge(target) {
        Danger::Remote => remote_host(&plain),
        Danger::Network => share_host(&plain),
        _ => None,
    };
    let Some(host) = host else { return false };
    // Numbers without a dot are addresses too.
    let is_name = host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.starts_with("0x");
    let is_local = is_name && !host.contains(['.', ':', '[', '@']);
    is_local || DOCUMENT_SERVICES.iter().any(|end| host.ends_with(end))
}

/// Programs that run what they are told: interpreters, and system tools that attackers borrow (LOLBAS).
const INTERPRETERS: [&str; 17] = [
    "cmd",
    "powershell",
    "pwsh",
    "mshta",
    "wscript",
    "cscript",
    "rundll32",
    "regsvr32",
    "certutil",
    "bitsadmin",
    "msiexec",
    "schtasks",
    "wmic",
    "installutil",
    "msbuild",
    "forfiles",
    "pcalua",
];

/// Whether one of the words of `text` is the name of an interpreter. Case makes no difference.
pub(crate) fn runs_command(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| INTERPRETERS.iter().any(|name| name.eq_ignore_ascii_case(word)))
}

/// Lower case, without percent signs, white space and control characters, `/` for `\`.
fn plain(target: &str) -> String {
    let mut end = target.len().min(TARGET_BYTES_MAX);
    while !target.is_char_boundary(end) {
        end -= 1;
    }
    let decoded = percent_decoded(target.get(..end).unwrap_or_default());
    decoded
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| if c == '\\' { '/' } else { c.to_ascii_lowercase() })
        .collect::<String>()
        .trim()
        .to_owned()
}

fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The host of an HTTP or FTP address.
fn remote_host(target: &str) -> Option<&str> {
    let schemes = ["http:", "https:", "ftp:", "ftps:", "webdav:"];
    let rest = schemes.iter().find_map(|scheme| target.strip_prefix(scheme))?;
    Some(host(rest.trim_start_matches('/')))
}

/// The host of a network path: `//host/share`, `file://host/share`.
fn share_host(target: &str) -> Option<&str> {
    let (rest, is_uri) = match target.strip_prefix("file:") {
        Some(rest) => (rest, true),
        None => (target, false),
    };
    let rest = rest.strip_prefix("//")?;
    // `//?/unc/host`, `//./` are spellings of the object manager; `file:////host` has two more.
    let rest = rest.strip_prefix("?/unc/").unwrap_or(rest);
    let rest = if is_uri { rest.strip_prefix("//").unwrap_or(rest) } else { rest };
    let host = host(rest);
    // `file:///C:/` has an empty host, `file://C:/` a drive, `//?/C:/` none.
    let is_drive = rest.as_bytes().get(1) == Some(&b':');
    (!host.is_empty() && !is_drive && host != "?" && host != ".").then_some(host)
}

fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with("[::1]") || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_told_apart_by_what_following_them_does() {
        const CASES: &[(&str, Danger)] = &[
            ("Normal.dotm", Danger::Local),
            ("file:///C:\\Users\\me\\Templates\\Letter.dotx", Danger::Local),
            ("file://C:/Templates/Letter.dotx", Danger::Local),
            ("http://127.0.0.1:8080/t.dotm", Danger::Local),
            ("https://localhost/t", Danger::Local),
            ("http://example.com/t.dotm", Danger::Remote),
            (" HTTP:\\\\example.com\\t.dotm", Danger::Remote),
            ("h%74tp://user@example.com/", Danger::Remote),
            ("\\\\server\\share\\t.dotm", Danger::Network),
            ("file://server/share/t.dotm", Danger::Network),
            ("file:////server/share/t.dotm", Danger::Network),
            ("\\\\?\\UNC\\server\\share", Danger::Network),
            ("\\\\?\\C:\\t.dotm", Danger::Local),
            ("C:\\windows\\system32\\cmd.exe", Danger::Command),
            ("http://example.com/x.html!", Danger::Exploit),
            ("mhtml:http://example.com/x.html!x-usc:http://example.com/x.html", Danger::Exploit),
            ("ms-msdt:/id PCWDiagnostic", Danger::Exploit),
        ];
        for (target, danger) in CASES {
            assert_eq!(judge(target), *danger, "{target}");
        }
    }

    #[test]
    fn a_link_to_be_clicked_is_bad_only_when_it_runs_something() {
        assert_eq!(judge_click("http://example.com/powershell"), Danger::Local);
        assert_eq!(judge_click("powershell -w hidden"), Danger::Command);
        assert_eq!(judge_click("search-ms:query=x"), Danger::Exploit);
    }
}
