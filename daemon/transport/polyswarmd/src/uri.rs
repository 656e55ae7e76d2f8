//! URIs of artifacts: hashes by which polyswarmd knows them, which become a part of a path.

use daemon_transactions::ARTIFACTS_MAX;

/// An IPFS hash is shorter than this.
const BASE58_CHARS_MAX: usize = 99;

/// Whether `uri` may name artifacts: an IPFS hash (base 58, 1 to 99 characters), or a SHA-256 of 64 hexadecimal digits that
/// are not all zero. As polyswarm-client 2.13.3 decides it. Anything else could lead elsewhere on the server.
pub fn is_artifact_uri(uri: &str) -> bool {
    is_base58(uri) || is_sha256(uri)
}

/// The alphabet leaves out what is easily mistaken: 0, O, I and l.
fn is_base58(uri: &str) -> bool {
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l');
    (1..=BASE58_CHARS_MAX).contains(&uri.len()) && uri.bytes().all(in_alphabet)
}

fn is_sha256(uri: &str) -> bool {
    uri.len() == 64 && uri.bytes().all(|byte| byte.is_ascii_hexdigit()) && uri.bytes().any(|byte| byte != b'0')
}

/// Whether an artifact of a bounty may have this number.
pub(crate) fn is_artifact_index(index: usize) -> bool {
    index < ARTIFACTS_MAX
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn uris_are_judged_as_by_the_client() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/uris.json")).unwrap();
        let cases = vector["cases"].as_array().unwrap();
        for case in cases {
            assert_eq!(is_artifact_uri(case["uri"].as_str().unwrap()), case["valid"].as_bool().unwrap(), "{case}");
        }
        println!("uris.json: {} cases", cases.len());
        assert_eq!(cases.len(), 10);
    }

    #[test]
    fn nothing_that_leads_elsewhere_is_a_uri() {
        for uri in ["a/b", "a%2fb", "..", "a?b", "a#b", "a b", "é", "a\n", "@", "http:", "\u{ff11}"] {
            assert!(!is_artifact_uri(uri), "{uri}");
        }
    }
}
