//! The trait of the program that runs in a template.

use std::os::fd::OwnedFd;

use analyzers::Cancel;

/// The work of a worker. Built once in the template, then inherited by every worker forked from it.
///
/// Must start no thread before [`Service::rehearse`]: a fork takes only the thread that forks along. Must keep no
/// descriptor: a worker closes all but its own.
pub trait Service {
    /// Loads more (a rule set, say) into the template, so that workers forked from now on have it. The text of a
    /// failure goes to whoever asked.
    fn equip(&mut self, need: &[u8]) -> Result<(), String>;

    /// Does once, in a new worker, what the walls would forbid later: starts threads, makes memory executable, fills
    /// caches. Files and network are out of reach already.
    fn rehearse(&mut self);

    /// Does one job. `cancel` is set when its time is up; who goes on regardless is killed a little later. `reply` is
    /// empty, and may hold up to [`REPLY_BYTES_MAX`](crate::REPLY_BYTES_MAX) bytes in the end.
    fn serve(&mut self, artifact: OwnedFd, request: &[u8], cancel: &Cancel, reply: &mut Vec<u8>) -> Served;
}

/// How a job ended that was not the end of its worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Served {
    /// It is done: the reply holds what was found.
    Done,
    /// It cannot be done by this worker: the template must be [equipped](crate::Template::equip) with these bytes
    /// first, and a new worker asked.
    Needs(Vec<u8>),
}
