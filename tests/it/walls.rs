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

/// A folder of crates, and the folders whose crates none of its own may link, directly or not.
struct Wing {
    folder: &'static str,
    never: &'static [&'static str],
    because: &'static str,
}

const WINGS: &[Wing] = &[
    Wing { folder: "triage", never: &["analyzers", "daemon"], because: "triage knows no other crate of ours" },
    Wing {
        folder: "analyzers",
        never: &[
            "daemon/artifact",
            "daemon/scanner",
            "daemon/staking",
            "daemon/transport",
            "daemon/service",
            "daemon/local-market",
        ],
        because: "a witness does not know the stakes",
    },
    Wing {
        folder: "daemon/base",
        never: &["triage", "analyzers", "daemon/artifact", "daemon/scanner", "daemon/staking", "daemon/transport"],
        because: "everybody stands on the ground, and it stands on nobody",
    },
    Wing {
        folder: "daemon/peer",
        never: &["triage", "analyzers", "daemon"],
        because: "who asks the kernel who is there brings nothing along to the process with the key",
    },
    Wing {
        folder: "daemon/config",
        never: &["triage", "analyzers", "daemon/artifact", "daemon/scanner", "daemon/staking", "daemon/transport"],
        because: "what a configuration is made of belongs to no part that has one",
    },
    Wing {
        folder: "daemon/artifact",
        never: &["triage", "analyzers", "daemon/scanner", "daemon/staking", "daemon/transport"],
        because: "bytes are opaque to whoever only keeps or carries them",
    },
    Wing {
        folder: "daemon/scanner",
        never: &["daemon/staking", "daemon/transport", "daemon/service", "daemon/local-market"],
        because: "who parses hostile bytes knows no money and no network",
    },
    Wing {
        folder: "daemon/staking",
        never: &["triage", "analyzers", "daemon/scanner", "daemon/transport", "daemon/service", "daemon/local-market"],
        because: "who stakes looks into no bytes and opens no socket",
    },
    Wing {
        folder: "daemon/staking/transactions",
        never: &[
            "daemon/config",
            "daemon/artifact",
            "daemon/staking/archive",
            "daemon/staking/journal",
            "daemon/staking/ledger",
            "daemon/staking/market",
            "daemon/staking/settlement",
        ],
        because: "who reads transactions is linked by whoever holds a key, and brings nothing along",
    },
    Wing {
        folder: "daemon/transport",
        never: &[
            "triage",
            "analyzers",
            "daemon/scanner",
            "daemon/staking/archive",
            "daemon/staking/journal",
            "daemon/staking/ledger",
            "daemon/service",
            "daemon/local-market",
        ],
        because: "who talks to the network looks into no bytes and keeps no books",
    },
    Wing {
        folder: "daemon/consumer",
        never: &["daemon/staking", "daemon/service", "daemon/local-market"],
        because: "a consumer on another host knows neither keys nor money nor the marketplace",
    },
    Wing {
        folder: "daemon/local-market",
        never: &[
            "triage",
            "analyzers",
            "daemon/artifact",
            "daemon/scanner",
            "daemon/staking/archive",
            "daemon/staking/journal",
            // It is the judge of this wire, so it must not share its mistakes.
            "daemon/transport/polyswarmd",
        ],
        because: "a marketplace knows of engines what they answer, and nothing else",
    },
];

