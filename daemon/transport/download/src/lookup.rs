//! From a name to addresses that have been checked, so that the checked one is the one connected to.
//!
//! A check before the request would leave a gap: the name is looked up again for the connection, and its owner
//! may answer differently (DNS rebinding). Here the look-up of the connection itself is the checked one.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{Addresses, Forbidden, permitted};

/// Maximum number of addresses tried per name. All addresses are checked.
const TRIED_MAX: usize = 16;

/// The answer to a look-up, when it comes.
pub type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Turns names into addresses.
pub trait Lookup: Send + Sync + 'static {
    /// Looks `name` up, once. No answer is checked here.
    fn lookup(&self, name: &str) -> LookupFuture;
}

/// The system's resolver: `/etc/hosts`, DNS, whatever nsswitch says. It runs on a thread of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> LookupFuture {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// A name of which at least one address is forbidden.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{name} is {forbidden}")]
pub(super) struct NameForbidden {
    pub(super) name: String,
    pub(super) forbidden: Forbidden,
}

/// The resolver used for connections.
pub(super) struct Checked {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) addresses: Arc<Addresses>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let looked_up = self.lookup.lookup(name.as_str());
        let addresses = Arc::clone(&self.addresses);
        Box::pin(async move {
            let found = looked_up.await?;
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            // One bad address spoils the name: an honest one has none, and which is tried first is not ours to say.
            if let Some(forbidden) = found.iter().find_map(|&address| permitted(address, &addresses).err()) {
                return Err(NameForbidden { name: name.as_str().to_owned(), forbidden }.into());
            }
            // Port 0 stands for the uri's.
            let found: Vec<_> = found.into_iter().take(TRIED_MAX).map(|address| SocketAddr::new(address, 0)).collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
