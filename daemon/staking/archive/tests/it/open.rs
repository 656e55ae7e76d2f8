use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use daemon_archive::{FILE_NAME, JournalReader, Sqlite};
use daemon_journal::{Answered, Ending, Filter, Journal, JournalError, Recall, Received, Write};
use daemon_market::StepKind;
use rusqlite::Connection;

use crate::make::{bounty, corrected, ending, key, life, settled, shadow, step};

/// What the seventh step adds, taken away.
const WITHOUT_SEVENTH: &str = "DROP TABLE shadow;";
/// What the sixth and seventh step add, taken away.
const WITHOUT_SIXTH: &str =
    "DROP TABLE shadow; DROP VIEW open_assertion; DROP TABLE step; ALTER TABLE head DROP COLUMN pledged;";
/// What the fourth to seventh step add, taken away.
const WITHOUT_FOURTH: &str =
    "DROP TABLE shadow; DROP VIEW open_assertion; DROP TABLE step; ALTER TABLE head DROP COLUMN pledged;
    ALTER TABLE bounty DROP COLUMN dialect; DROP TABLE checkpoint; DROP TABLE slim; DROP INDEX bounty_detailed;
    DROP TRIGGER bounty_is_not_changed; DROP TRIGGER answer_is_not_changed; DROP TRIGGER ending_is_not_changed;
    ALTER TABLE head DROP COLUMN letting_go;
    CREATE TRIGGER bounty_is_not_changed BEFORE UPDATE ON bounty BEGIN SELECT RAISE(ABORT, 'only added to'); END;
    CREATE TRIGGER answer_is_not_changed BEFORE UPDATE ON answer BEGIN SELECT RAISE(ABORT, 'only added to'); END;
    CREATE TRIGGER ending_is_not_changed BEFORE UPDATE ON ending BEGIN SELECT RAISE(ABORT, 'only added to'); END;";

/// A bounty's life as it was recorded before dialects were.
fn before_dialects(id: &str) -> [Write; 3] {
    let [bounty, answer, ending] = life(id);
    let Write::Bounty(received) = bounty else { unreachable!() };
    [Write::Bounty(Received { dialect: String::new(), ..received }), answer, ending]
}

fn tamper(directory: &Path, sql: &str) {
    Connection::open(directory.join(FILE_NAME)).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_second_daemon_is_told_who_holds_the_archive() {
    let directory = crate::make::directory();
    let first = Sqlite::open(directory.path()).unwrap();
    let error = Sqlite::open(directory.path()).unwrap_err();
    assert!(error.to_string().contains(&format!("(pid {})", std::process::id())), "{error}");
    drop(first);
    Sqlite::open(directory.path()).unwrap();
}

#[test]
fn who_was_overtaken_writes_nothing_ever_again() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    journal.commit(&life("1")).unwrap();
    tamper(directory.path(), "UPDATE head SET epoch = epoch + 1");
    for batch in [&life("2")[..], &life("1")[..], &[]] {
        let error = journal.commit(batch).unwrap_err();
        assert!(matches!(error, JournalError::Fenced { ours: 1, theirs: 2 }), "{error}");
    }
    tamper(directory.path(), "UPDATE head SET epoch = 1");
    assert!(matches!(journal.commit(&life("3")), Err(JournalError::Fenced { .. })));
    assert_eq!(journal.counts().unwrap().bounties, 1);
    drop(journal);
    let mut journal = Sqlite::open(directory.path()).unwrap();
    journal.commit(&life("4")).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
}

#[test]
fn a_known_bounty_too_is_refused_to_who_was_overtaken() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    journal.commit(&life("1")).unwrap();
    tamper(directory.path(), "UPDATE head SET epoch = epoch + 1");
    assert!(matches!(journal.commit(&life("1")), Err(JournalError::Fenced { .. })));
}

#[test]
fn a_reader_reads_while_a_daemon_writes() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    let reader = JournalReader::open(directory.path()).unwrap();
    for id in ["1", "2", "3"] {
        journal.commit(&life(id)).unwrap();
        let stories = reader.query(&Filter::default(), 9).unwrap();
        assert_eq!(stories[0].bounty.key, key(id));
        assert_eq!(reader.verify(&mut |_, _| {}).unwrap().damage, None);
    }
    drop(journal);
    assert_eq!(reader.counts().unwrap().bounties, 3);
    drop(reader);
    assert_eq!(JournalReader::open(directory.path()).unwrap().counts().unwrap().bounties, 3);
}

