//! Checks the archive's history: whether the configured limits close the purse, and whether record times are plausible.

use daemon_archive::JournalReader;
use daemon_base::format::counted;
use daemon_journal::{Ahead, count, recount};
use daemon_market::{Purse, PurseLimits, Timestamp};
use daemon_statement::format::moment;

use super::{Finding, good, poor};
use crate::config::Config;
use crate::{build, clock};

/// Maximum number of records with future times that are listed.
const AHEAD_TOLD_MAX: usize = 3;

/// Checks the archive, if there is one.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let directory = &config.archive.directory;
    if !directory.join(daemon_archive::FILE_NAME).exists() {
        return Vec::new();
    }
    // Why it cannot be read is told where the archive itself is looked at.
    let Ok(journal) = JournalReader::open(directory) else { return Vec::new() };
    let limits = config.market.purse_limits();
    let (fee, now) = (config.market.assertion_fee, clock::passed(directory));
    let mut purse = Purse::new(limits);
    let recounted = match recount(&mut purse, &journal, now, fee) {
        Ok(recounted) => recounted,
        Err(error) => return vec![poor("history", format!("the purse cannot be counted: {error}"))],
    };
    let mut findings = Vec::new();
    findings.push(match (purse.closed(), &recounted.closed) {
        (_, Some(why)) => {
            let what = "the archived losses close the purse at the next start, until `stakeout purse resume`";
            poor("history", format!("{what}: {why}"))
        }
        (Some(why), None) => poor("history", format!("the purse is closed until `stakeout purse resume`: {why}")),
        (None, None) => match closings(&journal, limits, fee) {
            Ok(closings) => good("history", closings),
            Err(error) => poor("history", format!("cannot read the history: {error}")),
        },
    });
    findings.extend(ahead(&recounted.ahead));
    findings
}

/// How often the history would have closed a purse with these limits, if it had been resumed each time.
fn closings(
    journal: &JournalReader,
    limits: PurseLimits,
    fee: daemon_market::Nct,
) -> Result<String, daemon_journal::JournalError> {
    use daemon_journal::{PurseRecord, Recall};
    let mut purse = Purse::new(limits);
    let (mut settled, mut closings, mut last) = (0, 0, None);
    for (_, record) in journal.purse(Timestamp::from_micros(i64::MIN))? {
        settled += u64::from(matches!(record, PurseRecord::Settled { .. }));
        let at = record.at();
        // When it was closed and opened was by the limits of then.
        let closed = if let PurseRecord::Noted(_) = record { None } else { count(&mut purse, &record, fee) };
        if let Some(why) = closed {
            closings += 1;
            last = Some((at, why));
            purse.reopen(at);
        }
    }
    let stakes = counted(settled, "settled stake");
    Ok(match last {
        None => format!("{stakes} in the archive: these limits would not have closed the purse"),
        Some((at, why)) => format!(
            "{stakes} in the archive: these limits would have closed the purse {}, last on {} UTC: {why}",
            if closings == 1 { "once".to_owned() } else { format!("{closings} times") },
            moment(at)
        ),
    })
}

fn ahead(ahead: &[Ahead]) -> Option<Finding> {
    let first: Vec<String> = ahead.iter().take(AHEAD_TOLD_MAX).map(build::ahead_in_words).collect();
    (!ahead.is_empty()).then(|| {
        let records = counted(ahead.len() as u64, "record");
        let seen = format!("{records} with times in the future: the clock was wrong then, or is wrong now:");
        poor("times", format!("{seen}\n{}", first.join("\n")))
    })
}
