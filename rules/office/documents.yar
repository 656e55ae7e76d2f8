// Compound documents of Office, seen from outside: what stands uncompressed in them. Macro source is compressed, but the
// names that a macro uses stand plain in the cache of its project, and macros of Excel 4 stand in the workbook's cells.

rule ole_macro_names_windows_functions
{
    meta:
        description = "The macro project of a document names functions of Windows that fetch files or run code from memory."
        weight = 2.4
        attack = "T1106"
        author = "stakeout"
        reference = "MS-OVBA 2.3.4.1, _VBA_PROJECT stream"
    strings:
        $project = "_VBA_PROJECT" wide
        $download = /URLDownloadToFile[AW]?/
        $allocate = /VirtualAlloc(Ex)?|NtAllocateVirtualMemory/
        $copy = /RtlMoveMemory|WriteProcessMemory/
        $thread = /Create(Remote)?Thread|CallWindowProc|EnumSystemLocales|QueueUserAPC/
        $execute = /ShellExecute[AW]?|WinExec|CreateProcess[AW]/
    condition:
        uint32(0) == 0xE011CFD0 and $project and (($download and $execute) or ($allocate and $copy and $thread))
}

rule ole_macro_runs_by_itself_and_starts_programs
{
    meta:
        description = "The macro project of a document names a macro that runs by itself and an object that starts programs."
        weight = 2.0
        attack = "T1204.002"
        author = "stakeout"
        reference = "MS-OVBA 2.3.4.1, _VBA_PROJECT stream"
    strings:
        $project = "_VBA_PROJECT" wide
        $auto = /\b(Auto_?Open|AutoExec|Document_?Open|Workbook_?Open|Auto_?Close|Document_Close)\b/ nocase
        $object = /WScript\.Shell|Shell\.Application|Win32_Process|winmgmts:/ nocase
        $fetch = /XMLHTTP|WinHttpRequest|ADODB\.Stream|powershell|mshta/ nocase
    condition:
        uint32(0) == 0xE011CFD0 and $project and $auto and $object and $fetch
}

rule ole_holds_command
{
    meta:
        description = "A document holds the command line of a script interpreter that hides or fetches something."
        weight = 2.8
        attack = "T1059"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/"
    strings:
        $powershell = /powershell(\.exe)?["']?\s{1,4}[^\x00\n]{0,100}(-w\w{0,11}\s{1,4}(hidden|1)|-e(nc|ncodedcommand)?\s|-nop|bypass|DownloadString|DownloadFile|FromBase64String)/ nocase ascii wide
        $mshta = /mshta(\.exe)?["']?\s{1,4}["']?(https?|javascript|vbscript):/ nocase ascii wide
        $cmd = /cmd(\.exe)?["']?\s{1,4}\/[ck]\s{1,4}[^\x00\n]{0,120}(powershell|certutil|bitsadmin|mshta|regsvr32|curl\s|\^p\^?o)/ nocase ascii wide
    condition:
        uint32(0) == 0xE011CFD0 and any of them
}

rule ole_embedded_program
{
    meta:
        description = "A document holds a Windows program as it is."
        weight = 2.6
        attack = "T1566.001"
        author = "stakeout"
        reference = "PE/COFF specification, MS-DOS Stub; https://attack.mitre.org/techniques/T1566/001/"
    strings:
        $stub = "This program cannot be run in DOS mode"
        $stub_old = "This program must be run under Win32"
        $document = /W\x00o\x00r\x00d\x00D\x00o\x00c\x00u\x00m\x00e\x00n\x00t\x00|W\x00o\x00r\x00k\x00b\x00o\x00o\x00k\x00|P\x00o\x00w\x00e\x00r\x00P\x00o\x00i\x00n\x00t\x00 \x00D\x00o\x00c\x00u\x00m\x00e\x00n\x00t\x00/
    condition:
        uint32(0) == 0xE011CFD0 and $document and any of ($stub*)
}

rule ole_equation_with_command
{
    meta:
        description = "A document holds an object of the equation editor together with a command or an address."
        weight = 4.0
        attack = "T1203"
        author = "stakeout"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2017-11882"
        family = "CVE-2017-11882"
    strings:
        $stream = "Equation Native" wide
        $class = { 02 CE 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
        $command = /\b(cmd(\.exe)?\s{1,4}\/c|mshta(\.exe)?\s|powershell(\.exe)?\s|certutil\s|regsvr32\s|WinExec|URLDownloadToFile|ExpandEnvironmentStrings)/ nocase
        $address = /https?:\/\/[\w.-]{4,80}\/[\w.\/-]{1,100}\.(exe|hta|dll|sct|vbs|js|txt|php)\b/ nocase
    condition:
        uint32(0) == 0xE011CFD0 and any of ($stream, $class) and any of ($command, $address)
}

rule excel4_macro_calls_windows
{
    meta:
        description = "A workbook with cells of Excel 4 names libraries and functions that fetch files or start programs."
        weight = 3.2
        attack = "T1059"
        author = "stakeout"
        reference = "MS-XLS 2.4.28, BoundSheet8; https://attack.mitre.org/techniques/T1059/"
    strings:
        $workbook = "Workbook" wide
        // a sheet of type 1, hidden or not, in BOUNDSHEET: 85 00, length, position, state, type
        $sheet = { 85 00 ( 0? | 1? | 2? ) 00 ?? ?? ?? 00 ( 00 | 01 | 02 ) 01 }
        $library = /\b(urlmon|shell32|wininet)\b/ nocase
        $function = /URLDownloadToFile[AW]?|ShellExecute[AW]?|WinExec|CreateProcess[AW]?/
    condition:
        uint32(0) == 0xE011CFD0 and $workbook and $sheet and $library and $function
}

rule excel4_hidden_macro_sheet_runs_by_itself
{
    meta:
        description = "A workbook hides a macro sheet of Excel 4 and names a cell that runs when it is opened."
        weight = 3.2
        attack = "T1564"
        author = "stakeout"
        reference = "MS-XLS 2.4.28, BoundSheet8, and 2.4.150, Lbl"
    strings:
        $workbook = "Workbook" wide
        $hidden = { 85 00 ( 0? | 1? | 2? ) 00 ?? ?? ?? 00 ( 01 | 02 ) 01 }
        // LBL with fBuiltin set (20 00), no key, a name of one character: 1 is Auto_Open
        $builtin = { 18 00 ?? 00 ( 20 | 21 | 28 | 29 | 2A | 2B ) 00 00 01 ?? 00 00 00 ?? 00 00 00 00 00 00 01 }
        $plain = /Auto_?Open/ nocase
    condition:
        uint32(0) == 0xE011CFD0 and $workbook and $hidden and any of ($builtin, $plain)
}

rule zip_document_with_program
{
    meta:
        description = "A document in a ZIP archive holds a file that Windows would run."
        weight = 2.6
        attack = "T1566.001"
        author = "stakeout"
        reference = "PKWARE APPNOTE 4.3.12, central directory header"
    strings:
        $types = "[Content_Types].xml"
        $office = /PK\x01\x02.{42}(word|xl|ppt)\//s
        $name = /PK\x01\x02.{42}(word|xl|ppt)\/[^\x00]{0,100}\.(exe|scr|hta|vbs|js|jse|wsf|lnk|ps1|bat|cmd|dll|sct)(PK|[^\w.])/s
    condition:
        uint32(0) == 0x04034B50 and $types and $office and $name
}
