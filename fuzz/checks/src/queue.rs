//! What comes out of Redis: jobs and reports of ours and of PolySwarm's Python client. Whoever can write there is not
//! believed.

use daemon_queue::polyswarm::{JobResult, PolyswarmJob};
use daemon_queue::streams::{StreamJob, StreamReport};

/// Jobs are refused or written again as they were understood.
pub(crate) fn job(bytes: &[u8]) {
    if let Ok(job) = PolyswarmJob::read(bytes, 1_800_000_000, 60)
        && let Ok(text) = job.write()
    {
        assert_eq!(PolyswarmJob::read(text.as_bytes(), 1_800_000_000, 60).ok().as_ref(), Some(&job));
        let _ = (job.form(), job.artifact_url(), job.remaining(1_800_000_000, 5), job.is_expired(1.8e9));
    }
    if let Ok(job) = serde_json::from_slice::<StreamJob>(bytes) {
        let _ = (job.artifact.digest(), job.left());
        let text = serde_json::to_vec(&job).unwrap();
        assert_eq!(serde_json::from_slice::<StreamJob>(&text).ok(), Some(job));
    }
}

/// Reports and results: their confidence is a share, and what is told of hosts is of hosts.
pub(crate) fn report(bytes: &[u8]) {
    if let Some(report) = StreamReport::read(bytes) {
        assert!((0.0..=1.0).contains(&report.confidence));
        let text = report.write();
        assert!(StreamReport::read(text.as_bytes()).is_some(), "{text}");
    }
    if let Some(result) = JobResult::read(bytes) {
        let _ = (result.malware_family(), result.hosts());
        if let Ok(text) = result.write() {
            assert!(JobResult::read(text.as_bytes()).is_some(), "{text}");
        }
    }
}

pub(crate) fn job_seeds() -> Vec<Vec<u8>> {
    let polyswarm = r#"{"polyswarmd_uri":"http://127.0.0.1:3000","guid":"8d8a","index":0,"uri":"QmYwAPJzv5","artifact_type":0,
        "duration":30,"metadata":{"mimetype":"text/plain"},"chain":"side","ts":1800000000}"#;
    let ours = r#"{"id":"b1:0","frontend":"f","artifact":{"uri":"http://127.0.0.1/a","sha256":"00","is_url":false},
        "deadline":1800000000000,"sent":1}"#;
    vec![polyswarm.into(), ours.into()]
}

pub(crate) fn report_seeds() -> Vec<Vec<u8>> {
    let ours = StreamReport::unjudged("scan", "it took too long").write();
    let result =
        r#"{"index":0,"bit":true,"verdict":true,"confidence":0.9,"metadata":"{\"malware_family\":\"Mirai\"}"}"#;
    vec![ours.into_bytes(), result.into()]
}
