//! Integers of any size, exact.
//!
//! The bid formulas were written in Python, whose integers have no end: a confidence of 2 doubles what is most allowed,
//! a confidence of 10^300 makes a number of a thousand bits, and masks have 256. So that a formula here gives what it
//! gave there, this has the few operations which they need, and no others.

use std::cmp::Ordering;
use std::fmt;
use std::iter;
use std::str::FromStr;

/// An integer of any size.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Whole {
    /// Never for zero.
    negative: bool,
    /// The least first, and the last is not zero.
    limbs: Vec<u32>,
}

/// Bits of a limb.
const LIMB: usize = 32;

/// Bits of an `f64` below its leading one.
const MANTISSA_BITS: usize = 52;

/// Most bits of an integer that an `f64` can be near to.
const DOUBLE_BITS_MAX: usize = 1_024;

/// Bits that a quotient is computed to before it is rounded: more than the 64 that [`Whole::to_f64`] looks at one by
/// one, so that the last one can stand for all that follow.
const QUOTIENT_BITS: usize = 66;

impl Whole {
    fn new(negative: bool, mut limbs: Vec<u32>) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Whole { negative: negative && !limbs.is_empty(), limbs }
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// How many bits its magnitude has: 0 for 0, 3 for 4.
    pub fn bits(&self) -> usize {
        match self.limbs.last() {
            None => 0,
            Some(top) => self.limbs.len() * LIMB - top.leading_zeros() as usize,
        }
    }

    /// The bit of its magnitude that is worth `2^place`.
    pub fn bit(&self, place: usize) -> bool {
        self.limbs.get(place / LIMB).is_some_and(|limb| limb >> (place % LIMB) & 1 == 1)
    }

    /// The integer whose bits are these, the least first.
    pub fn from_bits(bits: impl IntoIterator<Item = bool>) -> Self {
        let mut limbs = Vec::new();
        for (place, bit) in bits.into_iter().enumerate() {
            if place % LIMB == 0 {
                limbs.push(0);
            }
            if let Some(limb) = limbs.last_mut() {
                *limb |= u32::from(bit) << (place % LIMB);
            }
        }
        Whole::new(false, limbs)
    }

    /// As an amount, if it is one.
    pub fn to_u128(&self) -> Option<u128> {
        if self.negative || self.bits() > 128 {
            return None;
        }
        Some(self.limbs.iter().rev().fold(0, |sum, limb| sum << LIMB | u128::from(*limb)))
    }

    /// What is left of a number when its fraction is cut off. None for infinities and what is no number.
    pub fn from_f64(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let magnitude = number.trunc().abs();
        if magnitude < 1.0 {
            return Some(Whole::default());
        }
        let bits = magnitude.to_bits();
        let exponent = (bits >> MANTISSA_BITS) as usize - 1_023;
        let mantissa = bits & ((1 << MANTISSA_BITS) - 1) | 1 << MANTISSA_BITS;
        let places = exponent.saturating_sub(MANTISSA_BITS);
        let mantissa = Whole::from(u128::from(mantissa >> MANTISSA_BITS.saturating_sub(exponent)));
        Some(Whole { negative: number < 0.0, ..mantissa.shifted(places) })
    }

    /// The nearest double, the even one of two. None where it would be infinite.
    pub fn to_f64(&self) -> Option<f64> {
        let bits = self.bits();
        if bits > DOUBLE_BITS_MAX {
            return None;
        }
        // The top 64 bits; the last of them also stands for everything below it, which matters to a tie alone.
        let places = bits.saturating_sub(64);
        let top = (0..64).fold(0u64, |top, place| top | u64::from(self.bit(places + place)) << place);
        let below = (0..places).any(|place| self.bit(place));
        let magnitude = (top | u64::from(below)) as f64 * power_of_two(places);
        magnitude.is_finite().then_some(if self.negative { -magnitude } else { magnitude })
    }

    /// The double nearest to the exact quotient, as Python's `/` on integers. None where it would be infinite, and
    /// where `divisor` is zero.
    ///
    /// Exact down to 2^-1022: what is smaller is rounded twice.
    pub fn divided_by(&self, divisor: &Whole) -> Option<f64> {
        if divisor.is_zero() {
            return None;
        }
        let mut places = (divisor.bits() + QUOTIENT_BITS).saturating_sub(self.bits());
        let dividend = self.shifted(places);
        let (mut quotient, mut rest) = (Whole::default(), Whole::default());
        for place in (0..dividend.bits()).rev() {
            rest = rest.shifted(1);
            rest = &rest + &Whole::from(u128::from(dividend.bit(place)));
            quotient = quotient.shifted(1);
            if compare(&rest.limbs, &divisor.limbs) != Ordering::Less {
                rest.limbs = subtract(&rest.limbs, &divisor.limbs);
                rest = Whole::new(false, rest.limbs);
                quotient = &quotient + &Whole::from(1u128);
            }
        }
        if !rest.is_zero() && !quotient.bit(0) {
            quotient = &quotient + &Whole::from(1u128);
        }
        let mut magnitude = quotient.to_f64()?;
        while places > 0 {
            let step = places.min(1_000);
            magnitude /= power_of_two(step);
            places -= step;
        }
        Some(if self.negative != divisor.negative { -magnitude } else { magnitude })
    }

