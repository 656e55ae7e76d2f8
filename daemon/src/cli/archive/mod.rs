//! `stakeout archive`: verifies, queries and compacts the archive of bounties and answers.

use clap::{Args, Subcommand};

use crate::cli::archive::compact::ArchiveCompactArgs;

mod compact;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use daemon_archive::JournalReader;
use daemon_base::Sha256Digest;
use daemon_journal::{BountyStatus, Filter, Recall, Shadowed, Stepped, Story};
use daemon_market::{AssertionStep, BountyId, Verdict};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::args::ArchivePlace;
use crate::cli::config;
use crate::exit::Exit;
use crate::terminal::format::{HEADING, count, counted, moment, nct, shown};

/// Arguments of `archive`.
#[derive(Args, Debug)]
pub(crate) struct ArchiveArgs {
    /// The command to run.
    #[command(subcommand)]
    pub command: ArchiveCommand,
}

/// Subcommands of `archive`.
#[derive(Subcommand, Debug)]
pub(crate) enum ArchiveCommand {
    /// Verify that no record was changed or is missing.
    Verify(ArchiveVerifyArgs),
    /// List bounties and their answers, the latest first.
    Query(ArchiveQueryArgs),
    /// Delete the details of old bounties and shrink the archive file.
    Compact(ArchiveCompactArgs),
}

/// Arguments of `archive verify`.
#[derive(Args, Debug)]
#[command(after_help = "Exit codes: 0 the archive is intact, 1 it is damaged, 2 it could not be checked.")]
pub(crate) struct ArchiveVerifyArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `archive query`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout archive query --verdict malicious --limit 20
  stakeout archive query --ending pending --json
  stakeout archive query --sha256 275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f")]
pub(crate) struct ArchiveQueryArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Filter by bounty id.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Filter by verdict.
    #[arg(long, value_name = "VERDICT", value_parser = ["malicious", "benign", "suspicious", "unknown"])]
    pub verdict: Option<String>,
    /// Filter by delivery status of the answer.
    #[arg(long, value_name = "ENDING", value_parser = ["pending", "sent", "refused", "expired", "withheld"])]
    pub ending: Option<String>,
    /// Filter by SHA-256 of the artifact.
    #[arg(long, value_name = "DIGEST")]
    pub sha256: Option<Sha256Digest>,
    /// Filter by text in the kind, the comments or the evidence.
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Maximum number of rows.
    #[arg(long, short = 'n', value_name = "N", default_value = "50")]
    pub limit: usize,
    /// Print one JSON object per line.
    #[arg(long)]
    pub json: bool,
}

/// Runs `stakeout archive`.
pub(crate) fn archive(command: &ArchiveCommand, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match command {
        ArchiveCommand::Verify(args) => verify(args, out),
        ArchiveCommand::Query(args) => query(args, out),
        ArchiveCommand::Compact(args) => compact::compact(args, out),
    }
}

/// Returns the directory of the archive.
pub(crate) fn directory(place: &ArchivePlace) -> anyhow::Result<PathBuf> {
    match &place.directory {
        Some(directory) => Ok(directory.clone()),
        None => Ok(config::load(place.config.path.as_deref())?.archive.directory),
    }
}

/// Opens the journal in `directory` for reading. A daemon may write to it at the same time.
pub(crate) fn open(directory: &std::path::Path) -> anyhow::Result<JournalReader> {
    if let Err(error) = directory.symlink_metadata()
        && error.kind() == std::io::ErrorKind::NotFound
    {
        bail!(
            "there is no archive at {}: use --archive DIR, or --config FILE with archive.directory",
            shown(directory)
        );
    }
    JournalReader::open(directory).with_context(|| format!("cannot read the archive in {}", shown(directory)))
}

/// JSON output of `archive verify`.
#[derive(Serialize)]
struct VerifiedRecord {
    sound: bool,
    bounties: u64,
    answers: u64,
    endings: u64,
    outcomes: u64,
    corrections: u64,
    steps: u64,
    shadows: u64,
    notes: u64,
    checkpoints: u64,
    head: String,
    damage: Option<String>,
}

