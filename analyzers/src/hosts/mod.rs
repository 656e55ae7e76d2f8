//! Hosts that an artifact names: domains and public addresses in its text, for whoever blocks them or looks for them.
//!
//! They are no evidence and have no weight. [`HostSearch`] finds names in text that analyzers gather anyway; what a name
//! tells decide `domain` (public suffixes, file names, infrastructure) and `address`.
//!
//! Cannot see: names that are put together at run time, domains of mail addresses (webmail, mostly), and those beyond the
//! first [`NamedHosts::COUNT_MAX`](daemon_base::NamedHosts::COUNT_MAX).

mod address;
mod domain;
mod infrastructure;
mod search;

pub use address::is_telling_address;
pub use domain::is_telling_domain;
pub use search::HostSearch;
