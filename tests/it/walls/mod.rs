//! The edges that must never appear between crates (ARCHITECTURE.md, "Walls"), read from `cargo metadata`.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use table::{HOMES, OPAQUE, PACKAGES, Pattern, UNSAFE, WALLS, WINGS};

fn matches(name: &str, pattern: Pattern) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// Which packages each package depends on when it is built for use, directly.
fn graph(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let names: BTreeMap<_, _> =
        metadata.packages.iter().map(|package| (&package.id, package.name.to_string())).collect();
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves unless asked not to");
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in &resolve.nodes {
        let used =
            |dep: &&cargo_metadata::NodeDep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
        // Two versions of one package share a name, and so an entry here.
        let edges = graph.entry(names[&node.id].clone()).or_default();
        edges.extend(node.deps.iter().filter(used).map(|dep| names[&dep.pkg].clone()));
    }
    graph
}

/// Everything `package` links, directly or not.
fn reach<'g>(graph: &'g BTreeMap<String, BTreeSet<String>>, package: &str) -> BTreeSet<&'g str> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&str> = vec![package];
    while let Some(name) = waiting.pop() {
        if OPAQUE.contains(&name) {
            continue;
        }
        for next in graph.get(name).into_iter().flatten() {
            if seen.insert(next.as_str()) {
                waiting.push(next);
            }
        }
    }
    seen
}

/// `ours`: our crates by name, and the folder that each is in.
fn breaches(graph: &BTreeMap<String, BTreeSet<String>>, ours: &BTreeMap<String, String>) -> Vec<String> {
    let mut breaches = Vec::new();
    let is_in = |package: &str, folder: &str| {
        ours.get(package)
            .is_some_and(|path| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    for wing in WINGS {
        for package in ours.keys().filter(|package| is_in(package, wing.folder)) {
            for linked in reach(graph, package) {
                if wing.never.iter().any(|never| is_in(linked, never)) {
                    breaches.push(format!("{package} links {linked}: {}", wing.because));
                }
            }
        }
    }
    for (folder, never) in PACKAGES {
        for package in ours.keys().filter(|package| is_in(package, folder)) {
            for linked in reach(graph, package) {
                if never.iter().any(|never| matches(linked, never)) {
                    breaches.push(format!("{package} links {linked}, which nothing below {folder} may"));
                }
            }
        }
    }
    for wall in WALLS {
        for package in ours.keys().filter(|name| matches(name, wall.of)) {
            for linked in reach(graph, package) {
                if wall.never.iter().any(|never| matches(linked, never)) {
                    breaches.push(format!("{package} links {linked}: {}", wall.because));
                }
            }
        }
    }
    for analyzer in ours.keys().filter(|name| name.starts_with("analyzers-")) {
        for linked in reach(graph, analyzer) {
            if linked.starts_with("analyzers-") {
                breaches.push(format!("{analyzer} links {linked}: analyzers do not know each other"));
            }
        }
    }
    for (guest, homes) in HOMES {
        for package in ours.keys().filter(|name| !homes.contains(&name.as_str())) {
            for named in graph.get(package).into_iter().flatten().filter(|named| matches(named, guest)) {
                breaches.push(format!("{package} names {named}, whose home is {homes:?}"));
            }
        }
    }
    breaches
}

fn workspace() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).exec().expect("cargo metadata runs on our own workspace")
}

/// Our crates by name, and the folder that each is in. Tests and benches may link what they like.
fn our_crates(metadata: &Metadata) -> BTreeMap<String, String> {
    let root = metadata.workspace_root.as_str();
    let crates = metadata.workspace_packages().into_iter().map(|package| {
        let folder = package.manifest_path.parent().expect("a manifest is in a folder").as_str();
        let folder = folder.strip_prefix(root).expect("members are below the root").trim_start_matches('/');
        (package.name.to_string(), folder.to_owned())
    });
    crates.filter(|(_, folder)| !folder.starts_with("tests") && folder != "benches").collect()
}

#[test]
fn forbidden_edges_do_not_appear() {
    let metadata = workspace();
    let breaches = breaches(&graph(&metadata), &our_crates(&metadata));
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn every_folder_of_the_walls_is_there() {
    let ours = our_crates(&workspace());
    let folders = WINGS.iter().flat_map(|wing| wing.never.iter().chain([&wing.folder]));
    for folder in folders.chain(PACKAGES.iter().map(|(folder, _)| folder)) {
        assert!(ours.values().any(|path| path.starts_with(folder)), "no crate is in {folder}");
    }
    // Everything of ours is in some wing, but for what brings all of them together.
    for (name, path) in &ours {
        let is_walled = WINGS.iter().any(|wing| path.starts_with(wing.folder));
        assert!(is_walled || ["daemon", "daemon/service"].contains(&path.as_str()), "{name} is in no wing: {path}");
    }
}

#[test]
fn an_edge_through_a_third_crate_is_seen() {
    let edges = [
        ("analyzers-pe", "helper"),
        ("helper", "tokio"),
        ("daemon-queue", "ethers-core"),
        ("analyzers-elf", "analyzers-pe"),
        ("daemon-pool", "helper"),
        ("helper", "daemon-market"),
        ("daemon-market", "reqwest"),
        ("daemon-wallet", "ethers-core"),
        ("daemon-wallet", "tokio"),
        ("stakeout", "daemon-wallet"),
    ];
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from.to_owned()).or_default().insert(to.to_owned());
    }
    let ours = [
        ("analyzers-pe", "analyzers/pe"),
        ("analyzers-elf", "analyzers/elf"),
        ("daemon-queue", "daemon/transport/queue"),
        ("daemon-pool", "daemon/scanner/pool"),
        ("daemon-market", "daemon/staking/market"),
        ("daemon-wallet", "daemon/staking/wallet"),
        ("stakeout", "daemon"),
    ];
    let ours = ours.into_iter().map(|(name, folder)| (name.to_owned(), folder.to_owned())).collect();
    let seen = breaches(&graph, &ours).join("\n");
    for expected in [
        "analyzers-pe links tokio: ",
        "daemon-queue names ethers-core",
        "analyzers-elf links analyzers-pe: ",
        "daemon-pool links daemon-market: who parses hostile bytes knows no money",
        "daemon-market links reqwest, which nothing below daemon/staking may",
        "daemon-wallet links tokio: who holds the key",
        "stakeout links ethers-core: only stakeout-signer holds keys",
        "stakeout names daemon-wallet",
    ] {
        assert!(seen.contains(expected), "{expected}:\n{seen}");
    }
}

#[test]
fn unsafe_code_is_forbidden_where_it_is_not_allowed() {
    let metadata = workspace();
    for package in metadata.workspace_packages() {
        if UNSAFE.contains(&package.name.as_str()) {
            continue;
        }
        for target in package.targets.iter().filter(|target| target.is_lib() || target.is_bin()) {
            let source = std::fs::read_to_string(&target.src_path).expect("cargo knows its own sources");
            assert!(source.contains("#![forbid(unsafe_code)]"), "{} does not forbid unsafe code", target.src_path);
        }
    }
}
