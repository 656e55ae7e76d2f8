//! Builds zip files (in the making).
