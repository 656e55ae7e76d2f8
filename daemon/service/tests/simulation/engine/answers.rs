//! Writes answers down, and sends them.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use daemon_journal::{Answered, Write, WriteResult};
use daemon_market::{Answer, BountyKey, Event, Phase};
use daemon_service::transport::{Delivery, Transport};
use daemon_webhook::{Backoff, Product};

use super::SimulatedEngine;
use crate::posting;
use crate::sabotage::Sabotage;
use crate::scenario::{How, Op};
use crate::scene::number;

impl SimulatedEngine {
    fn body(&self, answer: &Answer, on_chain: bool, phase: Phase) -> Vec<u8> {
        match (on_chain, phase) {
            (true, _) => self.transport.write(answer, phase),
            (false, Phase::Assertion) => daemon_webhook::assertion(answer, &Product::default()),
            (false, Phase::Arbitration) => daemon_webhook::vote(answer, &Product::default()),
        }
    }

    pub(super) async fn write_answer(self: Rc<Self>, key: BountyKey, answer: Box<Answer>) {
        let on_chain = self.held.borrow().live.get(&key).map(|live| live.bounty.on_chain.is_some());
        let Some(on_chain) = on_chain else { return };
        let body = Bytes::from(self.body(&answer, on_chain, key.phase));
        let answered = Answered::of(&key, &answer, body.to_vec());
        if self.scene.sabotage == Some(Sabotage::SendsUnwritten) {
            self.keep_answer(&key, body.clone());
            self.happen(Event::AnswerWritten { key: key.clone() });
        }
        let body = match self.write(Write::Answer(answered)).await {
            Ok(WriteResult::Fresh | WriteResult::Known) => body,
            // What was written down once is the truth.
            Ok(WriteResult::Answered(before)) => Bytes::from(before),
            Err(()) => return self.happen(Event::AnswerNotWritten { key, answer }),
        };
        self.keep_answer(&key, body);
        self.happen(Event::AnswerWritten { key });
    }

    fn keep_answer(&self, key: &BountyKey, body: Bytes) {
        if let Some(live) = self.held.borrow_mut().live.get_mut(key) {
            live.answer = Some(body);
        }
    }

    pub(super) async fn send(self: Rc<Self>, key: BountyKey, by: Duration) {
        let held = {
            let held = self.held.borrow();
            held.live.get(&key).and_then(|live| Some((Rc::new((*live.bounty).clone()), live.answer.clone()?)))
        };
        let Some((bounty, mut body)) = held else { return };
        if self.scene.sabotage == Some(Sabotage::AnswersAnew) && bounty.on_chain.is_some() {
            body = anew(&body);
        }
        let left = by.saturating_sub(self.now().steady);
        let clockwork = Rc::clone(&self.scene.clockwork);
        let delivered = if bounty.on_chain.is_some() {
            clockwork.within(left, self.transport.send(&bounty, body)).await
        } else {
            clockwork.within(left, self.post(number(&key), body)).await
        };
        let event = match delivered {
            Some(Delivery::Taken { status }) => Event::Taken { key, status },
            Some(Delivery::Asserted { index, place }) => {
                self.happen(Event::Asserted { key: key.clone(), index, place });
                Event::Taken { key, status: 200 }
            }
            Some(Delivery::Refused { status, why }) => Event::Refused { key, status, why },
            Some(Delivery::Retry { why, after }) => {
                let attempts = self.bounties.borrow().attempts(&key);
                let backoff = Backoff::default().delay(attempts.saturating_sub(1), key.id.as_str());
                Event::NotSent { key, after: after.unwrap_or_default().max(backoff), why }
            }
            None => Event::NotSent { key, after: Duration::MAX, why: "expired during delivery".to_owned() },
        };
        self.happen(event);
    }

    /// Posts an answer to the marketplace of webhooks.
    async fn post(&self, number: usize, body: Bytes) -> Delivery {
        let scene = Rc::clone(&self.scene);
        let how = scene.trouble(Some(number), Op::Post);
        if how == Some(How::DiesBefore) {
            scene.die("before a post");
            return std::future::pending().await;
        }
        let retry = |why: &str| Delivery::Retry { why: why.to_owned(), after: None };
        let lost = scene.drawn("lost", number).below(6);
        let lost = |way: u64| lost == way && scene.scenario.is_lossy(scene.now());
        scene.clockwork.sleep(scene.latency("post", number)).await;
        if lost(0) || scene.scenario.is_cut(scene.now()) {
            return retry("connection refused");
        }
        // It has no answer of ours, or has one, and wants no other: a refusal does not tell.
        if lost(2) {
            return Delivery::Refused { status: 403, why: "forbidden".to_owned() };
        }
        if how == Some(How::Fails) {
            let draw = scene.drawn("refusal", number);
            let after = draw.of("after").one_in(2).then(|| Duration::from_secs(draw.of("wait").below(5)));
            return match draw.of("status").below(4) {
                0 => Delivery::Refused { status: 403, why: "forbidden".to_owned() },
                _ => Delivery::Retry { why: "503".to_owned(), after },
            };
        }
        scene.invariants.borrow_mut().posted(&scene, number, &body);
        let reply = {
            let mut market = scene.market.borrow_mut();
            if how == Some(How::Twice) {
                market.answer(number, &body, scene.true_time());
            }
            market.answer(number, &body, scene.true_time())
        };
        scene.note(|| format!("post {number}: {reply:?}"));
        if how == Some(How::DiesAfter) {
            scene.die("after a post");
            return std::future::pending().await;
        }
        if how == Some(How::Slow) || scene.scenario.is_sluggish(scene.now()) {
            scene.clockwork.sleep(Duration::from_millis(scene.drawn("sluggish", number).below(9_000))).await;
        }
        scene.clockwork.sleep(scene.latency("post", number)).await;
        if how == Some(How::Unheard) || lost(1) || scene.scenario.is_cut(scene.now()) {
            return retry("no reply");
        }
        match reply {
            posting::Answered::Taken => Delivery::Taken { status: 200 },
            posting::Answered::TooLate => Delivery::Refused { status: 400, why: "expired".to_owned() },
            posting::Answered::Different => Delivery::Refused { status: 409, why: "answered".to_owned() },
        }
    }
}

/// The same answer with another nonce.
fn anew(body: &[u8]) -> Bytes {
    use daemon_service::polyswarmd::RecordedAnswer;
    let mut answer = RecordedAnswer::read(body).expect("it was written by us");
    answer.nonce = crate::node::nonce();
    Bytes::from(answer.to_body())
}
