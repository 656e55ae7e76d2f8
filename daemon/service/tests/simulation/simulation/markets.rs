//! What the markets do: bounties are posted, blocks are made, and outcomes are told.

use std::rc::Rc;
use std::time::Duration;

use daemon_service::polyswarmd::News;

use super::{Happening, LATER, Simulation};
use crate::scenario::By;

impl Simulation {
    pub(super) fn bounty(&mut self, number: usize) {
        let scene = Rc::clone(&self.scene);
        let Some(planned) = scene.scenario.bounty(number) else { return };
        match planned.by {
            By::Chain { blocks } => {
                self.mine();
                let is_new = scene.contract.borrow().bounty(number).is_none();
                if is_new {
                    let truth = planned.artifacts.iter().map(|artifact| artifact.malicious).collect();
                    let votes = scene.draw.of("votes").nth(number as u64).below(scene.scenario.terms.vote);
                    scene.contract.borrow_mut().post(number, blocks, truth, votes);
                }
                self.announce(number);
                self.next_block();
            }
            By::Webhook { life, .. } => {
                let is_new = scene.market.borrow().bounty(number).is_none();
                let body = scene.market.borrow_mut().post(planned, scene.true_time());
                if is_new {
                    let ends = scene.now() + life;
                    let mut at = ends;
                    for (nth, (after, _)) in planned.told.iter().enumerate() {
                        at += *after;
                        scene.plan(at, Happening::Told { number, nth });
                    }
                    if let Some(after) = planned.corrected {
                        scene.plan(at + after, Happening::SettledAnew { number });
                    }
                }
                let engine = self.engine.clone().filter(|_| !scene.scenario.is_cut(scene.now()));
                match (engine, body) {
                    (Some(engine), Some(body)) => {
                        let bounty = daemon_webhook::parse(&body, engine.now().wall).expect("it is a bounty");
                        engine.receive(bounty, body);
                    }
                    // Nobody is there: it is posted again, as long as it lives.
                    _ if scene.now() < planned.at + life => {
                        scene.at(scene.now() + Duration::from_millis(900), Happening::Bounty { number });
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn announce(&self, number: usize) {
        let scene = &self.scene;
        let process = self.process;
        scene.at(scene.now() + scene.latency("announce", number), Happening::Announced { number, process });
    }

    /// Makes the blocks that are due, and tells what is in them.
    pub(super) fn mine(&mut self) {
        let scene = Rc::clone(&self.scene);
        let news = {
            let mut contract = scene.contract.borrow_mut();
            let until = contract.block_at(scene.now());
            contract.mine(until)
        };
        for news in news {
            scene.note(|| format!("chain: {news:?}"));
            let number = guid(&news);
            let draw = scene.drawn("news", number);
            let copies = if draw.one_in(8) { 2 } else { 1 };
            for copy in 0..copies {
                let wait = Duration::from_millis(draw.nth(copy).below(3_000));
                let news = news.clone();
                scene.at(scene.now() + wait, Happening::Heard { news, process: self.process });
            }
        }
    }

    pub(super) fn tell_block(&self) {
        let scene = &self.scene;
        let terms = scene.scenario.terms;
        let number = scene.contract.borrow().block_at(scene.now());
        let news = News::Block { number, reveal_window: terms.reveal, vote_window: terms.vote };
        // Some are told late, after those that follow them.
        let draw = scene.draw.of("block told").nth(number);
        let most = if draw.of("late").one_in(10) { 5_000 } else { 300 };
        let wait = Duration::from_millis(draw.of("wait").below(most));
        scene.at(scene.now() + wait, Happening::Heard { news, process: self.process });
    }

    pub(super) fn block(&mut self) {
        self.block_due = false;
        self.mine();
        if let Some(engine) = self.engine.clone() {
            if engine.is_connected() && !self.scene.scenario.is_silent(self.scene.now()) {
                self.tell_block();
            }
            engine.estimate();
        }
        self.next_block();
    }

    /// Blocks are made all the time, and looked at while there is something to do.
    pub(super) fn next_block(&mut self) {
        let scene = &self.scene;
        if std::mem::replace(&mut self.block_due, true) {
            return;
        }
        let idle = self.engine.as_ref().is_some_and(|engine| {
            let bounties = engine.bounties();
            bounties.open() == 0 && bounties.assertions().iter().all(|(_, count)| *count == 0)
        });
        let contract = scene.contract.borrow();
        let block = contract.block_at(scene.now());
        let alive = contract.bounties().any(|(_, bounty)| bounty.expiration + scene.scenario.terms.reveal > block);
        if idle && !alive && !contract.is_busy() {
            self.block_due = false;
            return;
        }
        let at = contract.time_of(block + 1);
        drop(contract);
        scene.at(at, Happening::Block);
    }

    pub(super) fn tell(&mut self, number: usize, nth: usize) {
        let scene = Rc::clone(&self.scene);
        let wrong = scene.scenario.bounty(number).and_then(|bounty| bounty.told.get(nth)).is_some_and(|told| told.1);
        // Nobody contradicts what was never told.
        match scene.is_settled(number).filter(|_| wrong) {
            Some(false) => return scene.at(scene.now() + LATER, Happening::Told { number, nth }),
            None if wrong => return,
            _ => {}
        }
        let line = if wrong { scene.market.borrow().wrong(number) } else { scene.market.borrow_mut().settle(number) };
        if let Some(line) = line {
            self.letter(number, line);
        }
    }

    pub(super) fn letter(&mut self, number: usize, line: daemon_settlement::SettlementLine) {
        let place = self.scene.letters.borrow_mut().put(number, line);
        if let Some(engine) = &self.engine {
            engine.open_letter(place);
        }
    }
}

fn guid(news: &News) -> usize {
    match news {
        News::Block { .. } => 0,
        News::Quorum { guid }
        | News::Asserted { guid, .. }
        | News::Revealed { guid, .. }
        | News::Settled { guid, .. } => guid.parse().unwrap_or(0),
    }
}
