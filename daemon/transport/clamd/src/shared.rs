//! What all connections share.

use std::rc::Rc;
use std::sync::Arc;

use daemon_download::Keeper;
use tokio::runtime::Handle;

use crate::places::ClamdPlaces;
use crate::{ClamdLimits, PathRules};

/// The server, as its connections see it.
pub(crate) struct ClamdServer<D> {
    pub desk: D,
    pub limits: ClamdLimits,
    pub paths: Arc<PathRules>,
    pub keeper: Keeper,
    pub places: Rc<ClamdPlaces>,
    /// Has threads of its own for files that clients name or pass: a file system that does not answer stops these alone.
    pub files: Handle,
}
