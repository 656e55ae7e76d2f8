//! Writes answers down, and sends them.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use daemon_journal::{Answered, Write, WriteResult};
use daemon_market::{Answer, BountyKey, Event};
use daemon_webhook::Backoff;
use tracing::info;

use super::Engine;
use crate::metrics;
use crate::transport::Delivery;

impl Engine {
    pub(super) async fn write_answer(self: Rc<Self>, key: BountyKey, mut answer: Box<Answer>) {
        // Also what was not examined was judged by somebody's rules: by those that decline it.
        if answer.findings.generation.is_empty() {
            answer.findings.generation = self.parts.rules_status.generation();
        }
        let Some((_, transport)) = self.bounty_and_transport(&key) else { return };
        let body = Bytes::from(transport.write(&answer, key.phase));
        let answered = Answered::of(&key, &answer, body.to_vec());
        let body = match self.parts.archive.write(Write::Answer(answered)).await {
            Ok(WriteResult::Fresh) => body,
            // What was written down once is the truth.
            Ok(WriteResult::Answered(before)) => Bytes::from(before),
            Ok(WriteResult::Known) => body,
            Err(error) => {
                self.refused(&error, &key.to_string(), "answer");
                return self.happen(Event::AnswerNotWritten { key, answer });
            }
        };
        let took = self.inner.borrow_mut().live.get_mut(&key).map(|live| {
            // What was late, or never examined, is not needed any more.
            live.artifacts.retain(|_, artifact| artifact.file.is_none());
            live.answer = Some(body);
            live.began.elapsed()
        });
        metrics::answered(answer.verdict, answer.bid(), took.unwrap_or_default());
        info!(
            bounty = %key,
            verdict = answer.verdict.name(),
            bid = %answer.bid(),
            confidence = answer.confidence,
            kind = answer.findings.kind,
            family = answer.findings.malware_family,
            generation = answer.findings.generation,
            comments = ?answer.comments,
            took_us = u64::try_from(took.unwrap_or_default().as_micros()).unwrap_or(u64::MAX),
            "bounty answered"
        );
        self.happen(Event::AnswerWritten { key });
    }

    pub(super) async fn send(self: Rc<Self>, key: BountyKey, by: Duration) {
        let Some((bounty, transport)) = self.bounty_and_transport(&key) else { return };
        let Some(body) = self.inner.borrow().live.get(&key).and_then(|live| live.answer.clone()) else { return };
        let deadline = self.parts.clock.instant(by);
        let delivered = tokio::time::timeout_at(deadline.into(), transport.send(&bounty, body)).await;
        // A refusal is an answer too, and so is a url that nothing is sent to.
        self.sending.tried(!matches!(delivered, Ok(Delivery::Retry { .. }) | Err(_)));
        let event = match delivered {
            Ok(Delivery::Taken { status }) => Event::Taken { key, status },
            Ok(Delivery::Asserted { index, place }) => {
                self.happen(Event::Asserted { key: key.clone(), index, place });
                Event::Taken { key, status: 200 }
            }
            Ok(Delivery::Refused { status, why }) => Event::Refused { key, status, why },
            Ok(Delivery::Retry { why, after }) => {
                metrics::not_sent();
                let attempts = self.attempts(&key);
                let after = after
                    .unwrap_or_default()
                    .max(Backoff::default().delay(attempts.saturating_sub(1), key.id.as_str()));
                info!(bounty = %key, why, attempts, "delivery failed");
                Event::NotSent { key, after, why }
            }
            Err(_) => {
                metrics::not_sent();
                let why = "expired during delivery: whether the answer arrived is not known".to_owned();
                Event::NotSent { key, after: Duration::MAX, why }
            }
        };
        self.happen(event);
    }
}
