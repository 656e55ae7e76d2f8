//! Modules that stand beside each other in one crate use each other in one direction.
//!
//! Read from the source: every path that begins with `crate`, `super` or `self`, in `use` and elsewhere, outside of
//! tests. A name counts for the module it is from, not for one that passes it on, and what a module's children use
//! counts for the module.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cargo_metadata::{Metadata, MetadataCommand};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The path of a module or a name, from the root of its crate.
type ModulePath = Vec<String>;

/// What one module says.
#[derive(Default)]
struct Module {
    /// The paths that it names.
    uses: Vec<ModulePath>,
    /// The names that it has from elsewhere.
    imports: BTreeMap<String, ModulePath>,
}

/// One crate's modules.
#[derive(Default)]
struct CrateModules {
    modules: BTreeMap<ModulePath, Module>,
    tests: BTreeSet<ModulePath>,
}

impl CrateModules {
    fn read(src: &Path) -> CrateModules {
        let mut source = CrateModules::default();
        let mut files = Vec::new();
        list(src, &mut Vec::new(), &mut files);
        source.modules.extend(files.iter().map(|(path, _)| (path.clone(), Module::default())));
        for (path, text) in &files {
            let tokens: TokenStream = text.parse().expect("what compiles can be taken apart");
            source.scan(tokens, path);
        }
        let tests = std::mem::take(&mut source.tests);
        source.modules.retain(|path, _| !tests.iter().any(|test| path.starts_with(test)));
        source
    }

    /// Notes what `tokens`, which stand in the module `here`, name.
    fn scan(&mut self, tokens: TokenStream, here: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(sign) if sign.as_char() == '#' && is_test(tokens.get(at)) => {
                    let item: Vec<_> = tokens[at..].iter().skip(1).collect();
                    if let [TokenTree::Ident(word), TokenTree::Ident(name), ..] = item[..]
                        && word == "mod"
                    {
                        self.tests.insert(below(here, [name.to_string()]));
                    }
                    let ends = |token: &&TokenTree| match token {
                        TokenTree::Punct(sign) => sign.as_char() == ';',
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        _ => false,
                    };
                    at += 1 + item.iter().position(ends).map_or(item.len(), |end| end + 1);
                }
                TokenTree::Ident(word) if word == "use" => {
                    let end = tokens[at..].iter().position(|token| is_sign(Some(token), ';'));
                    let tree = &tokens[at..end.map_or(tokens.len(), |end| at + end)];
                    self.read_tree(tree, &[], here);
                    at += tree.len();
                }
                TokenTree::Ident(word) if word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at), tokens.get(at + 1))
                    {
                        self.scan(body.stream(), &below(here, [name.to_string()]));
                        at += 2;
                    }
                }
                TokenTree::Ident(word) if is_root(&word.to_string()) => {
                    let mut path = vec![word.to_string()];
                    while let (true, true, Some(TokenTree::Ident(name))) =
                        (is_sign(tokens.get(at), ':'), is_sign(tokens.get(at + 1), ':'), tokens.get(at + 2))
                    {
                        path.push(name.to_string());
                        at += 3;
                    }
                    self.note(&path, None, here);
                }
                TokenTree::Group(group) => self.scan(group.stream(), here),
                _ => {}
            }
        }
    }

    /// Notes what a tree of `use` names: paths, lists in braces, and names that are given with `as`.
    fn read_tree(&mut self, tree: &[TokenTree], prefix: &[String], here: &[String]) {
        for part in tree.split(|token| is_sign(Some(token), ',')) {
            let mut path = prefix.to_vec();
            let mut called = None;
            let mut list = None;
            let mut words = part.iter();
            while let Some(token) = words.next() {
                match token {
                    TokenTree::Ident(word) if word == "as" => called = words.next().map(ToString::to_string),
                    TokenTree::Ident(word) => path.push(word.to_string()),
                    TokenTree::Group(group) => list = Some(group.stream()),
                    _ => {}
                }
            }
            match list {
                Some(list) => self.read_tree(&list.into_iter().collect::<Vec<_>>(), &path, here),
                None if path.len() > prefix.len() => {
                    // `self` at the end of a list is what the list is of.
                    if path.len() > 1 && path.last().is_some_and(|word| word == "self") {
                        path.pop();
                    }
                    let name = called.or_else(|| path.last().cloned());
                    self.note(&path, name, here);
                }
                None => {}
            }
        }
    }

    /// Notes that the module `here` names `path`, and imports it as `name`.
    fn note(&mut self, path: &[String], name: Option<String>, here: &[String]) {
        let [first, rest @ ..] = path else { return };
        let path = match first.as_str() {
            "crate" => rest.to_vec(),
            "self" => below(here, rest.iter().cloned()),
            "super" => {
                let ups = path.iter().take_while(|word| *word == "super").count();
                below(&here[..here.len().saturating_sub(ups)], path[ups..].iter().cloned())
            }
            _ if self.modules.contains_key(&below(here, [first.clone()])) => below(here, path.iter().cloned()),
            _ => return,
        };
        // Of a module inside of a file it is the file that counts.
        let file = self.module_of(here);
        let module = self.modules.get_mut(&file).expect("a module that there is");
        if let Some(name) = name {
            module.imports.insert(name, path.clone());
        }
        module.uses.push(path);
    }

    /// The module that a path is in, or is.
    fn module_of(&self, path: &[String]) -> ModulePath {
        let known = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]));
        path[..known.unwrap_or(0)].to_vec()
    }

    /// The module that the name at `path` is from, however often it is passed on.
    fn home(&self, path: &[String]) -> ModulePath {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let module = self.module_of(&path);
            let passed_on = path.get(module.len()).and_then(|name| self.modules.get(&module)?.imports.get(name));
            match passed_on {
                Some(from) if self.module_of(from) != module => path = from.clone(),
                _ => return module,
            }
        }
        self.module_of(&path)
    }

    /// The modules that use each other, with the module they are in.
    fn circles(&self) -> Vec<(ModulePath, BTreeSet<String>)> {
        let mut uses: BTreeMap<ModulePath, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
        for (from, module) in &self.modules {
            for path in &module.uses {
                let to = self.home(path);
                let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
                    uses.entry(to[..shared].to_vec()).or_default().entry(a).or_default().insert(b.clone());
                }
            }
        }
        let mut circles = Vec::new();
        for (parent, uses) in &uses {
            let reached = |from: &str| {
                let mut found: BTreeSet<String> = BTreeSet::new();
                let mut left = vec![from];
                while let Some(module) = left.pop() {
                    for next in uses.get(module).into_iter().flatten() {
                        if found.insert(next.clone()) {
                            left.push(next);
                        }
                    }
                }
                found
            };
            let all: BTreeMap<&str, BTreeSet<String>> = uses.keys().map(|module| (*module, reached(module))).collect();
            let mut seen = BTreeSet::new();
            for (module, reached) in &all {
                let back = |other: &&String| all.get(other.as_str()).is_some_and(|others| others.contains(*module));
                let circle: BTreeSet<String> = reached.iter().filter(back).cloned().collect();
                if circle.len() > 1 && seen.insert(circle.clone()) {
                    circles.push((parent.clone(), circle));
                }
            }
        }
        circles
    }
}

