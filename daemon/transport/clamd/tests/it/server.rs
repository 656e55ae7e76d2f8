//! A server on a thread, whose desk finds what says that it is bad.

use std::cell::RefCell;
use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use daemon_clamd::{
    ClamdCount, ClamdDesk, ClamdLimits, ClamdListeners, Config, FileToScan, PathRules, ScanAnswer, ScannerLoad, serve,
};
use daemon_download::runtime::{Prefer, Runtime};
use daemon_download::{ArtifactMemory, FetchLimits, Keeper};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// What a test can see of the desk and tell it.
#[derive(Clone, Default)]
pub(crate) struct ClamdSeen {
    pub counts: Arc<Mutex<Vec<ClamdCount>>>,
    pub reloads: Arc<Mutex<usize>>,
    /// Files that say `wait` are answered once this is told.
    pub go: Arc<Notify>,
}

struct TestDesk {
    seen: ClamdSeen,
    /// Told with each file that is scanned.
    begun: RefCell<Sender<String>>,
}

impl ClamdDesk for TestDesk {
    async fn scan(&self, file: FileToScan, until: Instant) -> ScanAnswer {
        let mut text = vec![0; 64];
        let got = File::from(file.file).read_at(&mut text, 0).expect("the file can be read");
        let text = String::from_utf8_lossy(&text[..got]).into_owned();
        let _ = self.begun.borrow_mut().send(text.clone());
        if text.starts_with("wait") {
            let told = tokio::time::timeout_at(until, self.seen.go.notified()).await;
            if told.is_err() {
                return ScanAnswer::Failed("Time limit reached".to_owned());
            }
        }
        match text.trim_end() {
            bad if bad.ends_with("bad") => ScanAnswer::Found(vec!["Test.Bad".to_owned(), "Test.Worse".to_owned()]),
            "fail" => ScanAnswer::Failed("Not fully scanned".to_owned()),
            _ => ScanAnswer::Clean,
        }
    }

    fn version(&self) -> String {
        "test 1/2/3".to_owned()
    }

    fn reload(&self) {
        *self.seen.reloads.lock().unwrap() += 1;
    }

    fn load(&self) -> ScannerLoad {
        ScannerLoad { most: 4, scanning: 1, waiting: 2 }
    }

    fn count(&self, what: ClamdCount) {
        self.seen.counts.lock().unwrap().push(what);
    }
}

/// A running server.
pub(crate) struct TestServer {
    pub seen: ClamdSeen,
    pub begun: Receiver<String>,
    pub directory: tempfile::TempDir,
    pub tcp: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    pub(crate) fn start(limits: ClamdLimits) -> TestServer {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let files = directory.path().join("files");
        std::fs::create_dir(&files).expect("it is ours");
        let config = Config {
            socket: directory.path().join("clamd.sock"),
            listen: vec!["127.0.0.1:0".parse().expect("an address")],
            ..Config::default()
        };
        let listeners = ClamdListeners::bind(&config).expect("sockets can be made");
        let tcp = listeners.tcp_addresses()[0];
        let paths = PathRules { directories: vec![files], ..PathRules::default() };
        let seen = ClamdSeen::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (begin, begun) = channel();
        let (theirs, spill) = (seen.clone(), directory.path().to_owned());
        let thread = std::thread::spawn(move || {
            let (runtime, backend) = Runtime::start(Prefer::Plain).expect("a runtime");
            let fetch = FetchLimits { memory_bytes_max: 1 << 20, ..FetchLimits::default() };
            let keeper = Keeper::open(&fetch, ArtifactMemory::new(1 << 30), spill, &backend).expect("a keeper");
            let desk = TestDesk { seen: theirs, begun: RefCell::new(begin) };
            let stopped = async {
                let _ = stopped.await;
            };
            runtime.block_on(serve(listeners, limits, paths, keeper, desk, stopped)).expect("it serves");
        });
        TestServer { seen, begun, directory, tcp, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("clamd.sock")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join("files").join(name)
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = UnixStream::connect(self.socket()).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it is a socket");
        Client(stream)
    }

    /// Sends these bytes on a connection of their own: everything that is replied.
    pub(crate) fn ask(&self, bytes: &[u8]) -> String {
        let mut client = self.connect();
        client.send(bytes);
        client.rest()
    }

    pub(crate) fn ask_tcp(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.tcp).expect("it listens");
        stream.write_all(bytes).expect("it takes it");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it replies in UTF-8");
        reply
    }

    /// Whether something like this was counted; waits until it is.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: impl Fn(&ClamdCount) -> bool) {
        for _ in 0..6_000 {
            if self.seen.counts.lock().unwrap().iter().any(&what) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("not counted: {:?}", self.seen.counts.lock().unwrap());
    }

    /// Ends it, and waits.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

/// A client of the unix socket.
pub(crate) struct Client(pub UnixStream);

impl Client {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // The server may have said what it has to say, and closed.
        let _ = self.0.write_all(bytes);
    }

    pub(crate) fn end(&self) {
        self.0.shutdown(Shutdown::Write).expect("it is a socket");
    }

    /// Sends bytes with open files beside them.
    pub(crate) fn pass(&self, bytes: &[u8], files: &[&Path]) {
        use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
        let files: Vec<File> = files.iter().map(|path| File::open(path).expect("the file is there")).collect();
        let borrowed: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)));
        sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, SendFlags::empty()).expect("it takes it");
    }

    /// Reads until this has come.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        let mut got = vec![0; text.len()];
        self.0.read_exact(&mut got).expect("something comes");
        assert_eq!(String::from_utf8_lossy(&got), text);
    }

    /// Everything that comes until the server closes; what had come if it breaks off.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest);
        String::from_utf8(rest).expect("it replies in UTF-8")
    }
}

/// The bytes of an INSTREAM command, in pieces of this size.
pub(crate) fn instream(bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut sent = b"zINSTREAM\0".to_vec();
    for piece in bytes.chunks(piece.max(1)) {
        sent.extend_from_slice(&u32::try_from(piece.len()).expect("it is short").to_be_bytes());
        sent.extend_from_slice(piece);
    }
    sent.extend_from_slice(&[0; 4]);
    sent
}
