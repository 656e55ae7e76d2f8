//! Every form of guard, what is proven from it, and that yara-x agrees.

use yara_x_parser::ast::AST;

use super::*;

const MZ: Heads = Heads::MZ;
const ELF: Heads = Heads::ELF;
const ALL: Heads = Heads::ALL;

/// What is tried on every rule here: files of all classes, and some that parse.
fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = [
        &b""[..],
        b"M",
        b"ZM",
        b"MZ",
        b"\x7fELF",
        b"\x7fEL",
        b"PK\x03\x04",
        b"{\\rtf1",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\xfe\xed\xfa\xce",
        b"\x4c\x00\x00\x00\x01\x14\x02\x00",
        b"%PDF-1.7",
        b"#!/bin/sh\n",
    ]
    .iter()
    .flat_map(|head| [head.to_vec(), [head, &b" some text MZ $mz evil"[..]].concat(), [head, &[0; 600][..]].concat()])
    .collect();
    files.push(specimens::pe::pe().build());
    files.push(specimens::elf::elf().build());
    files
}

/// The proof of the last rule in `text`; and no file on which yara-x finds it true may contradict it.
#[track_caller]
fn check(text: &str, expected: Heads) {
    let ast = AST::from(text);
    assert!(ast.errors().is_empty(), "{:?}", ast.errors());
    let mut known = HashMap::new();
    let mut last = ("", ALL);
    for rule in ast.rules() {
        last = (rule.identifier.name, heads_of(rule, &known));
        known.insert(last.0, last.1);
    }
    assert_eq!(last.1, expected, "{text}");
    let mut compiler = yara_x::Compiler::new();
    compiler.add_source(text).unwrap_or_else(|error| panic!("{error}"));
    let rules = compiler.build();
    let mut scanner = yara_x::Scanner::new(&rules);
    for file in files() {
        let results = scanner.scan(&file).unwrap();
        let hit = results.matching_rules().include_private(true).any(|rule| rule.identifier() == last.0);
        assert!(!hit || Heads::of(&file).within(expected), "{text} is true of {:?}", file.get(..8));
    }
}

/// The proof of a rule with this condition.
#[track_caller]
fn condition(condition: &str, expected: Heads) {
    let imports: String = ["pe", "elf", "macho", "dotnet", "lnk", "math"]
        .iter()
        .filter(|module| condition.contains(&format!("{module}.")))
        .map(|module| format!("import \"{module}\"\n"))
        .collect();
    check(&format!("{imports}rule r {{ condition: {condition} }}"), expected);
}

/// The proof of a rule with these strings and this condition.
#[track_caller]
fn strings(strings: &str, condition: &str, expected: Heads) {
    let import = if condition.contains("pe.") { "import \"pe\"" } else { "" };
    check(&format!("{import} rule r {{ strings: {strings} condition: {condition} }}"), expected);
}

#[test]
fn integers_at_the_start_are_guards() {
    condition("uint16(0) == 0x5A4D", MZ);
    condition("0x5A4D == uint16(0)", MZ);
    condition("uint16be(0) == 0x4D5A", MZ);
    condition("int16(0) == 0x5A4D", MZ);
    condition("uint32(0) == 0x464c457f", ELF);
    condition("uint32be(0) == 0x7f454c46", ELF);
    condition("uint32(0) == 0x00905a4d", MZ);
    condition("uint8(0) == 0x4d and uint8(1) == 0x5a", MZ.or(Heads::OTHER));
    condition("uint64(0) == 0xe11ab1a1e011cfd0", ALL);
    condition("uint32(0) == 0xe011cfd0", Heads::OLE);
    condition("uint16(0) == 0x4b50", Heads::ZIP);
    condition("uint32be(0) == 0x7b5c7274", Heads::RTF);
    condition("uint32(0) == 0xfeedface", Heads::RARE);
    condition("uint16(0) == 0x2123", Heads::OTHER);
    condition("uint16(0) == 0x5A4D and filesize < 1MB", MZ);
    condition("filesize < 1MB and (uint16(0) == 0x5A4D and true)", MZ);
    condition("uint16(0) == 0x5A4D or uint32(0) == 0x464c457f", MZ.or(ELF));
    condition("for any i in (1..3) : (i == 1 and uint16(0) == 0x5A4D)", MZ);
    condition("for 2 i in (1..3) : (uint16(0) == 0x5A4D)", MZ);
}

