//! The catalogue of threats: which tests hold which promise, and a table of what a run showed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// Where the catalogue lies in the repository.
const CATALOGUE: &str = "tests/promises/threats.toml";
/// The document that says what no test holds, and the heading of its list.
const UNCOVERED: (&str, &str) = ("SECURITY.md", "## What no test holds");
/// How a line begins that says what cannot run on this machine.
const SKIPPED: &str = "SKIPPED:";
/// Tests in this folder measure, so each leaves a figure.
const MEASURING: &str = "tests/promises/";

/// One threat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Threat {
    /// A letter and a number.
    pub id: String,
    /// What is done to the engine.
    pub attack: String,
    /// What is promised.
    pub promise: String,
    /// The tests that hold it.
    pub held_by: Vec<Holder>,
}

/// A test that holds a promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The file, from the root of the repository.
    pub path: String,
    /// The name of a test of Rust, or the words that a script prints.
    pub name: String,
}

/// The catalogue, and what is wrong with it.
#[derive(Debug)]
pub struct Threats {
    /// All threats, in their order.
    pub threats: Vec<Threat>,
    /// Ids that the list of what no test holds has.
    pub uncovered: Vec<String>,
    /// What is wrong: a test that is not there, a threat that is in neither list.
    pub mistakes: Vec<String>,
}

/// Keeps what a test measured, in place of what it measured before. The test of the catalogue and the table read it.
///
/// # Panics
///
/// If the folder, which is the test's own, cannot be written to.
pub fn keep_figure(folder: &Path, test: &str, figure: &str) {
    fs::create_dir_all(folder).expect("cargo's folder for tests can be written to");
    fs::write(folder.join(test), figure).expect("cargo's folder for tests can be written to");
}

impl Threats {
    /// Reads the catalogue of the repository at `root` and compares it with the source.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or the catalogue is not of its form.
    pub fn read(root: &Path) -> io::Result<Threats> {
        let table: toml::Table = fs::read_to_string(root.join(CATALOGUE))?.parse().map_err(io::Error::other)?;
        let mut threats = table.iter().map(|(id, value)| threat(id, value)).collect::<io::Result<Vec<_>>>()?;
        threats.sort_by_key(|threat| place(&threat.id));
        let uncovered = uncovered(&fs::read_to_string(root.join(UNCOVERED.0))?);
        let mut mistakes = gaps(&threats);
        for threat in &threats {
            if threat.held_by.is_empty() && !uncovered.contains(&threat.id) {
                mistakes.push(format!("{}: no test holds it, and {} does not say why", threat.id, UNCOVERED.0));
            }
            let missing = threat.held_by.iter().filter(|holder| !holder.is_there(root));
            mistakes
                .extend(missing.map(|holder| format!("{}: there is no {} in {}", threat.id, holder.name, holder.path)));
        }
        let known = |id: &&String| threats.iter().any(|threat| threat.id == **id);
        mistakes.extend(uncovered.iter().filter(|id| !known(id)).map(|id| format!("{id}: not in the catalogue")));
        Ok(Threats { threats, uncovered, mistakes })
    }

    /// The table: a line for each promise and test that holds it, with what the run in `log` and the files in `figures`
    /// tell of it. Adds to the mistakes what the run does not show. Without a log, tests that keep no figure are named alone.
    pub fn table(&mut self, figures: &Path, log: Option<&str>) -> String {
        let mut table = "id | promise | test | figure\n".to_owned();
        for threat in &self.threats {
            for (at, holder) in threat.held_by.iter().enumerate() {
                let promise = if at == 0 { threat.promise.as_str() } else { "" };
                let figure = holder.figure(figures, log).unwrap_or_else(|| {
                    self.mistakes.push(format!("{}: {} was not seen to hold", threat.id, holder.name));
                    "NOT SEEN".to_owned()
                });
                let name = if holder.is_rust() { holder.name.as_str() } else { holder.path.as_str() };
                let _ = writeln!(table, "{} | {promise} | {name} | {figure}", threat.id);
            }
            if threat.held_by.is_empty() {
                let _ = writeln!(table, "{} | {} | - | not covered: see {}", threat.id, threat.promise, UNCOVERED.0);
            }
        }
        table
    }
}

