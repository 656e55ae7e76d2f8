//! `stakeout archive compact`: deletes the details of old bounties and shrinks the archive file.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use daemon_archive::Sqlite;
use daemon_base::duration;
use daemon_journal::Journal;
use daemon_service::old;
use serde::Serialize;

use crate::cli::args::ArchivePlace;
use crate::cli::config;
use crate::exit::Exit;
use crate::terminal::format::{bytes, counted, shown};

/// Arguments of `archive compact`.
#[derive(Args, Debug)]
#[command(
    after_help = "The daemon must not run. A running daemon deletes old details by itself (archive.details_age_max) and \
    reuses their space, but does not shrink the file. This command needs temporary disk space as large as the \
    archive."
)]
pub(crate) struct ArchiveCompactArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Delete the details of bounties older than TIME, for example 90d. 0s deletes none. Default:
    /// archive.details_age_max.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub older_than: Option<std::time::Duration>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// JSON output of `archive compact`.
#[derive(Serialize)]
struct CompactedRecord {
    bounties: u64,
    bytes_before: u64,
    bytes_after: u64,
}

/// Runs `stakeout archive compact`.
pub(super) fn compact(args: &ArchiveCompactArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let directory = super::directory(&args.place)?;
    let age_max = match args.older_than {
        Some(age) => age,
        None => config::load(args.place.config.path.as_deref())?.archive.details_age_max,
    };
    // Opening makes what is missing: then there would be an empty archive at the wrong place.
    if !directory.join(daemon_archive::FILE_NAME).exists() {
        anyhow::bail!("there is no archive in {}", shown(&directory));
    }
    let place = || format!("cannot compact the archive in {}", shown(&directory));
    let mut journal = Sqlite::open(&directory).with_context(place)?;
    let bounties = let_go(&mut journal, age_max).with_context(place)?;
    let (before, after) = journal.compact().with_context(place)?;
    if args.json {
        serde_json::to_writer_pretty(
            &mut *out,
            &CompactedRecord { bounties, bytes_before: before, bytes_after: after },
        )?;
        writeln!(out)?;
    } else {
        writeln!(
            out,
            "deleted the details of {}; the journal had {} and has {}",
            counted(bounties, "bounty"),
            bytes(before),
            bytes(after)
        )?;
    }
    Ok(Exit::Clean)
}

/// Deletes the details of bounties older than `age_max`, or none if it is zero. Returns the number of bounties.
fn let_go(journal: &mut Sqlite, age_max: Duration) -> Result<u64, daemon_journal::JournalError> {
    let mut bounties = 0;
    if age_max.is_zero() {
        return Ok(bounties);
    }
    let order = old::order(age_max);
    loop {
        let gone = journal.let_go(&order)?;
        bounties += gone.bounties;
        if !gone.more {
            return Ok(bounties);
        }
    }
}
