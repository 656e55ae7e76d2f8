//! Files whose verdicts are known, made in code: what new rules are tried on.

/// A file to try rules on.
pub struct RuleProbe {
    /// Description of the probe.
    pub name: &'static str,
    /// Bytes of the probe.
    pub bytes: Vec<u8>,
    /// Whether it must come out as malicious; if not, it must not.
    pub malicious: bool,
}

/// The EICAR test file. It stands here backwards, so that neither source nor program is taken for it.
pub fn eicar() -> Vec<u8> {
    r"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\4[PA@%P!O5X".bytes().rev().collect()
}

/// One of each sort that has rules of its own, so that whatever breaks on any of them shows here first, and so that the
/// rules for it are there when the first artifact comes.
pub fn probes() -> Vec<RuleProbe> {
    let harmless = |name, head: &[u8]| {
        let mut bytes = head.to_vec();
        bytes.resize(512, 0);
        RuleProbe { name, bytes, malicious: false }
    };
    vec![
        RuleProbe { name: "the EICAR test file", bytes: eicar(), malicious: true },
        RuleProbe { name: "a text file", bytes: b"nothing to see here\n".to_vec(), malicious: false },
        harmless("a file of null bytes", b""),
        harmless("a PE header", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff"),
        harmless("an ELF header", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01"),
        harmless("a compound file header", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        harmless("a ZIP header", b"PK\x03\x04\x14\0\x06\0"),
    ]
}
