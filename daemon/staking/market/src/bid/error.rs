//! Why a strategy cannot be had.

/// Why there is no such strategy.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum StrategyError {
    /// There is no strategy of that name.
    #[error("there is no strategy `{name}`: there are {known}")]
    Name {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The threshold is not from 0 to 1.
    #[error("the conviction threshold must be from 0 to 1, not {0}")]
    Threshold(f64),
    /// The Kelly fraction is not above 0 and at most 1.
    #[error("the Kelly fraction must be above 0 and at most 1, not {0}")]
    KellyFraction(f64),
    /// The table is wrong: every mistake in it.
    #[error("invalid bid table: {0}")]
    Table(String),
    /// The expression does not compile, or failed on a trial question.
    #[error("invalid bid expression: {message}{}", place(*position))]
    Expression {
        /// What is wrong.
        message: String,
        /// Line and column of the mistake, each from 1, if known.
        position: Option<(usize, usize)>,
    },
}

fn place(position: Option<(usize, usize)>) -> String {
    position.map(|(line, column)| format!(" (line {line}, column {column})")).unwrap_or_default()
}
