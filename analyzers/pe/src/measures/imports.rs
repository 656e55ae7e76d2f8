//! Imports as a whole; those of each class and library are counted while they are walked.

use analyzers::{density, measures, permille};

use crate::import_counts::ImportCounts;
use crate::imports::Imports;

/// Imports, and the size of the file.
pub(super) struct Imported<'i> {
    pub(super) imports: &'i Imports,
    pub(super) size: usize,
}

impl Imported<'_> {
    fn counts(&self) -> &ImportCounts {
        &self.imports.counts
    }

    fn of_functions(&self, part: u32) -> u32 {
        permille(part as usize, self.imports.functions as usize)
    }
}

measures! {
    /// Imports as a whole.
    IMPORTS, fn imports(all: &Imported<'_>), source: "PE/COFF specification, \"The .idata Section\"; EMBER" {
        "imports.functions", Count, "Functions imported." => all.imports.functions;
        "imports.libraries", Count, "Libraries imported from." => all.imports.libraries;
        "imports.ordinals", Count, "Functions imported by number." => all.counts().ordinals;
        "imports.delayed", Count, "Functions whose import is delayed." => all.counts().delayed;
        "imports.none", Flag, "Nothing is imported." => all.imports.functions == 0;
        "imports.few", Flag, "At most eight functions are imported." => all.imports.functions <= 8;
        "imports.density", Density, "Functions imported, by the size of the file." =>
            density(all.imports.functions as usize, all.size);
        "imports.kernel32_only", Flag, "Nothing is imported but from `kernel32.dll`." =>
            all.imports.libraries > 0 && !all.counts().other_than_kernel32;
        "imports.ansi", Permille, "Functions that take text of one byte a character, of all." => all.of_functions(all.counts().ansi);
        "imports.wide", Permille, "Functions that take text of two bytes a character, of all." => all.of_functions(all.counts().wide);
    }
}
