//! What a demo is made of: harmless files to post bounties about, an engine that runs as a child process, and the
//! working directory of both.

mod child;
mod files;
mod suspicious;
mod workdir;

pub use child::ChildEngine;
pub use files::{DemoFiles, choose};
pub use suspicious::suspicious;
pub use workdir::Workdir;
