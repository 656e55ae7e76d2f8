//! The daemon and `stakeout scan` see the same in the same file: of every kind of file that our builders can make.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use serde_json::Value;
use specimens::biff::{Hidden, Workbook, call, text};
use specimens::cfb::CfbBuilder;
use specimens::crypt::{FilePass, agile, standard, workbook};
use specimens::ooxml::{docm, docx, pptx, xlsm, xlsx};
use specimens::vba::VbaBuilder;
use specimens::zip::ZipBuilder;
use specimens::{biff, bomb, elf, pe, quine, rtf};

use crate::engine::{DaemonHome, bounty};
use crate::program::{stakeout, stderr, stdout};

const LIFE: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(60);

/// Rules that are true of every layer they are tried on, so that a layer where they are not tried shows, and one that
/// alone makes a macro suspicious.
const RULES: &[(&str, &str)] = &[
    ("any/everywhere.yar", "rule everywhere { meta: weight = 0 condition: filesize >= 0 }"),
    ("pe/images.yar", "rule image { meta: weight = 0 condition: uint16(0) == 0x5A4D }"),
    ("elf/images.yar", "rule image { meta: weight = 0 condition: uint32(0) == 0x464c457f }"),
    ("office/documents.yar", "rule document { meta: weight = 0 condition: filesize > 0 }"),
    ("any/macro.yar", "rule macro { meta: weight = 3.5 strings: $a = \"the macro of this test\" condition: $a }"),
];

/// Kinds that nobody examines: scan tries rules on them, the daemon declines them.
const DECLINED: &[&str] = &["mz", "empty", "text", "script", "data"];

/// One file of every kind.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let source = "Sub AutoOpen()\r\nMsgBox \"the macro of this test\"\r\nEnd Sub\r\n";
    let project = || VbaBuilder::new().module("Module1", source);
    let program = pe::pe().build();
    let auto = call("HALT", []);
    let book = || Workbook::new().worksheet("Sheet1", Hidden::No).formula(0, 0, &text("the macro of this test"));
    let macros = || Workbook::new().macro_sheet("Macro1", Hidden::Yes).formula(0, 0, &auto).auto_open();
    let scripts = || ZipBuilder::new().entry("a.ps1", b"Write-Host 1").entry("b.exe", &program);
    vec![
        ("pe", program.clone()),
        ("pe.ordinary", pe::ordinary().build()),
        ("pe.dll", pe::pe().dll().export("run").build()),
        ("pe.dotnet", pe::pe().dotnet().build()),
        ("pe.resource", pe::pe().resource(10, elf::elf().build()).build()),
        ("pe.overlay", pe::pe().overlay(program.clone()).build()),
        ("pe.cut", program[..program.len() / 2].to_vec()),
        ("mz", b"MZ no image of any kind".to_vec()),
        ("elf", elf::elf().build()),
        ("elf.ordinary", elf::ordinary().build()),
        ("elf.narrow", elf::elf().narrow().big_endian().build()),
        ("elf.packed", elf::upx_like().upx_magic().overlay(program.clone()).build()),
        ("compound", CfbBuilder::new().stream("Contents", b"the macro of this test").build()),
        ("compound.cyclic", CfbBuilder::new().stream("Contents", &[1; 9000]).cyclic_fat().build()),
        ("doc.macro", project().doc()),
        ("doc.hidden", VbaBuilder::new().module("M", source).hidden().doc()),
        ("xls.macro", project().xls()),
        ("xls", book().document()),
        ("xls.excel4", macros().document()),
        ("xls.encrypted", biff::document(&workbook(&macros(), "VelvetSweatshop", FilePass::Rc4))),
        ("docx", docx().build()),
        ("docm", docm().vba_project(&project().bin()).build()),
        ("docx.object", docx().part("word/embeddings/a.bin", &program).build()),
        ("docx.inside", docx().part("word/embeddings/b.docm", &docm().vba_project(&project().bin()).build()).build()),
        ("docx.encrypted", standard(&docm().vba_project(&project().bin()).build(), "VelvetSweatshop")),
        ("docx.agile", agile(&docm().vba_project(&project().bin()).build(), "VelvetSweatshop", 100)),
        ("docx.locked", agile(&docx().build(), "nobody knows it", 100)),
        ("docx.bomb", docx().part("word/embeddings/a.zip", &quine::quine()).build()),
        ("xlsx", xlsx().build()),
        ("xlsm", xlsm().vba_project(&project().bin()).build()),
        ("pptx", pptx().build()),
        ("rtf", rtf::rtf("text")),
        ("rtf.object", rtf::rtf(&rtf::object("", &rtf::ole1("Package", &rtf::package("a.exe", &program))))),
        ("rtf.doc", rtf::rtf(&rtf::object("", &rtf::ole1("Word.Document.8", &project().doc())))),
        ("eicar", specimens::eicar()),
        ("text", b"the macro of this test".to_vec()),
        ("script", b"#!/bin/sh\necho the macro of this test\n".to_vec()),
        ("data", vec![0x81; 512]),
        ("empty", Vec::new()),
        ("scripts.zip", scripts().build()),
        ("nested.zip", bomb::nested("a.zip", 3)),
        ("quine.zip", quine::quine()),
    ]
}

