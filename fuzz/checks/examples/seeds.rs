//! Writes the seeds of every target to `DIRECTORY/TARGET`, where a fuzzer begins: `seeds fuzz/corpus`.

#![allow(clippy::print_stderr, clippy::expect_used, reason = "an example says what it does, and ends where it cannot")]

use std::path::PathBuf;

fn main() {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: seeds DIRECTORY");
        std::process::exit(2);
    };
    for target in fuzz_checks::TARGETS {
        let folder = directory.join(target.name);
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed).expect("a seed can be written");
        }
    }
}
