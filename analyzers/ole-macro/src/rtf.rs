//! Rich Text Format (RTF 1.9.1): objects, templates and fields in text that is easy to write in a thousand ways.
//!
//! Read by a tokenizer of our own, once from front to back, with a stack of groups. Word ignores what it does not
//! know, so nothing here depends on a document being well-formed.

mod data;
mod tokens;

use std::ops::Range;

use analyzers::{Findings, Incomplete, Limit, Sample};

use self::data::HexData;
use self::tokens::{Token, Tokens};
use crate::catalogue::rtf as signs;
use crate::fields::Fields;
use crate::object::ole1;
use crate::target::{self, Danger};

/// Groups within groups that are followed; deeper ones are counted only. Writers stay below 50.
const DEPTH_MAX: usize = 1_000;
const DEPTH_ODD: usize = 200;
/// Longest control word (RTF 1.9.1, "Control Word").
const WORD_BYTES_MAX: usize = 32;
/// Interruptions of an object's data that could be an accident of a writer.
const INTERRUPTIONS_MAX: usize = 4;
/// Bytes of a template's address that are kept.
const TEMPLATE_BYTES_MAX: usize = 4 << 10;

/// What the text of a group is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Destination {
    #[default]
    Text,
    ObjectData,
    Template,
    Instruction,
    /// A group around data that belongs to none of these.
    Ignored,
}

#[derive(Clone, Copy, Default)]
struct Group {
    destination: Destination,
    /// This group is where the destination began, so its end ends it.
    is_start: bool,
    is_field: bool,
}

/// An RTF document as far as it was read.
struct Document {
    groups: Vec<Group>,
    beyond: usize,
    data: HexData,
    data_start: usize,
    template: String,
    fields: Fields,
    /// Characters that stand for a reader that knows no Unicode, after each `\u` (`\uc`), and how many of them come now.
    fallback: usize,
    skip: usize,
}

/// Examines the RTF document `sample`.
pub(crate) fn examine<'a>(sample: Sample<'a>, findings: &mut Findings<'a>) {
    let bytes = sample.bytes;
    let header = bytes.get(..6).unwrap_or(bytes);
    if !(header.starts_with(b"{\\rtf1") || header.starts_with(b"{\\rtf\\")) {
        findings.saw_with(&signs::ODD_HEADER, 0..header.len(), header.escape_ascii());
    }
    let mut document = Document {
        groups: vec![Group::default()],
        beyond: 0,
        data: HexData::default(),
        data_start: 0,
        template: String::new(),
        fields: Fields::default(),
        fallback: 1,
        skip: 0,
    };
    let mut tokens = Tokens::new(bytes);
    loop {
        let start = tokens.at;
        let Some(token) = tokens.next() else { break };
        if findings.budget().step(1).is_err() {
            return;
        }
        document.take(token, start..tokens.at, findings);
    }
    // What is still open at the end is there all the same.
    document.end_data(bytes.len(), findings);
    document.end_template(bytes.len(), findings);
    document.fields.finish(bytes.len(), findings);
}

impl Document {
    fn group(&mut self) -> Group {
        self.groups.last().copied().unwrap_or_default()
    }

    fn take(&mut self, token: Token<'_>, span: Range<usize>, findings: &mut Findings<'_>) {
        let destination = self.group().destination;
        match token {
            Token::Open => {
                if self.groups.len() == DEPTH_ODD {
                    findings.saw(&signs::DEEP_GROUPS, span);
                }
                if self.groups.len() < DEPTH_MAX {
                    self.groups.push(Group { destination, is_start: false, is_field: false });
                } else {
                    self.beyond += 1;
                }
                if destination == Destination::ObjectData {
                    self.data.interrupt();
                }
            }
            Token::Close if self.beyond > 0 => self.beyond -= 1,
            Token::Close => {
                // One group too few is no reason to stop: Word does not.
                let group = if self.groups.len() > 1 { self.groups.pop() } else { None };
                self.end(group.unwrap_or_default(), span.end, findings);
            }
            Token::Word(b"u", Some(unit)) => {
                let character = char::from_u32(u32::from(unit as u16)).unwrap_or('\u{fffd}');
                self.text(character.encode_utf8(&mut [0; 4]).as_bytes(), destination, findings);
                self.skip = self.fallback;
            }
            Token::Word(b"uc", Some(count)) => self.fallback = usize::try_from(count).unwrap_or(1).min(8),
            Token::Word(word, _) => self.word(word, span, findings),
            // A destination that nobody knows, within the data: it and its digits are skipped.
            Token::Symbol(b'*') if destination == Destination::ObjectData && !self.group().is_start => {
                self.data.interrupt();
                self.begin(Destination::Ignored);
            }
            Token::Symbol(_) if destination == Destination::ObjectData => self.data.interrupt(),
            Token::Symbol(symbol @ (b'\\' | b'{' | b'}')) => self.text(&[symbol], destination, findings),
            Token::Byte(_) if destination == Destination::ObjectData => self.data.escape(),
            Token::Byte(_) if self.skip > 0 => self.skip -= 1,
            Token::Byte(byte) => self.text(&[byte], destination, findings),
            // It announces more than there is, and so hides the rest of the file from whoever believes it.
            Token::CutBinary => findings.incomplete(Incomplete::CutShort),
            Token::Binary(bytes) if destination == Destination::ObjectData => {
                let room = room(findings);
                if !self.data.binary(bytes, room) {
                    findings.budget().exhaust(Limit::Stream);
                }
            }
            Token::Text(text) => {
                let skipped = std::mem::take(&mut self.skip).min(text.len());
                self.text(text.get(skipped..).unwrap_or_default(), destination, findings);
            }
            Token::Symbol(_) | Token::Binary(_) => {}
        }
    }