/// What must be the same: all but times, paths, and what is said of stakes.
fn essence(record: &Value) -> Value {
    let kept = ["kind", "verdict", "confidence", "p_malicious", "family", "examined", "evidence", "incomplete", "size"];
    kept.iter().map(|key| ((*key).to_owned(), record[*key].clone())).collect::<serde_json::Map<_, _>>().into()
}

fn scan(place: &DaemonHome, more: &[&str]) -> BTreeMap<String, Value> {
    let mut command = stakeout();
    command.args(["scan", "--ndjson", "--rules"]).arg(place.path("rules")).args(more).arg(place.path("files"));
    let output: Output = command.output().expect("stakeout can be started");
    let records = stdout(&output).lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let name = |record: &Value| Some(record["path"].as_str()?.rsplit('/').next()?.to_owned());
    let scanned: BTreeMap<_, _> =
        records.filter(|record| record["type"] == "file").filter_map(|record| Some((name(&record)?, record))).collect();
    assert!(scanned.len() > 30, "{}", stderr(&output));
    scanned
}

/// The report that the daemon remembers on a bounty; null where it was declined by its first bytes.
fn remembered(place: &DaemonHome, id: &str) -> Value {
    let archive = place.archive();
    let archive = archive.to_str().expect("a temporary path is text");
    let until = Instant::now() + PATIENCE;
    loop {
        let output = place.output(&["explain", "--bounty", id, "--json", "--archive", archive]);
        if output.status.success()
            && let Ok(report) = serde_json::from_slice::<Value>(&output.stdout)
        {
            return report;
        }
        assert!(Instant::now() < until, "{}{}\n{}", stdout(&output), stderr(&output), place.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_daemon_sees_what_a_scan_sees() {
    let market = TestMarket::start();
    let mut place = DaemonHome::new(&market);
    for (name, text) in RULES {
        let path = place.path("rules").join(name);
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("the directory is ours");
        fs::write(path, text).expect("the directory is ours");
    }
    fs::create_dir_all(place.path("files")).expect("the directory is ours");
    let files = files();
    for (name, bytes) in &files {
        fs::write(place.path("files").join(name), bytes).expect("the directory is ours");
    }
    place.extra = format!("scan.rules = [{:?}]\n", place.path("rules"));
    let (scanned, known) = (scan(&place, &[]), scan(&place, &["--known-kinds"]));
    let mut daemon = place.start();
    let mut macros = 0;
    for (at, (name, bytes)) in files.iter().enumerate() {
        let id = (at + 1).to_string();
        assert_eq!(place.post(&bounty(&market, &id, bytes, LIFE)), 202, "{name}");
        market.wait(&id, PATIENCE).unwrap_or_else(|| panic!("{name} is not answered"));
        let report = remembered(&place, &id);
        if DECLINED.contains(name) {
            // Nothing was looked at, and so nothing is said.
            assert_eq!(report["evidence"].as_array().map_or(0, Vec::len), 0, "{name}: {report}");
            assert_eq!(known[*name]["verdict"], "unknown", "{name}");
            continue;
        }
        assert_eq!(essence(&report), essence(&scanned[*name]), "{name}");
        assert_eq!(essence(&known[*name]), essence(&scanned[*name]), "{name}, with --known-kinds");
        macros += usize::from(report["evidence"].to_string().contains("yara.any.macro.macro"));
    }
    // The rule that knows the macro was tried on what is inside of documents: else this test would show nothing.
    assert!(macros >= 8, "{macros}");
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
}
