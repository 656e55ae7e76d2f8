//! A conversation with one client: commands are taken one after the other; what takes long is done beside.

use std::convert::Infallible;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::client_bytes::{ClientBytes, NextLine};
use crate::client_socket::ClientSocket;
use crate::command::{COMMAND_BYTES_MAX, COMMANDS, ClamdCommand, Framing, PathScan};
use crate::places::{Doing, Progress};
use crate::replies::{Outgoing, ReplyEnvelope, stats};
use crate::scans::{Scans, descriptor_name};
use crate::shared::ClamdServer;
use crate::stream::{StreamReader, StreamRefused};
use crate::{ClamdClient, ClamdCount, ClamdDesk, ClamdDrop, FileToScan};

/// How often it is looked whether a client that waits is still there.
const GONE_LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Why a conversation is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// Everything was said, or the client hung up.
    Done,
    /// The client is dropped.
    Dropped(ClamdDrop),
}

/// A conversation.
pub(crate) struct Conversation<D> {
    server: Rc<ClamdServer<D>>,
    out: Rc<Outgoing>,
    client: ClamdClient,
    progress: Rc<Progress>,
    bytes: ClientBytes,
    /// An open file that came beside the last bytes.
    passed: Option<OwnedFd>,
    /// What is being worked on.
    jobs: JoinSet<()>,
    /// Number of the next command, within a session.
    session: Option<u32>,
}

impl<D: ClamdDesk> Conversation<D> {
    pub(crate) fn new(
        server: Rc<ClamdServer<D>>,
        socket: ClientSocket,
        client: ClamdClient,
        progress: Rc<Progress>,
    ) -> Self {
        let out = Rc::new(Outgoing::new(socket, server.limits.write_wait_max));
        let (bytes, jobs) = (ClientBytes::new(), JoinSet::new());
        Conversation { server, out, client, progress, bytes, passed: None, jobs, session: None }
    }

    /// Talks until it is over; why the client was dropped, if it was.
    pub(crate) async fn run(mut self) -> Option<ClamdDrop> {
        let over = match self.converse().await {
            Err(over) => over,
            Ok(never) => match never {},
        };
        self.finish_jobs().await;
        let deaf = self.out.is_deaf();
        drop(self.jobs);
        // Jobs held it too.
        if let (Some(out), false) = (Rc::into_inner(self.out), deaf) {
            self.progress.does(Doing::Waits);
            tokio::select! {
                () = out.socket.close() => {}
                () = self.progress.told_to_leave() => {}
            }
        }
        match over {
            Over::Dropped(why) => Some(why),
            Over::Done if deaf => Some(ClamdDrop::Deaf),
            Over::Done => None,
        }
    }

    async fn converse(&mut self) -> Result<Infallible, Over> {
        loop {
            let (framing, line) = self.command().await?;
            let command = ClamdCommand::read(&line, framing);
            self.server.desk.count(ClamdCount::Command(command.counted_as()));
            let to = ReplyEnvelope { framing, id: self.session };
            if self.session.is_some() {
                self.in_session(command, to).await?;
                self.session = self.session.map(|id| id.wrapping_add(1));
                if self.passed.take().is_some() {
                    return self.refuse(to, "PROTOCOL ERROR: ancillary data sent without FILDES. ERROR").await;
                }
            } else if command == ClamdCommand::Idsession {
                self.session = Some(1);
            } else {
                self.alone(command, to).await?;
                return Err(Over::Done);
            }
        }
    }

    /// The only command of its connection.
    async fn alone(&mut self, command: ClamdCommand, to: ReplyEnvelope) -> Result<(), Over> {
        match command {
            ClamdCommand::Reload if self.may_control() => {
                self.server.desk.reload();
                self.out.reply(to, "RELOADING").await;
            }
            ClamdCommand::Reload | ClamdCommand::Shutdown => self.out.reply(to, "COMMAND UNAVAILABLE").await,
            ClamdCommand::Detstats => {}
            ClamdCommand::Scan(how, path) => self.scans().path(how, path, to, &mut self.jobs),
            ClamdCommand::End | ClamdCommand::Idsession | ClamdCommand::Unknown => {
                self.out.reply(to, "UNKNOWN COMMAND").await;
            }
            other => self.anywhere(other, to).await?,
        }
        Ok(())
    }

