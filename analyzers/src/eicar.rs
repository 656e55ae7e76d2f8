//! The EICAR test file: how people check that a scanner is awake.
//!
//! The smallest analyzer there is, and a good first one to read.

use triage::FileKind;

use crate::{Analyzer, Findings, Indicator, Sample};

crate::indicators! {
    TEST_FILE = "eicar.file.test", "The file is the EICAR anti-virus test file.",
        source: "EICAR, Anti-Malware Testfile, 2003-05-01", family: "EICAR-Test-File";
}

/// The 68 characters in two halves, so that neither this source nor our binary is taken for the test file.
const HALVES: [&[u8]; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-".as_bytes(), b"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// Longest test file: the 68 characters may be followed by white space up to this length.
const LENGTH_MAX: usize = 128;

/// Looks for the EICAR test file. Cannot see it inside anything else; containers hand it over as a child.
#[derive(Debug, Default)]
pub struct Eicar;

impl Analyzer for Eicar {
    fn name(&self) -> &'static str {
        "eicar"
    }

    fn indicators(&self) -> Box<dyn Iterator<Item = &Indicator> + '_> {
        Box::new(ALL.iter().copied())
    }

    fn wants(&self, kind: FileKind) -> bool {
        kind == FileKind::Eicar
    }

    fn analyze<'a>(&mut self, sample: Sample<'a>, findings: &mut Findings<'a>) {
        let bytes = sample.bytes;
        let Some(rest) = bytes.strip_prefix(HALVES[0]).and_then(|rest| rest.strip_prefix(HALVES[1])) else {
            return;
        };
        let padding = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x1a);
        if bytes.len() <= LENGTH_MAX && rest.iter().all(padding) {
            findings.saw(&TEST_FILE, 0..bytes.len() - rest.len());
        }
    }
}
