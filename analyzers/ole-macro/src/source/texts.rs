//! Contents of string literals: commands, URLs, program names, encoded payloads.
//!
//! For literals as they stand and for those that were put together from pieces.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::words::Sign;
use Sign::*;

/// Required position of a word in a string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TextPosition {
    /// No condition on the position.
    Any,
    /// Not inside of a longer word.
    Whole,
    /// Not at the beginning of a longer word: for endings of file names.
    End,
}

/// Words of one place and of the same signs, separated by `|`.
type TextRow = (TextPosition, &'static [Sign], &'static str);

const ROWS: &[TextRow] = &[
    (
        TextPosition::Whole,
        &[ShellCommand],
        "cmd /c|cmd.exe|cmd /k|cmd /v|command.com|%comspec%|mshta|regsvr32|rundll32|certutil|bitsadmin|wscript.exe|\
         cscript.exe|cscript|wmic|msiexec|forfiles|installutil|regasm|regsvcs|msbuild|cmstp|odbcconf|pcalua|vssadmin|\
         reg add|attrib +h|taskkill|ping -n|ping 127.0.0.1|explorer.exe shell:|conhost|finger|curl.exe",
    ),
    (
        TextPosition::Whole,
        &[PowerShell],
        "powershell|pwsh|invoke-expression|iex|downloadstring|downloadfile|net.webclient|start-bitstransfer|\
         invoke-webrequest|frombase64string|start-process|new-object|-encodedcommand|-executionpolicy|-windowstyle|\
         -w hidden|-noprofile|-nop|-enc|-noninteractive|-noni|downloaddata",
    ),
    (TextPosition::Whole, &[ScriptingShell], "wscript.shell|shell.application|wscript.network"),
    (
        TextPosition::Any,
        &[ScriptEngine, Executes],
        "msscriptcontrol|scriptlet.|script:http|javascript:|vbscript:|new:{|new:72c24dd5|new:9ba05972|new:f935dc22|\
         new:c08afd90|mmc20.application|shellbrowserwindow|htmlfile",
    ),
    (TextPosition::Any, &[ProcessByWmi], "winmgmts|win32_process|wbemscripting|win32_scheduledjob"),
    (
        TextPosition::Any,
        &[SchedulesTask],
        "schtasks|schedule.service|\\startup\\|programs\\startup|currentversion\\run",
    ),
    (
        TextPosition::Any,
        &[Downloads],
        "urldownloadtofile|xmlhttp|winhttprequest|winhttp.winhttp|internetopenurl|internetexplorer.application|\
         net.webclient",
    ),
    (TextPosition::Any, &[BinaryStream, Writes], "adodb.stream|savetofile"),
    (TextPosition::Any, &[WritesTextFile], "createtextfile"),
    (
        TextPosition::Any,
        &[TemporaryPath],
        "%temp%|%tmp%|%appdata%|%localappdata%|%userprofile%|%programdata%|%public%|%allusersprofile%|\\appdata\\|\
         \\local settings\\temp|users\\public|c:\\programdata|windows\\temp|c:\\temp\\",
    ),
    (TextPosition::Any, &[Registry], "hkey_current_user|hkey_local_machine|hkcu\\|hklm\\"),
    (
        TextPosition::Any,
        &[ExecutableMemory],
        "virtualalloc|virtualprotect|writeprocessmemory|createthread|createremotethread|ntallocatevirtualmemory|\
         heapcreate|queueuserapc|rtlcreateuserthread|setthreadcontext|getprocaddress",
    ),
    (TextPosition::Any, &[CopiesMemory], "rtlmovememory|rtlcopymemory|ntwritevirtualmemory"),
    (TextPosition::Whole, &[Infects], "normal.dot|normal.dotm|countoflines"),
    (
        TextPosition::Any,
        &[DisablesSecurity],
        "accessvbom|vbawarnings|protectedview|disableattachementsinpv|disableattachmentsinpv|disableinternetfilesinpv|\
         disableunsafelocationsinpv|set-mppreference|disableantispyware|windows defender|amsi.dll|amsiscanbuffer|\
         amsiinitfailed",
    ),
    (
        TextPosition::Any,
        &[DetectsSandbox],
        "sbiedll|sandboxie|vmware|virtualbox|vboxservice|qemu|wireshark|procmon|process explorer|fiddler|cuckoo|\
         win32_computersystem|win32_bios|win32_videocontroller|sandbox",
    ),
    (TextPosition::Any, &[Decodes], "bin.base64|bin.hex|frombase64string|cryptstringtobinary"),
    (TextPosition::Any, &[MacCommand], "do shell script|libc.dylib|/bin/sh|/bin/bash|python -c|osascript"),
    (
        TextPosition::End,
        &[ProgramName],
        ".exe|.dll|.scr|.pif|.vbs|.vbe|.js|.jse|.wsf|.hta|.bat|.cmd|.ps1|.sct|.cpl|.jar|.lnk|.msi|.ocx",
    ),
    (TextPosition::Any, &[Url], "http://|https://|ftp://"),
];

