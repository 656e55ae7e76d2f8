//! Progress line of a scan.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use daemon_scan::{OutputForm, ScanObserver};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::terminal::format::{count, shown};

/// The progress line, on standard error.
pub(super) struct ScanProgress {
    bar: ProgressBar,
    quiet: bool,
}

impl ScanProgress {
    /// Begins the line. It is shown only on a terminal, and beside text.
    pub(super) fn begin(quiet: bool, form: OutputForm) -> ScanProgress {
        let bar = if quiet || form != OutputForm::Text || !io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner().with_style(style())
        };
        ScanProgress { bar, quiet }
    }
}

impl ScanObserver for ScanProgress {
    fn scanned(&mut self, path: &Path) {
        self.bar.inc(1);
        if !self.bar.is_hidden() {
            self.bar.set_message(shown(path));
        }
    }

    fn failed(&mut self, path: &Path, why: &str) -> io::Result<()> {
        if self.quiet {
            // Who asked for no summary still wants to know what was not looked at.
            writeln!(anstream::stderr(), "cannot scan {}: {why}", shown(path))?;
        }
        Ok(())
    }

    fn aside(&mut self, write: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        // Lines above the progress bar, which is drawn anew below them.
        self.bar.suspend(write)
    }

    fn ended(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {human_pos} files, {rate} files/s, {elapsed} {wide_msg}")
        .expect("the template is ours, and a test shows that it parses")
        .with_key("rate", |state: &ProgressState, line: &mut dyn std::fmt::Write| {
            // Writing into a line in memory cannot fail.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate for people, rounded down"
            )]
            let _ = line.write_str(&count(state.per_sec() as u64));
        })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_progress_template_parses() {
        super::style();
    }
}