    /// Half of it, rounded down: Python's `// 2`.
    pub fn halved(&self) -> Self {
        let half = Whole::from_bits((1..self.bits()).map(|place| self.bit(place)));
        if !self.negative {
            return half;
        }
        let half = if self.bit(0) { &half + &Whole::from(1u128) } else { half };
        -half
    }

    /// Times `2^places`.
    fn shifted(&self, places: usize) -> Self {
        let (limbs, bits) = (places / LIMB, places % LIMB);
        let mut shifted = vec![0; limbs];
        let mut carry = 0;
        for limb in &self.limbs {
            let wide = u64::from(*limb) << bits | carry;
            shifted.push(wide as u32);
            carry = wide >> LIMB;
        }
        shifted.push(carry as u32);
        Whole::new(self.negative, shifted)
    }

    /// Divides its magnitude by `divisor`, and gives the rest.
    fn reduce(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for limb in self.limbs.iter_mut().rev() {
            let wide = rest << LIMB | u64::from(*limb);
            *limb = (wide / u64::from(divisor)) as u32;
            rest = wide % u64::from(divisor);
        }
        *self = Whole::new(self.negative, std::mem::take(&mut self.limbs));
        rest as u32
    }
}

/// 2^`places`; infinite from 2^1024 on.
fn power_of_two(places: usize) -> f64 {
    let exponent = places.min(DOUBLE_BITS_MAX) as u64 + 1_023;
    f64::from_bits(exponent << MANTISSA_BITS)
}

