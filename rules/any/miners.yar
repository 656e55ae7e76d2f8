// Coin miners: their protocol, their configuration, their command lines.

rule miner_stratum_protocol
{
    meta:
        description = "The file speaks the protocol of mining pools."
        weight = 2.2
        attack = "T1496"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1496/"
        group = "elf.miner"
    strings:
        $uri = /stratum\+(tcp|ssl|tls|udp):\/\// ascii wide nocase
        $subscribe = "\"mining.subscribe\""
        $authorize = "\"mining.authorize\""
        $submit = "\"mining.submit\""
        $keepalive = "\"keepalived\""
        $login = /"method"\s{0,2}:\s{0,2}"login"/
        $job = "job_id"
        $target = "\"target\""
    condition:
        $job and (2 of ($subscribe, $authorize, $submit) or ($uri and any of ($subscribe, $login, $keepalive, $target)))
}

rule miner_xmrig_program
{
    meta:
        description = "The file holds the words of the XMRig miner."
        weight = 2.8
        attack = "T1496"
        author = "stakeout"
        reference = "https://github.com/xmrig/xmrig"
        family = "XMRig"
        group = "elf.miner"
    strings:
        $donate = "donate.v2.xmrig.com"
        $donate_ssl = "donate.ssl.xmrig.com"
        $level = "donate-level"
        $algorithm = /randomx|cryptonight|rx\/0/ nocase
        $name = "xmrig" nocase
        $rig = "rig-id"
        $pages = "huge-pages"
        $msr = "wrmsr"
    condition:
        filesize < 40MB and filesize > 100KB and $name and $algorithm and (any of ($donate, $donate_ssl) or 3 of ($level, $rig, $pages, $msr))
}

rule miner_xmrig_configuration
{
    meta:
        description = "The file is or holds a configuration of the XMRig miner with a pool and a wallet."
        weight = 3.0
        attack = "T1496"
        author = "stakeout"
        reference = "https://xmrig.com/docs/miner/config"
        family = "XMRig"
        group = "elf.miner"
    strings:
        $pools = "\"pools\""
        $donate = "\"donate-level\""
        $user = /"user"\s{0,4}:\s{0,4}"[48][0-9A-Za-z]{94}/
        $url = /"url"\s{0,4}:\s{0,4}"[\w.+:\/-]{3,100}:\d{2,5}"/
    condition:
        filesize < 40MB and all of them
}

rule miner_command_line
{
    meta:
        description = "A command starts a miner with a pool and a Monero wallet."
        weight = 3.4
        attack = "T1496"
        author = "stakeout"
        reference = "https://xmrig.com/docs/miner/command-line-options"
        group = "elf.miner"
    strings:
        $line = /\s(-o|--url[= ])\s{0,2}[\w.+:\/-]{3,100}:\d{2,5}\s[^\n]{0,120}(-u|--user[= ])\s{0,2}[48][0-9A-Za-z]{94}\b/
        $donate = /--donate-level[= ]\s{0,2}\d/
        $quiet = /(xmrig|minerd|xmr-stak)[^\n]{0,40}\s-o\s{1,2}stratum\+(tcp|ssl):\/\/[^\n]{0,160}\s-u\s/
    condition:
        filesize < 40MB and ($line or $quiet or ($donate and $line))
}

rule miner_in_web_page
{
    meta:
        description = "A web page lets its visitors' processors mine coins."
        weight = 3.0
        attack = "T1496"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1496/"
        family = "Coinhive"
    strings:
        $coinhive = /new\s{1,4}CoinHive\.(Anonymous|User|Token)\s{0,2}\(/
        $similar = /new\s{1,4}(CryptoLoot|CoinImp|Client)\.(Anonymous|User)\s{0,2}\(\s{0,2}['"][0-9a-f]{20,64}['"]/
        $start = /\.start\s{0,2}\(/
        $throttle = /throttle\s{0,2}:\s{0,2}0?\.\d/
    condition:
        filesize < 2MB and any of ($coinhive, $similar) and any of ($start, $throttle)
}
