//! Files of rules that include one another.
//!
//! Every file of a rules directory is loaded by itself, so an `include` need not bring rules in that would then report
//! twice. What it must bring is meaning: a rule may name another one of any file that is included beside it, and a global
//! rule holds for all of them. So a file gets in front of it the rules of others that it names, and the global ones;
//! there they do not report.
//!
//! A name leads from the folder of the file, or from the rules directory, and never out of it; nothing is opened here.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use crate::rule_file::{File, RuleText, Texts};
use crate::source::{Mistake, Severity};

/// Most files that are looked at for the sake of one: those of the largest public set are included by one index.
const UNIT_FILES_MAX: usize = 4_096;
/// Most files looked at for the sake of all.
const LOOKS_MAX: usize = 4_000_000;
/// Most bytes of rules that a file gets from others.
const OTHERS_BYTES_MAX: usize = 4 << 20;

/// Gives every file the rules of others that it needs by its includes, or by those of files that include it.
pub(crate) fn resolve<'a>(files: Vec<(File<'a>, &'a Texts)>, mistakes: &mut Vec<Mistake>) -> Vec<File<'a>> {
    if files.iter().all(|(file, _)| file.includes.is_empty()) {
        return files.into_iter().map(|(file, _)| file).collect();
    }
    let edges = edges(&files, mistakes);
    let mut included_by: Vec<Vec<usize>> = vec![Vec::new(); files.len()];
    for (from, targets) in edges.iter().enumerate() {
        for &to in targets {
            if let Some(list) = included_by.get_mut(to) {
                list.push(from);
            }
        }
    }
    let mut looks = 0;
    let others: Vec<String> = (0..files.len())
        .map(|at| {
            let units = units(at, &edges, &included_by, &mut looks);
            if units.is_empty() { String::new() } else { needed(at, &units, &files) }
        })
        .collect();
    let joined = files.into_iter().zip(others).map(|((file, texts), others)| {
        if others.is_empty() {
            return file;
        }
        match file.with_others(&others, texts).filter(|_| others.len() <= OTHERS_BYTES_MAX) {
            Some(joined) => joined,
            None => {
                let message =
                    "the included rules cannot be placed before this file: rules that refer to them are skipped";
                mistakes.push(Mistake::whole(file.source.name, Severity::Error, "include", message));
                file
            }
        }
    });
    joined.collect()
}

