//! What a server can do to a download.

use std::time::Duration;

use daemon_artifact::Sha256Digest;
use daemon_download::{FetchError, Storage};
use tokio::time::Instant;

use crate::rig::{Changing, LONG, bytes, chain, each_backend};
use crate::server::{GZIP, Server, body};

#[test]
fn bodies_of_every_size_and_framing_arrive_as_they_are() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            for size in [0, 1, 4096, 65_536, 262_143, 262_144, 262_145, 1_000_000] {
                for framing in ["bytes", "chunked", "until-close", "slow-start"] {
                    let fetched = rig.gives(&server.uri(&format!("/{framing}/{size}")), &body(size)).await;
                    assert_eq!(fetched.place, Storage::Memory);
                }
            }
        },
    );
}

#[test]
fn one_connection_serves_many_artifacts() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            let before = server.connections();
            for _ in 0..20 {
                rig.gives(&server.uri("/bytes/10"), &body(10)).await;
            }
            assert_eq!(server.connections() - before, 1);
        },
    );
}

#[test]
fn request_tells_nothing_that_it_need_not() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            rig.fetch(&server.uri("/cookie#fragment")).await.unwrap();
        },
    );
    for head in server.heads() {
        let head = head.to_lowercase();
        assert!(head.contains("\r\naccept-encoding: identity\r\n"), "{head}");
        assert!(head.contains(concat!("\r\nuser-agent: stakeout/", env!("CARGO_PKG_VERSION"), "\r\n")), "{head}");
        for told in ["cookie:", "referer:", "authorization:", "fragment"] {
            assert!(!head.contains(told), "{head}");
        }
    }
}

#[test]
fn compressed_body_is_kept_as_it_came() {
    let server = Server::start();
    each_backend(|_| {}, async |rig| drop(rig.gives(&server.uri("/gzip"), GZIP).await));
}

#[test]
fn trickle_is_too_slow_and_so_is_a_body_that_stops() {
    let server = Server::start();
    each_backend(
        |options| options.limits.watch = Duration::from_millis(100),
        async |rig| {
            let error = rig.fails(&server.uri("/trickle")).await;
            assert!(matches!(error, FetchError::TooSlow { bytes: 1..100, .. }), "{error:?}");
        },
    );
}

#[test]
fn server_that_says_nothing_is_too_slow_or_meets_the_deadline() {
    let server = Server::start();
    each_backend(
        |options| options.limits.answer_max = Duration::from_millis(50),
        async |rig| {
            let error = rig.fails(&server.uri("/silent")).await;
            assert!(matches!(error, FetchError::TooSlow { bytes: 0, .. }), "{error:?}");
        },
    );
    // With patience for minutes, so that only the deadline can pass, however slow this machine is.
    each_backend(
        |options| options.limits.answer_max = Duration::from_secs(600),
        async |rig| {
            let soon = Instant::now() + Duration::from_millis(10);
            let error = rig.fetcher.fetch(&server.uri("/silent"), None, soon).await.unwrap_err();
            assert!(matches!(error, FetchError::Deadline), "{error:?}");
        },
    );
}

#[test]
fn endless_body_ends_at_the_limit() {
    let server = Server::start();
    each_backend(
        |options| options.limits.bytes_max = 1 << 20,
        async |rig| {
            let error = rig.fails(&server.uri("/endless")).await;
            assert!(matches!(error, FetchError::TooLarge { size_bytes: None, size_bytes_max: 0x10_0000 }), "{error:?}");
        },
    );
}

#[test]
fn endless_body_meets_the_deadline_in_a_file_too() {
    let server = Server::start();
    each_backend(
        |options| {
            options.limits.bytes_max = u64::MAX;
            options.limits.memory_bytes_max = 1 << 20;
        },
        async |rig| {
            let soon = Instant::now() + Duration::from_millis(150);
            let error = rig.fetcher.fetch(&server.uri("/endless"), None, soon).await.unwrap_err();
            assert!(matches!(error, FetchError::Deadline), "{error:?}");
            rig.gives(&server.uri("/chunked/2000000"), &body(2_000_000)).await;
        },
    );
}

#[test]
fn limit_itself_is_allowed_and_one_more_is_not() {
    let server = Server::start();
    each_backend(
        |options| options.limits.bytes_max = 100_000,
        async |rig| {
            for framing in ["bytes", "chunked"] {
                rig.gives(&server.uri(&format!("/{framing}/100000")), &body(100_000)).await;
                let error = rig.fails(&server.uri(&format!("/{framing}/100001"))).await;
                let announced = (framing == "bytes").then_some(100_001);
                assert!(
                    matches!(error, FetchError::TooLarge { size_bytes, .. } if size_bytes == announced),
                    "{error:?}"
                );
            }
        },
    );
}

