use std::path::Path;

use daemon_archive::{Archive, FILE_NAME, JournalReader, Sqlite};
use daemon_journal::{Answered, Damage, Ended, Ending, Filter, Gone, Journal, LetGo, Recall, Received, Story, Write};
use daemon_market::{BountyId, PurseNote, Timestamp};
use rusqlite::Connection;

use crate::archive::wait;
use crate::child;
use crate::make::{answer, bounty, ending, key, life, purse, settled};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn essence(report: &str) -> String {
    format!("what counts of {}", report.len())
}

/// What `make` writes is of the first milliseconds of 1970.
fn order() -> LetGo {
    LetGo { before: at(1_000_000), at: at(9_000_000), essence }
}

fn let_go_of_all(journal: &mut Sqlite) -> u64 {
    let mut bounties = 0;
    loop {
        let gone = journal.let_go(&order()).unwrap();
        bounties += gone.bounties;
        if !gone.more {
            return bounties;
        }
    }
}

/// A bounty that came late.
fn late(id: &str) -> Write {
    match bounty(&key(id)) {
        Write::Bounty(taken) => Write::Bounty(Received { received: at(2_000_000), ..taken }),
        _ => unreachable!("it makes bounties"),
    }
}

/// So many old bounties, the even ones settled; one of them without an ending; one that ended late; and a late one. A
/// bounty from a clock that was ahead comes before all of them in the long journals.
fn journal(directory: &Path, old: usize) -> Sqlite {
    let mut journal = Sqlite::open(directory).unwrap();
    if old > 3 {
        journal.commit(&[late("ahead")]).unwrap();
    }
    for n in 0..old {
        let id = format!("old-{n}");
        journal.commit(&life(&id)).unwrap();
        if n % 2 == 0 {
            journal.commit(&[settled(&key(&id), Some("1.5"))]).unwrap();
        }
    }
    journal.commit(&[bounty(&key("pending")), answer(&key("pending"), "an answer"), purse(PurseNote::Closed)]).unwrap();
    let Write::Ending(ended) = ending(&key("slow"), Ending::Expired) else { unreachable!("it makes endings") };
    journal.commit(&[bounty(&key("slow")), Write::Ending(Ended { at: at(1_500_000), ..ended })]).unwrap();
    journal.commit(&[late("late"), answer(&key("late"), "late"), ending(&key("late"), Ending::Expired)]).unwrap();
    journal
}

fn stories(journal: &dyn Recall) -> Vec<Story> {
    let mut stories = Vec::new();
    journal.each(&Filter::default(), &mut |story| stories.push(story)).unwrap();
    stories
}

/// A story as it is when nothing but what is counted is left of it.
fn slim(story: &Story) -> Story {
    let mut slim = story.clone();
    slim.bounty = Received { delivery: String::new(), wire: Vec::new(), ..slim.bounty };
    slim.answer = slim.answer.map(|answer| Answered {
        body: Vec::new(),
        comments: Vec::new(),
        report: essence(&answer.report),
        ..answer
    });
    slim.ending = slim.ending.map(|ended| Ended { detail: String::new(), ..ended });
    slim
}

#[test]
fn details_of_what_is_old_and_over_go_and_everything_that_is_counted_stays() {
    let base = crate::make::directory();
    let mut journal = journal(base.path(), 200);
    let before = stories(&journal);
    let counted = |journal: &Sqlite| {
        (journal.counts().unwrap(), journal.purse(at(0)).unwrap(), journal.past().unwrap(), journal.pending().unwrap())
    };
    let counts = counted(&journal);
    assert_eq!(let_go_of_all(&mut journal), 200, "also those after one that came late");
    assert_eq!(journal.let_go(&order()).unwrap(), Gone::default(), "once is enough");
    let expected: Vec<Story> = before
        .iter()
        .map(|story| if story.bounty.key.id.as_str().starts_with("old-") { slim(story) } else { story.clone() })
        .collect();
    assert_eq!(stories(&journal), expected);
    assert_eq!(counted(&journal), counts);
    let verified = journal.verify(&mut |_, _| {}).unwrap();
    assert_eq!((verified.damage, verified.bounties, verified.answers), (None, 204, 202));
    assert!(verified.checkpoints >= 4, "{}", verified.checkpoints);

    // What comes later is linked to it, also after it was opened again; and what has become old goes too.
    journal.commit(&[ending(&key("pending"), Ending::Sent { status: 200 })]).unwrap();
    drop(journal);
    let mut journal = Sqlite::open(base.path()).unwrap();
    assert_eq!(let_go_of_all(&mut journal), 1);
    journal.commit(&life("new")).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
    // It is known that it was there: a replay of it is none.
    assert_eq!(journal.commit(&[bounty(&key("old-7"))]).unwrap(), [daemon_journal::WriteResult::Known]);
}

#[test]
fn a_daemon_lets_go_while_it_writes() {
    let base = crate::make::directory();
    let archive = Archive::start(journal(base.path(), 130), |_, _| {}).unwrap();
    let mut bounties = 0;
    for round in 0.. {
        wait(archive.write(bounty(&key(&format!("meanwhile-{round}"))))).unwrap();
        let gone = wait(archive.let_go(order())).unwrap();
        bounties += gone.bounties;
        if !gone.more {
            break;
        }
    }
    assert_eq!(bounties, 130);
    archive.close();
    assert_eq!(JournalReader::open(base.path()).unwrap().verify(&mut |_, _| {}).unwrap().damage, None);
}

