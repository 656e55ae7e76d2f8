//! Malware families by indicators that are seen together, where none of them alone names one; and which names are families.
//!
//! Names are those that most engines give (the words that AVClass counts); where Malpedia has another it stands in the
//! source. What could be several families, or is a class of malware, is not named: PolySwarm's field is for families.

use std::collections::BTreeSet;

use analyzers::{LayerId, Record};

/// Indicators that come to a family when seen in one subject.
#[derive(Debug)]
struct Cluster {
    /// The family.
    family: &'static str,
    /// What they come to, as a sentence.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and held to its form by a test"))]
    meaning: &'static str,
    /// Source of the cluster.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and held to its form by a test"))]
    source: &'static str,
    /// All of these must be there,
    all: &'static [&'static str],
    /// and one of these, if there are any.
    any: &'static [&'static str],
}

/// The clusters; of several that fit the first counts.
static CLUSTERS: &[Cluster] = &[
    Cluster {
        family: "Tsunami",
        meaning: "A bot that takes orders over IRC and floods.",
        source: "Malpedia, elf.tsunami; the development corpus: 43 bots, 41 of which name themselves, and no benign file",
        all: &["elf.string.irc_verbs", "elf.string.flood_vocabulary"],
        any: &[],
    },
    Cluster {
        family: "Gafgyt",
        meaning: "Functions of published bots, and fragments of login prompts as the leaked Gafgyt source guesses passwords with.",
        source: "Malpedia, elf.bashlite (Bashlite, Gafgyt); the development corpus: 334 bots, 254 of which name themselves, and no benign file",
        all: &["elf.symbol.bot_function", "elf.string.telnet_probe"],
        any: &[],
    },
    Cluster {
        family: "Mirai",
        meaning: "Paths of the published Mirai source in a table that is hidden under one byte, and what bots do beside it.",
        source: "Malpedia, elf.mirai; Mirai source as published in 2016, bot/table.c; the development corpus: 93 bots and no benign file",
        all: &["elf.string.hidden_by_xor"],
        any: &[
            "elf.string.architecture_list",
            "elf.string.busybox_command",
            "elf.string.default_credentials",
            "elf.string.flood_vocabulary",
            "elf.string.router_exploit",
            "elf.string.telnet_probe",
            "elf.string.watchdog_device",
        ],
    },
    Cluster {
        family: "Emotet",
        meaning: "A document that starts by itself, takes its command out of a long text in a form, and runs it through an object that it gets by name.",
        source: "Malpedia, win.emotet, documents of 2019 and 2020; the development corpus: six of six, no other document",
        all: &[
            "office.source.autostart_document",
            "office.source.gets_object",
            "office.source.payload_in_document",
            "office.vba.form_text",
        ],
        any: &[],
    },
];

impl Cluster {
    fn fits(&self, seen: &BTreeSet<&str>) -> bool {
        self.all.iter().all(|id| seen.contains(id))
            && (self.any.is_empty() || self.any.iter().any(|id| seen.contains(id)))
    }
}

/// The family of the first cluster that fits any subject of the record.
pub(crate) fn family_of_cluster(record: &Record) -> Option<&'static str> {
    let subjects: BTreeSet<LayerId> = record.layers.iter().map(|layer| layer.subject).collect();
    let seen: Vec<BTreeSet<&str>> = subjects.into_iter().map(|subject| seen_in(record, subject)).collect();
    CLUSTERS.iter().find(|cluster| seen.iter().any(|seen| cluster.fits(seen))).map(|cluster| cluster.family)
}

fn seen_in(record: &Record, subject: LayerId) -> BTreeSet<&str> {
    let is_here = |layer: LayerId| record.layers.get(layer.index()).is_some_and(|layer| layer.subject == subject);
    record.evidence.iter().filter(|seen| is_here(seen.layer)).map(|seen| seen.indicator.as_str()).collect()
}

