//! What a demo is made of: harmless files to post bounties about, an engine and a signer that run as child
//! processes, and the working directory of all of them.

mod child;
mod files;
mod signer;
mod suspicious;
mod workdir;

pub use child::ChildEngine;
pub use files::{DemoFiles, choose};
pub use signer::DemoSigner;
pub use suspicious::suspicious;
pub use workdir::Workdir;