fn verify(args: &ArchiveVerifyArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let directory = directory(&args.place)?;
    let journal = open(&directory)?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let verified = journal.verify(&mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let verified = verified.context("cannot check the archive")?;
    let head: String = verified.head.iter().map(|byte| format!("{byte:02x}")).collect();
    let damage = verified.damage.as_ref().map(ToString::to_string);
    if args.json {
        let record = VerifiedRecord {
            sound: damage.is_none(),
            bounties: verified.bounties,
            answers: verified.answers,
            endings: verified.endings,
            outcomes: verified.outcomes,
            corrections: verified.corrections,
            steps: verified.steps,
            shadows: verified.shadows,
            notes: verified.notes,
            checkpoints: verified.checkpoints,
            head,
            damage: damage.clone(),
        };
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        writeln!(
            out,
            "intact: {}, {}, {}, {}{}{}{} and {} of the purse; the last link is {head}",
            counted(verified.bounties, "bounty"),
            counted(verified.answers, "answer"),
            counted(verified.endings, "ending"),
            counted(verified.outcomes, "outcome"),
            corrections(verified.corrections),
            steps(verified.steps),
            shadows(verified.shadows),
            counted(verified.notes, "note"),
        )?;
        if let Some(damage) = &damage {
            writeln!(
                out,
                "{damage}; the records after it were not checked: restore a backup, and keep this archive as evidence"
            )?;
        }
    }
    Ok(if damage.is_none() { Exit::Clean } else { Exit::Found })
}

fn corrections(number: u64) -> String {
    if number == 0 { String::new() } else { format!(", {}", counted(number, "correction")) }
}

fn steps(number: u64) -> String {
    if number == 0 { String::new() } else { format!(", {} of assertions", counted(number, "step")) }
}

fn shadows(number: u64) -> String {
    if number == 0 { String::new() } else { format!(", {} of shadow sets", counted(number, "opinion")) }
}

/// JSON output of `archive query`: one bounty and its answer.
#[derive(Serialize)]
struct StoryRecord<'s> {
    id: &'s str,
    phase: &'s str,
    received: i64,
    expires: i64,
    verdict: Option<&'s str>,
    confidence: Option<f64>,
    bid: Option<String>,
    kind: Option<&'s str>,
    sha256: Option<String>,
    size: Option<u64>,
    generation: Option<&'s str>,
    comments: &'s [String],
    answered: Option<i64>,
    ending: &'s str,
    status: Option<u16>,
    attempts: Option<u32>,
    ended: Option<i64>,
    detail: Option<&'s str>,
    steps: Vec<StepRecord<'s>>,
    shadow: Option<ShadowRecord<'s>>,
}

/// JSON output of `archive query`: what a shadow set says of the first artifact.
#[derive(Serialize)]
struct ShadowRecord<'s> {
    at: i64,
    verdict: &'static str,
    confidence: f64,
    generation: &'s str,
    artifacts: u32,
}

impl ShadowRecord<'_> {
    fn of(shadowed: &Shadowed) -> ShadowRecord<'_> {
        ShadowRecord {
            at: shadowed.at.micros(),
            verdict: shadowed.verdict.name(),
            confidence: shadowed.confidence,
            generation: &shadowed.generation,
            artifacts: shadowed.artifacts,
        }
    }
}

/// JSON output of `archive query`: a step of an assertion on the chain.
#[derive(Serialize)]
struct StepRecord<'s> {
    step: &'static str,
    at: i64,
    index: Option<u64>,
    transaction: &'s str,
    block: Option<u64>,
    payout: Option<String>,
    detail: &'s str,
}

