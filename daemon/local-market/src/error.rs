//! Why a marketplace cannot run, over webhooks or with a chain.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::catalogue::CatalogueError;
use crate::exchange::Refused;
use crate::settings::Mistakes;

/// Why a marketplace cannot run.
#[derive(Debug, thiserror::Error)]
pub enum MarketplaceError {
    /// The configuration is wrong.
    #[error(transparent)]
    Settings(#[from] Mistakes),
    /// There are no files to post.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The address is in use, or not allowed.
    #[error("cannot listen at {address}: change `listen`, or stop the program that uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The URL of an engine is invalid.
    #[error("engine {name}: {url:?} is not a URL")]
    Url {
        /// Name of the engine.
        name: String,
        /// URL of the engine.
        url: String,
    },
    /// An engine's secret.
    #[error("engine {name}: its secret is empty or cannot be read")]
    Secret {
        /// Name of the engine.
        name: String,
        /// Error of the operating system; `None` if the secret is empty.
        source: Option<io::Error>,
    },
    /// The file for settlements cannot be written.
    #[error("cannot write to {}", .path.display())]
    OutcomesFile {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// An outcome.
    #[error("cannot write the settlements")]
    Outcomes(#[source] io::Error),
    /// The HTTP client.
    #[error("cannot create an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The exchange does not take what it must.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A task panicked: a bug.
    #[error("a task of the marketplace panicked")]
    Bug(#[source] tokio::task::JoinError),
}
