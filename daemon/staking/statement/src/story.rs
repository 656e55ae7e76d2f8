//! The story of a bounty: what was asked, what was answered and why, whether there was a bid, and how it was settled.

use std::io::Write;

use anstyle::Style;
use daemon_base::Sha256Digest;
use daemon_base::format::{count, percent};
use daemon_base::text::escaped as safe;
use daemon_journal::{Answered, Ending, Settled, Stepped, Story};
use daemon_market::{Bet, Bounty, Nct, Phase, StepKind, Timestamp, Verdict};
use serde_json::Value;

use crate::format::moment;

/// Style of headings. anstream removes it if the output is not a terminal.
const HEADING: Style = Style::new().bold();

/// Writes the story of a bounty for people. `bounty` is the bounty as it was received, if it can still be read.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_story(story: &Story, bounty: Option<&Bounty>, out: &mut dyn Write) -> std::io::Result<()> {
    let taken = &story.bounty;
    writeln!(out, "{HEADING}bounty {}{HEADING:#}", safe(&taken.key.to_string()))?;
    writeln!(out, "  received {} UTC, delivery {:?}", moment(taken.received), taken.delivery)?;
    let life = taken.received.until(taken.expires);
    writeln!(out, "  expires  {} UTC, {} s later", moment(taken.expires), life.as_secs())?;
    if let Some(bounty) = bounty {
        asked(bounty, out)?;
    }
    if taken.wire.is_empty() {
        writeln!(out, "  details  deleted: the bounty is older than archive.details_age_max")?;
    }
    match &story.answer {
        None => writeln!(out, "\nNot answered yet.")?,
        Some(answer) => answered(answer, taken.received, bounty, out)?,
    }
    match &story.ending {
        None => writeln!(out, "\nOpen: the answer is not delivered yet.")?,
        Some(ended) => {
            let how = match ended.how {
                Ending::Sent { status } => format!("answer delivered (status {status})"),
                Ending::Refused { status: 0 } => "answer not deliverable".to_owned(),
                Ending::Refused { status } => format!("answer rejected by the marketplace (status {status})"),
                Ending::Expired => "expired".to_owned(),
                Ending::Withheld => "answer withheld".to_owned(),
            };
            let attempts =
                if ended.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", ended.attempts) };
            let detail = if ended.detail.is_empty() { String::new() } else { format!(": {}", safe(&ended.detail)) };
            writeln!(out, "\n{} UTC, after {attempts}: {how}{detail}", moment(ended.at))?;
        }
    }
    if let Some(shadow) = &story.shadow {
        let (generation, verdict) = (safe(&shadow.generation), shadow.verdict.name());
        write!(out, "\n{} UTC: shadow set {generation} says {verdict}", moment(shadow.at))?;
        let confidence = percent(shadow.confidence);
        let of_several = if shadow.artifacts == 1 { "" } else { " of the first artifact" };
        writeln!(out, "{of_several}, confidence {confidence}; nothing is staked on it")?;
    }
    on_chain(story, out)?;
    if let Some(told) = &story.settled {
        settled(told, story, out)?;
    }
    writeln!(out)
}

/// What became of the assertion on the chain: committed, revealed, settled, each with its transaction.
fn on_chain(story: &Story, out: &mut dyn Write) -> std::io::Result<()> {
    for Stepped { at, step, .. } in &story.steps {
        let what = match step.kind {
            StepKind::Pledged => "about to commit to the verdicts: the stake is held",
            StepKind::Asserted => "committed: the assertion is on the chain",
            StepKind::Revealed => "revealed",
            StepKind::Missed => "reveal missed: the stake is lost",
            StepKind::Settling => "about to settle",
            StepKind::Settled => "settled on the chain",
            StepKind::Abandoned => "given up: the stake counts as lost",
            StepKind::Void => "the chain never had it: nothing was staked",
        };
        write!(out, "\n{} UTC: {what}", moment(*at))?;
        if let Some(index) = step.index {
            write!(out, ", number {index} of the bounty")?;
        }
        if let Some(payout) = step.payout {
            write!(out, ", {payout} NCT paid out")?;
        }
        if !step.place.transaction.is_empty() {
            write!(out, ", transaction {}", safe(&step.place.transaction))?;
        }
        if let Some(block) = step.place.block {
            write!(out, ", block {block}")?;
        }
        if !step.detail.is_empty() {
            write!(out, ": {}", safe(&step.detail))?;
        }
    }
    if !story.steps.is_empty() {
        writeln!(out)?;
    }
    if story.is_assertion_open() {
        writeln!(out, "The assertion is not settled yet: its stake is held.")?;
    }
    Ok(())
}

fn asked(bounty: &Bounty, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "  artifact {}", safe(&bounty.artifact_uri))?;
    writeln!(out, "  bids     from {} to {} NCT", bounty.bounds.min, bounty.bounds.max)?;
    if let Some(reward) = bounty.reward {
        writeln!(out, "  reward   {reward} NCT")?;
    }
    if let Some(terms) = &bounty.on_chain {
        let expiration = terms.expiration.map_or_else(String::new, |block| format!(", expires with block {block}"));
        writeln!(out, "  artifacts {}{expiration}; an assertion costs {} NCT", bounty.artifacts(), terms.fee)?;
    }
    for (key, value) in &bounty.metadata {
        writeln!(out, "  metadata {} = {}", safe(key), safe(&value.to_string()))?;
    }
    Ok(())
}

