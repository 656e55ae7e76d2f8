// Commands that have a system's own programs fetch, start or hide something.

rule certutil_downloads
{
    meta:
        description = "A command has certutil fetch a file from the network."
        weight = 2.2
        attack = "T1105"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $fetch = /certutil(\.exe)?["']?\s[^\n]{0,40}[-\/](urlcache|verifyctl)\s[^\n]{0,60}https?:\/\// nocase ascii wide
    condition:
        $fetch
}

rule bitsadmin_downloads
{
    meta:
        description = "A command has bitsadmin fetch a file from the network."
        weight = 2.0
        attack = "T1197"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1197/"
    strings:
        $fetch = /bitsadmin(\.exe)?["']?\s[^\n]{0,60}\/(transfer|addfile)\s[^\n]{0,120}https?:\/\// nocase ascii wide
    condition:
        $fetch
}

rule regsvr32_remote_scriptlet
{
    meta:
        description = "A command has regsvr32 run a scriptlet from the network."
        weight = 3.4
        attack = "T1218.010"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1218/010/"
    strings:
        $run = /regsvr32(\.exe)?["']?\s[^\n]{0,60}[-\/]i:["']?https?:[^\n]{1,160}scrobj/ nocase ascii wide
    condition:
        $run
}

rule mshta_remote_or_inline
{
    meta:
        description = "A command has mshta run a page from the network or code from the command line."
        weight = 2.8
        attack = "T1218.005"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1218/005/"
    strings:
        $run = /\bmshta(\.exe)?["']?\s{1,4}["']?(https?:\/\/|javascript:|vbscript:)/ nocase ascii wide
    condition:
        $run
}

rule rundll32_javascript
{
    meta:
        description = "A command has rundll32 run JavaScript through the HTML engine."
        weight = 4.4
        attack = "T1218.011"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1218/011/"
        family = "Poweliks"
    strings:
        $run = /rundll32(\.exe)?["']?\s{1,4}["']?javascript:/ nocase ascii wide
        $entry = "mshtml,RunHTMLApplication" nocase ascii wide
    condition:
        $run and $entry
}

rule backups_destroyed
{
    meta:
        description = "Commands delete shadow copies and backups or switch recovery off."
        weight = 3.0
        attack = "T1490"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1490/"
    strings:
        $vssadmin = /vssadmin(\.exe)?["']?\s{1,4}delete\s{1,4}shadows\b/ nocase ascii wide
        $wmic = /wmic(\.exe)?["']?\s{1,4}shadowcopy\s[^\n]{0,40}delete/ nocase ascii wide
        $object = /Win32_ShadowCopy[^\n]{0,80}(\.Delete\(|Remove-WmiObject|Remove-CimInstance)/ nocase ascii wide
        $recovery = /bcdedit(\.exe)?["']?\s[^\n]{0,40}recoveryenabled["']?\s{1,4}no\b/ nocase ascii wide
        $policy = /bcdedit(\.exe)?["']?\s[^\n]{0,40}bootstatuspolicy["']?\s{1,4}ignoreallfailures/ nocase ascii wide
        $catalog = /wbadmin(\.exe)?["']?\s{1,4}delete\s{1,4}(catalog|systemstatebackup)/ nocase ascii wide
    condition:
        2 of them
}

rule deletes_itself_after_ping
{
    meta:
        description = "A command waits by pinging and then deletes the program that gave it."
        weight = 2.2
        attack = "T1070.004"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1070/004/"
    strings:
        $ping = /\bping(\.exe)?\s{1,4}(-n\s{1,4}\d{1,3}\s{1,4})?(127\.0\.0\.1|1\.1\.1\.1|0|localhost)\s{0,4}(-n\s{1,4}\d{1,3}|-w\s{1,4}\d{1,5}|\s){0,3}\s{0,4}(>\s{0,2}nul\s{0,2})?&{1,2}\s{0,4}(del|erase|rd|rmdir)\s/ nocase ascii wide
        $timeout = /\btimeout(\.exe)?\s{1,4}(\/t\s{1,4})?\d{1,3}\s[^\n]{0,20}&{1,2}\s{0,4}(del|erase)\s{1,4}[^\n]{0,8}(\/[fqa]\s{1,4}){1,3}/ nocase ascii wide
    condition:
        any of them
}

rule account_taken_over_by_command
{
    meta:
        description = "Commands add an account, make it administrator and open remote desktop or the firewall."
        weight = 2.4
        attack = "T1136.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1136/001/"
    strings:
        $user = /net1?(\.exe)?\s{1,4}user\s{1,4}[^\s\/]{1,40}\s{1,4}[^\n]{0,60}\/add\b/ nocase ascii wide
        $group = /net1?(\.exe)?\s{1,4}localgroup\s{1,4}["']?administrators["']?\s[^\n]{1,60}\/add\b/ nocase ascii wide
        $desktop = /fDenyTSConnections[^\n]{0,60}\b0\b/ nocase ascii wide
        $firewall = /netsh(\.exe)?\s[^\n]{0,20}firewall\s[^\n]{0,40}(allowedprogram|opmode|state)[^\n]{0,60}(enable|disable|off)/ nocase ascii wide
        $hidden = "SpecialAccounts\\UserList" nocase ascii wide
    condition:
        $user and $group and any of ($desktop, $firewall, $hidden)
}

rule scheduled_task_runs_script
{
    meta:
        description = "A command schedules a script interpreter that fetches or hides what it runs."
        weight = 2.4
        attack = "T1053.005"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1053/005/"
    strings:
        $task = /schtasks(\.exe)?["']?\s[^\n]{0,40}\/create\s[^\n]{0,160}(powershell|mshta|wscript|cscript|regsvr32|rundll32)[^\n]{0,120}(https?:|hidden|\s-e(nc|c)?\s|appdata|\/i:)/ nocase ascii wide
    condition:
        $task
}

rule event_logs_cleared
{
    meta:
        description = "Commands clear the event logs of Windows one after another."
        weight = 2.4
        attack = "T1070.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1070/001/"
    strings:
        $clear = /wevtutil(\.exe)?["']?\s{1,4}(cl|clear-log)\s{1,4}["']?(system|security|application|setup)/ nocase ascii wide
        $each = /wevtutil(\.exe)?\s{1,4}el\b[^\n]{0,60}wevtutil(\.exe)?\s{1,4}cl\s/ nocase ascii wide
        $powershell = /Clear-EventLog\s[^\n]{0,60}(security|system)/ nocase ascii wide
        $journal = /fsutil(\.exe)?\s{1,4}usn\s{1,4}deletejournal/ nocase ascii wide
    condition:
        #clear >= 3 or $each or ($journal and any of ($clear, $powershell))
}
