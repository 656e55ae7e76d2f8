//! Where the rules come from: built in, or a directory.

use std::path::Path;

use anyhow::{Context, bail};
use daemon_engine::RuleSet;

/// Largest weights file taken. The one we ship has some ten thousand bytes.
const WEIGHTS_BYTES_MAX: u64 = 1 << 20;

/// The rules in `directory`, or those built in.
pub fn load(directory: Option<&Path>) -> anyhow::Result<RuleSet> {
    let Some(directory) = directory else { return Ok(RuleSet::embedded()) };
    let path = directory.join("weights.toml");
    let hint = || format!("cannot read {}: --rules takes a directory that holds a weights.toml", path.display());
    let size = std::fs::metadata(&path).with_context(hint)?.len();
    if size > WEIGHTS_BYTES_MAX {
        bail!("{} has {size} bytes, more than the {WEIGHTS_BYTES_MAX} a weights file may have", path.display());
    }
    let text = std::fs::read_to_string(&path).with_context(hint)?;
    RuleSet::parse(&text).map_err(|error| {
        let mistakes: Vec<String> =
            error.mistakes.iter().map(|mistake| format!("  {}:{mistake}", path.display())).collect();
        let (count, plural) = (mistakes.len(), if mistakes.len() == 1 { "mistake" } else { "mistakes" });
        anyhow::anyhow!("cannot use {}: {count} {plural}\n{}", path.display(), mistakes.join("\n"))
    })
}
