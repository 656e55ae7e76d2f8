//! Every indicator of this analyzer.
//!
//! Chosen by measured worth (see the crate's documentation). Signs of age (no RELRO, not position-independent,
//! old compilers, `.gnu_debuglink`) are absent on purpose: they tell old collections of malware from new
//! distributions, not bad from good.
//!
//! The sentences avoid the very words that are searched for, so that a program that holds this catalogue is
//! not taken for what it looks for.

analyzers::indicators! {
    // The header and the tables.
    ODD_IDENT = "elf.header.odd_ident", "The identification bytes name no class, byte order or version that exists, or contradict the header.",
        source: "gABI chapter 4, ELF Identification; Cozzi et al. 2018, Understanding Linux Malware, on anomalous headers", attack: "T1027";
    IDENT_PADDING = "elf.header.ident_padding", "The padding of the identification bytes is not zero, which some file infectors use as their mark.",
        source: "elf(5), EI_PAD";
    HEADER_TRUNCATED = "elf.header.truncated", "The file ends inside its ELF header.",
        source: "gABI chapter 4, ELF Header", attack: "T1027";
    NO_SECTIONS = "elf.sections.absent", "A program or library has no section header table, as after packing, stripping to the bone or making by hand.",
        source: "gABI chapter 4, Sections; Cozzi et al. 2018, Understanding Linux Malware, on ELF manipulation", attack: "T1027.002";
    SECTIONS_OUTSIDE = "elf.sections.outside_file", "The section header table lies outside the file, wholly or in part.",
        source: "gABI chapter 4, Sections; Cozzi et al. 2018, Understanding Linux Malware, on invalid headers", attack: "T1027";
    SECTIONS_FORGED = "elf.sections.contradict_segments", "The section headers say of what is loaded something else than the program headers, which the loader goes by.",
        source: "gABI chapter 5, Program Loading; Linux fs/binfmt_elf.c, which reads no section; the development corpus: none of 3,900 ordinary programs", attack: "T1027";
    SEGMENTS_OUTSIDE = "elf.segments.outside_file", "The program header table lies outside the file, wholly or in part.",
        source: "gABI chapter 5, Program Header", attack: "T1027";
    SEGMENT_PAST_END = "elf.segment.past_end", "A segment to be loaded claims bytes past the end of the file.",
        source: "gABI chapter 5, Program Header; Cozzi et al. 2018, Understanding Linux Malware, on invalid headers", attack: "T1027";
    SEGMENTS_OVERLAP = "elf.segment.overlapping", "Two segments to be loaded overlap in memory by more than a page.",
        source: "gABI chapter 5, Program Loading: segments ascend by address";
    // What kind of program it is.
    STATIC = "elf.file.static", "A program at a fixed address needs no loader and no library, as bots do that must run on any device.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on statically linked samples";
    STATIC_NO_SECTIONS = "elf.file.static_without_sections", "A static program has no section header table either.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on packing", attack: "T1027.002";
    TINY = "elf.file.tiny", "A program is smaller than 1 KiB: room for a stager and little else.",
        source: "Metasploit ELF templates; Elastic protections-artifacts, Metasploit rules", attack: "T1105";
    // Segments, sections and the entry point.
    SEGMENT_WX = "elf.segment.writable_executable", "A segment to be loaded is both writable and executable, on a machine whose tool chains do not ask for that.",
        source: "gABI chapter 5, Segment Permissions", attack: "T1027.002";
    SECTION_WX = "elf.section.writable_executable", "A section with contents is loaded both writable and executable.",
        source: "gABI chapter 4, Section Attribute Flags", attack: "T1027.002";
    EXECUTABLE_STACK = "elf.segment.executable_stack", "The program asks for an executable stack.",
        source: "elf(5), PT_GNU_STACK";
    ODD_INTERPRETER = "elf.segment.odd_interpreter", "The program asks for a loader that is none of the known ones, or names it where nothing can be read.",
        source: "gABI chapter 5, Program Interpreter", attack: "T1574.006";
    SEVERAL_INTERPRETERS = "elf.segment.several_interpreters", "More than one segment names a program loader.",
        source: "gABI chapter 5, Program Header: PT_INTERP may not occur more than once", attack: "T1027";
    ENTRY_OUTSIDE = "elf.entry.outside_code", "The entry point lies in no executable segment.",
        source: "gABI chapter 4, ELF Header, e_entry", attack: "T1027.002";
    ENTRY_IN_LAST = "elf.entry.in_last_segment", "The entry point lies in the last segment to be loaded and not in the first executable one, as after infection.",
        source: "Cesare 1998, Unix ELF parasites and virus", attack: "T1554";
    HUGE_MEMORY = "elf.segment.huge_memory", "A segment takes over 1 MiB of memory and a page of the file at most: room to unpack into.",
        source: "UPX, layout of packed ELF programs", attack: "T1027.002";
    // Packing.
    ENTROPY_CODE = "elf.segment.high_entropy_code", "The executable segments look like noise (over 7.0 bits per byte): packed or encrypted code.",
        source: "Lyda & Hamrock 2007, Using Entropy Analysis to Find Encrypted and Packed Malware", attack: "T1027.002";
    ENTROPY_FILE = "elf.file.high_entropy", "The file as a whole looks like noise (over 7.2 bits per byte).",
        source: "Lyda & Hamrock 2007, Using Entropy Analysis to Find Encrypted and Packed Malware", attack: "T1027.002";
    UPX_MAGIC = "elf.packer.upx_magic", "The mark of the UPX packer stands near the start or the end.",
        source: "UPX, l_info header", attack: "T1027.002";
    UPX_TEXT = "elf.packer.upx_text", "The copyright text of the UPX packer is present.",
        source: "UPX, identification text", attack: "T1027.002";
    UPX_STRIPPED = "elf.packer.upx_like_without_magic", "The file is laid out as by the UPX packer, but its marks are gone, which stops the unpacker and nobody else.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on modified UPX", attack: "T1027.002";
    OVERLAY = "elf.file.overlay", "Bytes follow after everything that the headers speak of.",
        source: "LIEF, ELF overlay", attack: "T1027.009";
    OVERLAY_NOISE = "elf.file.big_noisy_overlay", "More than a fifth of the file follows after everything that the headers speak of, and looks like noise.",
        source: "LIEF, ELF overlay; AT&T Alien Labs 2021, Ezuri memory loader", attack: "T1027.009";
    // Bots.
    BOT_FUNCTION = "elf.symbol.bot_function", "Functions are named as in published bot sources: attack methods, killers of rivals, scanners.",
        source: "Elastic protections-artifacts and signature-base, Linux bot rules", attack: "T1498";
    MIRAI = "elf.string.mirai", "Names and messages of the published Mirai source are present, in plain text or in a table hidden as it hides it.",
        source: "Mirai source as published in 2016, bot/", attack: "T1498", family: "Mirai";
    GAFGYT = "elf.string.gafgyt", "Names and messages of the leaked Gafgyt (LizardStresser) source are present.",
        source: "Gafgyt source as leaked in 2015; Elastic protections-artifacts, Linux_Trojan_Gafgyt", attack: "T1498", family: "Gafgyt";
    TSUNAMI = "elf.string.tsunami", "Help texts of the Kaiten (Tsunami) IRC bot are present.",
        source: "Elastic protections-artifacts, Linux_Trojan_Tsunami", attack: "T1498", family: "Tsunami";
    XORDDOS = "elf.string.xorddos", "The key or the file names of the XorDDoS bot are present.",
        source: "Elastic protections-artifacts, Linux_Trojan_Xorddos; MalwareMustDie 2014", attack: "T1498", family: "XorDDoS";
    BILLGATES = "elf.string.billgates", "Class names or lock files of the BillGates bot are present.",
        source: "Elastic protections-artifacts, Linux_Trojan_BillGates", attack: "T1498", family: "BillGates";
    MOZI = "elf.string.mozi", "File names or settings of the Mozi peer-to-peer bot are present.",
        source: "Elastic protections-artifacts, Linux_Trojan_Mozi", attack: "T1498", family: "Mozi";
    FLOOD = "elf.string.flood_vocabulary", "Words for flooding a victim with packets are present.",
        source: "Elastic protections-artifacts, capa and signature-base, denial-of-service rules", attack: "T1498.001";
    ROUTER_EXPLOIT = "elf.string.router_exploit", "Request paths of known holes in routers, cameras and web frameworks are present.",
        source: "signature-base, Mirai variants; CVE-2014-8361, CVE-2015-2051, CVE-2017-17215, CVE-2018-10561", attack: "T1190";
    DEFAULT_CREDENTIALS = "elf.string.default_credentials", "Factory passwords of cameras and routers are present.",
        source: "Mirai source as published in 2016, bot/scanner.c", attack: "T1110.001";
    BUSYBOX_COMMAND = "elf.string.busybox_command", "A command line for a device's multi-call shell program is present, as sent over telnet.",
        source: "Elastic protections-artifacts, Mirai and Gafgyt rules", attack: "T1059.004";
    TELNET_PROBE = "elf.string.telnet_probe", "Clipped prompts and refusals of telnet logins are present, as a password guesser waits for.",
        source: "Gafgyt source as leaked in 2015, telnet scanner", attack: "T1021";
    HIDDEN_TABLE = "elf.string.hidden_by_xor", "Paths or agents that bots use are present, hidden by XOR with one byte.",
        source: "Mirai source as published in 2016, bot/table.c: every string is XORed with the folded table key", attack: "T1027.013";
    BINARY_LIST = "elf.string.architecture_list", "File names for many processors are listed, as by a dropper that tries each.",
        source: "Mirai source as published in 2016, loader; Cozzi et al. 2018, Understanding Linux Malware", attack: "T1105";
    WATCHDOG = "elf.string.watchdog_device", "The hardware watchdog is named, which bots switch off so that the device does not reboot.",
        source: "Mirai source as published in 2016, bot/main.c", attack: "T1565";
    IRC = "elf.string.irc_verbs", "Formats of several IRC commands are present.",
        source: "signature-base, IRC bot rules", attack: "T1071";
    // Network.
    PROC_NET = "elf.string.proc_net", "The kernel's table of sockets or routes is named.",
        source: "Mirai source as published in 2016, bot/killer.c", attack: "T1049";
    HTTP_REQUEST = "elf.string.http_request", "A whole HTTP request line is present, made by hand rather than by a library.",
        source: "capa rules, communication/http", attack: "T1071.001";
    USER_AGENT = "elf.string.browser_user_agent", "The program can claim to be a web browser.",
        source: "capa rules, communication/http; Gafgyt source as leaked in 2015", attack: "T1071.001";
    PUBLIC_ADDRESS = "elf.string.public_address", "A public IPv4 address stands as a string of its own.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on hard-coded addresses", attack: "T1071";
    OWN_RESOLVER = "elf.string.own_resolver", "A static program reads the list of name servers itself.",
        source: "this project's development corpus", attack: "T1071.004";
    UCLIBC = "elf.string.uclibc", "The program was built with the C library of small devices or a hobby cross compiler, as routers' programs and bots are.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on libraries";
    STATIC_BOT_SHAPE = "elf.file.static_network_client", "A small static program shows several network signs at once.",
        source: "Cozzi et al. 2018, Understanding Linux Malware; this project's development corpus", attack: "T1071";
    // Dropping, hiding, staying.
    DOWNLOAD = "elf.string.download_command", "A command line that downloads a file is present.",
        source: "capa rules, communication; Elastic protections-artifacts", attack: "T1105";
    CHMOD = "elf.string.make_executable", "A command line that makes a file executable or open to all is present.",
        source: "Elastic protections-artifacts", attack: "T1222.002";
    STAGING_COMMAND = "elf.string.staging_command", "A command line that goes to a directory anybody may write to is present.",
        source: "Elastic protections-artifacts, Gafgyt rules", attack: "T1074.001";
    BASE64_PIPE = "elf.string.base64_pipe", "A shell pipe that decodes base64 is present.",
        source: "Elastic protections-artifacts", attack: "T1140";
    TEMP_PATH = "elf.string.hidden_temp_path", "A hidden file in a temporary directory, or a file in shared memory, is named.",
        source: "capa rules; Elastic protections-artifacts", attack: "T1074.001";
    KILL_RIVALS = "elf.string.kill_command", "A command line that kills other programs by force is present.",
        source: "Elastic protections-artifacts, miner rules", attack: "T1489";
    MINER = "elf.string.miner_words", "Protocols, options or pools of coin mining are named.",
        source: "capa rules, impact/cryptocurrency; Elastic protections-artifacts, Linux_Cryptominer", attack: "T1496";
    XMRIG = "elf.string.xmrig", "The XMRig miner names itself several times.",
        source: "XMRig source, command line options; Elastic protections-artifacts, Linux_Cryptominer_Xmrig", attack: "T1496", family: "XMRig";
    PRELOAD_FILE = "elf.string.preload_file", "The file that makes every program load a library is named, by something that is not the system's loader.",
        source: "ld.so(8), FILES", attack: "T1574.006";
    HOOK_EXPORTS = "elf.symbol.hook_exports", "A library stands in for functions of the C library that list files or take passwords: it exports them and looks up the real ones, or names these as published rootkits do.",
        source: "Elastic protections-artifacts, Azazel and Jynx rules; published process hiders", attack: "T1014";
    KERNEL_ROOTKIT = "elf.string.kernel_rootkit", "Words of kernel rootkits are present: the table of system calls, hiding of processes and modules.",
        source: "Elastic protections-artifacts, Diamorphine and Reptile rules", attack: "T1014";
    CRON = "elf.string.cron", "The files or commands of the job scheduler are named.",
        source: "capa rules, persistence; Cozzi et al. 2018, Understanding Linux Malware, on persistence", attack: "T1053.003";
    RC_SCRIPT = "elf.string.rc_script", "Start scripts of the system are named.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on persistence", attack: "T1037.004";
    SYSTEMD_UNIT = "elf.string.systemd_unit", "A unit of the service manager is placed or enabled.",
        source: "Elastic protections-artifacts", attack: "T1543.002";
    FIREWALL = "elf.string.firewall_change", "A command line that opens the firewall or switches off access control is present.",
        source: "Elastic protections-artifacts", attack: "T1562.004";
    HISTORY_OFF = "elf.string.history_off", "A command line that turns off or clears the shell's history is present.",
        source: "Elastic protections-artifacts", attack: "T1070.003";
    LOG_WIPE = "elf.string.log_wipe", "A command line that deletes the system's logs is present.",
        source: "capa rules, anti-analysis/anti-forensic", attack: "T1070.002";
    RANSOM = "elf.string.ransom_words", "Words of ransom notes, hidden-service addresses or commands that stop virtual machines are present.",
        source: "Elastic protections-artifacts, Linux_Ransomware", attack: "T1486";
    CONTAINER_ESCAPE = "elf.string.container_escape", "Command lines that start a privileged container or enter the host from one are present.",
        source: "Elastic protections-artifacts; ATT&CK T1610", attack: "T1610";
    REVERSE_SHELL = "elf.string.reverse_shell", "A command line that ties a shell to a connection is present.",
        source: "Elastic protections-artifacts, reverse shell rules", attack: "T1059.004";
    MEMORY_FILE = "elf.string.memory_file", "The means to run a program that is in no directory are named.",
        source: "capa rules, load-code", attack: "T1620";
    SELF_EXE = "elf.string.own_executable", "The program names its own executable in the process table, to copy or restart itself.",
        source: "capa rules; proc(5)", attack: "T1036";
    // The other side.
    BUSYBOX = "elf.file.multi_call_tools", "The program is the well-known bundle of small tools for devices: its texts, its table of tools and enough code for them, and no sign but its own.",
        source: "BusyBox, libbb/appletlib.c and include/applet_tables.h";
    PROPERTY_NOTE = "elf.note.gnu_property", "The compiler left a property note, as current distributions' builds have.",
        source: "Linux Extensions to gABI, .note.gnu.property";
}
