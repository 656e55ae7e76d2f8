//! An HTTP/1.1 server on loopback that does what its path says, well or badly. Raw sockets: no HTTP library would
//! send most of this.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) struct Server {
    pub address: SocketAddr,
    seen: Arc<RequestLog>,
}

#[derive(Default)]
struct RequestLog {
    heads: Mutex<Vec<String>>,
    tries: Mutex<HashMap<String, u32>>,
    connections: Mutex<u32>,
}

/// The body of `/bytes/SIZE`.
pub(crate) fn body(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i / 251 + i) as u8).collect()
}

impl Server {
    pub(crate) fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(RequestLog::default());
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&shared);
                *seen.connections.lock().unwrap() += 1;
                // Whoever hangs up on a misbehaving server is right.
                thread::spawn(move || drop(serve(stream.unwrap(), &seen)));
            }
        });
        Server { address, seen }
    }

    pub(crate) fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, each with its headers.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.seen.heads.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> u32 {
        *self.seen.connections.lock().unwrap()
    }
}

fn serve(stream: TcpStream, seen: &RequestLog) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        seen.heads.lock().unwrap().push(head);
        let nth = {
            let mut tries = seen.tries.lock().unwrap();
            let nth = tries.entry(path.clone()).or_default();
            *nth += 1;
            *nth
        };
        answer(&stream, &path, nth)?;
    }
}

fn answer(mut to: &TcpStream, path: &str, nth: u32) -> std::io::Result<()> {
    let (mode, argument) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let argument = argument.strip_suffix("?token=sesame").unwrap_or(argument);
    let number: usize = argument.parse().unwrap_or(0);
    let with_length = |mut to: &TcpStream, bytes: &[u8]| {
        write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())?;
        to.write_all(bytes)
    };
    match mode {
        "bytes" => with_length(to, &body(number)),
        "slow-start" => {
            thread::sleep(Duration::from_millis(20));
            with_length(to, &body(number))
        }
        "chunked" => {
            write!(to, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for chunk in body(number).chunks(10_000) {
                write!(to, "{:x}\r\n", chunk.len())?;
                to.write_all(chunk)?;
                write!(to, "\r\n")?;
            }
            write!(to, "0\r\n\r\n")
        }
        "until-close" => {
            write!(to, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            to.write_all(&body(number))?;
            hang_up(to)
        }
        // Cut off at first; nothing but the digest shows it.
        "cut-then-whole" if nth == 1 => answer(to, &format!("/until-close/{}", number / 2), 1),
        "cut-then-whole" | "cut" => answer(to, &format!("/until-close/{number}"), 1),
        "trickle" => {
            write!(to, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
            loop {
                to.write_all(b"x")?;
                thread::sleep(Duration::from_millis(20));
            }
        }
        "endless" => {
            write!(to, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            loop {
                write!(to, "1000\r\n{}\r\n", "x".repeat(0x1000))?;
            }
        }
        "silent" => to.read_exact(&mut [0]),
        "half" => {
            write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", number)?;
            to.write_all(&body(number / 2))?;
            hang_up(to)
        }
        "half-then-whole" if nth == 1 => answer(to, &format!("/half/{number}"), 1),
        "half-then-whole" => with_length(to, &body(number)),
        "half-chunked" => {
            write!(to, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nx")?;
            hang_up(to)
        }
        "length" => {
            write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {argument}\r\n\r\nfew bytes")?;
            hang_up(to)
        }
        "two-lengths" => {
            write!(to, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nfew bytes")?;
            hang_up(to)
        }
        "garbage" => {
            to.write_all(b"220 smtp ready\r\n")?;
            hang_up(to)
        }
        "gzip" => {
            let zipped = GZIP;
            write!(to, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", zipped.len())?;
            to.write_all(zipped)
        }
        "cookie" => {
            write!(
                to,
                "HTTP/1.1 302 Found\r\nSet-Cookie: a=b; Path=/\r\nLocation: /bytes/1\r\nContent-Length: 0\r\n\r\n"
            )
        }
        "hops" if number == 0 => with_length(to, b"arrived"),
        "hops" => redirect(to, &format!("/hops/{}", number - 1)),
        "circle" => redirect(to, "/circle"),
        "nowhere" => write!(to, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
        "to" => redirect(to, argument),
        "status" => write!(to, "HTTP/1.1 {number} Told\r\nContent-Length: 0\r\n\r\n"),
        // Fails with this status once, then serves.
        "once" if nth == 1 => write!(to, "HTTP/1.1 {number} Once\r\nContent-Length: 0\r\n\r\n"),
        "once" => with_length(to, b"at last"),
        "later" => write!(to, "HTTP/1.1 429 Later\r\nRetry-After: {number}\r\nContent-Length: 0\r\n\r\n"),
        _ => write!(to, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    }
}

/// "test", by gzip -9n.
pub(crate) const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03+I-.\x01\0\x0c~\x7f\xd8\x04\0\0\0";

fn redirect(mut to: &TcpStream, location: &str) -> std::io::Result<()> {
    write!(to, "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

fn hang_up(to: &TcpStream) -> std::io::Result<()> {
    to.shutdown(std::net::Shutdown::Both)
}
