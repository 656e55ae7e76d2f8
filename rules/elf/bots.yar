// The vocabulary of bots on small Linux devices: their commands, their attacks, the passwords they try.

rule elf_mirai_vocabulary
{
    meta:
        description = "An ELF program holds the words of the Mirai bot: its busybox probe, its attacks, its way to stay."
        weight = 4.4
        attack = "T1498"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1498/"
        family = "Mirai"
        group = "elf.bot"
    strings:
        $probe = /\/bin\/busybox [A-Z]{3,12}(\r\n|\x00)/
        $absent = ": applet not found"
        $query = "TSource Engine Query"
        $watchdog = "/dev/misc/watchdog"
        $watchdog_short = "/dev/watchdog"
        $maps = "/proc/net/tcp"
        $incorrect = "ncorrect"
        $tun = "listening tun0"
        $killer = /\/proc\/(%s|%d|self)\/(exe|maps|status)/
        $rivals = /(\.anime|UPX!.{0,4}|dvrHelper|zollard|REPORT %s:%s|HTTPFLOOD|LOLNOGTFO)\x00/
        $system = "system\x00shell\x00"
        $assword = "assword"
        $ogin = "ogin:"
    condition:
        uint32(0) == 0x464C457F and filesize < 4MB and (
            ($tun and 1 of ($query, $watchdog*, $maps))
            or ($probe and 3 of ($absent, $query, $watchdog, $incorrect, $killer, $rivals, $system, $assword, $ogin))
            or ($query and 3 of ($absent, $watchdog, $killer, $rivals, $system, $incorrect)))
}

rule elf_gafgyt_vocabulary
{
    meta:
        description = "An ELF program holds the words of the Gafgyt bot: its commands and the floods it reports."
        weight = 4.8
        attack = "T1498"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1498/"
        family = "Gafgyt"
        group = "elf.bot"
    strings:
        $pong = "PONG!"
        $hold = /HOLD Flooding|JUNK Flooding|HTTP Flooding|TCP Flooding|UDP Flooding|STD Flooding|CNC Flooding/
        $flood = /\b(HOLD|JUNK|UDP|TCP|STD|CNC|COMBO|WGETFLOOD|HTTPFLOOD|UDPRAW|VSE)\x00/
        $local = "GETLOCALIP"
        $scanner = /SCANNER (ON|OFF|STARTED)/
        $toggle = "SCANNER ON | OFF"
        $lol = "LOLNOGTFO"
        $fork = "Failed opening raw socket."
        $killed = /Killed %d\.?/
        $none = "None Killed."
        $spoof = "Cannot send spoofed attacks without root"
        $build = /\[?BUILD ?\]? ?%s:%s/i
        $payload = "REPORT %s:%s:"
        $prompt = "buf: %s"
        $bins = /wget[^\x00]{5,160}\/bins?s?\.sh/
    condition:
        uint32(0) == 0x464C457F and filesize < 4MB and 4 of them
}

rule elf_tsunami_vocabulary
{
    meta:
        description = "An ELF program holds the help that the Tsunami bot gives over IRC."
        weight = 5.0
        attack = "T1071"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1071/"
        family = "Tsunami"
        group = "elf.bot"
    strings:
        $tsunami = /NOTICE %s :TSUNAMI </
        $unknown = /NOTICE %s :UNKNOWN </
        $pan = /NOTICE %s :PAN </
        $killall = /NOTICE %s :KILLALL/
        $spoofs = /NOTICE %s :SPOOFS </
        $enable = /NOTICE %s :(ENABLE|DISABLE) </
        $getting = "NOTICE %s :Receiving file."
        $kaiten = /kaiten(\.c| wa goraku)/ nocase
    condition:
        uint32(0) == 0x464C457F and filesize < 8MB and 3 of them
}

rule elf_irc_bot
{
    meta:
        description = "An ELF program speaks IRC and floods or runs commands."
        weight = 2.8
        attack = "T1071"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1071/"
        group = "elf.bot"
    strings:
        $privmsg = /(PRIVMSG|NOTICE) %s :/
        $nick = "NICK %s"
        $join = "JOIN %s"
        $user = /USER %s [^\x00]{0,40}:/
        $flood = /\b(udp|syn|tcp|http|ack|icmp)[ _-]?flood/ nocase
        $packets = /packet(ing|eter|s sent)|spoof/ nocase
        $shell = /\/bin\/(ba)?sh -c|export PATH=\/bin|popen/
    condition:
        uint32(0) == 0x464C457F and filesize < 4MB and $privmsg and $nick and $join and $user
        and ($flood or ($packets and $shell))
}

