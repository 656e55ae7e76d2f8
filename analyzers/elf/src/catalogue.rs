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
    IDENT_PADDING = "elf.header.ident_padding", "The padding of the identification bytes is not zero; some file infectors mark files this way.",
        source: "elf(5), EI_PAD";
    HEADER_TRUNCATED = "elf.header.truncated", "The file ends inside its ELF header.",
        source: "gABI chapter 4, ELF Header", attack: "T1027";
    NO_SECTIONS = "elf.sections.absent", "A program or library has no section header table, as after packing, full stripping or manual construction.",
        source: "gABI chapter 4, Sections; Cozzi et al. 2018, Understanding Linux Malware, on ELF manipulation", attack: "T1027.002";
    SECTIONS_OUTSIDE = "elf.sections.outside_file", "The section header table lies outside the file, wholly or in part.",
        source: "gABI chapter 4, Sections; Cozzi et al. 2018, Understanding Linux Malware, on invalid headers", attack: "T1027";
    SECTIONS_FORGED = "elf.sections.contradict_segments", "The section headers contradict the program headers, which the loader uses.",
        source: "gABI chapter 5, Program Loading; Linux fs/binfmt_elf.c, which reads no section; the development corpus: none of 3,900 ordinary programs", attack: "T1027";
    SEGMENTS_OUTSIDE = "elf.segments.outside_file", "The program header table lies outside the file, wholly or in part.",
        source: "gABI chapter 5, Program Header", attack: "T1027";
    SEGMENT_PAST_END = "elf.segment.past_end", "A loaded segment extends past the end of the file.",
        source: "gABI chapter 5, Program Header; Cozzi et al. 2018, Understanding Linux Malware, on invalid headers", attack: "T1027";
    SEGMENTS_OVERLAP = "elf.segment.overlapping", "Two loaded segments overlap in memory by more than a page.",
        source: "gABI chapter 5, Program Loading: segments ascend by address";
    // What kind of program it is.
    STATIC = "elf.file.static", "A statically linked program at a fixed address, like bots that must run on any device.",
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
    EXECUTABLE_STACK = "elf.segment.executable_stack", "The program requests an executable stack.",
        source: "elf(5), PT_GNU_STACK";
    ODD_INTERPRETER = "elf.segment.odd_interpreter", "The program requests an unknown loader, or the name of its loader cannot be read.",
        source: "gABI chapter 5, Program Interpreter", attack: "T1574.006";
    SEVERAL_INTERPRETERS = "elf.segment.several_interpreters", "More than one segment names a program loader.",
        source: "gABI chapter 5, Program Header: PT_INTERP may not occur more than once", attack: "T1027";
    ENTRY_OUTSIDE = "elf.entry.outside_code", "The entry point lies in no executable segment.",
        source: "gABI chapter 4, ELF Header, e_entry", attack: "T1027.002";
    ENTRY_IN_LAST = "elf.entry.in_last_segment", "The entry point is in the last loaded segment instead of the first executable one, as after an infection.",
        source: "Cesare 1998, Unix ELF parasites and virus", attack: "T1554";
    HUGE_MEMORY = "elf.segment.huge_memory", "A segment has over 1 MiB of memory but at most a page of the file: space for unpacking.",
        source: "UPX, layout of packed ELF programs", attack: "T1027.002";
    // Packing.
    ENTROPY_CODE = "elf.segment.high_entropy_code", "The executable segments look like noise (over 7.0 bits per byte): packed or encrypted code.",
        source: "Lyda & Hamrock 2007, Using Entropy Analysis to Find Encrypted and Packed Malware", attack: "T1027.002";
    ENTROPY_FILE = "elf.file.high_entropy", "The file as a whole looks like noise (over 7.2 bits per byte).",
        source: "Lyda & Hamrock 2007, Using Entropy Analysis to Find Encrypted and Packed Malware", attack: "T1027.002";
    UPX_MAGIC = "elf.packer.upx_magic", "The magic bytes of the UPX packer are near the start or the end.",
        source: "UPX, l_info header", attack: "T1027.002";
    UPX_TEXT = "elf.packer.upx_text", "The copyright text of the UPX packer is present.",
        source: "UPX, identification text", attack: "T1027.002";
    UPX_STRIPPED = "elf.packer.upx_like_without_magic", "The file has the layout of the UPX packer, but its magic bytes were removed, which prevents unpacking with UPX.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on modified UPX", attack: "T1027.002";
    OVERLAY = "elf.file.overlay", "There are bytes after everything that the headers describe.",
        source: "LIEF, ELF overlay", attack: "T1027.009";
    OVERLAY_NOISE = "elf.file.big_noisy_overlay", "More than a fifth of the file is after everything that the headers describe, and looks like noise.",
        source: "LIEF, ELF overlay; AT&T Alien Labs 2021, Ezuri memory loader", attack: "T1027.009";
    // Bots.
    BOT_FUNCTION = "elf.symbol.bot_function", "Functions are named as in published bot sources: attack methods, killers of rivals, scanners.",
        source: "Elastic protections-artifacts and signature-base, Linux bot rules", attack: "T1498";
    MIRAI = "elf.string.mirai", "Names and messages of the published Mirai source are present, in plain text or in its XOR-encoded table.",
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
    TELNET_PROBE = "elf.string.telnet_probe", "Fragments of telnet login prompts and errors are present, as password guessers expect them.",
        source: "Gafgyt source as leaked in 2015, telnet scanner", attack: "T1021";
    HIDDEN_TABLE = "elf.string.hidden_by_xor", "Paths or agents that bots use are present, hidden by XOR with one byte.",
        source: "Mirai source as published in 2016, bot/table.c: every string is XORed with the folded table key", attack: "T1027.013";
    BINARY_LIST = "elf.string.architecture_list", "File names for many processors are listed, as by a dropper that tries each.",
        source: "Mirai source as published in 2016, loader; Cozzi et al. 2018, Understanding Linux Malware", attack: "T1105";
    WATCHDOG = "elf.string.watchdog_device", "The hardware watchdog is named; bots disable it so that the device does not reboot.",
        source: "Mirai source as published in 2016, bot/main.c", attack: "T1565";
    IRC = "elf.string.irc_verbs", "Formats of several IRC commands are present.",
        source: "signature-base, IRC bot rules", attack: "T1071";
    // Network.
    PROC_NET = "elf.string.proc_net", "The kernel's table of sockets or routes is named.",
        source: "Mirai source as published in 2016, bot/killer.c", attack: "T1049";
    HTTP_REQUEST = "elf.string.http_request", "A complete HTTP request line is present, composed without a library.",
        source: "capa rules, communication/http", attack: "T1071.001";
    USER_AGENT = "elf.string.browser_user_agent", "The program can claim to be a web browser.",
        source: "capa rules, communication/http; Gafgyt source as leaked in 2015", attack: "T1071.001";
    PUBLIC_ADDRESS = "elf.string.public_address", "A string is a public IPv4 address.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on hard-coded addresses", attack: "T1071";
    OWN_RESOLVER = "elf.string.own_resolver", "A static program reads the list of name servers itself.",
        source: "this project's development corpus", attack: "T1071.004";
    UCLIBC = "elf.string.uclibc", "The program was built with uClibc or a cross compiler for small devices, like programs of routers and bots.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on libraries";
    STATIC_BOT_SHAPE = "elf.file.static_network_client", "A small static program shows several network signs at once.",
        source: "Cozzi et al. 2018, Understanding Linux Malware; this project's development corpus", attack: "T1071";
    // Dropping, hiding, staying.
    DOWNLOAD = "elf.string.download_command", "A command line that downloads a file is present.",
        source: "capa rules, communication; Elastic protections-artifacts", attack: "T1105";
    CHMOD = "elf.string.make_executable", "A command line that makes a file executable or open to all is present.",
        source: "Elastic protections-artifacts", attack: "T1222.002";
    STAGING_COMMAND = "elf.string.staging_command", "A command line that changes to a world-writable directory is present.",
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
    PRELOAD_FILE = "elf.string.preload_file", "The file that makes every program load a library (/etc/ld.so.preload) is named by a file other than the system's loader.",
        source: "ld.so(8), FILES", attack: "T1574.006";
    HOOK_EXPORTS = "elf.symbol.hook_exports", "A library hooks functions of the C library that list files or check passwords: it exports them and looks up the originals, or has the names used by published rootkits.",
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
    REVERSE_SHELL = "elf.string.reverse_shell", "A command line that connects a shell to a network connection (reverse shell) is present.",
        source: "Elastic protections-artifacts, reverse shell rules", attack: "T1059.004";
    MEMORY_FILE = "elf.string.memory_file", "Means to run a program from memory are named.",
        source: "capa rules, load-code", attack: "T1620";
    SELF_EXE = "elf.string.own_executable", "The program names its own executable in the process table, to copy or restart itself.",
        source: "capa rules; proc(5)", attack: "T1036";
    // The other side.
    BUSYBOX = "elf.file.multi_call_tools", "The program is BusyBox: it has its texts, its table of tools and enough code for them, and no other signs.",
        source: "BusyBox, libbb/appletlib.c and include/applet_tables.h";
    PROPERTY_NOTE = "elf.note.gnu_property", "The compiler left a GNU property note, as in builds of current distributions.",
        source: "Linux Extensions to gABI, .note.gnu.property";
}
