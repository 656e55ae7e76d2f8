//! What npm brings: installed once below the target folder, and kept there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// ganache and solc, and the contracts that they run and compile.
#[derive(Clone, Debug)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs what is missing.
    ///
    /// # Errors
    ///
    /// If there is no npm, or it cannot install: without a network, as a rule.
    pub fn install() -> Result<Tools> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = Tools { folder: target()?.join("chain") };
        let lock = std::fs::read(sources.join("package-lock.json"))?;
        let installed = tools.folder.join("installed.json");
        if std::fs::read(&installed).ok().as_ref() != Some(&lock) {
            std::fs::create_dir_all(&tools.folder)?;
            for file in ["package.json", "package-lock.json"] {
                std::fs::copy(sources.join(file), tools.folder.join(file))?;
            }
            // No scripts: nothing of these packages needs to be built.
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
            run(npm.current_dir(&tools.folder)).context("npm cannot install ganache and solc")?;
            std::fs::write(&installed, &lock)?;
        }
        Ok(tools)
    }

    /// Compiles the contracts.
    ///
    /// # Errors
    ///
    /// If one of them has a mistake, or the compiler warns of something.
    pub fn compile(&self) -> Result<()> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
        run(self.node("compile.js").arg(sources).arg(self.contracts())).context("the contracts do not compile")
    }

    /// A script of ours, with what npm installed.
    pub(crate) fn node(&self, script: &str) -> Command {
        let mut node = Command::new("node");
        node.env("NODE_PATH", self.folder.join("node_modules"));
        node.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
        node
    }

    /// The compiled contracts, in JSON.
    pub(crate) fn contracts(&self) -> PathBuf {
        self.folder.join("contracts.json")
    }
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} cannot be started"))?;
    ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// Cargo's target folder: the program that runs is in `debug/deps` or `debug/examples` below it.
fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    match program.ancestors().nth(3) {
        Some(target) => Ok(target.to_path_buf()),
        None => bail!("{} is in no target folder", program.display()),
    }
}
