// Parts of documents that analyzers hand over, or that stand alone: relationships, fields, lists for a spreadsheet.

rule remote_template
{
    meta:
        description = "A document takes its template from the network when it is opened."
        weight = 3.4
        attack = "T1221"
        author = "stakeout"
        reference = "ECMA-376 part 1, attachedTemplate; https://attack.mitre.org/techniques/T1221/"
    strings:
        $part = "/relationships/attachedTemplate\"" nocase
        $relation = /<Relationship\s[^>]{0,400}attachedTemplate"[^>]{0,400}Target\s{0,2}=\s{0,2}["']\s{0,2}(https?:|ftp:|\\\\|file:\/\/\/\\\\)[^>]{1,400}/ nocase
        $turned = /<Relationship\s[^>]{0,400}Target\s{0,2}=\s{0,2}["']\s{0,2}(https?:|ftp:|\\\\|file:\/\/\/\\\\)[^>]{1,400}attachedTemplate"/ nocase
        $external = /TargetMode\s{0,2}=\s{0,2}["']External/ nocase
    condition:
        filesize < 2MB and $part and $external and any of ($relation, $turned)
}

rule remote_object
{
    meta:
        description = "A document loads an object, frame or control from the network when it is opened."
        weight = 2.8
        attack = "T1221"
        author = "stakeout"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2017-0199"
    strings:
        $relation = /<Relationship\s[^>]{0,400}\/relationships\/(oleObject|frame|subDocument|externalLinkPath|control)"[^>]{0,400}Target\s{0,2}=\s{0,2}["']\s{0,2}(https?|ftp):\/\// nocase
        $turned = /<Relationship\s[^>]{0,400}Target\s{0,2}=\s{0,2}["']\s{0,2}(https?|ftp):\/\/[^>]{1,400}\/relationships\/(oleObject|frame|subDocument|control)"/ nocase
        $external = /TargetMode\s{0,2}=\s{0,2}["']External/ nocase
    condition:
        filesize < 2MB and $external and any of ($relation, $turned)
}

rule remote_object_by_moniker
{
    meta:
        description = "A document names a remote page as an object in the way of CVE-2021-40444 or CVE-2022-30190."
        weight = 4.8
        attack = "T1203"
        author = "stakeout"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2021-40444, https://nvd.nist.gov/vuln/detail/CVE-2022-30190"
        family = "MSHTML or Follina exploit"
    strings:
        $mhtml = /Target\s{0,2}=\s{0,2}["']\s{0,2}(mhtml:|x-usc:)+\s{0,2}https?:/ nocase
        $object = /\/relationships\/oleObject"/ nocase
        $bang = /Target\s{0,2}=\s{0,2}["']\s{0,2}https?:\/\/[^"'\n]{1,300}!["']/ nocase
        $msdt = /ms-msdt:[^\n]{0,60}(PCWDiagnostic|IT_BrowseForFile)/ nocase
    condition:
        filesize < 4MB and ($mhtml or ($object and $bang) or $msdt)
}

rule dde_starts_program
{
    meta:
        description = "A field of a document has another program started by dynamic data exchange."
        weight = 3.5
        attack = "T1559.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1559/002/"
    strings:
        $field = /\bDDE(AUTO)?\s{1,4}(&quot;|["']|\\{0,2}"|[a-z]:\\|\\)?[^<>\n]{0,80}(cmd(\.exe)?|powershell|mshta|certutil|regsvr32|rundll32|msiexec|bitsadmin|wscript|cscript)/ nocase
        $word = /<w:instrText[^>]{0,60}>[^<]{0,20}DDE(AUTO)?\b/ nocase
        $codes = /\bQUOTE(\s{1,4}\d{2,3}){8}/ nocase
    condition:
        filesize < 8MB and ($field or ($word and $codes))
}

rule list_with_dde_formula
{
    meta:
        description = "A list made for a spreadsheet holds a formula that starts a program."
        weight = 3.4
        attack = "T1559.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1559/002/"
    strings:
        $formula = /(^|[,;"\t\n])[=+@-][^\n,;]{0,60}\b(cmd|powershell|mshta|rundll32|regsvr32|certutil|msexcel)\s{0,2}\|\s{0,2}'[^'\n]{1,300}'\s{0,2}!/ nocase
        $sylk = /\nE;?[^\n]{0,60}(cmd|powershell|mshta)\|'[^'\n]{1,300}'!/ nocase
        $magic = /^ID;P/
    condition:
        filesize < 8MB and ($formula or ($magic and $sylk))
}

rule excel4_macro_downloads
{
    meta:
        description = "An Excel 4 macro calls Windows to fetch a file or to start a program."
        weight = 3.4
        attack = "T1059"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/"
    strings:
        $call = /\b(CALL|REGISTER)\s{0,2}\(\s{0,2}(&quot;|")(urlmon|shell32|kernel32|wininet|ntdll)(&quot;|")?/ nocase
        $download = /URLDownloadToFile[AW]?/ nocase
        $execute = /ShellExecute[AW]?|WinExec|CreateProcess[AW]?|VirtualAlloc/ nocase
        $exec = /\bEXEC\s{0,2}\(\s{0,2}(&quot;|")[^"\n]{0,80}(cmd|powershell|mshta|regsvr32|rundll32|wmic|certutil)/ nocase
    condition:
        filesize < 8MB and (($call and any of ($download, $execute)) or $exec)
}