fn below(here: &[String], rest: impl IntoIterator<Item = String>) -> ModulePath {
    here.iter().cloned().chain(rest).collect()
}

fn is_root(word: &str) -> bool {
    matches!(word, "crate" | "super" | "self")
}

fn is_sign(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// Whether this is the `[cfg(test)]` of an attribute.
fn is_test(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.to_string().split_whitespace().collect::<String>() == "[cfg(test)]")
}

/// The Rust files below `folder`, each with the module it is.
fn list(folder: &Path, here: &mut ModulePath, files: &mut Vec<(ModulePath, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            here.push(name);
            list(&path, here, files);
            here.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_root = here.is_empty() && matches!(name.as_str(), "lib" | "main") || name == "mod";
            let module = if is_root { here.clone() } else { below(here, [name]) };
            files.push((module, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The folders of all crates, as they are named in ARCHITECTURE.md.
fn crates(metadata: &Metadata) -> impl Iterator<Item = (String, CrateModules)> {
    metadata.workspace_packages().into_iter().filter_map(|package| {
        let folder = package.manifest_path.parent()?;
        let name = folder.strip_prefix(&metadata.workspace_root).ok()?.to_string();
        let src = folder.join("src");
        src.is_dir().then(|| (name, CrateModules::read(src.as_std_path())))
    })
}

#[test]
fn modules_use_each_other_in_one_direction() {
    let metadata = {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        MetadataCommand::new()
            .manifest_path(manifest)
            .no_deps()
            .exec()
            .expect("cargo metadata runs on our own workspace")
    };
    let mut wrong = Vec::new();
    let mut modules = 0;
    for (folder, source) in crates(&metadata) {
        modules += source.modules.len();
        for (parent, circle) in source.circles() {
            let circle: Vec<String> = circle.into_iter().collect();
            wrong.push(format!("{folder} {}: {} use each other", parent.join("::"), circle.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "there are no circles of modules, and none is excepted:\n{}", wrong.join("\n"));
    assert!(modules > 300, "only {modules} modules were found");
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let circles = |files: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        CrateModules::read(folder.path()).circles()
    };
    let found = |names: [&str; 2]| vec![(ModulePath::new(), names.map(str::to_owned).into())];
    // By `use`, by a path in a function or a macro, by a list, from a child, and by a name that is passed on.
    let uses_b = ("a.rs", "use crate::b::B;");
    assert_eq!(
        circles(&[("lib.rs", "mod a; mod b;"), uses_b, ("b.rs", "fn f() { super::a::g() }")]),
        found(["a", "b"])
    );
    assert_eq!(
        circles(&[("lib.rs", ""), uses_b, ("b.rs", "fn f() { print!(\"{}\", crate::a::G) }")]),
        found(["a", "b"])
    );
    assert_eq!(
        circles(&[("lib.rs", ""), uses_b, ("b/mod.rs", ""), ("b/c.rs", "use crate::{a::{self, A}, d};")]),
        found(["a", "b"])
    );
    assert_eq!(circles(&[("lib.rs", "pub use a::{A as Z};"), uses_b, ("b.rs", "use crate::Z;")]), found(["a", "b"]));
    // Not: in tests, in comments, and where both use a third.
    let tests = "#[cfg(test)] mod tests { use crate::a::A; } // crate::a::A";
    assert_eq!(circles(&[("lib.rs", ""), uses_b, ("b.rs", tests)]), []);
    assert_eq!(
        circles(&[("lib.rs", ""), uses_b, ("b.rs", "#[cfg(test)] mod more;"), ("b/more.rs", "use crate::a::A;")]),
        []
    );
    assert_eq!(circles(&[("lib.rs", ""), uses_b, ("b.rs", "use crate::c::C;"), ("c.rs", "")]), []);
}
