//! Every check on its seeds, on seeds that are cut short, and on thousands of damaged copies: what a fuzzer does on nightly,
//! without its guidance, on stable and the same each time.

#![allow(clippy::print_stdout, reason = "it counts what it did")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use fuzz_checks::{TARGETS, Target};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Damaged copies of each target's seeds together. `STAKEOUT_COPIES` sets another number.
const COPIES: u32 = 400;
/// Longest input: the checks are for readers, not for their patience.
const BYTES_MAX: usize = 64 << 10;

#[test]
fn whatever_comes_each_check_holds() {
    let copies = std::env::var("STAKEOUT_COPIES").ok().and_then(|text| text.parse().ok()).unwrap_or(COPIES);
    let only = std::env::var("STAKEOUT_TARGET").ok();
    for target in TARGETS.iter().filter(|target| only.as_deref().is_none_or(|only| only == target.name)) {
        println!("{}: {} inputs", target.name, replay(target, copies));
    }
}

#[test]
fn every_check_is_a_fuzz_target_and_every_fuzz_target_is_a_check() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz_targets");
    let files = std::fs::read_dir(&folder).expect("the targets lie beside the checks");
    let mut files: Vec<String> = files
        .map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().trim_end_matches(".rs").to_owned())
        .collect();
    files.sort();
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    assert_eq!(files, names);
    // What cargo-fuzz and `fuzz/run` know of.
    let manifest = std::fs::read_to_string(folder.join("../Cargo.toml")).expect("it lies beside the targets");
    let named = manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let mut programs: Vec<&str> = named.filter(|name| *name != "fuzz").collect();
    programs.sort_unstable();
    assert_eq!(programs, names);
}

/// The number of inputs.
fn replay(target: &Target, copies: u32) -> usize {
    let mut seeds = (target.seeds)();
    seeds.push(Vec::new());
    let mut inputs = 0;
    let mut feed = |bytes: &[u8], what: &str| {
        inputs += 1;
        if catch_unwind(AssertUnwindSafe(|| (target.check)(bytes))).is_err() {
            let hex: String = bytes.iter().take(4096).map(|byte| format!("{byte:02x}")).collect();
            panic!("{} does not hold on {what}, {} bytes: {hex}", target.name, bytes.len());
        }
    };
    for (number, seed) in seeds.iter().enumerate() {
        feed(seed, &format!("seed {number}"));
        for part in 1..8 {
            feed(&seed[..seed.len() * part / 8], &format!("{part}/8 of seed {number}"));
        }
    }
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    for copy in 0..copies {
        let seed = &seeds[chance.random_range(0..seeds.len())];
        let other = &seeds[chance.random_range(0..seeds.len())];
        feed(&damaged(seed, other, &mut chance), &format!("copy {copy}"));
    }
    inputs
}

fn damaged(seed: &[u8], other: &[u8], chance: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = seed[..seed.len().min(BYTES_MAX)].to_vec();
    for _ in 0..chance.random_range(1..=6) {
        let at = chance.random_range(0..=bytes.len());
        match chance.random_range(0..7) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, chance.random()),
            // Numbers at their ends, as lengths and offsets.
            2 => {
                let number: u32 = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, u32::MAX][chance.random_range(0..8)];
                let width = [1, 2, 4][chance.random_range(0..3)];
                let end = (at + width).min(bytes.len());
                bytes.splice(at..end, number.to_le_bytes().into_iter().take(width));
            }
            3 => {
                let from = chance.random_range(0..=other.len());
                let length = chance.random_range(0..=64.min(other.len() - from));
                bytes.splice(at..at, other[from..from + length].iter().copied());
            }
            4 => {
                let end = (at + chance.random_range(0..=64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.random_range(0..8);
                }
            }
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}