    /// A command of a session.
    async fn in_session(&mut self, command: ClamdCommand, to: ReplyEnvelope) -> Result<(), Over> {
        if to.framing == Framing::Old {
            return self.refuse(to, "Only nCMDS\\n and zCMDS\\0 are accepted inside IDSESSION. ERROR").await;
        }
        match command {
            ClamdCommand::End => Err(Over::Done),
            ClamdCommand::Scan(how @ PathScan::First, path) => {
                self.make_room().await;
                self.scans().path(how, path, to, &mut self.jobs);
                Ok(())
            }
            ClamdCommand::Ping
            | ClamdCommand::Version
            | ClamdCommand::VersionCommands
            | ClamdCommand::Stats
            | ClamdCommand::Fildes
            | ClamdCommand::Instream => self.anywhere(command, to).await,
            ClamdCommand::Scan(..)
            | ClamdCommand::Idsession
            | ClamdCommand::Reload
            | ClamdCommand::Shutdown
            | ClamdCommand::Detstats
            | ClamdCommand::Unknown => self.refuse(to, "Command invalid inside IDSESSION. ERROR").await,
        }
    }

    /// A command that is the same within sessions and without.
    async fn anywhere(&mut self, command: ClamdCommand, to: ReplyEnvelope) -> Result<(), Over> {
        match command {
            ClamdCommand::Ping => self.out.reply(to, "PONG").await,
            ClamdCommand::Version => self.out.reply(to, &self.server.desk.version()).await,
            ClamdCommand::VersionCommands => {
                let version = self.server.desk.version();
                self.out.reply(to, &format!("{version}| COMMANDS: {COMMANDS}")).await;
            }
            ClamdCommand::Stats if self.may_control() => {
                self.out.reply(to, &stats(&self.server.desk.load())).await;
            }
            ClamdCommand::Stats => self.out.reply(to, "COMMAND UNAVAILABLE").await,
            ClamdCommand::Fildes => self.fildes(to).await?,
            ClamdCommand::Instream => self.instream(to).await?,
            // Every other command was taken care of before.
            _ => self.out.reply(to, "UNKNOWN COMMAND").await,
        }
        Ok(())
    }

    async fn fildes(&mut self, to: ReplyEnvelope) -> Result<(), Over> {
        // The file comes beside at least one byte, which stands behind the command.
        while self.bytes.is_empty() {
            if self.passed.take().is_some() {
                return self.refuse(to, "PROTOCOL ERROR: ancillary data sent without FILDES. ERROR").await;
            }
            self.read(self.server.limits.read_wait_max).await?;
        }
        self.bytes.consume(1);
        let Some(file) = self.passed.take() else {
            return self.refuse(to, "No file descriptor received. ERROR").await;
        };
        self.make_room().await;
        let name = descriptor_name(file.as_raw_fd());
        let file = FileToScan { file, name, received: None, memory: None, client: self.client.clone() };
        self.scans().descriptor(file, to, &mut self.jobs);
        Ok(())
    }

    async fn instream(&mut self, to: ReplyEnvelope) -> Result<(), Over> {
        self.progress.does(Doing::Sends);
        let until = Instant::now() + self.server.limits.stream_time_max;
        let server = Rc::clone(&self.server);
        let mut stream = StreamReader::begin(&server.keeper, server.limits.stream_bytes_max);
        let kept = loop {
            match stream.take(&mut self.bytes).await {
                Ok(true) => break stream.finish().await,
                Ok(false) => {}
                Err(refused) => break Err(refused),
            }
            self.read_until(server.limits.read_wait_max, Some(until)).await?;
            self.progress.does(Doing::Sends);
        };
        match kept {
            Ok(kept) => {
                server.desk.count(ClamdCount::Stream(kept.size));
                self.make_room().await;
                self.scans().stream(kept, to, &mut self.jobs);
                Ok(())
            }
            Err(refused) => {
                self.finish_jobs().await;
                self.out.reply(to, refused.reply()).await;
                Err(match refused {
                    StreamRefused::TooLarge => Over::Dropped(ClamdDrop::LargeStream),
                    StreamRefused::NotKept => Over::Done,
                })
            }
        }
    }

