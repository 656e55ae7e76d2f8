//! Writes harmless files that stakeout calls names, to try it on: `cargo run -p specimens --example samples -- DIRECTORY`.
//!
//! None of them does anything: the words and names are all there is.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::PathBuf;

use specimens::elf::upx_like;
use specimens::pe::{CODE, pe, plain_code};

fn main() -> std::io::Result<()> {
    let directory = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "samples".into()));
    std::fs::create_dir_all(&directory)?;
    let words = "UDPFLOOD\0HTTPHEX\0STOMP\0\0/bin/busybox\0chmod 777 bins.sh\0/proc/net/tcp\0GET /%s HTTP/1.1\r\n\0";
    let apis = ["OpenProcess", "VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"];
    let samples = [
        ("eicar.com", specimens::eicar()),
        ("packed.elf", upx_like().upx_magic().build()),
        ("packed-bot.elf", upx_like().upx_magic().overlay(words).build()),
        ("injector.exe", pe().section(".text", CODE, plain_code(4096)).import("kernel32.dll", &apis).build()),
    ];
    for (name, bytes) in samples {
        std::fs::write(directory.join(name), bytes)?;
        println!("{}", directory.join(name).display());
    }
    Ok(())
}
