//! A network between a marketplace and an engine that cuts, delays and garbles.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::figure::Random;

/// A proxy on loopback. What it does to a connection follows from the number of the connection.
pub(crate) struct Proxy {
    pub port: u16,
    shared: Arc<Harm>,
}

#[derive(Default)]
struct Harm {
    calm: AtomicBool,
    connections: AtomicU64,
    cut: AtomicU64,
    delayed: AtomicU64,
    garbled: AtomicU64,
}

/// What is done to one connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Nothing,
    /// It ends after so many bytes from the marketplace, or from the engine.
    CutReply(usize),
    CutRequest(usize),
    Delay(Duration),
    /// A bit of every so many bytes of the marketplace's bodies is flipped.
    Garble,
}

impl Proxy {
    /// In front of this address.
    pub(crate) fn before(market: SocketAddr, seed: u64) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports left");
        let port = listener.local_addr().expect("a listener has an address").port();
        let shared = Arc::<Harm>::default();
        let harm = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let nth = harm.connections.fetch_add(1, Ordering::Relaxed);
                let how = if harm.calm.load(Ordering::Relaxed) { How::Nothing } else { harm.choose(seed ^ nth) };
                // Either end may hang up whenever it likes.
                std::thread::spawn(move || drop(relay(&stream, market, how)));
            }
        });
        Proxy { port, shared }
    }

    /// From now on it does no harm.
    pub(crate) fn calm(&self) {
        self.shared.calm.store(true, Ordering::Relaxed);
    }

    /// What it did, in words.
    pub(crate) fn told(&self) -> String {
        let count = |what: &AtomicU64| what.load(Ordering::Relaxed);
        let Harm { connections, cut, delayed, garbled, .. } = &*self.shared;
        format!(
            "{} connections, {} cut, {} delayed, {} garbled",
            count(connections),
            count(cut),
            count(delayed),
            count(garbled)
        )
    }
}

impl Harm {
    fn choose(&self, seed: u64) -> How {
        let mut random = Random(seed);
        let (how, count) = match random.below(6) {
            0 => (How::CutReply(random.below(4_000) as usize), &self.cut),
            1 => (How::CutRequest(random.below(1_000) as usize), &self.cut),
            2 => (How::Delay(Duration::from_millis(200 + random.below(1_500))), &self.delayed),
            3 | 4 => (How::Garble, &self.garbled),
            _ => return How::Nothing,
        };
        count.fetch_add(1, Ordering::Relaxed);
        how
    }
}

fn relay(engine: &TcpStream, market: SocketAddr, how: How) -> std::io::Result<()> {
    let market = TcpStream::connect(market)?;
    let (mut from_engine, mut to_market) = (engine.try_clone()?, market.try_clone()?);
    let up = std::thread::spawn(move || {
        let cut = if let How::CutRequest(bytes) = how { bytes } else { usize::MAX };
        let _ = pass(&mut from_engine, &mut to_market, cut, |_| ());
        let _ = to_market.shutdown(if cut == usize::MAX { Shutdown::Write } else { Shutdown::Both });
    });
    if let How::Delay(wait) = how {
        std::thread::sleep(wait);
    }
    let cut = if let How::CutReply(bytes) = how { bytes } else { usize::MAX };
    let mut in_body = false;
    let (mut from_market, mut to_engine) = (market, engine.try_clone()?);
    let passed = pass(&mut from_market, &mut to_engine, cut, |data| {
        if how != How::Garble {
            return;
        }
        let begin = if in_body { Some(0) } else { data.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4) };
        let Some(begin) = begin else { return };
        in_body = true;
        data.iter_mut().skip(begin).step_by(97).for_each(|byte| *byte ^= 0x10);
    });
    let _ = engine.shutdown(Shutdown::Both);
    let _ = from_market.shutdown(Shutdown::Both);
    let _ = up.join();
    passed
}

/// Passes on what comes, up to so many bytes.
fn pass(
    from: &mut TcpStream,
    to: &mut TcpStream,
    most: usize,
    mut change: impl FnMut(&mut [u8]),
) -> std::io::Result<()> {
    let (mut buffer, mut left) = ([0; 16 << 10], most);
    while left > 0 {
        let room = left.min(buffer.len());
        let length = from.read(&mut buffer[..room])?;
        if length == 0 {
            break;
        }
        change(&mut buffer[..length]);
        to.write_all(&buffer[..length])?;
        left -= length;
    }
    Ok(())
}
