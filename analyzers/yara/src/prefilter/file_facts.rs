//! What is known of a program beside what stands in it.

/// What is known of a file beside its strings.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct FileFacts {
    pub signed: bool,
    pub import_hash: Option<[u8; 16]>,
    /// Where its first instruction stands.
    pub entry_point: Option<u64>,
    /// Where what is appended to it begins.
    pub overlay: Option<u64>,
}
