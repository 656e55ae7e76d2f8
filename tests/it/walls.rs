//! The edges that must never appear between crates (ARCHITECTURE.md, "Walls"), read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// A name, or the beginning of one where it ends in `*`.
type Pattern = &'static str;

struct Wall {
    of: Pattern,
    never: &'static [Pattern],
    because: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        of: "triage",
        never: &["analyzers*", "daemon*", "tokio*", "mio", "hyper*", "reqwest", "socket2", "rustix", "libc", "memmap2"],
        because: "triage knows no other crate, no file and no network",
    },
    Wall {
        of: "analyzers*",
        never: &["daemon*", "tokio*", "mio", "hyper*", "reqwest", "socket2", "rustix", "memmap2", "crossbeam*"],
        because: "a witness does not know the stakes, and is fuzzed and benched bare",
    },
    Wall {
        of: "daemon-engine",
        never: &["daemon-market", "daemon-wallet", "daemon-archive", "tokio*", "hyper*", "reqwest", "socket2"],
        because: "who parses hostile bytes cannot stake",
    },
    Wall {
        of: "daemon-examiner",
        never: &[
            "daemon-market",
            "daemon-archive",
            "daemon-webhook",
            "daemon-intake",
            "tokio*",
            "hyper*",
            "reqwest",
            "rusqlite",
        ],
        because: "a worker knows no network, no money and no memory",
    },
    Wall {
        of: "daemon-webhook",
        never: &["daemon-engine", "daemon-artifact", "daemon-archive", "daemon-pool", "analyzers*"],
        because: "who talks to the network does not look into artifacts",
    },
    Wall {
        of: "daemon-market",
        never: &[
            "daemon-engine",
            "daemon-artifact",
            "daemon-wallet",
            "daemon-archive",
            "tokio*",
            "hyper*",
            "reqwest",
            "rusqlite",
            "redis",
            "chrono",
            "time",
            "jiff",
        ],
        because: "betting rules are testable arithmetic",
    },
    Wall {
        of: "daemon-control",
        never: &["triage", "analyzers*", "daemon*", "reqwest", "rustls*", "rusqlite", "tokio-uring"],
        because: "who lets operators in carries what they say, and knows neither bounties nor money nor the network",
    },
    Wall {
        of: "daemon-local-market",
        never: &["daemon-engine", "daemon-artifact", "daemon-archive", "daemon-pool", "analyzers*", "rusqlite"],
        because: "a marketplace knows of engines what they answer, and nothing else",
    },
];

/// Packages that only one of our crates may name.
const HOMES: &[(Pattern, &[&str])] = &[
    ("ethers*", &["daemon-wallet"]),
    ("memmap2", &["daemon-artifact"]),
    ("tokio-uring", &["daemon-intake"]),
    ("goblin", &["analyzers-pe", "analyzers-elf"]),
    ("cfb", &["analyzers-ole-macro"]),
    ("zip", &["analyzers-ole-macro"]),
    ("yara-x*", &["analyzers-yara"]),
    ("landlock", &["daemon-worker"]),
    ("seccompiler", &["daemon-worker"]),
    ("rusqlite", &["daemon-archive"]),
    ("rhai", &["daemon-market"]),
];

/// Libraries that bring more than we use: yara-x can map files and carries a WASM engine, but `analyzers-yara` gives it
/// slices. What they link themselves is not held against who links them.
const OPAQUE: &[&str] = &["yara-x"];

/// Crates that may write `unsafe`, each block with its reasons.
const UNSAFE: &[&str] = &["daemon-artifact", "daemon-worker", "daemon-wallet"];

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

fn breaches(graph: &BTreeMap<String, BTreeSet<String>>, ours: &[String]) -> Vec<String> {
    let mut breaches = Vec::new();
    for wall in WALLS {
        for package in ours.iter().filter(|name| matches(name, wall.of)) {
            for linked in reach(graph, package) {
                if wall.never.iter().any(|never| matches(linked, never)) {
                    breaches.push(format!("{package} links {linked}: {}", wall.because));
                }
            }
        }
    }
    for analyzer in ours.iter().filter(|name| name.starts_with("analyzers-")) {
        for linked in reach(graph, analyzer) {
            if linked.starts_with("analyzers-") {
                breaches.push(format!("{analyzer} links {linked}: analyzers do not know each other"));
            }
        }
    }
    for (guest, homes) in HOMES {
        for package in ours.iter().filter(|name| !homes.contains(&name.as_str())) {
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

fn our_names(metadata: &Metadata) -> Vec<String> {
    // Tests and benches may link what they like.
    let names = metadata.workspace_packages().into_iter().map(|package| package.name.to_string());
    names.filter(|name| !name.starts_with("testkit") && name != "benches").collect()
}

#[test]
fn forbidden_edges_do_not_appear() {
    let metadata = workspace();
    let breaches = breaches(&graph(&metadata), &our_names(&metadata));
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn an_edge_through_a_third_crate_is_seen() {
    let edges = [
        ("analyzers-pe", "helper"),
        ("helper", "tokio"),
        ("daemon-queue", "ethers-core"),
        ("analyzers-elf", "analyzers-pe"),
    ];
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from.to_owned()).or_default().insert(to.to_owned());
    }
    let ours = ["analyzers-pe", "daemon-queue", "analyzers-elf"].map(str::to_owned);
    let seen = breaches(&graph, &ours).join("\n");
    for expected in ["analyzers-pe links tokio", "daemon-queue names ethers-core", "analyzers-elf links analyzers-pe"] {
        assert!(seen.contains(expected), "{seen}");
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
