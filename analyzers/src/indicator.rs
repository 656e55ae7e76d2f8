//! A named sign that a file may be bad, or may be good.
//!
//! Ids are an API: the archive and the weights key on them. They read analyzer, place, sign
//! (`pe.section.writable_executable`) and are never renamed, only retired.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The id of an indicator: known when we were compiled, or made when rules were loaded. Cheap to clone.
#[derive(Clone)]
pub struct IndicatorId(Id);

#[derive(Clone)]
enum Id {
    Compiled(&'static str),
    Loaded(Arc<str>),
}

impl IndicatorId {
    /// Makes an id known at compile time.
    pub const fn new(id: &'static str) -> Self {
        IndicatorId(Id::Compiled(id))
    }

    /// An id made at run time, for example from the name of a rule.
    pub fn loaded(id: &str) -> Self {
        IndicatorId(Id::Loaded(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Id::Compiled(id) => id,
            Id::Loaded(id) => id,
        }
    }
}

impl PartialEq for IndicatorId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for IndicatorId {}

impl PartialOrd for IndicatorId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IndicatorId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for IndicatorId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

// So that maps keyed by id can be asked with a plain `&str`; sound because Eq, Ord and Hash above are those of the text.
impl std::borrow::Borrow<str> for IndicatorId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for IndicatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for IndicatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A named sign. Its weight is not here but in the weights file, so that fitting replaces data, not code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Indicator {
    /// Id of the indicator.
    pub id: IndicatorId,
    /// Meaning of the indicator, as a whole sentence.
    pub meaning: Cow<'static, str>,
    /// Source: a section of a specification, a paper, a tool.
    pub source: Cow<'static, str>,
    /// The MITRE ATT&CK technique it points to, if any: `T1027.002`.
    pub attack: Option<Cow<'static, str>>,
    /// The malware family it names, if it is that specific.
    pub malware_family: Option<Cow<'static, str>>,
}

impl Indicator {
    /// Makes an indicator known at compile time. Declare them with [`indicators!`](crate::indicators).
    pub const fn new(
        id: &'static str,
        meaning: &'static str,
        source: &'static str,
        attack: Option<&'static str>,
        malware_family: Option<&'static str>,
    ) -> Self {
        // `Option::map` is not const.
        const fn borrowed(text: Option<&'static str>) -> Option<Cow<'static, str>> {
            match text {
                Some(text) => Some(Cow::Borrowed(text)),
                None => None,
            }
        }
        Indicator {
            id: IndicatorId::new(id),
            meaning: Cow::Borrowed(meaning),
            source: Cow::Borrowed(source),
            attack: borrowed(attack),
            malware_family: borrowed(malware_family),
        }
    }
}

/// Declares the indicators of an analyzer, and `ALL` of them in order.
///
/// ```
/// analyzers::indicators! {
///     /// Documentation is the meaning's longer form.
///     EXAMPLE = "toy.file.starts_odd", "The file starts with an odd byte.", source: "this example", attack: "T1036";
///     FRIENDLY = "toy.file.friendly", "The file says hello.", source: "this example";
///     NAMED = "toy.file.named", "The file names itself.", source: "this example", attack: "T1587", family: "Toy";
/// }
/// assert_eq!(ALL.len(), 3);
/// assert_eq!(EXAMPLE.attack.as_deref(), Some("T1036"));
/// assert_eq!(FRIENDLY.attack, None);
/// ```
#[macro_export]
macro_rules! indicators {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $meaning:literal, source: $source:literal
        $(, attack: $attack:literal)? $(, family: $family:literal)?;)*) => {
        $(
            $(#[$doc])*
            #[doc = $meaning]
            #[allow(unreachable_pub, reason = "the analyzer decides whether its catalogue is public")]
            pub static $name: $crate::Indicator = $crate::Indicator::new(
                $id, $meaning, $source, $crate::indicators!(@option $($attack)?), $crate::indicators!(@option $($family)?),
            );
        )*
        /// Every indicator of this analyzer, in the order they are declared.
        #[allow(dead_code, unreachable_pub, reason = "the analyzer decides what it uses and shows")]
        pub static ALL: &[&$crate::Indicator] = &[$(&$name),*];
    };
    (@option) => { None };
    (@option $text:literal) => { Some($text) };
}
