//! Names of sections, and who gives them.

/// Names that packers and protectors give, by prefix; lower case.
const PACKERS: &[(&str, &str)] = &[
    ("upx", "UPX"),
    (".upx", "UPX"),
    (".aspack", "ASPack"),
    (".adata", "ASPack"),
    ("asprotec", "ASProtect"),
    (".packed", "packer"),
    ("pec1", "PECompact"),
    ("pec2", "PECompact"),
    ("pecompac", "PECompact"),
    (".petite", "Petite"),
    ("petite", "Petite"),
    (".vmp", "VMProtect"),
    ("vmp0", "VMProtect"),
    ("vmp1", "VMProtect"),
    (".themida", "Themida"),
    ("themida", "Themida"),
    (".winlice", "WinLicense"),
    (".mpress", "MPRESS"),
    (".nsp", "NsPack"),
    ("nsp0", "NsPack"),
    ("nsp1", "NsPack"),
    (".enigma", "Enigma"),
    ("fsg!", "FSG"),
    ("mew", "MEW"),
    (".yp", "Yoda's Protector"),
    (".y0da", "Yoda's Protector"),
    ("yprotect", "Yoda's Protector"),
    (".perplex", "Perplex"),
    ("pebundle", "PEBundle"),
    ("pelock", "PELock"),
    (".svkp", "SVK Protector"),
    (".tsuarch", "TSULoader"),
    (".tsustub", "TSULoader"),
    ("!epack", "EPack"),
    (".boom", "Boomerang"),
    (".ccg", "CCG"),
    (".mackt", "ImpREC"),
    (".maskpe", "MaskPE"),
    (".neolit", "NeoLite"),
    (".rlpack", "RLPack"),
    (".rmnet", "Ramnit"),
    (".sforce3", "StarForce"),
    (".spack", "Simple Pack"),
    (".wwpack", "WWPack"),
    ("kkrunchy", "kkrunchy"),
    ("bitarts", "Crunch"),
    ("expressr", "eXPressor"),
    (".alien", "Alienyze"),
    ("lz32.dll", "Crinkler"),
];

/// Names that common tool chains give: Microsoft, MinGW, Borland, Go, Rust, .NET and EFI ones; lower case.
const COMMON: &[&str] = &[
    ".00cfg", ".arch", ".bindat", ".bss", ".buildid", ".comment", ".crt", ".cormeta", ".ctors", ".data", ".data1",
    ".debug", ".didat", ".didata", ".drectve", ".dtors", ".edata", ".eh_fram", ".fptable", ".gfids", ".giats",
    ".gljmp", ".hexpthk", ".idata", ".init", ".itext", ".jcr", ".managed", ".mrdata", ".msvcjmc", ".ndata", ".note",
    ".orpc", ".osmf", ".pdata", ".qtmetad", ".qtmimed", ".rdata", ".reloc", ".retplne", ".rodata", ".rsrc", ".sbat",
    ".sbss", ".sdata", ".shared", ".srdata", ".stab", ".stabstr", ".symtab", ".text", ".textbss", ".text1", ".tls",
    ".tls$", ".trace", ".udata", ".voltbl", ".vsdata", ".wixburn", ".wpp_sf", ".xdata", "_rdata", "_text", "bss",
    "code", "const", "data", "fothk", "hydrated", "init", "initdata", "initkdbg", "page", "pagelk", "pagekd",
    "poolcode", "poolmi", "rt_bss", "rt_code", "rt_const", "rt_data", "shared", "text",
];

/// Names of sections that compilers put code in; lower case.
const CODE: &[&str] = &[
    ".text", "text", "code", ".code", ".itext", "_text", ".textbss", ".text1", "init", ".init", ".managed", "page",
    "rt_code", ".orpc",
];

fn is_one_of(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The packer that gives sections such a name.
pub(crate) fn packer_of(name: &[u8]) -> Option<&'static str> {
    let starts =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    PACKERS.iter().find(|(prefix, _)| starts(prefix)).map(|(_, packer)| *packer)
}

/// Whether a common tool chain gives sections such a name.
pub(crate) fn is_common_name(name: &[u8]) -> bool {
    // MinGW writes `/` and an offset for names longer than eight bytes; MSVC's own come with `$` and a suffix.
    let long = matches!(name, [b'/', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    let stem = name.split(|&byte| byte == b'$').next().unwrap_or(name);
    long || is_one_of(name, COMMON) || is_one_of(stem, COMMON) || is_one_of(name, CODE)
}

/// Whether compilers put code in sections of such a name.
pub(crate) fn is_code_name(name: &[u8]) -> bool {
    let stem = name.split(|&byte| byte == b'$').next().unwrap_or(name);
    is_one_of(stem, CODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(packer_of(b"UPX0"), Some("UPX"));
        assert_eq!(packer_of(b".text"), None);
        assert!(is_common_name(b".TEXT") && is_common_name(b"/4") && is_common_name(b".CRT$XCU"));
        assert!(!is_common_name(b"/") && !is_common_name(b".evil") && !is_common_name(b"/4x"));
        assert!(is_code_name(b"CODE") && !is_code_name(b".data"));
    }

    #[test]
    fn no_common_name_is_a_packers() {
        assert!(COMMON.iter().chain(CODE).all(|name| packer_of(name.as_bytes()).is_none()));
    }
}