/// Programs that honest macros name: the office itself, and what shows files to the user.
const HONEST_PROGRAMS: &[&str] = &[
    "excel.exe",
    "winword.exe",
    "outlook.exe",
    "powerpnt.exe",
    "msaccess.exe",
    "acrord32.exe",
    "acrobat.exe",
    "explorer.exe",
    "notepad.exe",
    "iexplore.exe",
    "user32.dll",
    "kernel32.dll",
    "shell32.dll",
    "gdi32.dll",
    "comdlg32.dll",
    "advapi32.dll",
    "ole32.dll",
    "oleaut32.dll",
    "winmm.dll",
    "mscomctl.ocx",
    "mscomct2.ocx",
];

/// Classes of objects that macros use for what they are there for, as they begin: the office itself, its data, and text.
/// What they do further shows by other words.
const HONEST_CLASSES: &[&str] = &[
    "word.application",
    "word.document",
    "excel.application",
    "excel.sheet",
    "outlook.application",
    "powerpoint.application",
    "access.application",
    "publisher.application",
    "visio.application",
    "msproject.application",
    "onenote.application",
    "scripting.dictionary",
    "scripting.filesystemobject",
    "adodb.connection",
    "adodb.recordset",
    "adodb.command",
    "adox.catalog",
    "dao.dbengine",
    "vbscript.regexp",
    "msxml2.domdocument",
    "microsoft.xmldom",
    "system.collections.",
];

/// Whether the class of an object that is made, as a literal, is one that says nothing.
pub(super) fn is_honest_class(class: &[u8]) -> bool {
    HONEST_CLASSES
        .iter()
        .any(|honest| class.get(..honest.len()).is_some_and(|start| start.eq_ignore_ascii_case(honest.as_bytes())))
}

/// Functions of the system that honest macros declare: they ask, wait, or show something, and start and write nothing.
/// Without the letter for the width of their texts.
const HONEST_FUNCTIONS: &str = "bringwindowtotop closeclipboard emptyclipboard findwindow findwindowex getactivewindow \
    getclassname getclientrect getclipboarddata getcomputername getcurrentthreadid getcursorpos getdc getdesktopwindow \
    getdevicecaps getforegroundwindow getkeystate getlasterror getlocaltime getlocaleinfo getmenu getparent \
    getprivateprofilestring getsyscolor getsystemmetrics getsystemtime gettickcount gettickcount64 gettimezoneinformation \
    getusername getuserdefaultlcid getversionex getwindowlong getwindowlongptr getwindowrect getwindowtext \
    getwindowtextlength globallock globalsize globalunlock iswindow iswindowvisible loadcursor messagebeep messagebox \
    openclipboard playsound queryperformancecounter queryperformancefrequency redrawwindow releasedc sendmessage \
    setactivewindow setclipboarddata setcursor setfocus setforegroundwindow setwindowlong setwindowlongptr setwindowpos \
    setwindowtext showwindow sleep sndplaysound timegettime wnetgetuser";

/// Whether a function of a library that is declared says nothing by itself.
pub(super) fn is_honest_function(name: &[u8]) -> bool {
    let is = |name: &[u8]| {
        HONEST_FUNCTIONS.split_ascii_whitespace().any(|honest| honest.as_bytes().eq_ignore_ascii_case(name))
    };
    is(name) || name.split_last().is_some_and(|(width, name)| b"AW".contains(width) && is(name))
}

/// Starts of addresses that only name a format, never fetched.
const NAMESPACES: &[&str] = &["schemas.", "www.w3.org", "purl.org"];

