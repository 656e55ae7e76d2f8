//! `stakeout indicators`: lists the indicators of the code and their weights, or the measures that models weigh.

use std::io::Write;

use analyzers::MeasureSet;
use clap::Args;
use daemon_engine::MEASURE_SETS;
use serde::Serialize;

use crate::cli::args::RulesArgs;
use crate::cli::rules_options;
use crate::exit::Exit;
use crate::terminal::format::{HEADING, counted};

/// Arguments of `indicators`.
#[derive(Args, Debug)]
pub(crate) struct IndicatorsArgs {
    #[command(flatten)]
    pub rules: RulesArgs,
    /// List only indicators whose id begins with PREFIX, for example `pe.`.
    #[arg(value_name = "PREFIX", default_value = "")]
    pub prefix: String,
    /// List the measures that models weigh instead, those whose name begins with PREFIX.
    #[arg(long)]
    pub measures: bool,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct MeasureRecord {
    name: &'static str,
    family: &'static str,
    unit: &'static str,
    meaning: &'static str,
    source: &'static str,
}

#[derive(Serialize)]
struct IndicatorRecord<'i> {
    id: &'i str,
    weight: f64,
    group: Option<&'i str>,
    attack: Option<&'i str>,
    family: Option<&'i str>,
    meaning: &'i str,
    source: &'i str,
}

/// Runs `stakeout indicators`.
pub(crate) fn indicators(args: &IndicatorsArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    if args.measures {
        return measures(args, out);
    }
    let rules = rules_options::load(&args.rules.options())?.rules()?;
    let weights = rules.weights();
    let records: Vec<IndicatorRecord<'_>> = rules
        .indicators()
        .filter(|indicator| indicator.id.as_str().starts_with(&args.prefix))
        .map(|indicator| {
            let weight = weights.of(&indicator.id);
            IndicatorRecord {
                id: indicator.id.as_str(),
                weight: weight.log_odds.0,
                group: weight.group.and_then(|index| weights.groups.get(index)).map(|group| group.name.as_str()),
                attack: indicator.attack.as_deref(),
                family: indicator.malware_family.as_deref(),
                meaning: &indicator.meaning,
                source: &indicator.source,
            }
        })
        .collect();
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &records)?;
        writeln!(out)?;
        return Ok(Exit::Clean);
    }
    writeln!(
        out,
        "{HEADING}{:<40} {:>6}  {:<16} {:<10} MEANING (SOURCE){HEADING:#}",
        "INDICATOR", "WEIGHT", "GROUP", "ATT&CK"
    )?;
    for record in &records {
        writeln!(
            out,
            "{:<40} {:>+6.2}  {:<16} {:<10} {} ({})",
            record.id,
            record.weight,
            record.group.unwrap_or("-"),
            record.attack.unwrap_or("-"),
            record.meaning,
            record.source
        )?;
    }
    writeln!(out, "{}, rules generation {}", counted(records.len() as u64, "indicator"), rules.generation())?;
    Ok(Exit::Clean)
}

fn measures(args: &IndicatorsArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let of_set = |set: &'static MeasureSet| {
        set.measures().iter().map(|measure| MeasureRecord {
            name: measure.name,
            family: set.family,
            unit: measure.unit.name(),
            meaning: measure.meaning,
            source: measure.source,
        })
    };
    let records: Vec<MeasureRecord> =
        MEASURE_SETS.iter().flat_map(of_set).filter(|record| record.name.starts_with(&args.prefix)).collect();
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &records)?;
        writeln!(out)?;
        return Ok(Exit::Clean);
    }
    writeln!(out, "{HEADING}{:<34} {:<4} {:<12} MEANING (SOURCE){HEADING:#}", "MEASURE", "OF", "UNIT")?;
    for MeasureRecord { name, family, unit, meaning, source } in &records {
        writeln!(out, "{name:<34} {family:<4} {unit:<12} {meaning} ({source})")?;
    }
    writeln!(out, "{}", counted(records.len() as u64, "measure"))?;
    Ok(Exit::Clean)
}
