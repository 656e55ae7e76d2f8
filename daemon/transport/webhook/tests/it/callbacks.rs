//! Response urls, by the recorded vectors.

use daemon_webhook::Callback;
use serde_json::json;

use crate::support::vectors;

#[test]
fn every_recorded_response_url_is_taken_apart_alike() {
    let vectors = vectors("callback-url");
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let seen = match Callback::parse(case["response_url"].as_str().unwrap()) {
            Ok(callback) => json!([callback.task, callback.bounty_id, callback.nonce]),
            Err(_) => json!({ "error": "ValueError" }),
        };
        assert_eq!(seen, case["task_type__bounty_id__nonce"], "{case}");
    }
}

#[test]
fn what_is_wrong_with_a_response_url_is_told() {
    for (url, told) in [
        ("https://h/v3/bounties/123/assertions?nonce=a", "the path of the response url has 5 parts between slashes"),
        ("https://h/v3/bounties/123/assertions/", "the query of the response url is not a single key=value"),
        ("", "has 1 parts"),
    ] {
        assert!(Callback::parse(url).unwrap_err().to_string().contains(told), "{url}");
    }
}
