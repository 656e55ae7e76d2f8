//! The EICAR test file: how people check that a scanner is awake.
//!
//! The smallest analyzer there is, and a good first one to read.

use triage::FileKind;

use crate::{Analyzer, Findings, Indicator, Sample};

crate::indicators! {
    TEST_FILE = "eicar.file.test", "The file is the EICAR anti-virus test file.",
        source: "EICAR, Anti-Malware Testfile, 2003-05-01", family: "EICAR-Test-File";
}

/// Characters of the test file; white space may follow them.
const LENGTH: usize = 68;

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
        // Triage gives this kind to nothing but the whole test file.
        findings.saw(&TEST_FILE, 0..LENGTH.min(sample.bytes.len()));
    }
}
