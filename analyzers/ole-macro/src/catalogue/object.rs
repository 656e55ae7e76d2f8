//! Indicators of place `object`.

analyzers::indicators! {}
