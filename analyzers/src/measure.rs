//! Numbers that say what a file is like, for a model to weigh: how many functions it imports, how even its bytes are.
//!
//! An [indicator](crate::Indicator) says that something was seen; a measure says how much of something there is, whether or
//! not it means anything alone. All measures of a family of files form one vector, in a fixed order, with a version: the
//! same code makes the vectors that models are trained on and those that they judge.
//!
//! Values are whole numbers, so that they are the same on every machine; what is a share is told in thousandths.

use std::fmt;
use std::sync::LazyLock;

use crate::LayerId;

/// What a measure's number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// 1 if it is so, else 0.
    Flag,
    /// How many there are.
    Count,
    /// Bytes.
    Bytes,
    /// Thousandths of the whole.
    Permille,
    /// Thousandths of a bit per byte: 0 for one repeated value, 8,000 for noise.
    Entropy,
    /// How often, in 100 KiB.
    Density,
    /// A value as it stands in the file: an alignment, a subsystem.
    Value,
}

impl Unit {
    /// The unit's name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Flag => "flag",
            Unit::Count => "count",
            Unit::Bytes => "bytes",
            Unit::Permille => "1/1000",
            Unit::Entropy => "1/1000 bit",
            Unit::Density => "per 100 KiB",
            Unit::Value => "value",
        }
    }
}

/// A named number. Names are an API: models key on them, so they are never renamed, and their meaning changes only with
/// the version of their set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measure {
    /// Name: group and what is measured, such as `imports.functions`.
    pub name: &'static str,
    /// What its number counts.
    pub unit: Unit,
    /// Meaning, as a whole sentence.
    pub meaning: &'static str,
    /// Source: where the field is specified, or who uses the measure.
    pub source: &'static str,
}

impl Measure {
    /// The first part of its name: what the measure is about.
    pub fn group(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }
}

/// The measures of one family of files, in the order of their values.
#[derive(Clone, Copy)]
pub struct MeasureSet {
    /// Name of the analyzer that takes them.
    pub family: &'static str,
    /// Version: another one where a measure is added, removed or means something else.
    pub version: u32,
    measures: &'static LazyLock<Vec<&'static Measure>>,
}

impl MeasureSet {
    /// Makes a set.
    pub const fn new(family: &'static str, version: u32, measures: &'static LazyLock<Vec<&'static Measure>>) -> Self {
        MeasureSet { family, version, measures }
    }

    /// The measures, in order.
    pub fn measures(&self) -> &'static [&'static Measure] {
        self.measures
    }

    /// Place of a measure in the vector.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.measures.iter().position(|measure| measure.name == name)
    }
}

impl fmt::Debug for MeasureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} measures of {}, version {}", self.measures.len(), self.family, self.version)
    }
}

impl PartialEq for MeasureSet {
    fn eq(&self, other: &Self) -> bool {
        self.family == other.family && self.version == other.version
    }
}

/// The measures of one subject.
#[derive(Clone, PartialEq, Debug)]
pub struct Measured {
    /// The subject.
    pub subject: LayerId,
    /// Which measures these are.
    pub set: MeasureSet,
    values: Box<[f32]>,
}

/// Most vectors in one record: the artifact, and the first images inside of it.
pub const MEASURED_MAX: usize = 64;

impl Measured {
    /// The measures of a subject; `None` if there are not as many values as measures, or one is not finite.
    pub fn new(subject: LayerId, set: MeasureSet, values: Vec<f32>) -> Option<Measured> {
        let fits = values.len() == set.measures().len() && values.iter().all(|value| value.is_finite());
        fits.then(|| Measured { subject, set, values: values.into_boxed_slice() })
    }

    /// Keeps of each value the greatest.
    pub(crate) fn keep_greatest(&mut self, values: &[f32]) {
        for (known, value) in self.values.iter_mut().zip(values) {
            *known = known.max(*value);
        }
    }

    /// The values, in the order of the set.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Each measure with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Measure, f32)> + '_ {
        self.set.measures().iter().copied().zip(self.values.iter().copied())
    }
}

/// What can stand as the value of a measure. Large numbers are rounded to 24 binary digits.
pub trait MeasureValue {
    /// The number.
    fn number(self) -> f32;
}

impl MeasureValue for bool {
    fn number(self) -> f32 {
        f32::from(u8::from(self))
    }
}

impl MeasureValue for u8 {
    fn number(self) -> f32 {
        f32::from(self)
    }
}

impl MeasureValue for u16 {
    fn number(self) -> f32 {
        f32::from(self)
    }
}

