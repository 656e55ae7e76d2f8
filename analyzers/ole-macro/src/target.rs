//! Target of a link and its risk.
//!
//! Shared by relationships of packages, monikers of linked objects and templates of RTF.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::file_names::is_executable;

/// Risk of following a link, in ascending order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Danger {
    /// Stays on this machine.
    Local,
    /// Fetches by HTTP or FTP from another one.
    Remote,
    /// Logs on to a share of the local network: the host name has no dots, so it is not public.
    Nearby,
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
/// Maximum number of rounds of percent-decoding.
const DECODINGS_MAX: usize = 3;

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
        return match host {
            host if is_loopback(host) => Danger::Local,
            // A port or protocol is for servers of WebDAV, which may be anywhere.
            host if host.contains(['.', ':', '[', '%']) || target.contains('@') => Danger::Network,
            _ => Danger::Nearby,
        };
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
    // A document on a share is opened by its program; a script or program there is run.
    let is_run = !leaves && share_host(&target).is_some() && is_executable(path(&target));
    if is_run || (!leaves && runs_command(&target)) { Danger::Command } else { Danger::Local }
}

/// `target` without what follows `?` or `#`.
fn path(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
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
        Danger::Network | Danger::Nearby => share_host(&plain),
        _ => None,
    };
    let Some(host) = host else { return false };
    // Numbers without a dot are addresses too.
    let is_name = host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.starts_with("0x");
    let is_local = is_name && !host.contains(['.', ':', '[', '@']);
    is_local || DOCUMENT_SERVICES.iter().any(|end| host.ends_with(end))
}

/// Interpreters, and system tools that attackers use (LOLBAS).
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

/// Lower case, without percent signs, white space and control characters, `/` for `\\`.
fn plain(target: &str) -> String {
    let mut end = target.len().min(TARGET_BYTES_MAX);
    while !target.is_char_boundary(end) {
        end -= 1;
    }
    let mut decoded = Cow::Borrowed(target.get(..end).unwrap_or_default());
    // A percent sign may itself be written as one, and each program on the way decodes once.
    for _ in 0..DECODINGS_MAX {
        match percent_decoded(&decoded) {
            Cow::Borrowed(_) => break,
            Cow::Owned(text) if text == *decoded => break,
            Cow::Owned(text) => decoded = Cow::Owned(text),
        }
    }
    let plain: String = decoded
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| if c == '\\' { '/' } else { c.to_ascii_lowercase() })
        .collect();
    let plain = plain.trim();
    // What the shell takes in front of any address.
    plain.strip_prefix("url:").unwrap_or(plain).trim_start().to_owned()
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

/// The host of an HTTP or FTP address, whatever number of slashes stands before it.
fn remote_host(target: &str) -> Option<&str> {
    let schemes = ["http:", "https:", "ftp:", "ftps:", "webdav:", "webdavs:", "dav:", "davs:"];
    // Office's own schemes hold an address: `ms-word:ofe|u|https://host/`.
    let target = if target.starts_with("ms-") { target.rsplit('|').next().unwrap_or_default() } else { target };
    let rest = schemes.iter().find_map(|scheme| target.strip_prefix(scheme))?;
    let authority = authority(rest.trim_start_matches('/'));
    Some(authority.rsplit('@').next().unwrap_or_default())
}

/// The host of a network path: `//host/share`, `file://host/share`, and every spelling of them that Windows takes
/// (MS-DTYP 2.2.57; RFC 8089 appendix E.3): with more slashes, through the object manager, with a port.
fn share_host(target: &str) -> Option<&str> {
    let (path, is_uri) = match target.strip_prefix("file:") {
        Some(path) => (path, true),
        None => (target, false),
    };
    let rest = path.trim_start_matches('/');
    let slashes = path.len() - rest.len();
    // `file:///etc/x` is a path of this machine, `file:////host` and `file:///\\\\host` are of another.
    if (slashes < 2 && !rest.starts_with("??/")) || (is_uri && slashes == 3) {
        return None;
    }
    let rest = match rest.strip_prefix("?/").or_else(|| rest.strip_prefix("./")).or_else(|| rest.strip_prefix("??/")) {
        Some(object) => {
            let object = object.trim_start_matches('/');
            let object = object.strip_prefix("globalroot/").unwrap_or(object);
            let object = object.strip_prefix("??/").unwrap_or(object);
            ["unc/", "device/mup/", "device/lanmanredirector/", "device/webdavredirector/"]
                .iter()
                .find_map(|redirector| object.strip_prefix(redirector))?
        }
        None => rest,
    };
    // `host@SSL@443` is a server of WebDAV.
    let host = authority(rest.trim_start_matches('/')).split('@').next().unwrap_or_default();
    let is_drive = matches!(host.as_bytes(), [letter, b':' | b'|', ..] if letter.is_ascii_alphabetic());
    (!host.is_empty() && !is_drive && host != "." && host != "?").then_some(host)
}

/// Returns the authority part of a URL, before the path.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether a host is this machine. A name that only begins like its address is another.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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
            ("\\\\server\\share\\t.dotm", Danger::Nearby),
            ("file://server/share/t.dotm", Danger::Nearby),
            ("file:////server/share/t.dotm", Danger::Nearby),
            ("\\\\?\\UNC\\server\\share", Danger::Nearby),
            ("\\\\?\\C:\\t.dotm", Danger::Local),
            ("file:///\\\\198.51.100.7\\share\\t.dotm", Danger::Network),
            ("file:///\\server\\share\\t.dotm", Danger::Nearby),
            ("file://///server/share", Danger::Nearby),
            ("file:\\\\server\\share", Danger::Nearby),
            ("FILE:%2f%2fserver/share", Danger::Nearby),
            ("%5C%5Cserver%5Cshare", Danger::Nearby),
            ("%255c%255cserver/share", Danger::Nearby),
            ("///server/share", Danger::Nearby),
            ("//server@SSL@8443/DavWWWRoot/t.dotm", Danger::Network),
            ("//server@127.0.0.1/share", Danger::Network),
            ("\\\\.\\UNC\\server\\share", Danger::Nearby),
            ("\\\\?\\GLOBALROOT\\Device\\Mup\\server\\share", Danger::Nearby),
            ("\\??\\UNC\\server\\share", Danger::Nearby),
            ("\\\\files.example.com\\share\\t.dotm", Danger::Network),
            ("\\\\localhost\\share", Danger::Local),
            ("file:///home/me/Letter.dotx", Danger::Local),
            ("file:////C:/Letter.dotx", Danger::Local),
            ("file:C:\\Letter.dotx", Danger::Local),
            ("../Letter.dotx", Danger::Local),
            ("100%.dotx", Danger::Local),
            ("http:example.com/t.dotm", Danger::Remote),
            ("https:////example.com/t.dotm", Danger::Remote),
            ("url:http://example.com/t.dotm", Danger::Remote),
            ("ht\ntp://example.com/t.dotm", Danger::Remote),
            ("ms-word:nft|u|https://example.com/t.dotm", Danger::Remote),
            ("http://127.0.0.1@example.com/", Danger::Remote),
            ("http://127.0.0.1.example.com/", Danger::Remote),
            ("http://[::1]:80/t.dotm", Danger::Local),
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
        assert_eq!(judge_click("file:///\\\\server\\share\\invoice.vbs"), Danger::Command);
        assert_eq!(judge_click("\\\\intranet\\share\\report.xlsx"), Danger::Local);
        assert_eq!(judge_click("http://example.com/setup.exe"), Danger::Local);
    }
}
