// Trojans that take orders, what they do to other processes, and how they watch for being watched.

rule pe_njrat
{
    meta:
        description = "A Windows program holds the words of the njRAT trojan."
        weight = 5.0
        attack = "T1219"
        author = "stakeout"
        reference = "https://attack.mitre.org/software/S0385/"
        family = "njRAT"
    strings:
        $separator = "|'|'|" wide
        $zone = "SEE_MASK_NOZONECHECKS" wide
        $firewall = "netsh firewall add allowedprogram" wide
        $firewall_delete = "netsh firewall delete allowedprogram" wide
        $ping = "cmd.exe /c ping 0 -n 2 & del" wide
        $capture = "capGetDriverDescriptionA" ascii
        $run = "Software\\Microsoft\\Windows\\CurrentVersion\\Run" wide
    condition:
        uint16(0) == 0x5A4D and filesize < 10MB and 3 of ($separator, $zone, $firewall*, $ping) and any of ($capture, $run, $separator)
}

rule pe_remote_trojan_by_name
{
    meta:
        description = "A Windows program carries a word that only one remote-control trojan uses."
        weight = 4.6
        attack = "T1219"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1219/"
        family = "Remote-control trojan"
    strings:
        $darkcomet = "DC_MUTEX-" ascii wide
        $darkcomet_data = "#BEGIN DARKCOMET DATA --" ascii wide
        $remcos = "Remcos_Mutex_Inj" ascii wide
        $remcos_agent = "Remcos Agent initialized" ascii wide
        $quasar = "Quasar.Client" ascii wide
        $quasar_common = "xClient.Core" ascii wide
        $nanocore = "NanoCore.ClientPluginHost" ascii wide
        $nanocore_exceptions = "NanoCore Client" ascii wide
        $gh0st = "Gh0st Update" ascii wide
        $xtreme = "XTREMEBINDER" ascii wide
        $blackshades = "bss_server" ascii wide
        $async = "AsyncClient" ascii wide
        $async_settings = "Pastebin" ascii wide
        $async_mutex = "AsyncMutex_" ascii wide
        $beacon = "%s as %s\\%s: %d" ascii
        $beacon_pipe = "\\\\.\\pipe\\msagent_" ascii wide
        $beacon_ps = "powershell -nop -exec bypass -EncodedCommand \"%s\"" ascii
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and (any of ($darkcomet*, $remcos*, $quasar*, $nanocore*, $gh0st, $xtreme, $blackshades)
        or $async_mutex or ($async and $async_settings) or 2 of ($beacon*))
}

rule pe_reflective_loader
{
    meta:
        description = "A library of Windows can load itself from memory."
        weight = 3.2
        attack = "T1620"
        author = "stakeout"
        reference = "https://github.com/stephenfewer/ReflectiveDLLInjection"
        group = "pe.injection"
    strings:
        $export = /[?_]?ReflectiveLoader(@@|@4|\x00)/ ascii
    condition:
        uint16(0) == 0x5A4D and $export
}

rule pe_process_hollowing
{
    meta:
        description = "A Windows program holds the names of the functions that replace the code of another process."
        weight = 1.8
        attack = "T1055.012"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1055/012/"
        group = "pe.injection"
    strings:
        $unmap = /\b(Nt|Zw)UnmapViewOfSection\b/ ascii wide
        $write = /\b(WriteProcessMemory|NtWriteVirtualMemory|ZwWriteVirtualMemory)\b/ ascii wide
        $context = /\b(Wow64)?SetThreadContext\b|\b(Nt|Zw)SetContextThread\b/ ascii wide
        $resume = /\b(Nt|Zw)?ResumeThread\b/ ascii wide
        $allocate = /\bVirtualAllocEx\b|\b(Nt|Zw)AllocateVirtualMemory\b/ ascii wide
        $create = /\bCreateProcess(Internal)?[AW]\b/ ascii wide
        // The library that exports these functions has their names too.
        $itself = "BaseThreadInitThunk"
    condition:
        uint16(0) == 0x5A4D and filesize < 5MB and not $itself
        and $unmap and $write and $context and $resume and $allocate and $create
}

rule pe_injects_threads
{
    meta:
        description = "A small Windows program walks the processes and starts a thread in another one."
        weight = 1.6
        attack = "T1055"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1055/"
        group = "pe.injection"
    strings:
        $allocate = "VirtualAllocEx" ascii wide fullword
        $write = "WriteProcessMemory" ascii wide fullword
        $thread = /\b(CreateRemoteThread(Ex)?|NtCreateThreadEx|RtlCreateUserThread|QueueUserAPC)\b/ ascii wide
        $walk = /\bProcess32(First|Next)W?\b/ ascii wide
        $open = "OpenProcess" ascii wide fullword
        // The library that exports these functions has their names too.
        $itself = "BaseThreadInitThunk"
    condition:
        uint16(0) == 0x5A4D and filesize < 1MB and not $itself
        and all of ($allocate, $write, $thread, $walk, $open)
}

