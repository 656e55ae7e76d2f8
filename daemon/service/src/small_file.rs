//! Small files that operators write: configuration, secrets, passwords.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::bail;

/// The text of a small file.
pub(crate) fn read_small(path: &Path, bytes_max: u64) -> anyhow::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        bail!("the file exceeds the limit of {bytes_max} bytes");
    }
    Ok(text)
}
