//! What is offered to the shadow set, and what becomes of it.

use daemon_base::Timestamp;
use daemon_detector::{Options, RulesHome, RulesRefused, ShadowHome};
use daemon_engine::{Cancel, Limits, Policy, Report, assemble, examine};
use daemon_market::{ArtifactType, BidBounds, BountyId, BountyKey, Phase};
use daemon_pool::Examined;

use super::*;

fn judged() -> JudgedArtifact {
    let bounty = Bounty {
        key: BountyKey { id: BountyId::new("7"), phase: Phase::Assertion },
        artifact_type: ArtifactType::File,
        artifact_uri: String::new(),
        sha256: None,
        metadata: serde_json::Map::new(),
        bounds: BidBounds::default(),
        reward: None,
        response_url: None,
        deliverable: true,
        expires: Timestamp::from_micros(0),
        on_chain: None,
    };
    let received = ReceivedArtifact { sha256: [7; 32], size: 68, kind: triage::FileKind::Eicar };
    JudgedArtifact { bounty: Arc::new(bounty), artifact: 0, received, live: Verdict::Malicious }
}

fn looked(rules: &RuleSet) -> Looked {
    let report: Report =
        examine(&daemon_detector::probes::eicar(), &mut assemble(rules), &Limits::default(), &Cancel::default());
    Looked { examined: Examined { report, elapsed: Duration::ZERO }, sha256: None, size: Some(68) }
}

/// A shadow set whose thread takes nothing, with the weights in `directory` once it was loaded.
fn idle(
    directory: &std::path::Path,
    queued_max: usize,
) -> (Shadow, ShadowHome, crossbeam::channel::Receiver<ShadowRequest>) {
    let place = ShadowPlace::default();
    let (requests, receiver) = bounded(queued_max);
    let live = Loader {
        options: Options { no_yara: true, ..Options::default() },
        limits: Limits::default(),
        policy: Policy::default(),
        workers: 1,
    };
    let home = ShadowHome { live, directory: directory.to_owned(), place: place.clone() };
    let metrics = Metrics::new().expect("counts can begin");
    let shadow = Shadow { place, requests, held: HeldBytes::new(100), status: Arc::new(RulesStatus::new()), metrics };
    (shadow, home, receiver)
}

#[test]
fn what_has_no_room_is_dropped_at_once_and_nobody_waits() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("weights.toml"), RuleSet::embedded_weights()).unwrap();
    let (shadow, home, receiver) = idle(directory.path(), 2);
    let live = RuleSet::embedded();
    let offer = || shadow.offer(judged(), looked(&live), None, &live);
    assert_eq!(offer(), Err(ShadowOutcome::Unready), "none is loaded");
    let ready = home.load().unwrap();
    home.take(ready, "");
    let set = shadow.place.set().unwrap();
    assert!(set.fleet.is_none() && set.rules.generation() == live.generation(), "the weights are the live ones");
    assert_eq!([offer(), offer(), offer()], [Ok(()), Ok(()), Err(ShadowOutcome::Dropped)]);
    let count = |outcome: &str| {
        let text = shadow.metrics.exporter().render();
        let line = format!("stakeout_shadow_opinions_total{{outcome=\"{outcome}\"}} ");
        text.lines().find_map(|told| told.strip_prefix(&line)?.parse::<u64>().ok())
    };
    assert_eq!(count("dropped"), Some(0));
    shadow.judge(judged(), Ok(looked(&live)), None, &live);
    assert_eq!(count("dropped"), Some(1));
    drop(receiver);
    assert_eq!(offer(), Err(ShadowOutcome::Dropped), "its thread is gone");
    // A set without workers holds no artifacts.
    assert!(shadow.hold(&OwnedFd::from(tempfile::tempfile().unwrap()), 1).is_none());
}

#[test]
fn what_the_directory_lacks_is_the_live_sets_and_what_is_ambiguous_is_refused() {
    let (live, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let none = |family: &str| format!(r#"{{ "version": 1, "family": "{family}", "none": true }}"#);
    std::fs::write(live.path().join("pe.model.json"), none("pe")).unwrap();
    let (shadow, mut home, _receiver) = idle(own.path(), 2);
    home.live.options.directories = vec![live.path().to_owned()];
    let load = || {
        let (set, ..) = home.load().map_err(|error| match error.downcast::<RulesRefused>() {
            Ok(RulesRefused(problems)) => problems.join("; "),
            Err(error) => format!("{error:#}"),
        })?;
        let paths = set.rules.models().iter().map(|choice| choice.path.clone());
        Ok::<_, String>(paths.map(|path| path.and_then(|path| Some(path.parent()?.to_owned()))).collect::<Vec<_>>())
    };
    let told = load().unwrap_err();
    assert!(told.contains("contains no rules, weights or models"), "{told}");
    std::fs::write(own.path().join("elf.model.json"), none("elf")).unwrap();
    // In order of name; the model of macros is the built-in one.
    assert_eq!(load().unwrap(), [Some(own.path().to_owned()), None, Some(live.path().to_owned())]);
    std::fs::write(own.path().join("pe.model.json"), none("pe")).unwrap();
    assert_eq!(load().unwrap(), [Some(own.path().to_owned()), None, Some(own.path().to_owned())]);
    std::fs::write(own.path().join("pe.model.json"), none("elf")).unwrap();
    assert!(load().unwrap_err().contains("two models of elf found"), "{:?}", load());
    std::fs::remove_file(own.path().join("elf.model.json")).unwrap();
    let told = load().unwrap_err();
    assert!(told.contains("must be called elf.model.json"), "{told}");
    assert!(shadow.place.set().is_none());
}
