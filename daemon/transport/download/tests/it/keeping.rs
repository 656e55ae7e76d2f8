//! Where the bytes go, and that nobody can change them.

use std::process::Command;

use daemon_download::runtime::{Prefer, Runtime};
use daemon_download::{FetchError, Fetcher, SetupError, Storage};
use rustix::fs::{SealFlags, fcntl_get_seals, fstat, ftruncate};
use rustix::io::{Errno, FdFlags, fcntl_getfd, pwrite};

use crate::rig::{Rig, chain, each_backend, options};
use crate::server::{Server, body};

#[test]
fn small_artifact_is_in_memory_and_sealed() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            for size in [0, 1, 100_000] {
                let fetched = rig.gives(&server.uri(&format!("/bytes/{size}")), &body(size)).await;
                assert_eq!(fetched.place, Storage::Memory);
                assert_eq!(pwrite(&fetched.file, b"x", 0), Err(Errno::PERM));
                assert_eq!(ftruncate(&fetched.file, 0).err(), (size > 0).then_some(Errno::PERM));
                assert_eq!(ftruncate(&fetched.file, 1 << 20), Err(Errno::PERM));
                let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
                assert!(fcntl_get_seals(&fetched.file).unwrap().contains(seals));
                assert!(fcntl_getfd(&fetched.file).unwrap().contains(FdFlags::CLOEXEC));
            }
        },
    );
}

#[test]
fn large_artifact_is_in_a_file_without_a_name() {
    let server = Server::start();
    each_backend(
        |options| options.limits.memory_bytes_max = 500_000,
        async |rig| {
            // Announced, it goes there at once; unannounced, what is in memory by then is copied over.
            for framing in ["bytes", "chunked", "until-close"] {
                let fetched = rig.gives(&server.uri(&format!("/{framing}/3000000")), &body(3_000_000)).await;
                assert_eq!(fetched.place, Storage::File);
                let stat = fstat(&fetched.file).unwrap();
                assert_eq!((stat.st_nlink, stat.st_mode & 0o777), (0, 0o600));
                assert!(fcntl_getfd(&fetched.file).unwrap().contains(FdFlags::CLOEXEC));
            }
            assert_eq!(std::fs::read_dir(rig.dir.path()).unwrap().count(), 0);
        },
    );
}

#[test]
fn size_that_memory_may_hold_stays_there_and_one_more_goes_to_a_file() {
    let server = Server::start();
    each_backend(
        |options| options.limits.memory_bytes_max = 500_000,
        async |rig| {
            for framing in ["bytes", "chunked"] {
                for (size, place) in [(500_000, Storage::Memory), (500_001, Storage::File)] {
                    let fetched = rig.gives(&server.uri(&format!("/{framing}/{size}")), &body(size)).await;
                    assert_eq!(fetched.place, place, "{framing} {size}");
                }
            }
        },
    );
}

#[test]
fn memory_that_is_taken_sends_the_next_artifact_to_a_file_until_it_is_free() {
    let server = Server::start();
    each_backend(
        |options| options.limits.memory_in_flight_max = 1 << 20,
        async |rig| {
            let (uri, expected) = (server.uri("/chunked/700000"), body(700_000));
            let first = rig.gives(&uri, &expected).await;
            let second = rig.gives(&uri, &expected).await;
            assert_eq!((first.place, second.place), (Storage::Memory, Storage::File));
            // Failures give back what they took.
            for _ in 0..10 {
                rig.fails(&server.uri("/half/1000000")).await;
            }
            drop(first);
            assert_eq!(rig.gives(&uri, &expected).await.place, Storage::Memory);
        },
    );
}

#[test]
fn directory_that_is_not_there_is_told_at_the_start() {
    let (_, backend) = Runtime::start(Prefer::Plain).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(&dir);
    options.spill_dir = dir.path().join("missing");
    assert!(matches!(Fetcher::new(options, &backend), Err(SetupError::Directory { .. })));
}

/// Set in the child process of the test below: a directory on a full disk.
const FULL: &str = "DAEMON_INTAKE_TEST_FULL_DISK";

#[test]
fn full_disk_is_a_storage_error_and_memory_goes_on() {
    let Some(full) = std::env::var_os(FULL) else {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg(format!(
                "mount -t tmpfs -o size=1m none '{0}' || exit 77; {FULL}='{0}' exec '{1}' --exact \
                 keeping::full_disk_is_a_storage_error_and_memory_goes_on",
                dir.path().display(),
                std::env::current_exe().unwrap().display(),
            ))
            .output();
        match mounted {
            Ok(output) if output.status.success() => {}
            // No namespaces for us here.
            Ok(output) if output.status.code() != Some(101) => eprintln!("not tried: {output:?}"),
            Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => eprintln!("not tried: {error}"),
        }
        return;
    };
    let server = Server::start();
    each_backend(
        |options| {
            options.limits.memory_bytes_max = 100_000;
            options.spill_dir = full.clone().into();
        },
        async |rig: Rig| {
            for framing in ["bytes", "chunked"] {
                let error = rig.fails(&server.uri(&format!("/{framing}/3000000"))).await;
                assert!(
                    matches!(&error, FetchError::Storage { source, .. }
                    if source.kind() == std::io::ErrorKind::StorageFull),
                    "{error:?}"
                );
                assert!(!error.is_worth_retrying() && chain(&error).contains("spill"), "{}", chain(&error));
            }
            rig.gives(&server.uri("/bytes/50000"), &body(50_000)).await;
            rig.gives(&server.uri("/bytes/500000"), &body(500_000)).await;
        },
    );
}
