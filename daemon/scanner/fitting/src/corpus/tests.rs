use std::fmt::Write;

use analyzers::LayerId;
use daemon_engine::MEASURE_SETS;

use super::*;

const HEAD: &str = "sha256,kind,label,source,group\n";

fn sha(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn added(text: &str) -> Result<Manifest, InputError> {
    let mut manifest = Manifest::default();
    manifest.add(text).map(|()| manifest)
}

#[test]
fn mistakes_in_manifests_are_told_with_their_line() {
    let good = format!("{HEAD}{},pe,benign,apt,apt/bash\n", sha('1'));
    assert_eq!(added(&good).unwrap().len(), 1);
    let told = |text: &str| added(text).unwrap_err().to_string();
    assert!(told("sha256,label\n").starts_with("line 1: there is no column \"source\""));
    assert!(told("").starts_with("line 1: there is no column \"sha256\""));
    assert_eq!(told(&format!("{good}xyz,pe,benign,apt,apt\n")), "line 3: \"xyz\" is no SHA-256");
    let other = format!("{good}{},pe,goodware,apt,apt/bash\n", sha('2'));
    assert_eq!(told(&other), "line 3: the label is \"goodware\": malicious or benign");
    assert!(told(&format!("{good}{},pe,benign\n", sha('2'))).starts_with("line 3: "));
    assert!(
        told(&format!("{good}\n{},pe,malicious,zoo,zoo\n", sha('1')))
            .ends_with("has the other label in an earlier row")
    );
    assert_eq!(told(&format!("{HEAD}{},pe,benign,,x\n", sha('1'))), "line 2: source and group must not be empty");
}

#[test]
fn margins_and_programs_are_checked() {
    let mut margins = Margins::default();
    let head = "sha256,p,margin,sum,sum_without_calm\n";
    margins.add(&format!("{head}{},0.1,-1.25,0,0\n", sha('1'))).unwrap();
    assert_eq!(margins.of(&sha('1').parse().unwrap()), Some(-1.25));
    let mut told = |row: &str| margins.add(&format!("{head}{row}\n")).unwrap_err().to_string();
    assert!(told(&format!("{},0.1,nan,0,0", sha('2'))).starts_with("line 2: the margin \"nan\""));
    assert!(told(&format!("{},0.1,inf,0,0", sha('3'))).contains("is no number"));
    assert!(told(&format!("{},0.1,2,0,0", sha('1'))).ends_with("has two margins"));
    assert_eq!(Programs::read("sha256,program\nx,y\n").unwrap_err().line, 2);
}

fn scan(kind: &str, digit: char, evidence: &[(&str, &str)], subjects: &[&str]) -> String {
    let mut line = format!(r#"{{"type":"file","sha256":"{}","kind":"{kind}","incomplete":[],"evidence":["#, sha(digit));
    for (at, (id, layer)) in evidence.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write!(line, r#"{comma}{{"id":"{id}","layer":"{layer}","weight":1,"span":[0,1],"detail":""}}"#).unwrap();
    }
    let subjects: Vec<String> = subjects.iter().map(|layer| format!(r#"{{"layer":"{layer}","sum":1.0}}"#)).collect();
    write!(line, r#"],"subjects":[{}],"measures":[]}}"#, subjects.join(",")).unwrap();
    line
}

fn read(line: &str) -> Result<Option<ScannedFile>, InputError> {
    LineReader::new(MEASURE_SETS).read(line)
}

#[test]
fn evidence_of_a_named_part_is_that_of_the_subject_around_it() {
    let evidence =
        [("pe.a.b", ""), ("pe.a.b", ""), ("pe.c.d", "image@1"), ("x.y.z", "image@1!part"), ("u.v.w", "part")];
    let file = read(&scan("pe32.exe", '1', &evidence, &["", "image@1"])).unwrap().unwrap();
    let seen: Vec<(&str, u16)> =
        file.record.evidence.iter().map(|seen| (seen.indicator.as_str(), seen.layer.0)).collect();
    assert_eq!(seen, [("pe.a.b", 0), ("pe.c.d", 1), ("x.y.z", 1), ("u.v.w", 0)]);
    let families: Vec<Family> = file.record.layers.iter().map(|layer| layer.kind.family()).collect();
    assert_eq!(families, [Family::Pe, Family::Pe]);
    assert_eq!(file.record.layers[1].subject, LayerId(1));
}

#[test]
fn what_is_no_line_of_a_scan_is_told_with_its_line() {
    let mut reader = LineReader::new(MEASURE_SETS);
    let summary = r#"{"type":"summary","files":2,"incomplete":{"file.cut_short":1},"rules_generation":"1"}"#;
    assert!(reader.read(summary).unwrap().is_none());
    assert!(reader.read("").unwrap().is_none());
    assert!(reader.read(r#"{"type":"failure","schema":1,"path":"x","error":"gone"}"#).unwrap().is_none());
    assert_eq!(reader.read("{").unwrap_err().line, 4);
    for (line, word) in [
        ("[]", "has no `kind`"),
        ("{\"a\"", "is no line of a scan"),
        ("{}", "has no `kind`"),
        (r#"{"kind":"text","sha256":"12"}"#, "is no SHA-256"),
        (&scan("text", '1', &[], &[]).replace(r#","measures":[]"#, ""), "scan with --ndjson --measures"),
        (&scan("text", '1', &[], &[]).replace("\"incomplete\":[]", "\"incomplete\":[\"why.not\"]"), "is no reason"),
        (&scan("text", '1', &[], &[]).replace("\"evidence\":[]", "\"evidence\":[{}]"), "missing field `id`"),
        (&"x".repeat(17 << 20), "bytes, more than"),
    ] {
        let told = read(line).unwrap_err().to_string();
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn measures_are_checked() {
    let set = MEASURE_SETS[0];
    let values = |change: &dyn Fn(usize, &str) -> Option<String>| {
        let pairs: Vec<String> =
            set.measures().iter().enumerate().filter_map(|(at, measure)| change(at, measure.name)).collect();
        pairs.join(",")
    };
    let line = |version: u32, values: &str| {
        let vector = format!(r#"[{{"layer":"","family":"pe","version":{version},"values":{{{values}}}}}]"#);
        scan("pe32.exe", '1', &[], &[""]).replace("\"measures\":[]", &format!("\"measures\":{vector}"))
    };
    let good = values(&|at, name| Some(format!("\"{name}\":{at}")));
    let file = read(&line(set.version, &good)).unwrap().unwrap();
    assert_eq!(file.record.measured[0].values()[7], 7.0);
    let backwards: Vec<&str> = good.split(',').rev().collect();
    let turned = read(&line(set.version, &backwards.join(","))).unwrap().unwrap();
    assert_eq!(turned.record.measured, file.record.measured);
    let told = |version, values: &str| read(&line(version, values)).unwrap_err().to_string();
    assert!(told(set.version + 1, &good).contains("scan the files again"));
    assert!(told(set.version, "").contains("is missing"));
    assert!(told(set.version, &format!("{good},\"no.such\":1")).contains("there is no measure \"no.such\""));
    assert!(told(set.version, &format!("{good},\"{}\":1", set.measures()[0].name)).contains("stands there twice"));
    assert!(told(set.version, &values(&|_, name| Some(format!("\"{name}\":1e300")))).contains("too large"));
    assert!(told(set.version, &values(&|_, name| Some(format!("\"{name}\":\"1\"")))).contains("measures: "));
}

#[test]
fn units_are_those_of_the_models_training() {
    let mut rows = String::from(HEAD);
    for (digit, label, source, group) in [
        ('1', "benign", "pypi", "pypi:PyQt5_tools"),
        ('2', "benign", "npm", "npm/7z-bin"),
        ('3', "benign", "programs", "owner/upx-gui"),
        ('4', "benign", "packingdata", "packingdata/UPX/a.exe"),
        ('5', "malicious", "zoo", "zoo/all"),
        ('6', "malicious", "zoo", "zoo/worm"),
        ('7', "malicious", "capa-testfiles", "capa-testfiles"),
        ('8', "benign", "packed-elf", "packed-elf/not-packed/ls"),
    ] {
        writeln!(rows, "{},pe,{label},{source},{group}", sha(digit)).unwrap();
    }
    let manifest = added(&rows).unwrap();
    let programs = Programs::read(&format!("sha256,program\n{},calc\n", sha('4'))).unwrap();
    let shown = [("pe.b.c", ""), ("pe.a.b", ""), ("pe.a.b", "image@1")];
    let scanned = ('1'..='8').rev().chain(['9', '1']).map(|digit| {
        let kind = if digit == '1' { "pe32.dll" } else { "pe32.exe" };
        let evidence: &[(&str, &str)] = if digit == '5' { &shown } else { &[] };
        read(&scan(kind, digit, evidence, &["", "image@1"])).unwrap().unwrap()
    });
    let corpus = Corpus::assemble(&manifest, scanned, &programs, &Margins::default(), &SourceNames::default());
    assert_eq!((corpus.files.len(), corpus.unlisted, corpus.missing), (8, 1, 0));
    let of = |is: fn(&CorpusFile) -> String| corpus.files.iter().map(is).collect::<Vec<_>>();
    let wanted = ["b:qt", "b:7zip", "b:owner/upx-gui", "b:program:calc", "m:zoo:pe32.exe:pe.a.b,pe.b.c", "m:zoo/worm"];
    assert_eq!(of(|file| file.unit.clone())[..6], wanted);
    assert_eq!(of(|file| file.unit.clone())[6], format!("m:capa-testfiles:{}", sha('7')));
    let flags = |file: &CorpusFile| format!("{} {} {}", file.program, file.hard, file.noisy);
    assert_eq!(of(flags)[0], "false false false");
    assert_eq!(
        (of(flags)[3].as_str(), of(flags)[6].as_str(), of(flags)[7].as_str()),
        ("true true false", "true false true", "true false false")
    );
}
