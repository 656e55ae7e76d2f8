//! The words of code that mean something to us, and the signs they are.
//!
//! A word is looked up by the hash that the lexer computes while it walks over the name, so that the ordinary name,
//! which is in no list, costs one probe.

use std::sync::LazyLock;

use analyzers::Indicator;

use crate::catalogue::source as catalogue;

macro_rules! signs {
    ($($sign:ident = $indicator:ident,)*) => {
        /// A sign by number, so that sets of them are bits.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(super) enum Sign { $($sign),* }

        impl Sign {
            /// Every sign, in the order of their numbers.
            pub(super) const ALL: &[Sign] = &[$(Sign::$sign),*];

            /// The indicator it is reported as.
            pub(super) fn indicator(self) -> &'static Indicator {
                match self { $(Sign::$sign => &catalogue::$indicator),* }
            }
        }
    };
}

signs! {
    AutostartDocument = AUTOSTART_DOCUMENT, AutostartWorkbook = AUTOSTART_WORKBOOK, AutostartControl = AUTOSTART_CONTROL,
    Writes = WRITES, Executes = EXECUTES,
    ShellCall = SHELL_CALL, ShellCommand = SHELL_COMMAND, PowerShell = POWERSHELL, ScriptingShell = SCRIPTING_SHELL,
    ScriptEngine = SCRIPT_ENGINE, ProcessByWmi = PROCESS_BY_WMI, SchedulesTask = SCHEDULES_TASK,
    CreatesObject = CREATES_OBJECT, GetsObject = GETS_OBJECT, CallsByName = CALLS_BY_NAME, SendsKeys = SENDS_KEYS,
    MacCommand = MAC_COMMAND, Excel4 = EXCEL4,
    Downloads = DOWNLOADS, BinaryStream = BINARY_STREAM, BinaryFile = BINARY_FILE, WritesTextFile = WRITES_TEXT_FILE,
    Environment = ENVIRONMENT, TemporaryPath = TEMPORARY_PATH, Registry = REGISTRY,
    DeclaresLibrary = DECLARES_LIBRARY, ExecutableMemory = EXECUTABLE_MEMORY, CopiesMemory = COPIES_MEMORY,
    Infects = INFECTS, DisablesSecurity = DISABLES_SECURITY, Hides = HIDES, DetectsSandbox = DETECTS_SANDBOX,
    PayloadInDocument = PAYLOAD_IN_DOCUMENT,
    SplitWord = SPLIT_WORD, CharacterArithmetic = CHARACTER_ARITHMETIC, Reverses = REVERSES, XorLoop = XOR_LOOP,
    Decodes = DECODES, LongLiteral = LONG_LITERAL, HexLiteral = HEX_LITERAL, Base64Literal = BASE64_LITERAL,
    NumberArray = NUMBER_ARRAY, LongLine = LONG_LINE, IgnoresErrors = IGNORES_ERRORS,
    Url = URL, UrlOfAddress = URL_OF_ADDRESS, UrlOfProgram = URL_OF_PROGRAM, ProgramName = PROGRAM_NAME,
}

/// Role of a word in a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KeywordRole {
    /// A keyword without a special role.
    Plain,
    /// `Rem`: the rest of the line is a comment.
    Remark,
    /// `Attribute`: the line speaks of the module, and is not code.
    Attribute,
    /// `Sub`, `Function`: a name follows.
    Procedure,
    /// `Dim`, `Const`, `ReDim`, `Private` and the like: a name follows.
    Declaration,
    /// A name that runs by itself where a procedure is called so; its signs count only there.
    Event,
    /// `Declare` and `Lib` of a library function.
    Declare,
    /// See [`Role::Declare`].
    Library,
    /// `Open`, of a file or a document.
    Open,
    /// `Output`, `Append`, `Random`: what follows `Open … For`.
    WriteMode,
    /// `Binary`: likewise, as bytes.
    BinaryMode,
    /// `For`, `Do`, `While`: a loop begins, if a statement begins here.
    LoopStart,
    /// `Next`, `Loop`, `Wend`: a loop ends.
    LoopEnd,
    /// `Xor`.
    Xor,
    /// `Application`, whose visibility matters.
    Application,
    /// `Visible`.
    Visible,
    /// `False`.
    False,
    /// `Error`, as in `On Error Resume Next`.
    Error,
    /// `Resume`: likewise.
    Resume,
    /// `Chr` and its kind: a character from a number.
    Character,
    /// `StrReverse`.
    Reverse,
    /// `Replace`.
    Replace,
    /// `LCase`, `Trim` and the like: they change nothing that we look at.
    Same,
    /// `vbNullString`: nothing.
    Empty,
    /// `Environ`: the name of a variable follows.
    Environ,
    /// `Range`, `Cells`, `Selection` and the like: the host's own content.
    Automation,
    /// `CreateObject`, `GetObject`: the class follows, and its signs count by that.
    Creates,
    /// Writes code: into a module, or whole modules into another document.
    WritesCode,
    /// `Import`, of modules, where it is a member.
    Imports,
    /// The template that all documents are made of, and the folder that is opened with the program.
    Template,
    /// Saves the document.
    Saves,
    /// `Run` and `Exec`, which start programs where they are members of a scripting shell.
    Runs,
    /// A keyword of the language, which cannot be a name.
    Keyword,
}

