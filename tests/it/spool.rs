//! A transport in sixty lines: a file dropped into a directory is a bounty, a JSON file beside it is its answer. It shows
//! that the seam for transports holds for something that is no webhook (CONTRIBUTING.md, "Add a transport").

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_journal::Recall;
use daemon_local_market::TestMarket;
use daemon_market::{Admission, Answer, ArtifactType, BidBounds, Bounty, BountyId, BountyKey, Phase, Timestamp};
use daemon_service::transport::{Delivery, Local, Reception, Transport};
use serde_json::{Value, json};

use crate::in_process::{LIFE, RunningDaemon};

/// A directory as a marketplace.
struct Spool(PathBuf);

impl Spool {
    /// Files that are bounties: all but answers and what was answered.
    fn waiting(&self) -> Vec<PathBuf> {
        let files =
            std::fs::read_dir(&self.0).expect("the directory is there").map(|entry| entry.expect("it can be read"));
        let is_bounty = |path: &PathBuf| path.extension().is_none();
        files.map(|entry| entry.path()).filter(is_bounty).filter(|path| !answer_of(path).exists()).collect()
    }
}

fn answer_of(artifact: &Path) -> PathBuf {
    artifact.with_extension("json")
}

impl Transport for Spool {
    fn name(&self) -> &'static str {
        "spool"
    }

    fn receive(self: Rc<Self>, reception: Reception, mut stopped: Local<'static, ()>) -> Local<'static, ()> {
        Box::pin(async move {
            loop {
                for path in self.waiting() {
                    let wire = path.to_str().expect("a path of ours is text").to_owned();
                    let now = Timestamp::from(std::time::SystemTime::now());
                    let bounty = self.read(wire.as_bytes(), now).expect("it is what was just written");
                    let admission = reception.admit(bounty, String::new(), wire.into()).await;
                    assert!(matches!(admission, Admission::Accepted | Admission::Known | Admission::Draining));
                }
                tokio::select! {
                    () = &mut stopped => return,
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
        })
    }

    fn read(&self, wire: &[u8], now: Timestamp) -> Result<Bounty, String> {
        let path = std::str::from_utf8(wire).map_err(|error| error.to_string())?;
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).ok_or("it names no file")?;
        Ok(Bounty {
            key: BountyKey { id: BountyId::new(&format!("spool:{name}")), phase: Phase::Assertion },
            artifact_type: ArtifactType::File,
            artifact_uri: format!("file://{path}"),
            sha256: None,
            metadata: serde_json::Map::new(),
            bounds: BidBounds::default(),
            reward: None,
            response_url: Some(answer_of(Path::new(path)).display().to_string()),
            deliverable: true,
            expires: now + LIFE,
            on_chain: None,
        })
    }

    fn may_answer(&self, _: &Bounty) -> Result<(), &'static str> {
        Ok(())
    }

    fn write(&self, answer: &Answer, _: Phase) -> Vec<u8> {
        json!({ "verdict": answer.verdict.name(), "bid": answer.bid(), "comments": answer.comments }).to_string().into()
    }

    fn send<'a>(&'a self, bounty: &'a Bounty, body: Bytes) -> Local<'a, Delivery> {
        Box::pin(async move {
            let path = PathBuf::from(bounty.response_url.as_ref().expect("every bounty of ours has one"));
            let aside = path.with_extension("part");
            // Whoever sees the answer sees all of it.
            match std::fs::write(&aside, body).and_then(|()| std::fs::rename(&aside, &path)) {
                Ok(()) => Delivery::Taken { status: 200 },
                Err(error) => Delivery::Retry { why: error.to_string(), after: None },
            }
        })
    }
}

fn answer(path: &Path) -> Value {
    let begun = Instant::now();
    while !answer_of(path).exists() {
        assert!(begun.elapsed() < LIFE, "{} is answered", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = std::fs::read(answer_of(path)).expect("the answer is there");
    serde_json::from_slice(&text).expect("the answer is JSON")
}

#[test]
fn a_directory_is_a_marketplace_beside_the_webhook() {
    let market = TestMarket::start();
    let spool = tempfile::tempdir().expect("a directory can be made");
    let directory = spool.path().to_owned();
    let running = RunningDaemon::start_with(&market, "intake.file = true", move || Rc::new(Spool(directory)));
    let (bad, good) = (spool.path().join("bad"), spool.path().join("good"));
    std::fs::write(&bad, specimens::eicar()).expect("a directory of ours can be written to");
    std::fs::write(&good, b"nothing to see here\n").expect("a directory of ours can be written to");
    assert_eq!(answer(&bad)["verdict"], "malicious");
    assert_ne!(answer(&bad)["bid"], "0", "a verdict is staked on, whichever way the bounty came");
    assert_eq!(answer(&good)["verdict"], "unknown");
    let (home, _) = running.end();
    let journal = daemon_archive::JournalReader::open(&home.archive()).expect("the journal can be read");
    let stories = journal.query(&daemon_journal::Filter::default(), 10).expect("the journal can be read");
    let mut told: Vec<_> = stories.iter().map(|story| (story.bounty.key.id.as_str(), &*story.bounty.dialect)).collect();
    told.sort_unstable();
    assert_eq!(told, [("spool:bad", "spool"), ("spool:good", "spool")]);
}
