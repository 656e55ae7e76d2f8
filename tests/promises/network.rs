//! Peers that are slow, lie, or are not who they should be.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use specimens::elf;

use crate::engine::{Daemon, DaemonHome, SECRET, bounty, printed};
use crate::figure::{keep, spread};
use crate::proxy::Proxy;

/// How long a bounty lives: servers that never end are given up before.
const LIFE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(90);

/// A bounty about a tool, which is benign if it comes, that is to be had at `uri`.
fn bounty_at(market: &TestMarket, id: &str, uri: &str) -> Value {
    let mut made = bounty(market, id, &elf::tool().build(), LIFE);
    made["artifact_uri"] = json!(uri);
    made
}

#[track_caller]
fn answered(market: &TestMarket, id: &str) -> Value {
    let answer = market.wait(id, PATIENCE).unwrap_or_else(|| panic!("{id} is not answered"));
    serde_json::from_slice(&answer.body).expect("answers are JSON")
}

#[track_caller]
fn check_unchanged(daemon: &mut Daemon<'_>, place: &DaemonHome) {
    assert_eq!(daemon.child.try_wait().expect("our child can be asked"), None, "it ended: {}", place.log());
}

/// Answers each request in the way that its path names.
fn start_server() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports left");
    let address = listener.local_addr().expect("a listener has an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever hangs up on it is right.
            std::thread::spawn(move || drop(serve(stream)));
        }
    });
    address
}

const WAYS: [&str; 20] = [
    "drip",
    "drip-head",
    "silence",
    "endless",
    "endless-chunks",
    "huge",
    "beyond",
    "negative",
    "short",
    "long",
    "garbage",
    "circle",
    "to-metadata",
    "to-file",
    "to-private",
    "to-mapped",
    "bomb",
    "flipped",
    "hangup",
    "not-found",
];

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut request)?;
    let way = request.split_whitespace().nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let good = elf::tool().build();
    let head = |length: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    let redirect = |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let pause = || std::thread::sleep(Duration::from_millis(300));
    match &*way {
        "drip" => {
            stream.write_all(head(&good.len().to_string()).as_bytes())?;
            for byte in good {
                stream.write_all(&[byte])?;
                pause();
            }
        }
        "drip-head" => loop {
            stream.write_all(b"x")?;
            pause();
        },
        "silence" => std::thread::sleep(PATIENCE),
        "endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&good)?;
            }
        }
        "endless-chunks" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            loop {
                stream.write_all(b"1000\r\n")?;
                stream.write_all(&[0; 0x1000])?;
                stream.write_all(b"\r\n")?;
            }
        }
        "huge" => stream.write_all(&[head("9223372036854775807").as_bytes(), &good].concat())?,
        "beyond" => stream.write_all(&[head("99999999999999999999999").as_bytes(), &good].concat())?,
        "negative" => stream.write_all(&[head("-1").as_bytes(), &good].concat())?,
        "short" => stream.write_all(&[head(&(good.len() + 7).to_string()).as_bytes(), &good].concat())?,
        "long" => stream.write_all(&[head("10").as_bytes(), &good].concat())?,
        "garbage" => stream.write_all(&good)?,
        "circle" => stream.write_all(redirect("/circle").as_bytes())?,
        "to-metadata" => stream.write_all(redirect("http://169.254.169.254/latest/meta-data").as_bytes())?,
        "to-file" => stream.write_all(redirect("file:///bin/true").as_bytes())?,
        "to-private" => stream.write_all(redirect("http://10.0.0.1/").as_bytes())?,
        "to-mapped" => stream.write_all(redirect("http://[::ffff:192.168.0.1]/").as_bytes())?,
        "bomb" => {
            let body = specimens::bomb::deflated_zeros(100_000);
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat())?;
        }
        "flipped" => {
            let mut other = good;
            other[1000] ^= 1;
            stream.write_all(&[head(&other.len().to_string()).as_bytes(), &other].concat())?;
        }
        "hangup" => stream.write_all(head(&good.len().to_string()).as_bytes())?,
        "good" => stream.write_all(&[head(&good.len().to_string()).as_bytes(), &good].concat())?,
        _ => stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?,
    }
    Ok(())
}

