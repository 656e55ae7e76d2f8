//! More maps at once than there are slots to guard them. A binary of its own, for the table is the process's.

use std::fs::File;

use daemon_artifact::{Artifact, READ_BYTES_MAX, Scratch, load};

const MAX: u64 = 256 << 20;

#[test]
fn more_maps_than_there_are_slots_are_read_instead() {
    let size = READ_BYTES_MAX + 1;
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(size as u64).unwrap();
    let mut scratches: Vec<Scratch> = (0..1100).map(|_| Scratch::new()).collect();
    let artifacts: Vec<Artifact<'_>> = (scratches.iter_mut())
        .filter_map(|scratch| match File::open(file.path()) {
            Ok(file) => Some(load(file.into(), scratch, MAX).unwrap()),
            // The limit of open files can be as low as 1024.
            Err(_) => None,
        })
        .collect();
    assert!(artifacts.iter().all(|artifact| artifact.size() == size as u64));
    assert!(artifacts.iter().filter(|artifact| artifact.is_mapped()).count() <= 1024);
    drop(artifacts);
    assert!(load(File::open(file.path()).unwrap().into(), &mut Scratch::new(), MAX).unwrap().is_mapped());
}