#[test]
fn what_is_not_ours_or_newer_is_refused_and_not_changed() {
    for (sql, expected) in [
        ("PRAGMA user_version = 8", "schema 8, this program knows up to 7"),
        ("PRAGMA application_id = 7", "application id 0x00000007"),
    ] {
        let directory = crate::make::directory();
        drop(Sqlite::open(directory.path()).unwrap());
        tamper(directory.path(), sql);
        let before = std::fs::read(directory.path().join(FILE_NAME)).unwrap();
        for error in [Sqlite::open(directory.path()).unwrap_err(), JournalReader::open(directory.path()).unwrap_err()] {
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert_eq!(std::fs::read(directory.path().join(FILE_NAME)).unwrap(), before);
    }
}

#[test]
fn a_journal_of_the_first_schema_is_taken_over_and_its_links_hold() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    for id in ["1", "2"] {
        let [bounty, answer, ending] = before_dialects(id);
        let Write::Answer(answer) = answer else { unreachable!() };
        let answer = Write::Answer(Answered { bet: String::new(), ..answer });
        journal.commit(&[bounty, answer, ending]).unwrap();
    }
    let before = journal.verify(&mut |_, _| {}).unwrap();
    drop(journal);
    // What the second step adds, taken away: a database as the first schema left it.
    tamper(
        directory.path(),
        &format!(
            "{WITHOUT_FOURTH} DROP TABLE corrected; DROP TABLE settled; DROP TABLE purse; DROP INDEX answer_staked;
             ALTER TABLE answer DROP COLUMN bet; PRAGMA user_version = 1;"
        ),
    );
    assert!(JournalReader::open(directory.path()).is_err());
    let mut journal = Sqlite::open(directory.path()).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap(), before);
    journal.commit(&life("3")).unwrap();
    journal.commit(&[settled(&key("1"), None)]).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
    drop(journal);
    tamper(directory.path(), "DROP TRIGGER answer_is_not_changed; UPDATE answer SET bet = '' WHERE id = '3'");
    let damage = Sqlite::open(directory.path()).unwrap().verify(&mut |_, _| {}).unwrap().damage.unwrap();
    assert!(damage.to_string().contains("table answer, bounty 3"), "{damage}");
}

#[test]
fn a_journal_of_the_second_schema_is_taken_over_and_what_it_says_can_be_corrected() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    journal.commit(&before_dialects("1")).unwrap();
    journal.commit(&[settled(&key("1"), Some("1.5"))]).unwrap();
    let before = journal.verify(&mut |_, _| {}).unwrap();
    drop(journal);
    tamper(directory.path(), &format!("{WITHOUT_FOURTH} DROP TABLE corrected; PRAGMA user_version = 2;"));
    assert!(JournalReader::open(directory.path()).is_err());
    let mut journal = Sqlite::open(directory.path()).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap(), before);
    journal.commit(&[corrected(&key("1"), Some("0"))]).unwrap();
    let verified = journal.verify(&mut |_, _| {}).unwrap();
    assert_eq!((verified.corrections, verified.damage), (1, None));
    drop(journal);
    tamper(directory.path(), "DROP TRIGGER corrected_is_not_changed; UPDATE corrected SET payout = '9'");
    let damage = Sqlite::open(directory.path()).unwrap().verify(&mut |_, _| {}).unwrap().damage.unwrap();
    assert!(damage.to_string().contains("table corrected, bounty 1"), "{damage}");
    tamper(directory.path(), "DROP TRIGGER corrected_is_not_removed; DELETE FROM corrected");
    assert!(matches!(Sqlite::open(directory.path()), Err(JournalError::Shortened { found: 4, expected: 5, .. })));
}

#[test]
fn a_journal_of_the_sixth_schema_is_taken_over_and_second_opinions_can_stand_beside_answers() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    journal.commit(&life("1")).unwrap();
    let before = journal.verify(&mut |_, _| {}).unwrap();
    drop(journal);
    tamper(directory.path(), &format!("{WITHOUT_SEVENTH} PRAGMA user_version = 6;"));
    assert!(JournalReader::open(directory.path()).is_err());
    let mut journal = Sqlite::open(directory.path()).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap(), before);
    journal.commit(&[shadow(&key("1"), 0), shadow(&key("1"), 1)]).unwrap();
    let verified = journal.verify(&mut |_, _| {}).unwrap();
    assert_eq!((verified.shadows, verified.damage), (2, None));
    drop(journal);
    tamper(
        directory.path(),
        "DROP TRIGGER shadow_is_not_changed; UPDATE shadow SET verdict = 'malicious' WHERE artifact = 1",
    );
    let damage = Sqlite::open(directory.path()).unwrap().verify(&mut |_, _| {}).unwrap().damage.unwrap();
    assert!(damage.to_string().contains("table shadow, bounty 1"), "{damage}");
    tamper(directory.path(), "DROP TRIGGER shadow_is_not_removed; DELETE FROM shadow WHERE artifact = 1");
    assert!(matches!(Sqlite::open(directory.path()), Err(JournalError::Shortened { found: 4, expected: 5, .. })));
}

