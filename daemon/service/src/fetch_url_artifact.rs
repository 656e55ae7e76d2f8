//! Artifacts that are addresses: what lies there is downloaded.

use std::fs::File;
use std::os::unix::fs::FileExt;

use daemon_download::{FetchError, Fetched, Fetcher};
use tokio::time::Instant;

/// Most that a list of addresses may have.
const LIST_BYTES_MAX: usize = 8 << 10;

/// Downloads what lies at the address that an artifact is: the uri itself, or the one that a `data:` uri holds.
pub(crate) async fn visit(fetcher: &Fetcher, uri: &str, deadline: Instant) -> Result<Fetched, FetchError> {
    if !uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return fetcher.fetch(uri, None, deadline).await;
    }
    let list = fetcher.fetch(uri, None, deadline).await?;
    let mut text = vec![0; LIST_BYTES_MAX];
    let read = list.file.try_clone().and_then(|file| File::from(file).read_at(&mut text, 0));
    text.truncate(read.unwrap_or(0));
    let text = String::from_utf8_lossy(&text);
    // RFC 2483: lines that begin with # are comments.
    let address = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(address) = address else { return Err(FetchError::Uri { why: "it contains no address".to_owned() }) };
    fetcher.fetch(address, None, deadline).await
}
