//! The report on what the daemon archived.

use std::path::{Path, PathBuf};

use anyhow::Context;
use daemon_archive::JournalReader;
use daemon_base::text::path as shown;
use daemon_journal::Filter;
use daemon_ledger::{Grouping, Question};
use daemon_local_market::demo::Workdir;
use daemon_service::build;
use daemon_service::clock::wall;
use daemon_statement::Heading;

/// Writes the HTML report and returns its path.
pub(crate) fn write_page(config: &Path, place: &Workdir) -> anyhow::Result<PathBuf> {
    let path = place.report()?;
    let write = || -> anyhow::Result<()> {
        let config =
            build::config(Some(config))?.map_err(|told| anyhow::anyhow!("the configuration is invalid\n{told}"))?;
        let journal = JournalReader::open(&config.archive.directory)?;
        let question = Question::of_all_strategies(Grouping::ALL.to_vec(), &config.market.settings());
        let report = daemon_ledger::report(&journal, &Filter::default(), question, wall())?;
        // The page says that no real money was used.
        let heading = Heading { engine: &config.answers.product, demo: true };
        std::fs::write(&path, daemon_statement::page(&report, heading))
            .with_context(|| format!("cannot write {}", shown(&path)))?;
        Ok(())
    };
    write().context("cannot write the report")?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use daemon_rules::Cache;

    use super::*;

    #[test]
    fn what_is_configured_is_what_the_daemon_reads() {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("new \"place\"");
        let make = || Workdir::make(Some(&kept), Cache::usual_place());
        let place = make().unwrap();
        let path = place.configure("kelly", "secret", "http://127.0.0.1:1").unwrap();
        let config = build::config(Some(&path)).unwrap().unwrap();
        assert_eq!((config.market.bid_strategy.as_str(), config.archive.directory), ("kelly", place.join("archive")));
        let limits = config.market.purse_limits();
        assert_eq!((limits.hour_max, limits.day_max, limits.open_max), (None, None, None));
        assert_eq!(limits.losses, daemon_market::LossLimits::default(), "no losses stop a demo");
        assert!(make().is_err(), "it is not empty any more");
    }
}
