//! The explanation of a report, in text: every step from the evidence to the verdict.

use std::io::Write;

use analyzers::{Evidence, Indicator, LayerId, ModelTestimony, Testimony, Verdict, Weights};
use anstyle::{AnsiColor, Style};
use daemon_base::format::{count, percent};
use daemon_base::text::path as shown;
use daemon_engine::{Report, RuleSet};
use daemon_pool::Examined;

use crate::excerpt::excerpt;
use crate::{Subject, layer_name};

/// Style of headings. anstream removes it if the output is not a terminal.
const HEADING: Style = Style::new().bold();

/// Style of a verdict. anstream removes it if the output is not a terminal.
pub fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Malicious => AnsiColor::Red.on_default().bold(),
        Verdict::Suspicious => AnsiColor::Yellow.on_default().bold(),
        Verdict::Benign => AnsiColor::Green.on_default(),
        Verdict::Unknown => AnsiColor::Cyan.on_default(),
    }
}

/// What is explained.
pub struct Explanation<'e> {
    /// Bytes of the file, for excerpts; may be empty.
    pub bytes: &'e [u8],
    /// Its examination.
    pub examined: &'e Examined,
    /// The rules and weights that it was examined with.
    pub rules: &'e RuleSet,
}

impl Explanation<'_> {
    fn report(&self) -> &Report {
        &self.examined.report
    }

    /// Writes the explanation for people.
    ///
    /// # Errors
    ///
    /// `out` cannot be written.
    pub fn write(&self, subject: &Subject<'_>, out: &mut dyn Write) -> std::io::Result<()> {
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
        self.hosts(out)?;
        if !report.was_judged() && report.incomplete.is_empty() {
            writeln!(out, "\nNo analyzer supports this file type, so there is no evidence.")?;
        }
        for why in &report.incomplete {
            writeln!(out, "\nNot fully scanned: {why}. Such a file never gets the verdict benign.")?;
        }
        Ok(())
    }

    /// The hosts that it names: no evidence, but what people look for.
    fn hosts(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let hosts = &self.report().hosts;
        let more = if hosts.has_more() { ", and more" } else { "" };
        if !hosts.domains().is_empty() {
            writeln!(out, "  domains  {}{more}", hosts.domains().join(", "))?;
        }
        if !hosts.ip_addresses().is_empty() {
            let addresses: Vec<String> = hosts.ip_addresses().iter().map(ToString::to_string).collect();
            writeln!(out, "  ips      {}{more}", addresses.join(", "))?;
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
        if let Some(model) = &testimony.model {
            moved(model, out)?;
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
            excerpt(self.bytes, &seen.span, out)?;
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
        Ok(())
    }
}

fn meaning(indicator: &Indicator) -> String {
    let attack = indicator.attack.as_deref().map(|technique| format!(" ATT&CK {technique}.")).unwrap_or_default();
    format!("{}{attack} Source: {}.", indicator.meaning, indicator.source)
}

/// Measures and groups of measures that are shown.
const MOVED_MAX: usize = 12;
const GROUPS_MAX: usize = 6;

/// What moved the model most.
fn moved(model: &ModelTestimony, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "\n{HEADING}What the model says{HEADING:#}")?;
    let groups: Vec<String> =
        model.groups().iter().take(GROUPS_MAX).map(|(group, by)| format!("{group} {by:+.2}")).collect();
    writeln!(out, "{:>+7.2}  by all measures: {}", model.margin, groups.join(", "))?;
    for moved in model.moved.iter().take(MOVED_MAX) {
        let value = format!("{} ({})", moved.value, moved.measure.unit.name());
        writeln!(out, "{:>+7.2}  {:<34} {value:<24} {}", moved.by, moved.measure.name, moved.measure.meaning)?;
    }
    Ok(())
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
    let joined = testimony.model.as_ref().and_then(|model| Some((model.margin, weights.model(family)?.join())));
    let (base, slope, floor, ceiling) = match joined {
        Some((_, join)) => (join.intercept, join.indicators, join.floor, join.ceiling),
        None => (calibration.intercept, calibration.slope, calibration.floor, calibration.ceiling),
    };
    let model = joined.map(|(margin, join)| format!(" + {:.2} x {margin:+.2} (model)", join.model)).unwrap_or_default();
    writeln!(
        out,
        "{:>+7.2}  log-odds: {base:+.2} (base of family {}) + {slope:.2} x sum{model}{prior}",
        testimony.log_odds.0,
        family.name(),
    )?;
    writeln!(
        out,
        "         p(malicious) {} (limited to {} to {})",
        percent(testimony.p_malicious),
        percent(floor),
        percent(ceiling)
    )?;
    if joined.is_some() {
        writeln!(out, "         {} by the indicators alone", percent(testimony.p_by_indicators))?;
    }
    if testimony.p_without_calm > testimony.p_malicious {
        writeln!(out, "         {} without exonerating evidence", percent(testimony.p_without_calm))?;
    }
    Ok(())
}
