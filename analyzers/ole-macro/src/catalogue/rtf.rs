//! Indicators of place `rtf`.

analyzers::indicators! {}
