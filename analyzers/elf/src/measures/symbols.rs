//! Symbols: which functions a program names, linked or its own.

use std::collections::HashMap;
use std::sync::LazyLock;

use analyzers::{Budget, Exhausted, Measure, MeasureValue, Unit, measures};
use goblin::elf::section_header::{SHT_DYNSYM, SHT_SYMTAB, SectionHeader};
use memchr::memmem;

use crate::image::Image;

/// Symbols that are looked at, of all tables. More of a large program's say nothing new.
const SYMBOLS_MAX: usize = 12_000;
/// Symbols between two looks at the budget.
const CHUNK: usize = 1_024;
/// Longest name that is looked at.
const NAME_MAX: usize = 64;

/// Functions of the C library, each with its measure.
pub(super) static FUNCTIONS: &[(Measure, &str)] = &[
    (function("function.socket", "A symbol is called `socket`."), "socket"),
    (function("function.connect", "A symbol is called `connect`."), "connect"),
    (function("function.send", "A symbol is called `send`."), "send"),
    (function("function.recv", "A symbol is called `recv`."), "recv"),
    (function("function.sendto", "A symbol is called `sendto`."), "sendto"),
    (function("function.recvfrom", "A symbol is called `recvfrom`."), "recvfrom"),
    (function("function.bind", "A symbol is called `bind`."), "bind"),
    (function("function.listen", "A symbol is called `listen`."), "listen"),
    (function("function.accept", "A symbol is called `accept`."), "accept"),
    (function("function.select", "A symbol is called `select`."), "select"),
    (function("function.poll", "A symbol is called `poll`."), "poll"),
    (function("function.epoll_wait", "A symbol is called `epoll_wait`."), "epoll_wait"),
    (function("function.gethostbyname", "A symbol is called `gethostbyname`."), "gethostbyname"),
    (function("function.getaddrinfo", "A symbol is called `getaddrinfo`."), "getaddrinfo"),
    (function("function.inet_addr", "A symbol is called `inet_addr`."), "inet_addr"),
    (function("function.inet_ntoa", "A symbol is called `inet_ntoa`."), "inet_ntoa"),
    (function("function.htons", "A symbol is called `htons`."), "htons"),
    (function("function.setsockopt", "A symbol is called `setsockopt`."), "setsockopt"),
    (function("function.fork", "A symbol is called `fork`."), "fork"),
    (function("function.vfork", "A symbol is called `vfork`."), "vfork"),
    (function("function.execve", "A symbol is called `execve`."), "execve"),
    (function("function.execl", "A symbol is called `execl`."), "execl"),
    (function("function.execv", "A symbol is called `execv`."), "execv"),
    (function("function.execvp", "A symbol is called `execvp`."), "execvp"),
    (function("function.system", "A symbol is called `system`."), "system"),
    (function("function.popen", "A symbol is called `popen`."), "popen"),
    (function("function.kill", "A symbol is called `kill`."), "kill"),
    (function("function.prctl", "A symbol is called `prctl`."), "prctl"),
    (function("function.ptrace", "A symbol is called `ptrace`."), "ptrace"),
    (function("function.setsid", "A symbol is called `setsid`."), "setsid"),
    (function("function.daemon", "A symbol is called `daemon`."), "daemon"),
    (function("function.ioctl", "A symbol is called `ioctl`."), "ioctl"),
    (function("function.mmap", "A symbol is called `mmap`."), "mmap"),
    (function("function.mprotect", "A symbol is called `mprotect`."), "mprotect"),
    (function("function.munmap", "A symbol is called `munmap`."), "munmap"),
    (function("function.unlink", "A symbol is called `unlink`."), "unlink"),
    (function("function.rename", "A symbol is called `rename`."), "rename"),
    (function("function.chmod", "A symbol is called `chmod`."), "chmod"),
    (function("function.chown", "A symbol is called `chown`."), "chown"),
    (function("function.opendir", "A symbol is called `opendir`."), "opendir"),
    (function("function.readdir", "A symbol is called `readdir`."), "readdir"),
    (function("function.stat", "A symbol is called `stat`."), "stat"),
    (function("function.open", "A symbol is called `open`."), "open"),
    (function("function.read", "A symbol is called `read`."), "read"),
    (function("function.write", "A symbol is called `write`."), "write"),
    (function("function.fopen", "A symbol is called `fopen`."), "fopen"),
    (function("function.fread", "A symbol is called `fread`."), "fread"),
    (function("function.fprintf", "A symbol is called `fprintf`."), "fprintf"),
    (function("function.printf", "A symbol is called `printf`."), "printf"),
    (function("function.puts", "A symbol is called `puts`."), "puts"),
    (function("function.malloc", "A symbol is called `malloc`."), "malloc"),
    (function("function.free", "A symbol is called `free`."), "free"),
    (function("function.realloc", "A symbol is called `realloc`."), "realloc"),
    (function("function.memcpy", "A symbol is called `memcpy`."), "memcpy"),
    (function("function.strcpy", "A symbol is called `strcpy`."), "strcpy"),
    (function("function.strcat", "A symbol is called `strcat`."), "strcat"),
    (function("function.strstr", "A symbol is called `strstr`."), "strstr"),
    (function("function.strtok", "A symbol is called `strtok`."), "strtok"),
    (function("function.sprintf", "A symbol is called `sprintf`."), "sprintf"),
    (function("function.snprintf", "A symbol is called `snprintf`."), "snprintf"),
    (function("function.dlopen", "A symbol is called `dlopen`."), "dlopen"),
    (function("function.dlsym", "A symbol is called `dlsym`."), "dlsym"),
    (function("function.pthread_create", "A symbol is called `pthread_create`."), "pthread_create"),
    (function("function.pthread_join", "A symbol is called `pthread_join`."), "pthread_join"),
    (function("function.sleep", "A symbol is called `sleep`."), "sleep"),
    (function("function.usleep", "A symbol is called `usleep`."), "usleep"),
    (function("function.time", "A symbol is called `time`."), "time"),
    (function("function.rand", "A symbol is called `rand`."), "rand"),
    (function("function.srand", "A symbol is called `srand`."), "srand"),
    (function("function.random", "A symbol is called `random`."), "random"),
    (function("function.signal", "A symbol is called `signal`."), "signal"),
    (function("function.sigaction", "A symbol is called `sigaction`."), "sigaction"),
    (function("function.getpid", "A symbol is called `getpid`."), "getpid"),
    (function("function.getppid", "A symbol is called `getppid`."), "getppid"),
    (function("function.getuid", "A symbol is called `getuid`."), "getuid"),
    (function("function.setuid", "A symbol is called `setuid`."), "setuid"),
    (function("function.setgid", "A symbol is called `setgid`."), "setgid"),
    (function("function.geteuid", "A symbol is called `geteuid`."), "geteuid"),
    (function("function.getifaddrs", "A symbol is called `getifaddrs`."), "getifaddrs"),
    (function("function.sysinfo", "A symbol is called `sysinfo`."), "sysinfo"),
    (function("function.uname", "A symbol is called `uname`."), "uname"),
    (function("function.crypt", "A symbol is called `crypt`."), "crypt"),
    (
        function("function.bind_textdomain_codeset", "A symbol is called `bind_textdomain_codeset`."),
        "bind_textdomain_codeset",
    ),
    (function("function.setlocale", "A symbol is called `setlocale`."), "setlocale"),
    (function("function.getopt", "A symbol is called `getopt`."), "getopt"),
    (function("function.getopt_long", "A symbol is called `getopt_long`."), "getopt_long"),
    (function("function.exit", "A symbol is called `exit`."), "exit"),
    (function("function.abort", "A symbol is called `abort`."), "abort"),
    (function("function.atexit", "A symbol is called `atexit`."), "atexit"),
    (function("function.waitpid", "A symbol is called `waitpid`."), "waitpid"),
    (function("function.wait", "A symbol is called `wait`."), "wait"),
    (function("function.dup2", "A symbol is called `dup2`."), "dup2"),
    (function("function.pipe", "A symbol is called `pipe`."), "pipe"),
    (function("function.tcgetattr", "A symbol is called `tcgetattr`."), "tcgetattr"),
    (function("function.openpty", "A symbol is called `openpty`."), "openpty"),
    (function("function.forkpty", "A symbol is called `forkpty`."), "forkpty"),
    (function("function.login_tty", "A symbol is called `login_tty`."), "login_tty"),
    (function("function.init_module", "A symbol is called `init_module`."), "init_module"),
    (function("function.delete_module", "A symbol is called `delete_module`."), "delete_module"),
];

