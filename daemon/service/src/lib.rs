//! The running daemon as a library: a configuration is read, a [`daemon`](daemon::run) is built of it and runs.
//!
//! One edge thread waits for everything that comes over the network and drives the lives of bounties; the pool's
//! threads drive the workers; the journal, the artifact store and the rules have a thread each. What holds between them:
//! a bounty is written down before it is taken, an answer before it is sent, and what is written down is done after a
//! restart just as it would have been without.
//!
//! Besides the daemon itself there is what the command line shares with it: the [configuration](config), how its parts
//! are [built](build), [settlements] on their way into the journal, [checks](doctor) of the machine,
//! [scanning stored artifacts again](rescan), and [talking](control_client) to a daemon that runs.
//!
//! ```
//! use daemon_service::config;
//!
//! let (config, mistakes) = config::read("[scan]\nworkers = 2\n[admin]\nlistne = \"127.0.0.1:9000\"\n");
//! assert_eq!(config.scan.workers().get(), 2);
//! assert_eq!(mistakes[0].to_string(), "4:1: unknown key admin.listne; did you mean `listen`?");
//! assert!(config::check(&config).is_empty());
//! ```

#![forbid(unsafe_code)]

mod admin;
pub mod build;
mod clamd;
pub mod clock;
pub mod config;
mod control;
pub mod control_client;
pub mod daemon;
pub mod dialects;
pub mod doctor;
mod edge;
mod engine;
mod examination;
mod fetch_url_artifact;
pub mod given;
mod health;
mod inbox_reader;
pub mod live;
pub mod logs;
pub mod memory;
pub mod metrics;
mod notify;
pub mod old;
pub mod open_files;
mod owner;
pub mod polyswarmd;
mod process;
pub mod purse_record;
mod reception;
pub mod recipient;
mod reload;
pub mod rescan;
mod scan_backends;
pub mod secrets;
pub mod settled_corpus;
pub mod settlements;
mod shadow;
mod shadow_config;
mod small_file;
pub mod small_pages;
mod sockets;
mod streak;
pub mod transport;
pub mod verdict_mapping;
mod webhook;
