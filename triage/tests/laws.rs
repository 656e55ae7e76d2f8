//! What holds of every input.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

use proptest::prelude::*;
use specimens::cfb::CfbBuilder;
use specimens::zip::ZipBuilder;
use triage::{Candidate, Family, HEAD_BYTES, MAGICS, Window, magic, magic_scalar, triage, triage_window};

/// A file that gives at most `most` bytes a read, and counts what it is asked.
struct Slow<'a> {
    bytes: &'a [u8],
    most: usize,
    reads: usize,
    sizes: usize,
}

impl Window for Slow<'_> {
    fn size(&mut self) -> u64 {
        self.sizes += 1;
        self.bytes.len() as u64
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize {
        self.reads += 1;
        let most = into.len().min(self.most);
        Window::read_at(&mut { self.bytes }, offset, &mut into[..most])
    }
}

/// Bytes that begin with a row of the table, which random bytes hardly ever do.
fn claimed() -> impl Strategy<Value = Vec<u8>> {
    let noise = proptest::collection::vec(any::<u8>(), 0..200);
    (any::<proptest::sample::Index>(), noise, any::<[u8; 16]>()).prop_map(|(row, noise, free)| {
        let row = &MAGICS[row.index(MAGICS.len())];
        let mut file = vec![0x20; row.offset];
        file.extend(row.bytes.iter().zip(row.mask).zip(free).map(|((byte, mask), free)| byte | free & !mask));
        file.extend(noise);
        file
    })
}

/// A container with some bytes overwritten, its end cut off, and something behind it.
fn mutilated() -> impl Strategy<Value = Vec<u8>> {
    let zip = ZipBuilder::new()
        .entry("[Content_Types].xml", &[b'x'; 3000])
        .entry("word/vbaProject.bin", &[b'y'; 3000])
        .comment(b"comment");
    let streams = (0..60).fold(CfbBuilder::new(), |cfb, i| cfb.stream(&format!("S{i}"), b"x"));
    let cfb = streams.stream("WordDocument", &[0; 5000]);
    let mut pe = vec![0; 9000];
    pe[..2].copy_from_slice(b"MZ");
    pe[0x3d] = 0x10;
    pe[0x1000..0x1004].copy_from_slice(b"PE\0\0");
    let files =
        vec![zip.build(), zip.streamed().without_end().build(), cfb.build(), cfb.cyclic_directory().build(), pe];
    let change = (any::<proptest::sample::Index>(), any::<u8>());
    let changes = proptest::collection::vec(change, 0..12);
    (proptest::sample::select(files), changes, any::<proptest::sample::Index>(), any::<bool>()).prop_map(
        |(mut file, changes, cut, whole)| {
            for (place, byte) in changes {
                let place = place.index(file.len());
                file[place] = byte;
            }
            if !whole {
                file.truncate(cut.index(file.len()));
            }
            file
        },
    )
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let noise = proptest::collection::vec(any::<u8>(), 0..6000);
    let text = proptest::collection::vec(proptest::sample::select(b" %PDF-1.\n<?\xc3\xa9".to_vec()), 0..1500);
    let eicar =
        (0..=68usize, proptest::collection::vec(proptest::sample::select(b" \t\r\n\x1a\0%PDF-".to_vec()), 0..90))
            .prop_map(|(cut, rest)| [&specimens::eicar()[..cut], &rest].concat());
    prop_oneof![1 => noise, 1 => text, 1 => eicar, 3 => claimed(), 3 => mutilated()]
}

/// The wide compare and the plain one agree on `bytes` from every alignment, at every length.
#[track_caller]
fn check_twins(bytes: &[u8]) {
    for start in 0..bytes.len().min(17) {
        for end in start..=bytes.len().min(start + 70) {
            let head = &bytes[start..end];
            assert_eq!(magic(head), magic_scalar(head), "{head:02x?}");
        }
    }
}

proptest! {
    #[test]
    fn the_wide_compare_equals_the_plain_one(bytes in any_file()) {
        check_twins(&bytes);
    }

    #[test]
    fn a_window_sees_what_the_whole_file_shows(
        bytes in any_file(), extra in 0..3000usize, most in prop_oneof![Just(1), 1..5000usize],
    ) {
        let whole = triage(&bytes);
        let head = &bytes[..bytes.len().min(HEAD_BYTES + extra)];
        let mut window = Slow { bytes: &bytes, most, reads: 0, sizes: 0 };
        prop_assert_eq!(triage_window(head, &mut window), whole);
        prop_assert!(window.sizes <= 1);
        prop_assert!(bytes.len() >= HEAD_BYTES || window.reads + window.sizes == 0, "a short file needs no window");
    }

    #[test]
    fn a_candidate_never_understates_the_family(bytes in any_file()) {
        let family = triage(&bytes).family();
        prop_assert!(family == Family::Other || magic(&bytes).family() == family);
    }

    #[test]
    fn only_the_first_64_bytes_make_a_candidate(bytes in any_file(), tail in any::<[u8; 8]>()) {
        let head = &bytes[..bytes.len().min(64)];
        if head.len() == 64 {
            prop_assert_eq!(magic(&[head, &tail].concat()), magic(head));
        }
    }
}

