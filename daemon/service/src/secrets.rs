//! The secrets that bounties are signed with: from files, or from the environment.

use anyhow::{Context, bail};
use daemon_base::text::path as shown;
use daemon_webhook::{Config, Secrets};

use crate::small_file::read_small;

/// Largest file of a secret taken.
const SECRET_BYTES_MAX: u64 = 4 << 10;
/// The secret, where no file holds it.
const SECRET_VARIABLE: &str = "STAKEOUT_WEBHOOK_SECRET";

/// The secrets that bounties are signed with; none where there is to be no webhook: the daemon speaks clamd's protocol, and
/// no secret is configured.
///
/// # Errors
/// As [`load`].
pub fn wanted(config: &crate::config::Config) -> anyhow::Result<Option<Secrets>> {
    let is_set = || std::env::var_os(SECRET_VARIABLE).is_some_and(|secret| !secret.is_empty());
    if config.clamd.is_on() && config.webhook.secret_files.is_empty() && !is_set() {
        return Ok(None);
    }
    load(&config.webhook).map(Some)
}

/// The secrets that bounties are signed with.
///
/// # Errors
/// If there is none, or one cannot be read or used.
pub fn load(webhook: &Config) -> anyhow::Result<Secrets> {
    let secrets = texts(webhook)?;
    let previous = secrets.get(1).map(String::as_bytes);
    Secrets::new(secrets[0].as_bytes(), previous).context("cannot use the webhook secrets")
}

/// The same as texts, at least one: for who signs with them.
///
/// # Errors
/// If there is none, or one cannot be read.
pub fn texts(webhook: &Config) -> anyhow::Result<Vec<String>> {
    let mut secrets = Vec::new();
    for path in &webhook.secret_files {
        let text = read_small(path, SECRET_BYTES_MAX)
            .with_context(|| format!("cannot read the webhook secret in {}", shown(path)))?;
        let secret = one_line(&text).map_err(|why| anyhow::anyhow!("the webhook secret in {} {why}", shown(path)))?;
        if secret.is_empty() {
            bail!("{} is empty: write the webhook secret into it, or remove it from webhook.secret_files", shown(path));
        }
        secrets.push(secret.to_owned());
    }
    if secrets.is_empty() {
        let secret = std::env::var(SECRET_VARIABLE).map_err(|_| {
            anyhow::anyhow!(
                "no webhook secret is configured: name its file in webhook.secret_files (for `webhook ping` and `webhook test`, \
                 in --secret-file), or set {SECRET_VARIABLE}"
            )
        })?;
        if secret.is_empty() {
            bail!("{SECRET_VARIABLE} is empty: set it to the secret that PolySwarm shows for this webhook");
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

/// The one line of a file that holds a secret, without the byte order mark and the line break that editors put around it.
/// Nothing else is taken away: a blank may be part of a secret.
fn one_line(text: &str) -> Result<&str, &'static str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.contains(['\r', '\n']) {
        return Err(
            "has more than one line: write one secret per file; list two files while a secret is being replaced",
        );
    }
    if secret.contains('\0') {
        return Err("contains a NUL byte: save the file as UTF-8 or ASCII text");
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_without_what_editors_put_around_it() {
        for (text, secret) in [
            ("s3cret", Ok("s3cret")),
            ("s3cret\r\n", Ok("s3cret")),
            ("\u{feff}s3cret\n", Ok("s3cret")),
            (" s3cret \n\n", Ok(" s3cret ")),
            ("", Ok("")),
        ] {
            assert_eq!(one_line(text), secret, "{text:?}");
        }
        assert!(one_line("new\nold\n").unwrap_err().contains("more than one line"));
        assert!(one_line("s\u{0}e\u{0}").unwrap_err().contains("UTF-8"));
    }
}
