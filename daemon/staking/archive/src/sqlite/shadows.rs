//! Opinions of a second set of rules.

/// What the schema needs for them.
pub(super) const STEP: &str = "
    -- What a second set of rules, weights and models says of an artifact, beside the answer.
    CREATE TABLE shadow (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        phase TEXT NOT NULL,
        artifact INTEGER NOT NULL,  -- its number among those of the bounty
        artifacts INTEGER NOT NULL, -- how many the bounty has
        at INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        confidence REAL NOT NULL,
        kind TEXT NOT NULL,
        generation TEXT NOT NULL,
        bet TEXT NOT NULL,          -- JSON
        chain BLOB NOT NULL,
        UNIQUE (id, phase, artifact),
        FOREIGN KEY (id, phase) REFERENCES bounty (id, phase)
    ) STRICT;

    CREATE TRIGGER shadow_is_not_changed BEFORE UPDATE ON shadow
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER shadow_is_not_removed BEFORE DELETE ON shadow
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
";
