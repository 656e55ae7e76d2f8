//! Reads a configuration, and finds every mistake in it at once.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{ConfigMistake, ConfigReader, Configuration};

/// The configuration that `text` holds, and every mistake in it. Where a key is mistaken, its default stands.
pub fn read<C: Configuration>(text: &str) -> (C, Vec<ConfigMistake>) {
    let mut reader = ConfigReader::new(text);
    let mut config = C::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.note_at(error.span().map(|span| span.start), error.message().to_owned());
    }
    for (name, value) in table.get_ref() {
        section(name, value, &mut config, &mut reader);
    }
    (config, reader.into_mistakes())
}

fn section<C: Configuration>(
    name: &Spanned<Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    config: &mut C,
    reader: &mut ConfigReader<'_>,
) {
    let Some(section) = C::SECTIONS.iter().find(|section| section.name == name.get_ref()) else {
        let known = C::SECTIONS.iter().map(|section| section.name);
        return reader.unknown(name.span().start, &format!("section [{}]", name.get_ref()), name.get_ref(), known);
    };
    let DeValue::Table(keys) = value.get_ref() else {
        return reader.note(value.span().start, format!("[{}] must be a section, not a value", section.name));
    };
    for (key, value) in keys {
        if !(section.take)(key.get_ref(), value, config, reader) {
            let known = (section.keys)().into_iter();
            let what = format!("key {}.{}", section.name, key.get_ref());
            reader.unknown(key.span().start, &what, key.get_ref(), known);
        }
    }
}
