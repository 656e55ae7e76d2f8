//! Excel 4 macros in each format of workbooks: what is seen, what the evidence shows, and that broken ones end.

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use analyzers_ole_macro::Office;
use proptest::prelude::*;
use specimens::biff::{
    Expression, Hidden, Workbook, binary_sheet, binary_workbook, call, document, join, record, text,
};
use specimens::ooxml::xlsm;

fn examine(bytes: &[u8]) -> Record {
    let kind = triage::triage(bytes);
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish().0
}

/// Asks for exactly the signs `expected` of Excel 4 macros, in alphabetical order.
#[track_caller]
fn check(file: &[u8], expected: &[&str]) -> Record {
    let record = examine(file);
    let mut seen: Vec<_> =
        record.evidence.iter().filter_map(|seen| seen.indicator.as_str().strip_prefix("office.xlm.")).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, expected);
    record
}

/// The formula of cell A1 as evidence shows it.
#[track_caller]
fn check_text(formula: &Expression, expected: &str) {
    let record = examine(&Workbook::new().macro_sheet("M", Hidden::No).formula(0, 0, formula).document());
    let details: Vec<_> = record.evidence.iter().map(|seen| seen.detail.as_str()).collect();
    assert!(details.contains(&format!("M!A1: ={expected}").as_str()), "{details:?}");
}

fn dropper() -> Workbook {
    Workbook::new()
        .worksheet("Sheet1", Hidden::No)
        .macro_sheet("Macro1", Hidden::Very)
        .formula(0, 0, &call("EXEC", [text("calc.exe")]))
        .formula(1, 0, &call("HALT", []))
        .auto_open()
}

#[test]
fn worksheets_alone_show_nothing() {
    let book = Workbook::new().worksheet("Sheet1", Hidden::No).worksheet("Lists", Hidden::Yes);
    check(&book.shared_string("powershell http://example.com").document(), &[]);
}

#[test]
fn a_hidden_macro_that_starts_a_program_is_seen_with_its_line() {
    let record = check(
        &dropper().document(),
        &["auto_open", "execute", "hidden_macro_sheet", "macro_sheet", "very_hidden_sheet"],
    );
    let seen = record.evidence.iter().find(|seen| seen.indicator.as_str() == "office.xlm.execute").expect("checked");
    assert_eq!(seen.detail.as_str(), "Macro1!A1: =EXEC(\"calc.exe\")");
    assert_eq!(record.layers[seen.layer.index()].name, "Workbook");
    assert_eq!(record.incomplete, []);
}

#[test]
fn formulas_read_as_in_excel() {
    let cell = Expression::Cell;
    check_text(&call("EXEC", [text("say \"hi\"")]), "EXEC(\"say \"\"hi\"\"\")");
    check_text(&call("EXEC", [join(text("a"), join(cell(9, 27), Expression::Number(7)))]), "EXEC(\"a\"&AB10&7)");
    check_text(&call("FORMULA.FILL", [text("x"), cell(0, 0)]), "FORMULA.FILL(\"x\",A1)");
    check_text(
        &call("CALL", [text("Kernel32"), text("VirtualAlloc"), text("JJJJJ"), Expression::Number(0)]),
        "CALL(\"Kernel32\",\"VirtualAlloc\",\"JJJJJ\",0)",
    );
    check_text(&call("FWRITELN", [cell(1, 1), call("CHAR", [Expression::Number(65)])]), "FWRITELN(B2,CHAR(65))");
    check_text(&call("GET.WORKSPACE", [Expression::Number(19)]), "GET.WORKSPACE(19)");
}

#[test]
fn words_show_once_constants_are_put_together() {
    let number = |code: u16| call("CHAR", [Expression::Number(code)]);
    let url = join(join(text("ht"), join(text("tp"), number(58))), text("//example.com/a.exe"));
    let book = Workbook::new().macro_sheet("M", Hidden::No).formula(0, 0, &call("ALERT", [url]));
    check(&book.document(), &["folded_word", "macro_sheet", "url"]);
}

