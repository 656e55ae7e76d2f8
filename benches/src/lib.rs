//! Benches only: see `benches/`. Numbers, with machine and date, stand in README.md here.

#![forbid(unsafe_code)]
