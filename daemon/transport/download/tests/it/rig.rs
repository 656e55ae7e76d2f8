//! A fetcher that may connect to loopback, in a runtime of each kind.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use daemon_artifact::Sha256Digest;
use daemon_download::runtime::{Backend, Prefer, Runtime};
use daemon_download::{FetchError, FetchOptions, Fetched, Fetcher, Lookup, LookupFuture};
use rustix::io::pread;
use tokio::time::Instant;

/// Long enough for a busy machine; no test waits for it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Options with loopback allowed, pauses short and a directory of the test's own.
pub(crate) fn options(dir: &tempfile::TempDir) -> FetchOptions {
    let mut options = FetchOptions::new(dir.path());
    options.addresses.allow = vec!["127.0.0.0/8".parse().unwrap()];
    options.limits.retry_pause = Duration::from_millis(1);
    // The system's roots are no part of these tests; `tls` turns this on.
    options.schemes.https = false;
    options
}

/// Runs `test` under each runtime that the machine allows; `prepare` may change the options.
pub(crate) fn each_backend(prepare: impl Fn(&mut FetchOptions), test: impl AsyncFn(Rig)) {
    for prefer in [Prefer::Plain, Prefer::Uring] {
        let (runtime, backend) = Runtime::start(prefer).unwrap();
        if let (Prefer::Uring, Backend::Plain { why }) = (prefer, &backend) {
            eprintln!("no io_uring here: {why:?}");
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(&dir);
        prepare(&mut options);
        let fetcher = Fetcher::new(options, &backend).unwrap();
        runtime.block_on(test(Rig { fetcher, dir }));
    }
}

pub(crate) struct Rig {
    pub fetcher: Fetcher,
    pub dir: tempfile::TempDir,
}

impl Rig {
    pub(crate) async fn fetch(&self, uri: &str) -> Result<Fetched, FetchError> {
        self.fetcher.fetch(uri, None, Instant::now() + LONG).await
    }

    pub(crate) async fn fails(&self, uri: &str) -> FetchError {
        match self.fetch(uri).await {
            Ok(fetched) => panic!("{uri} gave {fetched:?}"),
            Err(error) => error,
        }
    }

    /// Fetches, and asserts that the bytes are these.
    #[track_caller]
    pub(crate) fn gives(&self, uri: &str, expected: &[u8]) -> impl Future<Output = Fetched> {
        let caller = std::panic::Location::caller();
        async move {
            let fetched = self.fetch(uri).await.unwrap_or_else(|error| panic!("{caller}: {uri}: {}", chain(&error)));
            assert_eq!(bytes(&fetched), expected, "{caller}");
            assert_eq!(fetched.size, expected.len() as u64, "{caller}");
            assert_eq!(fetched.sha256, Sha256Digest::of(expected), "{caller}");
            fetched
        }
    }
}

/// All bytes of what was fetched, and what lies beyond.
pub(crate) fn bytes(fetched: &Fetched) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(fetched.size).unwrap() + 1];
    let mut done = 0;
    loop {
        match pread(&fetched.file, &mut bytes[done..], done as u64).unwrap() {
            0 => break,
            more => done += more,
        }
    }
    bytes.truncate(done);
    bytes
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(this) = cause {
        text = format!("{text}: {this}");
        cause = this.source();
    }
    text
}

/// Answers with the first list, then with the second, and so on; the last one stays.
pub(crate) struct Changing {
    answers: Vec<Vec<IpAddr>>,
    pub asked: AtomicUsize,
}

impl Changing {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Changing> {
        let answers = answers.iter().map(|list| list.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        Arc::new(Changing { answers, asked: AtomicUsize::new(0) })
    }
}

impl Lookup for Changing {
    fn lookup(&self, name: &str) -> LookupFuture {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.get(asked).or(self.answers.last()).cloned();
        let answer = if name == "unknown.test" { None } else { answer };
        Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}