#[test]
fn announced_size_is_never_believed() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            let error = rig.fails(&server.uri("/length/9223372036854775808")).await;
            assert!(matches!(error, FetchError::TooLarge { size_bytes: Some(0x8000_0000_0000_0000), .. }), "{error:?}");
            for path in ["/length/-1", "/length/99999999999999999999", "/length/0x10", "/two-lengths"] {
                let error = rig.fails(&server.uri(path)).await;
                assert!(matches!(error, FetchError::Broken { .. }), "{path}: {error:?}");
            }
            rig.gives(&server.uri("/length/3"), b"few").await;
        },
    );
}

#[test]
fn answer_that_breaks_off_is_broken_and_tried_again() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            for path in ["/half/1000", "/half/1000000", "/half-chunked", "/garbage"] {
                let before = server.heads().len();
                let error = rig.fails(&server.uri(path)).await;
                assert!(matches!(error, FetchError::Broken { .. }), "{path}: {error:?}");
                assert_eq!(server.heads().len() - before, 3, "{path}");
            }
        },
    );
    each_backend(
        |_| {},
        async |rig| {
            let server = Server::start();
            rig.gives(&server.uri("/half-then-whole/5000"), &body(5000)).await;
        },
    );
}

#[test]
fn statuses_that_pass_are_tried_again_and_others_are_not() {
    each_backend(
        |_| {},
        async |rig| {
            let server = Server::start();
            for status in [408, 429, 500, 502, 503, 504] {
                rig.gives(&server.uri(&format!("/once/{status}")), b"at last").await;
            }
            for (status, tries) in [(404, 1), (403, 1), (204, 1), (206, 1), (304, 1), (300, 1), (500, 3), (429, 3)] {
                let before = server.heads().len();
                let error = rig.fails(&server.uri(&format!("/status/{status}"))).await;
                assert!(matches!(error, FetchError::Status(told) if told == status), "{error:?}");
                assert_eq!(server.heads().len() - before, tries, "{status}");
            }
        },
    );
}

#[test]
fn retry_after_the_deadline_is_not_waited_for() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            let begin = Instant::now();
            let error = rig.fails(&server.uri("/later/3600")).await;
            assert!(matches!(error, FetchError::Status(429)), "{error:?}");
            assert!(begin.elapsed() < LONG);
        },
    );
}

#[test]
fn nobody_who_listens_and_no_such_name_are_connect_errors() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    each_backend(
        |options| options.lookup = Changing::new(&[]),
        async |rig| {
            for uri in [format!("http://{free}/"), "http://unknown.test/".to_owned()] {
                let error = rig.fails(&uri).await;
                assert!(matches!(error, FetchError::Connect { .. }), "{uri}: {error:?}");
                assert!(error.is_worth_retrying());
            }
        },
    );
}

#[test]
fn other_bytes_than_promised_are_refused() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            let (uri, good) = (server.uri("/bytes/1000"), Sha256Digest::of(&body(1000)));
            let fetched = rig.fetcher.fetch(&uri, Some(good), Instant::now() + LONG).await.unwrap();
            assert_eq!(bytes(&fetched), body(1000));
            let flipped = Sha256Digest(good.0.map(|byte| byte ^ 1));
            let error = rig.fetcher.fetch(&uri, Some(flipped), Instant::now() + LONG).await.unwrap_err();
            match error {
                FetchError::WrongDigest { expected, got, size_bytes } => {
                    assert_eq!((expected, got, size_bytes), (flipped, good, 1000));
                }
                other => panic!("{other:?}"),
            }
        },
    );
}

#[test]
fn an_answer_without_a_length_that_was_cut_off_is_tried_again() {
    each_backend(
        |_| {},
        async |rig| {
            // One that counts for itself: each backend asks anew.
            let server = Server::start();
            let good = Sha256Digest::of(&body(100_000));
            let uri = server.uri("/cut-then-whole/100000");
            let fetched = rig.fetcher.fetch(&uri, Some(good), Instant::now() + LONG).await.unwrap();
            assert_eq!((bytes(&fetched), server.heads().len()), (body(100_000), 2));
            // Always cut off: it broke off, rather than being something else than was promised.
            let uri = server.uri("/cut/50000");
            let error = rig.fetcher.fetch(&uri, Some(good), Instant::now() + LONG).await.unwrap_err();
            assert!(matches!(error, FetchError::Broken { .. }), "{error:?}");
            assert!(chain(&error).contains("ended after 50000 bytes"), "{}", chain(&error));
            assert!(server.heads().len() > 3, "{}", server.heads().len());
        },
    );
}

#[test]
fn many_downloads_run_side_by_side() {
    let server = Server::start();
    each_backend(
        |options| options.limits.memory_bytes_max = 200_000,
        async |rig| {
            let rig = std::rc::Rc::new(rig);
            let tasks: Vec<_> = (0..40_usize)
                .map(|i| {
                    let (rig, uri) = (rig.clone(), server.uri(&format!("/chunked/{}", i * 10_000)));
                    tokio::task::spawn_local(async move { drop(rig.gives(&uri, &body(i * 10_000)).await) })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        },
    );
}