#[test]
fn each_class_of_functions_has_its_sign() {
    let cell = || Expression::Cell(0, 0);
    let cases: &[(Expression, &[&str])] = &[
        (call("REGISTER", [text("x")]), &["macro_sheet", "native_call"]),
        (call("FWRITELN", [cell(), text("x")]), &["file_write", "macro_sheet"]),
        (call("FILE.DELETE", [text("x")]), &["file_delete", "macro_sheet"]),
        (call("GET.WORKSPACE", [cell()]), &["environment", "macro_sheet"]),
        (call("FORMULA", [text("x"), cell()]), &["macro_sheet", "self_modification"]),
        (call("WORKBOOK.HIDE", [text("x")]), &["concealment", "macro_sheet"]),
        (call("ON.TIME", [cell(), text("x")]), &["macro_sheet", "scheduled"]),
        (call("CALL", [text("urlmon"), text("URLDownloadToFileA")]), &["download", "macro_sheet", "native_call"]),
        (call("CALL", [text("Kernel32"), text("WriteProcessMemory")]), &["macro_sheet", "memory", "native_call"]),
        (call("CALL", [text("Shell32"), text("ShellExecuteA")]), &["launch", "macro_sheet", "native_call"]),
        (call("EXEC", [text("m^sh^ta x")]), &["command", "execute", "folded_word", "macro_sheet"]),
        (call("ADD.MENU", [text("x")]), &["macro_sheet"]),
    ];
    for (formula, expected) in cases {
        check(&Workbook::new().macro_sheet("M", Hidden::No).formula(0, 0, formula).document(), expected);
    }
}

#[test]
fn many_jumps_and_character_codes_are_signs() {
    let mut book = Workbook::new().macro_sheet("M", Hidden::No);
    for row in 0..30 {
        book = book.formula(row, 0, &call("CHAR", [Expression::Number(65)]));
        book = book.formula(row, 1, &call("GOTO", [Expression::Cell(row, 2)]));
    }
    check(&book.document(), &["char_codes", "jumps", "macro_sheet"]);
}

#[test]
fn names_that_start_macros_are_known_in_disguise() {
    let book = || Workbook::new().macro_sheet("M", Hidden::No);
    let cell = Expression::Cell(0, 0);
    check(&book().name("auto_open_now", false, &cell).document(), &["auto_open", "macro_sheet"]);
    for (name, hidden) in [("Auto_Close", true), ("ａuto_open", false), ("Au\u{200b}to\u{0}_Open", false)] {
        check(&book().name(name, hidden, &cell).document(), &["auto_open", "disguised_name", "macro_sheet"]);
    }
    check(&book().name("my_auto_open", true, &cell).document(), &["macro_sheet"]);
}

#[test]
fn strings_of_cells_and_of_values_are_read() {
    let book = Workbook::new().worksheet("S", Hidden::No).macro_sheet("M", Hidden::No);
    let long = format!("{} and mshta", "x".repeat(60));
    check(&book.clone().shared_string(&long).document(), &["command", "macro_sheet"]);
    check(
        &book.formula(0, 0, &Expression::Cell(0, 1)).value("URLDownloadToFileA").document(),
        &["download", "macro_sheet"],
    );
}

#[test]
fn links_to_other_programs_are_seen() {
    let book = || Workbook::new().worksheet("S", Hidden::No);
    check(&book().dde_link("cmd", "/c calc").document(), &["dde_command", "dde_link"]);
    check(&book().dde_link("Prices", "Ticker").document(), &["dde_link"]);
}

#[test]
fn tokens_that_make_no_sense_are_evidence_and_incomplete() {
    let book = Workbook::new().macro_sheet("M", Hidden::No);
    for tokens in [&[0x7f_u8][..], &[0x17, 200, 0, b'a'], &[0x22], &[0x41, 0xff, 0xff], &[0x19, 4, 0xff, 0xff]] {
        let record = check(&book.clone().raw_formula(0, 0, tokens).document(), &["macro_sheet", "malformed"]);
        assert_eq!(record.incomplete, [analyzers::Incomplete::CutShort]);
    }
    // Operators without operands, and more operands than one.
    for tokens in [&[0x08_u8; 300][..], &[0x1e, 1, 0, 0x1e, 2, 0]] {
        examine(&book.clone().raw_formula(0, 0, tokens).document());
    }
}

