//! Indicators of macro source: triggers, writes, execution, evasion.
//!
//! Words in comments do not count. The three classes of mraptor (starts by itself, writes, executes) stand beside
//! narrower signs, because honest tools show two of the three as often as not.

analyzers::indicators! {
    AUTOSTART_DOCUMENT = "office.source.autostart_document", "A procedure runs when a Word document is opened, closed or made.",
        source: "mraptor class A; Word object model, document and application events", attack: "T1204.002";
    AUTOSTART_WORKBOOK = "office.source.autostart_workbook", "A procedure runs when a workbook or presentation is opened or closed.",
        source: "mraptor class A; Excel object model, workbook events", attack: "T1204.002";
    AUTOSTART_CONTROL = "office.source.autostart_control", "A procedure runs without a click, when a control is drawn or the mouse is near it.",
        source: "olevba, ActiveX triggers", attack: "T1204.002";
    WRITES = "office.source.writes", "The code writes files, memory or settings.",
        source: "mraptor class W", attack: "T1105";
    EXECUTES = "office.source.executes", "The code reaches outside of the host: programs, objects, libraries.",
        source: "mraptor class X", attack: "T1059.005";
    AUTOSTART_PAYLOAD = "office.source.autostart_payload", "What starts by itself also writes or executes.",
        source: "mraptor: A and (W or X)", attack: "T1204.002";

    SHELL_CALL = "office.source.shell_call", "The code calls Shell.",
        source: "olevba, keyword Shell; MS-VBAL 6.1.2.8.1.15", attack: "T1059";
    SHELL_COMMAND = "office.source.shell_command", "A string names a command of the system that droppers use: cmd, mshta, regsvr32, certutil.",
        source: "OFF-14; LOLBAS project", attack: "T1218";
    POWERSHELL = "office.source.powershell", "A string names PowerShell or one of its ways to fetch and run code.",
        source: "olevba, PowerShell keywords", attack: "T1059.001";
    SCRIPTING_SHELL = "office.source.scripting_shell", "The code uses the scripting shell, which runs programs and edits the registry.",
        source: "olevba, WScript.Shell and Shell.Application", attack: "T1059.005";
    SCRIPT_ENGINE = "office.source.script_engine", "The code creates a script engine or a scriptlet.",
        source: "OFF-14; LOLBAS project, scriptlets", attack: "T1059.005";
    PROCESS_BY_WMI = "office.source.process_by_wmi", "The code uses WMI, which starts processes that are not children of the document.",
        source: "OFF-23; olevba", attack: "T1047";
    SCHEDULES_TASK = "office.source.schedules_task", "The code schedules a task, or installs something that starts when the user logs on.",
        source: "ATT&CK, scheduled tasks and startup folders", attack: "T1053.005";
    CREATES_OBJECT = "office.source.creates_object", "The code makes a COM object by name.",
        source: "OFF-18; olevba", attack: "T1559.001";
    GETS_OBJECT = "office.source.gets_object", "The code binds to a running object or a moniker.",
        source: "olevba, GetObject", attack: "T1559.001";
    CALLS_BY_NAME = "office.source.calls_by_name", "A method is called by a name that is computed.",
        source: "olevba, CallByName", attack: "T1027";
    SENDS_KEYS = "office.source.sends_keys", "The code types for the user.",
        source: "olevba, SendKeys", attack: "T1059";
    MAC_COMMAND = "office.source.mac_command", "The code runs commands on a Mac.",
        source: "olevba, MacScript and popen", attack: "T1059.002";
    EXCEL4 = "office.source.excel4", "VBA runs an Excel 4 macro.",
        source: "olevba, ExecuteExcel4Macro", attack: "T1059";

    DOWNLOADS = "office.source.downloads", "The code fetches from the network.",
        source: "olevba, URLDownloadToFile and XMLHTTP", attack: "T1105";
    BINARY_STREAM = "office.source.binary_stream", "The code uses a stream object to save bytes.",
        source: "olevba, ADODB.Stream and SaveToFile", attack: "T1105";
    BINARY_FILE = "office.source.binary_file", "The code opens a file as bytes.",
        source: "olevba, Open for Binary", attack: "T1105";
    WRITES_TEXT_FILE = "office.source.writes_text_file", "The code makes a text file through the file system object.",
        source: "olevba, CreateTextFile", attack: "T1105";
    ENVIRONMENT = "office.source.environment", "The code reads the environment.",
        source: "olevba, Environ", attack: "T1082";
    TEMPORARY_PATH = "office.source.temporary_path", "The code names a place where anybody may write: TEMP, APPDATA, the public folder.",
        source: "OFF-22", attack: "T1074.001";
    REGISTRY = "office.source.registry", "The code reads or writes the registry by its full names.",
        source: "olevba, RegRead", attack: "T1112";

    DECLARES_LIBRARY = "office.source.declares_library", "The code declares a function of a library.",
        source: "OFF-19; MS-VBAL 5.2.3.5", attack: "T1106";
    EXECUTABLE_MEMORY = "office.source.executable_memory", "The code names functions that make memory executable or start threads: what shellcode needs.",
        source: "olevba, VirtualAlloc and CreateThread class", attack: "T1055";
    COPIES_MEMORY = "office.source.copies_memory", "The code copies memory by address.",
        source: "olevba, RtlMoveMemory", attack: "T1106";
    INFECTS = "office.source.infects", "The code edits code: of its project, of the template, of other documents.",
        source: "OFF-21; olevba, self-modification", attack: "T1137.001";
    REPLICATES = "office.source.replicates", "The code writes code into the template that all documents are made of, the startup folder, or documents that it saves.",
        source: "Word and Excel macro viruses: W97M, XM; olevba, self-modification", attack: "T1137.001";
    DISABLES_SECURITY = "office.source.disables_security", "The code turns protection against macros off.",
        source: "olevba, AccessVBOM and ProtectedView", attack: "T1562.001";
    HIDES = "office.source.hides", "The code hides the application or the windows it starts.",
        source: "olevba, Application.Visible and vbHide", attack: "T1564.003";
    DETECTS_SANDBOX = "office.source.detects_sandbox", "The code looks for virtual machines, sandboxes or analysts.",
        source: "olevba, virtualization and sandbox keywords", attack: "T1497";
    PAYLOAD_IN_DOCUMENT = "office.source.payload_in_document", "The code reads text stored in inconspicuous places: tips and tags of controls, document properties.",
        source: "OFF-47; olevba, form strings", attack: "T1027.013";

    SPLIT_WORD = "office.source.split_word", "A word of these lists shows only when pieces of strings are put together.",
        source: "olevba, deobfuscation; constant folding of strings", attack: "T1027.010";
    CHARACTER_CODES = "office.source.character_codes", "Ten or more characters are given as numbers.",
        source: "OFF-15; Kim 2018", attack: "T1027.010";
    CHARACTER_ARITHMETIC = "office.source.character_arithmetic", "Characters are computed from numbers.",
        source: "olevba, Chr deobfuscation", attack: "T1027.010";
    CONCATENATIONS = "office.source.concatenations", "A hundred or more times two literal strings are put together.",
        source: "this study, t_concat", attack: "T1027.010";
    JOINED_LITERALS = "office.source.joined_literals", "Ten or more times two literal strings are put together on one line, where one would do.",
        source: "this study", attack: "T1027.010";
    REPLACES = "office.source.replaces", "Ten or more calls of Replace.",
        source: "this study, t_replace_calls", attack: "T1027.010";
    REVERSES = "office.source.reverses", "Text is reversed.",
        source: "olevba, StrReverse", attack: "T1027.010";
    XOR_LOOP = "office.source.xor_loop", "Xor is computed inside of a loop.",
        source: "this study, t_xor", attack: "T1140";
    DECODES = "office.source.decodes", "The code decodes Base64 or hexadecimal text by means of the system.",
        source: "olevba, Base64 decoders", attack: "T1140";
    LONG_LITERAL = "office.source.long_literal", "A string literal of 200 characters or more.",
        source: "OFF-16; Kim 2018", attack: "T1027.013";
    HEX_LITERAL = "office.source.hex_literal", "A string literal of 32 or more hexadecimal digits.",
        source: "OFF-11; olevba", attack: "T1027.013";
    BASE64_LITERAL = "office.source.base64_literal", "A string literal reads as Base64.",
        source: "OFF-12; olevba", attack: "T1027.013";
    NUMBER_ARRAY = "office.source.number_array", "Fifty or more numbers in a row on one line.",
        source: "this study, t_array_numbers", attack: "T1027.013";
    RANDOM_NAMES = "office.source.random_names", "Names are made of letters that no language puts together.",
        source: "Kim 2018; this study, t_random_ids", attack: "T1027";
    NO_COMMENTS = "office.source.no_comments", "Fifty or more lines of code without a comment.",
        source: "OFF-20; Kim 2018", attack: "T1027";
    LONG_LINE = "office.source.long_line", "A line of 500 characters or more.",
        source: "this study, t_longline", attack: "T1027";
    IGNORES_ERRORS = "office.source.ignores_errors", "Errors are ignored right at the start of what starts by itself.",
        source: "MS-VBAL 5.4.4.2; this study", attack: "T1027";

    URL = "office.source.url", "A string holds a URL.",
        source: "OFF-17; olevba", attack: "T1071.001";
    URL_OF_ADDRESS = "office.source.url_of_address", "A URL names a host by its IPv4 address.",
        source: "olevba, IOC", attack: "T1071.001";
    URL_OF_PROGRAM = "office.source.url_of_program", "A URL ends with the name of a program or script.",
        source: "olevba, IOC", attack: "T1105";
    PROGRAM_NAME = "office.source.program_name", "A string names a program or script.",
        source: "OFF-10; olevba, IOC", attack: "T1204.002";

    COMMENTED = "office.source.commented", "A tenth of the lines are comments in words: people wrote this for people.",
        source: "this study";
    PLAIN_AUTOMATION = "office.source.plain_automation", "The code works on cells, ranges and text of its host, and on nothing else.",
        source: "this study";
}