/// Parts of names that bots give to their own functions, each with its measure. In reverse, as words are.
pub(super) static PARTS: &[(Measure, &str)] = &[
    (part("symbol.flood", "Symbols with `…` of this kind in their names."), "doolf"),
    (part("symbol.attack", "Symbols with `…` of this kind in their names."), "kcatta"),
    (part("symbol.scan", "Symbols with `…` of this kind in their names."), "nacs"),
    (part("symbol.killer", "Symbols with `…` of this kind in their names."), "rellik"),
    (part("symbol.bot", "Symbols with `…` of this kind in their names."), "tob"),
    (part("symbol.telnet", "Symbols with `…` of this kind in their names."), "tenlet"),
    (part("symbol.exploit", "Symbols with `…` of this kind in their names."), "tiolpxe"),
    (part("symbol.crypt", "Symbols with `…` of this kind in their names."), "tpyrc"),
    (part("symbol.udp", "Symbols with `…` of this kind in their names."), "pdu"),
    (part("symbol.syn", "Symbols with `…` of this kind in their names."), "nys"),
    (part("symbol.inject", "Symbols with `…` of this kind in their names."), "tcejni"),
    (part("symbol.hide", "Symbols with `…` of this kind in their names."), "edih"),
    (part("symbol.miner", "Symbols with `…` of this kind in their names."), "renim"),
    (part("symbol.table", "Symbols with `…` of this kind in their names."), "_elbat"),
];

