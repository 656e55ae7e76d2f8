//! Counts what an image imports, for measures: how many functions of which purpose, and which libraries.
//!
//! Functions are counted while the import tables are walked. A class is a purpose that programs share, harmless or not: what
//! matters to a model is which of them stand together.

use std::collections::HashMap;
use std::sync::LazyLock;

use analyzers::{Measure, MeasureValue, Unit};

/// Where the classes are from.
const SOURCE: &str = "Microsoft, Windows API index; classes as in EMBER's and capa's groups of functions";

/// Functions by purpose: a measure, and their names in lower case.
pub(crate) static CLASSES: &[(Measure, &str)] = &[
    (
        class("imports.injection", "Functions that reach into other processes."),
        "writeprocessmemory virtualallocex createremotethread ntunmapviewofsection zwunmapviewofsection setthreadcontext \
         getthreadcontext queueuserapc resumethread ntwritevirtualmemory readprocessmemory openprocess rtlcreateuserthread",
    ),
    (
        class("imports.memory", "Functions that allocate memory or change its protection."),
        "virtualalloc virtualprotect virtualfree heapcreate ntallocatevirtualmemory",
    ),
    (
        class("imports.lookup", "Functions that look up functions at run time."),
        "loadlibrarya loadlibraryw loadlibraryexa loadlibraryexw getprocaddress ldrloaddll ldrgetprocedureaddress",
    ),
    (
        class("imports.processes", "Functions that start or end programs."),
        "createprocessa createprocessw winexec shellexecutea shellexecutew shellexecuteexa shellexecuteexw \
         createprocessasusera createprocessasuserw system _popen _wsystem terminateprocess exitprocess",
    ),
    (
        class("imports.listing", "Functions that list processes and modules."),
        "createtoolhelp32snapshot process32first process32next process32firstw process32nextw enumprocesses module32first \
         module32next enumprocessmodules",
    ),
    (
        class("imports.registry", "Functions of the registry."),
        "regopenkeyexa regopenkeyexw regsetvalueexa regsetvalueexw regcreatekeyexa regcreatekeyexw regdeletevaluea \
         regdeletevaluew regqueryvalueexa regqueryvalueexw regcreatekeya regopenkeya regdeletekeya regsavekeya",
    ),
    (
        class("imports.services", "Functions of the service manager."),
        "openscmanagera openscmanagerw createservicea createservicew startservicea startservicew controlservice \
         deleteservice openservicea openservicew startservicectrldispatchera startservicectrldispatcherw \
         registerservicectrlhandlera",
    ),
    (
        class("imports.internet", "Functions that fetch from the web."),
        "internetopena internetopenw internetopenurla internetopenurlw internetreadfile internetconnecta internetconnectw \
         httpopenrequesta httpopenrequestw httpsendrequesta httpsendrequestw urldownloadtofilea urldownloadtofilew \
         urldownloadtocachefilea winhttpopen winhttpconnect winhttpsendrequest winhttpreaddata deleteurlcacheentrya",
    ),
    (
        class("imports.sockets", "Functions of sockets."),
        "wsastartup socket connect send recv bind listen accept gethostbyname inet_addr sendto recvfrom ioctlsocket \
         wsasocketa wsasocketw getaddrinfo htons select closesocket",
    ),
    (
        class("imports.encryption", "Functions that encrypt and hash."),
        "cryptacquirecontexta cryptacquirecontextw cryptencrypt cryptdecrypt cryptgenkey cryptimportkey cryptderivekey \
         crypthashdata cryptcreatehash cryptgenrandom cryptexportkey bcryptencrypt bcryptdecrypt cryptstringtobinarya",
    ),
    (
        class("imports.keyboard", "Functions that watch keyboard and windows."),
        "setwindowshookexa setwindowshookexw getasynckeystate getkeystate getkeyboardstate getforegroundwindow \
         mapvirtualkeya attachthreadinput getkeynametexta registerhotkey callnexthookex unhookwindowshookex",
    ),
    (
        class("imports.screen", "Functions that copy what is on the screen."),
        "bitblt getdc getwindowdc createcompatiblebitmap createcompatibledc getdibits capcreatecapturewindowa stretchblt \
         setdibitstodevice",
    ),
    (
        class("imports.privileges", "Functions that change privileges or end the session."),
        "adjusttokenprivileges lookupprivilegevaluea lookupprivilegevaluew openprocesstoken duplicatetokenex \
         impersonateloggedonuser setprivilege rtladjustprivilege initiatesystemshutdowna exitwindowsex ntraiseharderror",
    ),
    (
        class("imports.debugger", "Functions that notice a debugger or measure time."),
        "isdebuggerpresent checkremotedebuggerpresent outputdebugstringa outputdebugstringw ntqueryinformationprocess \
         gettickcount queryperformancecounter ntsetinformationthread unhandledexceptionfilter blockinput",
    ),
    (
        class("imports.files", "Functions that look for, copy and delete files."),
        "findfirstfilea findfirstfilew findnextfilea findnextfilew deletefilea deletefilew copyfilea copyfilew movefilea \
         movefilew movefileexa movefileexw createfilea createfilew writefile setfileattributesa setfileattributesw \
         gettemppatha gettemppathw getlogicaldrives getdrivetypea getdrivetypew gettempfilenamea",
    ),
    (class("imports.mutexes", "Functions of named mutexes."), "createmutexa createmutexw openmutexa openmutexw"),
    (
        class("imports.resources", "Functions that read resources."),
        "findresourcea findresourcew loadresource lockresource sizeofresource findresourceexw",
    ),
    (
        class("imports.windows", "Functions of windows and dialogs."),
        "createwindowexa createwindowexw defwindowproca defwindowprocw dispatchmessagea dispatchmessagew registerclassa \
         registerclassw registerclassexa registerclassexw dialogboxparama dialogboxparamw loadicona loadiconw loadcursora \
         loadcursorw getmessagea getmessagew beginpaint endpaint setwindowpos messageboxa messageboxw createdialogparamw",
    ),
    (
        class("imports.com", "Functions of the Component Object Model."),
        "cocreateinstance coinitialize coinitializeex clsidfromprogid olerun oleinitialize sysallocstring",
    ),
    (
        class("imports.clipboard", "Functions of the clipboard."),
        "openclipboard getclipboarddata setclipboarddata emptyclipboard",
    ),
    (
        class("imports.network", "Functions that list users, shares and other machines."),
        "netuseradd netshareenum netusergetinfo wnetopenenuma wnetopenenumw wnetaddconnection2a wnetaddconnection2w \
         wnetenumresourcew netlocalgroupaddmembers",
    ),
    (
        class("imports.system", "Functions that ask for names of user, machine and system."),
        "getcomputernamea getcomputernamew getusernamea getusernamew getversionexa getversionexw getsysteminfo \
         getvolumeinformationa getvolumeinformationw getadaptersinfo globalmemorystatus",
    ),
    (
        class("imports.redirection", "Functions that know of 32-bit programs on 64-bit systems."),
        "wow64disablewow64fsredirection iswow64process",
    ),
    (
        class("imports.console", "Functions of the console."),
        "allocconsole writeconsolea writeconsolew setconsolectrlhandler getconsolemode readconsolew setconsoletextattribute \
         setconsolemode",
    ),
    (
        class("imports.thread_storage", "Functions of thread-local storage."),
        "tlsalloc tlssetvalue tlsgetvalue flsalloc",
    ),
    (
        class("imports.runtime", "Functions that run times of compilers call at the start."),
        "setunhandledexceptionfilter rtlcapturecontext rtllookupfunctionentry rtlvirtualunwind initializeslisthead \
         isprocessorfeaturepresent getsystemtimeasfiletime encodepointer",
    ),
];

