//! Manifests: what each file of a corpus is, as CSV.

use std::collections::HashMap;

use daemon_base::Sha256Digest;

use super::InputError;

/// What a manifest says of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestRow {
    /// Whether it is malware.
    pub malicious: bool,
    /// Where it is from.
    pub source: String,
    /// What belongs together within the source.
    pub group: String,
}

/// The rows of all manifests by the digest of the file. Of several rows about one file the first counts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    rows: HashMap<Sha256Digest, ManifestRow>,
}

impl Manifest {
    /// Adds the rows of a manifest. Its first line names the columns, among which are `sha256`, `label` (`malicious` or
    /// `benign`), `source` and `group`; others are of no concern.
    ///
    /// # Errors
    ///
    /// The first line that is wrong: a column that is missing, a digest that is none, another label, or one that
    /// contradicts an earlier row about the same file.
    pub fn add(&mut self, text: &str) -> Result<(), InputError> {
        let mut reader = CsvReader::new(text, &["sha256", "label", "source", "group"])?;
        while let Some((line, [sha256, label, source, group])) = reader.next()? {
            let sha256 = digest(line, sha256)?;
            let malicious = match label {
                "malicious" => true,
                "benign" => false,
                _ => return Err(InputError::at(line, format_args!("the label is {label:?}: malicious or benign"))),
            };
            if source.is_empty() || group.is_empty() {
                return Err(InputError::at(line, "source and group must not be empty"));
            }
            let row = ManifestRow { malicious, source: source.to_owned(), group: group.to_owned() };
            let known = self.rows.entry(sha256).or_insert(row);
            if known.malicious != malicious {
                return Err(InputError::at(line, format_args!("{sha256} has the other label in an earlier row")));
            }
        }
        Ok(())
    }

    /// Adds a row, unless there is one about the file already.
    pub fn insert(&mut self, sha256: Sha256Digest, row: ManifestRow) {
        self.rows.entry(sha256).or_insert(row);
    }

    /// What is said of a file.
    pub fn get(&self, sha256: &Sha256Digest) -> Option<&ManifestRow> {
        self.rows.get(sha256)
    }

    /// The digests of all files, in no order.
    pub fn digests(&self) -> impl Iterator<Item = &Sha256Digest> {
        self.rows.keys()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Which program each file is that was packed on purpose: the same program under every packer is one unit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Programs(HashMap<Sha256Digest, String>);

impl Programs {
    /// Reads a list with the columns `sha256` and `program`.
    ///
    /// # Errors
    ///
    /// The first line that is wrong.
    pub fn read(text: &str) -> Result<Programs, InputError> {
        let mut reader = CsvReader::new(text, &["sha256", "program"])?;
        let mut programs = HashMap::new();
        while let Some((line, [sha256, program])) = reader.next()? {
            programs.insert(digest(line, sha256)?, program.to_owned());
        }
        Ok(Programs(programs))
    }

    pub(super) fn of(&self, sha256: &Sha256Digest) -> Option<&str> {
        self.0.get(sha256).map(String::as_str)
    }
}

/// A digest of 64 digits.
pub(super) fn digest(line: u64, text: &str) -> Result<Sha256Digest, InputError> {
    text.parse().map_err(|_| InputError::at(line, format_args!("{text:?} is no SHA-256")))
}

/// Rows of a CSV text, of which some columns are asked for by name.
pub(super) struct CsvReader<'t, const N: usize> {
    reader: csv::Reader<&'t [u8]>,
    columns: [usize; N],
    row: csv::StringRecord,
}

impl<'t, const N: usize> CsvReader<'t, N> {
    pub(super) fn new(text: &'t str, names: &[&str; N]) -> Result<Self, InputError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let headers = reader.headers().map_err(|error| wrong(1, &error))?.clone();
        let mut columns = [0; N];
        for (column, name) in columns.iter_mut().zip(names) {
            let found = headers.iter().position(|header| header == *name);
            *column = found.ok_or_else(|| {
                InputError::at(1, format_args!("there is no column {name:?}: the first line must name {names:?}"))
            })?;
        }
        Ok(CsvReader { reader, columns, row: csv::StringRecord::new() })
    }

    /// The next row, with its line.
    pub(super) fn next(&mut self) -> Result<Option<(u64, [&str; N])>, InputError> {
        let line = self.reader.position().line();
        if !self.reader.read_record(&mut self.row).map_err(|error| wrong(line, &error))? {
            return Ok(None);
        }
        let line = self.row.position().map_or(line, csv::Position::line);
        // The reader holds every row to the number of headers.
        Ok(Some((line, self.columns.map(|column| self.row.get(column).unwrap_or_default()))))
    }
}

fn wrong(line: u64, error: &csv::Error) -> InputError {
    InputError::at(error.position().map_or(line, csv::Position::line), error)
}