#[test]
fn a_journal_of_the_fifth_schema_is_taken_over_and_assertions_can_be_followed() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    journal.commit(&life("1")).unwrap();
    let before = journal.verify(&mut |_, _| {}).unwrap();
    drop(journal);
    tamper(directory.path(), &format!("{WITHOUT_SIXTH} PRAGMA user_version = 5;"));
    assert!(JournalReader::open(directory.path()).is_err());
    let mut journal = Sqlite::open(directory.path()).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap(), before);
    assert_eq!(journal.pending_assertions().unwrap(), []);
    journal.commit(&[step(&key("1"), StepKind::Pledged, ""), step(&key("1"), StepKind::Asserted, "0x1")]).unwrap();
    assert_eq!(journal.pending_assertions().unwrap().len(), 1);
    let verified = journal.verify(&mut |_, _| {}).unwrap();
    assert_eq!((verified.steps, verified.damage), (2, None));
    drop(journal);
    tamper(directory.path(), "DROP TRIGGER step_is_not_changed; UPDATE step SET tx = '0x2' WHERE step = 'asserted'");
    let damage = Sqlite::open(directory.path()).unwrap().verify(&mut |_, _| {}).unwrap().damage.unwrap();
    assert!(damage.to_string().contains("table step, bounty 1"), "{damage}");
    tamper(directory.path(), "DROP TRIGGER step_is_not_removed; DELETE FROM step WHERE step = 'asserted'");
    assert!(matches!(Sqlite::open(directory.path()), Err(JournalError::Shortened { found: 4, expected: 5, .. })));
}

#[test]
fn what_is_no_database_is_an_error_that_says_so() {
    let directory = crate::make::directory();
    let path = directory.path().join(FILE_NAME);
    std::fs::write(&path, [b'x'; 8192]).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = Sqlite::open(directory.path()).unwrap_err();
    assert!(error.source().unwrap().to_string().contains("not a database"), "{error:?}");
    assert!(matches!(JournalReader::open(&directory.path().join("missing")), Err(JournalError::Open { .. })));
}

#[test]
fn nobody_else_may_use_any_of_it() {
    let base = crate::make::directory();
    let directory = base.path().join("a/archive");
    let mut journal = Sqlite::open(&directory).unwrap();
    journal.commit(&life("1")).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let mut names = 0;
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names += 1;
    }
    assert_eq!(names, 4, "lock, database, log and its index");
    drop(journal);
    std::fs::set_permissions(directory.join(FILE_NAME), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Sqlite::open(&directory), Err(JournalError::Private(_))));
}

#[test]
fn pending_bounties_are_found_however_often_it_was_opened() {
    let directory = crate::make::directory();
    let (forgotten, open) = (key("forgotten"), key("open"));
    let mut journal = Sqlite::open(directory.path()).unwrap();
    journal.commit(&life("1")).unwrap();
    journal.commit(&[bounty(&forgotten)]).unwrap();
    journal.commit(&life("2")).unwrap();
    for _ in 0..3 {
        drop(journal);
        journal = Sqlite::open(directory.path()).unwrap();
        assert_eq!(journal.pending().unwrap().len(), 1);
    }
    journal.commit(&[bounty(&open), ending(&forgotten, Ending::Expired)]).unwrap();
    drop(journal);
    journal = Sqlite::open(directory.path()).unwrap();
    let pending: Vec<_> = journal.pending().unwrap().into_iter().map(|pending| pending.bounty.key).collect();
    assert_eq!(pending, [open]);
}

#[test]
fn another_program_that_writes_is_waited_for_and_then_reported() {
    let directory = crate::make::directory();
    let mut journal = Sqlite::open(directory.path()).unwrap();
    let other = Connection::open(directory.path().join(FILE_NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = journal.commit(&life("1")).unwrap_err();
    assert!(matches!(error, JournalError::Contended) && !error.is_final(), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    journal.commit(&life("1")).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
}
