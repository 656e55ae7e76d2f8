//! The trait of the program that runs in a template.

use std::os::fd::OwnedFd;

use analyzers::Cancel;

/// The work of a worker. Built once in the template, then inherited by every worker forked from it.
///
/// Must start no thread before [`Service::rehearse`]: a fork takes only the thread that forks along. Must keep no
/// descriptor: a worker closes all but its own.
pub trait Service {
    /// Loads something (for example a rule set) into the template, so that later workers have it. The caller gets the
    /// text of a failure.
    ///
    /// # Errors
    ///
    /// Why it cannot be loaded, for a person to read.
    fn equip(&mut self, need: &[u8]) -> Result<(), String>;

    /// Does, once in a new worker, what the sandbox forbids later: starts threads, makes memory executable, fills
    /// caches. Files and network are already forbidden.
    fn rehearse(&mut self);

    /// Does one job. `cancel` is set at its time limit; a worker that continues is killed a little later. `reply` is
    /// empty, and may grow to [`REPLY_BYTES_MAX`](crate::REPLY_BYTES_MAX) bytes.
    fn serve(&mut self, artifact: OwnedFd, request: &[u8], cancel: &Cancel, reply: &mut Vec<u8>) -> Served;
}

/// How a job ended without ending its worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Served {
    /// Done: the reply contains the result.
    Done,
    /// The template must be [equipped](crate::Template::equip) with these bytes first, and a new worker must do the
    /// job.
    Needs(Vec<u8>),
}