rule elf_flood_vocabulary
{
    meta:
        description = "An ELF program names several kinds of floods."
        weight = 2.8
        attack = "T1498"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1498/"
        group = "elf.bot"
    strings:
        $udp = /udp_?(flood|plain|bypass|hex|raw|vse|smash|dns)/ nocase
        $tcp = /tcp_?(flood|stomp|raw|bypass|syn|ack|xmas|legit|frag)_?/ nocase
        $syn = /\b(send|attack)?_?(syn|ack|ovh|std|gre|greip|greeth|xmas|stomp|usyn|asyn)_?(flood|attack)/ nocase
        $http = /(send|attack|start)?_?http_?(flood|stomp|attack)/ nocase
        $game = /(vse|fivem|nfo|ovh|discord|roblox)_?(flood|attack|bypass|hex|kill)|attack_(udp|method)_(vse|ovh|dns)/ nocase
        $named = /\battack_(start|kill_all|get_opt_\w{1,8}|parse|init)\b/
        $c2 = /\b(C2|C&C|CNC|Cnc|cnc)_?(PORT|ADDR|IP|HOST|Server)|resolve_cnc_addr|establish_connection/
    condition:
        uint32(0) == 0x464C457F and filesize < 8MB and 4 of them
}

rule elf_device_passwords
{
    meta:
        description = "An ELF program holds a list of the passwords that small devices are shipped with."
        weight = 4.4
        attack = "T1110.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1110/001/"
        family = "IoT bot"
        group = "elf.bot"
    strings:
        $a = "xc3511"
        $b = "vizxv"
        $c = "juantech"
        $d = "Zte521"
        $e = "hi3518"
        $f = "klv123"
        $g = "7ujMko0"
        $h = "jvbzd"
        $i = "xmhdipc"
        $j = "realtek\x00"
        $k = "zlxx."
        $l = "OxhlwSG8"
        $m = "S2fGqNFs"
        $n = "tsgoingon"
        $o = "ikwb\x00"
        $p = "20080826"
        $q = "GM8182"
        $r = "hunt5759"
    condition:
        uint32(0) == 0x464C457F and filesize < 8MB and 5 of them
}

rule elf_device_exploits
{
    meta:
        description = "An ELF program holds requests that break into routers and cameras."
        weight = 4.4
        attack = "T1190"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1190/"
        family = "IoT bot"
        group = "elf.bot"
    strings:
        $gpon = "/GponForm/diag_Form"
        $hnap = /SOAPAction: [^\r\n\x00]{0,80}HNAP1\/(GetDeviceSettings\/)?[`;]/
        $huawei = "/ctrlt/DeviceUpgrade_1"
        $realtek = /\/(picdesc|wanipcn)\.xml/
        $upnp_command = /<NewInternalClient>[`$]/
        $huawei_command = /<NewStatusURL>\$\(/
        $netgear = /setup\.cgi\?next_file=netgear\.cfg&todo=syscmd/
        $camera = /\/shell\?(cd|killall)/ 
        $cctv = /\/language\/Swedish\$\{IFS\}&&/
        $cctv_short = /cgi-bin\/(nobody\/|user\/)?[\w.]{1,30}\?[^\x00]{0,60}\$\{IFS\}/
        $vacron = "/board.cgi?cmd="
        $think = /\/index\.php\?s=\/index\/\\?think\\?app\/invokefunction/i
        $linksys = "/tmUnblock.cgi"
        $zyxel = /\/UD\/act\?1/
        $jaws = /GET \/shell\?/
        $dlink = /cli=[^\x00]{0,20}(wget|rm|cd)/
        $goahead = /\/set_ftp\.cgi\?/
        $fetch = /(wget|curl|tftp|busybox)/
    condition:
        uint32(0) == 0x464C457F and filesize < 8MB and $fetch and (
            any of ($upnp_command, $huawei_command, $netgear, $cctv, $hnap)
            or 2 of ($gpon, $huawei, $realtek, $camera, $cctv_short, $vacron, $think, $linksys, $zyxel, $jaws, $dlink,
                $goahead))
}