impl Holder {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the source has it: a function that is marked as a test, or the words of a script.
    fn is_there(&self, root: &Path) -> bool {
        let Ok(text) = fs::read_to_string(root.join(&self.path)) else { return false };
        if !self.is_rust() {
            return text.contains(&self.name);
        }
        let head = format!("fn {}(", self.name);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.iter().enumerate().any(|(at, line)| {
            let mut attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
            line.contains(&head) && attributes.any(|line| line.contains("test"))
        })
    }

    /// What a run shows: what it measured, the line that a script printed, or that it passed. None where it shows nothing.
    fn figure(&self, figures: &Path, log: Option<&str>) -> Option<String> {
        // A test that cannot run here says so itself, and passes.
        let is_passed = |line: &str| {
            let named = line.strip_prefix("test ").and_then(|line| line.split_once(" ... "));
            named.is_some_and(|(name, became)| {
                name.rsplit("::").next() == Some(&self.name) && (became == "ok" || became.starts_with(SKIPPED))
            })
        };
        let passed = || log.is_none_or(|log| log.lines().any(is_passed));
        if !self.is_rust() {
            let Some(log) = log else { return Some("named".to_owned()) };
            let printed = log.lines().find(|line| line.contains(&self.name)).map(|line| line.trim().to_owned());
            // A script that fails ends the run; one that cannot run here, or not all of it, says so.
            let is_skipped = || log.lines().any(|line| line.starts_with(SKIPPED));
            return printed.or_else(|| is_skipped().then(|| "not run here".to_owned()));
        }
        match fs::read_to_string(figures.join(&self.name)) {
            Ok(figure) if passed() => Some(figure.trim().to_owned()),
            Err(_) if !self.path.starts_with(MEASURING) && passed() => {
                Some(if log.is_some() { "holds" } else { "named" }.to_owned())
            }
            _ => None,
        }
    }
}

fn threat(id: &str, value: &toml::Value) -> io::Result<Threat> {
    let wrong = |what: &str| io::Error::other(format!("{id}: {what}"));
    let text =
        |key: &str| value.get(key).and_then(toml::Value::as_str).ok_or_else(|| wrong(&format!("{key} is no text")));
    let held_by = value.get("held_by").and_then(toml::Value::as_array).ok_or_else(|| wrong("held_by is no list"))?;
    let holder = |entry: &toml::Value| {
        let (path, name) = entry.as_str()?.split_once("::")?;
        Some(Holder { path: path.to_owned(), name: name.to_owned() })
    };
    let held_by: Option<Vec<Holder>> = held_by.iter().map(holder).collect();
    let held_by = held_by.ok_or_else(|| wrong("a test is written PATH::NAME"))?;
    Ok(Threat { id: id.to_owned(), attack: text("attack")?.to_owned(), promise: text("promise")?.to_owned(), held_by })
}

/// Where an id stands: by its letter, then by its number. Zero is no number of one.
fn place(id: &str) -> (String, u32) {
    let (letter, number) = id.split_at(id.find(|sign: char| sign.is_ascii_digit()).unwrap_or(id.len()));
    (letter.to_owned(), number.parse().unwrap_or(0))
}

/// Ids that are missing between those that are there.
fn gaps(threats: &[Threat]) -> Vec<String> {
    let mut highest: BTreeMap<String, u32> = BTreeMap::new();
    let mut missing = Vec::new();
    for threat in threats {
        let (letter, number) = place(&threat.id);
        let before = highest.insert(letter.clone(), number).unwrap_or(0);
        missing.extend((before + 1..number).map(|number| format!("{letter}{number}: not in the catalogue")));
    }
    missing
}

