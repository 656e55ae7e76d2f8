//! Progress line of a running marketplace.

use std::time::Duration;

use daemon_base::Cancel;
use indicatif::{ProgressBar, ProgressStyle};

/// How often Ctrl-C is checked.
const INTERVAL: Duration = Duration::from_millis(100);

/// The progress line.
pub(crate) struct MarketProgress(ProgressBar);

impl MarketProgress {
    /// Begins the line of so many bounties. It is shown only on a terminal.
    pub(crate) fn begin(quiet: bool, number: u64) -> MarketProgress {
        if quiet {
            return MarketProgress::silent();
        }
        let bar = ProgressBar::new(number);
        bar.set_style(style());
        MarketProgress(bar)
    }

    /// Shows nothing.
    pub(crate) fn silent() -> MarketProgress {
        MarketProgress(ProgressBar::hidden())
    }

    /// So many bounties are settled; `message` stands behind the bar.
    pub(crate) fn at(&self, settled: u64, message: &str) {
        self.0.set_position(settled);
        self.0.set_message(message.to_owned());
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{elapsed} {wide_bar:.green/dim} {pos}/{len} settled{msg}")
        .expect("the template is right, as a test shows")
}

/// Completes when Ctrl-C is pressed.
pub(crate) async fn stopped(stop: &Cancel) {
    while !stop.is_cancelled() {
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_parses() {
        super::style();
    }
}
