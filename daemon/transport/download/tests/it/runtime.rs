//! Network, time, signals, tasks and threads work in either runtime; which one it is, is told.

use std::process::Command;
use std::time::Duration;

use daemon_download::runtime::{Backend, Prefer, Runtime, WhyPlain};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

#[test]
fn network_time_signals_and_threads_work_in_every_runtime() {
    for prefer in [Prefer::Plain, Prefer::Uring, Prefer::Auto] {
        let (runtime, backend) = Runtime::start(prefer).unwrap();
        let said = runtime.block_on(async {
            let mut usr1 = signal(SignalKind::user_defined1()).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = tokio::task::spawn_local(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
                stream.write_all(b"hello").await.unwrap();
            });
            let mut said = String::new();
            TcpStream::connect(address).await.unwrap().read_to_string(&mut said).await.unwrap();
            server.await.unwrap();
            kill_process(getpid(), Signal::USR1).unwrap();
            usr1.recv().await.unwrap();
            tokio::task::spawn_blocking(move || said).await.unwrap()
        });
        assert_eq!(said, "hello", "{backend}");
        // A second call goes on with what the first one left.
        assert_eq!(runtime.block_on(async { 1 }), 1);
    }
}

#[test]
fn plain_runtime_is_plain_because_it_was_preferred() {
    let (_, backend) = Runtime::start(Prefer::Plain).unwrap();
    assert!(matches!(backend, Backend::Plain { why: WhyPlain::Preferred }));
    assert_eq!(backend.to_string(), "blocking calls, as configured");
}

/// Set in the child process of the test below.
const CHILD: &str = "DAEMON_INTAKE_TEST_NO_RING";

#[test]
fn where_a_ring_cannot_be_had_the_runtime_is_plain_and_the_reason_is_told() {
    if std::env::var_os(CHILD).is_none() {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "runtime::where_a_ring_cannot_be_had_the_runtime_is_plain_and_the_reason_is_told"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    // Descriptors enough for tokio, once for us and once below the ring, but not for the ring.
    let before = [Runtime::start(Prefer::Plain).unwrap(), Runtime::start(Prefer::Plain).unwrap()];
    let next = std::os::fd::AsRawFd::as_raw_fd(&std::fs::File::open("/").unwrap()) as u64;
    drop(before);
    setrlimit(Resource::Nofile, Rlimit { current: Some(next), maximum: Some(next) }).unwrap();
    let (runtime, backend) = Runtime::start(Prefer::Uring).unwrap();
    assert!(matches!(backend, Backend::Plain { why: WhyPlain::Refused(_) }), "{backend}");
    assert!(backend.to_string().contains("io_uring is not available"), "{backend}");
    assert_eq!(runtime.block_on(async { tokio::task::spawn_local(async { 1 }).await.unwrap() }), 1);
}
