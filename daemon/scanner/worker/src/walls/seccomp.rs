//! The list of system calls: what is on it is allowed, what only an attacker would try is deadly, the rest fails.
//!
//! Two filters are stacked, because each has only two actions; the kernel applies the strictest. Deadly calls are those
//! by which a process affects others (execute, connect, trace, signal, fork, io_uring). Calls that a library may use
//! harmlessly to probe for a file or a limit fail with EPERM.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, apply_filter_all_threads,
};

use super::Profile;

/// Actions of the filters. The self-test must distinguish a refusal of the filter from one of the kernel, and survive
/// several: so its filters return errors that no system call returns by itself, instead of killing and EPERM. Otherwise
/// they are equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answers {
    pub(crate) deadly: DenyAction,
    pub(crate) refused: i32,
}

/// What the filter does at a deadly call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DenyAction {
    Kill,
    Errno(i32),
}

impl Answers {
    /// Actions of the filter for workers.
    pub(crate) const DEADLY: Answers = Answers { deadly: DenyAction::Kill, refused: libc::EPERM };
    /// Actions of the filter for the self-test.
    pub(crate) const HARMLESS: Answers =
        Answers { deadly: DenyAction::Errno(libc::ENOTRECOVERABLE), refused: libc::EOWNERDEAD };
}

type SyscallRules = BTreeMap<i64, Vec<SeccompRule>>;
type Filtered<T> = Result<T, Box<dyn std::error::Error>>;

/// Puts the filters over all threads of this process.
pub(super) fn filter(profile: Profile, answers: Answers) -> Filtered<()> {
    // The list of what is allowed comes last: it does not allow to install a filter.
    for program in programs(profile, answers)? {
        apply_filter_all_threads(&program)?;
    }
    Ok(())
}

fn programs(profile: Profile, answers: Answers) -> Filtered<Vec<BpfProgram>> {
    let deadly = match answers.deadly {
        DenyAction::Kill => SeccompAction::KillProcess,
        DenyAction::Errno(errno) => SeccompAction::Errno(errno.unsigned_abs()),
    };
    let refused = SeccompAction::Errno(answers.refused.unsigned_abs());
    let mut programs = vec![program(deadly_calls(profile)?, SeccompAction::Allow, deadly)?];
    if let Profile::Compiler = profile {
        // The flags of clone3 lie in memory, where no filter sees them; without it libraries use clone.
        let clone3 = SyscallRules::from([(libc::SYS_clone3, Vec::new())]);
        programs.push(program(clone3, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.unsigned_abs()))?);
    }
    // What another filter answers is let through by this one: of two errors the kernel would take the error of the
    // filter that was installed last.
    let mut allowed = allowed_calls(profile)?;
    for call in deadly_calls(profile)?.into_keys().chain([libc::SYS_clone3]) {
        allowed.entry(call).or_default();
    }
    programs.push(program(allowed, refused, SeccompAction::Allow)?);
    Ok(programs)
}

fn program(rules: SyscallRules, otherwise: SeccompAction, matched: SeccompAction) -> Filtered<BpfProgram> {
    let filter = SeccompFilter::new(rules, otherwise, matched, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

/// Calls that only an attacker makes.
const DEADLY: &[c_long] = &[
    // Another program, another process, another thread.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_unshare,
    libc::SYS_setns,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    // Other processes' memory, descriptors and lives.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    // The network, and other programs on this machine.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // A second way into the kernel, which these filters would not see.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // The kernel itself.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_personality,
];

fn deadly_calls(profile: Profile) -> Filtered<SyscallRules> {
    let mut rules: SyscallRules = DEADLY.iter().map(|&call| (call, Vec::new())).collect();
    // abort(3) signals its own thread through this one; any other process is none of ours.
    let others = [condition(0, Dword, SeccompCmpOp::Ne, u64::from(std::process::id()))?];
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(others.to_vec())?]);
    match profile {
        Profile::Worker { .. } => {
            rules.insert(libc::SYS_clone, Vec::new());
            rules.insert(libc::SYS_clone3, Vec::new());
        }
        Profile::Compiler => {
            let process = condition(0, Qword, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), 0)?;
            rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![process])?]);
        }
    }
    Ok(rules)
}

