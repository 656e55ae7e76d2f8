//! This test program as a child that writes to an archive and is killed while it does.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Set in the child: where its archive is.
const CHILD: &str = "DAEMON_ARCHIVE_TEST_DIRECTORY";

/// Where this process is to write until it is killed, if it is such a child.
pub(crate) fn directory() -> Option<OsString> {
    std::env::var_os(CHILD)
}

/// Tells the parent a line. One system call: it is told whole or not at all.
pub(crate) fn tell_line(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// Runs `test` of this program as a child that writes to `directory`, and kills it: once it told a line that begins with
/// `first` if there is one, after a moment that differs with `nth`. Returns the lines it told.
pub(crate) fn kill_while_it_writes(
    test: &str,
    directory: &Path,
    first: Option<&'static str>,
    nth: usize,
) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let is_first = |line: &String| first.is_none_or(|first| line.starts_with(first));
        let told = |line: &String| tell.send(is_first(line)).unwrap_or_default();
        lines.lines().map_while(Result::ok).inspect(told).collect::<Vec<_>>()
    });
    if first.is_some() {
        told.iter().find(|is_first| *is_first);
    }
    // Not a wait for something to happen: a moment to die at, another every time.
    std::thread::sleep(Duration::from_micros((nth as u64 * 7_919) % 61_000));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}
