//! The overview in a terminal, drawn again and again.

use std::io::Write;
use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use daemon_base::Cancel;

use crate::screen::Screen;
use crate::{Overview, frame, write_overview};

/// How often it is looked whether to stop.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Draws what `ask` says every `interval`, until `stop` is set. Where it says why there is nothing, shows that, and what it said
/// last. Leaves the terminal as it was.
///
/// # Errors
/// If the terminal cannot be written to.
pub fn watch(
    mut ask: impl FnMut() -> Result<Overview, String>,
    interval: Duration,
    stop: &Cancel,
) -> std::io::Result<()> {
    let screen = Screen::open()?;
    let mut last = None;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let mut text = Vec::new();
        match ask() {
            Ok(overview) => last = Some(overview),
            Err(why) => {
                let style = AnsiColor::Red.on_default().bold();
                let then = if last.is_some() { "; what it said last:" } else { "" };
                writeln!(text, "{style}{}{style:#}{then}", daemon_base::text::escaped(&why))?;
            }
        }
        if let Some(overview) = &last {
            write_overview(overview, &mut text)?;
        }
        let text = String::from_utf8_lossy(&text);
        screen.draw(|columns, rows| frame(&text, columns, rows))?;
        while began.elapsed() < interval && !stop.is_cancelled() {
            std::thread::sleep(LOOK_INTERVAL);
        }
    }
    Ok(())
}