impl StepRecord<'_> {
    fn of(stepped: &Stepped) -> StepRecord<'_> {
        let AssertionStep { kind, index, place, payout, detail } = &stepped.step;
        StepRecord {
            step: kind.name(),
            at: stepped.at.micros(),
            index: *index,
            transaction: &place.transaction,
            block: place.block,
            payout: payout.map(|payout| payout.base_units().to_string()),
            detail,
        }
    }
}

/// Returns the delivery status of a bounty's answer.
pub(crate) fn ending(story: &Story) -> BountyStatus {
    story.ending.as_ref().map_or(BountyStatus::Pending, |ended| ended.how.outcome())
}

fn record(story: &Story) -> StoryRecord<'_> {
    let answer = story.answer.as_ref();
    let ended = story.ending.as_ref();
    StoryRecord {
        id: story.bounty.key.id.as_str(),
        phase: story.bounty.key.phase.name(),
        received: story.bounty.received.micros(),
        expires: story.bounty.expires.micros(),
        verdict: answer.map(|answer| answer.verdict.name()),
        confidence: answer.map(|answer| answer.confidence),
        bid: answer.map(|answer| answer.bid.base_units().to_string()),
        kind: answer.map(|answer| answer.kind.as_str()),
        sha256: answer.and_then(|answer| answer.sha256).map(|digest| Sha256Digest(digest).to_string()),
        size: answer.and_then(|answer| answer.size),
        generation: answer.map(|answer| answer.generation.as_str()),
        comments: answer.map_or(&[], |answer| &answer.comments),
        answered: answer.map(|answer| answer.at.micros()),
        ending: ending(story).name(),
        status: ended.and_then(|ended| ended.how.status()),
        attempts: ended.map(|ended| ended.attempts),
        ended: ended.map(|ended| ended.at.micros()),
        detail: ended.map(|ended| ended.detail.as_str()),
        steps: story.steps.iter().map(StepRecord::of).collect(),
        shadow: story.shadow.as_ref().map(ShadowRecord::of),
    }
}

fn query(args: &ArchiveQueryArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let journal = open(&directory(&args.place)?)?;
    let filter = Filter {
        verdict: args.verdict.as_deref().and_then(Verdict::named),
        outcome: args.ending.as_deref().and_then(BountyStatus::named),
        sha256: args.sha256.map(|Sha256Digest(digest)| digest),
        id: args.id.as_deref().map(BountyId::new),
        text: args.text.clone(),
        ..Filter::default()
    };
    let stories = journal.query(&filter, args.limit).context("cannot read the archive")?;
    if args.json {
        for story in &stories {
            serde_json::to_writer(&mut *out, &record(story))?;
            writeln!(out)?;
        }
        return Ok(Exit::Clean);
    }
    writeln!(
        out,
        "{HEADING}{:<19}  {:<10} {:>8} {:>10}  {:<14} {:<9} bounty{HEADING:#}",
        "received (UTC)", "verdict", "conf.", "bid NCT", "kind", "ending"
    )?;
    for story in &stories {
        let answer = story.answer.as_ref();
        writeln!(
            out,
            "{:<19}  {:<10} {:>8} {:>10}  {:<14} {:<9} {}",
            moment(story.bounty.received),
            answer.map_or("-", |answer| answer.verdict.name()),
            answer.map_or_else(|| "-".to_owned(), |answer| format!("{:.3}", answer.confidence)),
            answer.map_or_else(|| "-".to_owned(), |answer| nct(answer.bid)),
            answer.map_or("-", |answer| answer.kind.as_str()),
            ending(story).name(),
            story.bounty.key,
        )?;
    }
    let counts = journal.counts().context("cannot read the archive")?;
    writeln!(
        out,
        "{} of {} shown; total: {} pending, {} sent, {} refused, {} expired, {} withheld",
        count(stories.len() as u64),
        count(counts.bounties),
        count(counts.pending),
        count(counts.sent),
        count(counts.refused),
        count(counts.expired),
        count(counts.withheld),
    )?;
    Ok(Exit::Clean)
}
