//! Open connections, and which of them is closed when there are too many.
//!
//! Somebody who opens connections and says nothing must not keep others out. So when it is crowded, a newcomer takes the
//! place of the connection that has been silent for longest: one that is waited for, else one that is sending a stream. One
//! whose file is being scanned is never closed for that.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Doing {
    /// Its next command is waited for, and nothing of it is being worked on.
    Waits,
    /// A stream is coming.
    Sends,
    /// Something of it is being worked on.
    Works,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Progress {
    doing: Cell<Doing>,
    since: Cell<Instant>,
    leave: Cell<bool>,
    told: Notify,
}

impl Progress {
    /// It does this now, and was not silent.
    pub(crate) fn does(&self, doing: Doing) {
        self.doing.set(doing);
        self.since.set(Instant::now());
    }

    /// Until it must leave.
    pub(crate) async fn told_to_leave(&self) {
        while !self.leave.get() {
            self.told.notified().await;
        }
    }
}

/// All connections, the oldest first.
#[derive(Default, Debug)]
pub(crate) struct ClamdPlaces {
    all: RefCell<BTreeMap<u64, Rc<Progress>>>,
    last: Cell<u64>,
}

/// A connection's place, given back when it is dropped.
pub(crate) struct ClamdPlace {
    pub(crate) progress: Rc<Progress>,
    id: u64,
    places: Rc<ClamdPlaces>,
}

impl Drop for ClamdPlace {
    fn drop(&mut self) {
        self.places.all.borrow_mut().remove(&self.id);
    }
}

impl ClamdPlaces {
    /// A place, if fewer than `most` are taken or one can be taken away; and whether one was.
    pub(crate) fn admit(self: &Rc<Self>, most: usize) -> (Option<ClamdPlace>, bool) {
        let crowded = self.all.borrow().len() >= most;
        let evicted = crowded && self.evict();
        if crowded && !evicted {
            return (None, false);
        }
        let id = self.last.get() + 1;
        self.last.set(id);
        let progress = Rc::new(Progress {
            doing: Cell::new(Doing::Waits),
            since: Cell::new(Instant::now()),
            leave: Cell::new(false),
            told: Notify::new(),
        });
        self.all.borrow_mut().insert(id, Rc::clone(&progress));
        (Some(ClamdPlace { progress, id, places: Rc::clone(self) }), evicted)
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.all.borrow().len()
    }

    /// Closes the connection that will be missed least, if there is one.
    pub(crate) fn evict(&self) -> bool {
        let mut all = self.all.borrow_mut();
        let least = all
            .iter()
            .filter(|(_, progress)| progress.doing.get() != Doing::Works)
            .min_by_key(|(_, progress)| (progress.doing.get(), progress.since.get()))
            .map(|(id, _)| *id);
        let Some(progress) = least.and_then(|id| all.remove(&id)) else { return false };
        tell(&progress);
        true
    }

    /// Tells all of them to leave, once what they wait for is done.
    pub(crate) fn close(&self) {
        self.all.borrow().values().for_each(|progress| tell(progress));
    }
}

fn tell(progress: &Progress) {
    progress.leave.set(true);
    progress.told.notify_one();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(place: &ClamdPlace) -> bool {
        place.progress.leave.get()
    }

    #[tokio::test]
    async fn the_most_silent_one_goes_first_and_who_works_stays() {
        let places = Rc::new(ClamdPlaces::default());
        let admitted: Vec<_> = (0..3).map(|_| places.admit(3).0.unwrap()).collect();
        admitted[0].progress.does(Doing::Works);
        admitted[1].progress.does(Doing::Sends);
        let (newcomer, evicted) = places.admit(3);
        let newcomer = newcomer.unwrap();
        assert!(evicted && leaves(&admitted[2]), "it said nothing yet");
        newcomer.progress.does(Doing::Works);
        let another = places.admit(3).0.unwrap();
        assert!(leaves(&admitted[1]) && !leaves(&admitted[0]));
        another.progress.does(Doing::Works);
        assert!(places.admit(3).0.is_none(), "all of them work");
        assert_eq!(places.open(), 3);
        drop((admitted, newcomer, another));
        assert_eq!(places.open(), 0);
    }
}
