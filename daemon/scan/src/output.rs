//! What of a scan is printed, who watches it, and how it ended.

use std::io;
use std::path::Path;

use anstyle::Style;

/// Style of headings.
pub(crate) const HEADING: Style = Style::new().bold();

/// Form of what is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutputForm {
    /// Lines for people.
    Text,
    /// One JSON document.
    Json,
    /// A JSON object on each line.
    Ndjson,
}

/// What is printed.
#[derive(Clone, Copy, Debug)]
pub struct OutputOptions {
    /// In which form.
    pub form: OutputForm,
    /// All files as text, not only those that are malicious, suspicious or not fully scanned.
    pub all: bool,
    /// The measures of each file too.
    pub measures: bool,
    /// The summary, as text.
    pub summary: bool,
}

/// Who watches a scan while it runs.
pub trait ScanObserver: Send {
    /// A file was scanned.
    fn scanned(&mut self, path: &Path);

    /// A file or directory could not be opened or read.
    ///
    /// # Errors
    /// If it cannot be told, which ends the scan.
    fn failed(&mut self, path: &Path, why: &str) -> io::Result<()>;

    /// Calls `write`, which writes lines about one file: where a progress line is in their way, it is taken away meanwhile.
    ///
    /// # Errors
    /// Those of `write`.
    fn aside(&mut self, write: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()>;

    /// All files are scanned; a summary may follow.
    fn ended(&mut self);
}

/// Nobody watches: a failure is in the summary and in the JSON alone.
#[derive(Clone, Copy, Default, Debug)]
pub struct Unobserved;

impl ScanObserver for Unobserved {
    fn scanned(&mut self, _: &Path) {}

    fn failed(&mut self, _: &Path, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn aside(&mut self, write: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        write()
    }

    fn ended(&mut self) {}
}

/// How a scan ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScanEnded {
    /// Nothing malicious was found, and everything was scanned.
    Clean,
    /// Something malicious was found.
    Found,
    /// Nothing malicious was found, but not everything could be scanned.
    Incomplete,
    /// It was asked to stop.
    Interrupted,
}
