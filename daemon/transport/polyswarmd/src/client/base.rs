//! Where polyswarmd is, and the key that it knows us by.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use url::Url;

/// Longest key that is taken, in characters. PolySwarm's have 32.
const KEY_CHARS_MAX: usize = 256;

/// Why requests cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address of polyswarmd is none.
    #[error("url: {0}")]
    Url(&'static str),
    /// The community is none.
    #[error("community: it may have letters, digits, `-` and `_`")]
    Community,
    /// The key would be readable on the way.
    #[error("the API key is not sent over unencrypted http: use https, or set allow_key_over_http")]
    KeyOverHttp,
    /// The file with the key cannot be read.
    #[error("cannot read the API key in {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no key.
    #[error("no API key in {}: it must be one line of 1 to {KEY_CHARS_MAX} visible ASCII characters", .0.display())]
    NoKey(PathBuf),
    /// No HTTP client could be made.
    #[error("cannot make an HTTP client: are the system's certificates installed (package ca-certificates)?")]
    Client(#[source] reqwest::Error),
}

/// The address that all requests begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Base(Url);

impl Base {
    /// `url`, and below it `/v1/COMMUNITY` where a community is named.
    ///
    /// # Errors
    /// If it is no http or https URL of a host, has a user, a query or a fragment, or the community is not a word.
    pub fn new(url: &str, community: &str) -> Result<Base, SetupError> {
        let mut url = Url::parse(url).map_err(|_| SetupError::Url("it is no URL: write https://HOST"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SetupError::Url("it must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SetupError::Url("it must not hold a user name or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(SetupError::Url("it must not have a query or a fragment"));
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !community.bytes().all(is_word) {
            return Err(SetupError::Community);
        }
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            if !community.is_empty() {
                path.extend(["v1", community]);
            }
        }
        Ok(Base(url))
    }

    /// Whether requests are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host and port, for messages.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The address of `path`, which begins with a slash and holds nothing that a stranger chose freely.
    pub(super) fn at<'q>(&self, path: &str, query: impl IntoIterator<Item = (&'q str, &'q str)>) -> Url {
        let mut url = self.0.clone();
        let whole = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        let mut pairs = url.query_pairs_mut();
        pairs.extend_pairs(query);
        drop(pairs);
        url
    }
}

/// The key that polyswarmd knows us by. Never shown.
#[derive(Clone)]
pub struct ApiKey(HeaderValue);

impl ApiKey {
    /// A key of visible ASCII characters.
    pub fn new(key: &str) -> Option<ApiKey> {
        let is_key = (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value = is_key.then(|| HeaderValue::from_str(key).ok())??;
        value.set_sensitive(true);
        Some(ApiKey(value))
    }

    /// The key in the first line of a file.
    ///
    /// # Errors
    /// If the file cannot be read, or holds no key.
    pub fn read(path: &Path) -> Result<ApiKey, SetupError> {
        let file = |source| SetupError::KeyFile { path: path.to_owned(), source };
        let mut text = String::new();
        let opened = std::fs::File::open(path).map_err(file)?;
        std::io::Read::read_to_string(&mut std::io::Read::take(opened, 4096), &mut text).map_err(file)?;
        ApiKey::new(text.trim()).ok_or_else(|| SetupError::NoKey(path.to_owned()))
    }

    pub(super) fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_below_the_community_and_nowhere_else() {
        for (url, community, expected) in [
            ("https://host", "", "https://host/nonce?a=b"),
            ("https://host/", "nu", "https://host/v1/nu/nonce?a=b"),
            ("http://127.0.0.1:31337/below/", "nu-1", "http://127.0.0.1:31337/below/v1/nu-1/nonce?a=b"),
        ] {
            let base = Base::new(url, community).unwrap();
            assert_eq!(base.at("/nonce", [("a", "b")]).as_str(), expected);
        }
        let base = Base::new("https://host", "").unwrap();
        assert_eq!(base.at("/nonce", [("ignore_pending", " ")]).query(), Some("ignore_pending=+"));
    }

    #[test]
    fn what_is_no_address_of_polyswarmd_is_refused() {
        for (url, community) in [
            ("", ""),
            ("host", ""),
            ("ftp://host", ""),
            ("ws://host", ""),
            ("https://user@host", ""),
            ("https://:password@host", ""),
            ("https://host?x=1", ""),
            ("https://host#x", ""),
            ("https://host", "../nu"),
            ("https://host", "nu/x"),
            ("https://host", "é"),
        ] {
            assert!(Base::new(url, community).is_err(), "{url} {community}");
        }
    }

    #[test]
    fn a_key_is_visible_ascii_and_is_never_shown() {
        assert!(ApiKey::new("0123456789abcdef0123456789abcdef").is_some());
        for wrong in ["", "a b", "a\nb", "é", &"a".repeat(257)] {
            assert!(ApiKey::new(wrong).is_none(), "{wrong}");
        }
        let key = ApiKey::new("secret").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(…)");
        assert!(!format!("{:?}", key.header()).contains("secret"));
    }
}