rule pe_looks_for_analysts
{
    meta:
        description = "A Windows program holds a list of the tools and machines of analysts."
        weight = 2.6
        attack = "T1497.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1497/001/"
        group = "pe.evasion"
    strings:
        $sandboxie = "SbieDll" ascii wide nocase
        $vbox = /\b(VBoxService|VBoxTray|VBoxHook|VBoxGuest|VBoxMouse)\b/ nocase ascii wide
        $vmware = /\b(vmtoolsd|vmwaretray|vmwareuser|VMwareService|vmhgfs\.sys|vmmouse\.sys|vmacthlp)\b/ nocase ascii wide
        $qemu = /\b(qemu-ga|prl_cc|prl_tools|xenservice|vmusrvc|vmsrvc)(\.exe)?\b/ nocase ascii wide
        $debugger = /\b(ollydbg|x64dbg|x32dbg|windbg|ImmunityDebugger|idaq?64|idaq|dnspy)(\.exe)?\b/ nocase ascii wide
        $monitor = /\b(procmon|procexp|processhacker|regmon|filemon|autoruns|tcpview|sysinternals)(64)?(\.exe)?\b/ nocase ascii wide
        $network = /\b(wireshark|fiddler|dumpcap|httpdebugger(ui|svc)?|netmon|smsniff|charles)(\.exe)?\b/ nocase ascii wide
        $sandbox = /\b(cuckoo|joeboxcontrol|joeboxserver|sandbox|maltest|malware|sample\.exe|currentuser|api_log\.dll|dir_watch\.dll|cmdvrt32\.dll|pstorec\.dll|vmcheck\.dll|wpespy\.dll)\b/ nocase ascii wide
        $wine = "wine_get_unix_file_name" ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and 5 of them
}

rule pe_stays_and_fetches
{
    meta:
        description = "A small Windows program enters itself for every start and fetches files from a numeric address."
        weight = 2.0
        attack = "T1547.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1547/001/"
        group = "pe.persistence"
    strings:
        $run = /Software\\\\?Microsoft\\\\?Windows\\\\?CurrentVersion\\\\?(Run|RunOnce|Policies\\\\?Explorer\\\\?Run)\b/ nocase ascii wide
        $write = /\bRegSetValue(Ex)?[AW]?\b|\bSetValue\b/ ascii wide
        $numeric = /https?:\/\/\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(:\d{2,5})?\/[\w.\/-]{1,80}\.(exe|dll|php|bin|txt|jpg|asp)\b/ nocase ascii wide
        $fetch = /\b(URLDownloadToFile[AW]|InternetOpenUrl[AW]|InternetReadFile|WinHttpReadData|DownloadFile|HttpSendRequest[AW])\b/ ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 5MB and all of them
}

rule pe_names_its_trade
{
    meta:
        description = "The path of the debug file, left by the linker, says that the program is malware."
        weight = 3.2
        attack = "T1587.001"
        author = "stakeout"
        reference = "PE/COFF specification, Debug Directory; https://attack.mitre.org/techniques/T1587/001/"
    strings:
        $path = /RSDS[\x00-\xff]{20}[a-z]:\\[^\x00]{0,160}(stealer|crypter|keylogger|ransom|rootkit|botnet|backdoor|trojan|\bmalware|bypassuac|shellcode|dropper|infostealer|clipper|injector|payload)[^\x00]{0,100}\.pdb\x00/ nocase
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and $path
}

rule pe_irc_bot
{
    meta:
        description = "A Windows program takes orders over IRC."
        weight = 3.0
        attack = "T1071"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1071/"
    strings:
        $privmsg = /\bPRIVMSG (%s|#)/ ascii wide
        $nick = /\bNICK (%s|\[)/ ascii wide
        $join = /\bJOIN (%s|#)/ ascii wide
        $user = /\bUSER (%s|\w{1,12}) / ascii wide
        $flood = /\b(udp|syn|tcp|http|icmp|slowloris)[ .-]?(flood|ddos)?\b[^\x00]{0,30}flood|\.(download|update|visit|ddos|udp|syn|scan|asc|advscan|keylog)\x00/ nocase ascii wide
        $copy = /(autorun\.inf|\\C\$\\|ADMIN\$|\\IPC\$)/ nocase ascii wide
        $run = /CurrentVersion\\Run\b/ nocase ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 5MB and $privmsg and $nick and $join and 2 of ($user, $flood, $copy, $run)
}

rule pe_spreads_by_autorun
{
    meta:
        description = "A Windows program writes an autorun file that starts it from removable disks."
        weight = 2.6
        attack = "T1091"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1091/"
    strings:
        $section = "[autorun]" nocase ascii wide
        $open = /(open|shellexecute|shell\\(open|auto|explore)\\command)\s{0,2}=\s{0,2}[^\x00\r\n]{0,60}/ nocase ascii wide
        $file = /(\\|:|%c)autorun\.inf/ nocase ascii wide
        $drives = /\bGet(DriveType|LogicalDrive(s|Strings))[AW]?\b/ ascii wide
        $copy = /\bCopyFile(Ex)?[AW]?\b/ ascii wide
        $attributes = /\bSetFileAttributes[AW]?\b/ ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 5MB and $section and $open and $file and $drives and any of ($copy, $attributes)
}
