//! The words that are searched for, by the sign they make.
//!
//! The words are stored in reverse, so that a scan of this binary, or of a program that links this crate, does not find
//! them. No word is longer than the strings quoted in published rules.

use std::ops::Range;

use analyzers::{Findings, Indicator};

use crate::BOT_BYTES_MAX;
use crate::catalogue as sign;
use crate::image::Image;
use crate::keyword_context::*;

/// Shortest word: what the search finds at any place.
pub(crate) const WORD_BYTES_MIN: usize = 7;

/// Longest word. What matters fits.
const WORD_BYTES_MAX: usize = 64;

/// A word, and what must stand around it.
#[derive(Debug)]
pub(crate) struct Keyword {
    reversed: &'static [u8],
    /// Whether the word at this place of the file is meant.
    pub accept: fn(&[u8], &Range<usize>) -> bool,
}

impl Keyword {
    /// The word itself.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.reversed.iter().rev().copied().collect()
    }
}

/// A sign made by words.
#[derive(Debug)]
pub(crate) struct KeywordSign {
    /// Indicator to report. The words of [`BUSYBOX`](sign::BUSYBOX) are not reported: they are no evidence by
    /// themselves.
    pub indicator: &'static Indicator,
    /// Number of different words that must be present.
    pub needs: u32,
    /// In which files it counts, given what was found so far.
    pub applies: fn(&Image<'_>, &Findings<'_>) -> bool,
    /// The words, at most 64.
    pub words: &'static [Keyword],
}

const fn reversed<const N: usize>(text: &[u8; N]) -> [u8; N] {
    assert!(N >= WORD_BYTES_MIN && N <= WORD_BYTES_MAX, "the search cannot find it");
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        out[at] = text[N - 1 - at];
        at += 1;
    }
    out
}

macro_rules! signs {
    ($($indicator:ident, $needs:literal of $applies:ident { $($accept:ident: $($text:literal)+;)+ })+) => {
        /// Every sign made by words.
        pub(crate) static SIGNS: &[KeywordSign] = &[$(KeywordSign {
            indicator: &sign::$indicator,
            needs: $needs,
            applies: $applies,
            words: &[$($(Keyword { reversed: &reversed($text), accept: $accept },)+)+],
        },)+];
    };
}

fn any(_: &Image<'_>, _: &Findings<'_>) -> bool {
    true
}

fn small_static(image: &Image<'_>, _: &Findings<'_>) -> bool {
    image.is_static() && image.loaded_bytes() <= BOT_BYTES_MAX
}

