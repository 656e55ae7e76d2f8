//! The socket: what is answered, what is refused, who may ask, and how it ends.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use daemon_transactions::signing::{Answer, Ask, LINE_MAX, RefusalCode, SignerReply, from_line};

use crate::place::{Place, SIGNER, ask, assertion, exchange};

const LIMITS: &str = "hour_max = \"2\"\nday_max = \"3\"\ntotal_max = \"3\"";

fn code(line: &[u8]) -> RefusalCode {
    let answer: Answer = from_line(line).unwrap();
    match answer.reply {
        SignerReply::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    }
}

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn it_signs_within_its_limits_across_restarts() {
    let place = Place::new(LIMITS);
    let signer = place.start();
    let sign = |bounty, nonce| ask(&place.socket(), Ask::Transactions(assertion(bounty, nonce))).unwrap();
    let SignerReply::Transactions(first) = sign(1, 0) else { panic!("it is signed") };
    assert_eq!(first.len(), 2);
    assert!(matches!(sign(2, 2), SignerReply::Transactions(_)));
    drop(signer);
    let _signer = place.start();
    assert_eq!(sign(1, 0), SignerReply::Transactions(first), "the same again is the same");
    assert!(matches!(sign(3, 4), SignerReply::Transactions(_)));
    let SignerReply::Refused(refusal) = sign(4, 6) else { panic!("beyond the hour") };
    assert_eq!(refusal.code, RefusalCode::OverHour);
    let status = place.status();
    assert_eq!((status.spent.hour.to_string(), status.chains[0].next_nonce), ("1.59375".to_owned(), 6));
    assert!(place.log().contains("refused (OverHour)"), "{}", place.log());
    assert_eq!(place.file("record").metadata().unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn what_is_no_request_is_refused_and_nothing_hangs() {
    let place = Place::new(LIMITS);
    let _signer = place.start();
    let socket = place.socket();
    for line in [
        &b"\n"[..],
        b"null\n",
        b"{}\n",
        b"\xff\xfe\n",
        b"{\"id\":1,\"ask\":{\"hash\":\"0x00\"}}\n",
        b"{\"id\":1,\"ask\":{\"sign_hash\":\"00\"}}\n",
        b"{\"admin\":{\"unlock\":{}}}\n",
        &[&vec![b'['; 100_000][..], b"\n"].concat(),
        &[&vec![b' '; LINE_MAX - 1][..], b"\n"].concat(),
        &vec![b'x'; LINE_MAX + 1],
    ] {
        assert_eq!(code(&exchange(&socket, line).unwrap()), RefusalCode::Malformed, "{} bytes", line.len());
    }
    // One that never ends, one that hangs up, and many that say nothing.
    let mut endless = UnixStream::connect(&socket).unwrap();
    let flood = vec![b'x'; 1 << 20];
    let _ = endless.write_all(&flood);
    drop(UnixStream::connect(&socket).unwrap());
    let silent: Vec<_> = (0..100).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    // Those beyond the limit were closed at once, the others wait.
    let closed = silent.iter().filter(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        matches!((&mut &**stream).read(&mut [0]), Ok(0))
    });
    assert!(closed.count() >= 60);
    drop(silent);
    let end = Instant::now() + Duration::from_secs(30);
    while ask(&socket, Ask::Status).is_err() {
        assert!(Instant::now() < end, "it never answers again");
    }
}

#[test]
fn several_requests_of_a_connection_are_answered_in_order() {
    let place = Place::new(LIMITS);
    let _signer = place.start();
    let mut stream = UnixStream::connect(place.socket()).unwrap();
    // In pieces, as a socket may deliver them.
    for piece in [
        &b"{\"id\":1,\"ask\":\"sta"[..],
        b"tus\"}\n{\"id\":2,\"ask\":\"status\"}\n{\"id\":3,",
        b"\"ask\":\"status\"}\n",
    ] {
        stream.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let ids: Vec<u64> = answers.lines().map(|line| from_line::<Answer>(line.as_bytes()).unwrap().id).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[test]
fn a_request_that_comes_too_slowly_is_given_up() {
    let place = Place::new(LIMITS);
    let _signer = place.start();
    let mut slow = UnixStream::connect(place.socket()).unwrap();
    let begin = Instant::now();
    let cut = loop {
        // A byte now and then keeps no connection open.
        if slow.write_all(b" ").is_err() {
            break begin.elapsed();
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "it waits for ever");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(cut > Duration::from_secs(2), "{cut:?}");
}

#[test]
fn only_a_person_resets_the_total_and_sets_nonces() {
    let place = Place::new("hour_max = \"2\"\nday_max = \"2\"\ntotal_max = \"2\"");
    let stopped = place.run(&["reset-total", "--reason", "x"]);
    assert!(stderr(&stopped).contains("does it run?"), "{}", stderr(&stopped));
    let _signer = place.start();
    for (bounty, nonce) in [(1, 0), (2, 2), (3, 4)] {
        ask(&place.socket(), Ask::Transactions(assertion(bounty, nonce))).unwrap();
    }
    assert_eq!(place.status().spent.total.to_string(), "1.59375");
    assert!(stderr(&place.run(&["reset-total", "--reason", ""])).contains("the reason must have"));
    assert!(place.run(&["reset-total", "--reason", "a test"]).status.success());
    assert_eq!(place.status().spent.total.to_string(), "0");
    assert!(
        stderr(&place.run(&["set-nonce", "--chain-id", "5", "--next", "9", "--reason", "x"]))
            .contains("not in the configuration")
    );
    assert!(place.run(&["set-nonce", "--chain-id", "1337", "--next", "900", "--reason", "a test"]).status.success());
    assert_eq!(place.status().chains[0].next_nonce, 900);
    let shown = place.run(&["status"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("next nonce 900") && shown.contains("1.59375 of 2 NCT"), "{shown}");
    let record = std::fs::read_to_string(place.file("record")).unwrap();
    assert_eq!(record.matches("a test").count(), 2, "{record}");
}

#[test]
fn a_stranger_is_refused_and_a_frontend_resets_nothing() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: strangers at the signer's socket: it takes root to be another user");
        return;
    }
    let place = Place::new(LIMITS);
    let _signer = place.start();
    let as_user = |uid: u32, gid: u32, words: &[&str]| {
        let output = place.command(words).uid(uid).gid(gid).output().unwrap();
        (output.status.success(), stderr(&output))
    };
    // The directory may be entered, the configuration read; the socket is root's.
    let open =
        |name: &str, mode| std::fs::set_permissions(place.file(name), std::fs::Permissions::from_mode(mode)).unwrap();
    open("", 0o755);
    open("signer.toml", 0o644);
    let (good, told) = as_user(12_345, 12_345, &["status"]);
    assert!(!good && told.contains("Permission denied"), "{told}");
    // Should its permissions be opened by mistake, credentials are looked at.
    open("signer.sock", 0o666);
    let (good, told) = as_user(12_345, 12_345, &["status"]);
    assert!(!good && told.contains("neither root nor of group"), "{told}");
    assert!(place.log().contains("a stranger was refused (user 12345"), "{}", place.log());
    // Of the group, but not the signer's user: it may ask, and change nothing.
    let (good, told) = as_user(12_345, 0, &["status"]);
    assert!(good, "{told}");
    let (good, told) = as_user(12_345, 0, &["reset-total", "--reason", "let me"]);
    assert!(!good && told.contains("only root and the signer's own user may"), "{told}");
}

#[test]
fn what_only_a_person_can_mend_ends_with_64() {
    let place = Place::new(LIMITS);
    let failed = |what: &str, exit: i32, why: &str| {
        let output = place.run(&["serve"]);
        assert_eq!(output.status.code(), Some(exit), "{what}: {}", stderr(&output));
        assert!(stderr(&output).contains(why), "{what}: {}", stderr(&output));
    };
    let good = std::fs::read_to_string(place.file("signer.toml")).unwrap();
    let config = |text: &str| std::fs::write(place.file("signer.toml"), text).unwrap();
    config(&good.replace("chain_id", "chain_idd"));
    failed("a key that is not known", 64, "did you mean `chain_id`?");
    config(good.split("[side]").next().unwrap());
    failed("no chain", 64, "nothing to sign");
    config(&good);
    let mode =
        |mode| std::fs::set_permissions(place.file("signer.toml"), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o664);
    failed("a configuration that others write", 64, "others may write to");
    mode(0o644);
    std::fs::write(place.file("passphrase"), "wrong").unwrap();
    failed("a wrong passphrase", 64, "the passphrase is wrong");
    std::fs::write(place.file("passphrase"), "with space").unwrap();
    let signer = place.start();
    failed("a record in use", 2, "another signer uses the record");
    drop(signer);
    let mut record = std::fs::read(place.file("record")).unwrap();
    let length = record.len();
    record[length / 2] ^= 1;
    std::fs::write(place.file("record"), &record).unwrap();
    failed("a damaged record", 64, "is damaged");
    std::fs::remove_file(place.file("signer.toml")).unwrap();
    failed("no configuration", 64, "cannot open the configuration");
}

#[test]
fn a_record_of_another_account_is_not_used() {
    let place = Place::new(LIMITS);
    drop(place.start());
    std::fs::remove_file(place.file("keyfile.json")).unwrap();
    let keyfile = place.file("keyfile.json");
    let made = std::process::Command::new(SIGNER)
        .args(["new", "--keyfile"])
        .arg(&keyfile)
        .arg("--passphrase-file")
        .arg(place.file("passphrase"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
    let output = place.run(&["serve"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(
        stderr(&output).contains("is of account 0x6ab00Ecd1aa7cf088873c889b191D4a12f9A8d3D"),
        "{}",
        stderr(&output)
    );
}
