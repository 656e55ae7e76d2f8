//! Everything that is shown, in one document.

use daemon_ledger::{ALL_ENGINES, EngineTotals};
use daemon_market::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Books, EngineNow};

/// Version of the JSON of an overview. Within a version fields are only added.
pub const OVERVIEW_SCHEMA: u32 = 1;

/// A running engine, and the books of all engines that it was told to show.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Overview {
    /// Version of the schema: [`OVERVIEW_SCHEMA`].
    pub schema: u32,
    /// When it was made, in microseconds since 1970.
    pub made: i64,
    /// The running engine.
    pub engine: EngineNow,
    /// What the archives say: that of the running engine, then the others. Empty until they were read.
    pub books: Vec<Books>,
    /// The sum of all engines, where there are several.
    pub sum: Option<EngineTotals>,
}

impl Overview {
    /// The overview of `engine` at `now`, with what archives say.
    pub fn new(now: Timestamp, engine: EngineNow, books: Vec<Books>) -> Overview {
        let sum = (books.len() > 1).then(|| EngineTotals::sum(ALL_ENGINES, books.iter().map(|books| &books.totals)));
        Overview { schema: OVERVIEW_SCHEMA, made: now.micros(), engine, books, sum }
    }

    /// How long the engine has been running, in microseconds.
    pub(crate) fn running_us(&self) -> u64 {
        u64::try_from(self.made.saturating_sub(self.engine.started)).unwrap_or_default()
    }

    /// The sum of all engines, or the totals of `ours` where it is alone.
    pub(crate) fn totals<'o>(&'o self, ours: &'o Books) -> &'o EngineTotals {
        self.sum.as_ref().unwrap_or(&ours.totals)
    }
}
