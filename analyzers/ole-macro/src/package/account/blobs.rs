//! The small binary parts that documents have beside XML and pictures.

use flate2::read::GzDecoder;
use std::io::Read;

use crate::compound::{le16, le32};

/// Settings of a printer are a structure that drivers extend; it has no room for more (wingdi.h, DEVMODE).
const DEVMODE_BYTES_MAX: usize = 64 << 10;
/// Longest state of a control; it is properties and short texts.
const CONTROL_BYTES_MAX: usize = 64 << 10;
/// Longest text of a custom property that is taken for one.
const TEXT_BYTES_MAX: usize = 4 << 10;
/// Property lists in one part: settings, and the page.
const LISTS_MAX: usize = 4;

/// Common parts of the class ids of Microsoft Forms (MS-OFORMS 2.4).
const FORMS: [([u8; 4], [u8; 12]); 10] = [
    ([0x40, 0x32, 0x05, 0xd7], *b"\x69\xce\xcd\x11\xa7\x77\x00\xdd\x01\x14\x3c\x57"), // command button
    ([0x23, 0x9e, 0x8c, 0x97], *b"\xb0\xd4\xce\x11\xbf\x2d\x00\xaa\x00\x3f\x40\xd0"), // label
    ([0x41, 0x92, 0x59, 0x4c], *b"\x26\x69\x1b\x10\x99\x92\x00\x00\x0b\x65\xc6\xf9"), // image
    ([0xb0, 0x6f, 0x17, 0x79], *b"\xf2\xb7\xce\x11\x97\xef\x00\xaa\x00\x6d\x27\x76"), // spin button
    ([0xe0, 0x81, 0xd1, 0xdf], *b"\x2f\x5e\xce\x11\xa4\x49\x00\xaa\x00\x4a\x80\x3d"), // scroll bar
    ([0x50, 0x0b, 0xe5, 0xea], *b"\x62\x4a\xce\x11\xbe\xd6\x00\xaa\x00\x61\x10\x80"), // tab strip
    ([0x70, 0x13, 0xe3, 0x46], *b"\x7a\x3f\xce\x11\xbe\xd6\x00\xaa\x00\x61\x10\x80"), // pages
    ([0x20, 0x20, 0x18, 0x6e], *b"\x60\xf4\xce\x11\x9b\xcd\x00\xaa\x00\x60\x8e\x01"), // frame
    ([0xf0, 0x69, 0x2a, 0xc6], *b"\xdc\x16\xce\x11\x9e\x98\x00\xaa\x00\x57\x4a\x4f"), // form
    ([0x10, 0x1d, 0xd2, 0x8b], MORPH),                                                // text box
];
/// The rest of the class of a text box and its five kin, which differ in one digit.
const MORPH: [u8; 12] = *b"\x42\xec\xce\x11\x9e\x0d\x00\xaa\x00\x60\x02\xf3";

/// Whether `bytes` are `DEVMODEW` or `DEVMODEA` of the size that they say.
pub(super) fn is_printer_settings(bytes: &[u8]) -> bool {
    // Where its size and that of the driver's own data stand: behind a name of 32 characters and two versions.
    let is_mode = |at: usize, least: usize| {
        let (size, extra) = (le16(bytes, at).map(usize::from), le16(bytes, at + 2).map(usize::from));
        size.zip(extra).is_some_and(|(size, extra)| size >= least && size + extra == bytes.len())
    };
    bytes.len() < DEVMODE_BYTES_MAX && (is_mode(68, 72) || is_mode(36, 40))
}

/// The property lists that are all of `bytes`, as macOS writes the settings of printers: each behind its number and its
/// length, with a version in front or without.
pub(super) fn property_lists(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = match bytes {
        [2, 0, 0, 0, 1, 0, 0, 0, ..] => bytes.get(4..)?,
        _ => bytes,
    };
    let mut lists = Vec::new();
    while !rest.is_empty() && lists.len() < LISTS_MAX {
        let length = usize::try_from(le32(rest, 4)?).ok()?;
        let (list, after) = rest.get(8..)?.split_at_checked(length)?;
        lists.push(list);
        rest = after;
    }
    rest.is_empty().then_some(lists)
}

