//! What a configuration is made of: sections of keys. Each part of the program declares its own section where its code
//! is, with what every key means and its default ([`section!`]), and checks it ([`Section::check`]). Whoever runs the
//! parts puts the sections together ([`configuration!`]); reading tells all mistakes at once, with line, column and what
//! may have been meant ([`read`]), and a commented file with every key comes from the same declarations ([`example`]).
//!
//! ```
//! daemon_config::section! {
//!     /// Where requests come in.
//!     pub struct Server {
//!         /// Connections at once.
//!         connections_max: usize = 1024;
//!     }
//! }
//! daemon_config::configuration! {
//!     pub struct Config { server: Server }
//! }
//!
//! let (config, mistakes) = daemon_config::read::<Config>("[server]\nconections_max = 7\n");
//! assert_eq!(config.server.connections_max, 1024);
//! assert_eq!(mistakes[0].to_string(), "2:1: unknown key server.conections_max; did you mean `connections_max`?");
//! ```

#![forbid(unsafe_code)]

mod read;
mod reader;
mod section;
mod value;

pub use read::read;
pub use reader::{ConfigMistake, ConfigReader, take};
pub use section::{Configuration, Key, Section, SectionEntry, Shown, check, example};
pub use toml::Spanned;
pub use toml::de::DeValue;
pub use value::{Bytes, Limit, Ratio, Share, TooMany, Value, quoted, text};
