//! Artifacts: their list, and their bytes into sealed files.

use std::io::Read;
use std::os::fd::AsFd;
use std::time::Duration;

use daemon_download::runtime::Backend;
use daemon_download::{FetchLimits, FetchOptions, Fetched, Fetcher};
use daemon_polyswarmd::{ArtifactError, Client};
use serde_json::json;
use tokio::time::Instant;

use crate::server::{ACCOUNT, KEY, ScriptedReply, ScriptedServer, run};

const URI: &str = "QmPZ9gcCEpqKTo6aq61g2nXGUhM4iCL3ewB6LDXZCtioEB";

fn fetcher(directory: &tempfile::TempDir) -> Fetcher {
    let mut options = FetchOptions::new(directory.path());
    options.limits = FetchLimits { bytes_max: 1 << 20, memory_bytes_max: 64 << 10, ..options.limits };
    // No root of the system is needed: the client of polyswarmd asks.
    options.schemes.https = false;
    Fetcher::new(options, &Backend::Plain { why: daemon_download::runtime::WhyPlain::Preferred }).unwrap()
}

pub(crate) fn bytes(fetched: &Fetched) -> Vec<u8> {
    let mut file =
        std::fs::File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fetched.file.as_fd())))
            .unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn fetch(client: &Client, fetcher: &Fetcher, index: usize) -> Result<Fetched, ArtifactError> {
    client.artifact(URI, index, fetcher, soon()).await
}

#[test]
fn artifacts_are_listed_and_downloaded_with_the_key() {
    run(async {
        let server = ScriptedServer::start().await;
        let large: Vec<u8> = (0..200_000u32).map(|i| (i / 251 + i) as u8).collect();
        server
            .on(
                &format!("GET /artifacts/{URI}"),
                [ScriptedReply::Ok(json!([{ "name": "a", "hash": "Qm" }, { "name": "b" }, {}]))],
            )
            .on(&format!("GET /artifacts/{URI}/0"), [ScriptedReply::bytes("http://example.com/")])
            .on(&format!("GET /artifacts/{URI}/1"), [ScriptedReply::bytes(large.clone())])
            .on(&format!("GET /artifacts/{URI}/2"), [ScriptedReply::bytes("")]);
        let directory = tempfile::tempdir().unwrap();
        let (client, fetcher) = (server.client_with_key(), fetcher(&directory));
        let list = client.artifacts(URI).await.unwrap();
        assert_eq!((list.len(), list[0].name.as_str(), list[1].hash.as_str()), (3, "a", ""));
        assert_eq!(bytes(&fetch(&client, &fetcher, 0).await.unwrap()), b"http://example.com/");
        let fetched = fetch(&client, &fetcher, 1).await.unwrap();
        assert_eq!(bytes(&fetched), large);
        assert_eq!(fetched.sha256, daemon_base::Sha256Digest::of(&large));
        assert_eq!(fetch(&client, &fetcher, 2).await.unwrap().size, 0);
        for seen in server.seen() {
            assert_eq!((seen.key.as_deref(), seen.query["account"].as_str()), (Some(KEY), ACCOUNT));
        }
    });
}

#[test]
fn what_is_no_artifact_is_not_asked_for() {
    run(async {
        let server = ScriptedServer::start().await;
        let directory = tempfile::tempdir().unwrap();
        let (client, fetcher) = (server.client(), fetcher(&directory));
        for uri in ["", "../../etc/passwd", "Qm/0", "Qm?x=1", "Qm%2f", &"0".repeat(64)] {
            assert!(client.artifacts(uri).await.is_err(), "{uri}");
            assert!(client.artifact(uri, 0, &fetcher, soon()).await.is_err(), "{uri}");
        }
        assert!(client.artifact(URI, 256, &fetcher, soon()).await.is_err());
        assert_eq!(server.seen().len(), 0);
    });
}

#[test]
fn downloads_fail_in_time_and_within_limits() {
    run(async {
        let server = ScriptedServer::start().await;
        let what = format!("GET /artifacts/{URI}/0");
        let directory = tempfile::tempdir().unwrap();
        let (client, fetcher) = (server.client(), fetcher(&directory));
        for (reply, why, attempts) in [
            (ScriptedReply::Endless(2 << 20), "more than the 1048576 bytes allowed", 1),
            (ScriptedReply::Cut(100), "", 3),
            (ScriptedReply::Hang, "no reply in", 3),
            (ScriptedReply::status(404), "status 404", 1),
            (ScriptedReply::status(206), "status 206", 1),
            (ScriptedReply::status(503), "status 503", 3),
            (ScriptedReply::status(302), "status 302", 1),
            (ScriptedReply::Fail(400, json!("Artifact too large")), "Artifact too large", 1),
        ] {
            server.on(&what, [reply.clone()]);
            let before = server.count(&what);
            let error = fetch(&client, &fetcher, 0).await.unwrap_err();
            let told = daemon_base::text::causes(&error);
            assert!(told.contains(why), "{reply:?}: {told}");
            assert_eq!(server.count(&what) - before, attempts, "{reply:?}: {told}");
        }
        server.on(&what, [ScriptedReply::status(429), ScriptedReply::Cut(10), ScriptedReply::bytes("x")]);
        assert_eq!(bytes(&fetch(&client, &fetcher, 0).await.unwrap()), b"x");
        // The deadline is the caller's.
        server.on(&what, [ScriptedReply::Hang]);
        let deadline = Instant::now() + Duration::from_millis(100);
        let error = client.artifact(URI, 0, &fetcher, deadline).await.unwrap_err();
        assert!(matches!(error, ArtifactError::Download { .. }), "{error}");
    });
}

#[test]
fn a_list_is_no_longer_than_any_bounty() {
    run(async {
        let server = ScriptedServer::start().await;
        let list = |count| ScriptedReply::Ok(json!(vec![json!({ "name": "a", "hash": "b" }); count]));
        server.on(&format!("GET /artifacts/{URI}"), [list(256), list(257), ScriptedReply::Ok(json!({}))]);
        let client = server.client();
        assert_eq!(client.artifacts(URI).await.unwrap().len(), 256);
        assert!(client.artifacts(URI).await.is_err());
        assert!(client.artifacts(URI).await.is_err());
    });
}

/// The list under a URI may be longer than the bounty that the contract knows.
#[test]
fn only_artifacts_that_the_contract_counts_belong_to_a_bounty() {
    run(async {
        let server = ScriptedServer::start().await;
        let guid: daemon_polyswarmd::Guid = "7f6a1210-9c15-4707-aed3-1a2d587d3374".parse().unwrap();
        let bounty = |count: serde_json::Value| {
            ScriptedReply::Ok(json!({
                "guid": guid.to_string(), "artifact_type": "file", "author": ACCOUNT, "amount": "5", "uri": URI,
                "num_artifacts": count, "expiration": 118,
            }))
        };
        server
            .on(
                &format!("GET /artifacts/{URI}"),
                [ScriptedReply::Ok(json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }]))],
            )
            .on(
                &format!("GET /bounties/{guid}"),
                [bounty(json!(2)), bounty(json!(9)), bounty(json!(null)), ScriptedReply::Drop],
            );
        let client = server.client();
        for count in [2, 3, 3] {
            assert_eq!(client.artifacts_of(guid, URI).await.unwrap().len(), count);
        }
        assert!(client.artifacts_of(guid, URI).await.is_err(), "not known is not the same as all");
    });
}
