//! The report as JSON.

use daemon_journal::{Journal, MemoryJournal};
use daemon_market::{Nct, Profit};
use serde_json::Value;

use crate::plausible::{Chance, records};
use crate::story::report;

fn filled() -> MemoryJournal {
    let (mut journal, mut chance) = (MemoryJournal::new(), Chance::new(5));
    for n in 0..300 {
        journal.commit(&records(n, &mut chance)).expect("memory takes it");
    }
    journal
}

#[test]
fn amounts_in_json_are_read_back_to_the_unit() {
    let report = report(&filled());
    let json: Value = serde_json::from_str(&serde_json::to_string(&report).expect("it is JSON")).expect("it is read");
    assert_eq!(json["schema"], 1);
    let profit = |value: &Value| value.as_str().expect("a text").parse::<Profit>().expect("a profit");
    let amount = |value: &Value| value.as_str().expect("a text").parse::<Nct>().expect("an amount");
    assert_eq!(profit(&json["total"]["profit"]), report.total.sums.profit);
    assert_eq!(amount(&json["total"]["staked"]), report.total.sums.staked);
    assert_eq!(amount(&json["fees"]), report.fees);
    let tables = json["by"].as_array().expect("tables");
    assert_eq!(tables.len(), report.by.len());
    for (table, told) in tables.iter().zip(&report.by) {
        assert_eq!(table["by"], told.by.name());
        for (group, told) in table["groups"].as_array().expect("groups").iter().zip(&told.groups) {
            assert_eq!(profit(&group["profit"]), told.sums.profit);
            assert_eq!(profit(&group["estimated"]), told.sums.estimated);
        }
    }
    for (row, told) in json["strategies"]["rows"].as_array().expect("rows").iter().zip(&report.strategies.rows) {
        assert_eq!((row["name"].as_str(), profit(&row["profit"])), (Some(told.name.as_str()), told.profit));
    }
    for (row, told) in json["rivals"]["engines"].as_array().expect("rows").iter().zip(&report.rivals.engines) {
        assert_eq!(profit(&row["profit"]), told.profit);
    }
}
