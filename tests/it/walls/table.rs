//! Who may not link whom, and because of what.

/// A name, or the beginning of one where it ends in `*`.
pub(super) type Pattern = &'static str;

pub(super) struct Wall {
    pub(super) of: Pattern,
    pub(super) never: &'static [Pattern],
    pub(super) because: &'static str,
}

/// A folder of crates, and the folders whose crates none of its own may link, directly or not.
pub(super) struct Wing {
    pub(super) folder: &'static str,
    pub(super) never: &'static [&'static str],
    pub(super) because: &'static str,
}

pub(super) const WINGS: &[Wing] = &[
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
        folder: "daemon/transport/clamd",
        never: &[
            "daemon/staking",
            "daemon/transport/control",
            "daemon/transport/polyswarmd",
            "daemon/transport/queue",
            "daemon/transport/webhook",
        ],
        because: "who scans for mail filters knows neither bounties nor money",
    },
    Wing {
        folder: "daemon/consumer",
        never: &["daemon/staking", "daemon/service", "daemon/local-market"],
        because: "a consumer on another host knows neither keys nor money nor the marketplace",
    },
    Wing {
        folder: "daemon/scan",
        never: &[
            "daemon/staking/archive",
            "daemon/staking/journal",
            "daemon/staking/ledger",
            "daemon/staking/settlement",
            "daemon/staking/statement",
            "daemon/staking/transactions",
            "daemon/transport",
            "daemon/service",
            "daemon/consumer",
            "daemon/demo",
            "daemon/local-market",
        ],
        because: "who scans files for a person shows what would be staked, and has no engine, no books and no network",
    },
    Wing {
        folder: "daemon/demo",
        never: &["daemon/consumer", "daemon/scan", "daemon/staking/wallet"],
        because: "a demo brings a marketplace and an engine's books together, and the key stays with the signer",
    },
    Wing {
        folder: "fuzz",
        never: &["daemon/staking/wallet"],
        because: "readers of foreign bytes are checked, and none of them has the key",
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

pub(super) const WALLS: &[Wall] = &[
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
        of: "daemon-live",
        never: &["daemon-archive", "daemon-artifact", "rusqlite", "rustix", "tokio*", "hyper*"],
        because: "who shows what a running engine does is given what it shows",
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
    Wall { of: "daemon-demo", never: &["daemon-wallet", "ethers*"], because: "only stakeout-signer holds keys" },
    Wall { of: "daemon-service", never: &["daemon-wallet", "ethers*"], because: "only stakeout-signer holds keys" },
];

/// What no crate of a wing may link, whoever else brings it.
pub(super) const PACKAGES: &[(&str, &[Pattern])] = &[
    ("daemon/scanner", &["hyper*", "reqwest", "rustls*", "ethers*", "rusqlite", "redis"]),
    ("daemon/staking", &["hyper*", "reqwest", "rustls*", "goblin", "yara-x*", "cfb", "zip", "redis"]),
    ("daemon/local-market", &["ethers*", "redis", "rusqlite"]),
    ("daemon/scan", &["hyper*", "reqwest", "rustls*", "ethers*", "rusqlite", "redis"]),
    ("daemon/consumer", &["ethers*", "k256", "secp256k1", "eth-keystore", "alloy*", "rusqlite"]),
    ("daemon/transport", &["goblin", "yara-x*", "cfb", "zip", "ethers*", "rusqlite"]),
];

/// Packages that only one of our crates may name.
pub(super) const HOMES: &[(Pattern, &[&str])] = &[
    ("ethers*", &["daemon-wallet"]),
    // A package of its own with the program stakeout-signer: nobody else links it.
    ("daemon-wallet", &[]),
    ("memmap2", &["daemon-artifact"]),
    ("tokio-uring", &["daemon-walk", "daemon-download"]),
    ("goblin", &["analyzers-pe", "analyzers-elf"]),
    ("cfb", &["analyzers-ole-macro"]),
    ("zip", &["analyzers-ole-macro"]),
    ("sevenz-rust2", &["analyzers-archive"]),
    ("lzma-rust2", &["analyzers-archive", "analyzers-packed"]),
    ("lzxd", &["analyzers-archive"]),
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
pub(super) const OPAQUE: &[&str] = &["yara-x"];

/// Crates that may write `unsafe`, each block with its reasons.
pub(super) const UNSAFE: &[&str] = &["daemon-artifact", "daemon-peer", "daemon-worker", "daemon-wallet"];
