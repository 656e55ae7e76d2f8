//! `stakeout explain --bounty`: shows a bounty, its answer, and why it was bid on or not.

use std::io::Write;

use anyhow::{Context, bail};
use daemon_journal::{Filter, Recall};
use daemon_market::BountyId;
use daemon_statement::write_story;

use crate::cli::archive;
use crate::cli::explain::ExplainArgs;
use crate::exit::Exit;
use crate::terminal::format::shown;

/// Maximum number of records shown: one per phase of a bounty, and some more.
const STORIES_MAX: usize = 16;

/// Explains the answer to the bounty with this id.
pub(super) fn explain(id: &str, args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let directory = archive::directory(&args.archive)?;
    let journal = archive::open(&directory)?;
    let filter = Filter { id: Some(BountyId::new(id)), ..Filter::default() };
    let stories = journal.query(&filter, STORIES_MAX).context("cannot read the archive")?;
    if stories.is_empty() {
        bail!("the archive in {} has no bounty {id}: `stakeout archive query` lists its bounties", shown(&directory));
    }
    for story in &stories {
        if args.json {
            let report = story.answer.as_ref().map_or("null", |answer| answer.report.as_str());
            writeln!(out, "{}", if report.is_empty() { "null" } else { report })?;
        } else {
            let bounty = daemon_service::dialects::recorded_bounty(&story.bounty);
            write_story(story, bounty.as_ref(), out)?;
        }
    }
    Ok(Exit::Clean)
}
