//! Every indicator of PE images: what it means and where it is from.
//!
//! In the order in which a reader of the file comes upon them: headers, sections, entry point, tables, text,
//! the file as a whole, and last what speaks for a file. Rates of each on the development corpus stand beside
//! the weights, not here.

analyzers::indicators! {
    ANOMALY = "pe.header.anomaly", "The headers or tables contain values that no linker writes.",
        source: "pefile, PE.get_warnings; PE/COFF specification", attack: "T1027";
    MANY_ANOMALIES = "pe.header.many_anomalies", "The headers and tables hold at least three different things that no linker writes.",
        source: "pefile, PE.get_warnings", attack: "T1027";
    UNREADABLE = "pe.header.unreadable", "The headers are cut or contradict themselves so early that sections cannot be read.",
        source: "PE/COFF specification, COFF File Header", attack: "T1027";
    REFUSED = "pe.header.refused", "A strict parser refuses the headers, the Rich header among them.",
        source: "goblin, pe::header::Header::parse", attack: "T1027";
    ODD_DOS_STUB = "pe.header.odd_dos_stub", "The usual text of the MS-DOS stub is missing.",
        source: "PE/COFF specification, MS-DOS Stub (Image Only)", attack: "T1027.002";
    ODD_TIMESTAMP = "pe.header.odd_timestamp", "The time stamp is before 1995 or all ones, and no debug directory could say that it is a hash.",
        source: "PE/COFF specification, COFF File Header; EMBER, HeaderFileInfo", attack: "T1070.006";
    NO_NX = "pe.header.no_nx", "The image does not agree to non-executable memory.",
        source: "PE/COFF specification, DLL Characteristics; Manalyze, plugin mitigation";
    NO_ASLR = "pe.header.no_aslr", "The image requires a fixed address (no ASLR).",
        source: "PE/COFF specification, DLL Characteristics; Manalyze, plugin mitigation";
    RELOCATIONS_STRIPPED = "pe.header.relocations_stripped", "Base relocations were stripped, so the image can be loaded only at its preferred address.",
        source: "PE/COFF specification, COFF File Header, Characteristics";

    WRITABLE_EXECUTABLE = "pe.section.writable_executable", "A section is both writable and executable, which unpackers need and compilers never use.",
        source: "PE/COFF specification, Section Flags; EMBER, SectionInfo", attack: "T1027.002";
    PACKER_NAME = "pe.section.packer_name", "A section has the name that a known packer or protector gives.",
        source: "Manalyze, plugin packer; Detect It Easy", attack: "T1027.002";
    ODD_NAME = "pe.section.odd_name", "A section has a name that no common tool chain gives.",
        source: "EMBER, SectionInfo; Manalyze, plugin packer", attack: "T1027.002";
    DUPLICATE_NAME = "pe.section.duplicate_name", "Two sections have the same name.",
        source: "PE/COFF specification, Section Table; EMBER, SectionInfo", attack: "T1027.002";
    EMPTY_NAME = "pe.section.empty_name", "A section has no name.",
        source: "PE/COFF specification, Section Table", attack: "T1027.002";
    HIGH_ENTROPY_CODE = "pe.section.high_entropy_code", "An executable section has more than 7.0 bits of entropy per byte, as compressed or encrypted code has.",
        source: "Lyda and Hamrock 2007, Using Entropy Analysis to Find Encrypted and Packed Malware", attack: "T1027.002";
    HIGH_ENTROPY_DATA = "pe.section.high_entropy_data", "A data section has more than 7.2 bits of entropy per byte.",
        source: "Lyda and Hamrock 2007; EMBER, SectionInfo", attack: "T1027.013";
    HIGH_ENTROPY_RESOURCES = "pe.section.high_entropy_resources", "The resource section has more than 7.2 bits of entropy per byte.",
        source: "Manalyze, plugin resources", attack: "T1027.009";
    HIGH_ENTROPY_OTHER = "pe.section.high_entropy", "Another section of more than 4 KiB has more than 7.2 bits of entropy per byte.",
        source: "Lyda and Hamrock 2007; EMBER, SectionInfo", attack: "T1027";
    UNPACK_TARGET = "pe.section.unpack_target", "An executable section has no bytes in the file but room in memory, where an unpacker writes.",
        source: "pefile, peutils.is_probably_packed; EMBER, SectionInfo", attack: "T1027.002";
    VIRTUAL_EXCEEDS_RAW = "pe.section.virtual_exceeds_raw", "A section is more than ten times larger in memory than in the file.",
        source: "EMBER, SectionInfo", attack: "T1027.002";
    PAST_END = "pe.section.past_end", "A section claims bytes past the end of the file.",
        source: "PE/COFF specification, Section Table; pefile, PE.get_warnings";
    FEW_SECTIONS = "pe.section.few", "There are at most two sections.",
        source: "EMBER, SectionInfo", attack: "T1027.002";

    ENTRY_WRITABLE = "pe.entry.writable_section", "Execution starts in a writable section.",
        source: "pefile, peutils; Manalyze, plugin packer", attack: "T1027.002";
    ENTRY_LAST = "pe.entry.last_section", "Execution starts in the last section, where file infectors append themselves.",
        source: "EMBER, SectionInfo (entry)", attack: "T1027.002";
    ENTRY_OUTSIDE = "pe.entry.outside_sections", "Execution starts outside every section.",
        source: "pefile, PE.get_warnings", attack: "T1027.002";
    ENTRY_ODD = "pe.entry.odd_section", "Execution starts in a section whose name is not one that compilers give to code.",
        source: "Manalyze, plugin packer; EMBER, SectionInfo (entry)", attack: "T1027.002";

    INJECTION_SET = "pe.import.injection_set", "The functions for writing code into another process and running it are imported together.",
        source: "capa, host-interaction/process/inject; Manalyze, plugin imports", attack: "T1055";
    DOWNLOADER = "pe.import.downloader", "Functions that fetch a URL are imported.",
        source: "capa, communication/http/client; Manalyze, plugin imports", attack: "T1105";
    DOWNLOAD_AND_EXECUTE = "pe.import.download_and_execute", "Functions that fetch a URL and functions that start programs are imported.",
        source: "capa, communication/http/client and host-interaction/process/create", attack: "T1105";
    STARTS_PROGRAMS = "pe.import.starts_programs", "Functions that start other programs are imported.",
        source: "capa, host-interaction/process/create; Manalyze, plugin imports", attack: "T1106";
    CREATES_SERVICE = "pe.import.creates_service", "A function that installs a service or driver is imported.",
        source: "capa, persistence/service; Manalyze, plugin imports", attack: "T1543.003";
    WALKS_PROCESSES = "pe.import.walks_processes", "The functions that list running processes are imported.",
        source: "capa, host-interaction/process/list", attack: "T1057";
    KEYBOARD = "pe.import.keyboard_capture", "Functions that watch the keyboard are imported.",
        source: "capa, collection/keylog; Manalyze, plugin imports", attack: "T1056.001";
    SCREEN = "pe.import.screen_capture", "The functions that copy the screen are imported.",
        source: "capa, collection/screenshot", attack: "T1113";
    REGISTRY_WRITE = "pe.import.registry_write", "Functions that write the registry are imported.",
        source: "Manalyze, plugin imports", attack: "T1112";
    ANTI_DEBUGGING = "pe.import.anti_debugging", "Functions that notice or shake off a debugger are imported.",
        source: "capa, anti-analysis/anti-debugging; Manalyze, plugin imports", attack: "T1622";
    TOKEN_PRIVILEGES = "pe.import.token_privileges", "The functions that give a process more privileges are imported.",
        source: "capa, host-interaction/process/modify", attack: "T1134";
    LEGACY_CRYPTO = "pe.import.legacy_crypto", "Functions of the old cryptographic interface that make keys or encrypt are imported.",
        source: "capa, data-manipulation/encryption", attack: "T1486";
    SOCKETS = "pe.import.sockets", "Sockets are imported and not used through a higher library.",
        source: "capa, communication/socket", attack: "T1095";
    SHARES = "pe.import.share_enumeration", "Functions that list or connect network shares are imported.",
        source: "Manalyze, plugin imports", attack: "T1135";
    RESOURCE_DROPPER = "pe.import.resource_dropper", "The functions that take a resource out of the image and write it to a file are imported.",
        source: "capa, executable/resource; Manalyze, plugin imports", attack: "T1027.009";
    TEMP_PATH = "pe.import.temp_path", "The function that names the temporary directory is imported.",
        source: "Manalyze, plugin imports", attack: "T1074.001";
    DYNAMIC_RESOLUTION = "pe.import.dynamic_resolution", "The functions that find other functions at run time are imported.",
        source: "capa, linking/runtime-linking", attack: "T1106";
    LOADER_ONLY = "pe.import.loader_only", "At most twenty functions are imported, among them the one that finds others at run time.",
        source: "Manalyze, plugin imports", attack: "T1027.007";
    FEW_IMPORTS = "pe.import.few", "At most twelve functions are imported.",
        source: "Manalyze, plugin imports; EMBER, ImportsInfo", attack: "T1027.002";
    NO_IMPORTS = "pe.import.none", "Nothing is imported though there is code.",
        source: "EMBER, ImportsInfo", attack: "T1027.007";
    VISUAL_BASIC = "pe.import.visual_basic", "The run time of Visual Basic 5 or 6 is imported.",
        source: "Detect It Easy";
    INTERPRETER = "pe.import.interpreter", "The import table is that of an interpreter of scripts, or of the program that installers run: what any script may use, so other imports are not told.",
        source: "AutoIt; AutoHotkey; Inno Setup";
    EXPORTS_NOTHING = "pe.export.none_in_library", "A library exports nothing.",
        source: "EMBER, ExportsInfo", attack: "T1574.002";
    PROGRAM_EXPORTS = "pe.export.in_program", "A program that is no library exports functions.",
        source: "EMBER, ExportsInfo";

    REQUIRES_ADMINISTRATOR = "pe.resource.requires_administrator", "The manifest requests administrator rights.",
        source: "Manalyze, plugin resources", attack: "T1548.002";
    EMBEDDED_IMAGE = "pe.content.embedded_image", "Another PE image lies inside the file.",
        source: "capa, executable/subfile/pe; EMBER, StringExtractor (MZ)", attack: "T1027.009";
    XORED_IMAGE = "pe.content.xored_image", "A PE image lies inside the file, hidden by XOR with one byte.",
        source: "capa, executable/subfile/pe and data-manipulation/encoding/xor", attack: "T1027.009";
    ARCHIVE = "pe.content.archive", "An archive lies inside the file, as in installers and self-extracting archives.",
        source: "Detect It Easy; NSIS, Source/exehead/fileform.h; Inno Setup, Shared.Struct.pas; PyInstaller, CArchive", attack: "T1027.009";
    LOCKED_ARCHIVE = "pe.content.locked_archive", "An encrypted archive is among the resources, so that the program has its password.",
        source: "PKWARE APPNOTE 4.4.4", attack: "T1027.013";
    CLAIMS_MICROSOFT = "pe.resource.claims_microsoft", "The version names Microsoft, but there is neither a signature nor a debug directory.",
        source: "Manalyze, plugin authenticode", attack: "T1036.005";
    ANONYMOUS = "pe.file.anonymous", "A program has neither version nor debug directory nor signature.",
        source: "EMBER, GeneralFileInfo", attack: "T1036";

    INJECTION_APIS = "pe.string.injection_apis", "Functions that reach into other processes are named outside the import table, to be found at run time.",
        source: "capa, linking/runtime-linking and host-interaction/process/inject", attack: "T1027.007";
    USER_AGENT = "pe.string.user_agent", "The program passes for a browser.",
        source: "capa, communication/http (reference HTTP User-Agent string)", attack: "T1071.001";
    RUN_KEY = "pe.string.run_key", "The registry key of programs that start with Windows is named.",
        source: "capa, persistence/registry/run", attack: "T1547.001";
    RUN_KEY_WRITTEN = "pe.file.run_key_written", "The registry key of programs that start with Windows is named, and functions that write the registry are imported.",
        source: "capa, persistence/registry/run", attack: "T1547.001";
    SHELL_COMMAND = "pe.string.shell_command", "A command line is handed to the command interpreter.",
        source: "capa, host-interaction/process/create", attack: "T1059.003";
    POWERSHELL = "pe.string.powershell", "PowerShell is named.",
        source: "EMBER, StringExtractor", attack: "T1059.001";
    POWERSHELL_HIDDEN = "pe.string.powershell_hidden", "PowerShell is told to run hidden, encoded or without its policy.",
        source: "MITRE ATT&CK, T1059.001 (Detection)", attack: "T1059.001";
    SHADOW_COPIES = "pe.string.shadow_copies", "The tools that delete shadow copies and backups or change how Windows recovers are named.",
        source: "capa, impact/inhibit-system-recovery", attack: "T1490";
    SELF_DELETE = "pe.string.self_delete", "A command line that deletes the program after it ended is there.",
        source: "capa, anti-analysis/anti-forensic/self-deletion", attack: "T1070.004";
    DEFENCE_SWITCHES = "pe.string.defence_switches", "Switches that turn protection off, or commands that end it, are named.",
        source: "MITRE ATT&CK, T1562.001 (Procedure Examples)", attack: "T1562.001";
    FIREWALL = "pe.string.firewall", "Commands or keys that change the firewall are named.",
        source: "MITRE ATT&CK, T1562.004 (Procedure Examples)", attack: "T1562.004";
    SECURITY_PRODUCTS = "pe.string.security_products", "Two or more security products are named by their processes.",
        source: "capa, anti-analysis/anti-av", attack: "T1518.001";
    ANALYSIS_TOOLS = "pe.string.analysis_tools", "Tools of analysts are named.",
        source: "capa, anti-analysis", attack: "T1622";
    VIRTUAL_MACHINES = "pe.string.virtual_machines", "Parts of virtual machines or sandboxes are named.",
        source: "capa, anti-analysis/anti-vm/vm-detection", attack: "T1497.001";
    BROWSER_CREDENTIALS = "pe.string.browser_credentials", "Files in which browsers keep passwords are named.",
        source: "capa, collection/browser", attack: "T1555.003";
    WALLETS = "pe.string.wallets", "Files in which cryptocurrency wallets keep keys are named.",
        source: "MITRE ATT&CK, T1005 (Procedure Examples)", attack: "T1005";
    ONION = "pe.string.onion", "A hidden service or the Tor project is addressed.",
        source: "RFC 7686; MITRE ATT&CK, T1090.003", attack: "T1090.003";
    RANSOM_NOTE = "pe.string.ransom_note", "The text speaks of encrypted files and how to get them back.",
        source: "MITRE ATT&CK, T1486 (Procedure Examples)", attack: "T1486";
    RAW_ADDRESS = "pe.string.raw_address", "A URL has an address for a host, and not a loopback one.",
        source: "EMBER, StringExtractor (URLs)", attack: "T1071.001";
    PUBLIC_ADDRESS = "pe.string.public_address", "A service that tells the caller's public address is named.",
        source: "capa, collection/network (capture public ip)", attack: "T1016";
    IRC = "pe.string.irc", "Two or more commands of Internet Relay Chat are there.",
        source: "RFC 1459, sections 4.1 to 4.4", attack: "T1071";
    PHP_GATE = "pe.string.php_gate", "A PHP page is addressed as those that collect what bots send are.",
        source: "MITRE ATT&CK, T1071.001 (Procedure Examples)", attack: "T1071.001";
    BASE64_PE = "pe.string.encoded_image", "The first bytes of a PE image are there as text, in base 64 or hexadecimal.",
        source: "PE/COFF specification, MS-DOS Stub (Image Only), encoded", attack: "T1027.013";
    REFLECTIVE_LOADER = "pe.string.reflective_loader", "A function that loads its own image from memory is named.",
        source: "Fewer, ReflectiveDLLInjection; capa, load-code/pe", attack: "T1620";
    CREDENTIAL_DUMPING = "pe.string.credential_dumping", "Words of tools that take passwords out of memory are there.",
        source: "Delpy, mimikatz; MITRE ATT&CK, T1003.001", attack: "T1003.001";
    KEY_LABELS = "pe.string.key_labels", "Two or more labels for keys are there, as a log of keys pressed has them.",
        source: "capa, collection/keylog", attack: "T1056.001";
    DOTNET_PROTECTOR = "pe.string.dotnet_protector", "A protector of .NET programs left its name.",
        source: "Detect It Easy", attack: "T1027.002";
    DOTNET_DOWNLOAD = "pe.string.dotnet_download", "A .NET program names methods that download and the class that starts programs.",
        source: "capa, communication/http/client and host-interaction/process/create (.NET)", attack: "T1105";
    DOTNET_OBFUSCATOR = "pe.dotnet.obfuscator", "The metadata of a .NET program names what an obfuscator adds.",
        source: "ECMA-335, II.22; de4dot; Detect It Easy", attack: "T1027.002";
    DOTNET_UNTYPABLE = "pe.dotnet.untypable_names", "A quarter of a .NET program's types have names that nobody can type.",
        source: "ECMA-335, II.22.37; de4dot", attack: "T1027.002";
    DOTNET_LOADS_IMAGE = "pe.dotnet.loads_image", "A .NET program loads a program from an array of bytes.",
        source: "capa, load-code/dotnet", attack: "T1620";
    DOTNET_REVEALS_IMAGE = "pe.dotnet.reveals_image", "A .NET program unpacks or decrypts, and loads a program from an array of bytes.",
        source: "capa, load-code/dotnet and data-manipulation", attack: "T1620";
    DOTNET_DOWNLOAD_AND_EXECUTE = "pe.dotnet.download_and_execute", "A .NET program calls methods that download and the one that starts programs.",
        source: "capa, communication/http/client and host-interaction/process/create (.NET)", attack: "T1105";
    DOTNET_UNPROTECTS = "pe.dotnet.unprotects_data", "A .NET program decrypts what Windows keeps for the user, as browsers' passwords are.",
        source: "capa, data-manipulation/encryption/dpapi", attack: "T1555";
    AUTOIT = "pe.string.autoit", "A compiled AutoIt script is inside.",
        source: "Detect It Easy", attack: "T1059.010";
    SCHEDULED_TASK = "pe.string.scheduled_task", "The command that schedules tasks is named.",
        source: "capa, persistence/scheduled-tasks", attack: "T1053.005";
    STARTUP = "pe.string.startup_places", "The startup folder, Winlogon or Image File Execution Options are named.",
        source: "capa, persistence/startup-folder and persistence/registry", attack: "T1547";
    AUTORUN_INF = "pe.string.autorun_inf", "The file by which removable drives start programs is named.",
        source: "MITRE ATT&CK, T1091 (Procedure Examples)", attack: "T1091";
    WEBHOOK = "pe.string.web_service", "A chat or paste service is addressed as programs do that take orders or deliver loot there.",
        source: "MITRE ATT&CK, T1102 (Procedure Examples)", attack: "T1102";
    MINING = "pe.string.mining", "The protocol of mining pools is named.",
        source: "capa, impact/cryptocurrency", attack: "T1496";

    GO = "pe.string.go_program", "It was built by Go.",
        source: "Go, cmd/link/internal/ld and debug/buildinfo";
    RUST = "pe.string.rust_program", "It was built by Rust: its messages name files of the standard library.",
        source: "Rust, core::panic::Location";

    OVERLAY = "pe.overlay.present", "Bytes follow the last section that are no signature.",
        source: "Manalyze, plugin overlay", attack: "T1027.009";
    BIG_OVERLAY = "pe.overlay.big", "More than 30 % of the file follow the last section.",
        source: "Manalyze, plugin overlay", attack: "T1027.009";
    HIGH_ENTROPY_OVERLAY = "pe.overlay.high_entropy", "What follows the last section has more than 7.2 bits of entropy per byte.",
        source: "Manalyze, plugin overlay; Lyda and Hamrock 2007", attack: "T1027.013";
    HIGH_ENTROPY_FILE = "pe.file.high_entropy", "The file as a whole has more than 7.2 bits of entropy per byte.",
        source: "EMBER, ByteHistogram; Lyda and Hamrock 2007", attack: "T1027.002";

    SIGNATURE_OF_OTHER = "pe.signature.of_other", "The digest in the Authenticode signature does not match the file: the file was changed after signing, or the signature is from another file.",
        source: "Microsoft, Windows Authenticode Portable Executable Signature Format; Manalyze, plugin authenticode", attack: "T1553.002";
    SIGNATURE = "pe.signature.present", "There is an Authenticode signature; who made it is not checked.",
        source: "PE/COFF specification, The Attribute Certificate Table (Image Only)", attack: "T1553.002";
    CONTROL_FLOW_GUARD = "pe.header.control_flow_guard", "The image was linked with Control Flow Guard.",
        source: "PE/COFF specification, DLL Characteristics";
    HIGH_ENTROPY_VA = "pe.header.high_entropy_va", "The image takes 64-bit address space randomisation.",
        source: "PE/COFF specification, DLL Characteristics";
    VERSION = "pe.resource.version", "There is a version resource.",
        source: "PE/COFF specification, The .rsrc Section";
    DEBUG_DIRECTORY = "pe.header.debug_directory", "There is a debug directory, as a build from a project leaves it.",
        source: "PE/COFF specification, Debug Directory (Image Only)";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_different_and_meanings_are_sentences() {
        let mut ids: Vec<&str> = ALL.iter().map(|indicator| indicator.id.as_str()).collect();
        assert!(ids.len() >= 60);
        assert!(ids.iter().all(|id| id.starts_with("pe.") && id.split('.').count() == 3));
        ids.sort_unstable();
        assert!(ids.is_sorted_by(|a, b| a < b), "an id is there twice");
        assert!(ALL.iter().all(|indicator| indicator.meaning.ends_with('.') && !indicator.source.is_empty()));
    }
}
