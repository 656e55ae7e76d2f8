//! No path, no port, no signal: landlock without a single exception.
//!
//! Holds for io_uring too, which filters of system calls do not see. Best effort: what the kernel does not know is
//! left out, and reported.

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};

use super::{Wall, Walls};

/// The newest ABI whose rights are named here. Every right of it that the kernel knows is taken away.
const NEWEST: ABI = ABI::V6;

/// Restricts this thread and those it will start. What is refused is written to the audit log if `log`, where the kernel
/// can do that (Linux 6.15): an escape is worth a line, the self-test is not.
pub(super) fn restrict(walls: &mut Walls, log: bool) {
    // An error is the same as a kernel without landlock (sixteen domains are stacked already, say): the wall is missing.
    let abi = enforce(log).unwrap_or(0);
    walls.raised(Wall::Files, abi >= ABI::V1 as i32);
    walls.raised(Wall::Ports, abi >= ABI::V4 as i32);
    walls.raised(Wall::Scopes, abi >= ABI::V6 as i32);
}

/// Answers the ABI that is enforced, 0 for none.
fn enforce(log: bool) -> Result<i32, RulesetError> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .log_same_exec(log)?
        .restrict_self()?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi as i32,
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    })
}