macro_rules! measure_values {
    ($($integer:ty),*) => {$(
        impl MeasureValue for $integer {
            #[allow(clippy::cast_precision_loss, reason = "24 digits are enough to compare by")]
            fn number(self) -> f32 {
                self as f32
            }
        }
    )*};
}
measure_values!(u32, u64, usize);

/// Thousandths of `whole` that `part` is; 0 of nothing.
pub fn permille(part: usize, whole: usize) -> u32 {
    let share = (part as u128 * 1000).checked_div(whole as u128).unwrap_or(0);
    u32::try_from(share).unwrap_or(u32::MAX)
}

/// How often `count` is in each 100 KiB of `bytes`; of less than a KiB as of a whole one.
pub fn density(count: usize, bytes: usize) -> u32 {
    let often = count as u128 * (100 << 10) / (bytes.max(1 << 10) as u128);
    u32::try_from(often).unwrap_or(u32::MAX)
}

/// Thousandths of a bit per byte, of an entropy in bits per byte.
pub fn entropy(bits: f64) -> u32 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an entropy is from 0 to 8")]
    let thousandths = (bits.clamp(0.0, 8.0) * 1000.0).round() as u32;
    thousandths
}

/// Declares measures together with how their values are had, so that neither can be without the other or in another order.
///
/// ```
/// use analyzers::MeasureValue;
///
/// struct Image { sections: Vec<u32>, gui: bool }
///
/// analyzers::measures! {
///     /// What headers say.
///     HEADER, fn header(image: &Image), source: "PE/COFF specification" {
///         "header.sections", Count, "Number of sections." => image.sections.len();
///         "header.gui", Flag, "It has windows." => image.gui;
///     }
/// }
///
/// let mut values = Vec::new();
/// header(&Image { sections: vec![1, 2], gui: true }, &mut values);
/// assert_eq!(values, [2.0, 1.0]);
/// assert_eq!((HEADER[0].name, HEADER[1].unit.name()), ("header.sections", "flag"));
/// ```
#[macro_export]
macro_rules! measures {
    ($(#[$doc:meta])* $list:ident, fn $function:ident($from:ident: $type:ty), source: $source:literal {
        $($name:literal, $unit:ident, $meaning:literal => $value:expr;)*
    }) => {
        $(#[$doc])*
        #[allow(unreachable_pub, reason = "the analyzer decides what it shows")]
        pub static $list: &[$crate::Measure] = &[$($crate::Measure {
            name: $name, unit: $crate::Unit::$unit, meaning: $meaning, source: $source,
        }),*];

        #[doc = concat!("Appends the values of [`", stringify!($list), "`].")]
        #[allow(unreachable_pub, reason = "the analyzer decides what it shows")]
        pub fn $function($from: $type, values: &mut Vec<f32>) {
            $(values.push($crate::MeasureValue::number($value));)*
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    static NONE: LazyLock<Vec<&'static Measure>> = LazyLock::new(Vec::new);
    static TOYS: &[Measure] = &[
        Measure { name: "toy.size", unit: Unit::Bytes, meaning: "Its size.", source: "test" },
        Measure { name: "toy.odd", unit: Unit::Flag, meaning: "Whether it is odd.", source: "test" },
    ];
    static TWO: LazyLock<Vec<&'static Measure>> = LazyLock::new(|| TOYS.iter().collect());

    #[test]
    fn a_vector_has_one_finite_value_for_each_measure() {
        let set = MeasureSet::new("toy", 1, &TWO);
        for wrong in [vec![], vec![1.0], vec![1.0, 2.0, 3.0], vec![f32::NAN, 0.0], vec![0.0, f32::INFINITY]] {
            assert_eq!(Measured::new(LayerId::ARTIFACT, set, wrong), None);
        }
        let measured = Measured::new(LayerId::ARTIFACT, set, vec![7.0, 1.0]).unwrap();
        assert_eq!(
            measured.iter().map(|(measure, value)| (measure.name, value)).collect::<Vec<_>>(),
            [("toy.size", 7.0), ("toy.odd", 1.0)]
        );
        assert_eq!(set.position("toy.odd"), Some(1));
        assert!(Measured::new(LayerId::ARTIFACT, MeasureSet::new("none", 1, &NONE), vec![]).is_some());
    }

    #[test]
    fn shares_of_nothing_are_nothing_and_large_ones_are_held() {
        assert_eq!((permille(1, 0), permille(1, 3), permille(3, 3)), (0, 333, 1000));
        assert_eq!(permille(usize::MAX, 1), u32::MAX);
        assert_eq!((density(5, 0), density(1, 1 << 10), density(usize::MAX, 1)), (500, 100, u32::MAX));
        assert_eq!((entropy(-1.0), entropy(7.9996), entropy(9.0), entropy(f64::NAN)), (0, 8000, 8000, 0));
    }
}
