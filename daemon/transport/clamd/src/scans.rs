//! What takes long: files are scanned beside the conversation, and replied to when they are done.

use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::Arc;

use daemon_download::Fetched;
use daemon_peer::Peer;
use rustix::io::Errno;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::command::PathScan;
use crate::paths::{OpenedPath, PathItem, PathWalk, Refused, open, regular};
use crate::replies::{Outgoing, ReplyEnvelope};
use crate::shared::ClamdServer;
use crate::{ClamdClient, ClamdCount, ClamdDesk, FileToScan, ScanAnswer};

/// What a client is told if a file system does not answer, or no worker is free, in its time.
const LATE: &str = "Time limit reached";

/// The name of a passed file, which clamd calls by its number.
pub(crate) fn descriptor_name(number: RawFd) -> String {
    format!("fd[{number}]")
}

/// Begins scans for a client.
pub(crate) struct Scans<D> {
    pub server: Rc<ClamdServer<D>>,
    pub out: Rc<Outgoing>,
    pub client: ClamdClient,
}

/// How the files of a directory were replied to.
#[derive(Default)]
struct Tally {
    found: bool,
    failed: bool,
}

impl<D: ClamdDesk> Scans<D> {
    /// A stream that came.
    pub(crate) fn stream(self, kept: Fetched, to: ReplyEnvelope, jobs: &mut JoinSet<()>) {
        let Fetched { file, size, sha256, place: _, memory } = kept;
        let (received, memory) = (Some((size, sha256)), Some(memory));
        let file = FileToScan { file, name: "stream".to_owned(), received, memory, client: self.client.clone() };
        jobs.spawn_local(async move {
            // Nothing is found in nothing.
            let answer = if size == 0 { self.counted(ScanAnswer::Clean) } else { self.scan(file).await };
            self.out.answer(to, b"stream", &answer, false).await;
        });
    }

    /// A file that was passed.
    pub(crate) fn descriptor(self, file: FileToScan, to: ReplyEnvelope, jobs: &mut JoinSet<()>) {
        jobs.spawn_local(async move {
            let name = file.name.clone();
            let looked = self.beside(move || regular(&file.file).map(|size| (file, size))).await;
            let answer = match looked {
                Ok((_, 0)) => self.counted(ScanAnswer::Clean),
                Ok((file, _)) => self.scan(file).await,
                Err(refused) => self.counted(ScanAnswer::Failed(refused.0)),
            };
            self.out.answer(to, name.as_bytes(), &answer, false).await;
        });
    }

    /// A path that was named.
    pub(crate) fn path(self, how: PathScan, path: Vec<u8>, to: ReplyEnvelope, jobs: &mut JoinSet<()>) {
        jobs.spawn_local(async move {
            let all_names = how == PathScan::AllNames;
            let opened = match self.client.clone() {
                ClamdClient::Local(peer) => self.open(path.clone(), peer.clone()).await.map(|opened| (opened, peer)),
                // Nobody knows what its user may read.
                ClamdClient::Remote(_) => Err(Refused::path(Errno::PERM)),
            };
            let answer = match opened {
                Ok((OpenedPath::File(_, 0), _)) => self.counted(ScanAnswer::Clean),
                Ok((OpenedPath::File(file, _), _)) => self.scan(self.file(file, &path)).await,
                Ok((OpenedPath::Directory(directory), peer)) => {
                    let depth_max = self.server.paths.depth_max;
                    let named = path.clone();
                    let walk = self.beside(move || PathWalk::begin(directory, &named, peer, depth_max)).await;
                    match walk {
                        Ok(walk) => return self.directory(how, walk, path, to).await,
                        Err(refused) => self.counted(ScanAnswer::Failed(refused.0)),
                    }
                }
                Ok((OpenedPath::Special, _)) => self.counted(ScanAnswer::Failed("Not supported file type".to_owned())),
                Ok((OpenedPath::Link, _)) => self.counted(ScanAnswer::Failed(Refused::path(Errno::LOOP).0)),
                Err(refused) => self.counted(ScanAnswer::Failed(refused.0)),
            };
            self.out.answer(to, &path, &answer, all_names).await;
        });
    }

