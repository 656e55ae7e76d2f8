//! Code: instructions that tell, calls of the kernel, strings that are hidden under a key.

use std::collections::BTreeSet;

use analyzers::{Budget, Exhausted, Measure, MeasureValue, Unit, density, entropy, measures, permille};
use goblin::elf::header::{EM_386, EM_ARM, EM_MIPS};
use memchr::memmem;

use crate::entropy::{cost, entropy as sampled};
use crate::image::Image;

/// Bytes of code that are looked at, from the first executable segment on.
const CODE_BYTES_MAX: usize = 1 << 20;
/// Bytes in which hidden strings are looked for.
const HIDDEN_BYTES_MAX: usize = 200_000;
/// Farthest that a call of the kernel is from where its number is loaded, in bytes.
const CALL_REACH: usize = 18;

/// Instructions whose frequency is measured: a measure, and the ways in which they are written.
pub(super) static INSTRUCTIONS: &[(Measure, &[&[u8]])] = &[
    (often("code.int_80", "int 0x80, a call of the kernel."), &[b"\xcd\x80"]),
    (often("code.syscall", "syscall, a call of the kernel."), &[b"\x0f\x05"]),
    (often("code.arm_svc", "svc 0 of ARM, a call of the kernel."), &[b"\0\0\0\xef", b"\xef\0\0\0"]),
    (often("code.arm_old_svc", "svc of the old ABI of ARM."), &[b"\x90\0\xef"]),
    (often("code.thumb_svc", "svc of Thumb."), &[b"\x00\xdf"]),
    (often("code.arm64_svc", "svc of ARM64."), &[b"\x01\0\0\xd4"]),
    (often("code.mips_syscall", "syscall of MIPS."), &[b"\x0c\0\0\0", b"\0\0\0\x0c"]),
    (often("code.powerpc_sc", "sc of PowerPC."), &[b"\x44\0\0\x02"]),
    (often("code.superh_return", "rts of SuperH."), &[b"\x0b\0\x09\0"]),
    (often("code.frame", "push ebp; mov ebp, esp."), &[b"\x55\x89\xe5"]),
    (often("code.frame_64", "push rbp; mov rbp, rsp."), &[b"\x55\x48\x89\xe5"]),
    (often("code.where_am_i", "call of the next instruction."), &[b"\xe8\0\0\0\0"]),
    (often("code.xor_byte", "xor of a byte in an array with a constant."), &[b"\x80\x34", b"\x80\x30"]),
    (often("code.stack_guard", "The guard of the stack."), &[b"\x64\x48\x8b\x04\x25\x28", b"\x65\xa1\x14\0\0\0"]),
    (often("code.return", "ret."), &[b"\xc3"]),
    (often("code.arm_return", "bx lr of ARM."), &[b"\x1e\xff\x2f\xe1"]),
    (often("code.mips_return", "jr ra of MIPS."), &[b"\x08\0\xe0\x03", b"\x03\xe0\0\x08"]),
];

/// How many of them call the kernel.
const KERNEL_CALLS: usize = 8;

/// Calls of the kernel by number: a measure, and the number on x86 and on MIPS (o32).
pub(super) static CALLS: &[(Measure, u16, u16)] = &[
    (called("call.exit", "It ends itself."), 1, 1),
    (called("call.fork", "It starts processes."), 2, 2),
    (called("call.read", "It reads."), 3, 3),
    (called("call.write", "It writes."), 4, 4),
    (called("call.open", "It opens files."), 5, 5),
    (called("call.execve", "It starts programs."), 11, 11),
    (called("call.kill", "It ends processes."), 37, 37),
    (called("call.ioctl", "It controls devices."), 54, 54),
    (called("call.dup2", "It redirects."), 63, 63),
    (called("call.setsid", "It leaves its session."), 66, 66),
    (called("call.socketcall", "It uses sockets, by the old call."), 102, 102),
    (called("call.select", "It waits for several things."), 142, 142),
    (called("call.prctl", "It renames itself, or the like."), 172, 192),
    (called("call.bind", "It listens."), u16::MAX, 169),
    (called("call.connect", "It connects."), u16::MAX, 170),
    (called("call.recv", "It receives."), u16::MAX, 175),
    (called("call.send", "It sends."), u16::MAX, 178),
    (called("call.sendto", "It sends datagrams."), u16::MAX, 180),
    (called("call.socket", "It makes sockets."), u16::MAX, 183),
];

