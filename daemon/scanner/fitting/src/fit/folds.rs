//! Parts of a corpus that are held out one after another: whole units, spread evenly within each source.

use std::collections::BTreeMap;

use crate::corpus::CorpusFile;

/// The fold of each file. Units of a source go, the largest first, to the fold that has fewest files of the source; equal ones
/// in the order of their names, so that nothing but the corpus decides. A unit of several sources stays in one fold.
pub(super) fn folds(files: &[&CorpusFile], count: usize) -> Vec<usize> {
    let mut sources: BTreeMap<(&str, bool), BTreeMap<&str, usize>> = BTreeMap::new();
    for file in files {
        *sources.entry((&file.source, file.malicious)).or_default().entry(&file.unit).or_default() += 1;
    }
    let mut fold_of: BTreeMap<&str, usize> = BTreeMap::new();
    let mut totals = vec![0; count];
    for units in sources.values() {
        let mut loads = vec![0; count];
        let mut ordered: Vec<(&str, usize)> = units.iter().map(|(unit, files)| (*unit, *files)).collect();
        ordered.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
        for (unit, files) in ordered {
            let lightest = (0..count).min_by_key(|fold| (loads[*fold], totals[*fold], *fold)).unwrap_or(0);
            let fold = *fold_of.entry(unit).or_insert(lightest);
            loads[fold] += files;
            totals[fold] += files;
        }
    }
    files.iter().map(|file| fold_of.get(file.unit.as_str()).copied().unwrap_or(0)).collect()
}
