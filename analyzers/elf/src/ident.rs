//! Word size and byte order, as the loader takes them and whatever the identification bytes say.
//!
//! Linux (fs/binfmt_elf.c `load_elf_binary` and `load_elf_phdrs`, fs/compat_binfmt_elf.c; each case tried on Linux
//! 6.18) compares of the header: the four magic bytes, `e_type` (`ET_EXEC` or `ET_DYN`), `e_machine`
//! (`elf_check_arch`), `e_phentsize`, which must be the size of an entry, and the size of the table, at most
//! 64 KiB. It looks at neither `EI_CLASS`, `EI_DATA`, `EI_VERSION`, `EI_OSABI`, `e_version`, `e_ehsize` nor at
//! anything about sections, so a program runs whatever these say. readelf, libmagic and others believe them and
//! see nothing but nonsense. The architectures MIPS, S/390, PA-RISC and a few more compare `EI_CLASS` too, since one
//! machine number means both sizes there. Modules (kernel/module/main.c `elf_validity_check`) are taken likewise:
//! magic, `ET_REL`, machine, `e_shentsize`.
//!
//! So the byte order is the one in which `e_type` is valid, and the word size the one in which the sizes of table
//! entries are right. If both or neither are, the machine decides, or `EI_CLASS` if the machine has both.

use goblin::elf::header::{
    EI_CLASS, EI_DATA, EI_VERSION, ELFCLASS32, ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB, EM_386, EM_AARCH64, EM_ARM,
    EM_IA_64, EM_PPC, EM_PPC64, EM_SPARC, EM_SPARCV9, EM_X86_64, EV_CURRENT,
};

/// Size of the largest ELF header, the 64-bit one.
pub(crate) const HEADER_BYTES: usize = 64;

/// Machines with one word size, in whose kernels `elf_check_arch` does not look at `EI_CLASS`, and whether it is 64
/// bits. 4 is the 68000, 6 the 80486 (which x86 still takes), 42 SuperH, 93 and 195 ARC, 94 Xtensa, 189 MicroBlaze,
/// 0x9026 Alpha.
const MACHINES: [(u16, bool); 17] = [
    (EM_386, false),
    (6, false),
    (EM_X86_64, true),
    (EM_ARM, false),
    (EM_AARCH64, true),
    (EM_PPC, false),
    (EM_PPC64, true),
    (EM_SPARC, false),
    (EM_SPARCV9, true),
    (0x9026, true),
    (EM_IA_64, true),
    (4, false),
    (42, false),
    (93, false),
    (195, false),
    (94, false),
    (189, false),
];

/// Sizes of table entries in the header of a word size, and their offsets.
struct Layout {
    /// Offset of `e_phentsize`; `e_phnum` and `e_shentsize` follow.
    sizes_at: usize,
    segment_bytes: u16,
    section_bytes: u16,
}

const NARROW: Layout = Layout { sizes_at: 42, segment_bytes: 32, section_bytes: 40 };
const WIDE: Layout = Layout { sizes_at: 54, segment_bytes: 56, section_bytes: 64 };

/// Puts the word size, the order and the version into the identification bytes that the loader takes the file for.
/// True if they said something else.
pub(crate) fn mend(head: &mut [u8; HEADER_BYTES]) -> bool {
    let order = order(head);
    let class = if is_wide(head, order) { ELFCLASS64 } else { ELFCLASS32 };
    let odd = order != head[EI_DATA] || class != head[EI_CLASS] || head[EI_VERSION] != EV_CURRENT;
    head[EI_DATA] = order;
    head[EI_CLASS] = class;
    odd
}

/// `e_type` is 1 to 4 in one order at most. A kernel has one order and reads the field in it.
fn order(head: &[u8; HEADER_BYTES]) -> u8 {
    let exists = |value: u16| (1..=4).contains(&value);
    let field = [head[16], head[17]];
    if exists(u16::from_le_bytes(field)) {
        ELFDATA2LSB
    } else if exists(u16::from_be_bytes(field)) || head[EI_DATA] == ELFDATA2MSB {
        ELFDATA2MSB
    } else {
        ELFDATA2LSB
    }
}