/// The ids that begin the rows of the list of what no test holds.
fn uncovered(document: &str) -> Vec<String> {
    let lines =
        document.lines().skip_while(|line| *line != UNCOVERED.1).skip(1).take_while(|line| !line.starts_with("## "));
    let first = |line: &str| Some(line.strip_prefix("| ")?.split(' ').next()?.to_owned());
    lines.filter_map(first).filter(|id| place(id).1 > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(catalogue: &str, list: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory can be made");
        fs::create_dir_all(root.path().join("tests/promises")).expect("it is ours");
        fs::write(root.path().join(CATALOGUE), catalogue).expect("it is ours");
        let document =
            format!("# Security\n\n{}\n\n| id | what |\n|---|---|\n{list}\n\n## More\n\n| A9 | no |\n", UNCOVERED.1);
        fs::write(root.path().join(UNCOVERED.0), document).expect("it is ours");
        let source = "#[test]\nfn it_holds() {}\n\nfn it_helps() {}\n";
        fs::write(root.path().join("tests/promises/a.rs"), source).expect("it is ours");
        fs::write(root.path().join("script"), "echo \"it is so\"\n").expect("it is ours");
        root
    }

    fn row(id: &str, held_by: &str) -> String {
        format!("[{id}]\nattack = \"something\"\npromise = \"nothing\"\nheld_by = [{held_by}]\n")
    }

    #[test]
    fn what_is_not_there_or_in_no_list_is_told() {
        let held = row("A1", "\"tests/promises/a.rs::it_holds\", \"script::it is so\"");
        let root = repository(&held, "");
        assert_eq!(Threats::read(root.path()).expect("it is read").mistakes, [""; 0]);
        let wrong = [row("A1", "\"tests/promises/a.rs::it_helps\""), row("A3", ""), row("A4", "\"script::it is not\"")];
        let root = repository(&wrong.concat(), "| A1 | in part |\n| B2 | nobody knows it |");
        let threats = Threats::read(root.path()).expect("it is read");
        assert_eq!(threats.uncovered, ["A1", "B2"]);
        let expected = [
            "A2: not in the catalogue",
            "A1: there is no it_helps in tests/promises/a.rs",
            "A3: no test holds it, and SECURITY.md does not say why",
            "A4: there is no it is not in script",
            "B2: not in the catalogue",
        ];
        assert_eq!(threats.mistakes, expected);
        assert!(Threats::read(repository("A1 = 3\n", "").path()).is_err());
    }

    #[test]
    fn the_table_has_what_the_run_showed_and_nothing_else() {
        let root = repository(&row("A1", "\"tests/promises/a.rs::it_holds\", \"script::it is so\""), "");
        let log = "test part::it_holds ... ok\nok, it is so (3 s)\n";
        let read = || Threats::read(root.path()).expect("it is read");
        let mut threats = read();
        threats.table(root.path(), Some(log));
        assert_eq!(threats.mistakes, ["A1: it_holds was not seen to hold"], "it kept no figure");
        keep_figure(root.path(), "it_holds", "7 of 7");
        let mut threats = read();
        let table = threats.table(root.path(), Some(log));
        assert_eq!(threats.mistakes, [""; 0]);
        let lines =
            ["id | promise | test | figure", "A1 | nothing | it_holds | 7 of 7", "A1 |  | script | ok, it is so (3 s)"];
        assert_eq!(table.lines().collect::<Vec<_>>(), lines);
        let mut threats = read();
        threats.table(root.path(), Some("test part::it_holds ... FAILED\n"));
        assert_eq!(threats.mistakes.len(), 2);
        // What cannot run on a machine is told there, and is no mistake.
        let mut threats = read();
        let table =
            threats.table(root.path(), Some("test part::it_holds ... SKIPPED: no root\nok\nSKIPPED: no system\n"));
        assert!(table.ends_with("| script | not run here\n") && threats.mistakes.is_empty(), "{table}");
    }
}
