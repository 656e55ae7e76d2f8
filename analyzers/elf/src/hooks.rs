//! Libraries that stand between programs and the C library: what user-land rootkits are.

use std::ops::Range;

use analyzers::{Findings, Limit};
use goblin::elf::header::ET_DYN;
use goblin::elf::section_header::SHT_DYNSYM;
use goblin::elf::sym::{STT_FUNC, Sym, Symtab, st_type};
use memchr::memmem;

use crate::catalogue as sign;
use crate::image::Image;

/// Symbols looked at; more are a limit that was hit. Rootkits export dozens of functions, the largest library
/// seen that passes the first look 46,325 (LLVM 15).
const SYMBOLS_MAX: usize = 1 << 16;

/// Minimum number of hooks: libraries that replace the allocator or sockets export at most four of these.
const HOOKS_MIN: usize = 5;

/// Functions of the C library, of PAM and of libpcap that rootkits replace to hide files, processes and
/// connections, or to take passwords. In order, for binary search.
const HOOKED: [&[u8]; 35] = [
    b"__fxstat",
    b"__fxstat64",
    b"__lxstat",
    b"__lxstat64",
    b"__xstat",
    b"__xstat64",
    b"accept",
    b"access",
    b"execve",
    b"execvp",
    b"fdopendir",
    b"fopen",
    b"fopen64",
    b"fstat",
    b"fstat64",
    b"getpwnam",
    b"getpwuid",
    b"link",
    b"lstat",
    b"lstat64",
    b"open",
    b"open64",
    b"opendir",
    b"pam_authenticate",
    b"pam_get_item",
    b"pam_open_session",
    b"pam_sm_authenticate",
    b"pcap_loop",
    b"readdir",
    b"readdir64",
    b"rmdir",
    b"stat",
    b"stat64",
    b"unlink",
    b"unlinkat",
];

/// Reports a library that exports enough of them, lists directories among them, and looks up the real ones.
///
/// The loader finds symbols by the dynamic section and knows no sections, so their headers are only a second place to
/// look at. A path of a loader makes no program of a library: the C library itself has one.
pub(crate) fn examine(image: &Image<'_>, findings: &mut Findings<'_>) {
    if image.header.e_type != ET_DYN {
        return;
    }
    let table = image.sections.iter().find(|section| section.sh_type == SHT_DYNSYM).and_then(|table| {
        let names = image.sections.get(table.sh_link as usize)?;
        Some((image.part(table.sh_offset, table.sh_size), image.part(names.sh_offset, names.sh_size)))
    });
    let loaded = image.dynamic_symbols();
    let same = |(symbols, _): &(Range<usize>, Range<usize>)| {
        loaded.as_ref().is_some_and(|(loaded, _)| loaded.start == symbols.start)
    };
    // Where both mean the same table, its section knows the size.
    let tables = match table {
        Some(table) if same(&table) => [Some(table), None],
        table => [loaded.clone(), table],
    };
    for (symbols, names) in tables.into_iter().flatten() {
        let names = image.bytes.get(names).unwrap_or_default();
        // Cheap and rare: most libraries look nothing up at run time.
        if memmem::find(names, b"\0dlsym\0").is_none() || memmem::find(names, b"\0readdir").is_none() {
            continue;
        }
        let hooks = hooks(image, symbols.clone(), names, findings);
        if hooks >= HOOKS_MIN {
            findings.saw_with(&sign::HOOK_EXPORTS, symbols, format_args!("{hooks} functions"));
            return;
        }
    }
}

fn hooks(image: &Image<'_>, symbols: Range<usize>, names: &[u8], findings: &mut Findings<'_>) -> usize {
    let symbols = image.bytes.get(symbols).unwrap_or_default();
    let mut count = symbols.len() / Sym::size(image.ctx.container);
    if count > SYMBOLS_MAX {
        findings.budget().exhaust(Limit::Entries);
        count = SYMBOLS_MAX;
    }
    if findings.budget().step(count as u64).is_err() {
        return 0;
    }
    let Ok(symbols) = Symtab::parse(symbols, 0, count, image.ctx) else {
        return 0;
    };
    let name = |symbol: &Sym| {
        let name = names.get(symbol.st_name..).unwrap_or_default();
        let name = name.get(..32).unwrap_or(name);
        name.split(|&byte| byte == 0).next().unwrap_or_default()
    };
    let (exported, imported): (Vec<Sym>, Vec<Sym>) =
        symbols.iter().filter(|symbol| symbol.st_name != 0).partition(|symbol| symbol.st_shndx != 0);
    // The C library has all of them and looks nothing up: its lookup is its own.
    if !imported.iter().any(|symbol| matches!(name(symbol), b"dlsym" | b"dlvsym")) {
        return 0;
    }
    let functions = exported.iter().filter(|symbol| st_type(symbol.st_info) == STT_FUNC);
    functions.filter(|symbol| HOOKED.binary_search(&name(symbol)).is_ok()).count()
}
