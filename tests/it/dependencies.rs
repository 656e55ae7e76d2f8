//! docs/dependencies.md names every library that workers link and every library that our wires name, and no other, so that none
//! joins those who touch the bytes of strangers unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId, TargetKind};

/// What the machine that runs packages is.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// The package of the program that sees the inside of artifacts.
const WORKER: &str = "daemon-examiner";
/// The folders of the crates that read from the network.
const WIRES: &[&str] = &["daemon/transport/", "daemon/peer/"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The packages of the workspace and below, and what each links.
struct Linked {
    metadata: Metadata,
    links: BTreeMap<PackageId, Vec<PackageId>>,
}

impl Linked {
    fn of_workspace() -> Linked {
        let mut command = MetadataCommand::new();
        command
            .manifest_path(root().join("Cargo.toml"))
            .other_options(["--filter-platform".to_owned(), PLATFORM.to_owned()]);
        let metadata = command.exec().expect("cargo metadata runs on our own workspace");
        let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves unless asked not to");
        let linked = |node: &cargo_metadata::Node| {
            let normal =
                node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            normal.map(|dep| dep.pkg.clone()).collect()
        };
        let links = resolve.nodes.iter().map(|node| (node.id.clone(), linked(node))).collect();
        Linked { metadata, links }
    }

    /// What is linked into a program: not what the compiler runs.
    fn linked_by(&self, package: &PackageId) -> impl Iterator<Item = &Package> {
        let packages = self.links[package].iter().map(|id| &self.metadata[id]);
        packages.filter(|package| !package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro)))
    }

    /// The names of all libraries that are not ours below a package.
    fn libraries_below(&self, name: &str) -> BTreeSet<String> {
        let ours = self.metadata.workspace_packages();
        let mut waiting = vec![ours.iter().find(|package| package.name == name).expect("it is ours").id.clone()];
        let (mut seen, mut libraries) = (BTreeSet::new(), BTreeSet::new());
        while let Some(id) = waiting.pop() {
            for package in self.linked_by(&id).filter(|package| seen.insert(package.id.clone())) {
                waiting.push(package.id.clone());
                if package.source.is_some() {
                    libraries.insert(package.name.to_string());
                }
            }
        }
        libraries
    }

    /// The libraries that the crates in some folders name.
    fn libraries_named_in(&self, folders: &[&str]) -> BTreeSet<String> {
        let ours = self.metadata.workspace_packages();
        let here = ours.into_iter().filter(|package| {
            let path =
                package.manifest_path.strip_prefix(&self.metadata.workspace_root).expect("members are below the root");
            folders.iter().any(|folder| path.as_str().starts_with(folder))
        });
        let named = here.flat_map(|package| self.linked_by(&package.id));
        named.filter(|package| package.source.is_some()).map(|package| package.name.to_string()).collect()
    }
}

/// The names in the first column of the tables of a section, each of which must be there once.
fn told(document: &str, section: &str) -> BTreeSet<String> {
    let from = document.split_once(&format!("\n## {section}\n")).expect("the document has this section").1;
    let section = from.split("\n## ").next().unwrap_or(from);
    let mut names = BTreeSet::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() > 1 && !cells[1].is_empty(), "it is not told what these touch: {row}");
        for name in cells[0].split(", ") {
            let name = name.trim_matches('`').to_owned();
            assert!(names.insert(name.clone()), "{name} is told of twice");
        }
    }
    names
}

#[track_caller]
fn same(linked: &BTreeSet<String>, told: &BTreeSet<String>) {
    let (unseen, gone): (Vec<_>, Vec<_>) = (linked.difference(told).collect(), told.difference(linked).collect());
    assert!(
        unseen.is_empty(),
        "linked, and not in docs/dependencies.md: {unseen:?}. What bytes do they touch, and what contains them?"
    );
    assert!(gone.is_empty(), "in docs/dependencies.md, and not linked any more: {gone:?}");
}

#[test]
fn every_library_on_the_way_of_hostile_bytes_is_told_of() {
    let document = std::fs::read_to_string(root().join("docs/dependencies.md")).expect("the document is there");
    let linked = Linked::of_workspace();
    let worker = linked.libraries_below(WORKER);
    assert!(worker.len() > 100, "only {} libraries are below {WORKER}", worker.len());
    same(&worker, &told(&document, "Workers"));
    same(&linked.libraries_named_in(WIRES), &told(&document, "The daemon and its network"));
}
