//! Rich Text Format (RTF 1.9.1): objects, templates and fields in text that is easy to write in a thousand ways.
//!
//! Read by a tokenizer of our own, once from front to back, with a stack of groups. Word ignores what it does not
//! know, so nothing here depends on a document being well-formed.

mod data;
mod destinations;
mod tokens;

use std::ops::Range;

use analyzers::{Findings, Incomplete, Limit, Sample};

use self::data::HexData;
use self::destinations::Destination;
use self::tokens::{RtfToken, Tokens};
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
/// Bytes of a template's address, or of another text that is taken down, that are kept.
const TAKEN_BYTES_MAX: usize = 4 << 10;
/// Most characters that may stand for one of Unicode; writers use one or two.
const FALLBACK_MAX: usize = 8;

#[derive(Clone, Copy)]
struct RtfGroup {
    destination: Destination,
    /// This group is where the destination began, so its end ends it.
    is_start: bool,
    is_field: bool,
    /// Characters that stand for a reader that knows no Unicode, after each `\u` (`\uc`): a setting of the group.
    fallback: usize,
}

impl Default for RtfGroup {
    fn default() -> RtfGroup {
        RtfGroup { destination: Destination::Text, is_start: false, is_field: false, fallback: 1 }
    }
}

/// An RTF document as far as it was read.
struct Document {
    groups: Vec<RtfGroup>,
    beyond: usize,
    data: HexData,
    data_start: usize,
    /// The data was looked at already, up to a word that may have ended it.
    looked_at: bool,
    template: String,
    fields: Fields,
    /// The text that is being taken down for fields: a name or a value.
    taken: String,
    /// The name of the property whose value comes next.
    property: String,
    /// Characters that come now and stand for what was read.
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
        groups: vec![RtfGroup::default()],
        beyond: 0,
        data: HexData::default(),
        data_start: 0,
        looked_at: false,
        template: String::new(),
        fields: Fields::default(),
        taken: String::new(),
        property: String::new(),
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
    document.fields.end_part(bytes.len(), findings);
    document.fields.finish(findings);
}

impl Document {
    fn group(&mut self) -> RtfGroup {
        self.groups.last().copied().unwrap_or_default()
    }

    fn take(&mut self, token: RtfToken<'_>, span: Range<usize>, findings: &mut Findings<'_>) {
        let destination = self.group().destination;
        match token {
            RtfToken::Open => {
                self.skip = 0;
                if self.groups.len() == DEPTH_ODD {
                    findings.saw(&signs::DEEP_GROUPS, span);
                }
                if self.groups.len() < DEPTH_MAX {
                    let fallback = self.group().fallback;
                    self.groups.push(RtfGroup { destination, is_start: false, is_field: false, fallback });
                } else {
                    self.beyond += 1;
                }
                if destination == Destination::ObjectData {
                    self.data.interrupt();
                }
            }
            RtfToken::Close if self.beyond > 0 => self.beyond -= 1,
            RtfToken::Close => {
                self.skip = 0;
                // One group too few is no reason to stop: Word does not.
                let group = if self.groups.len() > 1 { self.groups.pop() } else { None };
                self.end(group.unwrap_or_default(), span.end, findings);
            }
            RtfToken::Word(b"u", Some(unit)) => {
                let character = char::from_u32(u32::from((unit.cast_unsigned() & 0xffff) as u16)).unwrap_or('\u{fffd}');
                self.text(character.encode_utf8(&mut [0; 4]).as_bytes(), destination, findings);
                self.skip = self.group().fallback;
            }
            RtfToken::Word(b"uc", Some(count)) => {
                let fallback = usize::try_from(count).unwrap_or(1).min(FALLBACK_MAX);
                self.groups.iter_mut().last().into_iter().for_each(|group| group.fallback = fallback);
            }
            RtfToken::Word(word, _) => self.word(word, span, findings),
            // A destination that nobody knows, within data or an instruction: its text is skipped. One that is known says
            // so in the next word.
            RtfToken::Symbol(b'*') if destination != Destination::Text && !self.group().is_start => {
                if destination == Destination::ObjectData {
                    self.data.interrupt();
                }
                self.begin(Destination::Ignored);
            }
            RtfToken::Symbol(_) if destination == Destination::ObjectData => self.data.interrupt(),
            RtfToken::Symbol(symbol @ (b'\\' | b'{' | b'}')) => self.text(&[symbol], destination, findings),
            RtfToken::Byte(_) if destination == Destination::ObjectData => self.data.escape(),
            RtfToken::Byte(_) if self.skip > 0 => self.skip -= 1,
            RtfToken::Byte(byte) => self.text(&[byte], destination, findings),
            // It announces more than there is, and so hides the rest of the file from whoever believes it.
            RtfToken::CutBinary => findings.incomplete(Incomplete::CutShort),
            RtfToken::Binary(bytes) if destination == Destination::ObjectData => {
                let room = room(findings);
                if !self.data.binary(bytes, room) {
                    findings.budget().exhaust(Limit::Stream);
                }
            }
            RtfToken::Text(text) => {
                let mut rest = text;
                while let Some((byte, after)) = rest.split_first().filter(|_| self.skip > 0) {
                    // Line ends are no characters.
                    self.skip -= usize::from(!matches!(byte, b'\r' | b'\n'));
                    rest = after;
                }
                self.text(rest, destination, findings);
            }
            RtfToken::Symbol(_) | RtfToken::Binary(_) => {}
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
            b"fldrslt" => {
                self.fields.separate();
                self.begin(Destination::Text);
            }
            _ => self.other_word(word, span, findings),
        }
    }

