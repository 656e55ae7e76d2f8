//! Code: what stands at the entry point, and how often telling instructions occur.
//!
//! Nothing is disassembled. Byte pairs are looked up in a table, and the few that begin an instruction of interest are
//! compared in full.

use std::sync::LazyLock;

use analyzers::{Budget, Exhausted, Measure, MeasureValue, Unit, density, measures};

use crate::image::{Directory, Image};

/// Bytes of code that are looked at, from the first executable section on.
const CODE_BYTES_MAX: usize = 2 << 20;
/// Bytes between two looks at the budget.
const CHUNK: usize = 64 << 10;
/// IMAGE_SCN_CNT_CODE.
const CONTAINS_CODE: u32 = 0x20;

/// Instructions whose frequency is measured: a measure, and how they begin.
pub(super) static INSTRUCTIONS: &[(Measure, &[u8])] = &[
    (often("code.frame", "push ebp; mov ebp, esp."), b"\x55\x8b\xec"),
    (often("code.frame_64", "sub rsp of a small number."), b"\x48\x83\xec"),
    (often("code.save_rbx", "mov [rsp+…], rbx."), b"\x48\x89\x5c\x24"),
    (often("code.breakpoints", "Three int3 in a row, the padding of MSVC."), b"\xcc\xcc\xcc"),
    (often("code.nops", "Three nop in a row, the padding of GCC."), b"\x90\x90\x90"),
    (often("code.environment_block", "mov eax, fs:[0x30]."), b"\x64\xa1\x30\0\0\0"),
    (often("code.environment_block_64", "mov rax, gs:[0x60]."), b"\x65\x48\x8b\x04\x25\x60"),
    (often("code.exception_chain", "mov eax, fs:[0]."), b"\x64\xa1\0\0\0\0"),
    (often("code.set_exception_chain", "mov fs:[0], esp."), b"\x64\x89\x25\0\0\0\0"),
    (often("code.rotate_edi", "ror edi, 13, as hashes of names are made."), b"\xc1\xcf\x0d"),
    (often("code.rotate_ecx", "ror ecx, 13."), b"\xc1\xc9\x0d"),
    (often("code.time_stamp", "rdtsc."), b"\x0f\x31"),
    (often("code.processor", "cpuid."), b"\x0f\xa2"),
    (often("code.call_import", "call [address]."), b"\xff\x15"),
    (often("code.jump_import", "jmp [address]."), b"\xff\x25"),
    (often("code.return_4", "ret 4 and the like."), b"\xc2\x04\0"),
    (often("code.return_padded", "ret, and the padding of MSVC."), b"\xc3\xcc"),
    (often("code.xor_byte_constant", "xor of a byte in an array with a constant."), b"\x80\x34"),
    (often("code.xor_byte", "xor of a byte in an array with a register."), b"\x30\x04"),
    (often("code.leave", "leave; ret."), b"\xc9\xc3"),
    (often("code.interrupt_2e", "int 0x2e, a call of the kernel."), b"\xcd\x2e"),
    (often("code.syscall", "syscall, a call of the kernel."), b"\x0f\x05"),
    (often("code.double", "Arithmetic of SSE2."), b"\xf2\x0f"),
    (often("code.load_double", "fld of a constant."), b"\xdd\x05"),
    (often("code.clear_eax", "xor eax, eax."), b"\x33\xc0"),
    (often("code.argument", "mov [esp], constant, as GCC passes arguments."), b"\xc7\x04\x24"),
    (often("code.byte_on_stack", "mov of a byte constant into a local variable."), b"\xc6\x45"),
    (often("code.word_on_stack", "mov of a constant into a local variable."), b"\xc7\x45"),
    (often("code.where_am_i", "call of the next instruction."), b"\xe8\0\0\0\0"),
    (often("code.copy_words", "rep movsd."), b"\xf3\xa5"),
    (often("code.copy_bytes", "rep movsb."), b"\xf3\xa4"),
    (often("code.stack_cookie", "The stack cookie of MSVC."), b"\x33\xc5\x89\x45"),
];

const fn often(name: &'static str, meaning: &'static str) -> Measure {
    Measure {
        name,
        unit: Unit::Density,
        meaning,
        source: "Intel, Software Developer's Manual, volume 2; code of compilers",
    }
}

/// Pairs of bytes in a word of the table that tells with which of them an instruction begins.
const PAIRS: u16 = 64;

/// Places that are looked up before what begins there is compared: their list stays in the nearest cache.
const BLOCK: usize = 4 << 10;