/// Libraries that are told apart, by what their names begin with.
pub(crate) static LIBRARIES: &[(Measure, &str)] = &[
    (library("library.msvbvm60", "It imports from `msvbvm60…`."), "msvbvm60"),
    (library("library.mscoree", "It imports from `mscoree…`."), "mscoree"),
    (library("library.msvcrt", "It imports from `msvcrt…`."), "msvcrt"),
    (library("library.mfc42", "It imports from `mfc42…`."), "mfc42"),
    (library("library.mfc", "It imports from `mfc…`."), "mfc"),
    (library("library.vcruntime", "It imports from `vcruntime…`."), "vcruntime"),
    (library("library.msvcr", "It imports from `msvcr…`."), "msvcr"),
    (library("library.msvcp", "It imports from `msvcp…`."), "msvcp"),
    (library("library.api_ms_win_crt", "It imports from `api-ms-win-crt…`."), "api-ms-win-crt"),
    (library("library.python", "It imports from `python…`."), "python"),
    (library("library.qt", "It imports from `qt…`."), "qt"),
    (library("library.cygwin", "It imports from `cygwin…`."), "cygwin"),
    (library("library.libgcc", "It imports from `libgcc…`."), "libgcc"),
    (library("library.wininet", "It imports from `wininet…`."), "wininet"),
    (library("library.winhttp", "It imports from `winhttp…`."), "winhttp"),
    (library("library.urlmon", "It imports from `urlmon…`."), "urlmon"),
    (library("library.ws2_32", "It imports from `ws2_32…`."), "ws2_32"),
    (library("library.wsock32", "It imports from `wsock32…`."), "wsock32"),
    (library("library.advapi32", "It imports from `advapi32…`."), "advapi32"),
    (library("library.shell32", "It imports from `shell32…`."), "shell32"),
    (library("library.user32", "It imports from `user32…`."), "user32"),
    (library("library.gdi32", "It imports from `gdi32…`."), "gdi32"),
    (library("library.gdiplus", "It imports from `gdiplus…`."), "gdiplus"),
    (library("library.ole32", "It imports from `ole32…`."), "ole32"),
    (library("library.oleaut32", "It imports from `oleaut32…`."), "oleaut32"),
    (library("library.comctl32", "It imports from `comctl32…`."), "comctl32"),
    (library("library.comdlg32", "It imports from `comdlg32…`."), "comdlg32"),
    (library("library.crypt32", "It imports from `crypt32…`."), "crypt32"),
    (library("library.bcrypt", "It imports from `bcrypt…`."), "bcrypt"),
    (library("library.ntdll", "It imports from `ntdll…`."), "ntdll"),
    (library("library.psapi", "It imports from `psapi…`."), "psapi"),
    (library("library.iphlpapi", "It imports from `iphlpapi…`."), "iphlpapi"),
    (library("library.netapi32", "It imports from `netapi32…`."), "netapi32"),
    (library("library.mpr", "It imports from `mpr…`."), "mpr"),
    (library("library.version", "It imports from `version…`."), "version"),
    (library("library.wtsapi32", "It imports from `wtsapi32…`."), "wtsapi32"),
    (library("library.userenv", "It imports from `userenv…`."), "userenv"),
    (library("library.shlwapi", "It imports from `shlwapi…`."), "shlwapi"),
    (library("library.winmm", "It imports from `winmm…`."), "winmm"),
    (library("library.dbghelp", "It imports from `dbghelp…`."), "dbghelp"),
    (library("library.imagehlp", "It imports from `imagehlp…`."), "imagehlp"),
    (library("library.secur32", "It imports from `secur32…`."), "secur32"),
    (library("library.avicap32", "It imports from `avicap32…`."), "avicap32"),
    (library("library.rasapi32", "It imports from `rasapi32…`."), "rasapi32"),
    (library("library.setupapi", "It imports from `setupapi…`."), "setupapi"),
    (library("library.ntoskrnl", "It imports from `ntoskrnl…`."), "ntoskrnl"),
    (library("library.hal", "It imports from `hal…`."), "hal"),
    (library("library.wintrust", "It imports from `wintrust…`."), "wintrust"),
    (library("library.dnsapi", "It imports from `dnsapi…`."), "dnsapi"),
    (library("library.rpcrt4", "It imports from `rpcrt4…`."), "rpcrt4"),
    (library("library.uxtheme", "It imports from `uxtheme…`."), "uxtheme"),
    (library("library.dwmapi", "It imports from `dwmapi…`."), "dwmapi"),
    (library("library.d3d", "It imports from `d3d…`."), "d3d"),
    (library("library.opengl", "It imports from `opengl…`."), "opengl"),
    (library("library.winspool", "It imports from `winspool…`."), "winspool"),
];

