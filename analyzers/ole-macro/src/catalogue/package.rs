//! Indicators of place `package`.

analyzers::indicators! {}