/// Whether `bytes` are the state of a control of Microsoft Forms: its class, and version 2.0 of its properties.
pub(super) fn is_control(bytes: &[u8]) -> bool {
    let Some((class, state)) = bytes.split_first_chunk::<16>().filter(|_| bytes.len() < CONTROL_BYTES_MAX) else {
        return false;
    };
    // 0x10 to 0x60: text box, list box, combo box, check box, option button, toggle button.
    let is_morph =
        matches!(class, [0x10 | 0x20 | 0x30 | 0x40 | 0x50 | 0x60, 0x1d, 0xd2, 0x8b, rest @ ..] if *rest == MORPH);
    let is_form = FORMS.iter().any(|(first, rest)| class.starts_with(first) && class.ends_with(rest));
    (is_morph || is_form) && state.starts_with(&[0, 2])
}

/// Whether `bytes` are the signature of a VBA project (MS-OSHARED 2.3.2.1): sizes and places that fit, and PKCS #7.
pub(super) fn is_signature(bytes: &[u8]) -> bool {
    let field = |at: usize| le32(bytes, at).and_then(|number| usize::try_from(number).ok());
    // Places count from the beginning of the structure, or from eight bytes before it.
    let within = |size: usize, place: usize| place.checked_add(size).is_some_and(|end| end <= bytes.len() + 8);
    let Some((size, place)) = field(0).zip(field(4)) else { return false };
    let signature = [place, place.wrapping_sub(8)].into_iter().find_map(|place| {
        bytes.get(place..place.checked_add(size)?).filter(|signature| signature.starts_with(&[0x30, 0x82]))
    });
    signature.is_some() && field(8).zip(field(12)).is_some_and(|(size, place)| within(size, place))
}

/// Whether `bytes` are a short text, in UTF-16 or UTF-8.
pub(super) fn is_short_text(bytes: &[u8]) -> bool {
    let is_text = |text: &str| text.chars().all(|c| !c.is_control() || c.is_whitespace() || c == '\0');
    let is_narrow = !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok_and(is_text);
    let (text, has_errors) = encoding_rs::UTF_16LE.decode_without_bom_handling(bytes);
    bytes.len() <= TEXT_BYTES_MAX && (is_narrow || (!has_errors && is_text(&text)))
}

/// Whether `bytes` are what Office leaves in the place of parts it dropped: ones and zeros.
pub(super) fn is_filler(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, 0 | 0xff))
}

/// Whether `bytes` are a metafile in gzip.
pub(super) fn is_packed_metafile(bytes: &[u8]) -> bool {
    let mut head = [0; 64];
    let mut unpacked = GzDecoder::new(bytes).take(head.len() as u64);
    let mut length = 0;
    while let Some(room) = head.get_mut(length..).filter(|room| !room.is_empty()) {
        match unpacked.read(room) {
            Ok(0) | Err(_) => break,
            Ok(read) => length += read,
        }
    }
    super::is_metafile(head.get(..length).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printer_settings_have_the_size_that_they_say() {
        let mut mode = vec![0; 220 + 1_000];
        mode[68..72].copy_from_slice(&[220, 0, 0xe8, 3]);
        assert!(is_printer_settings(&mode));
        mode.push(0);
        assert!(!is_printer_settings(&mode));
        assert!(!is_printer_settings(b"MZ"));
        let lists = [&[2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0][..], b"<a/>", &[2, 0, 0, 0, 4, 0, 0, 0], b"<b/>"].concat();
        assert_eq!(property_lists(&lists), Some(vec![&b"<a/>"[..], b"<b/>"]));
        assert_eq!(property_lists(&lists[4..]), Some(vec![&b"<a/>"[..], b"<b/>"]));
        assert_eq!(property_lists(&[&lists[..], b"MZ"].concat()), None);
    }

    #[test]
    fn controls_are_of_known_classes() {
        let check_box = [&[0x40, 0x1d, 0xd2, 0x8b][..], &MORPH, &[0, 2, 4, 0, 0, 0, 0, 0]].concat();
        assert!(is_control(&check_box));
        assert!(is_control(&[&FORMS[0].0[..], &FORMS[0].1, &[0, 2, 0, 0]].concat()));
        assert!(!is_control(&check_box[..16]));
        assert!(!is_control(&[b"MZ".as_slice(), &check_box].concat()));
    }

    #[test]
    fn texts_and_fillers_hold_nothing_else() {
        assert!(is_short_text(b"1\0") && is_short_text(b"a property"));
        assert!(!is_short_text(b"MZ\x90\0\x03\0") && !is_short_text(&[b'a'; 5_000]));
        assert!(is_filler(&[0xff, 0xff, 0, 0]) && !is_filler(b"\0MZ"));
    }
}
