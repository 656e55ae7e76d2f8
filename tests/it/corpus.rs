//! `stakeout evaluate` and `stakeout calibrate` on built files, as their users run them.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use daemon_artifact::Sha256Digest;
use daemon_market::Truth;
use serde_json::Value;
use specimens::pe;
use tempfile::TempDir;

use crate::backtest::{AskedAbout, archive_of};
use crate::program::{stakeout, stderr, stdout};

/// `IMAGE_SCN_CNT_INITIALIZED_DATA` and `IMAGE_SCN_MEM_READ`.
const READ_ONLY_DATA: u32 = 0x4000_0040;

/// A folder of built images with its manifest, and a cache of its own.
struct Files {
    dir: TempDir,
}

/// Image number `number`: odd ones name what droppers name, even ones next to nothing.
fn image(number: u32) -> Vec<u8> {
    let mut text = format!("\0file number {number}\0");
    if number % 2 == 1 {
        text += "cmd.exe /c vssadmin delete shadows /all /quiet\0Software\\Microsoft\\Windows\\CurrentVersion\\Run\0";
    }
    pe::ordinary().section(".words", READ_ONLY_DATA, text).build()
}

impl Files {
    fn new(count: u32) -> Files {
        let dir = TempDir::new().expect("the test can make a directory");
        fs::create_dir_all(dir.path().join("corpus/deep")).expect("the directory is ours");
        let mut manifest = String::from("sha256,kind,label,source,group\n");
        for number in 0..count {
            let bytes = image(number);
            let place = if number % 3 == 0 { "corpus/deep" } else { "corpus" };
            fs::write(dir.path().join(place).join(format!("file {number}")), &bytes).expect("the directory is ours");
            let (label, source) = if number % 2 == 1 { ("malicious", "zoo") } else { ("benign", "apt") };
            writeln!(manifest, "{},pe,{label},{source},{source}/{number}", Sha256Digest::of(&bytes))
                .expect("text grows");
        }
        fs::write(dir.path().join("manifest.csv"), manifest).expect("the directory is ours");
        fs::write(dir.path().join("corpus/stranger"), "in no manifest").expect("the directory is ours");
        Files { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Output {
        let mut program = stakeout();
        program.current_dir(self.dir.path()).env("XDG_CACHE_HOME", self.path("cache"));
        program.args([command, "--no-yara", "--resamples", "20", "manifest.csv"]).args(arguments);
        program.output().expect("the program can be started")
    }

    fn json(&self, command: &str, arguments: &[&str]) -> Value {
        let output = self.run(command, &[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_str(stdout(&output)).expect("it is JSON")
    }

    /// Has the files scanned, and returns the path of the lines.
    fn lines(&self) -> PathBuf {
        let path = self.path("scan.ndjson");
        let output = stakeout()
            .args(["scan", "--no-yara", "--ndjson", "--measures"])
            .arg(self.path("corpus"))
            .output()
            .expect("the program can be started");
        fs::write(&path, &output.stdout).expect("the directory is ours");
        path
    }
}

fn cached(files: &Files) -> Vec<String> {
    let folder = fs::read_dir(files.path("cache/stakeout/corpus")).expect("it is cached");
    folder.map(|entry| fs::read_to_string(entry.expect("it can be listed").path()).expect("it is text")).collect()
}

#[test]
fn lines_and_a_scanned_folder_come_to_the_same_and_the_folder_is_scanned_once() {
    let files = Files::new(24);
    files.lines();
    let of_lines = files.json("evaluate", &["--lines", "scan.ndjson"]);
    let scanned = files.json("evaluate", &["--corpus", "corpus", "--threads", "2"]);
    assert_eq!(of_lines["families"], scanned["families"]);
    assert_eq!((&of_lines["unlisted"], &scanned["unlisted"]), (&Value::from(1), &Value::from(0)));
    let family = &scanned["families"][0];
    assert_eq!((&family["family"], &family["in_sample"]), (&Value::from("pe"), &Value::from(24)));
    let all = &family["populations"][0];
    assert_eq!(
        (&all["population"], &all["benign"], &all["malicious"]),
        (&Value::from("all"), &Value::from(12), &Value::from(12))
    );
    assert_eq!(all["figures"]["auc"][0], 1.0, "{all}");
    let worst = &family["worst"][12];
    assert!(worst["malicious"] == true && !worst["indicators"].as_array().expect("a list").is_empty(), "{worst}");
    // A line of the cache is believed: what it says differs from the file, and is what comes out.
    let [text] = &cached(&files)[..] else { panic!("one file for each program and rules") };
    assert_eq!(text.lines().count(), 24);
    let name =
        fs::read_dir(files.path("cache/stakeout/corpus")).expect("it is there").next().expect("one").expect("one");
    fs::write(name.path(), text.replace("\"pe.string.shadow_copies\"", "\"pe.string.no_such\"")).expect("it is ours");
    let again = files.json("evaluate", &["--corpus", "corpus", "--threads", "1"]);
    assert_ne!(again["families"], scanned["families"]);
}

#[test]
fn two_versions_are_compared_and_drawn() {
    let files = Files::new(16);
    files.lines();
    fs::create_dir(files.path("other")).expect("the directory is ours");
    let weights =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/weights.toml")).expect("it is there");
    let other = weights.replace("malicious = 0.80", "malicious = 0.999");
    fs::write(files.path("other/weights.toml"), other).expect("the directory is ours");
    let arguments = ["--lines", "scan.ndjson", "--against", "other", "--html", "page.html"];
    let output = files.run("evaluate", &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("other against built in, paired"), "{}", stdout(&output));
    let page = fs::read_to_string(files.path("page.html")).expect("the page is written");
    assert!(page.contains("<svg") && !page.contains("http://") && !page.contains("https://"), "{page}");
    let compared = files.json("evaluate", &arguments[..4])["families"][0]["compared"][0]["figures"].clone();
    // The same probabilities, other verdicts.
    assert_eq!(compared["auc"][2], 0.0);
    assert!(compared["malware_accused"][2].as_f64().expect("a number") < 0.0, "{compared}");
}

#[test]
fn mistakes_are_told_with_their_file_and_line() {
    let files = Files::new(4);
    let lines = files.lines();
    fs::write(files.path("broken.csv"), "sha256,label,source,group\nxyz,benign,a,b\n").expect("the directory is ours");
    let output = files.run("evaluate", &["broken.csv", "--lines", "scan.ndjson"]);
    assert_eq!(
        (output.status.code(), stderr(&output).contains("broken.csv:2: \"xyz\" is no SHA-256")),
        (Some(2), true)
    );
    let text = fs::read_to_string(&lines).expect("it is text");
    fs::write(&lines, format!("{text}{{\"type\":\"file\"}}\n")).expect("it is ours");
    let output = files.run("evaluate", &["--lines", "scan.ndjson"]);
    let count = text.lines().count() + 1;
    assert!(stderr(&output).contains(&format!("scan.ndjson:{count}: has no `kind`")), "{}", stderr(&output));
    let output = files.run("evaluate", &["--corpus", "gone"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
}

#[test]
fn fitted_weights_are_written_once_and_the_same_by_any_number_of_threads() {
    let files = Files::new(40);
    let scan = ["--corpus", "corpus", "--family", "pe", "--folds", "2"];
    for (threads, out) in [("1", "one"), ("2", "two")] {
        let output = files.run("calibrate", &[&scan[..], &["--threads", threads, "--out", out]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stdout(&output).contains("a join is fitted to --margins"), "{}", stdout(&output));
        fs::remove_dir_all(files.path("cache")).expect("it is there");
    }
    let read = |name: &str| fs::read_to_string(files.path(name)).expect("it is written");
    assert_eq!(read("one/weights.toml"), read("two/weights.toml"));
    assert!(read("one/weights.toml").contains("# fitted: by `stakeout calibrate`"));
    assert!(read("one/weights.toml").contains("# fitted: pe: 20 benign and 20 malicious files of 40 units"));
    assert!(!files.path("one/pe.model.json").exists());
    let output = files.run("calibrate", &[&scan[..], &["--out", "one"]].concat());
    assert!(stderr(&output).contains("is there already"), "{}", stderr(&output));
    // What is written can be used.
    files.lines();
    files.json("evaluate", &["--lines", "scan.ndjson", "--rules", "one"]);
}

#[test]
fn a_join_is_fitted_to_margins_out_of_fold() {
    let files = Files::new(40);
    let mut margins = String::from("sha256,p,margin\n");
    for number in 0..40u32 {
        let margin = f64::from(number * 7 % 11) / 4.0 - 1.0 + f64::from(number % 2);
        writeln!(margins, "{},0.5,{margin}", Sha256Digest::of(&image(number))).expect("text grows");
    }
    fs::write(files.path("margins.csv"), margins).expect("the directory is ours");
    let arguments = ["--corpus", "corpus", "--margins", "margins.csv", "--folds", "2", "--out", "new"];
    let fitted = files.json("calibrate", &arguments);
    let family = &fitted["families"][0];
    assert!(family["joined"] == true && family["without_margin"] == 0, "{family}");
    assert_ne!(family["join"]["model"][0], family["join"]["model"][1]);
    let evaluated = files.json("evaluate", &["--corpus", "corpus", "--margins", "margins.csv", "--against", "new"]);
    assert_eq!(evaluated["families"][0]["out_of_fold"], 40);
    assert_eq!(evaluated["versions"], serde_json::json!(["built in", "new"]));
    // The new model has the fitted join: its probabilities are others.
    assert_ne!(evaluated["families"][0]["compared"][0]["figures"]["brier"][2], 0.0);
}

#[test]
fn settled_bounties_are_a_corpus_and_a_backtest_says_what_the_new_numbers_would_have_earned() {
    let dir = TempDir::new().expect("the test can make a directory");
    let asked = (0..24).map(|number| {
        let bytes = image(number);
        let truth = if number % 2 == 1 { Truth::Malicious } else { Truth::Benign };
        // What is not stored any more says nothing.
        let kept = (number != 7).then(|| bytes.clone());
        AskedAbout { sha256: Sha256Digest::of(&bytes).0, kept, truth }
    });
    // Called both, it is left out.
    let twice = AskedAbout { sha256: Sha256Digest::of(&image(3)).0, kept: None, truth: Truth::Benign };
    archive_of(&dir.path().join("archive"), None, asked.chain([twice]));
    let out = dir.path().join("new");
    let output = stakeout()
        .args([
            "calibrate",
            "--from-archive",
            "--no-shipped-rules",
            "--keep-weights",
            "--folds",
            "2",
            "--resamples",
            "50",
        ])
        .args(["--archive".as_ref(), dir.path().join("archive").as_os_str()])
        .args(["--out".as_ref(), out.as_os_str()])
        .env("XDG_CACHE_HOME", dir.path().join("cache"))
        .output()
        .expect("the program can be started");
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("pe: 12 benign and 10 malicious files of 22 units"), "{text}");
    assert!(text.contains("join: intercept"), "{text}");
    assert!(
        stderr(&output).contains("1 artifact called malicious in one bounty and benign in another"),
        "{}",
        stderr(&output)
    );
    assert!(text.contains("recorded strategies, scanned again"), "{text}");
    assert!(out.join("weights.toml").exists() && out.join("pe.model.json").exists());
}