/// A word of code that means something to us.
#[derive(Debug)]
pub(super) struct VbaKeyword {
    /// The keyword in lower case.
    pub text: &'static str,
    /// Role of the keyword.
    pub role: KeywordRole,
    /// Signs of the word, wherever it is used (but see [`Role::Event`]).
    pub signs: &'static [Sign],
}

/// Rows of the table: words of one role and of the same signs, separated by blanks.
type KeywordRow = (KeywordRole, &'static [Sign], &'static str);

use Sign::*;

// Words of mraptor's classes carry Writes or Executes beside their own sign.
const ROWS: &[KeywordRow] = &[
    (KeywordRole::Remark, &[], "rem"),
    (KeywordRole::Attribute, &[], "attribute"),
    (KeywordRole::Procedure, &[], "sub function"),
    (KeywordRole::Declaration, &[], "dim const redim private public static global set let"),
    (KeywordRole::Declare, &[], "declare"),
    (KeywordRole::Library, &[], "lib"),
    (KeywordRole::Open, &[], "open"),
    (KeywordRole::WriteMode, &[], "output append random"),
    (KeywordRole::BinaryMode, &[], "binary"),
    (KeywordRole::LoopStart, &[], "for do while"),
    (KeywordRole::LoopEnd, &[], "next loop wend"),
    (KeywordRole::Xor, &[], "xor"),
    (KeywordRole::Application, &[], "application"),
    (KeywordRole::Visible, &[], "visible showwindowsintaskbar"),
    (KeywordRole::False, &[], "false"),
    (KeywordRole::Error, &[], "error"),
    (KeywordRole::Resume, &[], "resume"),
    (KeywordRole::Character, &[], "chr chrw chrb chr$ chrw$"),
    (KeywordRole::Reverse, &[Reverses], "strreverse"),
    (KeywordRole::Replace, &[], "replace"),
    (KeywordRole::Same, &[], "lcase ucase trim ltrim rtrim cstr"),
    (KeywordRole::Empty, &[], "vbnullstring"),
    (KeywordRole::Environ, &[Environment], "environ"),
    (
        KeywordRole::Automation,
        &[],
        "range cells worksheets sheets activesheet activecell selection activedocument activeworkbook thisworkbook \
         columns rows listobjects pivottables charts msgbox inputbox worksheetfunction slides paragraphs bookmarks",
    ),
    (
        KeywordRole::Keyword,
        &[],
        "option explicit as string long integer boolean variant byte object double byval byref optional if then else \
         elseif end exit select case with call on goto to step and or not true nothing is new byte goto each in until \
         len mid left right cells type enum friend property get me double single date currency ptrsafe longptr stop \
         print close write get put input line array ubound lbound cint clng cbyte asc instr split join val hex now",
    ),
    (
        KeywordRole::Event,
        &[AutostartDocument],
        "autoexec autoopen autoclose autonew autoexit document_open document_close document_new newdocument \
         documentopen documentclose documentchange document_change document_beforeclose documentbeforeclose \
         document_contentcontrolonenter document_contentcontrolonexit document_sync fileopen filesave fileclose \
         filenew fileprint filesaveas filetemplates toolsmacro viewvbcode",
    ),
    (
        KeywordRole::Event,
        &[AutostartWorkbook],
        "auto_open auto_close auto_ope workbook_open workbook_activate workbook_deactivate workbook_close \
         workbook_beforeclose workbook_windowactivate workbook_addininstall auto_activate auto_add auto_deactivate \
         auto_remove onslideshowpagechange",
    ),
    (KeywordRole::Plain, &[ShellCall, Executes], "shell"),
    (
        KeywordRole::Plain,
        &[Executes],
        "shellexecute shellexecutea shellexecutew shellexecuteex createprocess createprocessa \
        createprocessw winexec followhyperlink settimer",
    ),
    (KeywordRole::Plain, &[ScriptingShell], "wshshell wscript iwshruntimelibrary"),
    (KeywordRole::Creates, &[CreatesObject, Executes], "createobject"),
    (KeywordRole::Creates, &[GetsObject, Executes], "getobject"),
    (KeywordRole::Runs, &[], "run exec"),
    (KeywordRole::WritesCode, &[Infects], "addfromstring insertlines replaceline organizercopy macrocopy addfromfile"),
    (KeywordRole::Imports, &[], "import"),
    (KeywordRole::Template, &[Infects], "normaltemplate"),
    (KeywordRole::Template, &[Writes], "altstartuppath"),
    (KeywordRole::Template, &[], "startuppath"),
    (KeywordRole::Saves, &[], "saveas saveas2"),
    (KeywordRole::Plain, &[Executes], "invokeverb invokeverbex registerxll ddeinitiate transformnode installproduct"),
    (KeywordRole::Plain, &[CallsByName], "callbyname"),
    (KeywordRole::Plain, &[SendsKeys, Executes], "sendkeys"),
    (KeywordRole::Plain, &[MacCommand, Executes], "macscript applescripttask"),
    (KeywordRole::Plain, &[MacCommand], "popen"),
    (KeywordRole::Plain, &[Excel4, Executes], "executeexcel4macro"),
    (KeywordRole::Plain, &[ProcessByWmi], "swbemservices swbemlocator win32_process win32_processstartup"),
    (KeywordRole::Plain, &[SchedulesTask], "schtasks"),
    (KeywordRole::Plain, &[Downloads, Writes], "urldownloadtofile urldownloadtofilea urldownloadtofilew"),
    (
        KeywordRole::Plain,
        &[Downloads],
        "xmlhttp xmlhttp30 xmlhttp60 serverxmlhttp serverxmlhttp30 serverxmlhttp60 \
        winhttprequest responsebody internetopen internetopena internetopenurl internetopenurla internetreadfile \
        urldownloadtocachefile urldownloadtocachefilea",
    ),
    (KeywordRole::Plain, &[BinaryStream, Writes], "savetofile writetext"),
    (KeywordRole::Plain, &[BinaryStream], "adodb"),
    (KeywordRole::Plain, &[WritesTextFile], "createtextfile"),
    (
        KeywordRole::Plain,
        &[Writes],
        "filecopy copyfile kill mkdir rmdir setattr createshortcut wdformattext \
        wdformatdostext wdformatunicodetext wdformatencodedtext",
    ),
    (KeywordRole::Plain, &[Registry, Writes], "regwrite"),
    (
        KeywordRole::Plain,
        &[Registry],
        "regread regdelete regopenkeyex regopenkeyexa regsetvalueex regsetvalueexa \
        regcreatekeyex regcreatekeyexa privateprofilestring",
    ),
    (
        KeywordRole::Plain,
        &[ExecutableMemory, Writes, Executes],
        "virtualalloc virtualallocex writeprocessmemory createthread \
        createremotethread",
    ),
    (
        KeywordRole::Plain,
        &[ExecutableMemory],
        "virtualprotect virtualprotectex ntallocatevirtualmemory zwallocatevirtualmemory \
        ntwritevirtualmemory zwwritevirtualmemory heapcreate rtlcreateheap queueuserapc ntqueueapcthread \
        setthreadcontext resumethread rtlcreateuserthread ntcreatethreadex enumsystemcodepagesa \
        enumsystemlanguagegroupsa enumdateformatsw enumuilanguagesa grayscalestringa createtimerqueuetimer",
    ),
    (KeywordRole::Plain, &[CopiesMemory, Writes], "rtlmovememory"),
    (KeywordRole::Plain, &[CopiesMemory], "copymemory rtlcopymemory ntwritevirtualmem varptr strptr"),
    (KeywordRole::Plain, &[Infects], "vbproject vbcomponents codemodule deletelines countoflines macrocontainer"),
    (KeywordRole::Plain, &[DisablesSecurity], "virusprotection automationsecurity accessvbom vbawarnings"),
    (KeywordRole::Plain, &[Hides], "vbhide"),
    (KeywordRole::Plain, &[DetectsSandbox], "mouseavailable recentfiles"),
    (
        KeywordRole::Plain,
        &[PayloadInDocument],
        "controltiptext builtindocumentproperties customdocumentproperties \
        alternativetext customxmlparts groupname",
    ),
    (KeywordRole::Plain, &[Decodes], "nodetypedvalue cryptstringtobinary cryptstringtobinarya frombase64string"),
];

