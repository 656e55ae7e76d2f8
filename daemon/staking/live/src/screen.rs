//! The whole screen of a terminal, which is left as it was.

use std::io::Write;

use anstream::ColorChoice;

/// The terminal's second screen, with the cursor hidden. The first is shown again when this is dropped.
pub(crate) struct Screen;

impl Screen {
    /// Shows the second screen.
    pub(crate) fn open() -> std::io::Result<Screen> {
        write("\u{1b}[?1049h\u{1b}[?25l")?;
        Ok(Screen)
    }

    /// Draws what `frame` makes for so many columns and rows in place of what is there.
    pub(crate) fn draw(&self, frame: impl FnOnce(usize, usize) -> String) -> std::io::Result<()> {
        let (rows, columns) = console::Term::stdout().size();
        let frame = frame(columns.into(), rows.into());
        let is_plain = anstream::AutoStream::choice(&std::io::stdout()) == ColorChoice::Never;
        let erase = "\u{1b}[H\u{1b}[2J";
        if is_plain {
            let lines = anstream::adapter::strip_str(&frame).to_string();
            return write(&format!("{erase}{lines}"));
        }
        write(&format!("\u{1b}[H{frame}\u{1b}[J"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing can be done if the terminal is gone.
        let _ = write("\u{1b}[?25h\u{1b}[?1049l");
    }
}

fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
