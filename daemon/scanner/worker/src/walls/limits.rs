//! Limits on what a process may use (setrlimit(2)), soft and hard alike, so that it cannot raise them.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Caps, Profile};

/// CPU time of a worker during its life, in seconds: more than [`JOBS_MAX`](crate::JOBS_MAX) jobs of the default 5 s
/// use. It is only a safeguard if nothing else watches the worker.
const CPU_SECONDS_MAX: u64 = 60_000;
/// Processor time of the compiler of rules, in seconds, over all its threads.
const COMPILER_CPU_SECONDS_MAX: u64 = 120;
/// Descriptors: standard ones, the socket, an artifact, and some for what a library may need. Those that come with
/// packets count too, so an artifact can make a worker hold no more.
const DESCRIPTORS_MAX: u64 = 16;
/// The compiler of rules holds a descriptor for each rule file it was given at once.
const COMPILER_DESCRIPTORS_MAX: u64 = 1_024;
/// Largest memfd of compiled rules, in bytes. 10,143 rules are 16 MB.
const COMPILED_BYTES_MAX: u64 = 1 << 30;
/// The first thread's stack, in bytes: what Linux gives by default, also where the caller's shell gives more, so
/// that endless recursion ends with a signal, soon.
const STACK_BYTES_MAX: u64 = 8 << 20;

/// Limits that do not prevent the start of threads.
pub(super) fn before_rehearsal(profile: Profile, caps: &Caps) -> io::Result<()> {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let page_bytes = rustix::param::page_size() as u64;
    // Fields 1 and 6 of proc(5): all of it, and data with stack, in pages. Without /proc they count as nothing, and
    // the limits are the narrower for it.
    let field = |index| statm.split_ascii_whitespace().nth(index).and_then(|pages| pages.parse::<u64>().ok());
    let bytes = |index| field(index).unwrap_or(0).saturating_mul(page_bytes);

    limit(Resource::As, bytes(0).saturating_add(caps.address_space_bytes))?;
    limit(Resource::Data, bytes(5).saturating_add(caps.memory_bytes))?;
    limit(Resource::Stack, STACK_BYTES_MAX)?;
    for none in [Resource::Core, Resource::Memlock, Resource::Msgqueue, Resource::Rtprio, Resource::Locks] {
        limit(none, 0)?;
    }
    match profile {
        Profile::Worker { .. } => {
            limit(Resource::Cpu, CPU_SECONDS_MAX)?;
            // What is open already stays open, whatever its number.
            limit(Resource::Nofile, DESCRIPTORS_MAX)?;
            limit(Resource::Fsize, 0)
        }
        Profile::Compiler => {
            limit(Resource::Cpu, COMPILER_CPU_SECONDS_MAX)?;
            limit(Resource::Nofile, COMPILER_DESCRIPTORS_MAX)?;
            limit(Resource::Fsize, COMPILED_BYTES_MAX)
        }
    }
}

/// Limits that would prevent the rehearsal from starting a thread.
pub(super) fn after_rehearsal(profile: Profile) -> io::Result<()> {
    match profile {
        // Counts for the user, not the process: so there is no room for one more as long as we exist. Root is exempt.
        Profile::Worker { .. } => limit(Resource::Nproc, 0),
        Profile::Compiler => Ok(()),
    }
}

/// At most `value`, less where it was less already.
fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let value = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    Ok(())
}
