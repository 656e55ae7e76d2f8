//! `stakeout explain`: explains one file, with every step from its bytes to the stake.

mod bounty;
mod excerpt;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use analyzers::{Evidence, Indicator, LayerId, Testimony, Verdict, Weights};
use anyhow::Context;
use clap::{Args, ValueHint};
use daemon_artifact::{Artifact, LoadError, Scratch};
use daemon_engine::{Policy, Report, RuleSet};
use daemon_market::{BidBounds, Conviction};
use daemon_pool::{Examined, Failure, LookOptions, Looked, Watchdog};
use daemon_report::{Subject, layer_name, would_bid};

use crate::cli::args::{ArchivePlace, BidArgs, LimitArgs, RulesArgs, WallArgs};
use crate::cli::input::Input;
use crate::cli::stake::{StakedRecord, stake};
use crate::cli::{paths, rules_options};
use crate::exit::Exit;
use crate::terminal::format::{HEADING, count, percent, shown, verdict_style};
use excerpt::excerpt;

/// Arguments of `explain`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout explain suspicious.exe
  stakeout explain --min-bid 0.0625 --max-bid 1 suspicious.exe
  stakeout explain --bounty 1234567890123 --config /etc/stakeout.toml")]
pub struct ExplainArgs {
    /// File to explain. `-` is standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "bounty")]
    pub file: Option<PathBuf>,
    /// Explain the answer to the bounty with this id, and why it was bid on or not.
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub bounty: Option<String>,
    #[command(flatten)]
    pub archive: ArchivePlace,
    #[command(flatten)]
    pub rules: RulesArgs,
    #[command(flatten)]
    pub bid: BidArgs,
    #[command(flatten)]
    pub wall: WallArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Print the JSON object that `scan --ndjson` prints for this file. With --bounty, print the archived report.
    #[arg(long)]
    pub json: bool,
}

/// Runs `stakeout explain`.
pub fn explain(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match (&args.bounty, &args.file) {
        (Some(id), _) => bounty::explain(id, args, out),
        (None, Some(path)) => explain_file(path, args, out),
        (None, None) => anyhow::bail!("give FILE, or a bounty with --bounty"),
    }
}

fn explain_file(path: &Path, args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let detector = rules_options::load(&args.rules.options())?;
    let bounds = crate::cli::args::bounds(&args.bid)?;
    let input = Input::open(path, args.limits.max_size)?;
    let cannot_read = || format!("cannot read {}", shown(path));
    let file = input.file.try_clone().with_context(cannot_read)?;
    let examiners = rules_options::examiners(detector, &args.wall, args.limits.limits(), Policy::default())?;
    let rules = Arc::clone(examiners.set());
    let watchdog = Watchdog::start().context("cannot start the watchdog thread")?;
    let outcome = examiners
        .examiner(&watchdog)
        .examine(file, LookOptions { sha256: true, path: paths::called(path), ..LookOptions::default() });
    let looked = match outcome {
        Ok(looked) => looked,
        Err(Failure::Load(LoadError::TooLarge { size_bytes, .. })) => {
            let (kind, size) = input.too_large(size_bytes);
            Looked { examined: Examined::too_large(kind, &rules), sha256: None, size }
        }
        Err(error) => return Err(error).with_context(cannot_read),
    };
    // Excerpts are shown from a look of our own at the bytes; without them there is still all the rest.
    let mut scratch = Scratch::default();
    let artifact = daemon_artifact::load(input.file, &mut scratch, args.limits.max_size)
        .unwrap_or_else(|_| Artifact::from_slice(&[]));
    let Looked { examined, sha256, size } = looked;
    let subject = Subject { path, sha256, size };
    if args.json {
        let record = StakedRecord::new(&subject, &examined, rules.weights(), bounds);
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        Explanation { artifact: &artifact, examined: &examined, rules: &rules, bounds }.write(&subject, out)?;
    }
    Ok(Exit::of(examined.report.opinion.verdict, !examined.report.incomplete.is_empty()))
}