    /// Says why no more is taken of this client. What is being worked on is replied to first.
    async fn refuse<T>(&mut self, to: ReplyEnvelope, why: &str) -> Result<T, Over> {
        self.finish_jobs().await;
        self.out.reply(to, why).await;
        Err(Over::Done)
    }

    /// The next command.
    async fn command(&mut self) -> Result<(Framing, Vec<u8>), Over> {
        loop {
            while self.jobs.try_join_next().is_some() {}
            match self.bytes.line() {
                NextLine::Line(framing, line) => return Ok((framing, line)),
                NextLine::TooLong => return Err(Over::Dropped(ClamdDrop::LongCommand)),
                NextLine::Partial => {}
            }
            let limits = &self.server.limits;
            let patience = if self.session.is_some() { limits.read_wait_max } else { limits.command_wait_max };
            self.read(patience).await?;
        }
    }

    /// Reads more, for at most so long.
    async fn read(&mut self, patience: Duration) -> Result<(), Over> {
        self.progress.does(if self.jobs.is_empty() { Doing::Waits } else { Doing::Works });
        self.read_until(patience, None).await
    }

    /// Reads more; `patience` is for these bytes, `until` for all of a stream. A client that waits for replies need not
    /// say anything, unless in the middle of a stream.
    async fn read_until(&mut self, patience: Duration, until: Option<Instant>) -> Result<(), Over> {
        let begun = Instant::now();
        loop {
            let now = if self.jobs.is_empty() || until.is_some() { begun } else { Instant::now() };
            let by = until.unwrap_or(now + patience).min(now + patience);
            let read = tokio::select! {
                Some(_) = self.jobs.join_next(), if !self.jobs.is_empty() => {
                    if self.jobs.is_empty() {
                        self.progress.does(Doing::Waits);
                    }
                    continue;
                }
                () = self.progress.told_to_leave() => return Err(Over::Done),
                read = timeout_at(by, self.out.socket.read(self.bytes.room())) => read,
            };
            if self.out.is_deaf() {
                return Err(Over::Dropped(ClamdDrop::Deaf));
            }
            return match read {
                Ok(Ok((0, _)) | Err(_)) => Err(Over::Done),
                Ok(Ok((got, passed))) => {
                    self.bytes.filled(got);
                    self.passed = passed.or_else(|| self.passed.take());
                    Ok(())
                }
                Err(_) if until.is_none() && !self.jobs.is_empty() => continue,
                Err(_) => {
                    self.out.raw(b"COMMAND READ TIMED OUT\n").await;
                    Err(Over::Dropped(ClamdDrop::Slow))
                }
            };
        }
    }

    /// Waits until so few files of this client are scanned that one more may be.
    async fn make_room(&mut self) {
        self.progress.does(Doing::Works);
        while self.jobs.len() >= self.server.limits.session_scans_max.max(1) && self.jobs.join_next().await.is_some() {}
    }

    /// Waits until all that is being worked on is replied to, or nobody is there who would read it.
    async fn finish_jobs(&mut self) {
        self.progress.does(Doing::Works);
        loop {
            match timeout(GONE_LOOK_INTERVAL, self.jobs.join_next()).await {
                Ok(None) => return,
                Ok(Some(_)) => {}
                Err(_) if self.out.socket.is_gone() => return self.jobs.shutdown().await,
                Err(_) => {}
            }
        }
    }

    fn may_control(&self) -> bool {
        matches!(self.client, ClamdClient::Local(_)) || self.server.limits.control_over_tcp
    }

    fn scans(&self) -> Scans<D> {
        Scans { server: Rc::clone(&self.server), out: Rc::clone(&self.out), client: self.client.clone() }
    }
}

// A command fits into what is read at once, so that there is always room for its rest.
const _: () = assert!(COMMAND_BYTES_MAX < crate::client_bytes::READ_BYTES);