signs! {
    BOT_FUNCTION, 1 of any {
        name: b"attack_init" b"attack_start" b"attack_get_opt_int" b"attack_get_opt_str" b"attack_udp_generic"
            b"attack_udp_plain" b"attack_udp_vse" b"attack_udp_dns" b"attack_tcp_syn" b"attack_tcp_ack"
            b"attack_tcp_stomp" b"attack_gre_ip" b"attack_app_http" b"attack_method_std" b"attack_method_udp"
            b"killer_init" b"killer_kill" b"killer_kill_by_port" b"scanner_kill" b"sendUDP"
            b"SendUDP" b"sendTCP" b"SendTCP" b"sendHTTP" b"SendHTTP" b"sendSTD" b"SendSTD" b"sendJUNK" b"sendHOLD"
            b"sendCNC" b"vseattack" b"makevsepacket" b"udpattack" b"tcpattack" b"synattack" b"TelnetScanner"
            b"StartTheLelz" b"telnet_scanner" b"ensure_single_instance" b"getRandomPublicIP" b"botkill" b"botkiller";
    }
    MIRAI, 2 of any {
        name: b"attack_init" b"killer_init" b"scanner_init" b"table_unlock_val" b"table_retrieve_val"
            b"table_lock_val" b"add_auth_entry" b"rand_alphastr" b"resolv_entries_free" b"util_local_addr"
            b"attack_get_opt_ip" b"ensure_single_instance" b"anti_gdb_entry" b"consume_any_prompt";
        anywhere: b"dvrHelper" b"listening tun0" b"/bin/busybox MIRAI" b"/dev/misc/watchdog" b"[killer] "
            b"[scanner] FD" b"[watchdog]";
    }
    GAFGYT, 2 of any {
        name: b"getRandomPublicIP" b"makeRandomStr" b"StartTheLelz" b"szprintf" b"tcpcsum" b"getBogos" b"sendJUNK"
            b"sendHOLD" b"UpdateBins" b"matchPrompt" b"KILLATTK" b"LOLNOGTFO" b"GETLOCALIP";
        alone: b"initConnection" b"processCmd" b"zprintf" b"connectTimeout" b"recvLine" b"currentServer" b"parseHex";
        anywhere: b"SCANNER ON | OFF" b"HOLD Flooding" b"JUNK Flooding" b"REPORT %s:%s:" b"My IP: %s"
            b"Failed opening raw socket." b"gayfgt\0" b"BOGOMIPS\n" b"BUILD %s" b"\0fdgets\0";
    }
    TSUNAMI, 1 of any {
        anywhere: b"NOTICE %s :TSUNAMI" b"NOTICE %s :PAN <" b"NOTICE %s :UDP <" b"NOTICE %s :UNKNOWN <"
            b"NOTICE %s :KILLALL" b"NOTICE %s :GET <http" b"NOTICE %s :Spoofs:" b"NOTICE %s :Kaiten"
            b"NOTICE %s :Removed all spoofs" b"NOTICE %s :Packeting";
    }
    XORDDOS, 1 of any {
        anywhere: b"BB2FA36AAA9541F0" b"/etc/cron.hourly/gcc.sh" b"/var/run/gcc.pid";
    }
    BILLGATES, 1 of any {
        anywhere: b"11CAttackBase" b"13CPacketAttack" b"10CAttackUdp" b"10CAttackSyn" b"12CThreadAttack"
            b"/tmp/gates.lo" b"/tmp/moni.lo" b"/tmp/bill.lock";
    }
    MOZI, 1 of any {
        anywhere: b"/Mozi.m" b"/Mozi.a" b"[ss]botv2";
    }
    FLOOD, 1 of any {
        name: b"udpflood" b"UDPFLOOD" b"udp_flood" b"UdpFlood" b"tcpflood" b"TCPFLOOD" b"TcpFlood" b"synflood"
            b"SYNFLOOD" b"syn_flood" b"SynFlood" b"ackflood" b"ACKFLOOD" b"httpflood" b"HTTPFLOOD" b"http_flood"
            b"HTTPHEX" b"stdflood" b"OVHKILL" b"UDPBYPASS" b"udpplain" b"NFODROP" b"greflood" b"dnsflood"
            b"XMAS_FLOOD" b"ddos_attack" b"DDoSClient";
        whole: b"STOMP\0\0" b"STDHEX\0" b"UDPRAW\0" b"TCPRAW\0" b"botnet\0" b"Botnet\0";
        anywhere: b"TSource Engine Query" b"Flooding %s" b"-flood <" b"/x78/xA3/x69/x6A/x20" b"CAttack" b"DnsFlood";
    }
    ROUTER_EXPLOIT, 1 of any {
        anywhere: b"/HNAP1/" b"GponForm" b"picsdesc.xml" b"tmUnblock.cgi" b"wanipcn.xml" b"ctrlt/DeviceUpgrade"
            b"soap.cgi?service=WANIP" b"setup.cgi?next_file" b"next_file=netgear" b"/shell?cd" b"/shell?/bin"
            b"/cgi-bin/;" b"/language/Swedish$" b"boaform/admin" b"invokefunction&function" b"XWebPageName=diag"
            b"nobody/Search.cgi" b"board.cgi?cmd" b"$(/bin/busybox" b"`/bin/busybox" b"<NewStatusURL>$("
            b"cd${IFS}" b"rm${IFS}" b"wget${IFS}" b"chmod${IFS}" b"${IFS}/tmp"
            b"/UD/act?1" b"dest_host=`" b"/handler_image.php" b"cgi-bin/ViewLog" b"webcam/getip"
            b"realtek.com.miniigd" b"/vendor/phpunit/";
    }
    DEFAULT_CREDENTIALS, 2 of any {
        name: b"7ujMko0admin" b"7ujMko0vizxv" b"7ujMko0" b"klv1234" b"xmhdipc" b"juantech" b"oelinux123" b"1001chin"
            b"vertex25ektks123" b"hunt5759" b"telecomadmin" b"S2fGqNFs" b"cat1029" b"tsgoingon" b"20080826"
            b"annie2012" b"changeme2" b"taZz@23495859" b"OxhlwSG8" b"twe8ehome" b"e8ehome" b"fliruser" b"Mau'dib"
            b"solokey";
        whole: b"xc3511\0" b"hi3518\0" b"klv123\0" b"Zte521\0" b"GM8182\0" b"vizxv\0\0" b"jvbzd\0\0";
        anywhere: b"\0vizxv\0" b"\0jvbzd\0";
    }
    BUSYBOX_COMMAND, 1 of any {
        followed_by_letter: b"/bin/busybox " b"/bin/busybox;" b"/bin/busybox${IFS}" b"/bin/busybox+";
    }
    TELNET_PROBE, 2 of any {
        whole: b"sername\0" b"sername:\0" b"assword\0" b"assword:\0" b"ncorrect\0" b"oodbye\0" b"nvalid\0" b"nvalid user"
            b"linuxshell\0" b"linuxshell\r\n";
        anywhere: b"\0ogin:\0" b"\0enied\0" b"\0ailed\0" b"enable\0system\0shell\0" b"system\0shell\0sh\0";
        after_capital: b": applet not found";
    }
    BINARY_LIST, 3 of any {
        ends: b".armv4l" b".armv5l" b".armv6l" b".armv7l" b".mipsel" b".powerpc" b".x86_64" b".ppc440fp";
        anywhere: b".arm4\0\0" b".arm5\0\0" b".arm6\0\0" b".arm7\0\0" b".mpsl\0\0" b".mips\0\0" b".m68k\0\0" b".sparc\0" b".i586\0\0"
            b"/bins.sh" b"tftp1.sh" b"tftp2.sh" b"/ftp1.sh";
    }
    WATCHDOG, 1 of any {
        starts: b"/dev/watchdog" b"/dev/misc/watchdog";
    }
    IRC, 2 of any {
        starts: b"PRIVMSG %s" b"NICK %s" b"JOIN %s" b"USER %s " b"PONG %s" b"MODE %s" b"NOTICE %s :";
    }
    PROC_NET, 1 of any {
        anywhere: b"/proc/net/tcp" b"/proc/net/route" b"/proc/net/raw";
    }
    HTTP_REQUEST, 1 of is_no_library {
        request: b" HTTP/1.0\r\n" b" HTTP/1.1\r\n" b" HTTP/1.0\n" b" HTTP/1.1\n";
    }
    USER_AGENT, 1 of any {
        agent: b"Mozilla/4.0 (" b"Mozilla/5.0 (";
    }
    OWN_RESOLVER, 1 of small_static {
        anywhere: b"/etc/resolv.conf";
    }
    UCLIBC, 1 of any {
        starts: b"uClibc ";
        anywhere: b"__uClibc_main" b"uClibc-" b"/home/landley/" b"/home/firmware/build" b"cross-compiler-";
    }
    DOWNLOAD, 1 of any {
        used_command: b"wget -O" b"wget -q" b"wget -c" b"wget -t" b"wget -N" b"wget -P" b"wget --" b"wget http" b"wget ftp:"
            b"wget %s" b"wget $(" b"wget ${" b"wget \"http" b"wget 'http" b"curl -O" b"curl -s" b"curl -o" b"curl -f" b"curl -L"
            b"curl -k" b"curl --" b"curl http" b"curl %s" b"curl $(" b"curl ${" b"tftp -g" b"tftp -r" b"tftp -l" b"tftp -c" b"tftp %s"
            b"ftpget -" b"ftpget %" b"wget+http" b"wget%20h" b"wget${IFS}";
    }
    CHMOD, 1 of any {
        used_command: b"chmod +x " b"chmod 777 " b"chmod 0777 " b"chmod 755 " b"chmod a+x " b"chmod u+x " b"chmod +777"
            b"chmod -R 777" b"chmod 7777" b"chmod${IFS}" b"chmod%20" b"chmod+777" b"chmod 777;" b"chmod 0755 ";
    }
    STAGING_COMMAND, 1 of any {
        followed_by_operator: b"cd /tmp" b"cd /var/run" b"cd /mnt" b"cd /dev/shm" b"cd /var/tmp" b"cd /dev/";
        anywhere: b"cd${IFS}/tmp" b"cd%20/tmp" b"cd+/tmp";
    }
    BASE64_PIPE, 1 of any {
        piped: b"base64 -d" b"base64 --decode" b"base64 -D";
    }
    TEMP_PATH, 1 of any {
        followed_by_letter: b"\0/tmp/." b" /tmp/." b">/tmp/." b"/var/tmp/" b"/dev/shm/" b"/var/run/.";
    }
    KILL_RIVALS, 1 of any {
        command: b"killall -9 " b"pkill -9 " b"kill -9 %d" b"kill -9 `" b"kill -9 $(" b"xargs kill" b"xargs -r kill"
            b"pkill -f " b"killall -q";
    }
    MINER, 1 of any {
        anywhere: b"stratum+tcp" b"stratum+ssl" b"donate-level" b"cryptonight" b"CryptoNight" b"minexmr.com"
            b"supportxmr.com" b"nanopool.org" b"c3pool." b"moneroocean" b"hashvault" b"minergate" b"crypto-pool.fr"
            b"xmrpool" b"monerohash" b"--algo=rx" b"xmrig.com";
        name: b"cpuminer" b"xmr-stak" b"minerd ";
    }
    XMRIG, 2 of any {
        anywhere: b"donate-level" b"donate.v2.xmrig.com" b"api.xmrig.com" b"donate.ssl.xmrig" b"N5xmrig" b"xmrig.com"
            b"XMRIG_V" b"XMRig %s" b"XMRig/%s";
    }
    PRELOAD_FILE, 1 of any {
        anywhere: b"/etc/ld.so.preload";
    }
    HOOK_EXPORTS, 1 of any {
        name: b"processhider" b"process_to_filter" b"libprocesshider" b"original_readdir" b"original_readdir64" b"orig_readdir"
            b"orig_readdir64" b"old_readdir" b"old_readdir64" b"hooked_readdir" b"hide_ports" b"hidden_xattr";
        anywhere: b"HIDE_THIS_SHELL" b"LD_PRELOAD rootkit";
    }
    KERNEL_ROOTKIT, 1 of any {
        name: b"hide_pid" b"unhide_pid" b"hidden_pids" b"hide_module" b"unhide_module" b"module_hide" b"module_show"
            b"hide_proc" b"hide_file" b"hide_tcp" b"hook_getdents" b"hooked_getdents" b"hacked_getdents"
            b"hacked_getdents64" b"hacked_kill" b"give_root" b"orig_getdents" b"orig_getdents64"
            b"original_getdents" b"original_getdents64" b"fake_getdents" b"is_invisible" b"module_hidden"
            b"find_sys_call_table" b"get_syscall_table_bf" b"hide_tcp4_port" b"hijack_syscall" b"diamorphine"
            b"reptile_module" b"rootkit_init" b"hidden_files" b"hook_syscall" b"new_getdents64";
        anywhere: b"rootkit installed" b"rootkit: ";
    }
    CRON, 1 of any {
        anywhere: b"/etc/cron.d" b"/etc/cron.hourly" b"/etc/crontab" b"/var/spool/cron" b"crontab -l |" b"crontab -l 2>" b"crontab -l >" b"crontab -r"
            b"crontab - " b"| crontab" b"crontab -\0";
    }
    RC_SCRIPT, 1 of any {
        anywhere: b"/etc/rc.local" b"/etc/rc.d/rc" b"/etc/init.d/" b"/etc/inittab" b"/etc/rc%d.d";
    }
    SYSTEMD_UNIT, 1 of any {
        anywhere: b"/etc/systemd/system/" b"/lib/systemd/system/" b"systemctl enable" b"systemctl daemon-reload";
    }
    FIREWALL, 1 of any {
        anywhere: b"iptables -F" b"iptables -X" b"iptables -A INPUT" b"iptables -I INPUT" b"iptables -D INPUT"
            b"iptables -A OUTPUT" b"iptables -P INPUT" b"ufw disable" b"setenforce 0" b"SELINUX=disabled"
            b"stop firewalld" b"stop iptables" b"iptables stop" b"iptables -A PREROUTING";
    }
    HISTORY_OFF, 1 of any {
        anywhere: b"unset HISTFILE" b"HISTFILE=/dev/null" b"HISTSIZE=0" b"HISTFILESIZE=0" b"history -c;" b"history -c\0"
            b"history -cw" b"rm -rf ~/.bash_history" b"rm -f ~/.bash_history" b"rm -rf /root/.bash_history"
            b"> ~/.bash_history" b"HISTFILE=\0";
    }
    LOG_WIPE, 1 of any {
        anywhere: b"rm -rf /var/log" b"rm -f /var/log" b"> /var/log/" b">/var/log/" b"rm -rf /tmp/*" b"rm -rf /var/tmp";
    }
    RANSOM, 1 of any {
        onion: b".onion/" b".onion\0" b".onion:" b".onion " b".onion\n";
        anywhere: b"README_TO_DECRYPT" b"README_TO_RESTORE" b"HOW_TO_DECRYPT" b"RESTORE-MY-FILES" b"RECOVER-FILES"
            b"files have been encrypted" b"files are encrypted" b"files were encrypted" b"esxcli vm process"
            b"vim-cmd vmsvc" b"decrypt your files" b"recover your files";
    }
    CONTAINER_ESCAPE, 1 of any {
        anywhere: b"--privileged -v /:" b"-v /:/mnt" b"-v /:/host" b"chroot /mnt" b"chroot /host" b"nsenter --mount=/proc/1"
            b"nsenter -t 1 " b"2375/containers" b"docker -H tcp";
    }
    REVERSE_SHELL, 1 of any {
        anywhere: b"bash -i >&" b"bash -i 5<>" b"0<&196;exec" b"/bin/sh -i" b"sh -i >&" b"nc -e /bin" b"/bin/bash -i"
            b">& /dev/tcp/" b">&/dev/tcp/" b"exec 5<>/dev/tcp";
    }
    MEMORY_FILE, 1 of any {
        name: b"memfd_create" b"fexecve";
    }
    SELF_EXE, 1 of any {
        anywhere: b"/proc/self/exe";
    }
    UPX_TEXT, 1 of any {
        anywhere: b"$Info: This file is packed with the UPX" b"$Id: UPX ";
    }
    BUSYBOX, 3 of any {
        anywhere: b"BusyBox v1." b"BusyBox is copyrighted by many authors" b"busybox [function" b"multi-call binary"
            b": applet not found";
    }
}

/// Whether it is anything but a library that others link to: requests are what such a library is for.
fn is_no_library(image: &Image<'_>, _: &Findings<'_>) -> bool {
    !image.dynamic.named
}
