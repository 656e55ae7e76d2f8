//! The rules directory: read safely, compiled in a child process, cached on disk.

#![forbid(unsafe_code)]
