// Rootkits, backdoors and other implants of Linux hosts, by what they say and hook.

rule elf_preload_rootkit
{
    meta:
        description = "A shared library hooks what lists files and connections and names the file that loads it everywhere."
        weight = 4.0
        attack = "T1574.006"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1574/006/"
        group = "elf.rootkit"
    strings:
        $preload = "ld.so.preload"
        $next = "dlsym"
        $list = "readdir64"
        $list_short = "readdir\x00"
        $stat = /\b_?_?[lf]?xstat(64)?\x00/
        $open = /\bf?open(at|dir)?(64)?\x00/
        $access = "access\x00"
        $unlink = "unlinkat\x00"
        $connections = "/proc/net/tcp"
        $accept = "accept\x00"
        $pam = /pam_(authenticate|get_password|acct_mgmt|vprompt)\x00/
    condition:
        uint32(0) == 0x464C457F and uint16(16) == 3 and filesize < 2MB and $preload and $next
        and all of ($list*) and 2 of ($stat, $open, $access, $unlink) and any of ($connections, $accept, $pam)
}

rule elf_hides_process
{
    meta:
        description = "A shared library filters the list of processes by reading their names."
        weight = 3.2
        attack = "T1014"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1014/"
        group = "elf.rootkit"
    strings:
        $stat = "/proc/%s/stat\x00"
        $link = "/proc/self/fd/%d"
        $parse = "%d (%[^)]s"
        $filter = "process_to_filter"
        $next = "dlsym"
        $list = /\breaddir(64)?\x00/
    condition:
        uint32(0) == 0x464C457F and uint16(16) == 3 and filesize < 1MB and $next and $list
        and ($filter or ($stat and $link and $parse))
}

rule elf_kernel_rootkit
{
    meta:
        description = "A kernel module hides itself, processes or files and hands out root."
        weight = 4.2
        attack = "T1014"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1014/"
        group = "elf.rootkit"
    strings:
        $module = "vermagic="
        $hide = /\b(module_hide|hide_module|hide_me|hide_pid|hidden_pid|hide_file|hide_tcp[46]?_port|is_invisible|tidy|module_hidden|rk_hidefile|hide_proc)\b/
        $root = /\b(give_root|get_root|commit_creds|prepare_creds|become_root|rootme)\b/
        $table = /\b(sys_call_table|get_syscall_table\w{0,4}|find_sys_call_table|syscall_table|kallsyms_lookup_name)\b/
        $hook = /\b(hacked|hooked?|hijack|fake|new|evil|orig|original|my|h4x)_?_?(sys_)?(kill|getdents(64)?|tcp[46]_seq_show|readdir|filldir(64)?|init_module|open|read)\b/
    condition:
        uint32(0) == 0x464C457F and uint16(16) == 1 and filesize < 4MB and $module and $hide and $hook and any of ($root, $table)
}

rule elf_shell_with_secret
{
    meta:
        description = "A small ELF program ties an interactive shell to a socket and hides the shell's history."
        weight = 2.8
        attack = "T1059.004"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
        group = "elf.command"
    strings:
        $history = /HISTFILE=(\/dev\/null|\x00)|unset HISTFILE/
        $shell = /\/bin\/(ba)?sh\x00/
        $pty = /\/dev\/ptmx|openpty|ptmx|\/dev\/ptyp?/
        $term = /TERM=(xterm|vt100|linux)/
        $socket = /\b(socket|connect|accept)\x00/
        $rename = /\[?(kworker|kthreadd|ksoftirqd|udevd|migration|watchdog)[\/\]:\d]/
    condition:
        uint32(0) == 0x464C457F and filesize < 2MB and $history and $shell and $socket and any of ($pty, $term, $rename)
}

rule elf_xor_ddos
{
    meta:
        description = "An ELF program holds the paths and words of the XorDDoS bot."
        weight = 5.0
        attack = "T1498"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1498/"
        family = "XorDDoS"
        group = "elf.bot"
    strings:
        $key = "BB2FA36AAA9541F0"
        $cron = "/etc/cron.hourly/gcc.sh"
        $udev = "/lib/udev/udev"
        $library = "/lib/libudev.so"
        $pid = "/var/run/gcc.pid"
        $line = /\*\/3 \* \* \* \* root \/etc\/cron\.hourly/
        $kill = "/proc/%d/exe"
        $remove = "sed -i '/\\/etc\\/cron.hourly/d' /etc/crontab"
    condition:
        uint32(0) == 0x464C457F and filesize < 4MB and 3 of them
}

rule elf_bill_gates
{
    meta:
        description = "An ELF program holds the paths and class names of the BillGates bot."
        weight = 5.0
        attack = "T1498"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1498/"
        family = "BillGates"
        group = "elf.bot"
    strings:
        $lock = /\/tmp\/(gates|moni|bill)\.lo(d|ck)/
        $getty = "/usr/bin/bsd-port/getty"
        $selinux = "DbSecuritySpt"
        $class = /\d{1,2}C(AttackBase|AttackUdp|AttackSyn|AttackIcmp|AttackDns|AttackAmp|ThreadShell|ThreadDoCmd|UpdateGates|ManagerClientInfo|TaskGates)/
        $tools = "/usr/bin/dpkgd/"
        $update = "UpdateProcess"
    condition:
        uint32(0) == 0x464C457F and filesize < 8MB and 3 of them
}

rule elf_ransomware_walks_and_encrypts
{
    meta:
        description = "An ELF program ends virtual machines or walks data directories and leaves a note on encryption."
        weight = 4.0
        attack = "T1486"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1486/"
    strings:
        $esxi = /esxcli\s[^\x00\n]{0,60}(vm process (list|kill)|system)/
        $kill = /vm process kill|vim-cmd vmsvc\/(power\.off|snapshot\.removeall)/
        $disks = /\.(vmdk|vmem|vmsn|vswp|vmx|vmsd)\x00/
        $volumes = "/vmfs/volumes"
        $encrypted = /\b(encrypted|encrypting|locked) ?(files?|:|%)/ nocase
        $note = /(readme|restore|recover|decrypt|how_?to)[\w -]{0,24}\.(txt|html|md)/ nocase
        $onion = /[a-z2-7]{56}\.onion/
    condition:
        uint32(0) == 0x464C457F and filesize < 8MB and ($encrypted or $note)
        and ((any of ($esxi, $kill) and any of ($volumes, $disks)) or ($onion and $note and $encrypted))
}
