//! Working directory of the demo, and the path of its report.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use daemon_base::text::path as shown;

/// A private directory of the demo.
#[derive(Debug)]
pub struct Workdir {
    path: PathBuf,
    /// Cache directory of compiled rules, if this user has one.
    rules_cache: Option<PathBuf>,
    /// Removes the directory when dropped; `None` if it is kept.
    thrown_away: Option<tempfile::TempDir>,
}

impl Workdir {
    /// Makes the directory, or uses `keep`. Rules are compiled once for all demos, into `rules_cache`.
    ///
    /// # Errors
    ///
    /// The directory cannot be made, or `keep` is not empty.
    pub fn make(keep: Option<&Path>, rules_cache: Option<PathBuf>) -> anyhow::Result<Workdir> {
        let Some(path) = keep else {
            // Of mode 0700.
            let directory = tempfile::Builder::new().prefix("stakeout-demo-").tempdir();
            let directory = directory.context("cannot make a directory for the demo")?;
            return Ok(Workdir { path: directory.path().to_path_buf(), rules_cache, thrown_away: Some(directory) });
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
        Ok(Workdir { path, rules_cache, thrown_away: None })
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
    ///
    /// # Errors
    ///
    /// No temporary file can be made.
    pub fn report(&self) -> anyhow::Result<PathBuf> {
        if self.thrown_away.is_none() {
            return Ok(self.join("report.html"));
        }
        let cache = self.rules_cache.as_deref().and_then(Path::parent);
        if let Some(cache) = cache
            && DirBuilder::new().recursive(true).mode(0o700).create(cache).is_ok()
            && OpenOptions::new().append(true).create(true).mode(0o600).open(cache.join("demo.html")).is_ok()
        {
            return Ok(cache.join("demo.html"));
        }
        let file = tempfile::Builder::new().prefix("stakeout-demo-").suffix(".html").tempfile();
        let (_, path) = file.and_then(|file| Ok(file.keep()?)).context("cannot create a file for the report")?;
        Ok(path)
    }

    /// Writes the daemon's secret and configuration, and returns the path of the configuration.
    ///
    /// # Errors
    ///
    /// A file is there already, or cannot be written.
    pub fn configure(&self, strategy: &str, secret: &str, market: &str) -> anyhow::Result<PathBuf> {
        self.configure_with(strategy, secret, &format!("[answers]\nhosts = [\"{market}\"]\n"))
    }

    /// Writes the configuration of a daemon that also takes the bounties of a market that speaks polyswarmd, and returns
    /// its path.
    ///
    /// # Errors
    ///
    /// A file is there already, or cannot be written.
    pub fn configure_polyswarmd(&self, strategy: &str, secret: &str, url: &str) -> anyhow::Result<PathBuf> {
        let socket = self.quoted("signer.sock")?;
        self.configure_with(strategy, secret, &format!("[polyswarmd]\nurl = \"{url}\"\nsigner_socket = {socket}\n"))
    }

    fn configure_with(&self, strategy: &str, secret: &str, market: &str) -> anyhow::Result<PathBuf> {
        self.write("secret", secret)?;
        // Compiled once for all demos, and for scans.
        let rules = match &self.rules_cache {
            Some(path) => in_toml(path)?,
            None => self.quoted("rules")?,
        };
        // Kept, to judge them anew: `stakeout backtest`.
        let artifacts = if self.thrown_away.is_none() { "\"1G\"" } else { "0" };
        let text = format!(
            "# Configuration of the daemon of `stakeout demo`.\n\
             [webhook]\nlisten = \"127.0.0.1:0\"\nsecret_files = [{secret}]\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n\
             {market}\
             [intake]\nallow_networks = [\"127.0.0.0/8\"]\n\
             [scan]\nrules_cache = {rules}\n\
             [market]\nbid_strategy = {strategy}\n\
             # No real money is at stake, so no limit stops the demo.\n\
             stake_hour_max = \"none\"\nstake_day_max = \"none\"\nstake_open_max = \"none\"\n\
             loss_day_max = \"none\"\nloss_row_max = \"none\"\n\
             [archive]\ndirectory = {archive}\nartifacts_bytes_max = {artifacts}\n\
             [log]\nformat = \"json\"\n",
            secret = self.quoted("secret")?,
            strategy = toml::Value::String(strategy.to_owned()),
            archive = self.quoted("archive")?,
        );
        self.write("stakeout.toml", &text)
    }

    /// The path of `name` in the directory, as a text of TOML.
    pub(super) fn quoted(&self, name: &str) -> anyhow::Result<String> {
        in_toml(&self.join(name))
    }

    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", shown(&path)))?;
        Ok(path)
    }
}

fn in_toml(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str().context("the path of the directory is not UTF-8")?;
    Ok(toml::Value::String(text.to_owned()).to_string())
}
