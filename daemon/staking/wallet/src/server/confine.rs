//! What this process gives up once it has its key, its record and its socket: the network, other programs, other processes.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};

/// What a signer never does. The unit forbids the same (packaging/systemd/stakeout-signer.service); this holds where there is no unit.
const NEVER: &[libc::c_long] = &[
    // The network: the sockets that are there are of files, and there will be no other.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_io_uring_setup,
    // Other programs and processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    // More than a process of its kind needs.
    libc::SYS_mount,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_prctl,
    libc::SYS_memfd_create,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
];

/// The same, where the architecture still has calls that others were made of.
#[cfg(target_arch = "x86_64")]
const NEVER_OLD: &[libc::c_long] =
    &[libc::SYS_fork, libc::SYS_vfork, libc::SYS_link, libc::SYS_symlink, libc::SYS_rename];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_OLD: &[libc::c_long] = &[];

/// Why the process cannot be confined.
#[derive(Debug, thiserror::Error)]
#[error("cannot confine this process by seccomp, so it would keep the network")]
pub struct ConfineError(#[from] Box<dyn std::error::Error + Send + Sync>);

/// Gives up the network, other programs and other processes, for all threads and for good. Such calls fail with EPERM.
///
/// # Errors
///
/// If the kernel has no seccomp.
pub fn confine() -> Result<(), ConfineError> {
    let rules: BTreeMap<i64, Vec<SeccompRule>> =
        NEVER.iter().chain(NEVER_OLD).map(|call| (*call, Vec::new())).collect();
    let architecture = std::env::consts::ARCH.try_into().map_err(boxed)?;
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture).map_err(boxed)?;
    let program: BpfProgram = filter.try_into().map_err(boxed)?;
    seccompiler::apply_filter_all_threads(&program).map_err(boxed)?;
    Ok(())
}

fn boxed<E: std::error::Error + Send + Sync + 'static>(error: E) -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(error)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_confined_process_answers_and_reaches_nothing() {
        if std::env::var_os("WALLET_CONFINE").is_some() {
            let (mut near, mut far) = UnixStream::pair().unwrap();
            let mut file = tempfile::tempfile().unwrap();
            confine().unwrap();
            for refused in [
                std::net::TcpListener::bind("127.0.0.1:0").map(drop),
                std::net::TcpStream::connect("127.0.0.1:9").map(drop),
                std::net::UdpSocket::bind("127.0.0.1:0").map(drop),
                UnixStream::connect("/run/none").map(drop),
                UnixStream::pair().map(drop),
                std::process::Command::new("/bin/true").status().map(drop),
            ] {
                assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EPERM));
            }
            std::thread::spawn(move || near.write_all(b"x").unwrap()).join().unwrap();
            far.read_exact(&mut [0]).unwrap();
            file.write_all(b"x").unwrap();
            file.sync_data().unwrap();
            return;
        }
        let test = "server::confine::tests::a_confined_process_answers_and_reaches_nothing";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact"])
            .env("WALLET_CONFINE", "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"), "the child ran this test");
    }
}
