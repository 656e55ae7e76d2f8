//! File systems whose "files" are windows into the kernel or a driver, not stored bytes.
//!
//! Their sizes lie (0 in procfs, a page in sysfs), reading them can have effects, and mapping one (a PCI
//! resource in sysfs) would touch a device. So a walk leaves them out unless they are named, and `load` never maps
//! what is on them. devtmpfs and `/dev/shm` are not in the list: both carry tmpfs's magic, and programs do
//! hide in the latter.

use std::os::fd::AsFd;

use rustix::io;

/// `f_type` values: Linux `include/uapi/linux/magic.h`, and for the ones it lacks the file system's own source
/// (configfs, fusectl, mqueue, nfsd, rpc_pipefs).
const PSEUDO: &[u32] = &[
    0x0000_9fa0, // proc
    0x6265_6572, // sysfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x0000_1cd1, // devpts
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x6265_6570, // configfs
    0x6573_5543, // fusectl
    0x1980_0202, // mqueue
    0x4249_4e4d, // binfmt_misc
    0xf97c_ff8c, // selinuxfs
    0x4341_5d53, // smackfs
    0x5a3c_69f0, // apparmorfs
    0x6e73_6673, // nsfs
    0x6e66_7364, // nfsd
    0x6759_6969, // rpc_pipefs
    0x0765_5821, // resctrl
    0xabba_1974, // xenfs
    0x6c6f_6f70, // binder
];

/// Whether the file that `fd` is open on belongs to such a file system. One `fstatfs`.
///
/// # Errors
///
/// If the file system cannot be asked what it is.
pub fn is_pseudo(fd: impl AsFd) -> io::Result<bool> {
    // `f_type` is signed on some architectures and wider than the magic on others; the low 32 bits are the magic.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low 32 bits are meant")]
    let magic = rustix::fs::fstatfs(fd)?.f_type as u32;
    Ok(PSEUDO.contains(&magic))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn procfs_is_pseudo_and_a_temporary_file_is_not() {
        assert!(is_pseudo(File::open("/proc/self/maps").unwrap()).unwrap());
        assert!(!is_pseudo(tempfile::tempfile().unwrap()).unwrap());
    }
}
