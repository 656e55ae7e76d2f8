//! The recorded signatures, good and bad.

use daemon_webhook::{SecretError, Secrets, Signature, sign};
use serde_json::Value;

use crate::support::vectors;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn parts(case: &Value) -> (&str, Vec<u8>, &str) {
    let text = |key: &str| case[key].as_str().unwrap();
    (text("secret"), unhex(text("body_hex")), text("signature"))
}

#[test]
fn every_recorded_signature_is_right_and_is_the_one_we_make() {
    let vectors = vectors("hmac");
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 36);
    for case in cases {
        let (secret, body, signature) = parts(case);
        assert_eq!(sign(secret.as_bytes(), &body), signature, "{case}");
        match Secrets::new(secret.as_bytes(), None) {
            Ok(secrets) => assert_eq!(secrets.verify(&body, Some(signature.as_bytes())), Signature::Right, "{case}"),
            Err(error) => assert_eq!((secret, error), ("", SecretError::Empty)),
        }
    }
}

#[test]
fn every_recorded_forgery_is_wrong() {
    let vectors = vectors("hmac");
    let cases = vectors["negative"].as_array().unwrap();
    assert_eq!(cases.len(), 43);
    for case in cases {
        let (secret, body, signature) = parts(case);
        // The empty secret is refused before it could be tried; the forgery is then tried on another.
        let secret = if secret.is_empty() { "k" } else { secret };
        let secrets = Secrets::new(secret.as_bytes(), Some(b"previous")).unwrap();
        assert_eq!(secrets.verify(&body, Some(signature.as_bytes())), Signature::Wrong, "{case}");
    }
}

#[test]
fn a_body_written_again_is_another_body() {
    let secrets = Secrets::new(b"k", None).unwrap();
    let signature = sign(b"k", br#"{"id": 1}"#);
    assert_eq!(secrets.verify(br#"{"id":1}"#, Some(signature.as_bytes())), Signature::Wrong);
}

#[test]
fn a_signature_that_is_no_text_is_wrong() {
    let secrets = Secrets::new(b"k", None).unwrap();
    for header in [&b"\xff"[..], &[0xc3; 64], &[b'g'; 64], &[b' '; 64]] {
        assert_eq!(secrets.verify(b"", Some(header)), Signature::Wrong);
    }
}
