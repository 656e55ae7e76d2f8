//! The server: accepts clients as long as there are places, and serves each.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use daemon_download::Keeper;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{JoinSet, spawn_local};
use tokio::time::sleep;
use tracing::debug;

use crate::client_socket::ClientSocket;
use crate::connection::Conversation;
use crate::places::{ClamdPlace, ClamdPlaces};
use crate::shared::ClamdServer;
use crate::{ClamdCount, ClamdDesk, ClamdDrop, ClamdLimits, ClamdListeners, PathRules};

/// Pause after an error of the listener, for example if there are no descriptors.
const REST: Duration = Duration::from_millis(100);
/// Most threads that wait for file systems on behalf of clients. More work waits for them.
const FILE_THREADS_MAX: usize = 8;
/// Time for open connections to finish at the end.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether they have.
const CLOSE_LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Serves everybody who comes in at `listeners` until `stopped`, and then those that are being served for some seconds.
///
/// To be run in a `tokio::task::LocalSet`. Bytes of streams are kept by `keeper`.
///
/// # Errors
///
/// If a listener cannot be used by the runtime, or no threads for files can be had.
pub async fn serve<D: ClamdDesk>(
    mut listeners: ClamdListeners,
    limits: ClamdLimits,
    paths: PathRules,
    keeper: Keeper,
    desk: D,
    stopped: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let file_threads = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(FILE_THREADS_MAX)
        .thread_name("clamd-files")
        .build()?;
    let files = file_threads.handle().clone();
    let places = Rc::new(ClamdPlaces::default());
    let paths = Arc::new(paths);
    let server = Rc::new(ClamdServer { desk, limits, paths, keeper, places: Rc::clone(&places), files });
    let mut entrances = JoinSet::new();
    if let Some(listener) = listeners.unix.take() {
        entrances.spawn_local(accept_unix(UnixListener::from_std(listener)?, Rc::clone(&server)));
    }
    for listener in std::mem::take(&mut listeners.tcp) {
        entrances.spawn_local(accept_tcp(TcpListener::from_std(listener)?, Rc::clone(&server)));
    }
    stopped.await;
    entrances.abort_all();
    while entrances.join_next().await.is_some() {}
    drop(listeners);
    places.close();
    let finished = async {
        while places.open() > 0 {
            sleep(CLOSE_LOOK_INTERVAL).await;
        }
    };
    let _ = tokio::time::timeout(CLOSE_TIME_MAX, finished).await;
    file_threads.shutdown_background();
    Ok(())
}

async fn accept_unix<D: ClamdDesk>(listener: UnixListener, server: Rc<ClamdServer<D>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(&server, ClientSocket::Unix(stream)),
            Err(error) => cannot_accept(&server.places, &error).await,
        }
    }
}

async fn accept_tcp<D: ClamdDesk>(listener: TcpListener, server: Rc<ClamdServer<D>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Replies are short, and the last packet of a command must not wait for another.
                let _ = stream.set_nodelay(true);
                admit(&server, ClientSocket::Tcp(stream));
            }
            Err(error) => cannot_accept(&server.places, &error).await,
        }
    }
}

fn admit<D: ClamdDesk>(server: &Rc<ClamdServer<D>>, socket: ClientSocket) {
    let (place, evicted) = server.places.admit(server.limits.connections_max);
    if evicted || place.is_none() {
        server.desk.count(ClamdCount::Dropped(ClamdDrop::Crowded));
    }
    let Some(place) = place else { return };
    server.desk.count(ClamdCount::Open(server.places.open()));
    spawn_local(converse(Rc::clone(server), socket, place));
}

async fn converse<D: ClamdDesk>(server: Rc<ClamdServer<D>>, socket: ClientSocket, place: ClamdPlace) {
    if let Ok(client) = socket.client() {
        let progress = Rc::clone(&place.progress);
        let dropped = Conversation::new(Rc::clone(&server), socket, client.clone(), progress).run().await;
        if let Some(why) = dropped {
            debug!(%client, why = why.name(), "clamd connection dropped");
            server.desk.count(ClamdCount::Dropped(why));
        }
    }
    drop(place);
    server.desk.count(ClamdCount::Open(server.places.open()));
}

async fn cannot_accept(places: &ClamdPlaces, error: &std::io::Error) {
    debug!(why = error.to_string(), "accept failed");
    // The one that is missed least gives its descriptor.
    places.evict();
    sleep(REST).await;
}
