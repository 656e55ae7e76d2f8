//! Working directory of the demo, and the path of its report.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use daemon_rules::Cache;

use crate::cli::demo::DemoArgs;
use crate::terminal::format::shown;

/// A private directory of the demo.
pub struct Workdir {
    path: PathBuf,
    /// Removes the directory when dropped; `None` if it is kept.
    thrown_away: Option<tempfile::TempDir>,
}

impl Workdir {
    /// Makes the directory, or uses `keep`.
    pub fn make(keep: Option<&Path>) -> anyhow::Result<Workdir> {
        let Some(path) = keep else {
            // Of mode 0700.
            let directory = tempfile::Builder::new().prefix("stakeout-demo-").tempdir();
            let directory = directory.context("cannot make a directory for the demo")?;
            return Ok(Workdir { path: directory.path().to_path_buf(), thrown_away: Some(directory) });
        };
        let make = || format!("cannot make {}", shown(path));
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                if std::fs::read_dir(path).with_context(make)?.next().is_some() {
                    bail!("{} is not empty: use an empty directory", shown(path));
                }
            }
            Err(error) => return Err(error).with_context(make),
        }
        // The daemon has another working directory in mind than we, and the marketplace none.
        let path = std::fs::canonicalize(path).with_context(make)?;
        Ok(Workdir { path, thrown_away: None })
    }

    /// Returns the path of `name` in the directory.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the report: in the directory if it is kept, or else in the user's cache or among temporary
    /// files.
    pub fn report(&self) -> anyhow::Result<PathBuf> {
        if self.thrown_away.is_none() {
            return Ok(self.join("report.html"));
        }
        let cache = Cache::usual_place().and_then(|rules| rules.parent().map(Path::to_path_buf));
        if let Some(cache) = cache
            && DirBuilder::new().recursive(true).mode(0o700).create(&cache).is_ok()
            && OpenOptions::new().append(true).create(true).mode(0o600).open(cache.join("demo.html")).is_ok()
        {
            return Ok(cache.join("demo.html"));
        }
        let file = tempfile::Builder::new().prefix("stakeout-demo-").suffix(".html").tempfile();
        let (_, path) = file.and_then(|file| Ok(file.keep()?)).context("cannot create a file for the report")?;
        Ok(path)
    }

    /// Writes the daemon's secret and configuration, and returns the path of the configuration.
    pub fn configure(&self, args: &DemoArgs, secret: &str, market: &str) -> anyhow::Result<PathBuf> {
        self.write("secret", secret)?;
        let quoted = |path: &Path| -> anyhow::Result<String> {
            let text = path.to_str().context("the path of the directory is not UTF-8")?;
            Ok(toml::Value::String(text.to_owned()).to_string())
        };
        // Compiled once for all demos, and for scans.
        let rules = Cache::usual_place().unwrap_or_else(|| self.join("rules"));
        // Kept, to judge them anew: `stakeout backtest`.
        let artifacts = if self.thrown_away.is_none() { "\"1G\"" } else { "0" };
        let text = format!(
            "# Configuration of the daemon of `stakeout demo`.\n\
             [webhook]\nlisten = \"127.0.0.1:0\"\nsecret_files = [{secret}]\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n\
             [answers]\nhosts = [\"{market}\"]\n\
             [intake]\nallow_networks = [\"127.0.0.0/8\"]\n\
             [scan]\nrules_cache = {rules}\n\
             [market]\nbid_strategy = {strategy}\n\
             # No real money is at stake, so no limit stops the demo.\n\
             stake_hour_max = \"none\"\nstake_day_max = \"none\"\nstake_open_max = \"none\"\n\
             loss_day_max = \"none\"\nloss_row_max = \"none\"\n\
             [archive]\ndirectory = {archive}\nartifacts_bytes_max = {artifacts}\n\
             [log]\nformat = \"json\"\n",
            secret = quoted(&self.join("secret"))?,
            rules = quoted(&rules)?,
            strategy = toml::Value::String(args.strategy.clone()),
            archive = quoted(&self.join("archive"))?,
        );
        self.write("stakeout.toml", &text)
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", shown(&path)))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_is_what_the_daemon_reads() {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("new \"place\"");
        let place = Workdir::make(Some(&kept)).unwrap();
        let args = DemoArgs {
            bounties: 1,
            seed: 1,
            strategy: "kelly".to_owned(),
            keep: Some(kept.clone()),
            json: false,
            quiet: true,
        };
        let path = place.configure(&args, "secret", "http://127.0.0.1:1").unwrap();
        let config = daemon_service::build::config(Some(&path)).unwrap().unwrap();
        assert_eq!((config.market.bid_strategy.as_str(), config.archive.directory), ("kelly", place.join("archive")));
        let limits = config.market.purse_limits();
        assert_eq!((limits.hour_max, limits.day_max, limits.open_max), (None, None, None));
        assert_eq!(limits.losses, daemon_market::LossLimits::default(), "no losses stop a demo");
        assert!(Workdir::make(Some(&kept)).is_err(), "it is not empty any more");
    }
}