#[test]
fn e2_servers_that_drip_lie_and_lead_astray() {
    let server = start_server();
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("scan.shipped_rules = false\nintake.artifact_bytes_max = \"8M\"\n");
    let mut daemon = place.start();
    let pid = daemon.child.id();
    let uri = |way: &str| format!("http://{server}/{way}");
    assert_eq!(place.post(&bounty_at(&market, "1000", &uri("good"))), 202);
    assert_eq!(answered(&market, "1000")["verdict"], "benign", "what comes as it should is benign");
    let begun = Instant::now();
    for (nth, way) in WAYS.iter().enumerate() {
        assert_eq!(place.post(&bounty_at(&market, &nth.to_string(), &uri(way))), 202, "{way}");
    }
    for (nth, way) in WAYS.iter().enumerate() {
        let answer = answered(&market, &nth.to_string());
        assert_eq!((&answer["verdict"], &answer["bid"]), (&json!("unknown"), &json!(0)), "{way}: {answer}");
    }
    let took = market.all_answers().values().flatten().map(|answer| answer.at.duration_since(begun)).max();
    let took = took.expect("there are answers");
    assert!(took < LIFE, "the last answer came after {took:?}");
    assert_eq!(place.post(&bounty_at(&market, "1001", &uri("good"))), 202);
    assert_eq!(answered(&market, "1001")["verdict"], "benign");
    check_unchanged(&mut daemon, &place);
    assert_eq!((daemon.child.id(), daemon.end()), (pid, Some(0)), "{}", place.log());
    keep(&format!(
        "{} ways of a server to harm: each answered unknown with a reason, the last after {:.1} of {} s; 0 benign; frontend \
         unchanged",
        WAYS.len(),
        took.as_secs_f64(),
        LIFE.as_secs()
    ));
}

#[test]
fn e2_a_network_that_cuts_delays_and_garbles() {
    let market = TestMarket::start();
    let address: SocketAddr = market.url()["http://".len()..].parse().expect("a market has an address");
    let seed = u64::from(std::process::id()) << 32;
    let proxy = Proxy::before(address, seed);
    let mut place = DaemonHome::new(&market).with("scan.shipped_rules = false\n");
    place.market_of_the_test(proxy.port);
    let mut daemon = place.start();
    let pid = daemon.child.id();
    let through = format!("http://127.0.0.1:{}", proxy.port);
    let artifacts = [elf::tool().build(), specimens::eicar()];
    let count: usize = 120;
    let post = |id: &str, artifact: &[u8]| {
        let path = format!("/a/{id}");
        market.serve(&path, artifact.to_vec());
        let made = testkit::BountyMaker { market: through.clone(), life: LIFE }.bounty(id, &path, artifact);
        assert_eq!(place.post(&made), 202, "{id}");
    };
    for nth in 0..count {
        post(&nth.to_string(), &artifacts[nth % 2]);
    }
    // What is not answered while it lasts is answered until it expires.
    std::thread::sleep(Duration::from_secs(5));
    proxy.calm();
    let begun = Instant::now();
    while market.all_answers().len() < count && begun.elapsed() < LIFE {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut verdicts, mut twice) = (std::collections::BTreeMap::<String, usize>::new(), 0);
    for nth in 0..count {
        let answers = market.answers(&nth.to_string());
        let first = answers.first().unwrap_or_else(|| panic!("seed {seed}: {nth} is not answered: {}", place.log()));
        assert!(answers.iter().all(|answer| answer.body == first.body), "seed {seed}: {nth} has two answers");
        twice += usize::from(answers.len() > 1);
        let answer: Value = serde_json::from_slice(&first.body).expect("answers are JSON");
        let verdict = answer["verdict"].as_str().expect("an answer has a verdict").to_owned();
        let wrong = if nth % 2 == 0 { "malicious" } else { "benign" };
        assert_ne!(verdict, wrong, "seed {seed}: {answer}");
        *verdicts.entry(verdict).or_default() += 1;
    }
    check_unchanged(&mut daemon, &place);
    assert_eq!((daemon.child.id(), daemon.end()), (pid, Some(0)), "{}", place.log());
    assert!(printed(&place.output(&["archive", "verify"]), 0).starts_with("intact: "));
    keep(&format!(
        "{}: {count} bounties, all answered ({verdicts:?}), {twice} more than once with the same bytes, 0 wrong; frontend \
         unchanged",
        proxy.told()
    ));
}

