//! Results in text, with ANSI styles, which anstream removes if the output is not a terminal.

mod chain;
mod closing;
mod progress;
mod simulation;
mod table;

use anstyle::Style;

pub use chain::{write_chain_closing, write_chain_conserved};
pub use closing::{write_closing, write_conserved, write_parties};
pub use progress::{chain_progress_text, progress_text};
pub use simulation::write_simulation;

/// Style of headings.
const HEADING: Style = Style::new().bold();
