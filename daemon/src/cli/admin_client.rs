//! HTTP client for the admin endpoints of a daemon on this machine.

use std::time::Duration;

use anyhow::bail;

/// Maximum time for a request.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Returns the body of a GET request to `url`.
pub(crate) fn get(url: &str) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // The one provider of TLS that there is; it may be installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(TIME_MAX).build()?;
        let reply = client.get(url).send().await?;
        let status = reply.status();
        let text = reply.text().await?;
        if !status.is_success() {
            bail!("the daemon answered with status {status}");
        }
        Ok(text)
    })
}