#[test]
fn sheets_that_point_anywhere_end() {
    let mut globals = Workbook::new().build();
    globals.truncate(globals.len() - 4);
    for start in [0, 1, 20, u32::MAX] {
        let sheet = [&start.to_le_bytes()[..], &[2, 1, 1, 0, b'M']].concat();
        let stream = [&globals[..], &record(0x0085, &sheet).repeat(500), &record(0x000a, &[])].concat();
        examine(&document(&stream));
    }
}

#[test]
fn xml_macro_sheets_show_the_same() {
    let sheet = "<xm:macrosheet xmlns:xm=\"http://schemas.microsoft.com/office/excel/2006/main\"><sheetData><row r=\"1\">\
                 <c r=\"A1\"><f>EXEC(&quot;cmd&quot;&amp;&quot;.exe&quot;)</f><v>0</v></c></row></sheetData></xm:macrosheet>";
    let workbook = "<workbook><sheets><sheet name=\"M\" sheetId=\"1\" state=\"veryHidden\"/></sheets><definedNames>\
                    <definedName name=\"_xlnm.Auto_Open\" hidden=\"1\">M!$A$1</definedName></definedNames></workbook>";
    let file = xlsm()
        .part("xl/macrosheets/sheet1.xml", sheet.as_bytes())
        .content_type("xl/macrosheets/sheet1.xml", "application/vnd.ms-excel.macrosheet+xml")
        .part("xl/workbook.xml", workbook.as_bytes())
        .build();
    let expected = &[
        "auto_open",
        "command",
        "disguised_name",
        "execute",
        "folded_word",
        "hidden_macro_sheet",
        "macro_sheet",
        "very_hidden_sheet",
    ];
    let record = check(&file, expected);
    assert!(record.evidence.iter().any(|seen| seen.detail.as_str() == "A1: =EXEC(\"cmd\"&\".exe\")"));
}

#[test]
fn binary_macro_sheets_show_the_same() {
    let sheet = binary_sheet(&[(0, 1, call("EXEC", [join(text("calc"), Expression::Cell(4, 2))]))]);
    let file = xlsm()
        .part("xl/macrosheets/sheet1.bin", &sheet)
        .content_type("xl/macrosheets/sheet1.bin", "application/vnd.ms-excel.macrosheet")
        .part("xl/workbook.bin", &binary_workbook("M", Hidden::Yes, "_xlnm.Auto_Open"))
        .content_type("xl/workbook.bin", "application/vnd.ms-excel.sheet.binary.macroEnabled.main")
        .build();
    let record = check(&file, &["auto_open", "execute", "hidden_macro_sheet", "macro_sheet"]);
    assert!(record.evidence.iter().any(|seen| seen.detail.as_str() == "B1: =EXEC(\"calc\"&C5)"));
}

#[test]
fn a_workbook_cut_anywhere_is_examined() {
    let stream = dropper().shared_string(&"long ".repeat(20)).dde_link("cmd", "x").build();
    for end in 0..stream.len() {
        examine(&document(&stream[..end]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12)) {
        let mut stream = dropper().name("x", false, &call("RUN", [Expression::Cell(1, 1)])).shared_string("abc").build();
        for (at, byte) in changes {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        examine(&document(&stream));
    }

    #[test]
    fn any_tokens_end(tokens in proptest::collection::vec(any::<u8>(), 0..400)) {
        examine(&Workbook::new().macro_sheet("M", Hidden::No).raw_formula(0, 0, &tokens).document());
    }

    #[test]
    fn any_formula_text_ends(formula in "[-A-Z(),&\"'0-9.+*/=<>{} ]{0,200}") {
        let sheet = format!("<m><c r=\"A1\"><f>{}</f></c></m>", formula.replace('&', "&amp;").replace('<', "&lt;"));
        examine(&xlsm().part("xl/macrosheets/sheet1.xml", sheet.as_bytes()).build());
    }

    #[test]
    fn any_binary_sheet_ends(part in proptest::collection::vec(any::<u8>(), 0..300)) {
        examine(&xlsm().part("xl/macrosheets/sheet1.bin", &part).part("xl/workbook.bin", &part).build());
    }
}