    /// A word that means something to us only as a destination.
    fn other_word(&mut self, word: &[u8], span: Range<usize>, findings: &mut Findings<'_>) {
        let RtfGroup { destination, is_start, .. } = self.group();
        match destination {
            Destination::Text if destinations::is_data(word) => self.begin(Destination::Ignored),
            Destination::Text | Destination::Ignored => {
                // Most words are none of these, and most of those that are stand at the start of their group.
                if let Some(named) = destinations::named(word) {
                    self.taken.clear();
                    self.begin(named);
                }
            }
            // In the middle of the data, another destination takes what follows it. In a group of its own that is all
            // there is to it. In the data's own group it may also end the data: both are looked at.
            Destination::ObjectData if destinations::is_destination(word) => {
                if !is_start {
                    self.begin(Destination::Ignored);
                } else if !std::mem::replace(&mut self.looked_at, true) {
                    self.look_at_data(span.start, findings);
                }
            }
            Destination::Instruction | Destination::Template if !is_start && destinations::is_destination(word) => {
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
                let free = TAKEN_BYTES_MAX.saturating_sub(self.template.len());
                let text = text.get(..free).unwrap_or(text);
                self.template.push_str(&String::from_utf8_lossy(text));
            }
            Destination::Instruction => self.fields.text(&String::from_utf8_lossy(text)),
            Destination::Text => {
                if self.fields.wants_text() {
                    self.fields.shown(&String::from_utf8_lossy(text));
                }
            }
            Destination::BookmarkStart
            | Destination::BookmarkEnd
            | Destination::Property(_)
            | Destination::PropertyName
            | Destination::PropertyValue
            | Destination::Variable => {
                let free = TAKEN_BYTES_MAX.saturating_sub(self.taken.len());
                self.taken.push_str(&String::from_utf8_lossy(text.get(..free).unwrap_or(text)));
            }
            Destination::Ignored => {}
        }
    }

    /// `group` ends at `at`.
    fn end(&mut self, group: RtfGroup, at: usize, findings: &mut Findings<'_>) {
        if group.is_start {
            match group.destination {
                Destination::ObjectData => self.end_data(at, findings),
                Destination::Template => self.end_template(at, findings),
                Destination::Text | Destination::Instruction | Destination::Ignored => {}
                _ => self.end_taken(group.destination, findings),
            }
        } else if group.destination == Destination::Variable {
            // Name and value are groups of their own.
            self.taken.push('\0');
        }
        if group.is_field {
            self.fields.end(at, findings);
        }
    }

    /// Tells fields what was taken down for them.
    fn end_taken(&mut self, destination: Destination, findings: &mut Findings<'_>) {
        let taken = std::mem::take(&mut self.taken);
        let text = taken.trim_matches(['\r', '\n', '\0']);
        match destination {
            Destination::BookmarkStart => self.fields.begin_bookmark(text, text),
            Destination::BookmarkEnd => self.fields.end_bookmark(text, findings),
            Destination::Property(name) => self.fields.define_property(name, text, findings),
            Destination::PropertyName => text.clone_into(&mut self.property),
            Destination::PropertyValue => self.fields.define_property(&self.property, text, findings),
            Destination::Variable => {
                let (name, value) = text.split_once('\0').unwrap_or((text, ""));
                self.fields.define_variable(name, value.trim_matches('\0'), findings);
            }
            _ => {}
        }
    }

    fn end_data(&mut self, at: usize, findings: &mut Findings<'_>) {
        self.look_at_data(at, findings);
        self.data = HexData::default();
        self.looked_at = false;
    }

    fn look_at_data(&mut self, at: usize, findings: &mut Findings<'_>) {
        let data = &self.data;
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
        findings.named_in(template.as_bytes());
        let danger = target::judge(&template);
        if matches!(danger, Danger::Remote | Danger::Nearby | Danger::Network | Danger::Exploit) {
            let span = at.saturating_sub(template.len())..at;
            let is_service = danger == Danger::Remote && target::is_document_service(&template);
            let sign = if is_service { &signs::TEMPLATE_SERVICE } else { &signs::TEMPLATE_REMOTE };
            findings.saw_with(sign, span, template.trim());
        }
    }
}

/// Bytes that an object may have.
fn room(findings: &mut Findings<'_>) -> usize {
    usize::try_from(findings.budget().stream_room()).unwrap_or(usize::MAX)
}
