//! Runs a program and writes down the most memory that it, or any process below it that was waited for, held:
//! `peak FILE PROGRAM ARGUMENTS…`. FILE then holds the exit code (`-` where a signal ended it) and bytes.
//!
//! A process starts its life with the size of the one that started it: what wait4(2) tells of a child cannot be less
//! than its parent. So what measures must be small, and tests with their builders of large files are not.

use std::process::Command;

use wait4::Wait4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(file), Some(program)) = (arguments.next(), arguments.next()) else {
        return Err("usage: peak FILE PROGRAM ARGUMENTS…".into());
    };
    let used = Command::new(program).args(arguments).spawn()?.wait4()?;
    let code = used.status.code().map_or_else(|| "-".into(), |code| code.to_string());
    std::fs::write(file, format!("{code} {}", used.rusage.maxrss))?;
    Ok(())
}
