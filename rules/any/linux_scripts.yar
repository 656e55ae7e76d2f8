// What shell scripts do that get into Linux hosts and stay there, as scripts or as commands inside programs.

rule shell_fetches_and_runs
{
    meta:
        description = "A shell command fetches a file, makes it executable and runs it at once."
        weight = 2.4
        attack = "T1105"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $chain = /\b(wget|curl|tftp|ftpget)\s[^\n;&|]{4,120}(;|&&|\|\|)[^\n]{0,120}chmod\s{1,4}(\+x|[0-7]?7[0-7]{2})\s{1,4}[^\n;&|]{1,60}(;|&&)\s{0,4}(nohup\s{1,4}|sudo\s{1,4}|sh\s{1,4}|bash\s{1,4})?(\.\/|\/tmp\/|\/var\/|\/dev\/shm\/)/
        $raw = /\b(wget|curl)\s[^\n;&|]{0,60}https?:\/\/\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}[^\n;&|]{1,100}(;|&&|\|\|)[^\n]{0,100}chmod\s{1,4}(\+x|[0-7]?7[0-7]{2})\b/
    condition:
        any of them
}

rule shell_tries_many_directories
{
    meta:
        description = "A shell script of a bot loader tries one writable directory after another."
        weight = 4.4
        attack = "T1059.004"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1059/004/"
        family = "Gafgyt or Mirai loader"
    strings:
        $directories = /cd\s{1,2}\/tmp\s{0,2}(\|\|?|;)\s{0,2}cd\s{1,2}\/(var\/run|var|mnt|run|dev\/shm)\s{0,2}(\|\|?|;)\s{0,2}cd\s{1,2}\/(mnt|root|var|dev|tmp|home)/
        $fetch = /\b(wget|curl|tftp|ftpget|busybox)\s/
    condition:
        $directories and $fetch
}

rule busybox_loader
{
    meta:
        description = "Commands have busybox fetch a program by several protocols, as bots do on small devices."
        weight = 3.4
        attack = "T1105"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1105/"
    strings:
        $wget = /\/bin\/busybox\s{1,2}wget\s/
        $tftp = /(\/bin\/busybox\s{1,2})?tftp\s[^\n;]{0,40}-(g|r|c\s{1,2}get)\b/
        $ftpget = /ftpget\s[^\n;]{0,40}-(v|u|p|P)\b/
        $wipe = /rm\s{1,2}-rf\s{1,2}(\/tmp\/\*|\*|\/var\/run\/\*|\/var\/log)/
        $chmod = /chmod\s{1,2}(\+x|777)\s/
    condition:
        filesize < 4MB and 2 of ($wget, $tftp, $ftpget) and any of ($wipe, $chmod)
}

rule shell_preload_written
{
    meta:
        description = "A command has every program of the host load a library of its own."
        weight = 3.0
        attack = "T1574.006"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1574/006/"
    strings:
        $write = /\b(echo|printf)\s[^\n;]{1,120}>{1,2}\s{0,2}\/etc\/ld\.so\.preload/
        $move = /\b(cp|mv)\s[^\n;]{1,120}\s\/etc\/ld\.so\.preload/
        $attribute = /chattr\s{1,2}[+-][ia]{1,2}\s{1,2}\/etc\/ld\.so\.preload/
    condition:
        any of them
}

rule cron_fetches_and_runs
{
    meta:
        description = "A line for cron fetches a script from the network and runs it."
        weight = 3.2
        attack = "T1053.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1053/003/"
    strings:
        $line = /(\*\/\d{1,2}|\*|\d{1,2})(\s{1,4}(\*\/\d{1,2}|\*|\d{1,2})){4}\s[^\n]{0,40}\b(curl|wget|lynx|cdt|cd1|wd1)\s[^\n|]{1,160}\|\s{0,4}((ba|da)?sh|python[23]?|perl)\b/
        $reboot = /@(reboot|hourly|daily)\s[^\n]{0,40}\b(curl|wget)\s[^\n|]{1,160}\|\s{0,4}(ba|da)?sh\b/
    condition:
        any of them
}