/// Strings that are looked for under every key of one byte: a measure, and the string in reverse.
pub(super) static HIDDEN: &[(Measure, &str)] = &[
    (hidden_string("hidden.bundle", "The path of BusyBox."), "xobysub/nib/"),
    (hidden_string("hidden.proc", "Files below `/proc`."), "/corp/"),
    (hidden_string("hidden.password", "The prompt for a password."), "drowssa"),
    (hidden_string("hidden.watchdog", "The watchdog."), "godhctaw/ved/"),
    (hidden_string("hidden.request", "A request of HTTP."), "/ TEG"),
    (hidden_string("hidden.url", "Addresses of the web."), "ptth"),
    (hidden_string("hidden.domain", "Domains."), "moc."),
];

const fn often(name: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit: Unit::Density, meaning, source: "manuals of processors; ABIs of Linux" }
}

const fn called(name: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit: Unit::Flag, meaning, source: "Linux, system call tables of x86 and MIPS o32" }
}

const fn hidden_string(name: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit: Unit::Count, meaning, source: "published source of Mirai: its table of strings" }
}

/// Counts of instructions in the executable segments.
pub(super) struct Instructions {
    counts: Vec<usize>,
    calls: BTreeSet<u16>,
    /// Of the file, and of those that are looked at.
    size: usize,
    bytes: usize,
    entropy: u32,
    zeros: usize,
    is_mips: bool,
}

impl Instructions {
    pub(super) fn count(image: &Image<'_>, budget: &mut Budget) -> Result<Instructions, Exhausted> {
        let machine = image.header.e_machine;
        let mut all = Instructions {
            counts: vec![0; INSTRUCTIONS.len()],
            calls: BTreeSet::new(),
            size: image.bytes.len(),
            bytes: 0,
            entropy: 0,
            zeros: 0,
            is_mips: machine == EM_MIPS,
        };
        let is_little = image.ctx.le.is_little();
        for segment in image.code() {
            let code = image.bytes.get(image.part(segment.p_offset, segment.p_filesz)).unwrap_or_default();
            let code = code.get(..CODE_BYTES_MAX.saturating_sub(all.bytes)).unwrap_or(code);
            // As many passes as ways to write instructions.
            budget.step(cost(code.len()) + (code.len() >> 10) as u64)?;
            if all.bytes == 0 {
                all.entropy = entropy(sampled(code));
            }
            all.bytes += code.len();
            all.zeros += memchr::memchr_iter(0, code).count();
            for ((_, ways), count) in INSTRUCTIONS.iter().zip(&mut all.counts) {
                *count += ways.iter().map(|way| memmem::find_iter(code, way).count()).sum::<usize>();
            }
            match machine {
                EM_386 => all.calls.extend(calls_of_x86(code)),
                EM_MIPS => all.calls.extend(calls_of_mips(code, is_little)),
                EM_ARM => all.calls.extend(calls_of_arm(code)),
                _ => {}
            }
        }
        Ok(all)
    }

    fn kernel_calls(&self) -> usize {
        self.counts.iter().take(KERNEL_CALLS).sum()
    }

    /// Appends the frequency of each instruction, and which calls there are.
    pub(super) fn measure(&self, values: &mut Vec<f32>) {
        values.extend(self.counts.iter().map(|&count| density(count, self.bytes).number()));
        let is_called = |x86: u16, mips: u16| self.calls.contains(if self.is_mips { &mips } else { &x86 });
        values.extend(CALLS.iter().map(|&(_, x86, mips)| is_called(x86, mips).number()));
    }
}

/// mov eax, NUMBER, and soon int 0x80.
fn calls_of_x86(code: &[u8]) -> impl Iterator<Item = u16> {
    memchr::memchr_iter(0xb8, code).filter_map(|at| {
        let &[_, number, 0, 0, 0] = code.get(at..at + 5)? else { return None };
        let soon = code.get(at + 5..).map(|rest| rest.get(..CALL_REACH).unwrap_or(rest))?;
        memmem::find(soon, b"\xcd\x80").map(|_| u16::from(number))
    })
}