#[test]
fn e1_slow_connections_keep_nobody_out() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("scan.shipped_rules = false\n");
    let mut daemon = place.start();
    // More than the webhook takes from one peer; as few as most machines let us have are too few for that.
    let most = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    let open = || TcpStream::connect((Ipv4Addr::LOCALHOST, place.webhook));
    let mut slow = Vec::new();
    let mut posted = Vec::new();
    for nth in 0_usize..1_200 {
        // A machine may not have so many descriptors for us: then some of them are for the others.
        let Ok(mut stream) = open() else {
            slow.truncate(slow.len().saturating_sub(50));
            break;
        };
        let begin = if nth.is_multiple_of(2) {
            "POST / HTTP/1.1\r\nhost: a\r\nx-slow: ".to_owned()
        } else {
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nx".to_owned()
        };
        let _ = stream.write_all(begin.as_bytes());
        slow.push(stream);
        if nth % 12 == 0 {
            let made = bounty(&market, &nth.to_string(), &specimens::eicar(), LIFE * 3);
            let begun = Instant::now();
            assert_eq!(place.post(&made), 202, "after {nth} slow connections");
            posted.push(begun.elapsed());
            for stream in &mut slow {
                // Those that were cut off do not take it.
                let _ = stream.write_all(b"x");
            }
        }
    }
    assert!(slow.len() > 400, "only {} connections could be opened", slow.len());
    for nth in (0..slow.len()).step_by(12) {
        assert_eq!(answered(&market, &nth.to_string())["verdict"], "malicious");
    }
    check_unchanged(&mut daemon, &place);
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    keep(&format!(
        "{} slow connections, a byte each now and then: {} bounties beside them, all taken and answered; taken in {}",
        slow.len(),
        posted.len(),
        spread(&posted)
    ));
}

/// What somebody might want to see in a log.
const FORGED: &str =
    "\r\n2026-01-01T00:00:00Z ERROR forged: everything is lost\n\x1b[2J\x1b]0;title\x07\0\u{202e}\u{9b}31m";

#[test]
fn e12_nothing_that_is_told_breaks_a_line_of_the_log() {
    let market = TestMarket::start();
    let mut figures = Vec::new();
    for format in ["json", "text"] {
        let extra = format!("scan.shipped_rules = false\nlog.format = \"{format}\"\nlog.level = \"trace\"\n");
        let place = DaemonHome::new(&market).with(&extra);
        let mut daemon = place.start();
        let mut posted = 0;
        for field in
            ["id", "artifact_uri", "artifact_type", "response_url", "sha256", "mimetype", "expiration", "phase"]
        {
            for value in [
                json!(FORGED),
                json!(format!("http://127.0.0.1:1/{FORGED}")),
                json!("y".repeat(500_000)),
                json!([FORGED]),
            ] {
                let mut made = bounty(&market, &format!("{posted}"), &specimens::eicar(), LIFE);
                made[field] = value;
                let status = place.post(&made);
                assert!((200..600).contains(&status), "{field}: no reply");
                posted += 1;
            }
        }
        let body = b"{}";
        for name in ["x-polyswarm-event", "x-polyswarm-delivery", "user-agent", "x-forwarded-for"] {
            let signature = daemon_webhook::sign(SECRET.as_bytes(), body);
            let (status, _) =
                place.post_raw(body, &[("x-polyswarm-signature", &signature), (name, "\x1b[2J\u{202e}\x07")]);
            assert!((400..600).contains(&status), "{name}: {status}");
            posted += 1;
        }
        check_unchanged(&mut daemon, &place);
        assert_eq!(daemon.end(), Some(0));
        let log = place.log();
        let longest = log.lines().map(str::len).max().unwrap_or(0);
        for line in log.lines() {
            assert!(!line.chars().any(|sign| sign.is_control() || sign == '\u{202e}'), "a control character: {line:?}");
            assert!(!line.starts_with("2026-01-01T00:00:00Z"), "a forged line: {line}");
            assert!(
                format != "json" || serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()),
                "{line}"
            );
        }
        assert!(longest < 64 << 10, "a line of {longest} bytes");
        figures
            .push(format!("{format}: {posted} deliveries, {} lines, the longest {longest} bytes", log.lines().count()));
    }
    keep(&format!("{}; 0 control characters, 0 forged lines", figures.join("; ")));
}
