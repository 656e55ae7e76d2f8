// What extortionists write to those whose files they took, alone or inside the program that leaves it.

rule ransom_note
{
    meta:
        description = "The file holds a note that demands payment for files that were encrypted."
        weight = 3.5
        attack = "T1486"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1486/"
    strings:
        $whose = /\b(your|important|personal|corporate|company|computer|network)\s{1,4}(files|documents|data|databases|network|servers|backups)\b/ nocase ascii wide
        $taken = /\b(have been|has been|were|are|was|is)\s{1,4}(now\s{1,4}|all\s{1,4}|also\s{1,4}|fully\s{1,4}|securely\s{1,4})?(encrypted|locked|penetrated|crypted)\b/ nocase ascii wide
        $pay_coin = /\b(bitcoins?|monero)\b/ nocase ascii wide
        $pay_words = /\b(payment|ransom|purchase|to pay|must pay)\b/ nocase ascii wide
        $onion = /\b[a-z2-7]{16}([a-z2-7]{40})?\.onion\b/ nocase ascii wide
        $tor = /\btor\s{0,2}browser\b/ nocase ascii wide
        $mail = /[\w.-]{2,40}@(proton(mail)?|tutanota|tuta|cock|onionmail|aol|keemail|airmail|india|qq|mail2tor|msgsafe)\.\w{2,5}/ nocase ascii wide
        $key = /(decrypt(ion|or|ing)?|private|unique)\s{1,4}(key|tool|software|program|id)/ nocase ascii wide
        $threat = /(do not|don't|never)\s{1,4}(try to\s{1,4})?(rename|modify|delete|decrypt|use (any )?third|shut ?down|turn off|recover)/ nocase ascii wide
        $leak = /\b(publish|published|leak|leaked|sell|sold|disclosed?)\s{1,4}(your|all|the|this|it|confidential|sensitive|stolen)\b/ nocase ascii wide
        $free = /(decrypt|test)[^.\n]{0,60}\b(free|one|1|two|2|three|3)\b[^.\n]{0,30}(file|files|guarantee|proof)/ nocase ascii wide
    condition:
        filesize < 20MB and $key and for any taken in (1..#taken) : ( $whose in (@taken[taken] - 160..@taken[taken]) )
        and (any of ($onion, $tor, $mail) or ($pay_coin and $threat))
        and 2 of ($pay_coin, $pay_words, $onion, $mail, $threat, $leak, $free)
}

rule ransom_note_of_known_family
{
    meta:
        description = "The file holds words that only one family of ransomware uses."
        weight = 5.0
        attack = "T1486"
        author = "stakeout"
        reference = "https://attack.mitre.org/techniques/T1486/"
        family = "Ransomware"
    strings:
        $wannacry = "@WanaDecryptor@" ascii wide
        $wannacry_magic = "WANACRY!" ascii
        $wannacry_note = "@Please_Read_Me@" ascii wide
        $locky = "_HELP_instructions" ascii wide
        $cerber = "# DECRYPT MY FILES #" ascii wide
        $cryptowall = "HELP_DECRYPT" ascii wide
        $petya = "Ooops, your important files are encrypted" ascii wide
        $gandcrab = "---= GANDCRAB" ascii wide
        $ryuk = "RyukReadMe" ascii wide
        $conti = "CONTI_LOG.txt" ascii wide
        $revil = "---=== Welcome. Again. ===---" ascii wide
        $lockbit = "Restore-My-Files.txt" ascii wide
        $teslacrypt = "HELP_TO_SAVE_FILES" ascii wide
        $encrypted = /\b(en|de)crypt/ nocase ascii wide
    condition:
        filesize < 20MB and $encrypted and any of ($wannacry, $wannacry_magic, $wannacry_note, $locky, $cerber, $cryptowall,
        $petya, $gandcrab, $ryuk, $conti, $revil, $lockbit, $teslacrypt)
}
