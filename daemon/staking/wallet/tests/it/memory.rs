//! The key is in the memory of no process but the signer, and in no core dump.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use daemon_transactions::signing::{Ask, SignerReply};

use crate::place::{Place, RunningSigner, SIGNER, ask, assertion};

/// The key is only ever known here under this mask: who searches for it must not have it.
const MASK: u8 = 0xa5;
const PIECE: usize = 1 << 20;

/// This test's program again, as another process that runs one function.
fn child(test: &str, task: &str, place: &Place) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env("WALLET_TASK", task);
    command.env("WALLET_DIRECTORY", place.file("")).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn task() -> Option<(String, std::path::PathBuf)> {
    Some((std::env::var("WALLET_TASK").ok()?, std::env::var_os("WALLET_DIRECTORY")?.into()))
}

/// A place whose key nobody here knows, and the key under the mask: its bytes, as they are written and as a number in memory is
/// kept (the least first, as by k256), and its hexadecimal digits.
fn place_with_a_new_key(test: &str) -> (Place, [Vec<u8>; 3]) {
    let place = Place::new("hour_max = \"50\"\nday_max = \"50\"\ntotal_max = \"50\"");
    let made = child(test, "make-key", &place).output().unwrap();
    let line = String::from_utf8(made.stdout).unwrap();
    let digits = line.lines().find_map(|line| line.split_once("masked: ")).expect("the child made a key").1;
    let bytes: Vec<u8> = base16ct::lower::decode_vec(digits).unwrap();
    let digits_of = |byte: &u8| {
        [(byte ^ MASK) >> 4, (byte ^ MASK) & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)] ^ MASK)
    };
    let hexadecimal = bytes.iter().flat_map(digits_of).collect();
    std::fs::remove_file(place.file("keyfile.json")).unwrap();
    let imported = Command::new(SIGNER)
        .args(["import", "--keyfile"])
        .arg(place.file("keyfile.json"))
        .arg("--passphrase-file")
        .arg(place.file("passphrase"))
        .arg("--private-key-file")
        .arg(place.file("key"))
        .output()
        .unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    std::fs::remove_file(place.file("key")).unwrap();
    let number = bytes.iter().rev().copied().collect();
    (place, [bytes, number, hexadecimal])
}

/// In a process that ends before anybody searches.
fn make_key(directory: &std::path::Path) {
    let mut key = [0; 32];
    getrandom::fill(&mut key).unwrap();
    std::fs::write(directory.join("key"), base16ct::lower::encode_string(&key)).unwrap();
    let masked = base16ct::lower::encode_string(&key.map(|byte| byte ^ MASK));
    std::io::stdout().write_all(format!("masked: {masked}\n").as_bytes()).unwrap();
}

/// How often the needles are in the memory of a process; `None` where it cannot be read.
fn hits(pid: u32, needles: &[Vec<u8>]) -> Option<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let (mut hits, mut read) = (0, 0);
    let overlap = needles.iter().map(Vec::len).max().unwrap();
    let mut piece = vec![0; PIECE];
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        if !rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vvar_vclock]") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let [mut at, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        while at < to {
            let length = PIECE.min(usize::try_from(to - at).unwrap());
            memory.seek(SeekFrom::Start(at)).ok()?;
            let Ok(count) = memory.read(&mut piece[..length]) else { break };
            if count == 0 {
                break;
            }
            read += count;
            piece[..count].iter_mut().for_each(|byte| *byte ^= MASK);
            for needle in needles {
                hits += piece[..count].windows(needle.len()).filter(|window| window == needle).count();
            }
            let step = if count > overlap && at + (count as u64) < to { count - overlap } else { count };
            at += step as u64;
        }
    }
    (read > 0).then_some(hits)
}

/// A frontend in a process of its own, which goes on until its standard input ends.
struct FrontendProcess(Child);

impl FrontendProcess {
    fn start(test: &str, place: &Place) -> FrontendProcess {
        let mut child = child(test, "ask", place).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("signed: ")), "the client has a signature");
        FrontendProcess(child)
    }
}

impl Drop for FrontendProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask_for_ever(directory: &std::path::Path) {
    let socket = directory.join("signer.sock");
    let mut answers = 0_u64;
    loop {
        let SignerReply::Transactions(signed) = ask(&socket, Ask::Transactions(assertion(1, 0))).unwrap() else {
            panic!("it is signed")
        };
        if answers == 0 {
            std::io::stdout().write_all(format!("signed: {}\n", signed.len()).as_bytes()).unwrap();
            std::io::stdout().flush().unwrap();
        }
        answers += 1;
    }
}

#[test]
fn the_key_is_in_no_process_but_the_signer() {
    const TEST: &str = "memory::the_key_is_in_no_process_but_the_signer";
    match task() {
        Some((task, directory)) if task == "make-key" => return make_key(&directory),
        Some((_, directory)) => return ask_for_ever(&directory),
        None => {}
    }
    let (place, needles) = place_with_a_new_key(TEST);
    let signer = place.start();
    let client = FrontendProcess::start(TEST, &place);
    for (who, pid) in [("this test", std::process::id()), ("the frontend", client.0.id())] {
        let hits = hits(pid, &needles).expect("our own processes can be read");
        println!("{who}: {hits} hits");
        assert_eq!(hits, 0, "the key is in {who}");
    }
    for name in ["record", "log", "keyfile.json"] {
        let content = std::fs::read(place.file(name)).unwrap();
        let masked: Vec<u8> = content.iter().map(|byte| byte ^ MASK).collect();
        assert!(needles.iter().all(|needle| !masked.windows(needle.len()).any(|window| window == needle)), "{name}");
    }
    let arguments = std::fs::read(format!("/proc/{}/cmdline", signer.child.id())).unwrap();
    assert!(!String::from_utf8_lossy(&arguments).contains("with space"));
    // That the search finds what is there. The signer's memory is closed to all but root.
    match hits(signer.child.id(), &needles) {
        Some(hits) => {
            println!("the signer: {hits} hits");
            assert!(hits > 0, "the search finds nothing, even where the key is");
        }
        None => println!("SKIPPED: search of the signer's own memory: it is closed to this user"),
    }
}

#[test]
fn a_signer_that_dies_leaves_no_core_dump() {
    const TEST: &str = "memory::a_signer_that_dies_leaves_no_core_dump";
    if let Some((_, directory)) = task() {
        return make_key(&directory);
    }
    let (place, _) = place_with_a_new_key(TEST);
    // The shell allows core dumps, the signer forbids them to itself.
    let run = |script: &str| {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -c unlimited 2>/dev/null; {script}")).current_dir(place.file(""));
        command.stderr(File::create(place.file("log")).unwrap());
        command
    };
    let control = run("kill -ABRT $$").status().unwrap();
    assert_eq!(control.signal(), Some(libc::SIGABRT));
    if !control.core_dumped() {
        println!("SKIPPED: core dump of a signer: this machine makes none at all");
    }
    let child = run(&format!("exec {SIGNER} serve --config {}", place.file("signer.toml").display())).spawn().unwrap();
    let mut signer = RunningSigner { child };
    while std::os::unix::net::UnixStream::connect(place.socket()).is_err() {
        assert!(signer.child.try_wait().unwrap().is_none(), "{}", place.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&signer.child);
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    let died = signer.child.wait().unwrap();
    assert_eq!(died.signal(), Some(libc::SIGABRT));
    assert!(!died.core_dumped(), "it left a core dump");
}
