//! Built-in configurations.

/// A commented configuration, with which the marketplace runs once it knows a directory and an engine.
pub const EXAMPLE: &str = include_str!("../../../../docs/local-market.toml");

/// Rivals and arbiters if there is no configuration.
pub const RIVALS: &str = r#"
    [[rival]]
    name = "good"
    number = 2
    true_positive = 0.92
    false_positive = 0.02
    [[rival]]
    name = "fair"
    number = 3
    true_positive = 0.75
    false_positive = 0.06
    abstains = 0.2
    [[rival]]
    name = "reckless"
    true_positive = 0.6
    false_positive = 0.2
    overconfidence = 2.0
    strategy = "max"
    [arbiters]
    number = 5
    errs = 0.01
    absent = 0.05
"#;
