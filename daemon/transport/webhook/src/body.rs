//! Takes in the body of a request: not too large, not too slowly, and not too many at once.

use std::cell::Cell;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::{Instant, timeout_at};

use crate::{Reply, ServerLimits};

/// Bytes of unfinished bodies that are held, over all connections.
#[derive(Default, Debug)]
pub(crate) struct HeldBytes(Cell<usize>);

/// A body in parts. Counts as held until it is whole or given up.
struct Parts<'a> {
    bytes: BytesMut,
    held: &'a HeldBytes,
}

impl Parts<'_> {
    /// Keeps another part, if there is room for it.
    fn push(&mut self, part: &[u8], bodies_bytes_max: usize) -> bool {
        let held = self.held.0.get() + part.len();
        if held > bodies_bytes_max {
            return false;
        }
        self.held.0.set(held);
        self.bytes.extend_from_slice(part);
        true
    }

    /// The bytes, no longer counted as held.
    fn take(&mut self) -> BytesMut {
        self.held.0.set(self.held.0.get() - self.bytes.len());
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        self.take();
    }
}

/// The whole of `body`, or what to reply instead.
///
/// A body that comes in one piece is handed on as it is, without a copy. Nothing is set aside for what a header
/// announces: memory grows with what has come. Where `keep` is false the body is only waited for, and comes out empty:
/// for a request that will be refused whatever is in it.
pub(crate) async fn take<B>(mut body: B, keep: bool, limits: &ServerLimits, held: &HeldBytes) -> Result<Bytes, Reply>
where
    B: Body<Data = Bytes> + Unpin,
{
    // Some more than we take is read and dropped, so that an honest sender finishes and sees our reply instead of a
    // reset connection.
    let drained_max = 2 * limits.body_bytes_max;
    if body.size_hint().lower() > drained_max as u64 {
        return Err(Reply::BodyTooLarge);
    }
    let begun = Instant::now();
    let mut received = 0;
    let mut first = Bytes::new();
    let mut parts = Parts { bytes: BytesMut::new(), held };
    while !body.is_end_stream() {
        let frame = match timeout_at(begun + patience(received, limits), body.frame()).await {
            Err(_) => return Err(Reply::BodyTooSlow),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(Reply::BodyBroken),
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers say nothing to us.
        let Ok(part) = frame.into_data() else { continue };
        received += part.len();
        if received > drained_max {
            return Err(Reply::BodyTooLarge);
        }
        if !keep || received > limits.body_bytes_max {
            continue;
        }
        if first.is_empty() && parts.bytes.is_empty() {
            first = part;
            continue;
        }
        for part in [std::mem::take(&mut first), part] {
            if !parts.push(&part, limits.bodies_bytes_max) {
                return Err(Reply::Crowded);
            }
        }
    }
    if received > limits.body_bytes_max {
        return Err(Reply::BodyTooLarge);
    }
    Ok(if first.is_empty() { parts.take().freeze() } else { first })
}

/// Maximum time since the start of a body of which `received` bytes have arrived.
fn patience(received: usize, limits: &ServerLimits) -> Duration {
    let earned = Duration::from_secs_f64(received as f64 / f64::from(limits.body_rate_min.max(1)));
    (limits.body_grace + earned).min(limits.body_time_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_earns_time_by_coming() {
        let limits = ServerLimits { body_rate_min: 1024, ..ServerLimits::default() };
        for (received, millis) in [(0, 2000), (512, 2500), (2048, 4000), (1 << 20, 10_000)] {
            assert_eq!(patience(received, &limits), Duration::from_millis(millis), "{received}");
        }
    }
}
