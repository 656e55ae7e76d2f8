use std::path::Path;

use daemon_archive::{FILE_NAME, JournalReader, Sqlite};
use daemon_journal::{Damage, Journal, JournalError, Recall, Verified};
use rusqlite::Connection;

use crate::make::life;

/// Three bounties' lives: nine records, those of the second bounty being 4 (bounty), 5 (answer) and 6 (ending).
fn journal() -> tempfile::TempDir {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    for id in ["first", "second", "third"] {
        journal.commit(&life(id)).unwrap();
    }
    directory
}

/// Changes what nobody may: without the triggers and foreign keys that would not let it.
fn tamper(directory: &Path, sql: &str) {
    let connection = Connection::open(directory.join(FILE_NAME)).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    let mut triggers = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let names: Vec<String> = triggers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    connection.execute_batch(sql).unwrap();
}

fn verified(directory: &Path) -> Verified {
    JournalReader::open(directory).unwrap().verify(&mut |_, _| {}).unwrap()
}

#[test]
fn a_sound_journal_is_sound() {
    let directory = journal();
    let mut told = Vec::new();
    let verified =
        JournalReader::open(directory.path()).unwrap().verify(&mut |done, all| told.push((done, all))).unwrap();
    assert_eq!((verified.bounties, verified.answers, verified.endings, verified.damage), (3, 3, 3, None));
    assert_ne!(verified.head, [0; 32]);
    assert_eq!(told, [(0, 9), (9, 9)]);
}

#[test]
fn a_changed_cell_is_found_and_named_in_every_column() {
    let tables = [
        ("bounty", 4, &["phase = 'arbitration'", "delivery = delivery || 'x'", "received = received + 1"][..]),
        ("bounty", 4, &["expires = 0", "wire = x'00'", "chain = x'00'", "chain = zeroblob(32)"]),
        ("answer", 5, &["at = at + 1", "body = x''", "verdict = 'benign'", "bid = '1'", "confidence = 0.5"]),
        ("answer", 5, &["kind = ''", "sha256 = NULL", "size = NULL", "generation = 'g2'", "comments = '[]'"]),
        ("answer", 5, &["report = '{}'", "chain = zeroblob(32)"]),
        ("ending", 6, &["at = at - 1", "how = 'refused'", "status = 201", "status = NULL", "attempts = 3"]),
        ("ending", 6, &["detail = ''", "chain = zeroblob(32)"]),
    ];
    for (table, n, changes) in tables {
        for change in changes {
            let directory = journal();
            tamper(directory.path(), &format!("UPDATE {table} SET {change} WHERE n = {n}"));
            let expected = Damage::Changed { table, id: "second".into(), n };
            let damage = verified(directory.path()).damage;
            // A bounty whose key is another leaves its answer behind, which is noticed first.
            let stray = change.starts_with("phase").then(|| Damage::Stray { table: "answer".into() });
            assert_eq!(damage, Some(stray.unwrap_or(expected)), "{table} {change}");
        }
    }
}

#[test]
fn a_flipped_byte_in_the_file_is_found() {
    for text in ["delivery of second", "answer to second", "after a 503"] {
        let directory = journal();
        let path = directory.path().join(FILE_NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
        bytes[at + 3] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let damage = verified(directory.path()).damage;
        assert!(matches!(damage, Some(Damage::Changed { .. })), "{text}: {damage:?}");
    }
}

#[test]
fn a_damaged_page_is_found() {
    let directory = journal();
    let path = directory.path().join(FILE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(18).position(|window| window == b"delivery of second").unwrap();
    bytes[at / 4096 * 4096..][..64].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(verified(directory.path()).damage, Some(Damage::Database(_))));
}

#[test]
fn a_removed_record_is_missed() {
    for (table, n) in [("answer", 5), ("ending", 6), ("ending", 9)] {
        let directory = journal();
        tamper(directory.path(), &format!("DELETE FROM {table} WHERE n = {n}"));
        assert_eq!(verified(directory.path()).damage, Some(Damage::Missing { n }));
    }
    let directory = journal();
    tamper(directory.path(), "DELETE FROM bounty WHERE n = 4");
    assert_eq!(verified(directory.path()).damage, Some(Damage::Stray { table: "answer".into() }));
    tamper(directory.path(), "DELETE FROM answer WHERE id = 'second'; DELETE FROM ending WHERE id = 'second'");
    assert_eq!(verified(directory.path()).damage, Some(Damage::Missing { n: 4 }));
}

#[test]
fn a_record_that_is_there_twice_is_found() {
    let directory = journal();
    tamper(directory.path(), "UPDATE ending SET n = 5 WHERE n = 6");
    let damage = verified(directory.path()).damage;
    assert!(matches!(damage, Some(Damage::Twice { n: 5, .. } | Damage::Changed { n: 5, .. })), "{damage:?}");
}

#[test]
fn a_journal_that_lost_its_end_is_not_written_to() {
    let directory = journal();
    tamper(directory.path(), "DELETE FROM ending WHERE n = 9");
    let error = Sqlite::open(directory.path()).unwrap_err();
    assert!(matches!(error, JournalError::Shortened { found: 8, expected: 9, .. }), "{error}");
}

#[test]
fn records_cannot_be_changed_or_removed_by_accident() {
    let directory = journal();
    let connection = Connection::open(directory.path().join(FILE_NAME)).unwrap();
    for table in ["bounty", "answer", "ending"] {
        for sql in [format!("UPDATE {table} SET id = 'x'"), format!("DELETE FROM {table}")] {
            let error = connection.execute_batch(&sql).unwrap_err();
            assert!(error.to_string().contains("only added to"), "{sql}: {error}");
        }
    }
    assert_eq!(verified(directory.path()).damage, None);
}
