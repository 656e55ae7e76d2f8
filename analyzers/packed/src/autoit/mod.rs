//! Programs that the compiler of AutoIt made: its interpreter, and behind it or in a resource the script and the files that it
//! brings, each encrypted with a key that all have, and packed.
//!
//! Source: the interpreter of AutoIt 3.3 and the files that its compiler makes ("EA06").

mod cipher;
mod tokens;
mod unpack;

use std::borrow::Cow;

use analyzers::Findings;
use memchr::memmem;

use crate::catalogue as signs;
use crate::numbers::le32;
use crate::setback::Setback;

use self::cipher::decrypt;
use self::tokens::ScriptText;

/// What stands before the files, the last eight bytes of which name its form.
const MARK: &[u8] = b"\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7dAU3!EA06";
/// The checksum of a password behind that, which nothing is encrypted with.
const CHECKSUM: usize = 16;
/// Places at which files are looked for, and files of one.
const PLACES_MAX: usize = 4;
const FILES_MAX: usize = 256;
/// Longest name of a file, in characters.
const NAME_MAX: usize = 4096;
/// How each file begins, and the key of that.
const FILE: &[u8] = b"FILE";
const FILE_KEY: u32 = 0x18ee;
/// Of both names: what their lengths are XORed with, and the key, to which the length is added.
const KIND: (u32, u32) = (0xadbc, 0xb33f);
const PATH: (u32, u32) = (0xf820, 0xf479);
/// What both sizes are XORed with.
const SIZE_MASK: usize = 0x87bc;
const DATA_KEY: u32 = 0x2477;
/// A checksum, and the times of creation and of the last change.
const BEHIND_SIZES: usize = 20;
/// How the script is called among the files.
const SCRIPT: &str = ">>>AUTOIT SCRIPT<<<";

/// Calls of what variables hold, from which on names are hidden on purpose. Honest scripts make up to 40 of them, for
/// callbacks.
const VARIABLE_CALLS_MIN: usize = 100;

/// One of the files, as it stands there.
struct CarriedFile<'b> {
    kind: String,
    path: String,
    is_packed: bool,
    data: &'b [u8],
    length: usize,
}

/// Makes text of compiled scripts and hands it over, with the files that they bring. Fails at a limit only.
pub(crate) fn examine<'a>(bytes: &'a [u8], findings: &mut Findings<'a>) -> Result<(), Setback> {
    for place in memmem::find_iter(bytes, MARK).take(PLACES_MAX) {
        let mut rest = bytes.get(place + MARK.len() + CHECKSUM..).unwrap_or_default();
        for number in 0..FILES_MAX {
            findings.budget().step(1)?;
            let Some((file, behind)) = CarriedFile::read(rest) else {
                if number == 0 {
                    findings.cannot_vouch("the script of AutoIt");
                }
                break;
            };
            rest = behind;
            match file.unpack(findings) {
                Ok(content) => hand_over(&file, content, place, findings)?,
                Err(Setback::Limit) => return Err(Setback::Limit),
                Err(_) => findings.cannot_vouch(file.name()),
            }
        }
    }
    Ok(())
}

impl<'b> CarriedFile<'b> {
    /// The first file, and what is behind it.
    fn read(bytes: &'b [u8]) -> Option<(CarriedFile<'b>, &'b [u8])> {
        let (mark, rest) = bytes.split_at_checked(FILE.len())?;
        if decrypt(mark, FILE_KEY) != FILE {
            return None;
        }
        let (kind, rest) = name(rest, KIND)?;
        let (path, rest) = name(rest, PATH)?;
        let is_packed = *rest.first()? == 1;
        let (size, length) = (le32(rest, 1)? ^ SIZE_MASK, le32(rest, 5)? ^ SIZE_MASK);
        let (data, rest) = rest.get(9 + BEHIND_SIZES..)?.split_at_checked(size)?;
        Some((CarriedFile { kind, path, is_packed, data, length }, rest))
    }

    /// What it is called, without folders.
    fn name(&self) -> &str {
        if self.kind == SCRIPT { "script.au3" } else { self.path.rsplit(['\\', '/']).next().unwrap_or(&self.path) }
    }

    fn unpack(&self, findings: &mut Findings<'_>) -> Result<Vec<u8>, Setback> {
        let budget = findings.budget();
        if self.data.len() as u64 + self.length as u64 > budget.stream_room() {
            return Err(Setback::TooLarge);
        }
        budget.step(1 + (self.data.len() + self.length) as u64 / 256)?;
        budget.produce(self.data.len() as u64)?;
        let content = decrypt(self.data, DATA_KEY);
        if !self.is_packed {
            return Ok(content);
        }
        let length = unpack::length(&content).filter(|length| *length <= self.length).ok_or(Setback::Broken)?;
        budget.produce(length as u64)?;
        unpack::unpack(&content, length)
    }
}

/// A name behind its length, and what follows it.
fn name(bytes: &[u8], (mask, key): (u32, u32)) -> Option<(String, &[u8])> {
    let said: [u8; 4] = *bytes.first_chunk()?;
    let length = u32::from_le_bytes(said) ^ mask;
    let count = usize::try_from(length).ok().filter(|count| *count <= NAME_MAX)?;
    let (name, rest) = bytes.get(4..)?.split_at_checked(count * 2)?;
    let units = decrypt(name, key.wrapping_add(length));
    let units: Vec<u16> = units.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    Some((String::from_utf16_lossy(&units), rest))
}

fn hand_over(
    file: &CarriedFile<'_>,
    content: Vec<u8>,
    place: usize,
    findings: &mut Findings<'_>,
) -> Result<(), Setback> {
    if file.kind != SCRIPT {
        findings.part(file.name(), Cow::Owned(content));
        return Ok(());
    }
    let mut script = ScriptText::default();
    match tokens::read(&content, &mut script, findings.budget()) {
        Ok(()) => {}
        Err(Setback::Limit) => return Err(Setback::Limit),
        Err(_) => findings.cannot_vouch("the end of the script of AutoIt"),
    }
    let ScriptText { text, variable_calls, hex_strings, calls_addresses } = script;
    findings.budget().produce(text.len() as u64)?;
    let span = place..place + MARK.len();
    findings.saw_with(&signs::SCRIPT, span.clone(), format_args!("{} bytes of text", text.len()));
    if variable_calls >= VARIABLE_CALLS_MIN {
        findings.saw_with(&signs::HIDDEN_CALLS, span.clone(), format_args!("{variable_calls} calls"));
    }
    if hex_strings > 0 {
        findings.saw_with(&signs::HEX, span.clone(), format_args!("{hex_strings} strings"));
    }
    if calls_addresses {
        findings.saw(&signs::MACHINE_CODE, span);
    }
    findings.named_in(text.as_bytes());
    findings.part(file.name(), Cow::Owned(text.into_bytes()));
    Ok(())
}