#[test]
fn every_row_is_compared_alike_at_every_length() {
    for row in MAGICS {
        let mut head = vec![0x20; row.offset];
        head.extend(row.bytes);
        head.extend([0; 64]);
        check_twins(&head);
    }
    assert_eq!(magic(b""), Candidate::NONE);
}

#[test]
fn no_row_is_hidden_by_an_earlier_one() {
    for row in MAGICS {
        let mut head = vec![0x20; row.offset];
        head.extend(row.bytes);
        let found = magic_scalar(&head).row().expect("a row matches its own bytes");
        let same = (found.offset, found.bytes, found.mask) == (row.offset, row.bytes, row.mask);
        assert!(same, "{row:?} is hidden by {found:?}");
    }
}

#[test]
fn every_row_names_its_source() {
    for row in MAGICS {
        assert!(row.spec.len() > 3 && row.bytes.len() == row.mask.len(), "{row:?}");
    }
    assert!(MAGICS.len() >= 64);
}

/// Reads asked of the window for the whole of `bytes`, which are made to take as many as they can.
fn reads(bytes: &[u8]) -> usize {
    let mut window = Slow { bytes, most: usize::MAX, reads: 0, sizes: 0 };
    triage_window(&bytes[..bytes.len().min(HEAD_BYTES)], &mut window);
    window.reads
}

#[test]
fn hostile_containers_are_left_after_a_bounded_number_of_reads() {
    // Directory entries of 64 KiB each, so that every step needs a read.
    let entry = [&b"PK\x01\x02"[..], &[0; 24], &[0xff; 6], &[0; 12]].concat();
    let mut wide = ZipBuilder::new().entry("a", b"").without_directory().build();
    let start = wide.len() as u32;
    for _ in 0..300 {
        wide.extend(&entry);
        wide.resize(wide.len() + 3 * 65535, 0);
    }
    let end = ZipBuilder::new().declaring_directory(0, start).build();
    wide.extend(end);
    assert!(reads(&wide) < 17_000, "{}", reads(&wide));

    // An end record nowhere: the tail is read once.
    let mut endless = ZipBuilder::new().entry("a", &[0; 200_000]).without_directory().build();
    endless.extend(b"tail");
    assert!(reads(&endless) < 64, "{}", reads(&endless));

    // Streamed bodies without a directory: each next header has to be searched for.
    let streamed = (0..60).fold(ZipBuilder::new(), |zip, i| zip.entry(&format!("{i}"), &[b'x'; 60_000]));
    let streamed = streamed.streamed().without_directory().build();
    assert!(reads(&streamed) < 600, "{}", reads(&streamed));

    // A FAT that leads from any sector to the directory's first.
    let cyclic = (0..200).fold(CfbBuilder::new(), |cfb, i| cfb.stream(&format!("S{i}"), b"")).cyclic_directory();
    assert!(reads(&cyclic.build()) < 3000, "{}", reads(&cyclic.build()));

    // DIFAT sectors that name themselves, asked for a part of the FAT far away.
    let mut difat = vec![0xff; 512 * 64];
    difat[..512].copy_from_slice(&CfbBuilder::new().build()[..512]);
    difat[48..52].copy_from_slice(&0x00f0_0000u32.to_le_bytes());
    difat[68..72].copy_from_slice(&8u32.to_le_bytes());
    for sector in 8..60 {
        difat[512 * (sector + 1)..512 * (sector + 2)].copy_from_slice(&(sector as u32).to_le_bytes().repeat(128));
    }
    assert!(reads(&difat) < 3000, "{}", reads(&difat));
}

#[test]
fn a_file_that_shrank_under_the_window_is_still_answered() {
    struct Gone;
    impl Window for Gone {
        fn size(&mut self) -> u64 {
            1 << 40
        }
        fn read_at(&mut self, _: u64, _: &mut [u8]) -> usize {
            0
        }
    }
    let mut head = vec![0; HEAD_BYTES];
    head[..4].copy_from_slice(b"PK\x03\x04");
    assert_eq!(triage_window(&head, &mut Gone).name(), "zip");
    head[..2].copy_from_slice(b"MZ");
    head[0x3c..0x40].copy_from_slice(&[0xff; 4]);
    assert_eq!(triage_window(&head, &mut Gone).name(), "dos.mz");
}
