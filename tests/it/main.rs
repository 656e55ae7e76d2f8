//! Everything that must hold across crates.

#![allow(clippy::print_stderr, reason = "a test says what it saw")]
#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

/// Which libraries touch the bytes of strangers.
mod dependencies;
/// Modules beside each other use each other in one direction.
mod module_circles;
/// The program alone takes the features that everything together takes.
mod one_build;
/// A type's name tells it from others.
mod type_names;
/// Who may depend on whom, and who may write `unsafe`.
mod walls;

/// Commit, reveal, settle: on a chain, by a daemon that is killed at every moment.
mod assertion_kills;
/// Strategies, weights and rules tried on what was decided.
mod backtest;
/// clamd's protocol, alone and beside bounties.
mod clamd;
/// The program as its users run it: commands, output forms, exit codes.
mod command_line;
/// Who may tell a daemon what, and how it takes what changes around it.
mod control;
/// Weights and models judged by labelled files, and fitted to them.
mod corpus;
/// The daemon: bounties in, answers out, and nothing lost in between.
mod daemon;
/// A running daemon, for tests.
mod engine;
/// A chain in a directory, which survives whoever uses it.
mod file_chain;
/// The whole report on every sample.
mod goldens;
/// Files that want to hang, crash or grow us.
mod hostile;
/// Documents, packages and rules that want to.
mod hostile_documents;
/// The daemon as a library, in this process.
mod in_process;
/// Installers by Inno Setup.
mod installers;
/// Daemons and workers killed at every moment.
mod kills;
/// The live page, and what else tells its numbers.
mod live;
/// The marketplace on loopback, and the demo.
mod macros;
mod market;
/// Models beside the rules.
mod models;
/// One outcome is counted once; what is wrong is refused or corrected; limits hold without being asked for.
mod money;
/// Documents as attackers send them, and as offices use them.
mod office;
/// Details of old bounties go.
mod old;
/// The daemon and what it runs on.
mod operations;
/// Workers killed from outside.
mod outside;
/// Starts the program.
mod program;
/// What is staked, what closes the purse, and what the marketplace tells of settled bounties.
mod purse;
/// New rules while the old ones judge.
mod reload;
/// Profit and loss, as they are told.
mod report;
/// YARA rules: checked, listed, tested, timed and kept compiled.
mod rules;
/// The daemon sees what a scan sees.
mod same_evidence;
/// Same bytes, rules and limits: same report.
mod same_report;
/// A second set beside the live one.
mod shadow;
/// A transport that is no webhook: a directory of files.
mod spool;
/// Programs packed by UPX.
mod unpacked;
/// Files that should be called malicious, and files that should not.
mod verdicts;
/// The wall around the examination: what it holds, and that it changes no report.
mod wall;
/// The key's keeper, as its users run it.
mod wallet;
/// What operators watch.
mod watched;