struct Explanation<'e> {
    artifact: &'e Artifact<'e>,
    examined: &'e Examined,
    rules: &'e RuleSet,
    bounds: BidBounds,
}

impl Explanation<'_> {
    fn report(&self) -> &Report {
        &self.examined.report
    }

    fn write(&self, subject: &Subject<'_>, out: &mut dyn Write) -> std::io::Result<()> {
        self.head(subject, out)?;
        for testimony in &self.report().opinion.testimonies {
            self.testimony(testimony, out)?;
        }
        self.conclusion(out)
    }

    fn head(&self, subject: &Subject<'_>, out: &mut dyn Write) -> std::io::Result<()> {
        let report = self.report();
        writeln!(out, "{HEADING}{}{HEADING:#}", shown(subject.path))?;
        writeln!(out, "  kind     {}", report.kind)?;
        if let Some(size) = subject.size {
            writeln!(out, "  size     {} bytes", count(size))?;
        }
        if let Some(digest) = subject.sha256 {
            writeln!(out, "  sha256   {digest}")?;
        }
        writeln!(out, "  rules    generation {}", report.rules_generation)?;
        writeln!(out, "  time     {} us", count(u64::try_from(self.examined.elapsed.as_micros()).unwrap_or(u64::MAX)))?;
        if !report.was_judged() && report.incomplete.is_empty() {
            writeln!(out, "\nNo analyzer supports this file type, so there is no evidence.")?;
        }
        for why in &report.incomplete {
            writeln!(out, "\nNot fully scanned: {why}. Such a file never gets the verdict benign.")?;
        }
        Ok(())
    }

    fn testimony(&self, testimony: &Testimony, out: &mut dyn Write) -> std::io::Result<()> {
        let weights = self.rules.weights();
        let report = self.report();
        let layer = layer_name(report, testimony.subject);
        let what = if layer.is_empty() { "the file itself" } else { layer };
        let Some(subject) = report.layers.get(testimony.subject.index()) else { return Ok(()) };
        writeln!(out, "\n{HEADING}Evidence in {what} ({}){HEADING:#}", subject.kind)?;
        let mut terms: Vec<_> = testimony.terms.iter().collect();
        terms.sort_by(|a, b| b.weight.0.total_cmp(&a.weight.0));
        for term in terms {
            let group = term.group.and_then(|index| weights.groups.get(index)).map_or("", |group| group.name.as_str());
            let indicator = self.rules.indicator(&term.indicator);
            writeln!(out, "{:>+7.2}  {:<40} {group}", term.weight.0, term.indicator)?;
            if let Some(indicator) = indicator {
                writeln!(out, "         {}", meaning(indicator))?;
            }
            for seen in report.evidence.iter().filter(|seen| {
                seen.indicator == term.indicator
                    && report.layers.get(seen.layer.index()).is_some_and(|layer| layer.subject == testimony.subject)
            }) {
                self.sighting(seen, out)?;
            }
        }
        if testimony.terms.is_empty() {
            writeln!(out, "         no indicators")?;
        }
        sums(testimony, weights, subject.kind.family(), out)
    }

    fn sighting(&self, seen: &Evidence, out: &mut dyn Write) -> std::io::Result<()> {
        let layer = layer_name(self.report(), seen.layer);
        let place =
            if seen.span.is_empty() { String::new() } else { format!("{:#x}..{:#x}", seen.span.start, seen.span.end) };
        let at = if layer.is_empty() && place.is_empty() { "" } else { "at " };
        let parts = [layer, place.as_str(), seen.detail.as_str()];
        let line: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if !line.is_empty() {
            writeln!(out, "         {at}{}", line.join("  "))?;
        }
        // Spans are in the bytes of their layer; only those of the artifact itself are at hand here.
        if seen.layer == LayerId::ARTIFACT {
            excerpt(self.artifact.bytes(), &seen.span, out)?;
        }
        Ok(())
    }

    fn conclusion(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let report = self.report();
        let opinion = &report.opinion;
        let style = verdict_style(opinion.verdict);
        let thresholds = self.rules.weights().thresholds;
        writeln!(out)?;
        write!(out, "{style}{}{style:#}", opinion.verdict)?;
        if let Some(family) = &report.malware_family {
            write!(out, " ({family})")?;
        }
        match opinion.verdict {
            Verdict::Unknown => writeln!(out, ": p(malicious) is {}", percent(opinion.p_malicious))?,
            Verdict::Malicious | Verdict::Suspicious | Verdict::Benign => writeln!(
                out,
                ": p(malicious) is {}, so the confidence in the verdict is {}",
                percent(opinion.p_malicious),
                percent(opinion.confidence.get())
            )?,
        }
        let family = opinion.deciding().and_then(|testimony| report.layers.get(testimony.subject.index()));
        let family = family.map_or(report.kind.family(), |layer| layer.kind.family());
        writeln!(
            out,
            "  thresholds: malicious from {}, suspicious from {}, benign up to {} (and up to {} without exonerating evidence), else unknown",
            percent(thresholds.malicious),
            percent(thresholds.suspicious),
            percent(self.rules.weights().calibration(family).benign),
            percent(thresholds.benign_without_calm),
        )?;
        let accuses = |seen: &&Evidence| self.rules.weights().accuses(&seen.indicator);
        if let Some(seen) = report.evidence.iter().find(accuses).filter(|_| opinion.verdict == Verdict::Unknown) {
            writeln!(out, "  {} names malware: such a file never gets the verdict benign", seen.indicator)?;
        }
        let BidBounds { min, max } = self.bounds;
        if !would_bid(report) {
            return writeln!(
                out,
                "  stake 0 NCT: only complete reports with the verdict malicious or benign are bid on"
            );
        }
        let conviction = Conviction::from_probability(opinion.confidence.get());
        let stake = stake(report, self.bounds);
        writeln!(out, "  stake {stake} NCT of {min} to {max} NCT, at a conviction of {:.3}", conviction.get())
    }
}

