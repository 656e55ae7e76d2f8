//! Whole programs as one meets them: as distributions build them, and as a packer lays them out.

use super::{ET_DYN, ElfBuilder, PT_GNU_STACK, PT_LOAD, PT_NOTE, R, SHT_PROGBITS, W, X, elf, noise, segment};

/// A program as distributions build them: position-independent, with a loader, code, data and names.
pub fn ordinary() -> ElfBuilder {
    let code: Vec<u8> = noise(4096, 1).into_iter().map(|byte| byte & 0x3f).collect();
    elf()
        .elf_type(ET_DYN)
        .interpreter("/lib64/ld-linux-x86-64.so.2")
        .load(R | X, &code)
        .load(R | W, vec![0; 512])
        .needs("libc.so.6")
        .segment(segment(PT_GNU_STACK).flags(R | W))
        .section(".text", SHT_PROGBITS, 6, &code[..64])
        .dynamic_symbol("puts", false)
        .dynamic_symbol("exit", false)
}

/// The same with what a model knows ordinary tools by: notes, help, errors, a licence, the functions of the C library.
pub fn tool() -> ElfBuilder {
    let functions = ["printf", "setlocale", "getopt_long", "malloc", "free", "fread", "fwrite"];
    let program = functions.iter().fold(ordinary(), |program, name| program.dynamic_symbol(name, false));
    program.segment(segment(PT_NOTE)).segment(segment(PT_NOTE)).strings(&[
        "Usage: %s [OPTION]... [FILE]...",
        "Copies each file to standard output. With no file, or where it is -, standard input.",
        "  -n, --number             number all lines",
        "      --help               show this help and exit",
        "      --version            show the version and exit",
        "Copyright (C) 2024 Example Ltd. License MIT: this is free software, without any warranty.",
        "error: %s: cannot be opened for reading",
        "error: write failed: no room is left on the device",
        "invalid option -- '%c'",
        "Try '%s --help' for more information.",
    ])
}

/// A program as the UPX packer lays them out: static, two segments, no sections, noise for code. Add
/// [`ElfBuilder::upx_magic`] for the packer's mark.
pub fn upx_like() -> ElfBuilder {
    elf()
        .load(R | X, noise(32 << 10, 7))
        .segment(segment(PT_LOAD).flags(R | W).address(0x60_0000).memory_size(512 << 10))
        .segment(segment(PT_GNU_STACK).flags(R | W))
        .without_sections()
}
