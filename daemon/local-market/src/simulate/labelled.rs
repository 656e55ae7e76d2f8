//! Bounties about files whose truth is known, and players who stake on what their engines said of them.
//!
//! Truth comes from manifests (CSV with the columns `sha256`, `label` and `source`), opinions from the lines of
//! `stakeout scan --ndjson`, one file of lines an engine.

use std::collections::BTreeMap;
use std::io::Read;

use daemon_base::Sha256Digest;
use daemon_market::Verdict;
use serde::Deserialize;

use super::{BidRule, EngineOpinion, Scene, SimulateError, SimulatedMarket};
use crate::outcome::outcomes;
use crate::seed::{happens, index};
use crate::{Drawn, StrategyResult};

/// Who plays: which engine's verdicts, and how they are staked on.
pub struct Player<'a> {
    /// Name of the player.
    pub name: String,
    /// Index of the engine, in the order in which opinions were given to [`LabelledFiles::new`].
    pub engine: usize,
    /// What it bids.
    pub strategy: BidRule<'a>,
}

/// Why files or opinions cannot be read. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum LabelledError {
    /// A line of a manifest.
    #[error("line {line} of the manifest: {why}")]
    Manifest {
        /// Its number.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A line of a scan.
    #[error("line {line} of the scan: {why}")]
    Scan {
        /// Its number.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// It cannot be read.
    #[error("cannot read")]
    Read(#[from] std::io::Error),
}

/// Files whose truth is known, and what each engine said of them.
#[derive(Clone, Debug)]
pub struct LabelledFiles {
    /// By source: of malware, and of harmless files. A source is as likely as another, however many files it has.
    malicious: Vec<Vec<LabelledFile>>,
    benign: Vec<Vec<LabelledFile>>,
}

#[derive(Clone, Debug)]
struct LabelledFile {
    kind: String,
    said: Vec<EngineOpinion>,
}

/// What a manifest says: of each file whether it is malicious, and where it is from.
pub type Labels = BTreeMap<Sha256Digest, (bool, String)>;

/// What an engine said of files, by their digests.
pub type Opinions = BTreeMap<Sha256Digest, (String, Verdict, f64)>;

impl LabelledFiles {
    /// The files that `labels` names and every engine judged.
    pub fn new(labels: &Labels, engines: &[Opinions]) -> LabelledFiles {
        let (mut malicious, mut benign) = (BTreeMap::new(), BTreeMap::new());
        for (sha256, (is_malicious, source)) in labels {
            let said: Option<Vec<_>> = engines.iter().map(|engine| engine.get(sha256)).collect();
            let Some(said) = said.filter(|said| !said.is_empty()) else { continue };
            let kind = said.first().map_or_else(String::new, |(kind, ..)| kind.clone());
            let said = said.into_iter().map(|(_, verdict, q)| EngineOpinion { verdict: *verdict, q: *q }).collect();
            let side: &mut BTreeMap<&str, Vec<LabelledFile>> = if *is_malicious { &mut malicious } else { &mut benign };
            side.entry(source).or_default().push(LabelledFile { kind, said });
        }
        LabelledFiles { malicious: malicious.into_values().collect(), benign: benign.into_values().collect() }
    }

    /// Number of malicious files, and of harmless ones.
    pub fn counts(&self) -> (usize, usize) {
        (self.malicious.iter().map(Vec::len).sum(), self.benign.iter().map(Vec::len).sum())
    }

    /// Reads a manifest, and adds what it says to `labels`. A file that is named twice keeps its first label.
    ///
    /// # Errors
    ///
    /// [`LabelledError`] names the first line that is wrong.
    pub fn read_manifest(from: impl Read, labels: &mut Labels) -> Result<(), LabelledError> {
        #[derive(Deserialize)]
        struct Row {
            sha256: String,
            label: String,
            #[serde(default)]
            source: String,
        }
        let wrong = |line: u64, why: String| LabelledError::Manifest { line, why };
        let mut reader = csv::Reader::from_reader(from);
        let headers = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
        let mut record = csv::StringRecord::new();
        loop {
            let line = reader.position().line();
            if !reader.read_record(&mut record).map_err(|error| wrong(line, error.to_string()))? {
                return Ok(());
            }
            let row: Row = record.deserialize(Some(&headers)).map_err(|error| wrong(line, error.to_string()))?;
            let sha256 = row.sha256.parse::<Sha256Digest>().map_err(|error| wrong(line, error.to_string()))?;
            let is_malicious = match row.label.as_str() {
                "malicious" => true,
                "benign" => false,
                other => return Err(wrong(line, format!("label {other:?} is neither malicious nor benign"))),
            };
            labels.entry(sha256).or_insert((is_malicious, row.source));
        }
    }

    /// Reads the lines of a scan. Lines about no file, or about one that could not be read, are passed over.
    ///
    /// # Errors
    ///
    /// [`LabelledError`] names the first line that is wrong.
    pub fn read_scan(from: impl std::io::BufRead) -> Result<Opinions, LabelledError> {
        #[derive(Deserialize)]
        struct Line {
            sha256: Option<String>,
            kind: Option<String>,
            verdict: Option<String>,
            confidence: Option<f64>,
        }
        let mut opinions = Opinions::new();
        for (line, text) in (1..).zip(from.lines()) {
            let wrong = |why: String| LabelledError::Scan { line, why };
            let said: Line = serde_json::from_str(&text?).map_err(|error| wrong(error.to_string()))?;
            let (Some(sha256), Some(verdict)) = (said.sha256, said.verdict) else { continue };
            let sha256 = sha256.parse::<Sha256Digest>().map_err(|error| wrong(error.to_string()))?;
            let verdict = Verdict::named(&verdict).ok_or_else(|| wrong(format!("{verdict:?} is not a verdict")))?;
            let q = said.confidence.filter(|q| (0.0..=1.0).contains(q));
            let q = q.ok_or_else(|| wrong("no confidence from 0.0 to 1.0".to_owned()))?;
            opinions.insert(sha256, (said.kind.unwrap_or_default(), verdict, q));
        }
        Ok(opinions)
    }

    /// The file of a bounty: malware as often as `malicious` says, of any source.
    fn of_bounty(&self, market: &SimulatedMarket, bounty: u64, malicious: f64) -> Option<(bool, &LabelledFile)> {
        let mut chance = market.seed.of(bounty, "artifact");
        let is_malicious = happens(&mut chance, malicious);
        let sources = if is_malicious { &self.malicious } else { &self.benign };
        let source = (!sources.is_empty()).then(|| index(&mut chance, sources.len()))?;
        let files = sources.get(source)?;
        Some((is_malicious, files.get(index(&mut chance, files.len()))?))
    }
}

impl SimulatedMarket {
    /// Runs every player on the same bounties about these files, of which the part `malicious` is malware. All players
    /// are compared with the first one.
    ///
    /// # Errors
    ///
    /// As [`SimulatedMarket::run`].
    pub fn run_labelled(
        &self,
        files: &LabelledFiles,
        malicious: f64,
        players: &[Player<'_>],
    ) -> Result<Vec<StrategyResult>, SimulateError> {
        self.check_numbers()?;
        if !(0.0..=1.0).contains(&malicious) {
            let of = "the part of malware".to_owned();
            return Err(SimulateError::Number { of, number: malicious, must: "a probability, 0.0 to 1.0" });
        }
        if self.bounties == 0 {
            return Err(SimulateError::Empty);
        }
        let scenes: Vec<Scene<'_>> = (1..=self.bounties)
            .map(|bounty| {
                let (is_malicious, file) = files.of_bounty(self, bounty, malicious).ok_or(SimulateError::Empty)?;
                // Of no kind that is drawn, and without an opinion of its own: the engines have theirs.
                let drawn = Drawn { kind: 0, malicious: is_malicious, verdict: Verdict::Unknown, q: 0.5 };
                Ok(self.scene(bounty, drawn, &file.kind, file.said.clone(), malicious))
            })
            .collect::<Result<_, SimulateError>>()?;
        let mut runs = Vec::with_capacity(players.len());
        for player in players {
            runs.push((player.name.as_str(), self.play(&scenes, player.engine, &player.strategy, |_, _| {})?));
        }
        let base = (!runs.is_empty()).then_some(0);
        Ok(outcomes(runs, base, self.resamples, self.seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arbiter, BiddingPlan, Question, Seed, SimulatedMarket};

    fn digest(number: u8) -> String {
        format!("{number:064x}")
    }

    fn line(number: u8, verdict: &str, confidence: f64) -> String {
        let sha256 = digest(number);
        format!("{{\"sha256\":\"{sha256}\",\"kind\":\"pe\",\"verdict\":\"{verdict}\",\"confidence\":{confidence}}}\n")
    }

    /// Files 1 and 2 are malicious, 3 and 4 are not.
    fn labels() -> Labels {
        let mut labels = Labels::new();
        let rows: String = (1..=4)
            .map(|n| format!("{},pe,{},s{n}\n", digest(n), if n < 3 { "malicious" } else { "benign" }))
            .collect();
        LabelledFiles::read_manifest(format!("sha256,kind,label,source\n{rows}").as_bytes(), &mut labels).unwrap();
        labels
    }

    fn engine(verdicts: [&str; 4]) -> Opinions {
        let lines: String = (1..).zip(verdicts).map(|(n, verdict)| line(n, verdict, 0.9)).collect();
        LabelledFiles::read_scan(lines.as_bytes()).unwrap()
    }

    fn market() -> SimulatedMarket {
        let arbiter = |name: &str| Arbiter { name: name.to_owned(), errs: 0.0, absent: 0.0 };
        SimulatedMarket {
            bounties: 200,
            arbiters: ["X", "Y", "Z"].map(arbiter).to_vec(),
            seed: Seed::new(3),
            resamples: 200,
            ..SimulatedMarket::default()
        }
    }

    fn player(name: &str, engine: usize) -> Player<'static> {
        let strategy = Box::new(|question: &Question| Some(BiddingPlan::Max.bid(question.q, question.bounds)));
        Player { name: name.to_owned(), engine, strategy }
    }

    #[test]
    fn who_is_right_gains_what_who_is_wrong_loses_and_who_does_not_know_keeps_out() {
        let right = engine(["malicious", "malicious", "benign", "benign"]);
        let wrong = engine(["benign", "benign", "malicious", "malicious"]);
        let careful = engine(["malicious", "suspicious", "unknown", "benign"]);
        let files = LabelledFiles::new(&labels(), &[right, wrong, careful]);
        assert_eq!(files.counts(), (2, 2));
        let players = [player("right", 0), player("wrong", 1), player("careful", 2)];
        let results = market().run_labelled(&files, 0.5, &players).unwrap();
        let [right, wrong, careful] = results.as_slice() else { panic!("three players") };
        assert_eq!((right.won, right.lost, right.against_base), (200, 0, None));
        assert_eq!((wrong.won, wrong.lost), (0, 200));
        assert!(wrong.against_base.unwrap().interval.high < 0.0);
        assert_eq!((careful.lost, careful.won + careful.abstained), (0, 200));
        assert!((60..140).contains(&careful.abstained), "half of the files: {}", careful.abstained);
    }

    #[test]
    fn malware_comes_as_often_as_asked_for() {
        let files = LabelledFiles::new(&labels(), &[engine(["malicious", "malicious", "unknown", "unknown"])]);
        let bets = |malicious| market().run_labelled(&files, malicious, &[player("it", 0)]).unwrap()[0].bets;
        assert_eq!((bets(0.0), bets(1.0)), (0, 200));
        assert!((15..45).contains(&bets(0.15)), "{}", bets(0.15));
    }

    #[test]
    fn only_what_all_engines_judged_is_played_for() {
        let one: Opinions = engine(["malicious"; 4]).into_iter().take(1).collect();
        assert_eq!(LabelledFiles::new(&labels(), &[engine(["benign"; 4]), one]).counts(), (1, 0));
        let nothing = LabelledFiles::new(&labels(), &[]);
        assert_eq!(nothing.counts(), (0, 0));
        assert_eq!(market().run_labelled(&nothing, 0.5, &[]).unwrap_err(), SimulateError::Empty);
    }

    #[test]
    fn lines_that_are_wrong_are_named() {
        let manifest = |text: &str| LabelledFiles::read_manifest(text.as_bytes(), &mut Labels::new()).unwrap_err();
        assert!(manifest("sha256,label\nzz,benign\n").to_string().starts_with("line 2 of the manifest"));
        let odd = format!("sha256,label\n{},benign\n{},good\n", digest(1), digest(2));
        assert_eq!(
            manifest(&odd).to_string(),
            "line 3 of the manifest: label \"good\" is neither malicious nor benign"
        );
        assert!(manifest("name\nx\n").to_string().contains("sha256"));
        let scan = |text: &str| LabelledFiles::read_scan(text.as_bytes()).unwrap_err().to_string();
        assert!(scan(&(line(1, "benign", 0.9) + "{")).starts_with("line 2 of the scan"));
        assert!(scan(&line(1, "good", 0.9)).contains("\"good\" is not a verdict"));
        assert!(scan(&line(1, "benign", 1.5)).contains("no confidence"));
        assert!(LabelledFiles::read_scan("{\"type\":\"summary\"}\n".as_bytes()).unwrap().is_empty());
    }
}
