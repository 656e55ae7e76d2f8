//! What an archive holds: unpacked within the budget, and handed over to those who examine it.

use std::borrow::Cow;
use std::io::Read;

use analyzers::{Budget, Exhausted, Findings, Limit};
use triage::{FileKind, triage};

use crate::catalogue as signs;

/// Bytes that are unpacked between two looks at the budget.
const CHUNK: usize = 64 << 10;
/// Texts that are handed over: licences and translations come by the hundred.
const TEXTS_MAX: usize = 64;
/// Ends of the names of scripts that Windows starts by a click.
const SCRIPTS: [&str; 12] =
    [".bat", ".cmd", ".hta", ".js", ".jse", ".ps1", ".reg", ".vbe", ".vbs", ".wsf", ".wsh", ".sct"];

/// The bytes of a member.
pub(crate) struct Unpacked {
    pub(crate) bytes: Vec<u8>,
    /// Whether that is all: nothing broke off.
    pub(crate) is_whole: bool,
}

/// Hands over members of one archive.
pub(crate) struct Contents<'f, 'a> {
    findings: &'f mut Findings<'a>,
    texts: usize,
}

impl<'f, 'a> Contents<'f, 'a> {
    pub(crate) fn new(findings: &'f mut Findings<'a>) -> Self {
        Contents { findings, texts: 0 }
    }

    pub(crate) fn budget(&mut self) -> &mut Budget {
        self.findings.budget()
    }

    /// All that `reader` gives, paid for as it comes; at most `length` bytes.
    pub(crate) fn unpack(&mut self, reader: &mut dyn Read, length: u64) -> Result<Unpacked, Exhausted> {
        let room = self.budget().stream_room();
        let mut reader = reader.take(length);
        let mut bytes = Vec::new();
        loop {
            self.budget().step(1)?;
            let before = bytes.len();
            let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut bytes);
            let grown = (bytes.len() - before) as u64;
            self.budget().produce(grown)?;
            if bytes.len() as u64 > room {
                self.budget().stream(bytes.len() as u64)?;
                return Err(self.budget().exhaust(Limit::Produced));
            }
            match read {
                Ok(_) if grown > 0 => {}
                Ok(_) => {
                    let is_whole = length == u64::MAX || bytes.len() as u64 == length;
                    bytes.shrink_to_fit();
                    return Ok(Unpacked { bytes, is_whole });
                }
                Err(_) => return Ok(Unpacked { bytes, is_whole: false }),
            }
        }
    }

    /// Goes past `length` bytes of `reader`, paid for like those that are kept. False if there are fewer.
    pub(crate) fn skip(&mut self, reader: &mut dyn Read, length: u64) -> Result<bool, Exhausted> {
        let mut left = length;
        while left > 0 {
            self.budget().step(1)?;
            let passed = std::io::copy(&mut Read::take(&mut *reader, left.min(CHUNK as u64)), &mut std::io::sink());
            match passed {
                Ok(passed) if passed > 0 => {
                    self.budget().produce(passed)?;
                    left -= passed;
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Hands over a member, if anybody examines what it is; what nobody does is named.
    pub(crate) fn member(&mut self, name: &str, bytes: Cow<'a, [u8]>) {
        let lower = name.to_ascii_lowercase();
        if SCRIPTS.iter().any(|end| lower.ends_with(end)) {
            self.findings.saw_with(&signs::SCRIPT, 0..0, name);
        }
        let is_read = match triage(&bytes) {
            FileKind::Empty => return,
            FileKind::Data | FileKind::Image(_) | FileKind::Font | FileKind::Media(_) => false,
            FileKind::Text => {
                self.texts += 1;
                self.texts <= TEXTS_MAX
            }
            _ => true,
        };
        if is_read { self.findings.part(name, bytes) } else { self.refuse(name) }
    }

    /// Hands over what is no file of its own, such as an installer's script, for rules to look through.
    pub(crate) fn code(&mut self, name: &str, bytes: Cow<'a, [u8]>) {
        self.findings.part(name, bytes);
    }

    /// Adds the hosts that are named in `bytes`, in plain text and in UTF-16.
    pub(crate) fn named_in(&mut self, bytes: &[u8]) -> Result<(), Exhausted> {
        self.findings.named_in(bytes);
        self.budget().produce(bytes.len() as u64)?;
        let mut narrow = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((first, behind)) = rest.split_first() {
            let is_wide = matches!(first, b' '..=b'~') && behind.first() == Some(&0);
            narrow.push(if is_wide { *first } else { 0 });
            rest = behind.get(usize::from(is_wide)..).unwrap_or_default();
        }
        self.findings.named_in(&narrow);
        Ok(())
    }

    /// Says that Python runs a script.
    pub(crate) fn python(&mut self, name: &str) {
        self.findings.saw_with(&signs::PYTHON, 0..0, name);
    }

    /// Says that a member cannot be had.
    pub(crate) fn broken(&mut self, name: &str) {
        self.findings.saw_with(&signs::UNREADABLE, 0..0, name);
        self.refuse(name);
    }

    /// Says that members are locked.
    pub(crate) fn locked(&mut self, name: &str) {
        self.findings.saw_with(&signs::ENCRYPTED, 0..0, name);
        self.refuse(name);
    }

    /// Says that nobody accounts for a member.
    pub(crate) fn refuse(&mut self, name: &str) {
        self.findings.cannot_vouch(name);
    }
}
