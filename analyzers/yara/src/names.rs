//! Whether a rule names malware: by its family, or by the words of its name, its tags, its file and its description.

/// The names of a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Called<'a> {
    /// Name of the rule.
    pub name: &'a str,
    /// Tags of the rule.
    pub tags: &'a [String],
    /// The name of its file, with the folders.
    pub file: &'a str,
}

/// Words of names, tags and files that say that a rule is about malware. Not among them is `maldoc`: sets of that name look
/// for single tricks of documents, some of which programs show as well.
const MALWARE: &[&str] = &[
    "adware",
    "apt",
    "backdoor",
    "backdoors",
    "banker",
    "banking",
    "bot",
    "botnet",
    "coinminer",
    "crimeware",
    "cryptominer",
    "downloader",
    "dropper",
    "eqgrp",
    "equationgroup",
    "hacktool",
    "hktl",
    "implant",
    "infostealer",
    "keylogger",
    "mal",
    "malicious",
    "malw",
    "malware",
    "miner",
    "ransom",
    "ransomware",
    "rat",
    "rats",
    "rootkit",
    "rootkits",
    "shellcode",
    "spyware",
    "stealer",
    "trojan",
    "trojans",
    "virus",
    "viruses",
    "webshell",
    "webshells",
    "wiper",
    "worm",
    "wshell",
];

/// Words of descriptions that say so. Fewer: a sentence holds many words, and a utility may speak of malware.
const SAID: &[&str] = &[
    "backdoor",
    "botnet",
    "cryptominer",
    "infostealer",
    "keylogger",
    "malware",
    "ransomware",
    "rootkit",
    "spyware",
    "trojan",
    "webshell",
    "worm",
];

/// Words of names, tags and files that say that a rule only informs: about tools, formats and habits that honest software
/// has too.
const INFORMS: &[&str] = &[
    "antidebug",
    "antivm",
    "base64",
    "capabilities",
    "capability",
    "compiler",
    "crypto",
    "cryptography",
    "drivers",
    "info",
    "installer",
    "pecheck",
    "peid",
    "packer",
    "packers",
    "pua",
    "pup",
    "util",
    "utils",
    "utility",
    "vuln",
    "vulndriver",
];

/// Families that are not malware, in names such as `Windows.VulnDriver.Name`.
const HONEST: &[&str] = &["vulndriver", "pup", "pua", "packer", "remoteadmin", "attacksimulation", "malcert"];

/// Whether the rule says that what it hits is malware.
pub(crate) fn names_malware(called: Called<'_>, family: Option<&str>, described: Option<&str>) -> bool {
    let by_family = family.is_some_and(|family| !matches!(family.to_ascii_lowercase().as_str(), "na" | "n/a" | "none"));
    by_family
        || words(called).any(|word| MALWARE.contains(&word.as_str()))
        || described.is_some_and(|text| plain_words(text).any(|word| SAID.contains(&word.as_str())))
}

/// Whether the rule says that it is about something that honest software has too.
pub(crate) fn only_informs(called: Called<'_>, family: Option<&str>) -> bool {
    match family {
        Some(family) => plain_words(family).any(|word| HONEST.contains(&word.as_str())),
        None => {
            let own = || words(Called { file: "", ..called });
            let of_file = || words(Called { name: "", tags: &[], file: called.file });
            let informs = |word: String| INFORMS.contains(&word.as_str());
            // A name that says both (`MALW_packer`) names malware, unless its file is one of utilities: what those call a
            // keylogger is whatever can read keys.
            of_file().any(informs) || !own().any(|word| MALWARE.contains(&word.as_str())) && own().any(informs)
        }
    }
}

/// The words of a rule's name, tags and file, in small letters: `APT_Foo`, `CredentialStealer` and `malware/x.yar` have
/// two each.
fn words(called: Called<'_>) -> impl Iterator<Item = String> {
    let file = called.file.rsplit_once('.').map_or(called.file, |(stem, _)| stem);
    let texts = [called.name, file].into_iter().chain(called.tags.iter().map(String::as_str));
    texts.flat_map(|text| plain_words(text).chain(humps(text)).collect::<Vec<_>>())
}

fn plain_words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase)
}

/// The words of `CamelCase`.
fn humps(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_ascii_alphabetic() || (before.is_ascii_lowercase() && c.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if c.is_ascii_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| word.len() > 2);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, tags: &[&str], file: &str, malware: bool, informs: bool) {
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        let called = Called { name, tags: &tags, file };
        let only_informs = only_informs(called, None);
        assert_eq!((!only_informs && names_malware(called, None, None), only_informs), (malware, informs), "{name}");
    }

    #[test]
    fn malware_is_named_by_name_tag_or_file() {
        check("APT_Turla_1", &[], "any/x.yar", true, false);
        check("CredentialStealer_Generic", &[], "any/x.yar", true, false);
        check("Sample_1", &["MALW"], "any/x.yar", true, false);
        check("Sample_1", &[], "malware/Sample.yar", true, false);
        check("RansomLord", &[], "any/x.yar", true, false);
    }

    #[test]
    fn utilities_name_none() {
        check("domain", &[], "utils/domain.yar", false, true);
        check("contains_base64", &["Base64"], "utils/base64.yar", false, true);
        check("Armadillo_v171", &["PEiD"], "packers/peid.yar", false, true);
        check("IP", &[], "ip.yar", false, false);
        check("Browsers", &[], "suspicious_strings.yar", false, false);
        check("keylogger", &[], "capabilities/capabilities.yar", false, true);
        check("Dropper_Strings", &[], "utils/suspicious_strings.yar", false, true);
        check("MALW_packer", &[], "x.yar", true, false);
        check("VULN_PUA_Driver_Foo", &[], "any/x.yar", false, true);
        check("Robot_arm", &[], "any/x.yar", false, false);
    }

    #[test]
    fn a_family_names_malware_unless_it_is_a_class_of_honest_things() {
        let called = Called { name: "x", tags: &[], file: "x.yar" };
        for (family, informs) in [("Turla", false), ("Windows.Trojan.Emotet", false), ("Windows.VulnDriver.Foo", true)]
        {
            assert_eq!(only_informs(called, Some(family)), informs, "{family}");
        }
        assert!(!names_malware(called, Some("NA"), None));
        assert!(names_malware(called, Some("Turla"), None));
    }

    #[test]
    fn descriptions_are_read_word_by_word() {
        let called = Called { name: "x", tags: &[], file: "x.yar" };
        assert!(names_malware(called, None, Some("Detects the Foo trojan")));
        assert!(!names_malware(called, None, Some("Contains references to antivirus software and trojans.exe's")));
    }
}
