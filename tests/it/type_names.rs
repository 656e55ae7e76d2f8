//! A type's name tells it from others: none is declared more than twice, in all crates and their tests.
//!
//! Read from the source, so types of every feature and every test count. `Config` may be: each part has one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

/// Most declarations of one name.
const DECLARATIONS_MAX: usize = 2;
/// Names that stand for the same thing in every part.
const SHARED: &[&str] = &["Config"];

/// Adds the types that a piece of source declares, at any depth. Types of traits' implementations (`type Error = …;`)
/// fulfil the trait's own name, so `type` counts outside of braces only.
fn declared(source: TokenStream, depth: usize, names: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = source.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => declared(group.stream(), depth + 1, names),
            TokenTree::Ident(word)
                if ["struct", "enum", "trait", "union"].iter().any(|kind| word == kind)
                    || (word == "type" && depth == 0) =>
            {
                if let Some(TokenTree::Ident(name)) = tokens.get(at + 1) {
                    names.push(name.to_string());
                }
            }
            _ => (),
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_name_of_a_type_is_declared_more_than_twice() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["triage", "analyzers", "daemon", "benches", "fuzz", "tests"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 500, "only {} files are read", files.len());
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut names = Vec::new();
        declared(text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display())), 0, &mut names);
        for name in names {
            homes.entry(name).or_default().push(file.strip_prefix(&root).unwrap().display().to_string());
        }
    }
    homes.retain(|name, files| files.len() > DECLARATIONS_MAX && !SHARED.contains(&name.as_str()));
    assert!(homes.is_empty(), "give these names that tell them apart: {homes:#?}");
}

#[test]
fn declarations_are_found_and_types_of_traits_are_not() {
    let source = "pub struct A; mod m { enum B<T> { C(T) } impl Iterator for A { type Item = u8; } } type D = u8;";
    let mut names = Vec::new();
    declared(source.parse().unwrap(), 0, &mut names);
    assert_eq!(names, ["A", "B", "D"]);
}
