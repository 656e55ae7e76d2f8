//! Indicators of place `xlm`.

analyzers::indicators! {}
