//! Builds elf files (in the making).
