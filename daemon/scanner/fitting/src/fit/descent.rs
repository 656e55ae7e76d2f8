//! Fits weights, and the two ways in which their sum becomes log-odds, by gradient descent within bounds.
//!
//! What is made small is the log-loss of the indicators alone, and where margins out of fold are given that of both joined,
//! each file weighted so that both labels weigh the same; and beside it how far numbers moved from where they are, measured
//! by how far they may be expected to ([`Spread`]): what few files show stays where it is. Steps are scaled by the curvature
//! of each number and halved until they help, so that nothing has to be tuned. One thread, sums in order: the same files
//! give the same numbers to the last bit.

use analyzers::Bend;

use super::design::Design;

/// Most steps: a few hundred are usual.
const STEPS_MAX: usize = 2_000;
/// A step that gains less, as a part of the loss, is the last one.
const GAIN_MIN: f64 = 1e-11;
/// Halvings of one step.
const HALVINGS_MAX: usize = 40;

/// How far numbers may be expected to be from where they are, as one standard deviation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    /// Of a weight, in nats.
    pub weight: f64,
    /// Of an intercept, in nats.
    pub intercept: f64,
    /// Of a factor.
    pub factor: f64,
}

impl Default for Spread {
    fn default() -> Self {
        Spread { weight: 0.5, intercept: 1.0, factor: 0.3 }
    }
}

/// How a sum, and a margin beside it, become log-odds: `intercept + model * margin + sum * indicators`. Joined, the sum is
/// bent as the model's join says; what the join does to log-odds after that is left out, for it is caution and no fit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OddsLine {
    /// Log-odds where both say nothing.
    pub intercept: f64,
    /// Factor on the margin.
    pub model: f64,
    /// Factor on the sum of weights.
    pub indicators: f64,
}

/// Everything that is fitted.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Fit {
    pub(super) weights: Vec<f64>,
    /// Of indicators alone; the factor of a model has no meaning there.
    pub(super) alone: OddsLine,
    /// Of both, where there are margins.
    pub(super) joined: Option<OddsLine>,
    /// Where the sum counts less when it is joined; not fitted.
    pub(super) bend_sum: Option<Bend>,
}

/// What to fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// The lines, with the weights as they are.
    Lines,
    /// All but the line of the indicators alone, which is held.
    WeightsAndJoin,
    /// Everything.
    WeightsAndLines,
}

/// Numbers in one vector: the weights, then intercept and factor alone, then intercept and both factors joined.
struct Problem<'d> {
    design: &'d Design,
    rows: &'d [usize],
    /// Weight of each row's loss.
    mass: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    now: Vec<f64>,
    /// One over the square of each spread; infinite where a number stays.
    stiffness: Vec<f64>,
    joined: bool,
    /// Where the sum counts less when it is joined.
    bend_sum: Option<Bend>,
}

/// The loss at one place, its gradient, and the curvature along each number.
struct Slope {
    loss: f64,
    gradient: Vec<f64>,
    curvature: Vec<f64>,
}

/// Fits to some rows, from `start`, which it stays near. `units` is how many independent files the rows are worth, and
/// `prior` the share of malware that probabilities are told for.
pub(super) fn fit(
    design: &Design,
    rows: &[usize],
    start: &Fit,
    what: What,
    spread: Spread,
    units: f64,
    prior: f64,
) -> Fit {
    let problem = Problem::new(design, rows, start, what, spread, units, prior);
    let mut at = problem.now.clone();
    let mut slope = problem.slope(&at);
    for _ in 0..STEPS_MAX {
        let Some((next, loss)) = problem.step(&at, &slope) else { break };
        let gain = slope.loss - loss;
        at = next;
        slope = problem.slope(&at);
        if gain <= GAIN_MIN * slope.loss.abs().max(1e-12) {
            break;
        }
    }
    problem.read(&at)
}

