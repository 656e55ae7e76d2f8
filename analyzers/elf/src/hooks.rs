//! Libraries that stand between programs and the C library: what user-land rootkits are.

use analyzers::{Findings, Limit};
use goblin::elf::header::ET_DYN;
use goblin::elf::program_header::PT_INTERP;
use goblin::elf::section_header::{SHT_DYNSYM, SectionHeader};
use goblin::elf::sym::{STT_FUNC, Sym, Symtab, st_type};
use memchr::memmem;

use crate::catalogue as sign;
use crate::image::Image;

/// Symbols looked at; more are a limit that was hit. Rootkits export dozens of functions, the largest library
/// seen that passes the first look 46,325 (LLVM 15).
const SYMBOLS_MAX: usize = 1 << 16;

/// So many hooks are no accident: libraries that replace the allocator or sockets export none to four of these.
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
pub(crate) fn examine(image: &Image<'_>, findings: &mut Findings<'_>) {
    if image.header.e_type != ET_DYN || image.has(PT_INTERP) {
        return;
    }
    let Some(table) = image.sections.iter().find(|section| section.sh_type == SHT_DYNSYM) else {
        return;
    };
    let names = image.sections.get(table.sh_link as usize);
    let names = names.and_then(|names| image.bytes.get(image.part(names.sh_offset, names.sh_size)));
    let names = names.unwrap_or_default();
    // Cheap and rare: most libraries look nothing up at run time.
    if memmem::find(names, b"\0dlsym\0").is_none() || memmem::find(names, b"\0readdir").is_none() {
        return;
    }
    let hooks = hooks(image, table, names, findings);
    if hooks >= HOOKS_MIN {
        let part = image.part(table.sh_offset, table.sh_size);
        findings.saw_with(&sign::HOOK_EXPORTS, part, format_args!("{hooks} functions"));
    }
}

fn hooks(image: &Image<'_>, table: &SectionHeader, names: &[u8], findings: &mut Findings<'_>) -> usize {
    let part = image.part(table.sh_offset, table.sh_size);
    let symbols = image.bytes.get(part).unwrap_or_default();
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
    symbols
        .iter()
        .filter(|symbol| symbol.st_shndx != 0 && st_type(symbol.st_info) == STT_FUNC)
        .filter(|symbol| {
            let name = names.get(symbol.st_name..).unwrap_or_default();
            let name = name.iter().take(32).take_while(|&&byte| byte != 0).count();
            let name = names.get(symbol.st_name..symbol.st_name.saturating_add(name)).unwrap_or_default();
            HOOKED.binary_search(&name).is_ok()
        })
        .count()
}
