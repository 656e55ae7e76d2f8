//! What the process tests share: a template of the obedient example, and artifacts for it.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use daemon_worker::{Death, Served, Start, Template, Worker};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// Where cargo puts the example: beside the folder of this test.
pub(crate) fn obedient() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let path = test.ancestors().nth(2).expect("it lies in target/PROFILE/deps").join("examples/obedient");
    assert!(path.exists(), "build it first: cargo build -p daemon-worker --examples");
    path
}

pub(crate) fn start(config: &str) -> Start {
    Start { config: config.as_bytes().to_vec(), ..Start::new(obedient()) }
}

pub(crate) fn template(config: &str) -> Template {
    Template::start(start(config)).expect("a template starts")
}

/// A sealed memfd, as the daemon hands artifacts over.
pub(crate) fn artifact(bytes: &[u8]) -> OwnedFd {
    let memfd = memfd_create("artifact", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("a memfd");
    let mut file = std::fs::File::from(memfd);
    file.write_all(bytes).expect("it may grow");
    let memfd = OwnedFd::from(file);
    fcntl_add_seals(&memfd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL).expect("seals");
    memfd
}

/// One job, whose limit and deadline are `limit` and 100 ms more.
pub(crate) fn ask(worker: &mut Worker, request: &str, limit: Duration) -> Result<(Served, Vec<u8>), Death> {
    use std::os::fd::AsFd;
    worker.send(artifact(&[1, 2, 3]).as_fd(), request.as_bytes(), limit).expect("there is room for a job");
    let mut reply = Vec::new();
    worker.receive(Instant::now() + limit + GRACE, &mut reply).map(|served| (served, reply))
}

/// What the parent waits beyond a job's own limit.
const GRACE: Duration = Duration::from_millis(100);
