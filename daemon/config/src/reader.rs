//! Reads values, and keeps what is wrong with them.

use std::fmt;

use toml::Spanned;
use toml::de::DeValue;

use crate::Value;

/// Names this much like a known one are taken for a slip of the finger.
const SIMILARITY_MIN: f64 = 0.7;

/// One mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigMistake {
    /// Line and column, from 1. `None` if something is missing.
    pub place: Option<(usize, usize)>,
    /// The mistake and its correction.
    pub what: String,
}

impl ConfigMistake {
    /// A mistake in values that are well-formed each by itself: it has no place.
    pub fn of_value(what: String) -> ConfigMistake {
        ConfigMistake { place: None, what: format!(" {what}") }
    }
}

impl fmt::Display for ConfigMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// Reads one value, and notes what is wrong with it.
pub fn take<T: Value>(value: &Spanned<DeValue<'_>>, path: &str, into: &mut T, reader: &mut ConfigReader<'_>) {
    match T::read(value.get_ref()) {
        Ok(value) => *into = value,
        Err(why) => {
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            reader.note(value.span().start, format!("{path} must be {}{why}", T::FORM));
        }
    }
}

/// Reads a configuration, and keeps what is wrong with it.
pub struct ConfigReader<'t> {
    text: &'t str,
    mistakes: Vec<ConfigMistake>,
}

impl<'t> ConfigReader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        ConfigReader { text, mistakes: Vec::new() }
    }

    /// All mistakes, in the order of their places.
    pub(crate) fn into_mistakes(mut self) -> Vec<ConfigMistake> {
        self.mistakes.sort_by_key(|mistake| mistake.place);
        self.mistakes
    }

    pub(crate) fn unknown<'k>(&mut self, at: usize, what: &str, name: &str, known: impl Iterator<Item = &'k str>) {
        let near = known
            .map(|known| (strsim::jaro_winkler(known, name), known))
            .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = near.map_or_else(
            || "; `stakeout config example` lists all".to_owned(),
            |(_, known)| format!("; did you mean `{known}`?"),
        );
        self.note(at, format!("unknown {what}{hint}"));
    }

    pub(crate) fn note(&mut self, at: usize, what: String) {
        self.note_at(Some(at), what);
    }

    pub(crate) fn note_at(&mut self, at: Option<usize>, what: String) {
        let place = at.map(|at| self.place(at));
        self.mistakes.push(ConfigMistake { place, what });
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}