/// How instructions are found.
struct InstructionTable {
    /// For each pair of bytes, whether an instruction begins with it: few enough bits for the nearest cache, which most
    /// pairs of a program do not get past.
    begins: Box<[u64; 1 << 10]>,
    /// For each pair, a bit for each instruction that begins with it.
    instructions: Vec<u32>,
    /// Each instruction as a number, the first byte lowest, and which bits of a number of eight bytes it has.
    numbers: Vec<(u64, u64)>,
}

static TABLE: LazyLock<InstructionTable> = LazyLock::new(|| {
    let mut table =
        InstructionTable { begins: Box::new([0; 1 << 10]), instructions: vec![0; 1 << 16], numbers: Vec::new() };
    for (index, (_, bytes)) in INSTRUCTIONS.iter().enumerate() {
        if let [first, second, ..] = bytes {
            let pair = u16::from_be_bytes([*first, *second]);
            table.instructions[usize::from(pair)] |= 1 << index;
            table.begins[usize::from(pair / PAIRS)] |= 1 << (pair % PAIRS);
        }
        let append = |(number, mask): (u64, u64), byte: &u8| (number << 8 | u64::from(*byte), mask << 8 | 0xff);
        table.numbers.push(bytes.iter().rev().fold((0, 0), append));
    }
    table
});

/// Builds the table, if it is not built yet.
pub(super) fn prepare() {
    LazyLock::force(&TABLE);
}

impl InstructionTable {
    /// Finds where in a block an instruction may begin; how many places there are. Nothing depends on what is found but where
    /// the next place is written: a processor that guesses would guess wrong too often.
    fn find(&self, block: &[u8], places: &mut [u16; BLOCK]) -> usize {
        let mut found = 0;
        for (pair, at) in block.array_windows().zip(0..) {
            let pair = u16::from_be_bytes(*pair);
            let Some(place) = places.get_mut(found) else { break };
            *place = at;
            found += usize::from(self.begins[usize::from(pair / PAIRS)] >> (pair % PAIRS) & 1 != 0);
        }
        found
    }
}

/// Counts of instructions in the executable sections.
#[derive(Default)]
pub(super) struct Instructions {
    counts: Vec<usize>,
    calls: usize,
    pushes: usize,
    bytes: usize,
}

impl Instructions {
    pub(super) fn count(image: &Image<'_>, budget: &mut Budget) -> Result<Instructions, Exhausted> {
        let mut all = Instructions { counts: vec![0; INSTRUCTIONS.len()], ..Instructions::default() };
        for section in image.sections {
            if !section.is_executable() && section.characteristics & CONTAINS_CODE == 0 {
                continue;
            }
            let code = image.bytes.get(section.raw(image.bytes.len())).unwrap_or_default();
            let room = CODE_BYTES_MAX - all.bytes;
            all.add(code.get(..room).unwrap_or(code), budget)?;
        }
        Ok(all)
    }