#[test]
fn nobody_else_changes_a_record_or_removes_one() {
    let base = crate::make::directory();
    drop(journal(base.path(), 3));
    let connection = Connection::open(base.path().join(FILE_NAME)).unwrap();
    for sql in [
        "UPDATE bounty SET wire = x''",
        "UPDATE answer SET report = ''",
        "UPDATE ending SET detail = ''",
        "UPDATE settled SET payout = '9'",
        "DELETE FROM ending",
    ] {
        let error = connection.execute_batch(sql).unwrap_err();
        assert!(error.to_string().contains("only added to"), "{sql}: {error}");
    }
    drop(connection);
    let mut journal = Sqlite::open(base.path()).unwrap();
    let_go_of_all(&mut journal);
    drop(journal);
    let connection = Connection::open(base.path().join(FILE_NAME)).unwrap();
    let error = connection.execute_batch("UPDATE answer SET report = 'x'").unwrap_err();
    assert!(error.to_string().contains("only added to"), "{error}");
    assert!(connection.execute_batch("DELETE FROM checkpoint").is_err());
}

#[test]
fn damage_to_what_is_left_is_found_and_named() {
    // Of three bounties' lives and the settlements between them, record 5 is the second bounty, 6 its answer.
    let changed = |table: &'static str, id: &str, n: u64| Some(Damage::Changed { table, id: id.to_owned(), n });
    let cases: &[(&str, Option<Damage>)] = &[
        ("UPDATE answer SET report = 'other' WHERE n = 6", changed("answer", "old-1", 6)),
        ("UPDATE answer SET bid = '1' WHERE n = 6", changed("answer", "old-1", 6)),
        ("UPDATE bounty SET wire = x'00' WHERE n = 5", changed("bounty", "old-1", 5)),
        ("UPDATE bounty SET chain = zeroblob(32) WHERE n = 5", changed("bounty", "old-1", 5)),
        ("DELETE FROM slim WHERE n = 5", changed("bounty", "old-1", 5)),
        ("UPDATE slim SET seal = x'00' WHERE n = 6", changed("answer", "old-1", 6)),
        ("UPDATE checkpoint SET records = 1", changed("checkpoint", "none", 20)),
        ("UPDATE checkpoint SET before = 0", changed("checkpoint", "none", 20)),
        (
            "UPDATE slim SET checkpoint = 99 WHERE n = 5",
            Some(Damage::Database("a record was slimmed by a checkpoint that is not there".into())),
        ),
    ];
    for (sql, expected) in cases {
        let base = crate::make::directory();
        let mut journal = journal(base.path(), 3);
        let_go_of_all(&mut journal);
        journal.commit(&life("new")).unwrap();
        drop(journal);
        let connection = Connection::open(base.path().join(FILE_NAME)).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let mut triggers = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        let names: Vec<String> = triggers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        names.iter().for_each(|name| connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
        connection.execute_batch(sql).unwrap();
        drop(triggers);
        drop(connection);
        let damage = JournalReader::open(base.path()).unwrap().verify(&mut |_, _| {}).unwrap().damage;
        assert_eq!(damage, *expected, "{sql}");
    }
}

#[test]
fn compacting_gives_room_back_and_changes_nothing() {
    let base = crate::make::directory();
    let mut journal = Sqlite::open(base.path()).unwrap();
    for n in 0..200 {
        let key = key(&format!("large-{n}"));
        let all = [bounty(&key), answer(&key, &"x".repeat(20_000)), ending(&key, Ending::Sent { status: 200 })];
        journal.commit(&all).unwrap();
    }
    let_go_of_all(&mut journal);
    let before = stories(&journal);
    let (had, has) = journal.compact().unwrap();
    assert!(had > 3 << 20 && has < 1 << 20, "{had} {has}");
    assert_eq!(stories(&journal), before);
    journal.commit(&life("new")).unwrap();
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
    drop(journal);
    assert_eq!(Sqlite::open(base.path()).unwrap().verify(&mut |_, _| {}).unwrap().damage, None);
}

/// How often the child is killed.
const KILLS: usize = 30;

/// Writes lives and lets go of them, as fast as it can, and tells each life that was acknowledged.
fn live_until_killed(directory: &Path) {
    let mut journal = Sqlite::open(directory).unwrap();
    let epoch = journal.counts().unwrap().bounties;
    for n in 0.. {
        let id = format!("{epoch}-{n}");
        journal.commit(&life(&id)).unwrap();
        child::tell_line(&format!("lived {id}"));
        if n % 5 == 0 {
            journal.let_go(&order()).unwrap();
        }
        if n % 40 == 39 {
            journal.compact().unwrap();
        }
    }
}

#[test]
fn who_is_killed_while_it_lets_go_has_lost_nothing() {
    if let Some(directory) = child::directory() {
        live_until_killed(Path::new(&directory));
        return;
    }
    let base = crate::make::directory();
    let directory = base.path().join("archive");
    let mut lived = Vec::new();
    for kill in 0..KILLS {
        let test = "let_go::who_is_killed_while_it_lets_go_has_lost_nothing";
        lived.extend(child::kill_while_it_writes(test, &directory, Some("lived"), kill));
        let journal = Sqlite::open(&directory).unwrap();
        assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None, "after kill {kill}");
    }
    let journal = JournalReader::open(&directory).unwrap();
    let lived: Vec<&str> = lived.iter().filter_map(|line| line.strip_prefix("lived ")).collect();
    assert!(lived.len() > KILLS, "too little was acknowledged to tell: {}", lived.len());
    for id in lived {
        assert_eq!(journal.find(&BountyId::new(id)).unwrap().len(), 3, "acknowledged and lost: {id}");
    }
}
