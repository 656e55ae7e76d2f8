//! `data:` and `file:` uris.

use std::fs;
use std::os::unix::fs::symlink;

use daemon_download::{FetchError, FileUris, Storage};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::{Errno, pwrite};

use crate::rig::{bytes, each_backend};
use crate::server::body;

#[test]
fn data_uris_carry_their_bytes() {
    const CASES: &[(&str, &[u8])] = &[
        ("data:text/plain;base64,dGVzdA==", b"test"),
        ("data:text/plain;base64,dGVzdA", b"test"),
        ("data:text/plain;charset=utf-8;base64,dGVzdA==", b"test"),
        ("DATA:text/plain;BASE64,dGVzdA==", b"test"),
        ("data:;base64,dGVz%20dA%3D%3D", b"test"),
        ("data:application/octet-stream;base64,AAH/", b"\0\x01\xff"),
        ("data:;base64,", b""),
        ("data:,", b""),
        ("data:,test", b"test"),
        ("data:,a%20b%00%ff", b"a b\0\xff"),
        ("data:text/plain,100%", b"100%"),
        ("data:,test#fragment", b"test"),
        ("data:nonsense,te,st", b"te,st"),
    ];
    each_backend(
        |_| {},
        async |rig| {
            for (uri, expected) in CASES {
                let fetched = rig.gives(uri, expected).await;
                assert_eq!(fetched.place, Storage::Memory);
                assert_eq!(pwrite(&fetched.file, b"x", 0), Err(Errno::PERM), "{uri}");
            }
        },
    );
}

#[test]
fn data_uris_that_are_none_are_refused() {
    each_backend(
        |_| {},
        async |rig| {
            for uri in [
                "data:",
                "data:text/plain",
                "data:;base64,!!!!",
                "data:;base64,a",
                "data:;base64,dGVzdA=",
                "data:;base64,A=B=",
            ] {
                let error = rig.fails(uri).await;
                assert!(matches!(error, FetchError::Uri { .. }), "{uri}: {error:?}");
            }
        },
    );
    each_backend(
        |options| options.schemes.data = false,
        async |rig| assert!(matches!(rig.fails("data:,x").await, FetchError::Scheme { .. })),
    );
}

#[test]
fn data_uris_are_limited_before_and_after_they_are_decoded() {
    let letters = "A".repeat(4000);
    each_backend(
        |options| {
            options.limits.data_uri_bytes_max = 10_000;
            options.limits.bytes_max = 3000;
            options.limits.memory_bytes_max = 1000;
        },
        async |rig| {
            let fetched = rig.gives(&format!("data:;base64,{letters}"), &[0; 3000]).await;
            assert_eq!(fetched.place, Storage::File);
            for uri in [format!("data:;base64,{letters}AAAA"), format!("data:,{}", &letters[..3001])] {
                let error = rig.fails(&uri).await;
                assert!(matches!(error, FetchError::TooLarge { .. }), "{error:?}");
            }
            let error = rig.fails(&format!("data:,{}", "A".repeat(10_000))).await;
            assert!(matches!(error, FetchError::Uri { .. }), "{error:?}");
        },
    );
}

#[test]
fn file_uris_are_refused_unless_they_are_allowed() {
    each_backend(
        |_| {},
        async |rig| {
            for uri in ["file:///etc/passwd", "file:/etc/passwd", "FILE:///etc/passwd", "file://localhost/etc/passwd"] {
                assert!(matches!(rig.fails(uri).await, FetchError::Scheme { .. }), "{uri}");
            }
        },
    );
}

#[test]
fn allowed_file_is_copied_so_that_later_writes_do_not_reach_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("with space");
    each_backend(
        |options| {
            options.schemes.file = FileUris::Anywhere;
            options.limits.memory_bytes_max = 600_000;
            options.limits.bytes_max = 900_000;
        },
        async |rig| {
            let uri = format!("file://{}/with%20space", dir.path().display());
            for (size, place) in
                [(0, Storage::Memory), (10, Storage::Memory), (600_000, Storage::Memory), (900_000, Storage::File)]
            {
                fs::write(&path, body(size)).unwrap();
                let fetched = rig.gives(&uri, &body(size)).await;
                assert_eq!(fetched.place, place);
                fs::write(&path, "other").unwrap();
                assert_eq!(bytes(&fetched), body(size));
            }
            fs::write(&path, body(900_001)).unwrap();
            assert!(matches!(rig.fails(&uri).await, FetchError::TooLarge { size_bytes: Some(900_001), .. }));
        },
    );
}

#[test]
fn links_fifos_directories_and_kernel_windows_are_refused_without_a_wait() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "secret").unwrap();
    fs::create_dir(at("sub")).unwrap();
    symlink(at("file"), at("link")).unwrap();
    symlink(dir.path(), at("sub/up")).unwrap();
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    each_backend(
        |options| options.schemes.file = FileUris::Anywhere,
        async |rig| {
            for name in ["link", "sub/up/file", "fifo", "sub", "missing"] {
                let error = rig.fails(&format!("file://{}", at(name).display())).await;
                assert!(matches!(error, FetchError::File { .. }), "{name}: {error:?}");
            }
            for path in
                ["/proc/self/maps", "/proc/self/fd/0", "/dev/zero", "/sys/kernel/mm/transparent_hugepage/enabled"]
            {
                let error = rig.fails(&format!("file://{path}")).await;
                assert!(matches!(error, FetchError::File { .. }), "{path}: {error:?}");
            }
            assert!(matches!(rig.fails("file://server/share").await, FetchError::Uri { .. }));
            rig.gives(&format!("file://{}", at("file").display()), b"secret").await;
        },
    );
}

#[test]
fn file_uri_leads_nowhere_but_below_its_root() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::write(root.join("sub/file"), "inside").unwrap();
    fs::write(dir.path().join("file"), "outside").unwrap();
    each_backend(
        |options| options.schemes.file = FileUris::Beneath(root.clone()),
        async |rig| {
            let root = root.display();
            rig.gives(&format!("file://{root}/sub/file"), b"inside").await;
            rig.gives(&format!("file://{root}/sub/../sub/file"), b"inside").await;
            for way_out in ["../file", "%2e%2e/file", "sub/..%2f..%2ffile", "..%2ffile", "sub/file%00"] {
                let error = rig.fails(&format!("file://{root}/{way_out}")).await;
                assert!(matches!(error, FetchError::File { .. }), "{way_out}: {error:?}");
            }
            assert!(matches!(rig.fails("file:///etc/passwd").await, FetchError::File { .. }));
            assert!(matches!(rig.fails(&format!("file://{root}-beside/file")).await, FetchError::File { .. }));
        },
    );
}
