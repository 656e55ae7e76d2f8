use std::path::Path;

use daemon_archive::{Archive, JournalReader, Sqlite};
use daemon_journal::{Ending, Recall, Write};
use daemon_market::BountyId;

use crate::archive::wait;
use crate::child;
use crate::make::{answer, bounty, corrected, ending, key, settled, shadow};

/// How often the child is killed.
const KILLS: usize = 60;
/// How many tasks of the child write at a time.
const TASKS: usize = 4;

/// Writes as fast as it can, and tells each record once it is acknowledged.
fn write_until_killed(directory: &Path) {
    let journal = Sqlite::open(directory).unwrap();
    let epoch = journal.counts().unwrap().bounties;
    let archive = Archive::start(journal, |_, _| {}).unwrap();
    std::thread::scope(|scope| {
        for task in 0..TASKS {
            let archive = archive.clone();
            scope.spawn(move || {
                for n in 0.. {
                    let key = key(&format!("{epoch}-{task}-{n}"));
                    let body = format!("{} {}", key.id, "x".repeat(n % 9_000));
                    let end = ending(&key, Ending::Sent { status: 200 });
                    let right = corrected(&key, Some("0"));
                    let told = settled(&key, Some("1.5"));
                    for write in [bounty(&key), answer(&key, &body), shadow(&key, 0), end, told, right] {
                        let what = match write {
                            Write::Bounty(_) => "bounty",
                            Write::Answer(_) => "answer",
                            Write::Ending(_) => "ending",
                            Write::Settled(_) => "settled",
                            Write::Corrected(_) => "corrected",
                            Write::Shadow(_) => "shadow",
                            Write::Step(_) | Write::Purse(_) => unreachable!("none is written here"),
                        };
                        wait(archive.write(write)).unwrap();
                        child::tell_line(&format!("{what} {} {n}", key.id));
                    }
                }
            });
        }
    });
}

#[test]
fn what_was_acknowledged_survives_being_killed() {
    if let Some(directory) = child::directory() {
        write_until_killed(Path::new(&directory));
        return;
    }
    let base = crate::make::directory();
    let directory = base.path().join("archive");
    let mut acknowledged = Vec::new();
    for kill in 0..KILLS {
        // Some die during the start, most while they write.
        let first = (kill % 4 != 0).then_some("bounty");
        let test = "kill::what_was_acknowledged_survives_being_killed";
        acknowledged.extend(child::kill_while_it_writes(test, &directory, first, kill));
        // Every other time the next child finds it as it was left.
        if kill % 2 == 0 && directory.join(daemon_archive::FILE_NAME).exists() {
            let journal = Sqlite::open(&directory).unwrap();
            assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None, "after kill {kill}");
        }
    }
    drop(Sqlite::open(&directory).unwrap());
    let journal = JournalReader::open(&directory).unwrap();
    let mut seen = 0;
    for line in &acknowledged {
        let mut words = line.split(' ');
        let (Some(what @ ("bounty" | "answer" | "shadow" | "ending" | "settled" | "corrected")), Some(id), Some(n)) =
            (words.next(), words.next(), words.next())
        else {
            continue; // What the test harness says.
        };
        let records = journal.find(&BountyId::new(id)).unwrap();
        let there = records.iter().any(|entry| match &entry.record {
            Write::Bounty(_) => what == "bounty",
            Write::Answer(answer) => {
                let body = format!("{id} {}", "x".repeat(n.parse::<usize>().unwrap() % 9_000));
                what == "answer" && answer.body == body.as_bytes()
            }
            Write::Ending(_) => what == "ending",
            Write::Settled(_) => what == "settled",
            Write::Corrected(_) => what == "corrected",
            Write::Shadow(_) => what == "shadow",
            Write::Step(_) | Write::Purse(_) => false,
        });
        assert!(there, "acknowledged and lost: {line}");
        seen += 1;
    }
    assert!(seen > KILLS, "too little was acknowledged to tell: {seen}");
    assert_eq!(journal.verify(&mut |_, _| {}).unwrap().damage, None);
    println!("{KILLS} kills, {seen} acknowledged records, all there");
}
