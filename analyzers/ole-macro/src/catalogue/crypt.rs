//! Indicators of place `crypt`.

analyzers::indicators! {}
