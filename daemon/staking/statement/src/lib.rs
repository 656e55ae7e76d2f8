//! The statement: how a report of the ledger is shown to people.
//!
//! [`sections`] makes tables of a [`LedgerReport`](daemon_ledger::LedgerReport), for the terminal and for the page; [`write_report`] aligns
//! them for the terminal, [`page`] makes one
//! HTML page of it that a browser shows without anything else; [`mod@format`] has the forms of amounts, shares and times.
//! [`write_story`] tells the story of one bounty. Computes nothing that is not in the report, reads no file and no clock.
//!
//! ```
//! use daemon_ledger::{AlarmLimits, Ledger, Question};
//! use daemon_market::Timestamp;
//! use daemon_statement::{Heading, page, sections};
//!
//! let question = Question { groupings: Vec::new(), strategies: Vec::new(), alarms: AlarmLimits::default() };
//! let report = Ledger::new(question).close(Timestamp::from_micros(0), None);
//! assert_eq!(sections(&report, 10)[0].title, "Summary");
//! assert!(page(&report, Heading { engine: "example", demo: true }).starts_with("<!doctype html>"));
//! ```

#![forbid(unsafe_code)]

mod engines;
pub mod format;
mod page;
mod sections;
mod shadow;
mod story;
mod table;
mod text;

pub use engines::engines_section;
pub use page::{Heading, engines_page, page, parts as html};
pub use sections::sections;
pub use story::write_story;
pub use table::{About, Cell, Column, ReportSection, Tone};
pub use text::{write_engines, write_report, write_section};
