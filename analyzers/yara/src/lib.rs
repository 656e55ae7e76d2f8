//! YARA rules as one more analyzer: compiled rules in, evidence out. Touches no file.

#![forbid(unsafe_code)]
