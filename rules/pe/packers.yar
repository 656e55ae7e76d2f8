// Packers by the names they give to sections. The names stand in the first 1,024 bytes, so no parser is needed.
// Packing alone says little: honest programs are packed too. One group caps what all these may say.

rule pe_upx
{
    meta:
        description = "A Windows program is packed by UPX."
        weight = 0.5
        attack = "T1027.002"
        author = "stakeout"
        reference = "https://github.com/upx/upx, src/p_w32pe.cpp"
        group = "pe.structure"
    strings:
        $first = "UPX0\x00\x00\x00\x00"
        $second = "UPX1\x00\x00\x00\x00"
        $magic = "UPX!"
    condition:
        uint16(0) == 0x5A4D and $first in (0..1024) and $second in (0..1024) and $magic in (0..4096)
}

rule pe_upx_disguised
{
    meta:
        description = "A Windows program unpacks itself as UPX does, under other section names or without its mark."
        weight = 1.4
        attack = "T1027.002"
        author = "stakeout"
        reference = "https://github.com/upx/upx, src/stub/src/i386-win32.pe.S"
        group = "pe.structure"
    strings:
        $magic = "UPX!"
        $first = "UPX0\x00\x00\x00\x00"
        // pusha; mov esi, packed; lea edi, [esi - n]; push edi; (or ebp, -1;) jmp
        $start = { 60 BE ?? ?? ?? ?? 8D BE ?? ?? ?? FF 57 ( 83 CD FF EB | EB ) }
    condition:
        uint16(0) == 0x5A4D and $start and not ($magic in (0..4096) and $first in (0..1024))
}

rule pe_mpress
{
    meta:
        description = "A Windows program is packed by MPRESS."
        weight = 0.7
        attack = "T1027.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        group = "pe.structure"
    strings:
        $first = ".MPRESS1"
        $second = ".MPRESS2"
    condition:
        uint16(0) == 0x5A4D and any of them in (0..1024)
}

rule pe_aspack
{
    meta:
        description = "A Windows program is packed by ASPack or ASProtect."
        weight = 0.7
        attack = "T1027.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        group = "pe.structure"
    strings:
        $first = ".aspack\x00"
        $second = ".adata\x00\x00"
        $name = ".ASPack\x00"
    condition:
        uint16(0) == 0x5A4D and ($first in (0..1024) or $name in (0..1024) or $second in (0..1024))
}

rule pe_protector
{
    meta:
        description = "A Windows program is guarded against analysis by Themida, WinLicense, VMProtect, Enigma or Obsidium."
        weight = 0.9
        attack = "T1027.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        group = "pe.structure"
    strings:
        $themida = ".themida"
        $winlicense = ".winlice"
        $vmprotect = ".vmp0\x00\x00\x00"
        $vmprotect_next = ".vmp1\x00\x00\x00"
        $enigma = ".enigma1"
        $enigma_next = ".enigma2"
        $obsidium = "obsidium"
    condition:
        uint16(0) == 0x5A4D and any of them in (0..1536)
}

rule pe_rare_packer
{
    meta:
        description = "A Windows program is packed by a packer that honest publishers hardly use any more."
        weight = 0.7
        attack = "T1027.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        group = "pe.structure"
    strings:
        $petite = ".petite\x00"
        $nspack = "nsp0\x00\x00\x00\x00"
        $nspack_dot = ".nsp0\x00\x00\x00"
        $nspack_next = "nsp1\x00\x00\x00\x00"
        $nspack_dot_next = ".nsp1\x00\x00\x00"
        $pecompact = "PEC2"
        $pecompact_name = "PECompact2"
        $mew = "MEW\x00F\x12\xD2\xC3"
        $fsg = "FSG!"
        $upack = ".Upack\x00\x00"
        $yoda = ".yP\x00\x00\x00\x00\x00"
        $neolite = ".neolite"
        $perplex = ".perplex"
        $telock = ".tElock"
        $packman = ".PACKMAN"
        $rlpack = ".RLPack\x00"
        $wwpack = ".WWPACK"
        $svkp = ".svkp\x00\x00\x00"
        $spack = ".spack\x00\x00"
        $kkrunchy = "kkrunchy"
        $boom = ".boom\x00\x00\x00"
    condition:
        uint16(0) == 0x5A4D and any of them in (0..1024)
}

rule pe_installer_of_scripts
{
    meta:
        description = "A Windows program is a compiled AutoIt script, a form that droppers like."
        weight = 0.4
        attack = "T1059.010"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/010/"
        group = "pe.structure"
    strings:
        $magic = { A3 48 4B BE 98 6C 4A A9 99 4C 53 0A 86 D6 48 7D 41 55 33 21 45 41 30 }
        $words = "This is a third-party compiled AutoIt script." ascii wide
    condition:
        uint16(0) == 0x5A4D and any of them
}
