//! Files that show a family by several indicators, each beside one that almost does.

use analyzers::Verdict;
use daemon_engine::{Cancel, Limits, Report, RuleSet, assemble, examine};
use specimens::elf::ordinary;
use specimens::vba::VbaBuilder;

fn report(bytes: &[u8]) -> Report {
    let rules = RuleSet::embedded();
    examine(bytes, &mut assemble(&rules), &Limits::default(), &Cancel::default())
}

/// Both are accused; only the first of its family.
#[track_caller]
fn check(family: &str, hit: &[u8], near_miss: &[u8]) {
    for (bytes, expected) in [(hit, Some(family)), (near_miss, None)] {
        let report = report(bytes);
        let evidence: Vec<_> = report.evidence.iter().map(|seen| seen.indicator.to_string()).collect();
        let accused = matches!(report.opinion.verdict, Verdict::Malicious | Verdict::Suspicious);
        assert!(accused, "{family}: {:?} {evidence:?}", report.opinion.verdict);
        assert_eq!(report.malware_family.as_deref(), expected, "{evidence:?}");
    }
}

/// What many bots have, whatever they are called.
const BOT: &[&str] =
    &["/HNAP1/", "/bin/busybox wget", "chmod 777 bins.sh", "killall -9 telnetd", "GET /%s HTTP/1.1\r\n"];

fn bot(words: &[&str], data: &[u8]) -> Vec<u8> {
    ordinary().strings(&[BOT, words].concat()).section(".data", 1, 3, data).build()
}

fn hidden(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| byte ^ 0x37).collect()
}

#[test]
fn one_hidden_path_of_a_bot_is_mirai() {
    check("Mirai", &bot(&["UDPFLOOD"], &hidden(b"/proc/net/tcp\0")), &bot(&["UDPFLOOD"], &hidden(b"/proc/nut/tcp\0")));
}

#[test]
fn a_bot_that_guesses_passwords_by_fragments_is_gafgyt() {
    check("Gafgyt", &bot(&["sendUDP", "ogin:", "assword:"], &[]), &bot(&["sendUDP", "login:", "password:"], &[]));
}

#[test]
fn a_bot_that_floods_by_irc_is_tsunami() {
    check("Tsunami", &bot(&["NICK %s\n", "PRIVMSG %s :hi", "UDPFLOOD"], &[]), &bot(&["NICK %s\n", "UDPFLOOD"], &[]));
}

#[test]
fn a_command_in_a_form_that_an_object_by_name_runs_is_emotet() {
    let source = "Private Sub Document_Open()\r\n\
        command = UserForm1.Label1.ControlTipText\r\n\
        GetObject(\"winmgmts:Win32_Process\").Create command\r\n\
        End Sub\r\n";
    let document = |text: &[u8]| VbaBuilder::new().document("ThisDocument", source).form("UserForm1", text).doc();
    check("Emotet", &document(&[b'J'; 300]), &document(b"A caption with words"));
}

#[test]
fn a_rule_that_names_a_class_names_no_family() {
    let words = ["xc3511", "vizxv", "7ujMko0vizxv", "klv1234", "hi3518", "jvbzd", "juantech"];
    let report = report(&bot(&words, &[]));
    assert_eq!((report.opinion.verdict, report.malware_family), (Verdict::Malicious, None));
}