impl<'d> Problem<'d> {
    fn new(
        design: &'d Design,
        rows: &'d [usize],
        start: &Fit,
        what: What,
        spread: Spread,
        units: f64,
        prior: f64,
    ) -> Problem<'d> {
        let count = design.parameters.len();
        let stiff = |spread: f64| 1.0 / (spread * spread);
        let weight = match what {
            What::Lines => f64::INFINITY,
            What::WeightsAndJoin | What::WeightsAndLines => stiff(spread.weight),
        };
        let alone = |spread: f64| if what == What::WeightsAndJoin { f64::INFINITY } else { stiff(spread) };
        let mut now = start.weights.clone();
        let (mut low, mut high): (Vec<f64>, Vec<f64>) =
            design.parameters.iter().map(|parameter| (parameter.low, parameter.high)).unzip();
        let mut stiffness = vec![weight; count];
        now.extend([start.alone.intercept, start.alone.indicators]);
        low.extend([-20.0, 0.05]);
        high.extend([20.0, 5.0]);
        stiffness.extend([alone(spread.intercept), alone(spread.factor)]);
        if let Some(joined) = start.joined {
            now.extend([joined.intercept, joined.model, joined.indicators]);
            low.extend([-20.0, 0.05, 0.0]);
            high.extend([20.0, 5.0, 5.0]);
            stiffness.extend([stiff(spread.intercept), stiff(spread.factor), stiff(spread.factor)]);
        }
        let of = |label: bool| -> f64 {
            let mine = rows.iter().filter_map(|at| design.rows.get(*at)).filter(|row| row.malicious == label);
            mine.map(|row| row.share).sum()
        };
        let (benign, malicious) = (of(false), of(true));
        let mass = rows.iter().filter_map(|at| design.rows.get(*at)).map(|row| {
            let (share, side) = if row.malicious { (prior, malicious) } else { (1.0 - prior, benign) };
            units * share * row.share / side.max(f64::MIN_POSITIVE)
        });
        Problem {
            design,
            rows,
            mass: mass.collect(),
            low,
            high,
            now,
            stiffness,
            joined: start.joined.is_some(),
            bend_sum: start.bend_sum,
        }
    }

    fn read(&self, at: &[f64]) -> Fit {
        let count = self.design.parameters.len();
        let alone = OddsLine { intercept: at[count], model: 0.0, indicators: at[count + 1] };
        let joined =
            self.joined.then(|| OddsLine { intercept: at[count + 2], model: at[count + 3], indicators: at[count + 4] });
        Fit { weights: at[..count].to_vec(), alone, joined, bend_sum: self.bend_sum }
    }

    fn loss(&self, at: &[f64]) -> f64 {
        let count = self.design.parameters.len();
        let mut loss = self.distance(at);
        for (row, mass) in self.rows.iter().filter_map(|at| self.design.rows.get(*at)).zip(&self.mass) {
            let sum = row.sum(&at[..count], |_| ());
            let sign = if row.malicious { 1.0 } else { -1.0 };
            loss += mass * softplus(-sign * (at[count] + at[count + 1] * sum));
            if let (true, Some(margin)) = (self.joined, row.margin) {
                let bent = Bend::of(self.bend_sum, sum);
                loss += mass * softplus(-sign * (at[count + 2] + at[count + 3] * margin + at[count + 4] * bent));
            }
        }
        loss
    }

    /// Half the squared distance from where numbers were, in spreads.
    fn distance(&self, at: &[f64]) -> f64 {
        let moved = at.iter().zip(&self.now).zip(&self.stiffness).filter(|((at, now), _)| at != now);
        moved.map(|((at, now), stiffness)| stiffness * (at - now).powi(2) / 2.0).sum()
    }

    fn slope(&self, at: &[f64]) -> Slope {
        let count = self.design.parameters.len();
        let mut slope =
            Slope { loss: self.distance(at), gradient: vec![0.0; at.len()], curvature: vec![0.0; at.len()] };
        for (place, stiffness) in self.stiffness.iter().enumerate().filter(|(_, stiffness)| stiffness.is_finite()) {
            slope.gradient[place] = stiffness * (at[place] - self.now[place]);
            slope.curvature[place] = *stiffness;
        }
        let mut moves = Vec::new();
        for (row, mass) in self.rows.iter().filter_map(|at| self.design.rows.get(*at)).zip(&self.mass) {
            moves.clear();
            let sum = row.sum(&at[..count], |parameter| moves.push(parameter));
            let truth = if row.malicious { 1.0 } else { 0.0 };
            let mut along = |intercept: usize, factor: usize, margin: Option<(usize, f64)>, bend: Option<Bend>| {
                let beside = margin.map_or(0.0, |(place, margin)| at[place] * margin);
                let bent = Bend::of(bend, sum);
                let z = at[intercept] + beside + at[factor] * bent;
                let p = 1.0 / (1.0 + (-z).exp());
                slope.loss += mass * softplus(if truth > 0.5 { -z } else { z });
                let (error, curve) = (mass * (p - truth), mass * p * (1.0 - p));
                let mut add = |place: usize, by: f64| {
                    slope.gradient[place] += error * by;
                    slope.curvature[place] += curve * by * by;
                };
                add(intercept, 1.0);
                add(factor, bent);
                if let Some((place, margin)) = margin {
                    add(place, margin);
                }
                moves.iter().for_each(|parameter| add(*parameter, at[factor] * Bend::slope(bend, sum)));
            };
            along(count, count + 1, None, None);
            if let (true, Some(margin)) = (self.joined, row.margin) {
                along(count + 2, count + 4, Some((count + 3, margin)), self.bend_sum);
            }
        }
        slope
    }

    /// A step that makes the loss smaller, or none.
    fn step(&self, at: &[f64], slope: &Slope) -> Option<(Vec<f64>, f64)> {
        let mut scale = 1.0;
        for _ in 0..HALVINGS_MAX {
            let next: Vec<f64> = (0..at.len())
                .map(|place| {
                    if !self.stiffness[place].is_finite() {
                        return at[place];
                    }
                    let by = scale * slope.gradient[place] / slope.curvature[place].max(1e-12);
                    (at[place] - by).clamp(self.low[place], self.high[place])
                })
                .collect();
            let loss = self.loss(&next);
            if loss < slope.loss {
                return Some((next, loss));
            }
            scale /= 2.0;
        }
        None
    }
}

