//! Every record is linked to the one before it.
//!
//! A link is the SHA-256 of the link before, the table's name and every field of the record as it is stored, each with
//! its type and its length, so that no two different records hash alike. There is one chain over all tables, in the
//! order of the running number. It finds damage by a bad disk or a careless hand. It does not stop a forger: whoever can
//! write the database can compute all links anew.

use sha2::{Digest, Sha256};

/// 32 bytes that depend on a record and on every record before it.
pub type Link = [u8; 32];

/// The link that the first record is linked to.
pub const START: Link = [0; 32];

/// One stored field of a record.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// A signed integer.
    Integer(i64),
    /// A double, compared bit for bit.
    Real(f64),
    /// A text, as its bytes.
    Text(&'a [u8]),
    /// A byte string.
    Blob(&'a [u8]),
}

/// The link of record number `n` of `table`, whose other fields are `cells`.
pub fn link<'a>(before: &Link, table: &str, n: i64, cells: impl Iterator<Item = Cell<'a>>) -> Link {
    let mut hash = Sha256::new();
    hash.update(before);
    feed(&mut hash, Cell::Text(table.as_bytes()));
    feed(&mut hash, Cell::Integer(n));
    cells.for_each(|cell| feed(&mut hash, cell));
    hash.finalize().into()
}

fn feed(hash: &mut Sha256, cell: Cell<'_>) {
    let number;
    let (kind, bytes): (u8, &[u8]) = match cell {
        Cell::Null => (0, &[]),
        Cell::Integer(value) => {
            number = value.to_le_bytes();
            (1, &number)
        }
        Cell::Real(value) => {
            number = value.to_bits().to_le_bytes();
            (2, &number)
        }
        Cell::Text(bytes) => (3, bytes),
        Cell::Blob(bytes) => (4, bytes),
    };
    let mut head = [0; 9];
    head[0] = kind;
    head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    hash.update(head);
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_could_be_confused_have_different_links() {
        let text = |text: &'static str| Cell::Text(text.as_bytes());
        let cases: &[(&str, i64, &[Cell<'_>])] = &[
            ("bounty", 1, &[text("ab"), text("c")]),
            ("bounty", 1, &[text("a"), text("bc")]),
            ("bounty", 2, &[text("a"), text("bc")]),
            ("answer", 1, &[text("a"), text("bc")]),
            ("bounty", 1, &[text("a"), Cell::Blob(b"bc")]),
            ("bounty", 1, &[text("a"), Cell::Null]),
            ("bounty", 1, &[text("a"), text("")]),
            ("bounty", 1, &[text("a")]),
            ("bounty", 1, &[Cell::Integer(0)]),
            ("bounty", 1, &[Cell::Real(0.0)]),
        ];
        let links: std::collections::HashSet<Link> =
            cases.iter().map(|(table, n, cells)| link(&START, table, *n, cells.iter().copied())).collect();
        assert_eq!(links.len(), cases.len());
        assert_ne!(link(&[1; 32], "bounty", 1, [].into_iter()), link(&START, "bounty", 1, [].into_iter()));
    }
}