const fn class(name: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit: Unit::Count, meaning, source: SOURCE }
}

const fn library(name: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit: Unit::Flag, meaning, source: "Microsoft, Windows API index; run times of compilers" }
}

/// Index of the class of each function, by its name in lower case.
static BY_NAME: LazyLock<HashMap<&'static [u8], usize>> = LazyLock::new(|| {
    let of = |(index, (_, names)): (usize, &(Measure, &'static str))| {
        names.split_whitespace().map(move |name| (name.as_bytes(), index))
    };
    CLASSES.iter().enumerate().flat_map(of).collect()
});

/// Longest name of a function that is of any class, and of a library that is told apart.
const NAME_MAX: usize = 64;

/// What is counted of imports while they are walked. Scratch, reused from file to file.
#[derive(Default, Debug)]
pub(crate) struct ImportCounts {
    /// Functions of each class.
    classes: Vec<u32>,
    /// A bit for each library that is told apart.
    libraries: u64,
    pub(crate) ordinals: u32,
    pub(crate) delayed: u32,
    named: u32,
    pub(crate) ansi: u32,
    pub(crate) wide: u32,
    pub(crate) other_than_kernel32: bool,
}

impl ImportCounts {
    /// Forgets the last file.
    pub(crate) fn clear(&mut self) {
        let mut classes = std::mem::take(&mut self.classes);
        classes.clear();
        classes.resize(CLASSES.len(), 0);
        *self = ImportCounts { classes, ..ImportCounts::default() };
    }

