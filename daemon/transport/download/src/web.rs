//! Downloads by HTTP: one attempt after the other, one hop after the other, one chunk after the other.
//!
//! Nothing of a stranger's uri or answer is trusted: no proxy, cookie, password or referer is sent, nothing is
//! decompressed, redirects are followed here and judged like the first uri, sizes are counted rather than believed.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use daemon_artifact::Sha256Digest;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, TRANSFER_ENCODING,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, StatusCode};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use url::{Host, Origin, Url};

use super::address::{Addresses, permitted};
use super::error::{FetchError, SetupError};
use super::keep::{Keep, Keeper};
use super::limits::{FetchLimits, FetchOptions, Schemes};
use super::lookup::{Checked, NameForbidden};

/// Keeping a chunk takes longer than this only when the disk is behind.
const DISK_WAIT: Duration = Duration::from_millis(10);

/// State shared by all HTTP downloads.
pub(super) struct Web {
    client: Client,
    addresses: Arc<Addresses>,
    schemes: Schemes,
    limits: FetchLimits,
    /// Whether all connections go to one socket, so that the address in a uri is only a name.
    through: bool,
    /// The server that gets a header of its own, and the header.
    credentials: Option<(Origin, HeaderValue)>,
}

/// An attempt that failed, and how long the server asks to be left alone.
struct Setback {
    error: FetchError,
    leave_alone: Option<Duration>,
}

impl From<FetchError> for Setback {
    fn from(error: FetchError) -> Self {
        Setback { error, leave_alone: None }
    }
}

impl Web {
    pub(super) fn new(options: &FetchOptions) -> Result<Web, SetupError> {
        // An error means that the process has chosen a provider already, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let addresses = Arc::new(options.addresses.clone());
        let limits = &options.limits;
        let roots: Result<Vec<_>, _> = options.roots_pem.iter().map(|pem| Certificate::from_pem(pem)).collect();
        let tls = |source: reqwest::Error| SetupError::Tls { source: source.into() };
        let roots = roots.map_err(tls)?;
        let client = Client::builder()
            .user_agent(concat!("stakeout/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]))
            .dns_resolver(Checked { lookup: Arc::clone(&options.lookup), addresses: Arc::clone(&addresses) })
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .connect_timeout(limits.connect_max)
            .pool_max_idle_per_host(limits.idle_max)
            .pool_idle_timeout(limits.idle);
        // Without https there is no need for the system's roots, which a small container may not have.
        let client = if options.schemes.https { client.tls_certs_merge(roots) } else { client.tls_certs_only([]) };
        let client = match &options.through {
            Some(socket) => client.unix_socket(socket.clone()),
            None => client,
        };
        let client = client.build().map_err(tls)?;
        let credentials = options.credentials.as_ref().map(|credentials| {
            let mut value = HeaderValue::from_str(&credentials.authorization)
                .map_err(|error| SetupError::Credentials { source: error.into() })?;
            value.set_sensitive(true);
            Ok::<_, SetupError>((credentials.server.origin(), value))
        });
        let credentials = credentials.transpose()?;
        Ok(Web {
            client,
            addresses,
            schemes: options.schemes.clone(),
            limits: limits.clone(),
            through: options.through.is_some(),
            credentials,
        })
    }

    /// Downloads from `url`; tries again what is worth it, as long as `deadline` leaves time.
    ///
    /// An answer that ends where its connection does may have been cut off. Where the digest is known that shows, and is
    /// a failure like any that broke off.
    pub(super) async fn download<'k>(
        &self,
        keeper: &'k Keeper,
        url: &Url,
        expect_sha256: Option<Sha256Digest>,
        deadline: Instant,
    ) -> Result<Keep<'k>, FetchError> {
        let mut pause = self.limits.retry_pause;
        let mut attempts = 1;
        loop {
            let Setback { error, leave_alone } = match self.attempt(keeper, url.clone(), expect_sha256).await {
                Ok(keep) => return Ok(keep),
                Err(setback) => setback,
            };
            let wait = pause.max(leave_alone.unwrap_or_default());
            if attempts >= self.limits.attempts_max || !error.is_worth_retrying() {
                return Err(error);
            }
            // What would only be tried after the deadline has failed now, and this is why.
            if Instant::now().checked_add(wait).is_none_or(|then| then >= deadline) {
                return Err(error);
            }
            sleep(wait).await;
            attempts += 1;
            pause = pause.saturating_mul(2);
        }
    }