    fn add(&mut self, code: &[u8], budget: &mut Budget) -> Result<(), Exhausted> {
        self.bytes += code.len();
        let table = &*TABLE;
        let mut places = [0_u16; BLOCK];
        for (chunk, start) in code.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
            budget.step(1)?;
            self.calls += chunk.iter().filter(|&&byte| byte == 0xe8).count();
            self.pushes += chunk.iter().filter(|&&byte| byte == 0x68).count();
            for start in (start..start + chunk.len()).step_by(BLOCK) {
                let block = code.get(start..code.len().min(start + BLOCK + 1)).unwrap_or_default();
                let found = table.find(block, &mut places);
                for place in places.get(..found).unwrap_or_default() {
                    self.compare(table, code.get(start + usize::from(*place)..).unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    /// Counts the instructions that `code` begins with.
    fn compare(&mut self, table: &InstructionTable, code: &[u8]) {
        let Some((pair, _)) = code.split_first_chunk() else { return };
        let mut bits = table.instructions.get(usize::from(u16::from_be_bytes(*pair))).copied().unwrap_or(0);
        let number = code.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        while bits != 0 {
            let index = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            let is_there = match (number, table.numbers.get(index)) {
                (Some(number), Some((instruction, mask))) => number & mask == *instruction,
                // The last bytes of all.
                _ => INSTRUCTIONS.get(index).is_some_and(|(_, whole)| code.starts_with(whole)),
            };
            if let Some(count) = self.counts.get_mut(index) {
                *count += usize::from(is_there);
            }
        }
    }

    /// Appends the frequency of each instruction.
    pub(super) fn measure(&self, values: &mut Vec<f32>) {
        values.extend(self.counts.iter().map(|&count| density(count, self.bytes).number()));
    }
}

measures! {
    /// Code as a whole.
    CODE, fn code(all: &Instructions), source: "Intel, Software Developer's Manual, volume 2" {
        "code.bytes", Bytes, "Bytes of executable sections, at most 2 MiB." => all.bytes;
        "code.calls", Density, "Bytes of the instruction call." => density(all.calls, all.bytes);
        "code.pushes", Density, "Bytes of the instruction push of a constant." => density(all.pushes, all.bytes);
    }
}

/// The bytes at the entry point.
pub(super) struct EntryPoint<'b> {
    bytes: &'b [u8],
    has_callbacks: bool,
}

impl<'b> EntryPoint<'b> {
    pub(super) fn of(image: &Image<'b>) -> EntryPoint<'b> {
        let address = image.optional.as_ref().map_or(0, |optional| optional.standard.address_of_entry_point);
        let at = image.offset_of(address).filter(|_| address != 0);
        EntryPoint {
            bytes: at.and_then(|at| image.bytes.get(at..)).unwrap_or_default(),
            has_callbacks: image.directory_size(9) > 0 && image.directory(Directory::Clr).is_none(),
        }
    }

    fn starts(&self, with: &[u8]) -> bool {
        self.bytes.starts_with(with)
    }
}

measures! {
    /// The entry point.
    ENTRY, fn entry(entry: &EntryPoint<'_>), source: "Intel, Software Developer's Manual, volume 2; entry points of compilers and packers" {
        "entry.push_all", Flag, "It begins with pushad, as packers do." => entry.starts(b"\x60");
        "entry.frame", Flag, "It begins with a frame." => entry.starts(b"\x55\x8b\xec");
        "entry.frame_64", Flag, "It begins with room on the stack." => entry.starts(b"\x48\x83\xec");
        "entry.call", Flag, "It begins with a call." => entry.starts(b"\xe8");
        "entry.call_and_jump", Flag, "It begins with a call and a jump, as MSVC's run time does." =>
            entry.starts(b"\xe8") && entry.bytes.get(5) == Some(&0xe9);
        "entry.jump", Flag, "It begins with a jump." => entry.starts(b"\xe9");
        "entry.push", Flag, "It begins with a push of a constant, as Visual Basic does." => entry.starts(b"\x68");
        "entry.jump_import", Flag, "It begins with a jump to an import, as .NET does." => entry.starts(b"\xff\x25");
        "entry.callbacks", Flag, "Thread-local storage may run code before it." => entry.has_callbacks;
    }
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};

    use super::*;

    #[test]
    fn instructions_are_counted_wherever_they_stand() {
        let mut all = Instructions { counts: vec![0; INSTRUCTIONS.len()], ..Instructions::default() };
        let mut budget = Budget::new(Limits::default(), Cancel::default());
        let mut code = vec![0x41; 3 * CHUNK];
        // Across the end of a chunk, at the very end, and one that is cut off there.
        code[CHUNK - 2..CHUNK + 4].copy_from_slice(b"\x64\xa1\x30\0\0\0");
        let end = code.len();
        code[end - 4..].copy_from_slice(b"\xff\x15\xc7\x04");
        code[0] = 0xe8;
        all.add(&code, &mut budget).unwrap();
        let of = |name: &str| all.counts[INSTRUCTIONS.iter().position(|(measure, _)| measure.name == name).unwrap()];
        assert_eq!((of("code.environment_block"), of("code.call_import"), of("code.argument")), (1, 1, 0));
        assert_eq!((all.calls, all.bytes), (1, code.len()));
    }

    #[test]
    fn every_instruction_has_a_bit_and_a_number() {
        assert!(INSTRUCTIONS.len() <= 32 && INSTRUCTIONS.iter().all(|(_, bytes)| (2..=8).contains(&bytes.len())));
    }

    /// Pieces of instructions, one after the other, cut anywhere: what stands there is what a search for each finds.
    #[test]
    fn each_instruction_is_counted_as_often_as_it_stands_there() {
        let mut state = 7_u32;
        let mut next = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % below
        };
        for length in [0, 1, 2, 9, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5, CHUNK + 3] {
            let mut code = Vec::new();
            while code.len() < length {
                let (_, bytes) = INSTRUCTIONS[next(INSTRUCTIONS.len())];
                code.extend_from_slice(&bytes[..1 + next(bytes.len())]);
            }
            code.truncate(length);
            let mut all = Instructions { counts: vec![0; INSTRUCTIONS.len()], ..Instructions::default() };
            all.add(&code, &mut Budget::new(Limits::default(), Cancel::default())).unwrap();
            for ((measure, bytes), count) in INSTRUCTIONS.iter().zip(&all.counts) {
                let stands = (0..code.len()).filter(|at| code[*at..].starts_with(bytes)).count();
                assert_eq!(*count, stands, "{} in {length} bytes", measure.name);
            }
        }
    }
}
