//! Each source of benign files and each collection of malware for itself.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::corpus::CorpusFile;
use crate::figures::{AUC, FileScore, JudgedFiles};

/// Sources with fewer files are not told of alone.
const SOURCE_FILES_MIN: usize = 5;

/// A benign source, judged by the threshold that 1 % of the other sources' files reach.
#[derive(Serialize, Debug)]
pub struct BenignSource {
    /// Its name, and whether only its programs are meant.
    pub source: String,
    /// How many files.
    pub files: usize,
    /// Of how many units.
    pub units: usize,
    /// Share at or above the others' threshold of 1 %.
    pub false_at_1: f64,
    /// Share with p of at least .9.
    pub false_at_90: f64,
    /// Share with p of at least .97.
    pub false_at_97: f64,
    /// Share with p of at most .1.
    pub benign_to_10: f64,
    /// Share called malicious.
    pub accused: f64,
}

/// A collection of malware.
#[derive(Serialize, Debug)]
pub struct Collection {
    /// Its name.
    pub source: String,
    /// How many files.
    pub files: usize,
    /// AUC against all benign files.
    pub auc: f64,
    /// Share at or above the threshold of 1 % of all benign files.
    pub true_at_1: f64,
    /// Share with p of at least .9.
    pub true_at_90: f64,
    /// Share with p of at least .97.
    pub true_at_97: f64,
    /// Share with p of at most .1.
    pub malware_to_10: f64,
}

fn rate(part: usize, whole: usize) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

pub(super) fn benign_sources(files: &[&CorpusFile], scores: &[FileScore], live_prior: f64) -> Vec<BenignSource> {
    let names: BTreeSet<&str> = files.iter().filter(|file| !file.malicious).map(|file| file.source.as_str()).collect();
    let mut rows = Vec::new();
    for name in names {
        let others: Vec<(bool, FileScore)> = files
            .iter()
            .zip(scores)
            .filter(|(file, _)| !file.malicious && file.source != name)
            .map(|(_, score)| (false, *score))
            .collect();
        let threshold = JudgedFiles::new(&others, live_prior).threshold();
        let mine: Vec<(&&CorpusFile, &FileScore)> =
            files.iter().zip(scores).filter(|(file, _)| !file.malicious && file.source == name).collect();
        let mut row = |source: String, some: &[(&&CorpusFile, &FileScore)]| {
            if some.len() < SOURCE_FILES_MIN {
                return;
            }
            let units: BTreeSet<&str> = some.iter().map(|(file, _)| file.unit.as_str()).collect();
            let part = |is: &dyn Fn(&FileScore) -> bool| rate(some.iter().filter(|(_, s)| is(s)).count(), some.len());
            rows.push(BenignSource {
                source,
                files: some.len(),
                units: units.len(),
                false_at_1: part(&|score| score.p >= threshold),
                false_at_90: part(&|score| score.p >= 0.9),
                false_at_97: part(&|score| score.p >= 0.97),
                benign_to_10: part(&|score| score.p <= 0.1),
                accused: part(&|score| score.accused),
            });
        };
        row(name.to_owned(), &mine);
        let programs: Vec<(&&CorpusFile, &FileScore)> = mine.iter().filter(|(file, _)| file.program).copied().collect();
        if programs.len() < mine.len() {
            row(format!("{name}, programs"), &programs);
        }
    }
    rows
}

pub(super) fn collections(files: &[&CorpusFile], scores: &[FileScore], live_prior: f64) -> Vec<Collection> {
    let labelled = |source: Option<&str>| {
        let some =
            files.iter().zip(scores).filter(|(file, _)| !file.malicious || source.is_some_and(|s| file.source == s));
        let some: Vec<(bool, FileScore)> = some.map(|(file, score)| (file.malicious, *score)).collect();
        JudgedFiles::new(&some, live_prior)
    };
    let threshold = labelled(None).threshold();
    let names: BTreeSet<&str> = files.iter().filter(|file| file.malicious).map(|file| file.source.as_str()).collect();
    let row = |name: &str| {
        let mine: Vec<&FileScore> = files
            .iter()
            .zip(scores)
            .filter(|(file, _)| file.malicious && file.source == name)
            .map(|(_, s)| s)
            .collect();
        if mine.len() < SOURCE_FILES_MIN {
            return None;
        }
        let part = |is: &dyn Fn(&FileScore) -> bool| rate(mine.iter().filter(|score| is(score)).count(), mine.len());
        let judged = labelled(Some(name));
        Some(Collection {
            source: name.to_owned(),
            files: mine.len(),
            auc: judged.figures(&judged.plain())[AUC],
            true_at_1: part(&|score| score.p >= threshold),
            true_at_90: part(&|score| score.p >= 0.9),
            true_at_97: part(&|score| score.p >= 0.97),
            malware_to_10: part(&|score| score.p <= 0.1),
        })
    };
    names.into_iter().filter_map(row).collect()
}
