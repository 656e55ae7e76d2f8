//! Bytes that a client has sent and nobody has looked at yet: commands are taken off them, and parts of streams.

use crate::command::{COMMAND_BYTES_MAX, Framing};

/// Room for what one read brings.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// Bytes that came.
pub(crate) struct ClientBytes {
    bytes: Box<[u8]>,
    begin: usize,
    end: usize,
}

/// What the bytes begin with.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum NextLine {
    /// A command.
    Line(Framing, Vec<u8>),
    /// The beginning of one.
    Partial,
    /// More than any command has.
    TooLong,
}

impl ClientBytes {
    pub(crate) fn new() -> ClientBytes {
        ClientBytes { bytes: vec![0; READ_BYTES].into_boxed_slice(), begin: 0, end: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    /// The bytes that are there.
    pub(crate) fn there(&self) -> &[u8] {
        &self.bytes[self.begin..self.end]
    }

    /// Takes the first bytes away.
    pub(crate) fn consume(&mut self, count: usize) {
        self.begin = self.end.min(self.begin + count);
        if self.is_empty() {
            (self.begin, self.end) = (0, 0);
        }
    }

    /// Room for more, after what is there. Some, as long as less than all of it is there.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.begin > 0 {
            self.bytes.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes of the room were filled.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = self.bytes.len().min(self.end + count);
    }

    /// Takes a command, if all of it is there. The old style ends with what there is.
    pub(crate) fn line(&mut self) -> NextLine {
        let there = self.there();
        let (framing, terminator) = match there.first() {
            None => return NextLine::Partial,
            Some(b'z') => (Framing::Nul, 0),
            Some(b'n') => (Framing::Newline, b'\n'),
            Some(_) => (Framing::Old, b'\n'),
        };
        let looked_at = &there[..there.len().min(COMMAND_BYTES_MAX)];
        let end = looked_at.iter().position(|byte| *byte == terminator);
        let (line, consumed) = match (end, framing) {
            (Some(end), _) => (&looked_at[..end], end + 1),
            (None, Framing::Old) if there.len() < COMMAND_BYTES_MAX => (looked_at, looked_at.len()),
            (None, _) if there.len() < COMMAND_BYTES_MAX => return NextLine::Partial,
            (None, _) => return NextLine::TooLong,
        };
        let line = match framing {
            Framing::Nul => &line[1..],
            Framing::Newline => chomp(&line[1..]),
            Framing::Old => chomp(line),
        };
        let line = line.to_owned();
        self.consume(consumed);
        NextLine::Line(framing, line)
    }
}

/// Without line ends behind it.
fn chomp(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    &line[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(text: &[u8]) -> ClientBytes {
        let mut bytes = ClientBytes::new();
        bytes.room()[..text.len()].copy_from_slice(text);
        bytes.filled(text.len());
        bytes
    }

    #[track_caller]
    fn check(text: &[u8], expected: Option<(Framing, &[u8])>, left: &[u8]) {
        let mut bytes = with(text);
        let line = bytes.line();
        assert_eq!(line, expected.map_or(NextLine::Partial, |(framing, line)| NextLine::Line(framing, line.to_vec())));
        assert_eq!(bytes.there(), left);
    }

    #[test]
    fn lines_end_where_their_prefix_says() {
        check(b"zPING\0zEND\0", Some((Framing::Nul, b"PING")), b"zEND\0");
        check(b"nPING\r\n", Some((Framing::Newline, b"PING")), b"");
        check(b"zPING\n\0", Some((Framing::Nul, b"PING\n")), b"");
        check(b"PING\r\nx", Some((Framing::Old, b"PING")), b"x");
        check(b"PI", Some((Framing::Old, b"PI")), b"");
        check(b"zPI", None, b"zPI");
        check(b"", None, b"");
        check(b"n\n", Some((Framing::Newline, b"")), b"");
    }

    #[test]
    fn a_line_without_an_end_is_not_waited_for() {
        for first in [b'z', b'n', b'A'] {
            let mut text = vec![b'A'; COMMAND_BYTES_MAX];
            text[0] = first;
            assert_eq!(with(&text).line(), NextLine::TooLong);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_seen_twice(text in proptest::collection::vec(any::<u8>(), 0..300), takes in proptest::collection::vec(0_usize..40, 0..20)) {
            let mut bytes = with(&text);
            let mut at = 0;
            for take in takes {
                bytes.consume(take);
                at = (at + take).min(text.len());
                prop_assert_eq!(bytes.there(), &text[at..]);
                prop_assert!(!bytes.room().is_empty());
                prop_assert_eq!(bytes.there(), &text[at..]);
            }
        }

        #[test]
        fn whatever_comes_is_a_line_or_is_waited_for_or_refused(text in proptest::collection::vec(any::<u8>(), 0..6_000)) {
            let mut bytes = with(&text);
            match bytes.line() {
                NextLine::Line(_, line) => prop_assert!(line.len() <= text.len() && bytes.there().len() < text.len()),
                NextLine::Partial => prop_assert!(text.len() < COMMAND_BYTES_MAX),
                NextLine::TooLong => prop_assert!(text.len() >= COMMAND_BYTES_MAX),
            }
        }
    }
}
