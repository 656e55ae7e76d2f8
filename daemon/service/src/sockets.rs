//! Sockets: those that the service manager handed over, and new ones where it handed over none.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;

use anyhow::{Context, bail};
use tracing::warn;

use crate::config::Config;

/// Names of the webhook and admin sockets in a `.socket` unit (FileDescriptorName=).
const NAMES: [&str; 2] = ["webhook", "admin"];

/// Sockets passed by the service manager.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    webhook: Option<TcpListener>,
    admin: Option<TcpListener>,
    /// The control socket: the only unix socket.
    pub control: Option<UnixListener>,
}

impl Handed {
    /// Takes it. To be called before anything is started that would inherit it.
    pub(crate) fn take() -> anyhow::Result<Handed> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut listening = listenfd::ListenFd::from_env();
        let mut sockets = Vec::new();
        let mut control = None;
        for nth in 0..listening.len() {
            let name = names.split(':').nth(nth).unwrap_or_default().to_owned();
            if let Ok(Some(listener)) = listening.take_unix_listener(nth) {
                if control.replace(listener).is_some() {
                    bail!("the service manager passed two unix sockets; there is only one control socket");
                }
                continue;
            }
            let taken = listening.take_tcp_listener(nth);
            let taken =
                taken.with_context(|| format!("socket {nth} ({name}) from the service manager does not listen"))?;
            sockets.extend(taken.map(|listener| (name, listener)));
        }
        let [webhook, admin] = placed(sockets)?;
        Ok(Handed { webhook, admin, control })
    }

    /// The sockets of the webhook, if there is to be one, and of operators, made where they were not handed over.
    pub(crate) fn listeners(
        self,
        config: &Config,
        has_webhook: bool,
    ) -> anyhow::Result<(Option<TcpListener>, TcpListener)> {
        let webhook = || listener(self.webhook, "webhook.listen", config.webhook.listen);
        let webhook = has_webhook.then(webhook).transpose()?;
        Ok((webhook, listener(self.admin, "admin.listen", config.admin.listen)?))
    }
}

/// Each socket in its place: by its name, else in the order in which they came.
fn placed<T>(sockets: Vec<(String, T)>) -> anyhow::Result<[Option<T>; 2]> {
    let mut places = [None, None];
    let mut others = VecDeque::new();
    for (name, socket) in sockets {
        match NAMES.iter().position(|known| *known == name) {
            Some(place) if places[place].is_none() => places[place] = Some(socket),
            Some(_) => bail!("the service manager passed two sockets named {name}"),
            None => others.push_back(socket),
        }
    }
    for place in &mut places {
        if place.is_none() {
            *place = others.pop_front();
        }
    }
    if !others.is_empty() {
        bail!("the service manager passed more than two TCP sockets (webhook and admin)");
    }
    Ok(places)
}

fn listener(handed: Option<TcpListener>, key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = match handed {
        Some(listener) => {
            let handed = listener.local_addr().context("a socket from the service manager has no address")?;
            // Who changed the configuration looks for it at the wrong address.
            if handed != address {
                warn!(key, configured = %address, %handed, "the service manager's socket is used instead");
            }
            listener
        }
        None => TcpListener::bind(address)
            .with_context(|| format!("cannot listen at {address}: change {key}, or stop the program that uses it"))?,
    };
    listener.set_nonblocking(true).context("cannot set up a listener")?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_go_where_their_names_say_and_else_in_their_order() {
        let place = |sockets: &[(&str, u8)]| {
            placed(sockets.iter().map(|(name, socket)| ((*name).to_owned(), *socket)).collect())
        };
        assert_eq!(place(&[("stakeout.socket", 1), ("stakeout.socket", 2)]).unwrap(), [Some(1), Some(2)]);
        assert_eq!(place(&[("admin", 1), ("webhook", 2)]).unwrap(), [Some(2), Some(1)]);
        assert_eq!(place(&[("", 1), ("webhook", 2)]).unwrap(), [Some(2), Some(1)]);
        assert_eq!(place(&[("admin", 1)]).unwrap(), [None, Some(1)]);
        assert_eq!(place(&[("unknown", 1)]).unwrap(), [Some(1), None]);
        assert_eq!(place(&[]).unwrap(), [None, None]);
        assert!(place(&[("admin", 1), ("admin", 2)]).is_err());
        assert!(place(&[("", 1), ("", 2), ("", 3)]).is_err());
    }
}
