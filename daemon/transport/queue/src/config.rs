//! What a frontend can be told of queues: their section of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use daemon_config::{Ratio, choice, section};

use crate::polyswarm::is_queue_name;
use crate::streams::is_name;

choice! {
    /// Whether the frontend scans too.
    LocalScan: "\"always\", \"fallback\" or \"never\"" {
        /// Every artifact is scanned here too.
        Always = "always",
        /// Artifacts that the queue does not take are scanned here.
        Fallback = "fallback",
        /// Nothing is scanned here.
        Never = "never",
    }
}

choice! {
    /// How our own consumers come by artifacts.
    ArtifactRoute: "\"store\" or \"reference\"" {
        /// From this frontend, which has downloaded them.
        Store = "store",
        /// From where the marketplace has them.
        Reference = "reference",
    }
}

section! {
    check = check;

    /// Queues, for scanners on other hosts. docs/queue.md explains them.
    pub struct Config {
        /// Address of Redis or Valkey, which holds the queues: "host:port", "redis://user@host:port/db" or
        /// "unix:///path". Default (empty): there are no queues, and everything is scanned here.
        redis: String = String::new();
        /// File with the password of Redis, for example a systemd credential. Default (empty): none.
        password_file: PathBuf = PathBuf::new();
        /// Queue of our own consumers (`stakeout consume`). Empty: none.
        name: String = "stakeout".to_owned();
        /// Queues of PolySwarm's Python workers (`worker` of polyswarm-client 2.13.3), one for each other scanner.
        python_queues: Vec<String> = Vec::new();
        /// Name of this frontend, its own among all that use the queues, and the same after a restart. Default (empty):
        /// the host's name.
        frontend: String = String::new();
        /// Whether artifacts are scanned on this host too: "always", "fallback" (where the queue of our own consumers
        /// does not take them) or "never".
        local: LocalScan = LocalScan::Fallback;
        /// How our own consumers come by artifacts: "store" (from this frontend) or "reference" (they download them from the
        /// marketplace, and compare the digest). Python workers come by them from this frontend always.
        artifacts: ArtifactRoute = ArtifactRoute::Store;
        /// Address to hand artifacts out at. Anybody who can connect and knows the random name of an artifact that is
        /// being scanned can download it.
        artifacts_listen: String = "127.0.0.1:9183".to_owned();
        /// URL of artifacts_listen as consumers reach it, for example "http://10.0.0.5:9183". Consumers must allow its
        /// network (--allow-network).
        artifacts_url: String = "http://127.0.0.1:9183".to_owned();
        /// Maximum number of jobs in the queue of our own consumers, waiting or worked on.
        jobs_max: usize = 10_000;
        /// Maximum number of artifacts that are out for scanning at once.
        out_max: usize = 256;
        /// How much longer than its job a report is kept.
        reports_kept: Duration = Duration::from_secs(60);
        /// Time before an artifact must be judged at which reports are no longer waited for.
        margin: Duration = Duration::from_millis(250);
        /// Weight of this program's own opinion, from here or from consumers.
        weight: Ratio = Ratio(1.0);
        /// Weight of the opinion of each Python queue.
        python_weight: Ratio = Ratio(1.0);
    }
}

fn check(config: &Config, wrong: &mut dyn FnMut(String)) {
    if config.redis.is_empty() {
        return;
    }
    if let Err(error) = crate::Address::new(&config.redis, None) {
        wrong(format!("redis: {error}"));
    }
    let names = [("name", &config.name), ("frontend", &config.frontend)];
    for (key, name) in names.into_iter().filter(|(_, name)| !name.is_empty() && !is_name(name)) {
        wrong(format!("{key} must be of letters, digits, `.`, `_`, `-` and `@`, not {name:?}"));
    }
    for queue in config.python_queues.iter().filter(|queue| !is_queue_name(queue)) {
        wrong(format!("python_queues: {queue:?} cannot be the name of a queue"));
    }
    if config.name.is_empty() && config.python_queues.is_empty() {
        wrong("name and python_queues are both empty: nothing uses redis".to_owned());
    }
    if config.name.is_empty() && config.local == LocalScan::Fallback {
        wrong("local is \"fallback\", but there is no queue of our own consumers (name is empty)".to_owned());
    }
    if config.artifacts_listen.parse::<std::net::SocketAddr>().is_err() {
        wrong("artifacts_listen must be an address with a port, such as \"10.0.0.5:9183\"".to_owned());
    }
    if !config.artifacts_url.starts_with("http://") && !config.artifacts_url.starts_with("https://") {
        wrong("artifacts_url must begin with http:// or https://".to_owned());
    }
    for (key, count) in [("jobs_max", config.jobs_max), ("out_max", config.out_max)] {
        if count == 0 {
            wrong(format!("{key} must be at least 1"));
        }
    }
}
