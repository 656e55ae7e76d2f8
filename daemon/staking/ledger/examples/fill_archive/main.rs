//! Fills an archive with bounties as they might have been, to look at a report of it:
//!
//! ```text
//! cargo run -p daemon-ledger --example fill_archive -- /tmp/archive 600
//! stakeout report --archive /tmp/archive --html report.html
//! ```

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "its numbers are its own, and small")]
#![allow(clippy::print_stdout, reason = "an example prints")]

mod plausible;

use daemon_archive::Sqlite;
use daemon_journal::Journal;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(directory), count) = (args.next(), args.next()) else {
        return Err("give a directory, and how many bounties: 600 otherwise".into());
    };
    let count: u64 = count.map_or(Ok(600), |count| count.parse())?;
    let mut journal = Sqlite::open(directory.as_ref())?;
    let mut chance = plausible::Chance::new(1);
    for n in 0..count {
        journal.commit(&plausible::records(n, &mut chance))?;
    }
    journal.rest(true)?;
    println!("{count} bounties are in {directory}");
    Ok(())
}
