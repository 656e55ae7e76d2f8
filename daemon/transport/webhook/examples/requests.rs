//! Measures the CPU time of a delivery: `cargo run --release -p daemon-webhook --example requests`.
//!
//! One connection, one delivery after another, a gate that takes everything on at once. Only the server's thread counts.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_market::Bounty;
use daemon_webhook::{Admission, Endpoint, Gate, Reply, Secrets, ServerLimits, serve, sign};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

const REQUESTS: u32 = 50_000;
const SECRET: &[u8] = b"secret";

struct Open;

impl Gate for Open {
    async fn bounty(&self, _: String, _: Bytes, _: Bounty) -> Admission {
        Admission::Accepted
    }

    fn liveness(&self) -> bool {
        true
    }
}

fn main() {
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            listener.set_nonblocking(true).unwrap();
            let endpoint = Endpoint {
                secrets: Secrets::new(SECRET, None).unwrap(),
                path: None,
                gate: Open,
                observer: |_: Reply, _: Duration| {},
                limits: ServerLimits::default(),
            };
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            serve(listener, endpoint, async move { stopped.await.unwrap_or_default() }).await;
        });
        // The first number of schedstat is this thread's time on a processor in nanoseconds (proc(5)).
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
    });

    let sample = include_str!("../testdata/bounty-samples.json");
    let body = serde_json::from_str::<serde_json::Value>(sample).unwrap()["engine_wire"].to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\naccept: */*\r\nuser-agent: sender\r\n\
         x-polyswarm-event: bounty\r\nx-polyswarm-delivery: 1e5e3ab2\r\nx-polyswarm-signature: {}\r\n\
         content-length: {}\r\n\r\n",
        sign(SECRET, body.as_bytes()),
        body.len()
    );
    let request = head + body.as_str();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let begun = Instant::now();
    for _ in 0..REQUESTS {
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = [0; 1024];
        let length = stream.read(&mut reply).unwrap();
        assert!(reply[..length].starts_with(b"HTTP/1.1 202 "));
    }
    let took = begun.elapsed();
    drop(stream);
    stop.send(()).unwrap();
    let processor = server.join().unwrap();
    println!(
        "{REQUESTS} deliveries of {} bytes: {:.1} us of processor time each, {:.0} a second",
        request.len(),
        processor.as_secs_f64() * 1e6 / f64::from(REQUESTS),
        f64::from(REQUESTS) / took.as_secs_f64()
    );
}
