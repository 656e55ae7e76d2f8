//! What a running engine shows of itself while it works.
//!
//! An [`Overview`] is what the engine knows ([`EngineNow`]) and what its archive, and those of other engines, say of the last
//! hours ([`Books`]). It is told as JSON, as one page for a browser ([`page`]), and as text for a terminal
//! ([`write_overview`], and [`watch`] again and again). What reads archives and serves requests is `daemon-service`; nothing
//! here reads a file or knows a network.
//!
//! ```
//! use daemon_live::{BooksReader, EngineNow, Overview, Refresh, page};
//! use daemon_market::Timestamp;
//!
//! let now = Timestamp::from_micros(86_400_000_000);
//! let books = BooksReader::new("example", Timestamp::from_micros(0)).close(now, false);
//! let overview = Overview::new(now, EngineNow::default(), vec![books]);
//! assert!(page(&overview, Refresh::Off).starts_with("<!doctype html>"));
//! ```

#![forbid(unsafe_code)]

mod answer;
mod books;
mod engine;
mod overview;
mod page;
mod screen;
mod sections;
mod terminal;
mod watch;

pub use answer::{AnswerNow, SeenIndicator};
pub use books::{Books, BooksReader, HourRow, KindRow, ProfitPoint};
pub use engine::{AlarmNow, EngineNow, OpenBountyNow, PurseNow, RulesNow, StateCount, WorkersNow};
pub use overview::{OVERVIEW_SCHEMA, Overview};
pub use page::{Refresh, content_security_policy, page, story_page};
pub use terminal::{frame, write_overview};
pub use watch::watch;
