// Packed ELF programs. Packing alone says little: honest programs are packed too.

rule elf_upx
{
    meta:
        description = "An ELF program is packed by UPX."
        weight = 0.8
        attack = "T1027.002"
        author = "stakeout"
        reference = "https://github.com/upx/upx, src/stub/src/include/header.S"
        group = "elf.structure"
    strings:
        $magic = "UPX!"
        $notice = "$Info: This file is packed with the UPX executable packer"
    condition:
        uint32(0) == 0x464C457F and #magic >= 2 and $magic in (filesize - 512..filesize) and $notice
}

rule elf_upx_without_notice
{
    meta:
        description = "An ELF program is packed by UPX, and what tells a reader so was taken out."
        weight = 1.6
        attack = "T1027.002"
        author = "stakeout"
        reference = "https://github.com/upx/upx, src/stub/src/include/header.S"
        group = "elf.structure"
    strings:
        $magic = "UPX!"
        $notice = "This file is packed with the UPX"
        $unpack = /PROT_EXEC\|PROT_WRITE failed\.\n/
    condition:
        uint32(0) == 0x464C457F and filesize < 20MB and not $notice
        and ($unpack or ($magic in (0..512) and $magic in (filesize - 512..filesize)))
}

rule elf_script_in_program
{
    meta:
        description = "An ELF program is a shell script made unreadable by shc."
        weight = 2.0
        attack = "T1027"
        author = "stakeout"
        reference = "https://github.com/neurobin/shc"
        group = "elf.structure"
    strings:
        $expired = "has expired!\n"
        $contact = "Please contact your provider"
        $argument = "E: neither argv[0] nor $_ works."
        $variable = /x%lx\x00/
        $equals = "=%lu %d\x00"
    condition:
        uint32(0) == 0x464C457F and filesize < 4MB and ($argument or ($variable and $equals)) and any of ($expired, $contact, $equals)
}