/// Words that say what kind of malware something is, for whom, or how it is known; not which it is.
const CLASS_WORDS: &[&str] = &[
    "adware",
    "agent",
    "android",
    "backdoor",
    "bot",
    "botnet",
    "control",
    "downloader",
    "dropper",
    "exploit",
    "gen",
    "generic",
    "heur",
    "heuristic",
    "html",
    "infostealer",
    "iot",
    "js",
    "keylogger",
    "linux",
    "loader",
    "macro",
    "malicious",
    "malware",
    "miner",
    "msil",
    "o97m",
    "packed",
    "php",
    "ransom",
    "ransomware",
    "rat",
    "remote",
    "rootkit",
    "shell",
    "spyware",
    "stealer",
    "suspicious",
    "tool",
    "trojan",
    "unknown",
    "vba",
    "virus",
    "w32",
    "w64",
    "w97m",
    "web",
    "webshell",
    "win32",
    "win64",
    "worm",
];

/// Whether a name that a rule gives is that of one family, and not of a class (`IoT bot`) or of several (`this or that`).
pub(crate) fn names_a_family(name: &str) -> bool {
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_class = |word: &str| CLASS_WORDS.iter().any(|class| class.eq_ignore_ascii_case(word));
    !words.clone().any(|word| word.eq_ignore_ascii_case("or")) && words.any(|word| !is_class(word))
}

#[cfg(test)]
mod tests {
    use analyzers::{Budget, Cancel, Detail, Evidence, IndicatorId, Limits};
    use triage::FileKind;

    use super::*;
    use crate::catalogue;

    /// A record whose evidence is `seen`, each in the layer of the same place.
    fn record(seen: &[(&'static str, u16)]) -> Record {
        let mut record = Record::new(FileKind::Data, Budget::new(Limits::default(), Cancel::default()));
        record.add_layer(LayerId::ARTIFACT, "inside", Some(FileKind::Data)).unwrap();
        let evidence = |&(id, layer): &(&'static str, u16)| Evidence {
            indicator: IndicatorId::new(id),
            layer: LayerId(layer),
            span: 0..0,
            detail: Detail::default(),
        };
        record.evidence = seen.iter().map(evidence).collect();
        record
    }

    #[test]
    fn every_cluster_is_made_of_indicators_that_there_are_and_says_what_it_is() {
        for cluster in CLUSTERS {
            let Cluster { family, meaning, source, all, any } = cluster;
            assert!(names_a_family(family) && meaning.ends_with('.') && !source.is_empty(), "{family}");
            assert!(all.len() + usize::from(!any.is_empty()) > 1, "{family}: one indicator names its family itself");
            for id in all.iter().chain(*any) {
                let known = catalogue().find(|indicator| indicator.id.as_str() == *id);
                assert!(known.is_some_and(|indicator| indicator.malware_family.is_none()), "{family}: {id}");
            }
        }
    }

    #[test]
    fn a_cluster_needs_all_of_it_in_one_subject() {
        for Cluster { family, all, any, .. } in CLUSTERS {
            let one = any.iter().take(1);
            let whole: Vec<(&str, u16)> = all.iter().chain(one).map(|id| (*id, 1)).collect();
            assert_eq!(family_of_cluster(&record(&whole)), Some(*family));
            for left_out in 0..whole.len() {
                let mut less = whole.clone();
                less.remove(left_out);
                assert_eq!(family_of_cluster(&record(&less)), None, "{family} without {}", whole[left_out].0);
                let mut apart = whole.clone();
                apart[left_out].1 = 0;
                assert_eq!(family_of_cluster(&record(&apart)), None, "{family} in two files");
            }
        }
    }

    #[test]
    fn classes_and_guesses_are_no_families() {
        for name in
            ["Mirai", "XorDDoS", "China Chopper", "EICAR-Test-File", "CVE-2017-11882", "Trojan.Win32.Emotet", "njRAT"]
        {
            assert!(names_a_family(name), "{name}");
        }
        for name in [
            "",
            "IoT bot",
            "Ransomware",
            "Remote-control trojan",
            "PHP web shell",
            "Gafgyt or Mirai loader",
            "Trojan.Generic",
        ] {
            assert!(!names_a_family(name), "{name}");
        }
    }
}