struct TextMatcher {
    automaton: AhoCorasick,
    /// Position and signs of each word.
    rows: Vec<(TextPosition, &'static [Sign])>,
}

static WORDS: LazyLock<TextMatcher> = LazyLock::new(|| {
    let words =
        || ROWS.iter().flat_map(|&(place, signs, words)| words.split('|').map(move |word| (place, signs, word)));
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(words().map(|(_, _, word)| word))
        .expect("the words are few and short");
    TextMatcher { automaton, rows: words().map(|(place, signs, _)| (place, signs)).collect() }
});

/// Builds the automaton, if it is not built yet.
pub(super) fn prepare() {
    LazyLock::force(&WORDS);
}

/// Searches `text` for all words. `saw` gets each sign and its range in `text`.
pub(super) fn look(text: &[u8], mut saw: impl FnMut(Sign, Range<usize>)) {
    let words = &*WORDS;
    let mut addresses_end = 0;
    for found in words.automaton.find_overlapping_iter(text) {
        let Some(&(place, signs)) = words.rows.get(found.pattern().as_usize()) else { continue };
        let span = found.range();
        let before = span.start.checked_sub(1).and_then(|at| text.get(at));
        let free = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        let stands = match place {
            TextPosition::Any => true,
            TextPosition::Whole => free(before) && free(text.get(span.end)),
            TextPosition::End => free(text.get(span.end)),
        };
        if !stands {
            continue;
        }
        match signs {
            // An address in an address is not read again: many of them would cost their number squared.
            [Url] if span.start < addresses_end => {}
            [Url] => addresses_end = look_at_address(text, span, &mut saw),
            [ProgramName] => {
                if !HONEST_PROGRAMS.iter().any(|honest| ends_with(text.get(..span.end), honest.as_bytes())) {
                    saw(ProgramName, span);
                }
            }
            _ => signs.iter().for_each(|&sign| saw(sign, span.clone())),
        }
    }
    look_at_shape(text, saw);
}

fn ends_with(text: Option<&[u8]>, end: &[u8]) -> bool {
    text.and_then(|text| text.get(text.len().checked_sub(end.len())?..))
        .is_some_and(|last| last.eq_ignore_ascii_case(end))
}

/// Longest address read, in bytes.
const ADDRESS_MAX: usize = 2048;

/// Endings of addresses that are fetched to be run.
const PROGRAMS: &[&[u8]] = &[
    b".exe", b".dll", b".scr", b".vbs", b".js", b".hta", b".bat", b".cmd", b".ps1", b".sct", b".jar", b".msi", b".bin",
];

/// Gives where the address ends.
fn look_at_address(text: &[u8], scheme: Range<usize>, saw: &mut impl FnMut(Sign, Range<usize>)) -> usize {
    let rest = text.get(scheme.end..).unwrap_or_default();
    let rest = rest.get(..ADDRESS_MAX).unwrap_or(rest);
    let length = rest.iter().take_while(|byte| byte.is_ascii_graphic() && !b"\"'<>,;()".contains(byte)).count();
    let address = rest.get(..length).unwrap_or_default();
    if NAMESPACES.iter().any(|name| address.get(..name.len()).is_some_and(|a| a.eq_ignore_ascii_case(name.as_bytes())))
    {
        return scheme.end + length;
    }
    let whole = scheme.start..scheme.end + length;
    saw(Url, whole.clone());
    let host = address.split(|byte| b"/:?#".contains(byte)).next().unwrap_or_default();
    if is_ipv4(host) {
        saw(UrlOfAddress, whole.clone());
    }
    let path =
        address.get(host.len()..).unwrap_or_default().split(|byte| b"?#".contains(byte)).next().unwrap_or_default();
    if PROGRAMS.iter().any(|end| ends_with(Some(path), end)) {
        saw(UrlOfProgram, whole);
    }
    scheme.end + length
}

/// Whether `host` is an IPv4 address of the internet or of a local network, but not of this machine.
fn is_ipv4(host: &[u8]) -> bool {
    std::str::from_utf8(host)
        .ok()
        .and_then(|host| host.parse::<std::net::Ipv4Addr>().ok())
        .is_some_and(|address| !address.is_loopback() && !address.is_unspecified())
}

/// A literal this long may be a payload, in characters (Kim 2018).
const LONG: usize = 200;
/// Hexadecimal digits in a row that are a payload: 16 bytes, as many as a GUID without its dashes has.
const HEX_MIN: usize = 32;
/// Characters of Base64 in a row that are a payload.
const BASE64_MIN: usize = 40;

fn look_at_shape(text: &[u8], mut saw: impl FnMut(Sign, Range<usize>)) {
    if text.len() >= LONG {
        saw(LongLiteral, 0..text.len());
    }
    if text.len() < HEX_MIN {
        return;
    }
    let mut start = 0;
    for run in text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'+' && *byte != b'/' && *byte != b'=') {
        let span = start..start + run.len();
        start = span.end + 1;
        if run.len() >= HEX_MIN && run.iter().all(u8::is_ascii_hexdigit) {
            // One digit over and over is filling, not a payload.
            if run.iter().any(|byte| Some(byte) != run.first()) {
                saw(HexLiteral, span);
            }
        } else if run.len() >= BASE64_MIN && reads_as_base64(run) {
            saw(Base64Literal, span);
        }
    }
}

/// Whether a run of the right characters is Base64 and no word or path: it has digits, and letters change their case
/// far more often than where words begin.
fn reads_as_base64(run: &[u8]) -> bool {
    let changes = run
        .windows(2)
        .filter(
            |pair| matches!(pair, [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && (a ^ b) & 0x20 != 0),
        )
        .count();
    run.iter().any(u8::is_ascii_digit) && changes >= run.len() / 6
}