/// `ln(1 + e^x)`, without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::super::design::{DesignRow, Parameter};
    use super::*;

    #[test]
    fn the_gradient_is_what_small_steps_say_on_both_sides_of_a_bend() {
        let parameter = |id: &str| Parameter { id: analyzers::IndicatorId::loaded(id), now: 1.5, low: 0.0, high: 4.5 };
        let rows = vec![
            DesignRow::showing(&[0], true, 0.7),
            DesignRow::showing(&[0, 1], false, -1.1),
            DesignRow::showing(&[0, 1], true, 0.2),
            DesignRow::showing(&[], false, 0.4),
        ];
        let design = Design { parameters: vec![parameter("toy.a.odd"), parameter("toy.a.wrong")], rows };
        let joined = Some(OddsLine { intercept: -0.3, model: 1.1, indicators: 0.6 });
        let alone = OddsLine { intercept: -1.0, model: 0.0, indicators: 0.9 };
        let bend_sum = Some(Bend { from: 2.0, factor: 0.25 });
        let start = Fit { weights: design.now(), alone, joined, bend_sum };
        let what = What::WeightsAndLines;
        let problem = Problem::new(&design, &[0, 1, 2, 3], &start, what, Spread::default(), 40.0, 0.5);
        let at: Vec<f64> = problem.now.iter().map(|number| number + 0.1).collect();
        let slope = problem.slope(&at);
        assert!((slope.loss - problem.loss(&at)).abs() < 1e-9);
        for place in 0..at.len() {
            let moved = |by: f64| {
                let mut at = at.clone();
                at[place] += by;
                problem.loss(&at)
            };
            let seen = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope.gradient[place] - seen).abs() < 1e-5, "{place}: {} and {seen}", slope.gradient[place]);
        }
    }
}
