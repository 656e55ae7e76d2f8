//! Scanners besides the pool of this process: consumers on other hosts, and Python workers with other scanners, each behind
//! a queue. What they say in time is weighed into one judgement ([`daemon_market::weigh_opinions`]).

mod depth;
mod opinion;

use std::net::TcpListener;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context;
use daemon_artifact::Sha256Digest;
use daemon_market::{Bounty, Judgement, Refusal, ScannerOpinion, Skip, weigh_opinions};
use daemon_queue::artifacts::{ArtifactStore, HandedOut};
use daemon_queue::polyswarm::{self, ArtifactForm, PostedBounty};
use daemon_queue::streams::{self, ArtifactReference, StreamJob};
use daemon_queue::{Address, ArtifactRoute, Config, LocalScan, RedisBackoff};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, info, warn};

use crate::examination::Examination;
use crate::metrics::{self, QueueReply};
use crate::small_file::read_small;

/// Longest password that is read.
const PASSWORD_BYTES_MAX: u64 = 4 << 10;

/// The queues, and what is handed out to those behind them.
pub(crate) struct ScanBackends {
    config: Config,
    consumers: Option<Arc<streams::Producer>>,
    python: Vec<Arc<polyswarm::Producer>>,
    store: ArtifactStore,
    /// Where artifacts are handed out, until it is served.
    listener: Option<TcpListener>,
}

/// What this process itself makes of an artifact.
pub(crate) type LocalReply = oneshot::Receiver<Box<Judgement>>;

impl ScanBackends {
    /// The queues of the configuration; `None` if there are none.
    ///
    /// # Errors
    /// If the password cannot be read, or artifacts cannot be handed out at the address.
    pub(crate) fn of(config: &Config) -> anyhow::Result<Option<ScanBackends>> {
        if config.redis.is_empty() {
            return Ok(None);
        }
        let password = match &config.password_file {
            none if none.as_os_str().is_empty() => None,
            path => {
                let text = read_small(path, PASSWORD_BYTES_MAX);
                let text = text.with_context(|| format!("cannot read queue.password_file {}", path.display()))?;
                Some(text.lines().next().unwrap_or_default().trim().to_owned())
            }
        };
        let address = Address::new(&config.redis, password.as_deref()).context("queue.redis")?;
        let frontend = match config.frontend.as_str() {
            "" => host_name(),
            name => name.to_owned(),
        };
        let consumers = (!config.name.is_empty()).then(|| {
            streams::Producer::new(
                &address,
                streams::ProducerSettings {
                    queue: config.name.clone(),
                    frontend,
                    jobs_max: config.jobs_max,
                    reports_kept: config.reports_kept,
                },
            )
        });
        let python = config.python_queues.iter().map(|queue| {
            let settings = polyswarm::ProducerSettings {
                queue: queue.clone(),
                // What the answer needs is taken off already.
                time_to_post: 0,
                rate_limit: None,
            };
            Arc::new(polyswarm::Producer::new(&address, settings))
        });
        let listener = TcpListener::bind(&config.artifacts_listen)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .with_context(|| format!("cannot listen at queue.artifacts_listen {}", config.artifacts_listen))?;
        let python = python.collect();
        Ok(Some(ScanBackends {
            config: config.clone(),
            consumers,
            python,
            store: ArtifactStore::default(),
            listener: Some(listener),
        }))
    }

    /// Whether also files that nothing here takes apart are sent out: another scanner may know them.
    pub(crate) fn take_any_kind(&self) -> bool {
        !self.python.is_empty()
    }

    /// Starts what runs besides: answers of Redis, downloads of artifacts, depths of the queues.
    ///
    /// # Errors
    /// If the listener cannot be used.
    pub(crate) fn start(&self, metrics: &metrics::Metrics) -> anyhow::Result<()> {
        if let Some(listener) = &self.listener {
            let listener = listener.try_clone().and_then(tokio::net::TcpListener::from_std);
            let listener = listener.context("cannot hand out artifacts")?;
            let address = listener.local_addr().context("the artifacts' socket has no address")?;
            info!(%address, url = self.config.artifacts_url, "handing out artifacts");
            spawn_local(self.store.clone().serve(listener));
        }
        if let Some(consumers) = &self.consumers {
            let consumers = Arc::clone(consumers);
            spawn_local(async move {
                if let Err(error) = consumers.prepare().await {
                    warn!(why = error.to_string(), "queue not reachable yet");
                }
                consumers.run().await;
            });
        }
        spawn_local(depth::watch(
            self.consumers.clone(),
            self.config.name.clone(),
            self.python.clone(),
            metrics.clone(),
        ));
        Ok(())
    }