fn meaning(indicator: &Indicator) -> String {
    let attack = indicator.attack.as_deref().map(|technique| format!(" ATT&CK {technique}.")).unwrap_or_default();
    format!("{}{attack} Source: {}.", indicator.meaning, indicator.source)
}

/// Prints the sum of weights, the effect of group caps, and the resulting probability.
fn sums(testimony: &Testimony, weights: &Weights, family: triage::Family, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "  ------")?;
    for sum in testimony.groups.iter().filter(|sum| sum.plain != sum.held) {
        let group = weights.groups.get(sum.group).map_or("", |group| group.name.as_str());
        let (plain, held) = (sum.plain.0, sum.held.0);
        writeln!(out, "{:>+7.2}  {group} group cap: {plain:+.2} limited to {held:+.2}", held - plain)?;
    }
    writeln!(out, "{:>+7.2}  sum", testimony.sum.0)?;
    let calibration = weights.calibration(family);
    let prior =
        if weights.prior_shift == 0.0 { String::new() } else { format!(" {:+.2} (prior)", weights.prior_shift) };
    writeln!(
        out,
        "{:>+7.2}  log-odds: {:+.2} (base of family {}) + {:.2} x sum{prior}",
        testimony.log_odds.0,
        calibration.intercept,
        family.name(),
        calibration.slope,
    )?;
    writeln!(
        out,
        "         p(malicious) {} (limited to {} to {})",
        percent(testimony.p_malicious),
        percent(calibration.floor),
        percent(calibration.ceiling)
    )?;
    if testimony.p_without_calm > testimony.p_malicious {
        writeln!(out, "         {} without exonerating evidence", percent(testimony.p_without_calm))?;
    }
    Ok(())
}
