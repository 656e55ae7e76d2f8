//! Writes documents with VBA projects, odd ones among them: `vba_documents DIRECTORY`. For comparing what is read from
//! them with other tools (`tests/olevba/compare.py`).

#![allow(clippy::disallowed_methods, reason = "an example reads files")]

use std::path::PathBuf;

use specimens::cfb::CfbBuilder;
use specimens::vba::VbaBuilder;

fn main() -> std::io::Result<()> {
    let directory = PathBuf::from(std::env::args().nth(1).expect("usage: vba_documents DIRECTORY"));
    std::fs::create_dir_all(&directory)?;
    let code = "Sub Total()\r\n    Cells(1, 1).Value = 1\r\nEnd Sub\r\n";
    let one = VbaBuilder::new().module("Module1", code).document("ThisDocument", "");
    // Neither repeats nor is noise: the middle of what compression meets.
    let long: String = (0..3000_u32).map(|i| format!("x{} = {}\r\n", i % 7, i.wrapping_mul(2_654_435_761))).collect();
    let cyrillic: Vec<u8> = (0xc0..=0xff).cycle().take(5000).collect();
    let projects = [
        ("ordinary", one.clone()),
        ("compiled", one.clone().compiled(5000)),
        ("long", one.clone().module("Long", &long)),
        ("repeating", one.clone().module("Repeating", &code.repeat(4000))),
        ("cyrillic", one.clone().code_page(1251).module_bytes("Cyrillic", &cyrillic)),
        ("locked", one.clone().locked().module("Hidden", code).hidden()),
        ("many", (0..100).fold(one.clone(), |project, i| project.module(&format!("Module_{i}"), code))),
    ];
    for (name, project) in projects {
        std::fs::write(directory.join(format!("{name}.doc")), project.doc())?;
        std::fs::write(directory.join(format!("{name}.xls")), project.xls())?;
        std::fs::write(directory.join(format!("{name}.bin")), project.bin())?;
    }
    let wide = CfbBuilder::new().version_4().stream("WordDocument", &[0; 5000]);
    std::fs::write(directory.join("version_4.doc"), one.add_to(wide, "Macros").build())?;
    let lost = CfbBuilder::new().stream("WordDocument", &[0; 5000]).orphan("WordDocument");
    std::fs::write(directory.join("orphan.doc"), one.add_to(lost, "Macros").build())
}
