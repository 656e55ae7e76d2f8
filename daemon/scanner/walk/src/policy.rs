//! Which links a walk follows, and what it skips.

/// Which symbolic links a walk follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Symlinks {
    /// None, not even one that was named.
    Never,
    /// Follow links that were named, not those found in directories, like `grep -r` and `find -H`.
    #[default]
    Named,
    /// All. A directory is entered once, however many links lead to it, so cycles end; a file is given once
    /// per name.
    All,
}

/// What a walk follows, enters and skips. FIFOs, sockets and devices are never opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which symbolic links are followed. Default: links that were named.
    pub symlinks: Symlinks,
    /// Stay on the file system of each named path. Default: no. A single file that another one is mounted over is
    /// not noticed: that would cost an `fstat` per file.
    pub one_file_system: bool,
    /// Enter file systems that are windows into the kernel (procfs, sysfs, ...) when a walk comes upon them.
    /// One that is named is entered anyway. Default: no.
    pub pseudo_file_systems: bool,
    /// Maximum depth of directories. Default: 256. Each level keeps a descriptor open, so it must be below the limit of
    /// open files.
    pub depth_max: u32,
    /// Maximum number of unreadable paths kept by name; the others are counted. Default: 1,000.
    pub named_max: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            symlinks: Symlinks::Named,
            one_file_system: false,
            pseudo_file_systems: false,
            depth_max: 256,
            named_max: 1000,
        }
    }
}