rule systemd_unit_from_temporary_directory
{
    meta:
        description = "A service of systemd is made that runs a program from a directory anybody can write."
        weight = 2.4
        attack = "T1543.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1543/002/"
    strings:
        $unit = /\[Service\]/
        $start = /ExecStart\s{0,2}=\s{0,2}-?(\/bin\/(ba)?sh\s{1,2}(-c\s{1,2})?["']?)?(\/tmp|\/var\/tmp|\/dev\/shm|\/var\/run|\/run\/user\/\d{1,6})\/\.?[\w.]{1,60}/
        $restart = /Restart\s{0,2}=\s{0,2}always/
    condition:
        filesize < 4MB and $unit and $start and $restart
}

rule ssh_key_planted
{
    meta:
        description = "A command adds a key to the authorized keys of root, and guards it or hides that."
        weight = 2.6
        attack = "T1098.004"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1098/004/"
    strings:
        $key = /echo\s{1,4}(-e\s{1,4})?["']?[\\n]{0,4}ssh-(rsa|ed25519|dss)\s{1,4}AAAA[^\n]{20,1200}>{1,2}\s{0,2}[^\n]{0,60}authorized_keys/
        $guard = /chattr\s{1,4}[+-][ia]{1,4}\s[^\n]{0,60}(authorized_keys|\.ssh)/
        $history = /(unset\s{1,4}HISTFILE|HISTFILE=\/dev\/null|history\s{1,2}-c|HISTSIZE=0)/
        $fetch = /\b(wget|curl)\s[^\n]{0,40}https?:\/\/\d{1,3}\.\d{1,3}\./
    condition:
        filesize < 4MB and $key and any of ($guard, $history, $fetch)
}

rule shell_covers_tracks
{
    meta:
        description = "A script empties system logs and the shell's history."
        weight = 2.2
        attack = "T1070.002"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1070/002/"
    strings:
        $log = /(rm\s{1,2}-r?f\s|cat\s{1,2}\/dev\/null\s{0,2}>\s{0,2}|echo\s{0,4}(""|''|0)?\s{0,2}>\s{0,2}|>\s{0,2})\/var\/(log\/(wtmp|btmp|secure|lastlog|messages|auth\.log|syslog|cron|utmp)|spool\/mail\/root)\b/
        $history = /(unset\s{1,4}HISTFILE|HISTFILE=\/dev\/null|history\s{1,2}-c\b|rm\s{1,2}-r?f\s[^\n]{0,40}\.bash_history|>\s{0,2}(~|\/root)\/\.bash_history)/
    condition:
        filesize < 4MB and #log >= 2 and $history
}

rule shell_ends_protection
{
    meta:
        description = "A script ends or removes the protection of a Linux host, among it agents of cloud providers."
        weight = 3.0
        attack = "T1562.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1562/001/"
    strings:
        $aegis = /(\/usr\/local\/aegis|aliyun-service|AliYunDun|aegis_quartz)/
        $monitor = /(cloudmonitor|\/usr\/local\/qcloud\/(monitor|stargate|YunJing)|bcm-agent)/
        $selinux = /setenforce\s{1,2}0/
        $firewall = /(iptables\s{1,2}-F\b|ufw\s{1,2}disable|systemctl\s{1,2}stop\s{1,2}firewalld)/
        $apparmor = /(service|systemctl)\s[^\n]{0,20}(stop|disable)\s{1,2}apparmor|apparmor\s{1,2}stop/
        $watchdog = /kernel\.nmi_watchdog\s{0,2}=\s{0,2}0/
        $kill = /\b(kill|pkill|killall|rm|uninstall|systemctl\s{1,2}(stop|disable))\b/
    condition:
        filesize < 4MB and $kill and any of ($aegis, $monitor) and any of ($selinux, $firewall, $apparmor, $watchdog)
}

rule script_kills_rival_miners
{
    meta:
        description = "A script ends the miners of others, as those do who bring their own."
        weight = 3.5
        attack = "T1496"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1496/"
    strings:
        $kill = /\b(pkill|killall)\s{1,4}(-9\s{1,4}|-f\s{1,4}){0,2}[\w.\/"'-]{0,20}(kdevtmpfsi|kinsing|xmrig|xmr-stak|minerd|kthreaddi|sysrv|watchbog|ddgs?\.|cryptonight|networkservice|sysupdate|khugepageds|stratum|nanopool|xmr\b)/
        $grep = /grep\s[^\n|]{0,20}(kdevtmpfsi|kinsing|xmrig|xmr-stak|minerd|kthreaddi|sysrv|watchbog|cryptonight|stratum|nanopool|minexmr|supportxmr|monerohash|khugepageds)[^\n]{0,120}(kill\s{1,2}-9|xargs\s[^\n]{0,40}kill)/
    condition:
        filesize < 4MB and #kill + #grep >= 2
}