/// li v0, 4000 + NUMBER.
fn calls_of_mips(code: &[u8], is_little: bool) -> impl Iterator<Item = u16> {
    code.as_chunks::<4>().0.iter().filter_map(move |word| {
        let word = if is_little { u32::from_le_bytes(*word) } else { u32::from_be_bytes(*word) };
        let number = (word & 0xffff) as u16;
        (word >> 16 == 0x2402).then(|| number.checked_sub(4_000)).flatten().filter(|&number| number < 500)
    })
}

/// svc 0x900000 + NUMBER, of the old ABI.
fn calls_of_arm(code: &[u8]) -> impl Iterator<Item = u16> {
    memmem::find_iter(code, b"\0\x90\xef").filter_map(|at| code.get(at.checked_sub(1)?).copied().map(u16::from))
}

measures! {
    /// Code as a whole.
    CODE, fn code(all: &Instructions), source: "ABIs of Linux" {
        "code.bytes", Bytes, "Bytes of executable segments, at most 1 MiB." => all.bytes;
        "code.share", Permille, "They, of the file." => permille(all.bytes, all.size);
        "code.entropy", Entropy, "Evenness of the first executable segment." => all.entropy;
        "code.zeros", Permille, "Zeros in code, of its bytes." => permille(all.zeros, all.bytes);
        "code.kernel_calls", Count, "Instructions that call the kernel." => all.kernel_calls();
        "code.different_calls", Count, "Different calls of the kernel, as far as they are read." => all.calls.len();
    }
}

/// Appends how often each string stands under a key: as often as the differences of its bytes, less where it stands plainly.
pub(super) fn hidden(bytes: &[u8], budget: &mut Budget, values: &mut Vec<f32>) -> Result<(), Exhausted> {
    // Data is behind code.
    let part = bytes.get(bytes.len() / 5 * 2..).unwrap_or_default();
    let part = part.get(..HIDDEN_BYTES_MAX).unwrap_or(part);
    budget.step(1 + (part.len() >> 10) as u64)?;
    let differences: Vec<u8> = part.windows(2).map(|pair| pair[0] ^ pair[1]).collect();
    for (_, reversed) in HIDDEN {
        let text: Vec<u8> = reversed.bytes().rev().collect();
        let wanted: Vec<u8> = text.windows(2).map(|pair| pair[0] ^ pair[1]).collect();
        let all = memmem::find_iter(&differences, &wanted).count();
        let plain = memmem::find_iter(part, &text).count();
        values.push(all.saturating_sub(plain).number());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};

    use super::*;

    #[test]
    fn calls_of_the_kernel_are_read() {
        let x86 = b"\xb8\x0b\0\0\0\x89\xe3\xcd\x80\xb8\x01\0\0\0\x90";
        assert_eq!(calls_of_x86(x86).collect::<Vec<_>>(), [11]);
        assert_eq!(calls_of_mips(b"\x24\x02\x10\x57\x24\x02\0\x01", false).collect::<Vec<_>>(), [183]);
        assert_eq!(calls_of_mips(b"\x57\x10\x02\x24", true).collect::<Vec<_>>(), [183]);
        assert_eq!(calls_of_arm(b"\x05\0\x90\xef").collect::<Vec<_>>(), [5]);
        assert_eq!(calls_of_arm(b"\0\x90\xef").count(), 0);
    }

    #[test]
    fn strings_are_found_under_any_key_and_plain_ones_are_not() {
        let mut values = Vec::new();
        let mut budget = Budget::new(Limits::default(), Cancel::default());
        let mut bytes = vec![0; 4_000];
        bytes.extend(b"/dev/watchdog".iter().map(|byte| byte ^ 0x22));
        bytes.extend_from_slice(b"/dev/watchdog");
        hidden(&bytes, &mut budget, &mut values).unwrap();
        let at = HIDDEN.iter().position(|(measure, _)| measure.name == "hidden.watchdog").unwrap();
        assert_eq!(values[at], 1.0);
    }
}