    /// Scans all files of a directory, and replies about those in which something was found or which failed; about the
    /// directory, if there were none.
    async fn directory(self, how: PathScan, walk: PathWalk, path: Vec<u8>, to: ReplyEnvelope) {
        let at_once = if how == PathScan::Parallel { self.server.desk.load().most.max(1) } else { 1 };
        let until_found = matches!(how, PathScan::First | PathScan::AllNames);
        let scans = Rc::new(self);
        let (mut walk, mut tally) = (Some(walk), Tally::default());
        let mut running: JoinSet<ScanAnswer> = JoinSet::new();
        while let Some(mut walking) = walk.take() {
            let stepped = scans.beside(move || Ok((walking.next(), walking))).await;
            let (item, walking) = match stepped {
                Ok(stepped) => stepped,
                Err(refused) => {
                    tally.failed = true;
                    let answer = scans.counted(ScanAnswer::Failed(refused.0));
                    scans.out.answer(to, &path, &answer, false).await;
                    break;
                }
            };
            match item {
                None => break,
                Some(PathItem::Empty) => {}
                Some(PathItem::Refused { path, why }) => {
                    tally.failed = true;
                    let answer = scans.counted(ScanAnswer::Failed(why.0));
                    scans.out.answer(to, &path, &answer, false).await;
                }
                Some(PathItem::File { path, file }) => {
                    let scans = Rc::clone(&scans);
                    running.spawn_local(async move {
                        let answer = scans.scan(scans.file(file, &path)).await;
                        if answer != ScanAnswer::Clean {
                            scans.out.answer(to, &path, &answer, how == PathScan::AllNames).await;
                        }
                        answer
                    });
                }
            }
            while running.len() >= at_once {
                tally.add(running.join_next().await);
            }
            // Nobody reads what is found from here on.
            if scans.out.is_deaf() || scans.out.socket.is_gone() || (until_found && tally.found) {
                break;
            }
            walk = Some(walking);
        }
        while !running.is_empty() {
            tally.add(running.join_next().await);
        }
        if !tally.found && !tally.failed {
            scans.out.answer(to, &path, &ScanAnswer::Clean, false).await;
        }
    }

    fn file(&self, file: std::os::fd::OwnedFd, path: &[u8]) -> FileToScan {
        let name = String::from_utf8_lossy(path).into_owned();
        FileToScan { file, name, received: None, memory: None, client: self.client.clone() }
    }

    async fn scan(&self, file: FileToScan) -> ScanAnswer {
        let begun = Instant::now();
        let answer = self.server.desk.scan(file, begun + self.server.limits.scan_time_max).await;
        self.server.desk.count(ClamdCount::Replied(answer.name(), begun.elapsed()));
        answer
    }

    /// An answer that needed no scan.
    fn counted(&self, answer: ScanAnswer) -> ScanAnswer {
        self.server.desk.count(ClamdCount::Replied(answer.name(), std::time::Duration::ZERO));
        answer
    }

    async fn open(&self, path: Vec<u8>, peer: Peer) -> Result<OpenedPath, Refused> {
        let rules = Arc::clone(&self.server.paths);
        self.beside(move || open(&path, &rules, &peer)).await
    }

    /// Does what may wait for a file system on a thread that may.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let late = || Refused(LATE.to_owned());
        let done = timeout(self.server.limits.scan_time_max, self.server.files.spawn_blocking(work)).await;
        // That it panicked would be a bug, which the hook has told.
        done.map_err(|_| late())?.map_err(|_| late())?
    }
}

impl Tally {
    fn add(&mut self, ended: Option<Result<ScanAnswer, tokio::task::JoinError>>) {
        match ended {
            Some(Ok(ScanAnswer::Clean)) => {}
            Some(Ok(ScanAnswer::Found(_))) => self.found = true,
            // A file whose scan came to nothing is not one in which nothing was found.
            Some(Ok(ScanAnswer::Failed(_)) | Err(_)) => self.failed = true,
            None => {}
        }
    }
}
