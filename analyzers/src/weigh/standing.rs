//! What one subject may be called, by the indicators alone or beside a model.

use triage::Family;

use super::{Term, calibrate, group_kind, group_sums, logistic, total};
use crate::{Join, Model, Weights};

/// What one subject's testimony allows to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SubjectStanding {
    /// It is malicious.
    Accused,
    /// More likely malicious than not, but not to be called so: by nobody but the model, or not surely enough.
    Suspected,
    /// It would be malicious or suspicious by the model alone, but what it does is hidden inside of it, where nobody looked.
    Hidden,
    /// Neither.
    Undecided,
    /// It is benign, as far as it goes.
    Calm,
}

/// What was seen in one subject, for a model to be joined with.
pub(super) struct SeenSubject<'t> {
    pub(super) family: Family,
    pub(super) terms: &'t [Term],
    pub(super) sum: f64,
    pub(super) sum_without_calm: f64,
    /// By the indicators alone.
    pub(super) alone: Judged,
    /// A rule names malware.
    pub(super) by_rule: bool,
    /// Its inside is hidden.
    pub(super) hides: bool,
    pub(super) is_carried: bool,
}

/// Judges by a model and the indicators: how likely it is malicious, and what it may be called.
pub(super) fn judge_with_model(
    model: &Model,
    margin: f64,
    seen: &SeenSubject<'_>,
    weights: &Weights,
) -> (Judged, SubjectStanding) {
    let (join, thresholds, alone) = (model.join(), &weights.thresholds, seen.alone);
    let joined = joined_with(margin, seen.sum, seen.sum_without_calm, join, weights);
    let p_by_model = joined_with(margin, 0.0, 0.0, join, weights).p_malicious;
    let is_calm =
        p_by_model <= join.benign && joined.p_without_calm <= join.benign && seen.sum_without_calm <= join.benign_sum;
    // By what tells of something that the model does not measure, if anything does.
    let is_about = |term: &&Term| model.is_about(&term.indicator);
    let beside: Vec<Term> = seen.terms.iter().filter(|term| !is_about(term)).cloned().collect();
    let beside = (!beside.is_empty())
        .then(|| calibrate(total(&beside, &group_sums(&beside, weights)), seen.family, weights))
        .filter(|(_, p)| *p >= thresholds.suspicious);
    // A rule that names malware is not argued with, nor is what the model knows nothing of.
    let (judged, enough) = if seen.by_rule && alone.log_odds > joined.log_odds {
        (Judged { p_without_calm: joined.p_without_calm, ..alone }, thresholds.malicious)
    } else if let Some((log_odds, p_malicious)) = beside.filter(|(log_odds, _)| *log_odds > joined.log_odds) {
        (Judged { log_odds, p_malicious, ..joined }, thresholds.malicious)
    } else {
        (joined, join.malicious.unwrap_or(thresholds.malicious))
    };
    // Of what the model measures: another kind of sign does not speak for its word.
    let may_accuse = !join.signs || seen.terms.iter().filter(is_about).any(|term| is_sign(term, weights));
    // Who measures a part of the file, such as its macros, does not even suspect it for how that part is written.
    let may_suspect =
        may_accuse || !model.measures_a_part() || alone.p_malicious >= thresholds.suspicious || beside.is_some();
    let by_indicators =
        alone.p_malicious >= thresholds.malicious && (judged.p_malicious >= join.alone || !seen.is_carried);
    let accuses = by_indicators || judged.p_malicious >= join.alone && !seen.hides && may_accuse;
    let standing = if judged.p_malicious >= enough && accuses {
        SubjectStanding::Accused
    } else if seen.hides && alone.p_malicious < thresholds.suspicious {
        SubjectStanding::Hidden
    } else if judged.p_malicious >= thresholds.suspicious && may_suspect {
        SubjectStanding::Suspected
    } else if is_calm {
        SubjectStanding::Calm
    } else {
        SubjectStanding::Undecided
    };
    (judged, standing)
}

/// What sums come to.
#[derive(Clone, Copy)]
pub(super) struct Judged {
    pub(super) log_odds: f64,
    pub(super) p_malicious: f64,
    pub(super) p_without_calm: f64,
}

/// Judges by the model and the indicators' sums.
fn joined_with(margin: f64, sum: f64, sum_without_calm: f64, join: &Join, weights: &Weights) -> Judged {
    let log_odds = |sum| join.log_odds(margin, sum) + weights.prior_shift;
    let p = |log_odds: f64| logistic(log_odds).clamp(join.floor, join.ceiling);
    Judged { log_odds: log_odds(sum), p_malicious: p(log_odds(sum)), p_without_calm: p(log_odds(sum_without_calm)) }
}

pub(super) fn standing_by_indicators(judged: &Judged, family: Family, weights: &Weights) -> SubjectStanding {
    let thresholds = &weights.thresholds;
    if judged.p_malicious >= thresholds.malicious {
        SubjectStanding::Accused
    } else if judged.p_malicious >= thresholds.suspicious {
        SubjectStanding::Suspected
    } else if judged.p_malicious <= weights.calibration(family).benign
        && judged.p_without_calm <= thresholds.benign_without_calm
    {
        SubjectStanding::Calm
    } else {
        SubjectStanding::Undecided
    }
}

/// Groups of indicators that tell how a file is made: that it is packed, that there are macros, that one starts by itself.
/// Harmless files are made so too.
const MADE_SO: [&str; 3] = ["structure", "presence", "start"];

/// Whether a term says something against a file beside how it is made.
fn is_sign(term: &Term, weights: &Weights) -> bool {
    term.weight.0 > 0.0 && !MADE_SO.contains(&group_kind(term.group, weights))
}
