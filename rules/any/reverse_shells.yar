// One-liners and small scripts that hand a shell to whoever is at the other end of a connection.

rule bash_reverse_shell
{
    meta:
        description = "A shell command ties an interactive bash to a network connection."
        weight = 3.0
        attack = "T1059.004"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
    strings:
        $interactive = /\b(bash|sh|zsh)\s{1,4}-[il]{1,2}\s{0,4}(>&|&>|<>|0<&)\s{0,4}\/dev\/(tcp|udp)\/[\w.${}-]{1,80}\/[\w${}]{1,20}/
        $exec = /exec\s{1,4}\d{1,3}<>\s{0,4}\/dev\/(tcp|udp)\/[\w.${}-]{1,80}\/[\w${}]{1,20}\s{0,4};.{0,60}<&\d{1,3}.{0,60}\bsh\b/
    condition:
        any of them
}

rule python_reverse_shell
{
    meta:
        description = "A Python script ties a shell's standard streams to a socket."
        weight = 2.8
        attack = "T1059.006"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/006/"
    strings:
        $connect = /\.connect\s{0,2}\(\s{0,2}\(/
        $dup = /\bdup2\s{0,2}\(\s{0,2}\w{1,40}\.fileno\(\)\s{0,2},\s{0,2}[012]\s{0,2}\)/
        $spawn = /\b(pty\.)?spawn\s{0,2}\(\s{0,2}\[?["']\/bin\/(ba|da|z)?sh["']/
        $call = /\b(call|Popen|run|execve|execl|system)\s{0,2}\(\s{0,2}\[?\s{0,2}["']\/bin\/(ba|da|z)?sh\b/
    condition:
        filesize < 2MB and $connect and #dup >= 2 and any of ($spawn, $call)
}

rule perl_reverse_shell
{
    meta:
        description = "A Perl script ties a shell's standard streams to a socket."
        weight = 3.0
        attack = "T1059"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/"
    strings:
        $connect = /\bconnect\s{0,2}\(\s{0,2}\w{1,20}\s{0,2},\s{0,2}(\$\w{1,20}|sockaddr_in)/
        $inet = "IO::Socket::INET"
        $in = /open\s{0,2}\(?\s{0,2}STDIN\s{0,2},\s{0,2}["'][<>]&=?\s{0,2}\$?\w{1,20}/
        $out = /open\s{0,2}\(?\s{0,2}STDOUT\s{0,2},\s{0,2}["']>&=?\s{0,2}\$?\w{1,20}/
        $fdopen = /STDIN->fdopen\s{0,2}\(\s{0,2}\$?\w{1,20}\s{0,2},\s{0,2}r\s{0,2}\)/
        $shell = /\b(exec|system)\s{0,2}\(?\s{0,2}[{'"]{1,2}\/bin\/(ba)?sh\b/
        $each = "system$_ while<>"
    condition:
        filesize < 2MB and any of ($connect, $inet) and (($in and $out and $shell) or ($fdopen and any of ($shell, $each)))
}

rule netcat_reverse_shell
{
    meta:
        description = "A command has netcat or socat run a shell for the other end."
        weight = 2.2
        attack = "T1059.004"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
    strings:
        $exec = /\b(nc|ncat|netcat)(\.traditional|\.openbsd|\.exe)?\s[^\n;|]{0,60}-[a-z]{0,4}[ec]\s{0,4}["']?\/bin\/(ba|da)?sh\b/
        $exec_windows = /\b(nc|ncat|netcat)(64)?(\.exe)?\s[^\n;|]{0,60}-[a-z]{0,4}e\s{1,4}(cmd|powershell)(\.exe)?\b/ nocase
        $fifo = /mkfifo\s{1,4}(\S{1,60})\s{0,4};[^\n]{0,60}\bsh\s{1,4}-i\b[^\n]{0,40}\|\s{0,4}(nc|ncat|netcat|openssl)\s/
        $socat = /socat\s[^\n]{0,60}exec:["']?[^\n]{0,20}(ba)?sh\b[^\n]{0,60}tcp4?(-connect)?:[\w.${}-]{1,80}:/ nocase
    condition:
        any of them
}

rule php_reverse_shell
{
    meta:
        description = "A PHP script hands a shell to a socket it opened."
        weight = 3.2
        attack = "T1505.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1505/003/"
    strings:
        $socket = /\bfsockopen\s{0,2}\(/
        $short = /exec\s{0,2}\(\s{0,2}["']\/bin\/(ba)?sh\s{1,4}-i\s{1,4}<&\d\s{1,4}>&\d\s{1,4}2>&\d/
        $spawn = /proc_open\s{0,2}\(\s{0,2}(\$shell|["']\/bin\/(ba)?sh)/
        $shell = /["'][^"'\n]{0,60}\/bin\/(ba)?sh\s{1,4}-i["']/
    condition:
        filesize < 1MB and $socket and ($short or ($spawn and $shell))
}

rule powershell_reverse_shell
{
    meta:
        description = "A PowerShell script runs what a TCP connection says and sends back the output."
        weight = 3.5
        attack = "T1059.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
    strings:
        $client = /New-Object\s{1,4}(-TypeName\s{1,4})?['"]?(System\.)?Net\.Sockets\.TCPClient/ nocase ascii wide
        $stream = ".GetStream()" nocase ascii wide
        $encoding = "ASCIIEncoding" nocase ascii wide
        $run = /\b(iex|Invoke-Expression)\b/ nocase ascii wide
        $back = "Out-String" nocase ascii wide
        $prompt = /'PS '\s{0,4}\+/ nocase ascii wide
    condition:
        filesize < 4MB and $client and $stream and $run and 2 of ($encoding, $back, $prompt)
}