fn is_wide(head: &[u8; HEADER_BYTES], order: u8) -> bool {
    let half = |at: usize| {
        let field = [head[at], head[at + 1]];
        if order == ELFDATA2MSB { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) }
    };
    let fits = |layout: &Layout| match half(layout.sizes_at + 2) {
        0 => half(layout.sizes_at + 4) == layout.section_bytes,
        _ => half(layout.sizes_at) == layout.segment_bytes,
    };
    match (fits(&NARROW), fits(&WIDE)) {
        (true, false) => false,
        (false, true) => true,
        (both, _) => {
            let machine = half(18);
            let known = MACHINES.iter().find(|(known, _)| *known == machine).map(|(_, wide)| *wide);
            match (known, head[EI_CLASS]) {
                // The loader of this machine takes its own size, and both could be read.
                (Some(wide), _) if both => wide,
                (_, ELFCLASS64) => true,
                (_, ELFCLASS32) => false,
                (Some(wide), _) => wide,
                (None, _) => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use specimens::elf::*;

    use super::*;

    /// Checks how the loader reads `builder`'s file, whatever class, order and version it claims.
    #[track_caller]
    fn check(builder: &ElfBuilder, class: u8, order: u8) {
        for (claimed_class, claimed_order, version) in
            [(0, 0, 0), (1, 2, 1), (2, 1, 1), (1, 1, 1), (2, 2, 1), (9, 7, 3)]
        {
            let file = builder
                .clone()
                .set(ElfField::Class, claimed_class)
                .set(ElfField::Order, claimed_order)
                .set(ElfField::Version, version)
                .build();
            let mut head = [0; HEADER_BYTES];
            let there = file.len().min(HEADER_BYTES);
            head[..there].copy_from_slice(&file[..there]);
            let odd = mend(&mut head);
            assert_eq!((head[EI_CLASS], head[EI_DATA]), (class, order), "claimed {claimed_class} {claimed_order}");
            let lies = (claimed_class, claimed_order, version) != (u64::from(class), u64::from(order), 1);
            assert_eq!(odd, lies, "claimed {claimed_class} {claimed_order} {version}");
        }
    }

    #[test]
    fn programs_are_what_the_loader_takes_them_for() {
        check(&ordinary(), ELFCLASS64, ELFDATA2LSB);
        check(&ordinary().narrow().machine(3), ELFCLASS32, ELFDATA2LSB);
        check(&ordinary().big_endian().machine(21), ELFCLASS64, ELFDATA2MSB);
        check(&ordinary().narrow().big_endian().machine(8), ELFCLASS32, ELFDATA2MSB);
        // x32: the 32-bit layout on a machine of 64 bits.
        check(&ordinary().narrow(), ELFCLASS32, ELFDATA2LSB);
        // Modules and objects have no segments: the size of section headers tells.
        check(&elf().elf_type(ET_REL).symbol("init_module"), ELFCLASS64, ELFDATA2LSB);
        check(&elf().narrow().machine(40).elf_type(ET_REL).symbol("init_module"), ELFCLASS32, ELFDATA2LSB);
    }

    #[test]
    fn where_both_sizes_could_be_read_the_machine_decides() {
        // In a 64-bit header, the 32-bit fields lie in the offset of the sections, which the loader does not use.
        let both = |machine: u16| ordinary().machine(machine).set(ElfField::SectionsOffset, 0x0001_0020_0000);
        check(&both(62), ELFCLASS64, ELFDATA2LSB);
        check(&both(183), ELFCLASS64, ELFDATA2LSB);
        let mut head = [0; HEADER_BYTES];
        head.copy_from_slice(&both(8).set(ElfField::Class, 1).build()[..HEADER_BYTES]);
        assert!(!mend(&mut head), "MIPS looks at the class");
        assert_eq!(head[EI_CLASS], ELFCLASS32);
    }

    #[test]
    fn where_neither_can_be_read_the_claim_stands() {
        let broken = ordinary().set(ElfField::SegmentSize, 7);
        let mut head = [0; HEADER_BYTES];
        head.copy_from_slice(&broken.set(ElfField::Class, 1).build()[..HEADER_BYTES]);
        assert!(!mend(&mut head));
    }
}
