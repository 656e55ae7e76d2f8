//! Writes harmless files to try stakeout on: `cargo run -p specimens --example samples -- DIRECTORY`.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let directory = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "samples".into()));
    std::fs::create_dir_all(&directory)?;
    for (name, bytes) in specimens::samples::samples() {
        std::fs::write(directory.join(name), bytes)?;
        println!("{}", directory.join(name).display());
    }
    Ok(())
}
