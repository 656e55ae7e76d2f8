//! Prints the VBA source in compound files: `vba_source FILE...`, a line per module: file, name, path of the stream,
//! source as it was compressed, source as text (UTF-8), the last two in hexadecimal digits. For comparing with other
//! tools (`tests/olevba/compare.py`).

#![allow(clippy::print_stdout, reason = "an example prints")]
#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::fmt::Write;

fn main() -> std::io::Result<()> {
    for path in std::env::args().skip(1) {
        for module in analyzers_ole_macro::vba_modules(&std::fs::read(&path)?) {
            let (source, text) = (hexadecimal(&module.source), hexadecimal(module.text.as_bytes()));
            println!("{path}\t{}\t{}\t{source}\t{text}", module.name.escape_debug(), module.stream.escape_debug());
        }
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a string takes all that is written");
        digits
    })
}
