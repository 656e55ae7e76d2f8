// JScript, VBScript and HTML applications that fetch a file and start it, and the ways they hide their words.

rule jscript_downloads_and_runs
{
    meta:
        description = "A JScript file fetches a file, saves it and starts a program."
        weight = 3.4
        attack = "T1059.007"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/007/"
    strings:
        $object = /new\s{1,4}ActiveXObject\s{0,2}\(|WScript\.CreateObject\s{0,2}\(/ nocase ascii wide
        $fetch = /(MSXML2\.(Server)?XMLHTTP|Microsoft\.XMLHTTP|WinHttp\.WinHttpRequest)/ nocase ascii wide
        $stream = "ADODB.Stream" nocase ascii wide
        $save = "SaveToFile" nocase ascii wide
        $shell = /(WScript\.Shell|Shell\.Application)/ nocase ascii wide
        $run = /\.(Run|Exec|ShellExecute)\s{0,2}\(/ nocase ascii wide
    condition:
        filesize < 2MB and $object and $fetch and $stream and $save and $shell and $run
}

rule vbscript_downloads_and_runs
{
    meta:
        description = "A VBScript fetches a file, saves it and starts a program."
        weight = 3.2
        attack = "T1059.005"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/005/"
    strings:
        $object = /CreateObject\s{0,2}\(\s{0,2}"/ nocase ascii wide
        $fetch = /"(MSXML2\.(Server)?XMLHTTP|Microsoft\.XMLHTTP|WinHttp\.WinHttpRequest)/ nocase ascii wide
        $stream = "ADODB.Stream" nocase ascii wide
        $save = "SaveToFile" nocase ascii wide
        $shell = /(WScript\.Shell|Shell\.Application)/ nocase ascii wide
        $run = /\.(Run|Exec|ShellExecute)[\s(]/ nocase ascii wide
        $vba_run = /\bShell\s{0,2}[("]/ nocase ascii wide
        $module = /\bAttribute VB_Name\b/
    condition:
        filesize < 2MB and not $module and $object and $fetch and $stream and $save and (($shell and $run) or $vba_run)
}

rule hta_runs_command
{
    meta:
        description = "An HTML application starts a command interpreter."
        weight = 2.8
        attack = "T1218.005"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1218/005/"
    strings:
        $application = "<hta:application" nocase ascii wide
        $script = /<script[^>\n]{0,60}(vbscript|jscript|javascript)/ nocase ascii wide
        $shell = "WScript.Shell" nocase ascii wide
        $process = "Win32_Process" nocase ascii wide
        $command = /\b(powershell|mshta|cmd(\.exe)?\s{1,4}\/c|certutil|bitsadmin|rundll32|regsvr32)\b/ nocase ascii wide
        $hidden = /\.Run\b[^\r\n]{1,400},\s{0,2}0\b/ nocase ascii wide
        $close = /(window|self)\.close/ nocase ascii wide
    condition:
        filesize < 4MB and $script and any of ($shell, $process) and $command
        and ($application or ($hidden and $close))
}

rule script_of_character_codes
{
    meta:
        description = "A script puts its words together from long runs of character codes."
        weight = 1.6
        attack = "T1027"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $basic = /(chr[bw]?\$?\s{0,2}\(\s{0,2}(&h)?[0-9a-f]{1,5}\s{0,2}([-+*\/^]\s{0,2}[0-9]{1,6}\s{0,2}){0,2}\)\s{0,2}[&+]\s{0,2}(_\s{1,4})?){16}/ nocase ascii wide
        $jscript = /(eval|execute|Function)\s{0,2}\(\s{0,2}String\.fromCharCode\s{0,2}\(\s{0,2}([0-9]{1,5}\s{0,2},\s{0,2}){16}/ nocase ascii wide
    condition:
        filesize < 4MB and any of them
}

rule script_evals_unescaped
{
    meta:
        description = "A script evaluates or writes out a page from a long escaped text."
        weight = 1.4
        attack = "T1027"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/"
    strings:
        $percent = /(eval|document\.write(ln)?|execute)\s{0,2}\(\s{0,2}unescape\s{0,2}\(\s{0,2}["'](%[0-9a-f]{2}){24}/ nocase
        $unicode = /unescape\s{0,2}\(\s{0,2}["'](%u[0-9a-f]{4}){16}/ nocase
    condition:
        filesize < 4MB and any of them
}

rule javascript_skimmer
{
    meta:
        description = "A script of a web page reads card numbers and sends them away in a disguised request."
        weight = 2.6
        attack = "T1056.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1056/003/"
        family = "Magecart"
    strings:
        $number = /(cc_number|ccnumber|card_number|cardnumber|cc-number)/ nocase
        $code = /(cc_cid|cc_cvv|cvv2?|card_code|cvc)["'\]]/ nocase
        $encode = /\bbtoa\s{0,2}\(\s{0,2}(JSON\.stringify|encodeURIComponent|unescape)/
        $image = /new\s{1,4}Image\s{0,2}\([^)]{0,10}\)[^\n]{0,60}\.src\s{0,2}=/
        $checkout = /(checkout|onepage|firecheckout|onestepcheckout)/ nocase
    condition:
        filesize < 1MB and $number and $code and $encode and $image and $checkout
}

rule shortcut_runs_script
{
    meta:
        description = "A Windows shortcut starts a script interpreter that fetches or hides something."
        weight = 3.5
        attack = "T1204.002"
        author = "stakeout"
        reference = "MS-SHLLINK 2.1, ShellLinkHeader; https://attack.mitre.org/techniques/T1204/002/"
    strings:
        $interpreter = /\b(powershell|mshta|wscript|cscript|cmd|rundll32|regsvr32|certutil|bitsadmin|conhost)(\.exe)?\b/ nocase ascii wide
        $remote = /https?:\/\/[\w.-]{3}/ nocase ascii wide
        $hidden = /-w(in|indow|indowstyle)?\s{1,4}["']?(hidden|1)\b/ nocase wide
        $encoded = /-e(c|nc|ncodedcommand)?\s{1,4}[A-Za-z0-9+\/]{40}/ nocase wide
        $findstr = /findstr\s[^\n]{0,60}\.lnk/ nocase wide
    condition:
        filesize < 4MB and uint32(0) == 0x0000004C and uint32(4) == 0x00021401 and $interpreter
        and any of ($remote, $hidden, $encoded, $findstr)
}
