//! What a check of every record found.

/// What a check of every record found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Bounties found sound.
    pub bounties: u64,
    /// Answers found sound.
    pub answers: u64,
    /// Endings found sound.
    pub endings: u64,
    /// Settlements found sound.
    pub outcomes: u64,
    /// Corrections of settlements found sound.
    pub corrections: u64,
    /// Steps of assertions found sound.
    pub steps: u64,
    /// Opinions of second sets of rules found sound.
    pub shadows: u64,
    /// Notes about the purse found sound.
    pub notes: u64,
    /// Checkpoints found sound. One is written each time the details of old bounties are dropped.
    pub checkpoints: u64,
    /// The link of the last sound record. Kept elsewhere, it proves later that no record before it was changed.
    pub head: [u8; 32],
    /// The first damage found, if any. Nothing beyond it was checked.
    pub damage: Option<Damage>,
}

/// Damage in a journal.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// SQLite says that the file is not a sound database.
    #[error("the database is damaged: {0}")]
    Database(String),
    /// An answer, an ending or a settlement without its bounty.
    #[error("a row of table {table} belongs to no bounty")]
    Stray {
        /// The table of the record.
        table: String,
    },
    /// A record is not what was written.
    #[error("record {n} (table {table}, bounty {id}) is not what was written")]
    Changed {
        /// The table of the record.
        table: &'static str,
        /// The record's bounty.
        id: String,
        /// The record's running number.
        n: u64,
    },
    /// A record is missing.
    #[error("record {n} is missing")]
    Missing {
        /// The record's running number.
        n: u64,
    },
    /// Two records have one number.
    #[error("record {n} (table {table}, bounty {id}) is there twice")]
    Twice {
        /// The table of the second record.
        table: &'static str,
        /// The record's bounty.
        id: String,
        /// The running number of both.
        n: u64,
    },
}