const fn function(name: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit: Unit::Flag, meaning, source: "System V ABI, symbol table; C library" }
}

const fn part(name: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit: Unit::Count, meaning, source: "published sources of bots" }
}

static BY_NAME: LazyLock<HashMap<&'static [u8], usize>> =
    LazyLock::new(|| FUNCTIONS.iter().enumerate().map(|(index, (_, name))| (name.as_bytes(), index)).collect());

static FINDERS: LazyLock<Vec<memmem::Finder<'static>>> = LazyLock::new(|| {
    let forward = |part: &str| part.bytes().rev().collect::<Vec<u8>>();
    PARTS.iter().map(|(_, part)| memmem::Finder::new(&forward(part)).into_owned()).collect()
});

/// Builds the searches, if they are not built yet.
pub(super) fn prepare() {
    LazyLock::force(&FINDERS);
}

/// What is counted of symbols.
pub(super) struct Symbols {
    named: usize,
    undefined: usize,
    functions: Vec<bool>,
    parts: Vec<u32>,
    needed: usize,
}

impl Symbols {
    pub(super) fn of(image: &Image<'_>, budget: &mut Budget) -> Result<Symbols, Exhausted> {
        let mut symbols = Symbols {
            named: 0,
            undefined: 0,
            functions: vec![false; FUNCTIONS.len()],
            parts: vec![0; PARTS.len()],
            needed: image.dynamic.needed,
        };
        for table in &image.sections {
            if matches!(table.sh_type, SHT_SYMTAB | SHT_DYNSYM)
                && let Some(strings) = image.sections.get(table.sh_link as usize)
            {
                symbols.read(image, table, strings, budget)?;
            }
        }
        Ok(symbols)
    }

    fn read(
        &mut self,
        image: &Image<'_>,
        table: &SectionHeader,
        strings: &SectionHeader,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let part = |section: &SectionHeader| {
            image.bytes.get(image.part(section.sh_offset, section.sh_size)).unwrap_or_default()
        };
        let (strings, wide) = (part(strings), image.ctx.is_big());
        // Name and section of Elf64_Sym and Elf32_Sym.
        let (entry, section_at) = if wide { (24, 6) } else { (16, 14) };
        let is_little = image.ctx.le.is_little();
        let mut lower = Vec::with_capacity(NAME_MAX);
        for (index, symbol) in part(table).chunks_exact(entry).enumerate() {
            if index % CHUNK == 0 {
                budget.step(CHUNK as u64 / 4)?;
            }
            if self.named >= SYMBOLS_MAX {
                return Ok(());
            }
            let (Some(name), Some(section)) = (symbol.first_chunk::<4>(), symbol.get(section_at..section_at + 2))
            else {
                break;
            };
            let at = if is_little { u32::from_le_bytes(*name) } else { u32::from_be_bytes(*name) };
            let Some(name) = strings.get(at as usize..).filter(|_| at != 0) else { continue };
            let name = name.get(..NAME_MAX).unwrap_or(name);
            let name = name.split(|&byte| byte == 0 || byte == b'@').next().unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            self.named += 1;
            self.undefined += usize::from(section == [0, 0]);
            if let Some(seen) = BY_NAME.get(name).and_then(|&index| self.functions.get_mut(index)) {
                *seen = true;
            }
            lower.clear();
            lower.extend(name.iter().map(u8::to_ascii_lowercase));
            for (finder, count) in FINDERS.iter().zip(&mut self.parts) {
                *count += u32::from(finder.find(&lower).is_some());
            }
        }
        Ok(())
    }

    /// Appends the functions that are named, and how many names have each part.
    pub(super) fn measure(&self, values: &mut Vec<f32>) {
        values.extend(self.functions.iter().map(|&seen| seen.number()));
        values.extend(self.parts.iter().map(|&count| count.number()));
    }
}

measures! {
    /// Symbols as a whole.
    SYMBOLS, fn symbols(all: &Symbols), source: "System V ABI, symbol table and dynamic section" {
        "symbol.named", Count, "Symbols with a name, at most 12,000." => all.named;
        "symbol.undefined", Count, "Symbols that are defined elsewhere." => all.undefined;
        "symbol.libraries", Count, "Libraries that it needs." => all.needed;
    }
}