/// Calls that are allowed whatever their arguments. None of them takes a path, and none makes a descriptor that is not
/// a copy of one that is there.
const ALLOWED: &[c_long] = &[
    // Reading what was handed over.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_close,
    // Memory, but for mmap and mprotect.
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Time and waiting.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_setitimer,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_restart_syscall,
    // Signals to itself: the handlers of faults, the alarm, abort.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_getpid,
    libc::SYS_gettid,
    // What a thread that was started before does when it begins and ends.
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    // The end.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getrandom,
];

/// Additional calls of the rules compiler.
const ALLOWED_TO_COMPILER: &[c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_ftruncate,
    libc::SYS_fcntl,
    libc::SYS_memfd_create,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_membarrier,
    libc::SYS_clone,
    libc::SYS_sched_getaffinity,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
];

fn allowed_calls(profile: Profile) -> Filtered<SyscallRules> {
    let mut rules: SyscallRules = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    let socket = match profile {
        Profile::Compiler => {
            rules.extend(ALLOWED_TO_COMPILER.iter().map(|&call| (call, Vec::new())));
            return Ok(rules);
        }
        Profile::Worker { socket } => u64::from(socket.unsigned_abs()),
    };
    let mut only = |call: c_long, conditions: &[SeccompCondition]| -> Filtered<()> {
        rules.entry(call).or_default().push(SeccompRule::new(conditions.to_vec())?);
        Ok(())
    };
    // It talks to its parent and nobody else, and says its last words.
    for call in [libc::SYS_sendmsg, libc::SYS_recvmsg] {
        only(call, &[condition(0, Dword, SeccompCmpOp::Eq, socket)?])?;
    }
    for call in [libc::SYS_write, libc::SYS_writev] {
        only(call, &[condition(0, Dword, SeccompCmpOp::Eq, libc::STDERR_FILENO as u64)?])?;
    }
    // Memory of its own that cannot be executed: a shared map would be memory that no limit counts.
    let data = condition(2, Dword, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?;
    let private = condition(3, Dword, SeccompCmpOp::MaskedEq(libc::MAP_TYPE as u64), libc::MAP_PRIVATE as u64)?;
    only(libc::SYS_mmap, &[data.clone(), private])?;
    only(libc::SYS_mprotect, &[data])?;
    // Asking what a descriptor is. Not among them: who gets its signals, and what blocks.
    for command in [libc::F_GETFD, libc::F_GETFL, libc::F_DUPFD_CLOEXEC, libc::F_GET_SEALS] {
        only(libc::SYS_fcntl, &[condition(1, Dword, SeccompCmpOp::Eq, u64::from(command.cast_unsigned()))?])?;
    }
    Ok(rules)
}

fn condition(
    argument: u8,
    length: seccompiler::SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Filtered<SeccompCondition> {
    Ok(SeccompCondition::new(argument, length, operator, value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKER: Profile = Profile::Worker { socket: 3 };

    #[test]
    fn nothing_is_both_deadly_and_allowed_whatever_its_arguments() {
        for profile in [WORKER, Profile::Compiler] {
            let deadly = deadly_calls(profile).expect("the rules are constant");
            let allowed = allowed_calls(profile).expect("the rules are constant");
            for (call, conditions) in &deadly {
                assert!(!conditions.is_empty() || !allowed.contains_key(call), "{call}");
            }
        }
    }

    #[test]
    fn the_self_test_meets_the_same_filters_but_for_their_answers() {
        let of = |answers| programs(WORKER, answers).expect("the rules are constant");
        let (real, harmless) = (of(Answers::DEADLY), of(Answers::HARMLESS));
        assert_eq!(real.len(), harmless.len());
        // BPF_RET | BPF_K: only there may they differ.
        const RETURN: u16 = 0x06;
        for (a, b) in real.iter().flatten().zip(harmless.iter().flatten()) {
            assert!(a == b || (a.code == RETURN && b.code == RETURN && (a.jt, a.jf) == (b.jt, b.jf)), "{a:?} {b:?}");
        }
        assert_eq!(real.iter().map(Vec::len).sum::<usize>(), harmless.iter().map(Vec::len).sum::<usize>());
    }
}
