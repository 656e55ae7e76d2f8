// Rich text that brings objects, and the equation editor's holes.

rule rtf_equation_object_runs_at_once
{
    meta:
        description = "Rich text holds an object of the equation editor and has it activated when the file is opened."
        weight = 4.6
        attack = "T1203"
        author = "stakeout"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2017-11882"
        family = "CVE-2017-11882"
    strings:
        $object = "\\objdata" nocase
        $update = "\\objupdate" nocase
        $ole = /\\objocx|\\objautlink|\\objlink/ nocase
        // "Equation.3" and the class id 0002CE02-0000-0000-C000-000000000046, as hexadecimal text with blanks between
        $name = /45\s{0,2}71\s{0,2}75\s{0,2}61\s{0,2}74\s{0,2}69\s{0,2}6f\s{0,2}6e\s{0,2}2e\s{0,2}33/ nocase
        $class = /02\s{0,2}ce\s{0,2}02\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}c0\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}46/ nocase
        $plain = "Equation.3" nocase
    condition:
        uint32be(0) == 0x7B5C7274 and $object and any of ($name, $class, $plain) and any of ($update, $ole)
}

rule rtf_equation_object
{
    meta:
        description = "Rich text holds an object of the equation editor, honest in old papers, an exploit in most mail."
        weight = 2.0
        attack = "T1203"
        author = "stakeout"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2017-11882"
    strings:
        $object = "\\objdata" nocase
        $name = /45\s{0,2}71\s{0,2}75\s{0,2}61\s{0,2}74\s{0,2}69\s{0,2}6f\s{0,2}6e\s{0,2}2e\s{0,2}33/ nocase
        $class = /02\s{0,2}ce\s{0,2}02\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}c0\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}00\s{0,2}46/ nocase
    condition:
        uint32be(0) == 0x7B5C7274 and $object and any of ($name, $class)
}

rule rtf_object_in_odd_header
{
    meta:
        description = "Rich text with an object does not begin as its specification says, as generators of exploits write it."
        weight = 2.6
        attack = "T1027"
        author = "stakeout"
        reference = "Rich Text Format Specification 1.9.1, Header"
    strings:
        $header = /^\{\\rtf1/
        $object = "\\objdata" nocase
    condition:
        uint32be(0) == 0x7B5C7274 and $object and not $header at 0
}

rule rtf_remote_link
{
    meta:
        description = "Rich text holds a link object with an address on the network that Word follows by itself."
        weight = 3.6
        attack = "T1203"
        author = "stakeout"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2017-0199"
        family = "CVE-2017-0199"
    strings:
        $object = "\\objdata" nocase
        $link = /\\objautlink|\\objupdate/ nocase
        // the class id of the URL moniker, 79EAC9E0-BAF9-11CE-8C82-00AA004BA90B
        $moniker = /e0\s{0,2}c9\s{0,2}ea\s{0,2}79\s{0,2}f9\s{0,2}ba\s{0,2}ce\s{0,2}11\s{0,2}8c\s{0,2}82\s{0,2}00\s{0,2}aa\s{0,2}00\s{0,2}4b\s{0,2}a9\s{0,2}0b/ nocase
    condition:
        uint32be(0) == 0x7B5C7274 and $object and $link and $moniker
}

rule rtf_embedded_program
{
    meta:
        description = "Rich text holds a Windows program or script as an embedded package."
        weight = 3.2
        attack = "T1566.001"
        author = "stakeout"
        reference = "MS-OLEDS 2.2, ObjectHeader; https://attack.mitre.org/techniques/T1566/001/"
    strings:
        $object = "\\objdata" nocase
        // "This program cannot be run in DOS mode"
        $stub = /546869732070726f6772616d2063616e6e6f742062652072756e20696e20444f53206d6f6465/ nocase
        // "Package" and its terminator
        $package = /5061636b61676500/ nocase
        // .exe .js .vbs .hta .scr .bat .cmd .ps1 .wsf .sct .lnk, each with its terminator
        $name = /2e(657865|6a73|766273|687461|736372|626174|636d64|707331|777366|736374|6c6e6b)00/ nocase
    condition:
        uint32be(0) == 0x7B5C7274 and $object and ($stub or ($package and $name))
}

rule rtf_dde_field
{
    meta:
        description = "Rich text holds a field that has another program started by dynamic data exchange."
        weight = 3.4
        attack = "T1559.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1559/002/"
    strings:
        $field = "\\fldinst" nocase
        $dde = /\bDDE(AUTO)?\b[^}]{0,200}(cmd|powershell|mshta|certutil|regsvr32|rundll32|msiexec)/ nocase
    condition:
        uint32be(0) == 0x7B5C7274 and $field and $dde
}
