//! A marketplace over HTTP on loopback: posts signed bounties, serves their artifacts, receives answers, lets rivals
//! assert and arbiters vote, settles like the contract, and writes the settlements.
//!
//! An ambassador posts one file per bounty, in PolySwarm's webhook format, to every engine. Mistakes of engines are
//! counted. Faults of the network ([`Fault`](crate::settings::Fault)) are injected, as often as configured. All randomness comes from one seed;
//! only the time of answers depends on the machine.

mod ambassador;
mod answer;
mod faults;
mod outcomes;
mod progress;
mod server;
mod state;
mod stream;
mod summary;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

pub(crate) use ambassador::client;
use ambassador::{Ambassador, Webhook};
use state::Book;

pub use faults::{Happened, Happenings};
pub use progress::{EngineProgress, RunProgress};
pub use summary::{Closing, EngineClosing, Party};

use crate::catalogue::catalogue;
use crate::seed::shuffle;
use crate::settings::{MarketSettings, TestedEngine};
use crate::{MarketplaceError, Seed, Specimen};

/// A marketplace that listens, and has not begun to post.
pub struct Marketplace {
    listener: TcpListener,
    /// A bound socket that does not listen, so that nobody else can.
    dead: TcpSocket,
    book: Arc<Book>,
    specimens: Vec<Specimen>,
    webhooks: Vec<Webhook>,
}

/// Looks at a marketplace that runs.
#[derive(Clone)]
pub struct MarketWatch(Arc<Book>);

impl MarketWatch {
    /// Returns the progress of the run.
    pub fn progress(&self) -> RunProgress {
        self.0.progress()
    }
}

impl Marketplace {
    /// Listens, finds the files, and lets the engines of the configuration in.
    ///
    /// # Errors
    ///
    /// [`MarketplaceError`] if the settings have mistakes, the files cannot be found, the address cannot be bound, or
    /// an engine cannot be admitted.
    pub async fn bind(settings: MarketSettings) -> Result<Marketplace, MarketplaceError> {
        settings.check()?;
        let mut specimens = catalogue(&settings.bounties)?;
        shuffle(Seed::new(settings.seed), &mut specimens);
        let address = settings.listen;
        let listen = |source| MarketplaceError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let here = SocketAddr::new(address.ip(), 0);
        let dead = if here.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(listen)?;
        dead.bind(here).map_err(listen)?;
        let engines = settings.engines.clone();
        let book = Arc::new(Book::new(settings, &specimens)?);
        let mut marketplace = Marketplace { listener, dead, book, specimens, webhooks: Vec::new() };
        for engine in &engines {
            marketplace.admit(engine)?;
        }
        Ok(marketplace)
    }

    /// Lets one more engine in: one that had to know [`Marketplace::url`] before it could be started.
    ///
    /// # Errors
    ///
    /// [`MarketplaceError`] if the engine's URL, secret or name cannot be used, or its file of outcomes cannot be
    /// opened.
    pub fn admit(&mut self, engine: &TestedEngine) -> Result<(), MarketplaceError> {
        let name = || engine.name.clone();
        let url = Url::parse(&engine.url);
        let url = url.map_err(|_| MarketplaceError::Url { name: name(), url: engine.url.clone() })?;
        let secret =
            engine.read_secret().map_err(|source| MarketplaceError::Secret { name: name(), source: Some(source) })?;
        if secret.is_empty() {
            return Err(MarketplaceError::Secret { name: name(), source: None });
        }
        let outcomes = match &self.book.settings.outcomes_directory {
            None => None,
            Some(directory) => {
                let path = directory.join(format!("{}.ndjson", engine.name));
                let opened = std::fs::create_dir_all(directory)
                    .and_then(|()| File::options().create(true).append(true).open(&path));
                Some(opened.map_err(|source| MarketplaceError::OutcomesFile { path, source })?)
            }
        };
        self.book.admit(&engine.name, engine.balance)?;
        self.webhooks.push(Webhook { url, secret, outcomes });
        Ok(())
    }

    /// Returns the URL of the marketplace, `http://ADDRESS:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap_or(self.book.settings.listen))
    }

    /// For looking at it while it runs.
    pub fn watch(&self) -> MarketWatch {
        MarketWatch(Arc::clone(&self.book))
    }

    /// Number of files to post.
    pub fn specimens(&self) -> usize {
        self.specimens.len()
    }

    /// Posts everything, and waits until all of it is settled. Once `stop` is, nothing more is posted, and what is open
    /// is settled with the answers it has.
    ///
    /// # Errors
    ///
    /// [`MarketplaceError`] if the HTTP client cannot be made, or a bounty cannot be posted or settled.
    #[expect(clippy::missing_panics_doc, reason = "the semaphore is never closed")]
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<Closing, MarketplaceError> {
        let market = self.url();
        let Marketplace { listener, dead, book, specimens, webhooks } = self;
        let bounties = book.settings.bounties.clone();
        let dead_address =
            dead.local_addr().map_err(|source| MarketplaceError::Listen { address: book.settings.listen, source })?;
        let (ending, end) = watch::channel(false);
        let serving = server::serve(listener, Arc::clone(&book), end);
        let (stopping, stopped) = watch::channel(false);
        let ambassador = Arc::new(Ambassador {
            book: Arc::clone(&book),
            webhooks,
            client: client().map_err(MarketplaceError::Client)?,
            market,
            dead: format!("http://{dead_address}"),
            delivered: watch::Sender::new(0),
            stop: stopped.clone(),
        });
        let began = Instant::now();
        let first = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default();
        let post = async {
            let mut skipped = 0;
            let permits = Arc::new(Semaphore::new(bounties.in_flight_max));
            let mut tasks = JoinSet::new();
            for nth in 0..bounties.number {
                let due =
                    began + Duration::try_from_secs_f64(nth as f64 / bounties.per_second).unwrap_or(Duration::MAX);
                let mut stop = stopped.clone();
                let permit = tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => break,
                    permit = async {
                        sleep_until(due).await;
                        Arc::clone(&permits).acquire_owned().await
                    } => permit.expect("the semaphore is never closed"),
                };
                let specimen = specimens[usize::try_from(nth % specimens.len() as u64).unwrap_or(0)].clone();
                tasks.spawn(Arc::clone(&ambassador).bounty(first + nth, nth, specimen, permit));
                while let Some(ended) = tasks.try_join_next() {
                    skipped += u64::from(!ended.map_err(MarketplaceError::Bug)??);
                }
            }
            while let Some(ended) = tasks.join_next().await {
                skipped += u64::from(!ended.map_err(MarketplaceError::Bug)??);
            }
            Ok::<u64, MarketplaceError>(skipped)
        };
        tokio::pin!(post, stop);
        let posting = async {
            let posted = tokio::select! {
                posted = &mut post => posted,
                () = &mut stop => {
                    let _ = stopping.send(true);
                    post.await
                }
            };
            let _ = ending.send(true);
            posted
        };
        let (posted, ()) = tokio::join!(posting, serving);
        drop(dead);
        Ok(book.closing(began.elapsed(), posted?))
    }
}
