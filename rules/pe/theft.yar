// Programs that take passwords, wallets and keystrokes.

rule pe_credential_dumper
{
    meta:
        description = "A Windows program holds the commands of Mimikatz."
        weight = 4.6
        attack = "T1003.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1003/001/"
        family = "Mimikatz"
        group = "pe.collection"
    strings:
        $a = "sekurlsa" ascii wide nocase
        $b = "kuhl_m_" ascii wide
        $c = "gentilkiwi" ascii wide nocase
        $d = "logonpasswords" ascii wide nocase
        $e = "lsadump" ascii wide
        $f = "mimikatz" ascii wide nocase
        $g = "kerberos_ticket" ascii wide
        $h = "privilege::debug" ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and 3 of them
}

rule pe_browser_passwords
{
    meta:
        description = "A Windows program reads the password stores of several browsers."
        weight = 2.6
        attack = "T1555.003"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1555/003/"
        group = "pe.collection"
    strings:
        $chrome = /Google\\\\?Chrome\\\\?User Data/ nocase ascii wide
        $login = /\\Login Data\b/ ascii wide
        $query = /select\s{1,4}[\w, .*]{0,120}(password_value|encryptedPassword|username_value)/ nocase ascii wide
        $firefox = /Mozilla\\\\?Firefox\\\\?(Profiles|profiles\.ini)/ nocase ascii wide
        $logins = "logins.json" ascii wide
        $signons = "signons.sqlite" ascii wide
        $nss = "PK11SDR_Decrypt" ascii wide
        $state = "os_crypt" ascii wide
        $opera = /Opera( Software|\\\\?Opera)/ ascii wide
        $others = /(Yandex\\\\?YandexBrowser|Comodo\\\\?Dragon|Torch\\\\?User Data|CocCoc\\\\?Browser|BraveSoftware|Epic Privacy Browser|360Chrome|7Star\\\\?7Star|Amigo\\\\?User Data|Iridium\\\\?User Data)/ ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and ($query or $nss or $state) and ($login or $logins or $signons)
        and $others and 2 of ($chrome, $firefox, $opera)
}

rule pe_stored_credentials
{
    meta:
        description = "A Windows program looks for what mail, file transfer and remote desktop programs have stored."
        weight = 2.8
        attack = "T1552.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1552/001/"
        group = "pe.collection"
    strings:
        $filezilla = /FileZilla\\\\?(recentservers|sitemanager)\.xml/ nocase ascii wide
        $winscp = /Martin Prikryl\\\\?WinSCP/ nocase ascii wide
        $coreftp = /FTPWare\\\\?COREFTP/ nocase ascii wide
        $smartftp = /SmartFTP\\\\?(Client|Favorites)/ nocase ascii wide
        $flashfxp = /FlashFXP\\\\?(\d|Sites)/ nocase ascii wide
        $cuteftp = /(CuteFTP|GlobalSCAPE)[^\x00]{0,40}(sm\.dat|QCToolbar)/ nocase ascii wide
        $totalcmd = /wcx_ftp\.ini/ nocase ascii wide
        $outlook = /(Windows Messaging Subsystem|Outlook)\\\\?Profiles/ nocase ascii wide
        $outlook_password = /(IMAP|POP3|SMTP|HTTP) Password/ ascii wide
        $thunderbird = /Thunderbird\\\\?Profiles/ nocase ascii wide
        $foxmail = /Foxmail(\.url|\\\\?Storage|\.exe|path)/ nocase ascii wide
        $incredimail = "IncrediMail" ascii wide
        $pidgin = /\.purple\\\\?accounts\.xml/ ascii wide
        $vnc = /(RealVNC\\\\?(WinVNC4|vncserver)|TightVNC\\\\?Server|ORL\\\\?WinVNC3)/ nocase ascii wide
        $putty = /SimonTatham\\\\?PuTTY\\\\?Sessions/ nocase ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and 5 of them
}

rule pe_wallet_theft
{
    meta:
        description = "A Windows program looks for the wallets of several coins."
        weight = 3.0
        attack = "T1005"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1005/"
        group = "pe.collection"
    strings:
        $bitcoin = "wallet.dat" ascii wide nocase
        $electrum = /Electrum(-LTC)?\\\\?wallets/ nocase ascii wide
        $exodus = /Exodus\\\\?exodus\.wallet/ nocase ascii wide
        $ethereum = /Ethereum\\\\?(keystore|wallets)/ nocase ascii wide
        $jaxx = /(com\.liberty\.)?jaxx\\\\?(IndexedDB|Local Storage)/ nocase ascii wide
        $atomic = /atomic\\\\?Local Storage/ nocase ascii wide
        $armory = /AppData\\\\?Armory|\\Armory\\/ ascii wide
        $coinomi = /Coinomi\\\\?Coinomi\\\\?wallets/ nocase ascii wide
        $metamask = "nkbihfbeogaeaoehlefnkodbefgpgknn" ascii wide
        $tronlink = "ibnejdfjmmkpcnlpebklmnkoeoihofec" ascii wide
        $monero = /Monero\\\\?wallets|monero-project/ nocase ascii wide
        $zcash = /\\Zcash\\?/ ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and 3 of them
}

rule pe_session_theft
{
    meta:
        description = "A Windows program takes sessions of Telegram, Discord or Steam."
        weight = 2.6
        attack = "T1539"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1539/"
        group = "pe.collection"
    strings:
        $telegram = /Telegram Desktop\\\\?tdata/ nocase ascii wide
        $telegram_key = /D877F783D5D3EF8C|\btdata\\\\?key_datas?/ ascii wide
        $discord = /discord(canary|ptb)?\\\\?Local Storage\\\\?leveldb/ nocase ascii wide
        $discord_token = /\[\\w-\]\{24\}\\\.\[\\w-\]\{6\}|mfa\\\.\[\\w-\]\{84\}/ ascii wide
        $steam = /(ssfn\*?|SteamPath|loginusers\.vdf)/ ascii wide
        $browser = /\\(Login Data|Cookies|Web Data)\b/ ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and (($telegram or $telegram_key) or any of ($discord*)) and ($steam or $browser)
        and 3 of them
}

rule pe_keylogger_vocabulary
{
    meta:
        description = "A Windows program writes down keys under the names that keyloggers give them."
        weight = 2.4
        attack = "T1056.001"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1056/001/"
        group = "pe.collection"
    strings:
        $state = "GetAsyncKeyState" ascii wide
        $hook = "SetWindowsHookEx" ascii wide
        $window = "GetForegroundWindow" ascii wide
        $back = /[\[<{](BACK ?SPACE|BS|BKSP|Back)[\]>}]/ nocase ascii wide
        $enter = /[\[<{](ENTER|RETURN)[\]>}]/ nocase ascii wide
        $tab = /[\[<{]TAB[\]>}]/ nocase ascii wide
        $caps = /[\[<{]CAPS ?_?LOCK[^\]\n]{0,8}[\]>}]/ nocase ascii wide
        $control = /[\[<{](CTRL|CONTROL|LCTRL)[\]>}]/ nocase ascii wide
        $escape = /[\[<{]ESC(APE)?[\]>}]/ nocase ascii wide
        $page = /[\[<{](PAGE ?UP|PG ?UP|PRIOR)[\]>}]/ nocase ascii wide
    condition:
        uint16(0) == 0x5A4D and filesize < 20MB and any of ($state, $hook) and $window
        and 5 of ($back, $enter, $tab, $caps, $control, $escape, $page)
}
