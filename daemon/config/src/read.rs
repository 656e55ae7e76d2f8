//! Reads a configuration, and finds every mistake in it at once.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{Configuration, Value};

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

/// The configuration that `text` holds, and every mistake in it. Where a key is mistaken, its default stands.
pub fn read<C: Configuration>(text: &str) -> (C, Vec<ConfigMistake>) {
    let mut reader = ConfigReader { text, mistakes: Vec::new() };
    let mut config = C::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = error.span().map(|span| reader.place(span.start));
        reader.mistakes.push(ConfigMistake { place, what: error.message().to_owned() });
    }
    for (name, value) in table.get_ref() {
        reader.section(name, value, &mut config);
    }
    reader.mistakes.sort_by_key(|mistake| mistake.place);
    (config, reader.mistakes)
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

impl ConfigReader<'_> {
    fn section<C: Configuration>(
        &mut self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        config: &mut C,
    ) {
        let Some(section) = C::SECTIONS.iter().find(|section| section.name == name.get_ref()) else {
            let known = C::SECTIONS.iter().map(|section| section.name);
            return self.unknown(name.span().start, &format!("section [{}]", name.get_ref()), name.get_ref(), known);
        };
        let DeValue::Table(keys) = value.get_ref() else {
            return self.note(value.span().start, format!("[{}] must be a section, not a value", section.name));
        };
        for (key, value) in keys {
            if !(section.take)(key.get_ref(), value, config, self) {
                let known = (section.keys)().into_iter();
                let what = format!("key {}.{}", section.name, key.get_ref());
                self.unknown(key.span().start, &what, key.get_ref(), known);
            }
        }
    }

    fn unknown<'k>(&mut self, at: usize, what: &str, name: &str, known: impl Iterator<Item = &'k str>) {
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

    fn note(&mut self, at: usize, what: String) {
        let place = Some(self.place(at));
        self.mistakes.push(ConfigMistake { place, what });
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}
