//! Every indicator of this analyzer, a list per place.
//!
//! Chosen by measured worth on a corpus of documents; sources and techniques stand with each.

pub mod container;
pub mod crypt;
pub mod dde;
pub mod object;
pub mod package;
pub mod rtf;
pub mod source;
pub mod vba;
pub mod word;
pub mod xlm;

use analyzers::Indicator;

/// The lists, in the order of a document's layers.
pub static CATALOGUE: &[&[&Indicator]] = &[
    container::ALL,
    vba::ALL,
    source::ALL,
    package::ALL,
    object::ALL,
    dde::ALL,
    word::ALL,
    rtf::ALL,
    xlm::ALL,
    crypt::ALL,
];
