//! Digests that name what a bundle of compiled rules was made of, and by what: one of how the files lie there, which
//! costs no reading, and one of what they say, which stays the same when they are only touched or copied.

use std::fmt;

use daemon_base::Sha256Digest;
use sha2::{Digest as _, Sha256};

use crate::{FileRole, RuleFile, Survey};

/// Moves when the meaning of a manifest or of what is stored under it does.
const VERSION: u64 = 2;

/// SHA-256 over a manifest: every rule file's name, path and [`Stamp`](crate::Stamp), the text of those built in, and the compiler.
///
/// Cryptographic because it is the name under which machine code is found again, and small enough that this costs
/// nothing: two thousand files have 300 KB of manifest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest that reads so, as it is displayed.
    pub(crate) fn read(text: &str) -> Option<Digest> {
        text.parse().ok().map(|Sha256Digest(bytes)| Digest(bytes))
    }

    /// Returns the bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The digest of the rules in `survey`, those `built_in`, and `compiler`: whatever tells one compiler and processor
/// from another, such as versions and processor features.
pub fn digest(survey: &Survey, built_in: &[RuleFile], compiler: &str) -> Digest {
    let mut manifest = Manifest(Sha256::new());
    manifest.number(VERSION.into());
    manifest.text(compiler.as_bytes());
    manifest.number(built_in.len() as i128);
    for file in built_in {
        manifest.text(file.name.as_bytes());
        manifest.text(&file.text);
    }
    for entry in survey.of_role(FileRole::Rules) {
        manifest.text(entry.name.as_bytes());
        manifest.text(entry.path.as_os_str().as_encoded_bytes());
        let stamp = &entry.stamp;
        for number in [stamp.device.into(), stamp.inode.into(), stamp.size.into(), stamp.modified_ns, stamp.changed_ns]
        {
            manifest.number(number);
        }
    }
    Digest(manifest.0.finalize().into())
}

/// The digest of what `files` say, and `compiler`. Their paths are part of it: mistakes name them.
pub(crate) fn content_digest(files: &[RuleFile], compiler: &str) -> Digest {
    let mut manifest = Manifest(Sha256::new());
    manifest.number(VERSION.into());
    manifest.text(compiler.as_bytes());
    for file in files {
        manifest.text(file.name.as_bytes());
        manifest.text(file.path.as_os_str().as_encoded_bytes());
        manifest.text(&file.text);
    }
    Digest(manifest.0.finalize().into())
}

/// Every text with its length in front, so that no two lists of texts look alike.
struct Manifest(Sha256);

impl Manifest {
    fn number(&mut self, number: i128) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.number(text.len() as i128);
        self.0.update(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Survey {
        Survey::take::<&str>(&[]).unwrap()
    }

    #[test]
    fn another_compiler_is_another_digest() {
        assert_ne!(digest(&empty(), &[], "1 avx2"), digest(&empty(), &[], "1 avx512"));
    }

    #[test]
    fn a_digest_survives_being_shown() {
        let digest = digest(&empty(), &[], "");
        assert_eq!(Digest::read(&digest.to_string()), Some(digest));
        assert_eq!(Digest::read(""), None);
        assert_eq!(Digest::read(&"x".repeat(64)), None);
    }

    #[test]
    fn texts_that_move_between_files_change_the_digest() {
        let file = |name: &str, text: &str| RuleFile {
            name: name.into(),
            path: Default::default(),
            text: text.into(),
            stamp: None,
        };
        let one = digest(&empty(), &[file("a", "bc"), file("d", "")], "");
        let other = digest(&empty(), &[file("a", "b"), file("cd", "")], "");
        assert_ne!(one, other);
    }
}