    /// Has an artifact judged by all, and weighs what they say until shortly before `examination.until`. `local` has this
    /// process scan it.
    pub(crate) async fn judge(
        self: Rc<Self>,
        bounty: Arc<Bounty>,
        examination: Examination,
        metrics: metrics::Metrics,
        local: impl FnOnce(Examination) -> LocalReply,
    ) -> Box<Judgement> {
        let deadline = Instant::from_std(examination.until);
        let deadline = deadline.checked_sub(self.config.margin).unwrap_or(deadline);
        let received = examination.received;
        let handed = examination.file.try_clone().and_then(|file| self.store.hand_out(file, received.size));
        if let Err(error) = &handed {
            warn!(bounty = %examination.key, why = error.to_string(), "artifact not handed out");
        }
        let handed = handed.ok();
        let mut python = JoinSet::new();
        for producer in &self.python {
            let Some(handed) = &handed else { continue };
            let posted = self.posted(&examination, &bounty, handed, deadline);
            let (producer, metrics) = (Arc::clone(producer), metrics.clone());
            let weight = self.config.python_weight.0;
            python.spawn_local(async move {
                let scanned = timeout_at(deadline, producer.scan(&posted, |_| true)).await;
                let result = match scanned {
                    Ok(Ok(outcome)) => outcome.results.into_iter().next().flatten(),
                    Ok(Err(error)) => {
                        warn!(queue = producer.queue(), why = error.to_string(), "job not sent");
                        metrics.within(|| metrics::queue_replied(producer.queue(), QueueReply::NotSent));
                        return None;
                    }
                    Err(_) => None,
                };
                let reply = if result.is_some() { QueueReply::InTime } else { QueueReply::Missing };
                metrics.within(|| metrics::queue_replied(producer.queue(), reply));
                opinion::of_python(producer.queue(), &result?, received, weight)
            });
        }
        // What is said here, as long as it is not: workers here may hang, and what others say counts all the same.
        let mut late = None;
        let own = self.own(examination, handed.as_ref(), &bounty, deadline, &metrics, |examination| {
            let reply = late.insert(local(examination));
            async move { timeout_at(deadline, reply).await.ok()?.ok() }
        });
        let mut opinions = own.await;
        while let Ok(Some(one)) = timeout_at(deadline, python.join_next()).await {
            // A panic is a bug, and its opinion is missing.
            opinions.extend(one.ok().flatten());
        }
        if opinions.is_empty()
            && let Some(reply) = late.filter(|reply| !reply.is_terminated())
        {
            // Nobody else said anything: until the answer is due, what is said here still counts.
            opinions.extend(reply.await.ok().map(|judgement| opinion::of_local(*judgement, self.config.weight.0)));
        }
        let judgement = weigh_opinions(&opinions).unwrap_or_else(|| {
            let refusal = Refusal { skip: Skip::Other, why: "no scanner answered in time".to_owned() };
            Judgement { findings: received.findings(""), ..refusal.judgement() }
        });
        Box::new(judgement)
    }

    /// What our own scanner says, here or at consumers.
    async fn own<F: Future<Output = Option<Box<Judgement>>>>(
        &self,
        examination: Examination,
        handed: Option<&HandedOut>,
        bounty: &Bounty,
        deadline: Instant,
        metrics: &metrics::Metrics,
        local: impl FnOnce(Examination) -> F,
    ) -> Vec<ScannerOpinion> {
        let (weight, received) = (self.config.weight.0, examination.received);
        let of_local = |judgement: Option<Box<Judgement>>| {
            judgement.map(|judgement| opinion::of_local(*judgement, weight)).into_iter().collect::<Vec<_>>()
        };
        let (Some(consumers), Some(handed)) = (&self.consumers, handed) else {
            // Also with "always": then it is the only one.
            return match self.config.local {
                LocalScan::Never => Vec::new(),
                LocalScan::Always | LocalScan::Fallback => of_local(local(examination).await),
            };
        };
        let job = self.job(&examination, bounty, handed, consumers, deadline);
        let came = |report: Option<streams::StreamReport>| {
            let reply = match &report {
                Some(report) if report.late => QueueReply::Late,
                Some(_) => QueueReply::InTime,
                None => QueueReply::Missing,
            };
            metrics.within(|| metrics::queue_replied(&self.config.name, reply));
            report.and_then(|report| opinion::of_consumer(report, received, weight))
        };
        match self.config.local {
            LocalScan::Never => {
                let report = self.report(consumers, job, deadline, deadline, metrics).await;
                report.and_then(came).into_iter().collect()
            }
            LocalScan::Always => {
                let report = self.report(consumers, job, deadline, deadline, metrics);
                let (report, judgement) = tokio::join!(report, local(examination));
                let mut opinions = of_local(judgement);
                opinions.extend(report.and_then(came));
                opinions
            }
            LocalScan::Fallback => {
                // Consumers may all be dead: after half of the time it is scanned here, too.
                let now = Instant::now();
                let half = now + deadline.saturating_duration_since(now) / 2;
                let mut report =
                    pin!(async { self.report(consumers, job, now, deadline, metrics).await.and_then(came) });
                let judges = |opinion: &ScannerOpinion| !opinion::is_failure(&opinion.judgement);
                match timeout_at(half, &mut report).await {
                    Ok(Some(opinion)) if judges(&opinion) => vec![opinion],
                    Ok(_) => of_local(local(examination).await),
                    // They may be slow as well: the first who judges it is heard.
                    Err(_) => {
                        let mut here = pin!(local(examination));
                        tokio::select! {
                            opinion = &mut report => match opinion.filter(judges) {
                                Some(opinion) => vec![opinion],
                                None => of_local(here.await),
                            },
                            judgement = &mut here => {
                                let mut opinions = of_local(judgement);
                                if opinions.iter().any(judges) {
                                    metrics.within(|| metrics::queue_replied(&self.config.name, QueueReply::Missing));
                                } else {
                                    opinions.extend(report.await);
                                }
                                opinions
                            }
                        }
                    }
                }
            }
        }
    }