#[test]
fn integers_elsewhere_and_other_comparisons_prove_nothing() {
    condition("uint16(4) == 0x5A4D", ALL);
    condition("uint32(uint32(0x3C)) == 0x00004550", ALL);
    condition("uint16(0) != 0x5A4D", ALL);
    condition("not uint16(0) == 0x5A4D", ALL);
    condition("not (uint16(0) == 0x5A4D and filesize < 10)", ALL);
    condition("uint16(0) == 0x5A4D or filesize < 100", ALL);
    condition("uint16(0) & 0xff == 0x4D", ALL);
    condition("uint16(0) == filesize", ALL);
    condition("defined uint16(0)", ALL);
    condition("for none i in (1..3) : (uint16(0) == 0x5A4D)", ALL);
    condition("for all i in (1..3) : (uint16(0) == 0x5A4D)", ALL);
    condition("with mz = uint16(0) : (mz == 0x5A4D)", ALL);
    condition("with size = filesize : (size > 0 and uint16(0) == 0x5A4D)", MZ);
}

#[test]
fn literal_patterns_at_the_start_are_guards() {
    strings("$a = \"MZ\"", "$a at 0", MZ);
    strings("$a = { 4D 5A 90 }", "$a at 0", MZ);
    strings("$a = { 4D 5A ?? (00|01) }", "$a at 0", MZ);
    strings("$a = \"\\x7fELF\" fullword ascii private", "$a at 0", ELF);
    strings("$a = \"MZ\" $b = \"evil\"", "$a at 0 and $b", MZ);
    strings("$a = \"MZ\" $b = { 7F 45 4C 46 }", "$a at 0 or $b at 0", MZ.or(ELF));
    strings("$a = \"MZ\" $b = { 7F 45 4C 46 }", "any of them at 0", MZ.or(ELF));
    strings("$a = \"MZ\" $b = \"evil\"", "$b and 1 of ($a*) at 0", MZ);
    strings("$a = \"#!/bin/sh\"", "$a at 0", Heads::OTHER);
}

#[test]
fn other_patterns_and_places_prove_nothing() {
    strings("$a = \"MZ\"", "$a", ALL);
    strings("$a = \"MZ\"", "not $a at 0", ALL);
    strings("$a = \"MZ\"", "$a at 1", ALL);
    strings("$a = \"MZ\"", "$a in (0..10)", ALL);
    strings("$a = \"MZ\" wide ascii", "$a at 0", ALL);
    strings("$a = \"MZ\" nocase", "$a at 0", ALL);
    strings("$a = \"MZ\" xor", "$a at 0", ALL);
    strings("$a = /MZ/", "$a at 0", ALL);
    strings("$a = { (4D 5A | 7F 45) }", "$a at 0", ALL);
    strings("$a = { ~4D 5A 00 }", "$a at 0", MZ.or(Heads::OTHER));
    strings("$a = \"MZ\" $b = \"evil\"", "uint16(0) == 0x5A4D or 1 of them", ALL);
    strings("$a = \"MZ\"", "none of them at 0", ALL);
    strings("$a = \"MZ\"", "all of them at 0", ALL);
    strings("$a = \"MZ\"", "for any of them : ($ at 0)", ALL);
    strings("$a = \"MZ\"", "uint16(0) == 0x5A4D or not $a", ALL);
    strings("$a = \"MZ\"", "any of (uint16(0) == 0x5A4D, $a)", ALL);
}

