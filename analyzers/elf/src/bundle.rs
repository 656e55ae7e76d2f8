//! The bundle of small tools that devices have for a shell.
//!
//! BusyBox downloads, resolves names, reads the socket tables and starts at boot, so it shows the signs of bots. Its
//! strings alone prove nothing, because bots can copy them. The file must also have its table of tools, which the code
//! searches by bisection and which is therefore sorted, and as much code as the tools need. Any other sign invalidates
//! this exception. A file that needs the exception is not vouched for: at best it is unknown.

use std::ops::Range;

use analyzers::{Findings, Indicator};
use memchr::memmem;

use crate::catalogue as sign;
use crate::image::Image;

/// Fewest tools in the table. Distributions build 270, routers some hundred.
const TOOLS_MIN: usize = 64;

/// Most tools that are walked over, and the longest name of one, in bytes.
const TOOLS_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 24;

/// Minimum size of the code, in bytes. The smallest known bundle of a hundred tools has 250 KB.
const CODE_BYTES_MIN: usize = 128 << 10;

/// Names that every build has, to find the table by.
const FOUND_BY: [&[u8]; 2] = [b"\0mount\0", b"\0mkdir\0"];

/// Places looked at for the table.
const PLACES_MAX: usize = 16;

/// The signs that the bundle makes itself.
const OWN: [&Indicator; 18] = [
    &sign::STATIC,
    &sign::STATIC_NO_SECTIONS,
    &sign::NO_SECTIONS,
    &sign::EXECUTABLE_STACK,
    &sign::PROPERTY_NOTE,
    &sign::WATCHDOG,
    &sign::PROC_NET,
    &sign::HTTP_REQUEST,
    &sign::OWN_RESOLVER,
    &sign::UCLIBC,
    &sign::STATIC_BOT_SHAPE,
    &sign::TEMP_PATH,
    &sign::CRON,
    &sign::RC_SCRIPT,
    &sign::MEMORY_FILE,
    &sign::SELF_EXE,
    &sign::SEGMENT_WX,
    &sign::SECTION_WX,
];

/// Reports the bundle where everything about it is right. Stands last: every other sign must be known. `named` is where
/// it says what it is.
pub(crate) fn examine(image: &Image<'_>, named: Range<usize>, findings: &mut Findings<'_>) {
    let is_own = |indicator: &&&Indicator| OWN.iter().any(|own| own.id == indicator.id);
    let others = sign::ALL.iter().filter(|indicator| !is_own(indicator));
    let code = image.code().map(|segment| image.part(segment.p_offset, segment.p_filesz).len());
    if code.fold(0usize, usize::saturating_add) < CODE_BYTES_MIN || others.into_iter().any(|other| findings.has(other))
    {
        return;
    }
    let tools = tools(image.bytes, findings);
    if tools >= TOOLS_MIN {
        findings.saw_with(&sign::BUSYBOX, named, format_args!("{tools} tools"));
        findings.cannot_vouch("a bundle of tools");
    }
}

/// Number of tools in the table; 0 if there is none.
fn tools(bytes: &[u8], findings: &mut Findings<'_>) -> usize {
    let places = FOUND_BY.iter().flat_map(|name| memmem::find_iter(bytes, name).take(PLACES_MAX));
    let mut most = 0;
    for place in places {
        if findings.budget().step(TOOLS_MAX as u64).is_err() {
            break;
        }
        most = most.max(names_around(bytes, place));
    }
    most
}

/// Number of NUL-terminated names in ascending order around the one after `place`.
fn names_around(bytes: &[u8], place: usize) -> usize {
    let window = TOOLS_MAX / 2 * NAME_BYTES_MAX;
    let before = bytes.get(place.saturating_sub(window)..place).unwrap_or_default();
    let after = bytes.get(place + 1..bytes.len().min(place + 1 + window)).unwrap_or_default();
    let is_name = |name: &&[u8]| {
        (1..=NAME_BYTES_MAX).contains(&name.len())
            && name.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"[-_.+".contains(byte))
    };
    let after: Vec<&[u8]> = after.split(|&byte| byte == 0).take_while(is_name).collect();
    let before: Vec<&[u8]> = before.rsplit(|&byte| byte == 0).take_while(is_name).collect();
    let ascending = after.windows(2).take_while(|pair| pair.first() < pair.last()).count() + 1;
    let first = after.first().copied().unwrap_or_default();
    let descending = std::iter::once(first).chain(before.iter().copied()).collect::<Vec<_>>();
    ascending + descending.windows(2).take_while(|pair| pair.first() > pair.last()).count()
}
