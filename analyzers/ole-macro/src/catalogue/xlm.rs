//! Excel 4 macros.

analyzers::indicators! {
    MACRO_SHEET = "office.xlm.macro_sheet", "The workbook has a sheet of Excel 4 macros.",
        source: "MS-XLS 2.4.28, BoundSheet8.dt; OFF-24, OFF-30", attack: "T1059";
    HIDDEN_MACRO_SHEET = "office.xlm.hidden_macro_sheet", "A sheet of Excel 4 macros is hidden.",
        source: "MS-XLS 2.4.28, BoundSheet8.hsState; OFF-25", attack: "T1564";
    VERY_HIDDEN_SHEET = "office.xlm.very_hidden_sheet", "A sheet is hidden so that no menu of Excel shows it.",
        source: "MS-XLS 2.4.28, BoundSheet8.hsState; OFF-26", attack: "T1564";
    AUTO_OPEN = "office.xlm.auto_open", "A defined name starts a macro when the workbook is opened, activated or closed.",
        source: "MS-XLS 2.4.150, Lbl built-in names 1, 2, 10, 11; OFF-27", attack: "T1204.002";
    DISGUISED_NAME = "office.xlm.disguised_name", "The name that starts a macro is hidden, or written so that it is not recognised.",
        source: "MS-XLS 2.4.150, Lbl.fHidden; XLMMacroDeobfuscator", attack: "T1027";
    EXECUTE = "office.xlm.execute", "A macro starts programs: EXEC, or EXECUTE and INITIATE over DDE.",
        source: "Excel 4.0 Macro Functions Reference; OFF-28", attack: "T1059";
    NATIVE_CALL = "office.xlm.native_call", "A macro calls into libraries: CALL, REGISTER, REGISTER.ID.",
        source: "Excel 4.0 Macro Functions Reference; OFF-28", attack: "T1106";
    FILE_WRITE = "office.xlm.file_write", "A macro opens files and writes text or data to them.",
        source: "Excel 4.0 Macro Functions Reference, FOPEN and FWRITE", attack: "T1105";
    FILE_DELETE = "office.xlm.file_delete", "A macro deletes files.",
        source: "Excel 4.0 Macro Functions Reference, FILE.DELETE", attack: "T1070.004";
    ENVIRONMENT = "office.xlm.environment", "A macro queries the machine, the window or the mouse, like sandbox checks.",
        source: "Excel 4.0 Macro Functions Reference, GET.WORKSPACE; OFF-28", attack: "T1497.001";
    SELF_MODIFICATION = "office.xlm.self_modification", "A macro writes formulas into cells, which then run.",
        source: "Excel 4.0 Macro Functions Reference, FORMULA and FORMULA.FILL; OFF-28", attack: "T1027";
    JUMPS = "office.xlm.jumps", "Macros jump about by GOTO and RUN more often than people write it.",
        source: "XLMMacroDeobfuscator; own choice of number", attack: "T1027";
    CHAR_CODES = "office.xlm.char_codes", "Macros put strings together from many character codes.",
        source: "OFF-29, more than 20 CHAR calls", attack: "T1027";
    CONCEALMENT = "office.xlm.concealment", "A macro hides sheets, windows or errors while it runs.",
        source: "Excel 4.0 Macro Functions Reference, WORKBOOK.HIDE, HIDE, APP.MINIMIZE, ERROR", attack: "T1564.003";
    SCHEDULED = "office.xlm.scheduled", "A macro schedules itself for a time or an event.",
        source: "Excel 4.0 Macro Functions Reference, ON.TIME and its like", attack: "T1053";
    FOLDED = "office.xlm.folded_word", "A command, an address or a system function shows only when a formula's constants are put together.",
        source: "own folding of &, CHAR and MID; XLMMacroDeobfuscator", attack: "T1027.010";
    URL = "office.xlm.url", "A string of a workbook with macro sheets holds an address to fetch from.",
        source: "OFF-10, OFF-17", attack: "T1105";
    COMMAND = "office.xlm.command", "A string of a workbook with macro sheets names a shell or a script host.",
        source: "LOLBAS project; OFF-14", attack: "T1059";
    DOWNLOAD = "office.xlm.download", "A string of a workbook with macro sheets names a function that downloads.",
        source: "MSDN, URLDownloadToFile and its like; OFF-28", attack: "T1105";
    MEMORY = "office.xlm.memory", "A string of a workbook with macro sheets names a function that puts code into memory.",
        source: "MSDN, VirtualAlloc and its like", attack: "T1055";
    LAUNCH = "office.xlm.launch", "A string of a workbook with macro sheets names a system function that starts programs.",
        source: "MSDN, ShellExecute and its like", attack: "T1106";
    DDE_LINK = "office.xlm.dde_link", "The workbook links to another program by DDE.",
        source: "MS-XLS 2.4.271, SupBook; OFF-39", attack: "T1559.002";
    DDE_COMMAND = "office.xlm.dde_command", "A DDE link of the workbook names a shell or a script host.",
        source: "MS-XLS 2.5.328, VirtualPath; OFF-39", attack: "T1559.002";
    MALFORMED = "office.xlm.malformed", "Records or formulas of a workbook are malformed in ways that no workbook writer produces.",
        source: "MS-XLS 2.1.4, Record; OFF-54", attack: "T1027";
}