    /// A library that is imported from.
    pub(crate) fn library(&mut self, name: &[u8]) {
        let mut lower = [0; NAME_MAX];
        let lower = lowered(name, &mut lower);
        self.other_than_kernel32 |= lower != b"kernel32.dll" && lower != b"kernel32";
        for (bit, (_, begins)) in LIBRARIES.iter().enumerate() {
            self.libraries |= u64::from(lower.starts_with(begins.as_bytes())) << bit;
        }
    }

    /// A function that is imported by its name.
    pub(crate) fn function(&mut self, name: &[u8], delayed: bool) {
        self.named += 1;
        self.delayed += u32::from(delayed);
        self.ansi += u32::from(name.ends_with(b"A"));
        self.wide += u32::from(name.ends_with(b"W"));
        let mut lower = [0; NAME_MAX];
        let class = BY_NAME.get(lowered(name, &mut lower)).and_then(|&class| self.classes.get_mut(class));
        if let Some(count) = class {
            *count += 1;
        }
    }

    /// A function that is imported by its number.
    pub(crate) fn ordinal(&mut self, delayed: bool) {
        self.ordinals += 1;
        self.delayed += u32::from(delayed);
    }

    /// Appends the functions of each class, and the libraries.
    pub(crate) fn measure(&self, values: &mut Vec<f32>) {
        values.extend(self.classes.iter().map(|count| count.number()));
        values.extend((0..LIBRARIES.len()).map(|bit| (self.libraries >> bit & 1 != 0).number()));
    }
}

/// The beginning of a name in lower case.
fn lowered<'l>(name: &[u8], lower: &'l mut [u8; NAME_MAX]) -> &'l [u8] {
    lower.iter_mut().zip(name).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    lower.get(..name.len()).unwrap_or(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_is_of_one_class_and_every_library_has_a_bit() {
        let all: usize = CLASSES.iter().map(|(_, names)| names.split_whitespace().count()).sum();
        assert_eq!(BY_NAME.len(), all, "a function is of two classes");
        assert!(BY_NAME.keys().all(|name| name.len() <= NAME_MAX && !name.iter().any(u8::is_ascii_uppercase)));
        assert!(LIBRARIES.len() <= 64);
    }

    #[test]
    fn functions_and_libraries_are_counted_whatever_their_case() {
        let mut counts = ImportCounts::default();
        counts.clear();
        counts.library(b"KERNEL32.dll");
        assert!(!counts.other_than_kernel32);
        counts.library(b"WS2_32.DLL");
        for name in ["WriteProcessMemory", "VIRTUALALLOCEX", "CreateFileW", "nothing"] {
            counts.function(name.as_bytes(), false);
        }
        counts.ordinal(true);
        counts.function(&[b'x'; 1_000], false);
        let mut values = Vec::new();
        counts.measure(&mut values);
        let of = |wanted: &str| {
            let names = CLASSES.iter().chain(LIBRARIES).map(|(measure, _)| measure.name);
            names.zip(&values).find(|(name, _)| *name == wanted).map(|(_, value)| *value).unwrap()
        };
        assert_eq!((of("imports.injection"), of("imports.files"), of("library.ws2_32")), (2.0, 1.0, 1.0));
        assert_eq!((of("library.user32"), counts.delayed, counts.wide), (0.0, 1, 1));
        assert!(counts.other_than_kernel32);
    }
}