fn compare(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn add(a: &[u32], b: &[u32]) -> Vec<u32> {
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let mut carry = 0;
    let mut sum = Vec::with_capacity(long.len() + 1);
    for (a, b) in long.iter().zip(short.iter().chain(iter::repeat(&0))) {
        let wide = u64::from(*a) + u64::from(*b) + carry;
        sum.push(wide as u32);
        carry = wide >> LIMB;
    }
    sum.push(carry as u32);
    sum
}

/// `a - b`, where `a` is not the smaller one.
fn subtract(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut borrow = false;
    let mut difference = Vec::with_capacity(a.len());
    for (a, b) in a.iter().zip(b.iter().chain(iter::repeat(&0))) {
        let (first, one) = a.overflowing_sub(*b);
        let (second, two) = first.overflowing_sub(u32::from(borrow));
        difference.push(second);
        borrow = one || two;
    }
    difference
}

impl std::ops::Add for &Whole {
    type Output = Whole;

    fn add(self, other: &Whole) -> Whole {
        if self.negative == other.negative {
            return Whole::new(self.negative, add(&self.limbs, &other.limbs));
        }
        match compare(&self.limbs, &other.limbs) {
            Ordering::Less => Whole::new(other.negative, subtract(&other.limbs, &self.limbs)),
            Ordering::Equal => Whole::default(),
            Ordering::Greater => Whole::new(self.negative, subtract(&self.limbs, &other.limbs)),
        }
    }
}

impl std::ops::Neg for Whole {
    type Output = Whole;

    fn neg(self) -> Whole {
        Whole::new(!self.negative, self.limbs)
    }
}

impl std::ops::Sub for &Whole {
    type Output = Whole;

    fn sub(self, other: &Whole) -> Whole {
        self + &-other.clone()
    }
}

impl std::ops::Mul for &Whole {
    type Output = Whole;

    fn mul(self, other: &Whole) -> Whole {
        let mut product = vec![0u32; self.limbs.len() + other.limbs.len() + 1];
        for (at, a) in self.limbs.iter().enumerate() {
            let mut carry = 0;
            for (b, out) in other.limbs.iter().chain(iter::once(&0)).zip(&mut product[at..]) {
                let wide = u64::from(*a) * u64::from(*b) + u64::from(*out) + carry;
                *out = wide as u32;
                carry = wide >> LIMB;
            }
        }
        Whole::new(self.negative != other.negative, product)
    }
}

impl Ord for Whole {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => compare(&self.limbs, &other.limbs),
            (true, true) => compare(&other.limbs, &self.limbs),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Whole {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u128> for Whole {
    fn from(number: u128) -> Self {
        Whole::new(false, (0..4).map(|limb| (number >> (limb * LIMB)) as u32).collect())
    }
}

impl From<i128> for Whole {
    fn from(number: i128) -> Self {
        Whole { negative: number < 0, ..Whole::from(number.unsigned_abs()) }
    }
}

/// Why a text is no integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an integer has decimal digits, and `-` before them if it is below zero")]
pub struct ParseWholeError;

impl FromStr for Whole {
    type Err = ParseWholeError;

    fn from_str(text: &str) -> Result<Self, ParseWholeError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseWholeError);
        }
        let ten = Whole::from(10u128);
        let magnitude = digits
            .bytes()
            .fold(Whole::default(), |number, digit| &(&number * &ten) + &Whole::from(u128::from(digit - b'0')));
        Ok(if digits.len() < text.len() { -magnitude } else { magnitude })
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.clone();
        let mut digits = Vec::new();
        while !rest.is_zero() {
            digits.push(b'0' + rest.reduce(10) as u8);
        }
        let digits: String = digits.iter().rev().map(|digit| char::from(*digit)).collect();
        f.pad_integral(!self.negative, "", if digits.is_empty() { "0" } else { &digits })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> Whole {
        text.parse().unwrap()
    }

    #[test]
    fn large_integers_are_read_and_shown() {
        let powers = [format!("1{}", "0".repeat(400)), format!("-9{}", "3".repeat(76)), "4294967296".to_owned()];
        for text in powers {
            assert_eq!(whole(&text).to_string(), text);
        }
        assert_eq!((whole("-0"), whole("007")), (Whole::default(), Whole::from(7u128)));
        for text in ["", "-", "+1", "1.0", "1e3", " 1", "--1"] {
            assert_eq!(text.parse::<Whole>(), Err(ParseWholeError), "{text}");
        }
    }

    #[test]
    fn what_no_double_is_near_to_has_none() {
        let below = &Whole::from(1u128).shifted(1_024) - &Whole::from(1u128);
        assert_eq!(below.to_f64(), None, "it would be rounded up to 2^1024");
        assert_eq!((&below - &Whole::from(1u128).shifted(970)).to_f64(), Some(f64::MAX));
        assert_eq!(whole(&format!("1{}", "0".repeat(400))).to_f64(), None);
    }

    #[test]
    fn a_quotient_is_rounded_once() {
        // Its dividend is no double; rounding that first would give 0.1 of something else.
        let quotient = whole("3757196120027479735100").divided_by(&whole("100"));
        assert_eq!(quotient, Some(37_571_961_200_274_797_351.0));
        assert_eq!(Whole::from(1u128).divided_by(&Whole::from(3u128)), Some(1.0 / 3.0));
        assert_eq!(
            Whole::from(9_007_199_254_740_993u128).divided_by(&Whole::from(1u128)),
            Some(9_007_199_254_740_992.0)
        );
        assert_eq!(Whole::from(1u128).divided_by(&Whole::default()), None);
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_machine_integers(a: i64, b: i64) {
            let (a, b) = (i128::from(a), i128::from(b));
            let (x, y) = (Whole::from(a), Whole::from(b));
            prop_assert_eq!(&x + &y, Whole::from(a + b));
            prop_assert_eq!(&x - &y, Whole::from(a - b));
            prop_assert_eq!(&x * &y, Whole::from(a * b));
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x.halved(), Whole::from(a.div_euclid(2)));
            prop_assert_eq!(x.to_string(), a.to_string());
        }

        #[test]
        fn the_laws_hold_beyond_machine_integers(a: u128, b: u128, c: i128) {
            let (a, b, c) = (Whole::from(a), Whole::from(b), Whole::from(c));
            prop_assert_eq!(&(&a + &b) * &c, &(&a * &c) + &(&b * &c));
            prop_assert_eq!(&(&(&a * &b) - &c) + &c, &a * &b);
            prop_assert_eq!((&a * &b).to_string().parse(), Ok(&a * &b));
            prop_assert_eq!((&a + &a).halved(), a);
        }

        #[test]
        fn a_double_is_the_nearest_one(number: u128, places in 0usize..128) {
            let number = number >> places;
            prop_assert_eq!(Whole::from(number).to_f64(), Some(number as f64));
        }

        #[test]
        fn whole_doubles_survive(number in any::<f64>()) {
            let seen = Whole::from_f64(number).map(|whole| whole.to_f64().unwrap());
            prop_assert_eq!(seen, number.is_finite().then_some(number.trunc()));
        }

        #[test]
        fn quotients_of_doubles_are_theirs(a in 0u64..1 << 53, b in 1u64..1 << 53) {
            let quotient = Whole::from(u128::from(a)).divided_by(&Whole::from(u128::from(b)));
            prop_assert_eq!(quotient, Some(a as f64 / b as f64));
        }
    }
}
