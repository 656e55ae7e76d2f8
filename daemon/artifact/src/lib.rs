//! The bytes of an artifact: read or mapped, hashed, never a reason to die.
//!
//! [`load`] takes an open file and answers with an [`Artifact`], which lends its bytes as one slice. Small
//! files are read into a [`Scratch`] that its owner keeps and reuses, large ones are mapped; the decision and
//! its measurements stand at [`READ_BYTES_MAX`]. Who examines the bytes does not see the difference.
//!
//! Files can change under us. What was read cannot: hash and examination see the same buffer. What is mapped
//! can: so a map is private, guarded against SIGBUS (see `sigbus.rs`), and compared with its file's `fstat`
//! afterwards; [`Artifact::stability`] tells whether what was examined was one consistent file. Ask it last.
//!
//! This is the only core crate with `unsafe`: to map a file, and to handle SIGBUS. Each block documents why there is no
//! safe way and why it is sound. The crate opens no files and knows no paths; `daemon-walk` does.
//!
//! ```
//! use daemon_artifact::{Scratch, Sha256Digest, Stability, keep_stream, load};
//!
//! // Any open file will do; this one is made of a stream.
//! let file = keep_stream(&b"hello"[..], 1 << 20)?;
//! let mut scratch = Scratch::default();
//! let artifact = load(file, &mut scratch, 1 << 20)?;
//! assert_eq!(artifact.bytes(), b"hello");
//! assert_eq!(artifact.sha256(), Sha256Digest::of(b"hello"));
//! assert_eq!(artifact.stability(), Stability::Stable);
//! # Ok::<(), daemon_artifact::LoadError>(())
//! ```

mod artifact;
mod error;
mod fingerprint;
mod load;
mod map;
mod open_error;
mod pseudo_fs;
mod scratch;
mod sigbus;

pub use daemon_base::Sha256Digest;

pub use artifact::{Artifact, Stability};
pub use error::{LoadError, NotRegular};
pub use load::{keep_stream, load, load_owned};
pub use open_error::OpenError;
pub use pseudo_fs::is_pseudo;
pub use scratch::{READ_BYTES_MAX, Scratch};
