//! What was missed, asked for by HTTP.

use daemon_polyswarmd::event::Event;
use daemon_polyswarmd::{Guid, U256};
use serde_json::{Value, json};

use crate::server::{ACCOUNT, ScriptedReply, ScriptedServer, run};

const GUID: &str = "7f6a1210-9c15-4707-aed3-1a2d587d3374";
const OTHER: &str = "0x00000000000000000000000000000000000000ab";

fn guid() -> Guid {
    GUID.parse().unwrap()
}

fn assertion(author: &str, commitment: &str, nonce: &str) -> Value {
    let verdicts = if nonce == "0" { json!([null, null]) } else { json!([true, false]) };
    json!({
        "author": author, "mask": [true, true], "commitment": commitment, "nonce": nonce, "verdicts": verdicts,
        "metadata": "", "bid": ["1", "2"],
    })
}

fn bounty() -> Value {
    json!({
        "guid": GUID, "artifact_type": "file", "author": OTHER, "amount": "5", "uri": "QmTest", "num_artifacts": 2,
        "expiration": 118, "assigned_arbiter": OTHER, "quorum_reached": true, "quorum_reached_block": 150,
        "quorum_mask": [true, false], "metadata": null,
    })
}

#[test]
fn a_bounty_and_our_part_in_it_are_found_again() {
    run(async {
        let server = ScriptedServer::start().await;
        let base = format!("GET /bounties/{GUID}");
        server
            .on(&base, [ScriptedReply::Ok(bounty())])
            .on(
                &format!("{base}/assertions"),
                [ScriptedReply::Ok(json!([assertion(OTHER, "5", "0"), assertion(ACCOUNT, "7", "9")]))],
            )
            .on(&format!("{base}/assertions/1"), [ScriptedReply::Ok(assertion(ACCOUNT, "7", "9"))])
            .on(
                &format!("{base}/votes"),
                [ScriptedReply::Ok(json!([{ "voter": OTHER, "votes": [true, false], "valid_bloom": true }]))],
            );
        let standing = server.client().standing(guid()).await.unwrap();
        let (index, ours) = standing.ours.as_ref().unwrap();
        assert_eq!((*index, ours.commitment, standing.is_revealed()), (1, U256::from(7), true));
        assert_eq!(ours.verdicts.as_deref(), Some(&[true, false][..]));
        assert_eq!(standing.assertions[0].verdicts, None, "not revealed yet");
        assert_eq!((standing.bounty.num_artifacts, standing.bounty.quorum_reached), (Some(2), true));
        assert_eq!(standing.votes[0].votes, [true, false]);
        let Event::Bounty(event) = standing.bounty.to_event().event else { panic!() };
        assert_eq!((event.guid, event.expiration), (guid(), 118));
    });
}

/// polyswarmd leaves out of its list what it could not read, and a reveal of another's assertion is refused.
#[test]
fn the_index_is_right_where_the_list_is_not() {
    run(async {
        let server = ScriptedServer::start().await;
        let base = format!("GET /bounties/{GUID}/assertions");
        server
            .on(&base, [ScriptedReply::Ok(json!([assertion(ACCOUNT, "7", "0")]))])
            .on(&format!("{base}/0"), [ScriptedReply::Fail(404, json!("Assertion not found"))])
            .on(&format!("{base}/1"), [ScriptedReply::Ok(assertion(OTHER, "7", "0"))])
            .on(&format!("{base}/2"), [ScriptedReply::Ok(assertion(ACCOUNT, "7", "0"))]);
        let client = server.client();
        assert_eq!(client.our_assertion(guid()).await.unwrap().unwrap().0, 2);
        server.on(&base, [ScriptedReply::Ok(json!([assertion(OTHER, "7", "0")]))]);
        assert_eq!(client.our_assertion(guid()).await.unwrap(), None);
        server.on(&base, [ScriptedReply::Drop]);
        assert!(client.our_assertion(guid()).await.is_err(), "not known is not the same as not there");
    });
}

#[test]
fn the_newest_bounties_are_found_in_few_requests() {
    run(async {
        for total in [0u64, 1, 74, 75, 76, 150, 151, 1000, 7531] {
            let server = ScriptedServer::start().await;
            server.pages(total);
            let newest = server.client().newest_guids(100).await.unwrap();
            assert!(server.seen().iter().all(|seen| seen.query["count"] == "75"));
            let expected: Vec<Guid> = (0..total).rev().take(100).map(|n| Guid::from_number(u128::from(n))).collect();
            assert_eq!(newest, expected, "{total}");
            assert!(server.count("GET /bounties") <= 24, "{total}: {}", server.count("GET /bounties"));
        }
    });
}

#[test]
fn pages_of_another_size_are_taken_as_they_are() {
    run(async {
        let server = ScriptedServer::start().await;
        server.handle(|seen| {
            (seen.what == "GET /bounties").then(|| match seen.query.contains_key("count") {
                true => ScriptedReply::Fail(400, json!("Count must be a multiple of page size 10")),
                false => {
                    let page: u128 = seen.query["page"].parse().unwrap();
                    let guids = (page * 10..43.min((page + 1) * 10)).map(|n| Guid::from_number(n).to_string());
                    ScriptedReply::Ok(json!(guids.collect::<Vec<_>>()))
                }
            })
        });
        let newest = server.client().newest_guids(15).await.unwrap();
        assert_eq!(newest, (28..43).rev().map(Guid::from_number).collect::<Vec<_>>());
    });
}
