//! Whether a delivery was signed by someone who knows the webhook's secret.
//!
//! The signature is HMAC-SHA256 over the raw body, as exactly 64 lower-case hexadecimal digits. It is checked before
//! the body is parsed. The check cannot be disabled: whoever could post an unsigned bounty could make the engine stake.

use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;

/// The secrets that a delivery may be signed with: the current one, and while it is being replaced, the one before.
///
/// Holds the keys already expanded, so that a check hashes nothing but the body. Never prints them. Clones are of one set:
/// what [replaces](Secrets::replace) one replaces all.
#[derive(Clone)]
pub struct Secrets(Arc<RwLock<HmacKeys>>);

#[derive(Clone)]
struct HmacKeys {
    current: Hmac<Sha256>,
    previous: Option<Hmac<Sha256>>,
}

/// A secret that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretError {
    /// The current secret has no bytes: everybody knows it.
    #[error("the webhook secret is empty: set it to the one that PolySwarm shows for this webhook")]
    Empty,
    /// The previous secret has no bytes.
    #[error("the previous webhook secret is empty: leave it unset when no secret is being replaced")]
    PreviousEmpty,
}

/// Result of checking a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signature {
    /// There is no signature.
    Missing,
    /// The signature was not made with one of the secrets over this body, or is malformed.
    Wrong,
    /// The signature is valid.
    Right,
}

impl Secrets {
    /// Takes the secret as it is, without trimming: a line break at the end of a file is the caller's to remove.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if a secret is empty.
    pub fn new(current: &[u8], previous: Option<&[u8]>) -> Result<Self, SecretError> {
        if current.is_empty() {
            return Err(SecretError::Empty);
        }
        if previous.is_some_and(<[u8]>::is_empty) {
            return Err(SecretError::PreviousEmpty);
        }
        Ok(Secrets(Arc::new(RwLock::new(HmacKeys { current: keyed(current), previous: previous.map(keyed) }))))
    }

    /// Checks by those of `others` from now on.
    pub fn replace(&self, others: &Secrets) {
        let keys = others.keys().clone();
        // It is written in one statement, so a panic elsewhere leaves nothing half done.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn keys(&self) -> RwLockReadGuard<'_, HmacKeys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks `header` as the signature of `body`.
    ///
    /// Both secrets are always tried, so that how long it takes does not tell which one is in use.
    pub fn verify(&self, body: &[u8], header: Option<&[u8]>) -> Signature {
        let Some(header) = header else { return Signature::Missing };
        let Some(signature) = unhex(header) else { return Signature::Wrong };
        let keys = self.keys();
        let by_current = is_by(&keys.current, body, &signature);
        let by_previous = keys.previous.as_ref().is_some_and(|key| is_by(key, body, &signature));
        if by_current | by_previous { Signature::Right } else { Signature::Wrong }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", if self.keys().previous.is_some() { 2 } else { 1 })
    }
}

/// The signature of `body` under `secret`, as it is sent: what `stakeout webhook ping` and tests need.
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    let mut mac = keyed(secret);
    mac.update(body);
    let mut text = String::with_capacity(2 * SIGNATURE_BYTES);
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether `header` is written as a signature is: a body that comes with anything else need not be kept.
pub(crate) fn is_well_formed(header: &[u8]) -> bool {
    unhex(header).is_some()
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")
}

/// The only compare of signatures in this crate, and it takes the same time wherever they differ.
fn is_by(key: &Hmac<Sha256>, body: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    let mut mac = key.clone();
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

/// Lower-case digits alone, as the marketplace writes them.
fn unhex(text: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    let mut bytes = [0; SIGNATURE_BYTES];
    let decoded = base16ct::lower::decode(text, &mut bytes).ok()?;
    (decoded.len() == SIGNATURE_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_secret_is_refused() {
        assert_eq!(Secrets::new(b"", None).unwrap_err(), SecretError::Empty);
        assert_eq!(Secrets::new(b"k", Some(b"")).unwrap_err(), SecretError::PreviousEmpty);
    }

    #[test]
    fn while_a_secret_is_replaced_both_are_taken() {
        let secrets = Secrets::new(b"new", Some(b"old")).unwrap();
        for (secret, worth) in
            [(&b"new"[..], Signature::Right), (b"old", Signature::Right), (b"older", Signature::Wrong)]
        {
            assert_eq!(secrets.verify(b"{}", Some(sign(secret, b"{}").as_bytes())), worth);
        }
        assert_eq!(secrets.verify(b"{}", None), Signature::Missing);
    }

    #[test]
    fn what_replaces_one_replaces_every_clone_of_it() {
        let secrets = Secrets::new(b"old", None).unwrap();
        let clone = secrets.clone();
        secrets.replace(&Secrets::new(b"new", Some(b"newer")).unwrap());
        for (secret, worth) in
            [(&b"old"[..], Signature::Wrong), (b"new", Signature::Right), (b"newer", Signature::Right)]
        {
            assert_eq!(clone.verify(b"{}", Some(sign(secret, b"{}").as_bytes())), worth);
        }
        // With itself nothing changes, and nobody waits for themselves.
        secrets.replace(&clone);
        assert_eq!(clone.verify(b"{}", Some(sign(b"new", b"{}").as_bytes())), Signature::Right);
    }

    #[test]
    fn secrets_never_print() {
        let secrets = Secrets::new(b"hunter2", Some(b"hunter1")).unwrap();
        assert_eq!(format!("{secrets:?} {secrets:#?}"), "Secrets(2) Secrets(2)");
    }

    #[test]
    fn signatures_are_compared_in_one_place_only() {
        let source = include_str!("signature.rs");
        let code = source.split("#[cfg(test)]").next().unwrap();
        assert_eq!(code.matches("verify_slice").count(), 1);
        assert!(!code.contains("signature =="), "a plain compare tells by its time where signatures differ");
    }
}
