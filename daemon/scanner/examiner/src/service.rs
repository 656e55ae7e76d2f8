//! The examiner as a template loads it and a worker runs it.

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use analyzers::{Cancel, Limits};
use daemon_artifact::{Scratch, keep_stream, load, load_owned};
use daemon_engine::{Analyzers, Library, PartMask, Policy, RuleSet, assemble, prepare};

use crate::wire::{self, WorkerConfig};
use crate::{BUILD, Bundle, Program, look, open};
use daemon_worker::{Served, Service, Start, run};

/// Setup of a template: weights, rules and limits.
#[derive(Debug)]
pub struct Setup {
    /// Text of the weights file.
    pub weights: String,
    /// Compiled rules.
    pub bundle: Option<Bundle>,
    /// Limits for scanning one artifact.
    pub limits: Limits,
    /// Which file types are scanned.
    pub policy: Policy,
}

impl Setup {
    /// Returns how to start a template in `program`.
    ///
    /// # Errors
    ///
    /// If the memory file for the weights cannot be made, or a descriptor cannot be duplicated.
    pub fn start(&self, program: &Program) -> io::Result<Start> {
        let mut start = program.template();
        start.caps.memory_bytes = self.limits.memory_bytes_max;
        // A large artifact is mapped.
        start.caps.address_space_bytes = start.caps.address_space_bytes.saturating_add(self.limits.artifact_bytes_max);
        start.fds.push(keep_stream(self.weights.as_bytes(), u64::MAX).map_err(io::Error::other)?);
        let mut library = None;
        if let Some(Bundle { file, bytes, sources }) = &self.bundle {
            start.fds.push(file.try_clone()?.into());
            library = Some((*bytes, sources.clone()));
        }
        let (limits, any_kind) = (self.limits, self.policy.any_kind);
        start.config = wire::encode(&WorkerConfig { build: BUILD.to_owned(), limits, any_kind, library });
        Ok(start)
    }
}

/// Examines what it is handed, by rules that live as long as the process.
struct Examiner {
    rules: &'static RuleSet,
    analyzers: Analyzers<'static>,
    limits: Limits,
    scratch: Scratch,
}

/// The `main` of a template. `add` may bring analyzers of its own, which tests do.
pub fn template(add: impl Fn(&mut Analyzers<'static>)) -> ExitCode {
    // Before it asks what to load, for that may not be known yet.
    prepare();
    run(|config, fds| {
        let mut examiner = Examiner::build(config, fds)?;
        add(&mut examiner.analyzers);
        Ok(Box::new(examiner))
    })
}

impl Examiner {
    fn build(config: &[u8], fds: Vec<OwnedFd>) -> Result<Examiner, String> {
        let config: WorkerConfig =
            postcard::from_bytes(config).map_err(|_| "cannot read the configuration".to_owned())?;
        if config.build != BUILD {
            return Err(format!("the worker is of build {BUILD}, its parent of build {}", config.build));
        }
        let mut fds = fds.into_iter();
        let weights = load_owned(fds.next().ok_or("the weights are missing")?, u64::MAX);
        let weights = weights.map_err(|error| format!("cannot read the weights: {error}"))?;
        let weights = std::str::from_utf8(weights.bytes()).map_err(|_| "the weights are not text")?;
        let mut rules = RuleSet::parse(weights).map_err(|error| error.to_string())?;
        if let Some((bytes, sources)) = &config.library {
            let library = open(fds.next().ok_or("the compiled rules are missing")?, *bytes);
            let library = library.map_err(|error| error.to_string())?;
            // What a worker has not got cannot become executable in it, so it asks for a worker that has it.
            library.stop_loading();
            rules = rules.with_library(library, weights, sources);
        }
        // As long as the process: workers end without unwinding.
        let rules: &'static RuleSet = Box::leak(Box::new(rules));
        let analyzers = assemble(rules).with_policy(config.policy());
        Ok(Examiner { rules, analyzers, limits: config.limits, scratch: Scratch::default() })
    }
}

impl Service for Examiner {
    fn equip(&mut self, need: &[u8]) -> Result<(), String> {
        let Some(library) = self.rules.library() else { return Err("there are no rules to load".to_owned()) };
        library.load(&PartMask::from_bytes(need)).map_err(|error| error.to_string())
    }

    fn rehearse(&mut self) {
        self.analyzers.rehearse();
    }

    fn serve(&mut self, artifact: OwnedFd, request: &[u8], cancel: &Cancel, reply: &mut Vec<u8>) -> Served {
        let ask = wire::read_request(request).unwrap_or_default();
        let outcome = load(artifact, &mut self.scratch, self.limits.artifact_bytes_max)
            .map(|artifact| look(&artifact, &ask, &mut self.analyzers, &self.limits, cancel));
        if let Some(missing) = self.rules.library().map(Library::missing).filter(|missing| !missing.is_empty()) {
            return Served::Needs(missing.as_bytes().to_vec());
        }
        wire::write_answer(&outcome, self.rules, reply);
        Served::Done
    }
}