    /// Queues a job, again and again until `queue_by` while Redis is away or full, and waits for its report until `deadline`.
    /// `None` if it was not queued; a report that is `None` did not come in time.
    async fn report(
        &self,
        consumers: &Arc<streams::Producer>,
        job: StreamJob,
        queue_by: Instant,
        deadline: Instant,
        metrics: &metrics::Metrics,
    ) -> Option<Option<streams::StreamReport>> {
        let mut backoff = RedisBackoff::default();
        loop {
            // A Redis that was stopped answers after seconds that there may not be.
            match timeout_at(deadline, consumers.submit(job.clone())).await {
                Ok(Ok(waiter)) => return Some(waiter.report(deadline).await),
                Err(_) => {
                    metrics.within(|| metrics::queue_replied(&self.config.name, QueueReply::NotSent));
                    return None;
                }
                Ok(Err(error)) => {
                    let wait = backoff.failed();
                    debug!(job = job.id, why = error.to_string(), "job not queued");
                    if !error.is_passing() || Instant::now() + wait >= queue_by {
                        metrics.within(|| metrics::queue_replied(&self.config.name, QueueReply::NotSent));
                        return None;
                    }
                    sleep(wait).await;
                }
            }
        }
    }

    fn job(
        &self,
        examination: &Examination,
        bounty: &Bounty,
        handed: &HandedOut,
        consumers: &streams::Producer,
        deadline: Instant,
    ) -> StreamJob {
        let (key, artifact) = (&examination.key, examination.artifact);
        let sha256 = Some(Sha256Digest(examination.received.sha256).to_string());
        // Artifacts of a chain's bounty have no address of their own.
        let is_file = bounty.artifact_type == daemon_market::ArtifactType::File && bounty.on_chain.is_none();
        let (uri, of) = match self.config.artifacts {
            // The same after a restart, so that a report that is there by then is found.
            ArtifactRoute::Reference if is_file => (bounty.artifact_uri.clone(), format!("{key} {artifact}")),
            // The artifact has another name then, and so has the job.
            ArtifactRoute::Reference | ArtifactRoute::Store => {
                let uri = format!("{}/artifacts/{}/0/", self.config.artifacts_url.trim_end_matches('/'), handed.name());
                (uri, format!("{key} {}", handed.name()))
            }
        };
        let id = Sha256Digest::of(of.as_bytes()).to_string();
        let time = deadline.saturating_duration_since(Instant::now());
        StreamJob::new(&id, consumers.frontend(), ArtifactReference { uri, sha256, is_url: false }, time)
    }

    fn posted(
        &self,
        examination: &Examination,
        bounty: &Bounty,
        handed: &HandedOut,
        deadline: Instant,
    ) -> PostedBounty {
        let time = deadline.saturating_duration_since(Instant::now());
        PostedBounty {
            polyswarmd_uri: self.config.artifacts_url.trim_end_matches('/').to_owned(),
            // Keys of Redis are made of it.
            guid: guid(&format!("{} {}", examination.key, handed.name())),
            uri: handed.name().to_owned(),
            form: ArtifactForm::File,
            // The peers count in whole seconds.
            duration: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            chain: "side".to_owned(),
            metadata: vec![bounty.metadata_of(examination.artifact).clone()],
        }
    }
}

/// A text of the form of a GUID, made of a digest.
fn guid(of: &str) -> String {
    let hex = Sha256Digest::of(of.as_bytes()).to_string();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let plain = name.chars().filter(|character| character.is_ascii_alphanumeric() || "._-".contains(*character));
    let name: String = plain.take(64).collect();
    if name.is_empty() { "frontend".to_owned() } else { name }
}
