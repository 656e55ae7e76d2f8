//! Builds cfb files (in the making).