/// Returns the indices of the files that each file includes.
fn edges(files: &[(File<'_>, &Texts)], mistakes: &mut Vec<Mistake>) -> Vec<Vec<usize>> {
    let by_name: HashMap<&str, usize> =
        files.iter().enumerate().map(|(at, (file, _))| (file.source.name, at)).collect();
    let mut edges = Vec::with_capacity(files.len());
    for (file, _) in files {
        let mut targets = Vec::new();
        for (wanted, span) in &file.includes {
            let mut wrong = |message: String| {
                let Some(at) = span.start.checked_sub(file.others) else { return };
                mistakes.push(Mistake::at(file.source.name, file.source.text, at, Severity::Error, "include", message));
            };
            let folder = file.source.name.rsplit_once('/').map_or("", |(folder, _)| folder);
            match (path_from(folder, wanted), path_from("", wanted)) {
                (None, None) => wrong(format!(
                    "`{wanted}` is outside of the rules directory: copy the file into the directory and include it from there"
                )),
                (near, far) => {
                    let found = [near, far].into_iter().flatten().find_map(|path| by_name.get(path.as_str()));
                    match found {
                        Some(&target) => targets.push(target),
                        None => wrong(format!(
                            "there is no usable file `{wanted}` in the rules directory: add it there, with a \
                             name that ends in .yar, .yara, .rule or .rules"
                        )),
                    }
                }
            }
        }
        edges.push(targets);
    }
    edges
}

/// A path below the rules directory, from one of its folders; none where it leads out.
fn path_from(folder: &str, wanted: &str) -> Option<String> {
    let wanted = wanted.replace('\\', "/");
    if wanted.starts_with('/') || wanted.get(1..2) == Some(":") {
        return None;
    }
    let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in wanted.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

/// The files whose rules mean something to file `at`: those it includes, then those beside which it is included.
fn units(at: usize, edges: &[Vec<usize>], included_by: &[Vec<usize>], looks: &mut usize) -> Vec<usize> {
    let own = reached(&[at], edges, looks);
    let including = reached(&[at], included_by, looks);
    let beside = reached(&including, edges, looks);
    let mut seen = HashSet::new();
    own.into_iter().chain(beside).filter(|&file| file != at && seen.insert(file)).collect()
}

/// Returns the files reachable from these, themselves first.
fn reached(from: &[usize], edges: &[Vec<usize>], looks: &mut usize) -> Vec<usize> {
    let mut seen: HashSet<usize> = HashSet::new();
    let mut order = Vec::new();
    let mut open: Vec<usize> = from.iter().rev().copied().collect();
    while let Some(at) = open.pop() {
        *looks += 1;
        if *looks > LOOKS_MAX || order.len() > UNIT_FILES_MAX {
            break;
        }
        if seen.insert(at) {
            order.push(at);
            let next = edges.get(at).into_iter().flatten().rev().filter(|next| !seen.contains(next));
            open.extend(next);
        }
    }
    order
}

/// A rule, by its file and its number in it.
type RuleLocation = (usize, usize);

/// The rules of `units` that file `at` needs, as text, each behind those that it names itself.
fn needed(at: usize, units: &[usize], files: &[(File<'_>, &Texts)]) -> String {
    let Some((file, _)) = files.get(at) else { return String::new() };
    let own: HashSet<&str> = file.rules.iter().map(|rule| rule.name).collect();
    let rule_at = |(file, rule): RuleLocation| files.get(file).and_then(|(file, _)| file.rules.get(rule));
    let mut defined: HashMap<&str, RuleLocation> = HashMap::new();
    let mut wanted: Vec<RuleLocation> = Vec::new();
    for &unit in units {
        for (number, rule) in files.get(unit).into_iter().flat_map(|(file, _)| file.rules.iter().enumerate()) {
            if own.contains(rule.name) || rule.span.start < files.get(unit).map_or(0, |(file, _)| file.others) {
                continue;
            }
            defined.entry(rule.name).or_insert((unit, number));
            if rule.global {
                wanted.push((unit, number));
            }
        }
    }
    let words = file.rules.iter().flat_map(|rule| rule.words.iter());
    wanted.extend(words.filter_map(|word| defined.get(word)).copied());
    let mut order: Vec<RuleLocation> = Vec::new();
    let mut seen: HashSet<RuleLocation> = HashSet::new();
    // Depth first: a rule is written when all it names are.
    let mut open: Vec<(RuleLocation, bool)> = wanted.into_iter().rev().map(|place| (place, false)).collect();
    while let Some((place, ready)) = open.pop() {
        if ready {
            order.push(place);
        } else if seen.insert(place) {
            open.push((place, true));
            let names = rule_at(place).into_iter().flat_map(|rule| rule.words.iter());
            open.extend(names.filter_map(|word| defined.get(word)).map(|&place| (place, false)));
        }
    }
    let rules: Vec<(&File<'_>, &RuleText<'_>)> =
        order.iter().filter_map(|&place| Some((&files.get(place.0)?.0, rule_at(place)?))).collect();
    text_of(&rules)
}

/// Returns the text of these rules with the imports that they need.
fn text_of(rules: &[(&File<'_>, &RuleText<'_>)]) -> String {
    let mut text = String::new();
    let mut imported = HashSet::new();
    for (file, rule) in rules {
        for (module, _) in file.imports.iter().filter(|(module, _)| rule.words.contains(module)) {
            if imported.insert(*module) {
                writeln!(text, "import \"{module}\"").expect("a string takes all");
            }
        }
    }
    for (file, rule) in rules {
        text.push_str(file.text.get(rule.span.clone()).unwrap_or_default());
        text.push('\n');
        if text.len() > OTHERS_BYTES_MAX {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_from_a_folder_and_never_out() {
        for (folder, wanted, path) in [
            ("any", "x.yar", Some("any/x.yar")),
            ("any", "./x.yar", Some("any/x.yar")),
            ("any", "../pe/x.yar", Some("pe/x.yar")),
            ("any", "..\\pe\\x.yar", Some("pe/x.yar")),
            ("a/b", "..//./c/../x.yar", Some("a/x.yar")),
            ("", "a/x.yar", Some("a/x.yar")),
            ("any", "../../x.yar", None),
            ("any", "a/../../../any/x.yar", None),
            ("", "../x.yar", None),
            ("any", "/etc/passwd", None),
            ("any", "C:\\rules\\x.yar", None),
        ] {
            assert_eq!(path_from(folder, wanted).as_deref(), path, "{folder} {wanted}");
        }
    }
}
