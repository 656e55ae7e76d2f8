// The source of macros: text that the office analyzer takes out of documents and hands over, or that is a file by itself.
// Weights are 0.6 times the logarithm of how much oftener a rule hits the macros of malware than those of 263 public
// repositories: tools of honest projects start by themselves, fetch and start programs as well.

rule vba_auto_run_starts_program
{
    meta:
        description = "A macro that runs by itself starts a program."
        weight = 0.6
        attack = "T1204.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
    strings:
        $vba = /Attribute VB_|\bEnd (Sub|Function)\b/ nocase
        $auto = /\bSub\s{1,4}(Auto_?Open|Auto_?Close|AutoExec|AutoNew|Document_?(Open|Close|New)|Workbook_?(Open|Activate|BeforeClose)|\w{1,40}_(Layout|Painted|Painting|MouseMove|GotFocus|OnConnecting))\b/ nocase
        $shell = /([\n:=(&]|\bThen\b)\s{0,16}(Call\s{1,2})?(VBA\.)?Shell\$?\s{0,2}[( "]\s{0,2}["\w]/ nocase
        $object = /"?(WScript\.Shell|Shell\.Application|Win32_Process)"?/ nocase
        $execute = /\b(ShellExecute[AW]?|CreateProcess[AW]?|WinExec)\b/ nocase
    condition:
        filesize < 4MB and $vba and $auto and any of ($shell, $object, $execute)
}

rule vba_auto_run_downloads
{
    meta:
        description = "A macro that runs by itself fetches a file and starts or saves it."
        weight = 0.8
        attack = "T1105"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $auto = /\bSub\s{1,4}(Auto_?Open|Auto_?Close|AutoExec|AutoNew|Document_?(Open|Close|New)|Workbook_?(Open|Activate|BeforeClose))\b/ nocase
        $declare = /\bURLDownloadToFile[AW]?\b/ nocase
        $object = /(MSXML2\.(Server)?XMLHTTP|Microsoft\.XMLHTTP|WinHttp\.WinHttpRequest|InternetOpenUrl)/ nocase
        $save = /(SaveToFile|\bFor\s{1,2}Binary\b|\.Write\s)/ nocase
        $start = /\b(Shell|ShellExecute|WScript\.Shell|Shell\.Application|\.Run|\.Exec|Win32_Process)\b/ nocase
    condition:
        filesize < 4MB and $auto and any of ($declare, $object) and any of ($save, $start)
        and ($declare or ($save and $start))
}

rule vba_runs_powershell
{
    meta:
        description = "A macro starts PowerShell hidden, encoded or past its policy."
        weight = 2.4
        attack = "T1059.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
    strings:
        $vba = /Attribute VB_|\bEnd (Sub|Function)\b/ nocase
        $powershell = "powershell" nocase
        $manner = /-(w(in|indow|indowstyle)?\s{1,4}hidden|ec\s|enc\s|encodedcommand\s|ep\s{1,4}bypass|exec(utionpolicy)?\s{1,4}bypass|nop\s|noprofile\b)/ nocase
        $cradle = /(Net\.WebClient|DownloadString|DownloadFile|Invoke-WebRequest|FromBase64String)/ nocase
        $start = /\b(Shell|ShellExecute[AW]?|WScript\.Shell|Win32_Process|\.Run|\.Exec)\b/ nocase
    condition:
        filesize < 4MB and $vba and $powershell and $start and any of ($manner, $cradle)
}

rule vba_runs_shellcode
{
    meta:
        description = "A macro copies bytes into executable memory and has Windows run them."
        weight = 1.2
        attack = "T1055"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1055/"
    strings:
        $declare = /\bDeclare\s{1,2}(PtrSafe\s{1,2})?(Function|Sub)\s/ nocase
        $allocate = /\b(VirtualAlloc(Ex)?|HeapAlloc|NtAllocateVirtualMemory|VirtualProtect(Ex)?)\b/ nocase
        $copy = /\b(RtlMoveMemory|WriteProcessMemory|NtWriteVirtualMemory|RtlCopyMemory)\b/ nocase
        $run = /\b(CreateThread|CreateRemoteThread|EnumSystemLocales[AW]|EnumDateFormats[AW]|CallWindowProc[AW]?|QueueUserAPC|SetTimer|EnumChildWindows|CreateTimerQueueTimer|GrayString[AW]?|EnumWindows|RtlCreateUserThread)\b/ nocase
    condition:
        filesize < 4MB and $declare and $allocate and $copy and $run
}

rule vba_process_by_wmi
{
    meta:
        description = "A macro starts a program through WMI, so that the document's program is not its parent."
        weight = 0.8
        attack = "T1047"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1047/"
    strings:
        $vba = /Attribute VB_|\bEnd (Sub|Function)\b/ nocase
        $moniker = "winmgmts:" nocase
        $class = /Win32_Process(Startup)?\b/ nocase
        $create = /\.\s{0,2}Create\s{0,2}[(\s]/ nocase
    condition:
        filesize < 4MB and $vba and $moniker and $class and $create
}

rule vba_lowers_macro_security
{
    meta:
        description = "A macro or script lowers the macro security of Office in the registry, or spreads into templates."
        weight = 2.0
        attack = "T1112"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1112/"
    strings:
        $vba = /Attribute VB_|\bEnd (Sub|Function)\b|CreateObject/ nocase
        $write = /(RegWrite|PrivateProfileString|SetValue|reg add|reg\.exe add)/ nocase
        $key = /Office\\[^"\n]{0,60}\\Security/ nocase
        $value = /\b(VBAWarnings|AccessVBOM)\b/ nocase
        $virus = /Options\.VirusProtection\s{0,2}=\s{0,2}(False|0)/ nocase
        $template = /NormalTemplate\.VBProject\.VBComponents/ nocase
        $insert = /\.(AddFromString|InsertLines|AddFromFile|Import)\b/ nocase
    condition:
        filesize < 4MB and $vba and (($write and $key and $value) or ($template and ($virus or $insert)))
}

rule vba_hides_words
{
    meta:
        description = "A macro that runs by itself turns strings around or deciphers them before it runs them."
        weight = 0.3
        attack = "T1027"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $auto = /\bSub\s{1,4}(Auto_?Open|Auto_?Close|AutoExec|AutoNew|Document_?(Open|Close|New)|Workbook_?(Open|Activate|BeforeClose))\b/ nocase
        $reverse = /StrReverse\s{0,2}\(\s{0,2}"[^"\n]{6,400}"/ nocase
        $xor = /Chr[BW]?\$?\s{0,2}\(\s{0,2}Asc[BW]?\s{0,2}\(\s{0,2}Mid[^\n]{1,80}\bXor\b/ nocase
        $replace = /(Replace\s{0,2}\([^\n]{1,200}){3}/ nocase
        $hex = /Chr\$?\s{0,2}\(\s{0,2}(CLng|CInt|Val)?\s{0,2}\(?\s{0,2}"&H"\s{0,2}&\s{0,2}Mid/ nocase
        $run = /\b(Shell|CreateObject|GetObject|CallByName|\.Run|\.Exec)\b/ nocase
    condition:
        filesize < 4MB and $auto and $run and any of ($reverse, $xor, $hex, $replace)
}
