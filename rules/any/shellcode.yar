// The first instructions of position-independent code that attack frameworks generate, in any file.

rule shellcode_windows_32
{
    meta:
        description = "The file holds the prologue of 32-bit Windows shellcode that finds functions by hash."
        weight = 3.6
        attack = "T1620"
        author = "stakeout"
        reference = "Metasploit Framework, external/source/shellcode/windows/x86/src/block/block_api.asm"
        family = "Metasploit or Cobalt Strike"
    strings:
        // cld; call over; pusha; mov ebp, esp; xor e?x, e?x; mov e?x, fs:[e?x+0x30]
        $start = { FC E8 ( 82 | 86 | 89 | 8F ) 00 00 00 60 89 E5 31 ( C0 | D2 ) 64 8B ( 50 | 52 ) 30 }
        // ror edi, 13; add edi, eax
        $hash = { C1 CF 0D 01 C7 }
    condition:
        $start and $hash
}

rule shellcode_windows_64
{
    meta:
        description = "The file holds the prologue of 64-bit Windows shellcode that finds functions by hash."
        weight = 3.6
        attack = "T1620"
        author = "stakeout"
        reference = "Metasploit Framework, external/source/shellcode/windows/x64/src/block/block_api.asm"
        family = "Metasploit or Cobalt Strike"
    strings:
        // cld; and rsp, -16; call over; push r9; push r8; push rdx
        $start = { FC 48 83 E4 F0 E8 ( C0 | C8 | CC | D0 ) 00 00 00 41 51 41 50 52 }
        // ror r9d, 13; add r9d, eax
        $hash = { 41 C1 C9 0D 41 01 C1 }
    condition:
        $start and $hash
}

rule shellcode_linux_32
{
    meta:
        description = "The file holds 32-bit Linux shellcode that connects to a host and hands it control."
        weight = 3.6
        attack = "T1620"
        author = "stakeout"
        reference = "Metasploit Framework, modules/payloads/singles/linux/x86/shell_reverse_tcp.rb"
        family = "Metasploit"
    strings:
        // xor ebx, ebx; mul ebx; push ebx; inc ebx; push ebx; push 2; mov ecx, esp; mov al, 0x66; int 0x80
        $socket = { 31 DB F7 E3 53 43 53 6A 02 ( 89 E1 B0 66 | B0 66 89 E1 ) CD 80 }
        // push address; push port and family; mov ecx, esp; push 0x66 (or mov al): connect
        $connect = { 68 ?? ?? ?? ?? 68 02 00 ?? ?? 89 E1 }
    condition:
        $socket and $connect
}

rule shellcode_linux_64
{
    meta:
        description = "The file holds 64-bit Linux shellcode that maps memory, connects to a host and runs what it sends."
        weight = 3.6
        attack = "T1620"
        author = "stakeout"
        reference = "Metasploit Framework, modules/payloads/stagers/linux/x64/reverse_tcp.rb"
        family = "Metasploit"
    strings:
        // mmap(0, 4096, 7, 34, 0, 0) as the stager asks for it
        $mmap = { 6A 09 58 99 B6 10 48 89 D6 4D 31 C9 6A 22 41 5A ( B2 07 | 6A 07 5A ) 0F 05 }
        // socket(2, 1, 0), and the address it connects to: xchg rdi, rax; mov rcx, imm64
        $socket = { 6A 29 58 ( 99 | 6A 02 5F ) [0-6] 6A ( 01 | 02 ) [1-6] 0F 05 [0-12] 48 97 48 B9 02 00 }
    condition:
        any of them
}
