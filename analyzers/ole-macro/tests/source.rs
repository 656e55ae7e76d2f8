//! Signs in the source text of macros: each is seen where it stands, and not in comments.

use analyzers::{Budget, Cancel, Evidence, Findings, LayerId, Limit, Limits, Record};
use analyzers_ole_macro::source::{Module, examine};
use proptest::prelude::*;
use triage::FileKind;

fn record(sources: &[&str], limits: Limits) -> Record {
    let record = Record::new(FileKind::Data, Budget::new(limits, Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    let modules: Vec<Module<'_>> = sources.iter().map(|source| Module { name: "Module1", source }).collect();
    examine(&modules, &mut findings);
    findings.finish().0
}

fn evidence(source: &str) -> Vec<Evidence> {
    record(&[source], Limits::default()).evidence
}

fn signs(evidence: &[Evidence]) -> Vec<&str> {
    let mut signs: Vec<&str> =
        evidence.iter().filter_map(|seen| seen.indicator.as_str().strip_prefix("office.source.")).collect();
    signs.sort_unstable();
    signs.dedup();
    signs
}

/// Asks for exactly the signs `expected`, separated by blanks.
#[track_caller]
fn check(source: &str, expected: &str) {
    let seen = evidence(source);
    assert_eq!(signs(&seen), expected.split_ascii_whitespace().collect::<Vec<_>>(), "{source}");
}

/// Asks for `expected` among the signs.
#[track_caller]
fn check_has(source: &str, expected: &str) {
    let seen = evidence(source);
    for sign in expected.split_ascii_whitespace() {
        assert!(signs(&seen).contains(&sign), "{sign} is not in {:?}: {source}", signs(&seen));
    }
}

#[test]
fn plain_code_shows_nothing() {
    check("Sub Total()\r\n  x = 1 + 2 ' adds\r\nEnd Sub\r\n", "");
    check("", "");
}

#[test]
fn words_in_comments_and_attributes_do_not_count() {
    check("' Shell \"powershell\"\nRem CreateObject(\"WScript.Shell\")\nx = 1: Rem Shell y", "");
    check("' this goes on _\nShell x\ny = 2", "");
    check("Attribute VB_Name = \"powershell\"\nAttribute Total.VB_Description = \"http://example.com\"\nx = 1", "");
}

#[test]
fn what_poses_as_a_comment_or_an_attribute_is_code() {
    check("x = \"'\": Shell y", "executes shell_call");
    check("Remark = 1: Shell y", "executes shell_call");
    check("Attribute = Shell(y)", "executes shell_call");
}

#[test]
fn plain_automation_executes_nothing() {
    for (source, expected) in [
        ("Set x = CreateObject(\"Excel.Application\")", ""),
        ("Set x = GetObject(, \"Word.Application.16\")", ""),
        ("Set d = CreateObject(\"Scripting.Dictionary\")", ""),
        (
            "Set f = CreateObject(\"Scripting.FileSystemObject\").OpenTextFile(p & \"\\a.log\", 8, True): f.WriteLine x",
            "",
        ),
        ("ActiveDocument.SaveAs FileName:=p, FileFormat:=wdFormatXMLDocument", ""),
        ("Declare PtrSafe Sub Sleep Lib \"kernel32\" (ByVal ms As Long)", "declares_library"),
        ("Declare Function User Lib \"advapi32\" Alias \"GetUserNameA\" (a, b)", "declares_library"),
        // A product's own object: made, but nothing that runs.
        ("Set x = CreateObject(\"Citations.Server\")", "creates_object"),
        ("x = CreateObject(\"WScript.Shell\").RegRead(y)", "creates_object registry"),
        ("With ws\n x = .SpecialFolders(\"Desktop\")\nEnd With\nApplication.Run \"FormatTables\"", ""),
        ("Set ws = y\nApplication.Run \"A\"\ns = \"WScript.Shell\"", ""),
    ] {
        check(source, expected);
    }
}

#[test]
fn what_is_saved_at_opening_is_a_payload_only_beside_something_that_tells() {
    let start = "Sub AutoOpen()\n";
    let log = "Open p & \"\\opened.log\" For Append As #1\nPrint #1, Now\nClose #1\n";
    check(&format!("{start}{log}"), "autostart_document writes");
    check(&format!("{start}{log}x = \"a.vbs\""), "autostart_document autostart_payload program_name writes");
    check(&format!("{start}f.CreateTextFile(p).Write x"), "autostart_document writes_text_file");
    check(&format!("{start}ActiveDocument.SaveAs p"), "autostart_document");
    check(&format!("{start}NormalTemplate.Save: Kill p"), "autostart_document autostart_payload infects writes");
}

#[test]
fn continued_lines_are_one() {
    check("Open path _\r\n  For _\r\n  Binary As #1", "binary_file writes");
    check("Open path\r\nFor i = 1 To 2: Binary = 3", "");
}

#[test]
fn what_starts_by_itself_counts_where_it_is_declared() {
    check("Private Sub Document_Open()\nEnd Sub", "autostart_document");
    check("SUB AUTO_OPEN()", "autostart_workbook");
    check("Sub Frame1_Layout(ByVal Index As Long)", "autostart_control");
    check("Sub App_DocumentOpen(ByVal Doc As Document)", "autostart_document");
    check("Call Document_Open", "");
    check("Call Frame1_Layout", "");
    check("Declare Sub Frame1_Layout Lib \"own\" ()", "declares_library executes");
}

#[test]
fn the_rule_of_mraptor_is_about_the_whole_project() {
    let sources = ["Sub AutoOpen()\nRun1\nEnd Sub", "Sub Run1()\nShell x\nEnd Sub"];
    let seen = record(&sources, Limits::default()).evidence;
    assert_eq!(signs(&seen), ["autostart_document", "autostart_payload", "executes", "shell_call"]);
}

#[test]
fn words_of_code_are_seen_in_any_case() {
    for (source, expected) in [
        ("CREATEOBJECT(x)", "creates_object executes"),
        ("x = VBA.GetObject(y)", "executes gets_object"),
        (
            "Declare PtrSafe Function F Lib \"k\" Alias \"VirtualAlloc\" ()",
            "declares_library executable_memory executes",
        ),
        ("Declare Sub Sleep Lib \"kernel32\" Alias \"WinExec\" (a, b)", "declares_library executes"),
        ("Declare Sub Sleep Lib \"kernel32\" Alias \"#1042\" (a, b)", "declares_library executes"),
        ("x = CallByName(a, b, 1)", "calls_by_name"),
        ("NormalTemplate.VBProject.VBComponents(1)", "infects"),
        ("NormalTemplate.VBProject.VBComponents.Import x", "infects replicates"),
        ("x.CodeModule.AddFromString y: z.SaveAs Application.StartupPath & \"\\b\"", "infects replicates"),
        ("x.VBProject.VBComponents.Import y: x.SaveAs z", "infects"),
        ("Application.Visible = False", "hides"),
        ("Application.Visible = True", ""),
        ("Options.VirusProtection = False", "disables_security"),
        ("ExecuteExcel4Macro x", "excel4 executes"),
        ("Environ$(\"Temp\")", "environment temporary_path"),
        ("Environ(\"COMPUTERNAME\")", "environment"),
        ("For i = 1 To 9: x = x Xor i: Next", "xor_loop"),
        ("x = a Xor b", ""),
        ("Kill path", "writes"),
        ("x = CreateObject(\"WScript.Shell\").Run(y)", "creates_object executes scripting_shell"),
        ("Set s = CreateObject(\"WScript.Shell\"): s.Exec y", "creates_object executes scripting_shell"),
        ("x = CreateObject(\"Shell.Application\").Open(y)", "creates_object executes scripting_shell"),
        ("s.RegWrite x: s = CreateObject(\"WScript.Shell\")", "creates_object registry writes"),
        ("x = GetObject(\"winmgmts:\")", "executes gets_object process_by_wmi"),
        ("x = CreateObject(a & \".Shell\")", "creates_object executes"),
        ("shelly = shell_x", ""),
    ] {
        check(source, expected);
    }
}

#[test]
fn strings_are_searched_for_words_and_addresses() {
    for (source, expected) in [
        ("x = \"cmd /c dir\"", "shell_command"),
        ("x = \"PowerShell\"", "powershell"),
        ("x = \"powershells\"", ""),
        ("x = \"WinMgmts:\"", "process_by_wmi"),
        ("x = \"http://example.com/a\"", "url"),
        ("x = \"http://192.0.2.1/a.exe?b\"", "program_name url url_of_address url_of_program"),
        ("x = \"http://schemas.openxmlformats.org/x\"", ""),
        ("x = \"a.exe\"", "program_name"),
        ("x = \"a.exercise\"", ""),
        ("x = \"Excel.exe\"", ""),
        ("x = \"4d5a90000300000004000000ffff0000b8\"", "hex_literal"),
        ("x = \"aGVsbG8gd29ybGQsIHRoaXMgaXMgYSB0ZXN0IG9mIDEyMw==\"", "base64_literal"),
        ("x = \"C/Users/somebody/documents/reports/quarter/latest\"", ""),
    ] {
        check(source, expected);
    }
    check(&format!("x = \"{}\"", "ab ".repeat(70)), "long_literal");
}

#[test]
fn strings_in_pieces_are_put_together() {
    for pieces in [
        "\"Wscr\" & \"ipt.Sh\" + \"ell\"",
        "\"WScript\" & Chr(46) & \"Shell\"",
        "\"WScript\" & VBA.Chr$(&H2E) & \"Shell\"",
        "\"WScript\" & VBA.Strings.Chr(46) & \"Shell\"",
        "StrReverse(StrReverse(\"WScr\" & \"ipt.Shell\"))",
        "StrReverse(\"llehS.tpircSW\")",
        "Replace(\"WScr#ipt.Sh#ell\", \"#\", \"\")",
        "Replace(StrReverse(\"lle\" & \"hS.t~pircSW\"), \"~\", vbNullString)",
        "LCase(\"wscript.\" & (\"she\" & \"ll\"))",
        "\"WScr\" & _\r\n  \"ipt.Shell\"",
        "\"WScript\" & Chr(40 + 3 * 2) & \"Shell\"",
    ] {
        check_has(&format!("x = {pieces}"), "split_word scripting_shell");
    }
    check_has(
        "x = Chr(100 - 1) & Chr(&H6D) & Chr(99 Xor 7) & \" /c\"",
        "split_word shell_command character_arithmetic",
    );
}

#[test]
fn a_line_goes_on_after_a_blank_and_an_underscore_at_its_end_whatever_ends_lines() {
    for end in ["\r\n", "\n", "\r", "  \r\n"] {
        check_has(&format!("x = \"WScr\" & _{end}\"ipt.Shell\""), "split_word scripting_shell");
    }
    check("x = \"WScr\" &_\n\"ipt.Shell\"", "");
    check("x = \"WScr\" & _ y\n\"ipt.Shell\"", "");
}

#[test]
fn a_whole_word_beside_pieces_is_not_split() {
    check("x = \"cmd /c \" & \"dir\"", "shell_command");
    check("x = \"http://\" & \"example.com\"", "url");
}

#[test]
fn a_variable_that_grows_line_by_line_is_followed() {
    check_has("s = \"pow\"\ns = s & \"ersh\"\nt = 1\ns = s + \"ell\"", "split_word powershell");
    check("s = \"pow\"\ns = \"ersh\"\ns = \"ell\"", "");
}

#[test]
fn what_is_shown_is_the_line() {
    let seen = evidence("Sub AutoOpen()\r\n\r\n  Shell \"cmd /c x\"\r\nEnd Sub");
    let shell = seen.iter().find(|seen| seen.indicator.as_str().ends_with("shell_call")).unwrap();
    assert_eq!(shell.detail.as_str(), "line 3: Shell \"cmd /c x\"");
    let seen = evidence("x = 1\nx = \"Wscr\" & \"ipt.Shell\"");
    let split = seen.iter().find(|seen| seen.indicator.as_str().ends_with("split_word")).unwrap();
    assert_eq!(split.detail.as_str(), "line 2: makes \"Wscript.Shell\" of x = \"Wscr\" & \"ipt.Shell\"");
}

#[test]
fn shapes_of_generated_code_are_counted() {
    check(&"x = Chr(n)\n".repeat(10), "character_codes");
    check(&"x = \"a\" & \"b\"\n".repeat(10), "joined_literals");
    check(&"x = y & \"a\" & z\n".repeat(10), "");
    check_has(&"x = \"a\" & \"b\"\n".repeat(100), "concatenations");
    check(&"x = 1\n".repeat(50), "no_comments");
    check(&format!("x = Array({})", "-12, ".repeat(60)), "number_array");
    check(&format!("x = {}1", "y + ".repeat(130)), "long_line");
    let random: String = ["Vwqmsxydifv", "Aqstfhrfwcce", "Qxkrvbnzw", "Zlqwtrkjh", "Hgfdsxcvb"]
        .iter()
        .map(|name| format!("Dim {name}\n"))
        .collect();
    check(&random, "random_names");
    check(&"Dim customerName\nDim rowIndex\n".repeat(5), "");
}

#[test]
fn people_comment_and_automate() {
    check(&"' copies the next row\nx = 1\n".repeat(6), "commented");
    check(&"' Qxkrvbnzw\nx = 1\n".repeat(6), "");
    check(&"Range(\"A1\").Value = Cells(1, 2)\n".repeat(5), "plain_automation");
    check_has(&"Range(\"A1\").Value = Cells(1, 2)\nShell x\n".repeat(5), "shell_call");
}

#[test]
fn replacements_that_grow_end() {
    let grow = format!("Replace(\"{}\", \"a\", \"{}\")", "a".repeat(4_000), "b".repeat(4_000));
    let seen = record(&[&format!("x = {grow}\n").repeat(200)], Limits::default());
    assert_eq!(seen.budget.hit().count(), 0);
}

#[test]
fn steps_that_run_out_are_a_limit() {
    let seen = record(&[&"x = 1\n".repeat(1_000)], Limits { steps_max: 100, ..Limits::default() });
    assert_eq!(seen.budget.hit().collect::<Vec<_>>(), [Limit::Steps]);
}

#[test]
fn deep_and_endless_expressions_end() {
    for open in ["(", "StrReverse(", "Replace(", "Chr(", "Chr(-", "\"a\" & (", "VBA."] {
        evidence(&format!("x = {}", open.repeat(100_000)));
        evidence(&format!("x = {}\"a\"{}", open.repeat(7), ")".repeat(7)));
    }
    evidence(&"x = \"".repeat(100_000));
    evidence(&format!("x = 1 _{}", " _\r\n".repeat(100_000)));
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(source in r#"([a-zA-Z_ ."&+()=',:\r\n\-0-9é#$]|Chr\(|Replace\(|StrReverse\(|"x"|&H| _\r\n|Rem |Attribute ){0,200}"#) {
        let seen = evidence(&source);
        for seen in seen {
            prop_assert!(seen.span.start <= seen.span.end && seen.span.end <= source.len());
        }
    }

    #[test]
    fn pieces_come_together_wherever_they_are_cut(cuts in proptest::collection::btree_set(1usize..12, 1..6)) {
        let word = "WScript.Shell";
        let ends = cuts.iter().copied().chain([word.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let pieces: Vec<String> = starts.zip(ends).map(|(start, end)| format!("\"{}\"", &word[start..end])).collect();
        let seen = evidence(&format!("x = {}", pieces.join(" & ")));
        prop_assert!(signs(&seen).contains(&"split_word"));
    }
}