fn answered(
    answer: &Answered,
    received: Timestamp,
    bounty: Option<&Bounty>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let took = received.until(answer.at);
    writeln!(
        out,
        "\n{HEADING}{} with {}{HEADING:#}, {} ms after receipt",
        answer.verdict.name(),
        percent(answer.confidence),
        took.as_millis()
    )?;
    if !answer.kind.is_empty() {
        let size = answer.size.map_or_else(String::new, |size| format!(", {} bytes", count(size)));
        writeln!(out, "  kind     {}{size}", safe(&answer.kind))?;
    }
    if let Some(sha256) = &answer.sha256 {
        writeln!(out, "  sha256   {}", Sha256Digest(*sha256))?;
    }
    if !answer.generation.is_empty() {
        writeln!(out, "  rules    generation {}", safe(&answer.generation))?;
    }
    evidence(&answer.report, out)?;
    artifacts(&answer.report, out)?;
    for comment in &answer.comments {
        writeln!(out, "  comment  {}", safe(comment))?;
    }
    writeln!(out, "  {}", why(answer, bounty))
}

/// Why there was a bid or not.
fn why(answer: &Answered, bounty: Option<&Bounty>) -> String {
    let Some(bet) = Bet::from_json(&answer.bet) else { return why_not_decided(answer, bounty) };
    let asked = format!(
        "{} with {} is a conviction of {:.3}; {} of {} to {} NCT",
        bet.verdict.name(),
        percent(bet.q),
        bet.conviction,
        safe(&bet.strategy),
        bet.min,
        bet.max
    );
    let modified =
        if bet.q == bet.confidence { String::new() } else { format!(" ({} before filters)", percent(bet.confidence)) };
    match bet.why_not {
        Some(why) => format!("no bid: {}{modified} ({asked})", safe(&why)),
        None if answer.bid < bet.wanted => {
            format!("bid {} NCT, limited by the purse; wanted {}{modified} ({asked})", answer.bid, bet.wanted)
        }
        None => format!("bid {} NCT{modified} ({asked})", answer.bid),
    }
}

/// Why there was no bid, if no decision was recorded.
fn why_not_decided(answer: &Answered, bounty: Option<&Bounty>) -> String {
    let phase = bounty.map(|bounty| bounty.key.phase);
    let because = match answer.verdict {
        _ if phase == Some(Phase::Arbitration) => "votes have no stake",
        _ if answer.bid > Nct::ZERO => return format!("bid {} NCT on several artifacts", answer.bid),
        _ if answer.comments.iter().any(|comment| comment.starts_with("SKIPPED")) => "it was not scanned",
        Verdict::Suspicious => "it is suspicious, but not sure enough to stake on",
        Verdict::Unknown => "the evidence is not conclusive",
        Verdict::Malicious | Verdict::Benign => "the stake is zero",
    };
    format!("no bid: {because}")
}

/// Writes what an assertion says of each of several artifacts.
fn artifacts(report: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let Ok(report) = serde_json::from_str::<Value>(report) else { return Ok(()) };
    for (number, artifact) in report["artifacts"].as_array().into_iter().flatten().enumerate() {
        let text = |name: &str| safe(artifact[name].as_str().unwrap_or_default());
        let bid = artifact["bid"].as_str().map_or_else(|| "left out".to_owned(), |bid| format!("{} NCT", safe(bid)));
        writeln!(
            out,
            "  artifact {number:<4} {:<10} {bid:<14} {:<12} {}",
            text("verdict"),
            text("kind"),
            text("sha256")
        )?;
    }
    Ok(())
}

/// Prints the settlement and the profit.
fn settled(settled: &Settled, story: &Story, out: &mut dyn Write) -> std::io::Result<()> {
    let outcome = &settled.outcome;
    let truth = outcome.truth.map_or("ground truth unknown", |truth| truth.name());
    write!(out, "\n{} UTC: settled, {truth}", moment(settled.at))?;
    if let Some(payout) = outcome.payout {
        write!(out, "; {payout} NCT paid out")?;
    }
    let staked = story.staked();
    if let Some(answer) = story.answer.as_ref().filter(|_| staked > Nct::ZERO) {
        let fee = Bet::from_json(&answer.bet).map_or(Nct::ZERO, |bet| bet.fee);
        match outcome.profit(answer.verdict, staked, fee) {
            Some(profit) => write!(out, "; profit {profit} NCT, including fees")?,
            None => write!(out, "; profit unknown")?,
        }
    }
    writeln!(out, " (source: {})", safe(&outcome.source))?;
    let Some((corrected, first)) = &story.corrected else { return Ok(()) };
    let amount =
        |amount: Option<Nct>| amount.map_or_else(|| "payout unknown".to_owned(), |nct| format!("{nct} NCT paid out"));
    writeln!(
        out,
        "{} UTC: corrected; first record: {}, {}; reason: {}",
        moment(corrected.at),
        first.truth.map_or("ground truth unknown", |truth| truth.name()),
        amount(first.payout),
        safe(&corrected.correction.reason)
    )
}

fn evidence(report: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let Ok(report) = serde_json::from_str::<Value>(report) else { return Ok(()) };
    if let Some(why) = report["why"].as_str() {
        writeln!(out, "  why      {}", safe(why))?;
    }
    for seen in report["evidence"].as_array().into_iter().flatten() {
        let weight = seen["weight"].as_f64().unwrap_or_default();
        let text = |name: &str| seen[name].as_str().unwrap_or_default();
        let place = [text("layer"), text("detail")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        writeln!(out, "{weight:>+10.2}  {:<40} {}", safe(text("id")), safe(&place.join("  ")))?;
    }
    Ok(())
}