const WALLS: &[Wall] = &[
    Wall {
        of: "triage",
        never: &["tokio*", "mio", "hyper*", "reqwest", "socket2", "rustix", "libc", "memmap2"],
        because: "triage knows no file and no network",
    },
    Wall {
        of: "analyzers*",
        never: &["tokio*", "mio", "hyper*", "reqwest", "socket2", "rustix", "memmap2", "crossbeam*"],
        because: "a witness is fuzzed and benched bare",
    },
    Wall { of: "daemon-engine", never: &["tokio*", "socket2"], because: "examining is a plain function of bytes" },
    Wall {
        of: "daemon-examiner",
        never: &["tokio*", "rusqlite"],
        because: "a worker knows no network and no memory of what was answered",
    },
    Wall {
        of: "daemon-market",
        never: &["daemon-artifact", "tokio*", "chrono", "time", "jiff"],
        because: "betting rules are testable arithmetic",
    },
    Wall {
        of: "daemon-journal",
        never: &["daemon-archive", "daemon-artifact", "rusqlite", "rustix", "tokio*"],
        because: "records and what is counted from them need no database, no file and no thread",
    },
    Wall {
        of: "daemon-ledger",
        never: &["daemon-archive", "daemon-artifact", "rusqlite", "rustix", "tokio*"],
        because: "profit and loss is arithmetic over records, wherever they are kept",
    },
    Wall {
        of: "daemon-statement",
        never: &["daemon-archive", "daemon-artifact", "rusqlite", "rustix", "tokio*"],
        because: "whoever shows a report reads nothing but the report",
    },
    Wall {
        of: "daemon-transactions",
        never: &["ethers*", "tokio*", "mio", "socket2", "rustix"],
        because: "who reads transactions holds no key, and is linked by whoever does",
    },
    Wall {
        of: "daemon-polyswarmd",
        never: &["daemon-wallet", "daemon-settlement", "daemon-backtest", "daemon-statement"],
        because: "who talks to the market of the chain has no key and keeps no books: the rules and the transactions do",
    },
    Wall {
        of: "daemon-control",
        never: &["daemon-market", "daemon-artifact", "reqwest", "rustls*", "tokio-uring"],
        because: "who lets operators in carries what they say, and knows neither bounties nor money nor the network",
    },
    Wall {
        of: "daemon-wallet",
        never: &[
            "daemon-archive",
            "daemon-artifact",
            "daemon-journal",
            "daemon-market",
            "tokio*",
            "mio",
            "hyper*",
            "reqwest",
            "rustls*",
            "native-tls",
            "rusqlite",
        ],
        because: "who holds the key knows no network, no artifact and no book but its own",
    },
    Wall { of: "stakeout", never: &["daemon-wallet", "ethers*"], because: "only stakeout-signer holds keys" },
    Wall { of: "daemon-service", never: &["daemon-wallet", "ethers*"], because: "only stakeout-signer holds keys" },
];

/// What no crate of a wing may link, whoever else brings it.
const PACKAGES: &[(&str, &[Pattern])] = &[
    ("daemon/scanner", &["hyper*", "reqwest", "rustls*", "ethers*", "rusqlite", "redis"]),
    ("daemon/staking", &["hyper*", "reqwest", "rustls*", "goblin", "yara-x*", "cfb", "zip", "redis"]),
    ("daemon/local-market", &["ethers*", "redis", "rusqlite"]),
    ("daemon/consumer", &["ethers*", "k256", "secp256k1", "eth-keystore", "alloy*", "rusqlite"]),
    ("daemon/transport", &["goblin", "yara-x*", "cfb", "zip", "ethers*", "rusqlite"]),
];

/// Packages that only one of our crates may name.
const HOMES: &[(Pattern, &[&str])] = &[
    ("ethers*", &["daemon-wallet"]),
    // A package of its own with the program stakeout-signer: nobody else links it.
    ("daemon-wallet", &[]),
    ("memmap2", &["daemon-artifact"]),
    ("tokio-uring", &["daemon-walk", "daemon-download"]),
    ("goblin", &["analyzers-pe", "analyzers-elf"]),
    ("cfb", &["analyzers-ole-macro"]),
    ("zip", &["analyzers-ole-macro"]),
    ("yara-x*", &["analyzers-yara"]),
    ("landlock", &["daemon-worker"]),
    ("seccompiler", &["daemon-worker", "daemon-wallet"]),
    ("rusqlite", &["daemon-archive"]),
    ("rhai", &["daemon-market"]),
    ("redis", &["daemon-queue"]),
    ("alloy-rlp", &["daemon-transactions"]),
    ("alloy-sol-types", &["daemon-transactions"]),
    // Its numbers are those of a chain, which the local market keeps one of.
    ("alloy-primitives", &["daemon-transactions", "daemon-local-market"]),
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
