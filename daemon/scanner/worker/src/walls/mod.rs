//! The walls around a process: what it may not do from now on, whatever it becomes.
//!
//! Each is there for when another fails: the filter of system calls is the narrowest, landlock holds where a call
//! got through, limits hold where memory and time are used as allowed. All of them are one-way.

mod landlock;
mod limits;
mod privileges;
mod seccomp;

use std::os::fd::RawFd;

pub(crate) use seccomp::Answers;

/// Resource limits of a worker, and what to do if the kernel lacks a sandbox layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caps {
    /// Memory of its own that a worker may hold beyond what it has when idle, in bytes. Default: 256 MiB. Held
    /// twice: by a limit that makes an allocation fail, and by the parent's watch of what is resident.
    pub memory_bytes: u64,
    /// Address space that a worker may reserve beyond what it has when idle, in bytes. Default: 4 GiB, for yara-x
    /// reserves 80 MiB with every scanner and panics when it cannot; what is only reserved costs nothing.
    pub address_space_bytes: u64,
    /// Refuse to work where a wall is missing. Default: no; [`Template::walls`](crate::Template::walls) tells.
    pub strict: bool,
}

impl Default for Caps {
    fn default() -> Self {
        Caps { memory_bytes: 256 << 20, address_space_bytes: 4 << 30, strict: false }
    }
}

impl Caps {
    pub(crate) const BYTES: usize = 17;

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [u8::from(self.strict); Self::BYTES];
        bytes[..8].copy_from_slice(&self.memory_bytes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.address_space_bytes.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<(Caps, &[u8])> {
        let (memory, bytes) = bytes.split_first_chunk()?;
        let (address_space, bytes) = bytes.split_first_chunk()?;
        let (strict, rest) = bytes.split_first()?;
        let caps = Caps {
            memory_bytes: u64::from_le_bytes(*memory),
            address_space_bytes: u64::from_le_bytes(*address_space),
            strict: *strict != 0,
        };
        Some((caps, rest))
    }
}

/// One wall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Wall {
    /// Limits on memory, address space, processor time, descriptors, files and processes (setrlimit(2)).
    Limits,
    /// No capability, none to be gained by executing (capabilities(7), `PR_SET_NO_NEW_PRIVS`), no dump of memory.
    Privileges,
    /// No file by any path (landlock(7), since Linux 5.13).
    Files,
    /// No TCP port (landlock ABI 4, since Linux 6.7).
    Ports,
    /// No signal to others and no abstract socket of theirs (landlock ABI 6, since Linux 6.12).
    Scopes,
    /// Memory that was written never becomes executable (`PR_SET_MDWE`, since Linux 6.3).
    Executable,
    /// A list of system calls; the rest is refused or deadly (seccomp(2)).
    Calls,
}

impl Wall {
    /// Every wall, in the order in which they are raised.
    pub const ALL: [Wall; 7] =
        [Wall::Limits, Wall::Privileges, Wall::Files, Wall::Ports, Wall::Scopes, Wall::Executable, Wall::Calls];

    /// Description of the layer.
    pub fn name(self) -> &'static str {
        match self {
            Wall::Limits => "resource limits",
            Wall::Privileges => "no privileges",
            Wall::Files => "landlock: no files",
            Wall::Ports => "landlock: no TCP ports",
            Wall::Scopes => "landlock: no signals or abstract sockets of others",
            Wall::Executable => "no new executable memory",
            Wall::Calls => "seccomp: a list of system calls",
        }
    }
}

/// Sandbox layers that are in place.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Walls {
    /// Bit per [`Wall`].
    bits: u8,
}

impl Walls {
    /// Whether `wall` stands.
    pub fn stands(self, wall: Wall) -> bool {
        self.bits & (1 << wall as u8) != 0
    }

    /// The walls that this kernel does not have.
    pub fn missing(self) -> impl Iterator<Item = Wall> {
        Wall::ALL.into_iter().filter(move |&wall| !self.stands(wall))
    }

    pub(crate) fn raised(&mut self, wall: Wall, stands: bool) {
        self.bits |= u8::from(stands) << wall as u8;
    }

    pub(crate) fn encode(self) -> u8 {
        self.bits
    }

    pub(crate) fn decode(bits: u8) -> Walls {
        Walls { bits }
    }
}

/// Which process the sandbox is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profile {
    /// A worker, which talks over this socket.
    Worker { socket: RawFd },
    /// The compiler of rules, see [`compiler`].
    Compiler,
}

/// Raises all walls around this process, in the one order that works: `rehearse` runs when files and network are out
/// of reach, and may still start threads (they inherit what came before, and the filter is put over all) and make
/// memory executable. With no `answers` the filter is left out, to see the walls behind it.
pub(crate) fn raise(
    profile: Profile,
    caps: &Caps,
    answers: Option<Answers>,
    rehearse: impl FnOnce(),
) -> Result<Walls, String> {
    let mut walls = Walls::default();
    limits::before_rehearsal(profile, caps).map_err(|error| format!("cannot set a limit: {error}"))?;
    privileges::drop().map_err(|error| format!("cannot drop privileges: {error}"))?;
    walls.raised(Wall::Privileges, true);
    landlock::restrict(&mut walls, answers == Some(Answers::DEADLY));
    rehearse();
    limits::after_rehearsal(profile).map_err(|error| format!("cannot set a limit: {error}"))?;
    walls.raised(Wall::Limits, true);
    // A compiler of rules makes machine code; all others only run what was made before.
    if matches!(profile, Profile::Worker { .. }) {
        walls.raised(Wall::Executable, privileges::deny_executable_memory());
    }
    if let Some(answers) = answers {
        seccomp::filter(profile, answers).map_err(|error| format!("cannot filter system calls: {error}"))?;
        walls.raised(Wall::Calls, true);
    }
    Ok(walls)
}

/// Raises the walls for the one-shot compiler of rules around this process, from its first thread before there is a
/// second. Weaker than a worker's, for a compiler starts threads and makes machine code: it reads and writes the
/// descriptors it has, may make memfds, threads and executable memory; no file by path, no socket, no exec, no other
/// process.
///
/// Sandbox of the compiler: it keeps only the standard descriptors, and dies with its parent or at its CPU time limit.
///
/// # Errors
///
/// The step that failed, for a person to read. The process must not go on then.
pub fn compiler() -> Result<Walls, String> {
    crate::fork::close_all_but(None).map_err(|error| format!("cannot close inherited descriptors: {error}"))?;
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|errno| format!("cannot set the parent death signal: {errno}"))?;
    let caps = Caps { memory_bytes: 2 << 30, address_space_bytes: 16 << 30, strict: false };
    raise(Profile::Compiler, &caps, Some(Answers::DEADLY), || ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        let caps = Caps { memory_bytes: 1, address_space_bytes: u64::MAX, strict: true };
        let mut bytes = caps.encode().to_vec();
        bytes.extend_from_slice(b"rest");
        assert_eq!(Caps::decode(&bytes), Some((caps, &b"rest"[..])));
        assert_eq!(Caps::decode(&[0; 16]), None);
    }

    #[test]
    fn a_wall_is_missing_until_it_is_raised() {
        let mut walls = Walls::default();
        assert_eq!(walls.missing().count(), Wall::ALL.len());
        for wall in Wall::ALL {
            walls.raised(wall, true);
            assert!(walls.stands(wall));
        }
        assert_eq!(Walls::decode(walls.encode()).missing().count(), 0);
    }
}