/// A table of 2,048 slots for some 400 words: a name in no list mostly hits an empty slot.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 11;

/// Builds the table, if it is not built yet.
pub(super) fn prepare() {
    LazyLock::force(&TABLE);
}

/// The words by their hash.
pub(super) struct KeywordTable {
    words: Vec<VbaKeyword>,
    /// Index into `words` plus one; zero is empty. Open addressing.
    slots: Box<[u16; SLOTS]>,
}

static TABLE: LazyLock<KeywordTable> = LazyLock::new(|| {
    let mut table = KeywordTable { words: Vec::new(), slots: Box::new([0; SLOTS]) };
    for &(role, signs, texts) in ROWS {
        for text in texts.split_ascii_whitespace() {
            let mut slot = slot(text.bytes().fold(0, hash));
            // A word that stands in two rows is that of the first.
            if table.find_from(slot, text.as_bytes()).is_some() {
                continue;
            }
            while table.slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            table.words.push(VbaKeyword { text, role, signs });
            table.slots[slot] = u16::try_from(table.words.len()).expect("there are fewer words than slots");
        }
    }
    table
});

impl KeywordTable {
    /// The only one.
    pub(super) fn get() -> &'static KeywordTable {
        &TABLE
    }

    /// The word with this name, of any case, whose hash is `hash`.
    pub(super) fn find(&self, hash: u32, name: &[u8]) -> Option<&VbaKeyword> {
        self.find_from(slot(hash), name)
    }

    fn find_from(&self, mut slot: usize, name: &[u8]) -> Option<&VbaKeyword> {
        // Ends at an empty slot: four of five are.
        loop {
            let word = self.words.get(usize::from(self.slots[slot % SLOTS]).checked_sub(1)?)?;
            if word.text.as_bytes().eq_ignore_ascii_case(name) {
                return Some(word);
            }
            slot += 1;
        }
    }
}