    async fn attempt<'k>(
        &self,
        keeper: &'k Keeper,
        mut url: Url,
        expect_sha256: Option<Sha256Digest>,
    ) -> Result<Keep<'k>, Setback> {
        for _ in 0..=self.limits.redirects_max {
            self.admit(&url)?;
            let response = self.ask(&url).await?;
            match response.status() {
                // Neither a part (206) nor nothing (204): only this is the artifact.
                StatusCode::OK => {
                    let says_its_end = says_its_end(&response);
                    let keep = self.body(keeper, response).await?;
                    if !says_its_end && expect_sha256.is_some_and(|expected| expected != keep.digest()) {
                        let source = format!(
                            "the connection ended after {} bytes without a Content-Length, and the digest does not match",
                            keep.size()
                        );
                        return Err(FetchError::Broken { source: source.into() }.into());
                    }
                    return Ok(keep);
                }
                status if is_redirect(status) => url = next_hop(&url, &response)?,
                status => {
                    let leave_alone = retry_after(&response);
                    return Err(Setback { error: FetchError::Status(status.as_u16()), leave_alone });
                }
            }
        }
        Err(FetchError::Redirects { redirects_max: self.limits.redirects_max }.into())
    }

    /// Whether a request may be made at all; names are judged when they are looked up.
    fn admit(&self, url: &Url) -> Result<(), FetchError> {
        let scheme_permitted = match url.scheme() {
            "https" => self.schemes.https,
            "http" => self.schemes.http,
            _ => false,
        };
        if !scheme_permitted {
            return Err(FetchError::Scheme {
                scheme: url.scheme().to_owned(),
                why: "it is not in the list of allowed schemes",
            });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::uri("it contains a user name or password"));
        }
        // The url crate has read every spelling of an address by now: decimal, octal, hexadecimal, with a trailing dot.
        let literal = match url.host() {
            None => return Err(FetchError::uri("it has no host")),
            Some(Host::Domain(_)) => return Ok(()),
            Some(_) if self.through => return Ok(()),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        permitted(literal, &self.addresses).map_err(|forbidden| FetchError::Address {
            host: host(url),
            address: forbidden.address,
            why: forbidden.why,
        })
    }

    async fn ask(&self, url: &Url) -> Result<Response, FetchError> {
        let answer_max = self.limits.answer_max;
        let mut request = self.client.get(url.clone());
        if let Some((server, value)) = &self.credentials
            && *server == url.origin()
        {
            request = request.header(AUTHORIZATION, value.clone());
        }
        match timeout(answer_max, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failed(url, error)),
            Err(_) => Err(FetchError::TooSlow { bytes: 0, within: answer_max }),
        }
    }

    /// Takes the body, chunk by chunk; watches that it does not trickle.
    pub(super) async fn body<'k>(&self, keeper: &'k Keeper, mut response: Response) -> Result<Keep<'k>, FetchError> {
        let FetchLimits { watch, watch_bytes_min, .. } = self.limits;
        let mut keep = Keep::begin(keeper, response.content_length())?;
        let mut watch_end = pin!(sleep_until(Instant::now() + watch));
        let mut size_at_begin = 0;
        loop {
            let chunk = tokio::select! {
                biased;
                chunk = response.chunk() => chunk,
                () = &mut watch_end => {
                    let bytes = keep.size() - size_at_begin;
                    if bytes < watch_bytes_min {
                        return Err(FetchError::TooSlow { bytes, within: watch });
                    }
                    size_at_begin = keep.size();
                    watch_end.as_mut().reset(Instant::now() + watch);
                    continue;
                }
            };
            match chunk {
                Ok(Some(chunk)) => {
                    let came = Instant::now();
                    keep.take(&chunk).await?;
                    // Time that our own disk took is not the server's.
                    let kept = came.elapsed();
                    if kept > DISK_WAIT {
                        let later = watch_end.deadline() + kept;
                        watch_end.as_mut().reset(later);
                    }
                }
                // An answer that ends before its Content-Length is an error of hyper's.
                Ok(None) => return Ok(keep),
                Err(error) => return Err(FetchError::Broken { source: error.without_url().into() }),
            }
        }
    }
}

/// Whether the body has a length or chunks, so that hyper notices if its end is missing (RFC 9112, 6.3).
fn says_its_end(response: &Response) -> bool {
    let headers = response.headers();
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

/// Target of a redirect: with the same scheme, or from http to https. Other checks are those of any URI.
fn next_hop(from: &Url, response: &Response) -> Result<Url, FetchError> {
    let broken = |why: &str| FetchError::Broken { source: why.into() };
    let location = response.headers().get(LOCATION).ok_or_else(|| broken("a redirect without a location"))?;
    let location = location.to_str().map_err(|_| broken("a redirect with an invalid location"))?;
    let to =
        from.join(location).map_err(|error| FetchError::uri(format_args!("a redirect to an invalid URI: {error}")))?;
    same_or_better(from, &to)?;
    Ok(to)
}

fn same_or_better(from: &Url, to: &Url) -> Result<(), FetchError> {
    match (from.scheme(), to.scheme()) {
        ("http", "http" | "https") | ("https", "https") => Ok(()),
        (_, scheme) => {
            Err(FetchError::Scheme { scheme: scheme.to_owned(), why: "a redirect must not lead to a weaker scheme" })
        }
    }
}

/// Seconds that the server asks for. A date there is not read: the clocks may differ.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// Maps an error of reqwest.
fn failed(url: &Url, error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(this) = cause {
        if let Some(NameForbidden { name, forbidden }) = this.downcast_ref() {
            return FetchError::Address { host: name.clone(), address: forbidden.address, why: forbidden.why };
        }
        cause = this.source();
    }
    if error.is_builder() {
        FetchError::uri(error)
    } else if error.is_connect() {
        FetchError::Connect { host: host(url), source: error.into() }
    } else {
        FetchError::Broken { source: error.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_leads_to_the_same_scheme_or_a_better_one() {
        let url = |scheme: &str| Url::parse(&format!("{scheme}://example.org/")).unwrap();
        for (from, to, allowed) in [
            ("http", "http", true),
            ("http", "https", true),
            ("https", "https", true),
            ("https", "http", false),
            ("http", "ftp", false),
            ("https", "file", false),
            ("http", "data", false),
            ("http", "ws", false),
            ("https", "blob", false),
        ] {
            assert_eq!(same_or_better(&url(from), &url(to)).is_ok(), allowed, "{from} to {to}");
        }
    }
}
