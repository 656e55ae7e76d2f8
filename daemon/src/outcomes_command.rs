//! `stakeout outcomes`: takes in how bounties were settled.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use daemon_journal::JournalError;
use daemon_market::Nct;
use daemon_service::settlements::inbox::Inbox;
use daemon_service::settlements::{Direct, ImportSummary};
use daemon_service::{clock, control_client};
use daemon_settlement::{SettlementFormat, SettlementLine, read};
use serde_json::json;

use crate::cli::{OutcomesArgs, OutcomesCommand, OutcomesCorrectArgs, OutcomesForm, OutcomesImportArgs};
use crate::exit::Exit;
use crate::owner::become_owner_of;
use crate::terminal::format::{count, counted, safe, shown};
use crate::{archive_command, config_command};

/// Does what was asked.
pub fn outcomes(args: &OutcomesArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        OutcomesCommand::Import(args) => import(args, out),
        OutcomesCommand::Correct(args) => correct(args, out),
    }
}

fn correct(args: &OutcomesCorrectArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config_command::load(args.place.config.path.as_deref())?;
    let directory = archive_command::directory(&args.place)?;
    // As a line, so that there is one place that knows what a line means.
    let text = json!({
        "bounty": args.bounty,
        "phase": args.phase,
        "truth": args.truth,
        "payout": args.payout,
        "fee": args.fee,
        "correction_reason": args.reason,
    });
    let read = read(&mut text.to_string().as_bytes(), SettlementFormat::Ndjson, "a correction")?;
    let lines = read.map_err(|mistakes| {
        let told: Vec<&str> = mistakes.iter().map(|mistake| mistake.why.as_str()).collect();
        anyhow::anyhow!("nothing is corrected: {}", told.join("; "))
    })?;
    let recipient = Recipient { socket: control_client::socket(&config, &directory), directory };
    let told = recipient.tell("correction", &lines, config.market.assertion_fee, args.patience)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &told)?;
        writeln!(out)?;
    } else if told.corrected > 0 {
        writeln!(
            out,
            "corrected; what was told first is kept beside it (`stakeout explain --bounty {}`). A purse that losses \
             closed stays closed until `stakeout purse resume`",
            safe(&args.bounty)
        )?;
    }
    if told.unasked > 0 {
        bail!("the journal has no bounty {}: `stakeout archive query` shows which it has", safe(&args.bounty));
    }
    if let Some(why) = told.reasons.first() {
        bail!("nothing is corrected: {}", safe(why));
    }
    if told.known > 0 && !args.json {
        writeln!(out, "that is what is known: there is nothing to correct")?;
    }
    if told.failed + told.pending > 0 {
        bail!("it could not be written down: the daemon's log says why; it is tried again");
    }
    Ok(Exit::Clean)
}

fn import(args: &OutcomesImportArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config_command::load(args.place.config.path.as_deref())?;
    let directory = archive_command::directory(&args.place)?;
    let recipient = Recipient { socket: control_client::socket(&config, &directory), directory };
    let mut told = ImportSummary::default();
    // All files are read before any is taken in.
    let mut files = Vec::new();
    for file in &args.files {
        files.push((file, lines(file, args.form)?));
    }
    for (file, lines) in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let became = recipient.tell(&name, &lines, config.market.assertion_fee, args.patience);
        told = told.and(became.with_context(|| format!("cannot take in {}", shown(file)))?);
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &told)?;
        writeln!(out)?;
    } else {
        writeln!(
            out,
            "{} read: {} new, {} known, {} at odds with what is known, {} that cannot be, {} not asked here, {} not ended \
             yet, {} failed",
            counted(told.lines, "line"),
            count(told.fresh),
            count(told.known),
            count(told.conflicting),
            count(told.refused),
            count(told.unasked),
            count(told.pending),
            count(told.failed),
        )?;
        for why in &told.reasons {
            writeln!(out, "not taken in: {}", safe(why))?;
        }
        if told.conflicting > 0 {
            writeln!(out, "what is known stays: `stakeout outcomes correct` corrects it, where it is wrong")?;
        }
        if told.pending > 0 {
            writeln!(
                out,
                "a daemon that is running takes in what is told of bounties that have not ended once they have"
            )?;
        }
    }
    Ok(match (told.failed + told.refused, told.conflicting) {
        (0, 0) => Exit::Clean,
        (0, _) => Exit::Found,
        (_, _) => Exit::Error,
    })
}

/// The lines of one file; every line that means nothing is told, and then none is taken.
fn lines(file: &Path, form: OutcomesForm) -> anyhow::Result<Vec<SettlementLine>> {
    let csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let form = match form {
        OutcomesForm::Auto if csv => SettlementFormat::Csv,
        OutcomesForm::Auto | OutcomesForm::Ndjson => SettlementFormat::Ndjson,
        OutcomesForm::Csv => SettlementFormat::Csv,
    };
    let place = || format!("cannot read {}", shown(file));
    let source = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = if file == Path::new("-") {
        read(&mut std::io::stdin().lock(), form, "standard input")
    } else {
        read(&mut File::open(file).with_context(place)?, form, &source)
    };
    match read.with_context(place)? {
        Ok(lines) if lines.iter().any(|line| line.correction.is_some()) => {
            bail!("{} corrects what was told: a person does that, by `stakeout outcomes correct`", shown(file))
        }
        Ok(lines) => Ok(lines),
        Err(mistakes) => {
            let told: String = mistakes.iter().map(|mistake| format!("\n{}:{mistake}", shown(file))).collect();
            bail!("nothing is taken in, for some lines mean nothing:{told}")
        }
    }
}

/// Who is told something: the daemon of an archive while it runs, else the archive itself.
pub struct Recipient {
    /// The archive.
    pub directory: PathBuf,
    /// Where the daemon listens while it runs.
    pub socket: PathBuf,
}

impl Recipient {
    /// Tells the daemon where it runs, else its journal.
    pub fn tell(
        &self,
        name: &str,
        lines: &[SettlementLine],
        fee: Nct,
        patience: Duration,
    ) -> anyhow::Result<ImportSummary> {
        if let Some(told) = control_client::tell(&self.socket, name, lines, patience)? {
            return Ok(told);
        }
        // Nobody listens. From here on files are made, which must be the owner's.
        become_owner_of(&self.directory)?;
        match Direct::open(&self.directory, fee) {
            Ok(mut direct) => Ok(direct.tell(lines, clock::passed(&self.directory))?),
            // One runs without a control socket.
            Err(JournalError::Locked { .. }) => {
                let text: String = lines.iter().map(|line| line.to_json() + "\n").collect();
                let safe: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
                let receipt = Inbox::of(&self.directory)?.put(&safe, &text)?;
                let receipt = Inbox::wait(&receipt, patience)?;
                match receipt.error {
                    None => Ok(receipt.told),
                    Some(why) => bail!("the daemon does not take it: {why}"),
                }
            }
            Err(error) => Err(error).with_context(|| format!("cannot use the archive in {}", shown(&self.directory))),
        }
    }
}