    fn word(&mut self, word: &[u8], span: Range<usize>, findings: &mut Findings<'_>) {
        if word.len() > WORD_BYTES_MAX {
            findings.saw(&signs::OVERLONG_WORDS, span.clone());
        }
        if self.group().destination == Destination::ObjectData {
            self.data.interrupt();
        }
        match word {
            b"objdata" => {
                self.end_data(span.start, findings);
                self.data_start = span.end;
                findings.saw(&signs::OBJECT, span);
                self.begin(Destination::ObjectData);
            }
            b"objupdate" => findings.saw(&signs::AUTO_UPDATE, span),
            b"objautlink" => findings.saw(&signs::AUTO_LINK, span),
            b"template" => self.begin(Destination::Template),
            b"fldinst" => self.begin(Destination::Instruction),
            b"field" => {
                self.fields.begin(span.start);
                if let Some(group) = self.groups.last_mut() {
                    group.is_field = true;
                }
            }
            b"fldrslt" => self.fields.separate(),
            // Data of pictures, fonts and the like: digits in it are no text.
            b"pict" | b"datastore" | b"themedata" | b"colorschememapping" | b"blipuid" | b"objclass" | b"objname"
                if self.group().destination == Destination::Text =>
            {
                self.begin(Destination::Ignored);
            }
            _ => {}
        }
    }

    /// From here to the end of the group, text is for `destination`.
    fn begin(&mut self, destination: Destination) {
        if let Some(group) = self.groups.last_mut() {
            group.destination = destination;
            group.is_start = true;
        }
    }

    fn text(&mut self, text: &[u8], destination: Destination, findings: &mut Findings<'_>) {
        match destination {
            Destination::ObjectData => {
                let room = room(findings);
                if !self.data.text(text, room) {
                    findings.budget().exhaust(Limit::Stream);
                }
            }
            Destination::Template => {
                let free = TEMPLATE_BYTES_MAX.saturating_sub(self.template.len());
                let text = text.get(..free).unwrap_or(text);
                self.template.push_str(&String::from_utf8_lossy(text));
            }
            Destination::Instruction => self.fields.text(&String::from_utf8_lossy(text)),
            Destination::Text | Destination::Ignored => {}
        }
    }

    /// `group` ends at `at`.
    fn end(&mut self, group: Group, at: usize, findings: &mut Findings<'_>) {
        if group.is_start {
            match group.destination {
                Destination::ObjectData => self.end_data(at, findings),
                Destination::Template => self.end_template(at, findings),
                Destination::Text | Destination::Instruction | Destination::Ignored => {}
            }
        }
        if group.is_field {
            self.fields.end(at, findings);
        }
    }

    fn end_data(&mut self, at: usize, findings: &mut Findings<'_>) {
        let data = std::mem::take(&mut self.data);
        if data.bytes.is_empty() {
            return;
        }
        let span = self.data_start..at;
        if findings.budget().produce(data.bytes.len() as u64).is_err() {
            return findings.incomplete(Incomplete::Limit(Limit::Produced));
        }
        if data.interruptions > INTERRUPTIONS_MAX {
            findings.saw_with(&signs::OBFUSCATED_DATA, span, format_args!("{} interruptions", data.interruptions));
        }
        findings.within("objdata", |findings| ole1::examine(&data.bytes, findings));
    }

    fn end_template(&mut self, at: usize, findings: &mut Findings<'_>) {
        let template = std::mem::take(&mut self.template);
        if matches!(target::judge(&template), Danger::Remote | Danger::Network | Danger::Exploit) {
            let span = at.saturating_sub(template.len())..at;
            findings.saw_with(&signs::TEMPLATE_REMOTE, span, template.trim());
        }
    }
}

/// Bytes that an object may have.
fn room(findings: &mut Findings<'_>) -> usize {
    usize::try_from(findings.budget().stream_room()).unwrap_or(usize::MAX)
}
