//! What a calibration must keep, whatever the files say: a file that shows nothing is benign, and structure alone (packers,
//! odd linkers) is neither benign nor suspicious.

use analyzers::Weights;
use triage::Family;

use super::descent::OddsLine;

/// How far inside its bounds a probability is held, in log-odds.
const ROOM: f64 = 0.02;
/// Steps of the search for the largest part of the way.
const STEPS: usize = 40;

/// The fitted line, or as much of the way to it from the present one as keeps what must be kept.
pub(super) fn held(family: Family, weights: &Weights, present: OddsLine, fitted: OddsLine) -> OddsLine {
    let part = |part: f64| OddsLine {
        intercept: present.intercept + part * (fitted.intercept - present.intercept),
        model: fitted.model,
        indicators: present.indicators + part * (fitted.indicators - present.indicators),
    };
    if keeps(family, weights, fitted) || !keeps(family, weights, present) {
        return fitted;
    }
    let (mut good, mut bad) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = (good + bad) / 2.0;
        if keeps(family, weights, part(middle)) { good = middle } else { bad = middle }
    }
    part(good)
}

fn keeps(family: Family, weights: &Weights, line: OddsLine) -> bool {
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let benign = logit(weights.calibration(family).benign);
    let suspicious = logit(weights.thresholds.suspicious);
    let nothing = line.intercept + weights.prior_shift;
    let name = format!("{}.structure", family.name());
    let structure =
        weights.groups.iter().find(|group| group.name == name).map(|group| nothing + line.indicators * group.cap.0);
    nothing <= benign - ROOM && structure.is_none_or(|at| benign + ROOM / 4.0 <= at && at <= suspicious - ROOM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_alone_stays_between_benign_and_suspicious() {
        let rules = daemon_engine::RuleSet::embedded();
        let weights = rules.weights();
        for family in Family::ALL {
            let calibration = weights.calibration(family);
            let present = OddsLine { intercept: calibration.intercept, model: 0.0, indicators: calibration.slope };
            assert!(keeps(family, weights, present), "{}", family.name());
            for (intercept, indicators) in [(0.0, 1.0), (-2.2, 3.0), (-5.0, 0.5), (-2.2, 0.1)] {
                let fitted = OddsLine { intercept, model: 0.0, indicators };
                let line = held(family, weights, present, fitted);
                assert!(keeps(family, weights, line), "{} {line:?}", family.name());
                assert!(line == fitted || !keeps(family, weights, fitted));
            }
            assert_eq!(held(family, weights, present, present), present);
        }
    }
}
