//! Builds pe files (in the making).
