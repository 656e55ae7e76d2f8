//! Measures the cost of a download: `cargo run --release --example fetch_many -- [--plain|--uring] [BYTES [TIMES]]`
//!
//! A server in a process of its own on loopback (so that its time is not counted), one connection kept alive; CPU and wall
//! time per artifact, beside those of a bare socket that asks for the same bytes and throws them away.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_download::runtime::{Prefer, Runtime};
use daemon_download::{FetchOptions, Fetcher};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let mut prefer = Prefer::Auto;
    let mut numbers = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--serve" => return serve(numbers[0]),
            "--plain" => prefer = Prefer::Plain,
            "--uring" => prefer = Prefer::Uring,
            _ => numbers.push(argument.parse()?),
        }
    }
    let size = numbers.first().copied().unwrap_or(64 << 10);
    let times = u32::try_from(numbers.get(1).copied().unwrap_or(5000))?;

    let mut server = std::process::Command::new(std::env::current_exe()?)
        .args([&size.to_string(), "--serve"])
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    let address = address.trim();

    let bare = measured(times, || bare(address, size, times))?;
    println!("bare socket: {bare}");
    let (runtime, backend) = Runtime::start(prefer)?;
    let mut options = FetchOptions::new(std::env::temp_dir());
    options.addresses.allow = vec!["127.0.0.0/8".parse()?];
    options.schemes.https = false;
    let fetcher = Fetcher::new(options, &backend)?;
    let uri = format!("http://{address}/");
    let fetched = measured(times, || {
        runtime.block_on(async {
            for _ in 0..times {
                let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
                assert_eq!(fetcher.fetch(&uri, None, deadline).await?.size, size as u64);
            }
            Ok(())
        })
    })?;
    println!("fetch:       {fetched}, through {backend}");
    server.kill()?;
    server.wait()?;
    Ok(())
}

/// Runs `work`; tells wall and CPU time of this process per turn.
fn measured(times: u32, work: impl FnOnce() -> Result<(), AnyError>) -> Result<String, AnyError> {
    let (wall, cpu) = (Instant::now(), cpu_time());
    work()?;
    Ok(format!("{:?} wall, {:?} CPU", wall.elapsed() / times, (cpu_time() - cpu) / times))
}

fn cpu_time() -> Duration {
    // Nothing that this crate depends on reads the process clock; the kernel prints it, in ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn bare(address: &str, size: usize, times: u32) -> Result<(), AnyError> {
    let mut stream = std::net::TcpStream::connect(address)?;
    let mut buffer = vec![0; 256 << 10];
    for _ in 0..times {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")?;
        let mut got = stream.read(&mut buffer)?;
        let head = buffer[..got].windows(4).position(|window| window == b"\r\n\r\n").ok_or("no head")? + 4;
        while got < head + size {
            got += stream.read(&mut buffer)?;
        }
    }
    Ok(())
}

/// Serves `size` bytes to every client, until killed.
fn serve(size: usize) -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = Bytes::from((0..size).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            let body = body.clone();
            let answer = service_fn(move |_: Request<Incoming>| {
                let body = body.clone();
                async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    })
}