#[test]
fn fields_of_a_format_are_undefined_elsewhere() {
    condition("pe.is_pe", MZ);
    condition("pe.is_pe == 1", MZ);
    condition("pe.number_of_sections == 3", MZ);
    condition("pe.number_of_sections == 0", MZ);
    condition("pe.timestamp < 1", MZ);
    condition("pe.sections[0].name == \".text\"", MZ);
    condition("pe.linker_version.major == 0", MZ);
    condition("pe.version_info[\"CompanyName\"] contains \"x\"", MZ);
    condition("pe.machine == pe.MACHINE_AMD64", MZ);
    condition("pe.characteristics & pe.DLL == 0", MZ);
    condition("uint32(pe.entry_point) == 1", MZ);
    condition("pe.entry_point + 1 != 0", MZ);
    condition("pe.imphash() == \"d41d8cd98f00b204e9800998ecf8427e\"", MZ);
    condition("pe.imports(\"kernel32.dll\", \"CreateFileA\")", MZ);
    condition("pe.imports(\"kernel32.dll\") > 0", MZ);
    condition("pe.exports(\"x\")", MZ);
    condition("pe.rich_signature.toolid(1) >= 1", MZ);
    condition("pe.is_dll()", MZ);
    condition("dotnet.is_dotnet", MZ);
    condition("dotnet.number_of_streams == 0", MZ);
    condition("elf.type == elf.ET_EXEC", ELF);
    condition("elf.machine != 3", ELF);
    condition("elf.sections[0].type == 0", ELF);
    condition("macho.cputype == 7", Heads::RARE);
    condition("lnk.is_lnk", Heads::RARE);
    condition("lnk.file_size > 1", Heads::RARE);
    condition("for any i in (0..pe.number_of_sections) : (filesize > i)", MZ);
    condition("for all i in (0..pe.number_of_sections) : (filesize > i)", MZ);
    condition("for none i in (0..pe.number_of_sections) : (filesize == i)", MZ);
    condition("for any section in pe.sections : (filesize > 0)", MZ);
    condition("for any i in (1..2) : (pe.sections[i].name == \".text\")", MZ);
    strings("$a = \"evil\"", "$a at pe.entry_point", MZ);
}

#[test]
fn what_is_defined_of_other_formats_too_proves_nothing() {
    condition("pe.is_pe == 0", ALL);
    condition("not pe.is_pe", ALL);
    condition("defined pe.entry_point", ALL);
    condition("not defined pe.entry_point", ALL);
    condition("pe.timestamp == 1 or filesize > 0", ALL);
    condition("not (pe.timestamp == 1 and filesize > 0)", ALL);
    condition("pe.MACHINE_AMD64 > 0", ALL);
    condition("pe.imports(\"kernel32.dll\") == 0", ALL);
    condition("pe.imports(\"a\", \"b\") == 0", ALL);
    condition("not pe.exports(\"x\")", ALL);
    condition("pe.rich_signature.toolid(1) == 0", ALL);
    condition("pe.rich_signature.toolid(1) >= 0", ALL);
    condition("pe.sections.len() == 0", ALL);
    condition("for all section in pe.sections : (section.name == \"a\")", ALL);
    condition("for none section in pe.sections : (section.name == \"a\")", ALL);
    condition("elf.ET_EXEC == 2", ALL);
    condition("math.entropy(0, filesize) > 7", ALL);
}

#[test]
fn names_that_mean_something_else_prove_nothing() {
    check(
        "rule is_mz { condition: uint16(0) == 0x5A4D } rule r { condition: for any is_mz in (1..2) : (is_mz == 1) }",
        ALL,
    );
    check("rule mz { condition: uint16(0) == 0x5A4D } rule r { condition: with mz = 1 : (mz == 1) }", ALL);
    // Here the module is not imported, and `pe` is a number.
    check("rule r { condition: with pe = filesize : (pe > 0) }", ALL);
}

#[test]
fn rules_stand_for_their_conditions() {
    let mz = "private rule mz { condition: uint16(0) == 0x5A4D }";
    check(&format!("{mz} rule r {{ condition: mz and filesize > 0 }}"), MZ);
    check(&format!("{mz} rule r {{ condition: not mz }}"), ALL);
    check(&format!("{mz} rule r {{ condition: mz or filesize > 0 }}"), ALL);
    check(&format!("{mz} rule other {{ condition: not mz }} rule r {{ condition: other }}"), ALL);
}
