//! The bid formulas of PolySwarm's own engines, as they were: to the bit, with their errors, and held to no bounds where
//! theirs were not.
//!
//! They were Python, which computes with integers of any size and with doubles, and turns the first into the second
//! where they meet. [`Number`] does the same, so each formula reads here as it read there. Who bids by them holds the
//! outcome to what the bounty allows: see [`BidStrategy`](crate::BidStrategy).
//!
//! Sources: the listings and releases named in each file. All amounts are integers of 10^-18 NCT.

pub mod client;
pub mod client_2019;
pub mod engine;
pub mod seed;
#[cfg(test)]
mod tests;
pub mod webhook;

use num_bigint::BigInt;
use num_traits::FromPrimitive as _;

use crate::big_int;

/// What a formula computes with: Python's `int` and `float`.
#[derive(Clone, PartialEq, Debug)]
pub enum Number {
    /// An integer, exact.
    Integer(BigInt),
    /// A double.
    Double(f64),
}

/// Why a formula gave no bid. Each is an exception in Python.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FormulaError {
    /// The bid is not a number. Python: `ValueError: cannot convert float NaN to integer`.
    #[error("the bid is not a number")]
    NotANumber,
    /// The bid is infinite. Python: `OverflowError: cannot convert float infinity to integer`.
    #[error("the bid is infinite")]
    Infinite,
    /// An integer beyond the range of doubles. Python: `OverflowError: int too large to convert to float`.
    #[error("an amount is too large to compute with")]
    TooLarge,
    /// Division by zero. Python: `ZeroDivisionError: division by zero`.
    #[error("division by zero")]
    DivisionByZero,
    /// The word is not a level. Python: `ValueError`.
    #[error("there is no such level: none, low, med or high")]
    NoSuchLevel,
}

impl Number {
    /// The nearest double.
    ///
    /// # Errors
    ///
    /// [`FormulaError::TooLarge`] for an integer beyond the range of doubles.
    pub fn to_f64(&self) -> Result<f64, FormulaError> {
        match self {
            Number::Integer(integer) => big_int::to_f64(integer).ok_or(FormulaError::TooLarge),
            Number::Double(double) => Ok(*double),
        }
    }

    /// Python's `int()`: the number without its fraction.
    ///
    /// # Errors
    ///
    /// [`FormulaError::NotANumber`] or [`FormulaError::Infinite`] for a double that has no integer part.
    pub fn int(self) -> Result<BigInt, FormulaError> {
        match self {
            Number::Integer(integer) => Ok(integer),
            Number::Double(double) if double.is_nan() => Err(FormulaError::NotANumber),
            Number::Double(double) => BigInt::from_f64(double).ok_or(FormulaError::Infinite),
        }
    }

    fn plus(&self, other: &Number) -> Result<Number, FormulaError> {
        self.joined(other, |a, b| a + b, |a, b| a + b)
    }

    fn minus(&self, other: &Number) -> Result<Number, FormulaError> {
        self.joined(other, |a, b| a - b, |a, b| a - b)
    }

    fn times(&self, other: &Number) -> Result<Number, FormulaError> {
        self.joined(other, |a, b| a * b, |a, b| a * b)
    }

    /// Python's `/`, which is a double whatever it divides.
    fn over(&self, other: &Number) -> Result<Number, FormulaError> {
        let quotient = match (self, other) {
            (Number::Integer(_), Number::Integer(b)) if *b == BigInt::ZERO => return Err(FormulaError::DivisionByZero),
            (Number::Integer(a), Number::Integer(b)) => big_int::divide(a, b).ok_or(FormulaError::TooLarge)?,
            (Number::Integer(_), Number::Double(_)) | (Number::Double(_), Number::Integer(_) | Number::Double(_)) => {
                let (a, b) = (self.to_f64()?, other.to_f64()?);
                if b == 0.0 {
                    return Err(FormulaError::DivisionByZero);
                }
                a / b
            }
        };
        Ok(Number::Double(quotient))
    }

    /// Exact, as Python compares: an integer is not turned into a double for it. False where either is no number.
    fn less_than(&self, other: &Number) -> bool {
        match (self, other) {
            (Number::Double(a), Number::Double(b)) => a < b,
            (Number::Integer(a), Number::Integer(b)) => a < b,
            (Number::Integer(a), Number::Double(b)) => match BigInt::from_f64(*b) {
                None => *b == f64::INFINITY,
                // Cutting off moves towards zero: below zero the fraction makes it smaller than what is left.
                Some(cut) => *a < cut || (*a == cut && b.fract() > 0.0),
            },
            (Number::Double(a), Number::Integer(b)) => match BigInt::from_f64(*a) {
                None => *a == f64::NEG_INFINITY,
                Some(cut) => cut < *b || (cut == *b && a.fract() < 0.0),
            },
        }
    }

    fn joined(
        &self,
        other: &Number,
        exact: fn(&BigInt, &BigInt) -> BigInt,
        double: fn(f64, f64) -> f64,
    ) -> Result<Number, FormulaError> {
        Ok(match (self, other) {
            (Number::Integer(a), Number::Integer(b)) => Number::Integer(exact(a, b)),
            (Number::Integer(_), Number::Double(_)) | (Number::Double(_), Number::Integer(_) | Number::Double(_)) => {
                Number::Double(double(self.to_f64()?, other.to_f64()?))
            }
        })
    }
}

impl From<BigInt> for Number {
    fn from(integer: BigInt) -> Self {
        Number::Integer(integer)
    }
}

impl From<f64> for Number {
    fn from(double: f64) -> Self {
        Number::Double(double)
    }
}

/// The factors by which a strategy multiplies the smallest bid allowed to get its own smallest and largest bid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Multipliers {
    /// The factor for its smallest bid. `None`: the smallest allowed.
    pub min: Option<u32>,
    /// The factor for its largest bid. `None`: the largest allowed.
    pub max: Option<u32>,
}

/// `int(lo + (hi - lo) * confidence)`: what all formulas have in common.
fn between(lo: &BigInt, hi: &BigInt, confidence: &Number) -> Result<BigInt, FormulaError> {
    let risen = Number::from(hi - lo).times(confidence)?;
    Number::from(lo.clone()).plus(&risen)?.int()
}

/// The confidences of the artifacts that are bid on.
fn masked<'a>(mask: &'a [bool], confidences: &'a [Number]) -> impl Iterator<Item = &'a Number> {
    mask.iter().zip(confidences).filter_map(|(bid_on, confidence)| bid_on.then_some(confidence))
}

/// The sum of the confidences of the artifacts that are bid on, from left to right, and their number.
fn sum(mask: &[bool], confidences: &[Number]) -> Result<(Number, BigInt), FormulaError> {
    let mut sum = Number::from(BigInt::ZERO);
    let mut count = 0u128;
    for confidence in masked(mask, confidences) {
        sum = sum.plus(confidence)?;
        count += 1;
    }
    Ok((sum, BigInt::from(count)))
}

/// `lo` times a multiplier.
fn multiple(lo: &BigInt, by: u32) -> BigInt {
    lo * by
}
