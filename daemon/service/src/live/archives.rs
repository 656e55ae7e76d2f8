//! The archives of several engines, and what the engines are called.

use std::path::{Path, PathBuf};

use daemon_base::text::path as shown;

/// The archive of an engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedArchive {
    /// What the engine is called.
    pub engine: String,
    /// The archive's directory.
    pub directory: PathBuf,
}

/// Names for these archives: that of each directory, and the whole path where several are called alike.
pub fn archives(directories: &[PathBuf]) -> Vec<NamedArchive> {
    let short = |directory: &Path| directory.file_name().map(|name| shown(Path::new(name)));
    let is_alone = |name: &String| directories.iter().filter(|other| short(other).as_ref() == Some(name)).count() == 1;
    let name = |directory: &PathBuf| short(directory).filter(is_alone).unwrap_or_else(|| shown(directory));
    directories.iter().map(|directory| NamedArchive { engine: name(directory), directory: directory.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_called_by_their_directories_and_told_apart() {
        let names = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            archives(&paths).into_iter().map(|archive| archive.engine).collect::<Vec<_>>()
        };
        assert_eq!(names(&["/srv/a/archive", "/srv/b", "/"]), ["archive", "b", "/"]);
        assert_eq!(names(&["/srv/a/archive", "/srv/b/archive"]), ["/srv/a/archive", "/srv/b/archive"]);
        assert_eq!(names(&["/srv/\u{202e}x\n"]), ["\\u{202e}x\\u{a}"]);
    }
}
