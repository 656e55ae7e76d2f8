//! Every record is linked to the one before it.
//!
//! A link is the SHA-256 of the link before, the table's name and every field of the record as it is stored, each with
//! its type and its length, so that no two different records read alike. There is one chain over all tables, in the
//! order of the running number. It finds damage, from a bad disk or a careless hand. It stops no forger: who can write
//! the database can make all links anew.

use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

/// Thirty-two bytes that depend on a record and all before it.
pub(crate) type Link = [u8; 32];

/// What the first record is linked to.
pub(crate) const START: Link = [0; 32];

/// The link of record `n` of `table`, whose other fields are `cells`.
pub(crate) fn link<'a>(before: &Link, table: &str, n: i64, cells: impl Iterator<Item = ValueRef<'a>>) -> Link {
    let mut hash = Sha256::new();
    hash.update(before);
    feed(&mut hash, ValueRef::Text(table.as_bytes()));
    feed(&mut hash, ValueRef::Integer(n));
    cells.for_each(|cell| feed(&mut hash, cell));
    hash.finalize().into()
}

fn feed(hash: &mut Sha256, cell: ValueRef<'_>) {
    let number;
    let (kind, bytes): (u8, &[u8]) = match cell {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(value) => {
            number = value.to_le_bytes();
            (1, &number)
        }
        ValueRef::Real(value) => {
            number = value.to_bits().to_le_bytes();
            (2, &number)
        }
        ValueRef::Text(bytes) => (3, bytes),
        ValueRef::Blob(bytes) => (4, bytes),
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
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        let cases: &[(&str, i64, &[ValueRef<'_>])] = &[
            ("bounty", 1, &[text("ab"), text("c")]),
            ("bounty", 1, &[text("a"), text("bc")]),
            ("bounty", 2, &[text("a"), text("bc")]),
            ("answer", 1, &[text("a"), text("bc")]),
            ("bounty", 1, &[text("a"), ValueRef::Blob(b"bc")]),
            ("bounty", 1, &[text("a"), ValueRef::Null]),
            ("bounty", 1, &[text("a"), text("")]),
            ("bounty", 1, &[text("a")]),
            ("bounty", 1, &[ValueRef::Integer(0)]),
            ("bounty", 1, &[ValueRef::Real(0.0)]),
        ];
        let links: std::collections::HashSet<Link> =
            cases.iter().map(|(table, n, cells)| link(&START, table, *n, cells.iter().copied())).collect();
        assert_eq!(links.len(), cases.len());
        assert_ne!(link(&[1; 32], "bounty", 1, [].into_iter()), link(&START, "bounty", 1, [].into_iter()));
    }
}