/// The hash of a name with one more byte, blind to the case of letters; that of nothing is 0. Two operations a byte,
/// because it is computed for every name there is.
pub(super) fn hash(hash: u32, byte: u8) -> u32 {
    hash.rotate_left(5) ^ u32::from(byte | 0x20)
}

fn slot(hash: u32) -> usize {
    // Multiplication by 2^32 divided by the golden ratio spreads what the hash left together (Knuth, 6.4).
    (hash.wrapping_mul(0x9E37_79B9) >> (u32::BITS - SLOT_BITS)) as usize
}

/// Ends of names of procedures that controls run without a click (`Frame1_Layout`), and applications whose events a
/// document listens to (`App_DocumentOpen`).
const EVENT_SUFFIXES: &[(&str, Sign)] = &[
    ("_painted", AutostartControl),
    ("_painting", AutostartControl),
    ("_gotfocus", AutostartControl),
    ("_lostfocus", AutostartControl),
    ("_mousehover", AutostartControl),
    ("_mouseenter", AutostartControl),
    ("_mouseleave", AutostartControl),
    ("_layout", AutostartControl),
    ("_resize", AutostartControl),
    ("_beforenavigate2", AutostartControl),
    ("_beforescriptexecute", AutostartControl),
    ("_documentcomplete", AutostartControl),
    ("_downloadbegin", AutostartControl),
    ("_downloadcomplete", AutostartControl),
    ("_navigatecomplete2", AutostartControl),
    ("_navigateerror", AutostartControl),
    ("_progresschange", AutostartControl),
    ("_propertychange", AutostartControl),
    ("_setsecurelockicon", AutostartControl),
    ("_statustextchange", AutostartControl),
    ("_titlechange", AutostartControl),
    ("_onconnecting", AutostartControl),
    ("_documentopen", AutostartDocument),
    ("_documentbeforeclose", AutostartDocument),
    ("_newdocument", AutostartDocument),
    ("_workbookopen", AutostartWorkbook),
    ("_workbookactivate", AutostartWorkbook),
    ("_workbookbeforeclose", AutostartWorkbook),
];

/// Trigger of a procedure with this name, if its suffix is an event.
pub(super) fn event(name: &[u8]) -> Option<Sign> {
    let ends = |suffix: &str| {
        let at = name.len().checked_sub(suffix.len()).filter(|&at| at > 0)?;
        name.get(at..).filter(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
    };
    EVENT_SUFFIXES.iter().find(|(suffix, _)| ends(suffix).is_some()).map(|&(_, sign)| sign)
}
