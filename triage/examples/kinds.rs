//! Prints `path<TAB>kind` for each path of its standard input, one a line, by one read of the head and rarely
//! more. What cannot be read is `unreadable`. `benches/triage-vs-file.sh` compares it with `file`.

#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::fs::File;
use std::io::{BufWriter, Write, stdin, stdout};
use std::os::unix::fs::FileExt;

struct Opened(File);

impl triage::Window for Opened {
    fn size(&mut self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize {
        self.0.read_at(into, offset).unwrap_or(0)
    }
}

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    let mut head = [0; triage::HEAD_BYTES];
    for path in stdin().lines() {
        let path = path?;
        let read = File::open(&path).and_then(|file| Ok((file.read_at(&mut head, 0)?, file)));
        let kind = match read {
            Ok((length, file)) => triage::triage_window(&head[..length], &mut Opened(file)).name(),
            Err(_) => "unreadable",
        };
        writeln!(out, "{path}\t{kind}")?;
    }
    out.flush()
}
