// PowerShell that fetches, hides, loads from memory or switches protection off, in scripts and inside other files.

rule powershell_download_cradle
{
    meta:
        description = "PowerShell runs text straight from the network; some honest installers do so too."
        weight = 1.4
        attack = "T1059.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
    strings:
        $run_first = /\b(iex|Invoke-Expression)\b[^\n]{0,40}\(?\s{0,4}New-Object\s{1,4}['"]?(System\.)?Net\.WebClient['"]?\s{0,2}\)\s{0,2}\.\s{0,2}Download(String|Data)\s{0,2}\(/ nocase ascii wide
        $run_last = /New-Object\s{1,4}['"]?(System\.)?Net\.WebClient['"]?\s{0,2}\)\s{0,2}\.\s{0,2}DownloadString\s{0,2}\([^\n|]{1,200}\)\s{0,4}\|\s{0,4}(iex|Invoke-Expression)\b/ nocase ascii wide
        $request = /\b(iex|Invoke-Expression)\b[^\n]{0,20}\(\s{0,4}(iwr|irm|Invoke-WebRequest|Invoke-RestMethod|curl|wget)\s/ nocase ascii wide
    condition:
        any of them
}

rule powershell_encoded_command
{
    meta:
        description = "PowerShell is started with a long encoded command."
        weight = 2.4
        attack = "T1027.010"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/010/"
    strings:
        $command = /powershell(\.exe)?["']?\s[^\n]{0,120}-e(c|nc|nco|ncod|ncode|ncoded|ncodedc|ncodedco|ncodedcom|ncodedcomm|ncodedcomma|ncodedcomman|ncodedcommand)?\s{1,4}["']?[A-Za-z0-9+\/]{64}/ nocase ascii wide
    condition:
        $command
}

rule powershell_hidden_download
{
    meta:
        description = "PowerShell runs without a window, past the execution policy, and fetches a file."
        weight = 3.0
        attack = "T1564.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1564/003/"
    strings:
        $shell = "powershell" nocase ascii wide
        $hidden = /-w(in|indow|indowstyle)?\s{1,4}["']?(hidden|1)\b/ nocase ascii wide
        $policy = /-(ep|ex|exec|executionpolicy)\s{1,4}["']?(bypass|unrestricted)\b/ nocase ascii wide
        $file = /\.Download(File|String|Data)\s{0,2}\(\s{0,2}['"]\s{0,2}http/ nocase ascii wide
        $request = /(Invoke-WebRequest|iwr|Start-BitsTransfer)\s[^\n]{0,80}http/ nocase ascii wide
    condition:
        filesize < 10MB and $shell and $hidden and $policy and any of ($file, $request)
}

rule powershell_base64_cradle
{
    meta:
        description = "PowerShell code that downloads something stands in the file as base64."
        weight = 2.8
        attack = "T1027.010"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/010/"
    strings:
        $client = "Net.WebClient" base64 base64wide
        $string = "DownloadString(" base64 base64wide
        $file = "DownloadFile(" base64 base64wide
        $run = "Invoke-Expression" base64 base64wide
    condition:
        filesize < 10MB and 2 of them
}

rule powershell_loads_assembly
{
    meta:
        description = "PowerShell loads a program that stands in the script as base64, without writing it to disk."
        weight = 2.8
        attack = "T1620"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1620/"
    strings:
        $load = /\[\s{0,2}(System\.)?(Reflection\.Assembly|AppDomain)\s{0,2}\]\s{0,2}::\s{0,2}(CurrentDomain\.)?Load\s{0,2}\(/ nocase ascii wide
        $decode = "FromBase64String" nocase ascii wide
        $entry = /\.(EntryPoint|GetMethod\s{0,2}\([^\n)]{1,80}\))\s{0,2}\.\s{0,2}Invoke\s{0,2}\(/ nocase ascii wide
        $program = /['"](TVqQAAMAAAAEAAAA|TVpQAAIAAAAEAA8A|H4sIAAAAAAA)/ ascii wide
    condition:
        filesize < 20MB and $load and $decode and any of ($entry, $program)
}

rule powershell_amsi_bypass
{
    meta:
        description = "A script reaches into the antimalware scan interface to switch it off."
        weight = 3.5
        attack = "T1562.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1562/001/"
    strings:
        $class = "System.Management.Automation.AmsiUtils" nocase ascii wide
        $field = "amsiInitFailed" nocase ascii wide
        $context = "amsiContext" nocase ascii wide
        $set = /\.SetValue\s{0,2}\(\s{0,2}\$null/ nocase ascii wide
        $protect = "VirtualProtect" ascii wide
        $buffer = "AmsiScanBuffer" ascii wide
        $address = "GetProcAddress" ascii wide
        $load = "LoadLibrary" ascii wide
        $type = "Add-Type" nocase ascii wide
    condition:
        filesize < 4MB and (($class and any of ($field, $context) and $set) or all of ($protect, $buffer, $address, $load, $type))
}

rule powershell_runs_shellcode
{
    meta:
        description = "A PowerShell script copies bytes into executable memory and starts a thread there."
        weight = 3.5
        attack = "T1055"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1055/"
    strings:
        $bytes = /\[Byte\[\]\]/ nocase ascii wide
        $allocate = "VirtualAlloc" nocase ascii wide
        $copy = /Marshal\]\s{0,2}::\s{0,2}Copy\s{0,2}\(/ nocase ascii wide
        $thread = /Create(Remote)?Thread/ nocase ascii wide
        $delegate = "GetDelegateForFunctionPointer" nocase ascii wide
        $protection = /0x40\b/ ascii wide
    condition:
        filesize < 10MB and $bytes and $allocate and $copy and $protection and any of ($thread, $delegate)
}

rule defender_switched_off
{
    meta:
        description = "A command switches off or blinds Microsoft Defender."
        weight = 2.6
        attack = "T1562.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1562/001/"
    strings:
        $realtime = /Set-MpPreference[^\n]{0,80}-DisableRealtimeMonitoring\s{1,4}(\$true|1)/ nocase ascii wide
        $exclusion = /Add-MpPreference[^\n]{0,40}-Exclusion(Path|Extension|Process)\s{1,4}['"]?([a-z]:\\?['"\s]|\$env:|%|\.?exe)/ nocase ascii wide
        $policy = /reg(\.exe)?\s{1,4}add[^\n]{0,120}Windows Defender[^\n]{0,120}Disable(AntiSpyware|RealtimeMonitoring)[^\n]{0,40}\/d\s{1,4}1/ nocase ascii wide
    condition:
        any of them
}
