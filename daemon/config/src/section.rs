//! Sections, their keys, and the configuration that they make.

use std::fmt::Debug;

use crate::{ConfigMistake, ConfigReader, DeValue, Spanned};

/// A key of a section.
pub struct Key<S> {
    /// Its name.
    pub name: &'static str,
    /// What it means, line by line.
    pub doc: &'static [&'static str],
    /// Writes its value as TOML.
    pub show: fn(&S) -> String,
    /// Reads its value, or notes what is wrong with it; the text is the key's path, for messages.
    pub take: fn(&Spanned<DeValue<'_>>, &str, &mut S, &mut ConfigReader<'_>),
}

/// The keys that one part of the program can be told. Its default value is that of every key.
pub trait Section: Clone + Debug + Default + PartialEq + Sized + 'static {
    /// What the section is for, line by line.
    const DOC: &'static [&'static str];
    /// Its keys, in the order of the example.
    const KEYS: &'static [Key<Self>];

    /// Tells `wrong` what is wrong with values that are well-formed each by itself: a sentence that begins with the key.
    fn check(&self, wrong: &mut dyn FnMut(String));
}

/// A key's name, its meaning line by line, and its value as TOML.
pub type Shown = (&'static str, &'static [&'static str], String);

/// A section of a whole configuration `C`, by its name.
pub struct SectionEntry<C> {
    /// The name in the file: `[name]`.
    pub name: &'static str,
    /// What it is for, line by line.
    pub doc: &'static [&'static str],
    /// The names of its keys.
    pub keys: fn() -> Vec<&'static str>,
    /// Each key's name, meaning and value as TOML.
    pub show: fn(&C) -> Vec<Shown>,
    /// Reads one key; false where there is no such key.
    pub take: fn(&str, &Spanned<DeValue<'_>>, &mut C, &mut ConfigReader<'_>) -> bool,
    /// Checks it: see [`Section::check`].
    pub check: fn(&C, &mut dyn FnMut(String)),
}

/// A whole configuration.
pub trait Configuration: Default + Sized + 'static {
    /// Its sections, in the order of the example.
    const SECTIONS: &'static [SectionEntry<Self>];
}

/// Declares a section: a struct with its keys, what each means, and its default. `check = FUNCTION;` in front of it names
/// what checks it.
#[macro_export]
macro_rules! section {
    ($(#[doc = $section_doc:literal])* pub struct $Section:ident $keys:tt) => {
        $crate::section! { check = |_, _| (); $(#[doc = $section_doc])* pub struct $Section $keys }
    };
    (check = $check:expr; $(#[doc = $section_doc:literal])* pub struct $Section:ident {
        $($(#[doc = $doc:literal])* $key:ident: $type:ty = $default:expr;)*
    }) => {
        $(#[doc = $section_doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub struct $Section { $($(#[doc = $doc])* pub $key: $type,)* }

        impl Default for $Section {
            fn default() -> Self {
                $Section { $($key: $default,)* }
            }
        }

        impl $crate::Section for $Section {
            const DOC: &'static [&'static str] = &[$($section_doc),*];
            const KEYS: &'static [$crate::Key<Self>] = &[$($crate::Key {
                name: stringify!($key),
                doc: &[$($doc),*],
                show: |section| $crate::Value::show(&section.$key),
                take: |value, path, section, reader| $crate::take(value, path, &mut section.$key, reader),
            },)*];

            fn check(&self, wrong: &mut dyn FnMut(String)) {
                let check: fn(&Self, &mut dyn FnMut(String)) = $check;
                check(self, wrong);
            }
        }
    };
}

/// Declares a configuration of sections.
#[macro_export]
macro_rules! configuration {
    ($(#[$meta:meta])* pub struct $Config:ident { $($name:ident: $Section:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Debug, Default)]
        #[allow(missing_docs, reason = "each section's type says what it is for")]
        pub struct $Config { $(pub $name: $Section,)* }

        impl $crate::Configuration for $Config {
            const SECTIONS: &'static [$crate::SectionEntry<Self>] = &[$($crate::SectionEntry {
                name: stringify!($name),
                doc: <$Section as $crate::Section>::DOC,
                keys: || <$Section as $crate::Section>::KEYS.iter().map(|key| key.name).collect(),
                show: |config| {
                    let keys = <$Section as $crate::Section>::KEYS.iter();
                    keys.map(|key| (key.name, key.doc, (key.show)(&config.$name))).collect()
                },
                take: |name, value, config, reader| {
                    let mut keys = <$Section as $crate::Section>::KEYS.iter();
                    let Some(key) = keys.find(|key| key.name == name) else { return false };
                    let path = format!("{}.{name}", stringify!($name));
                    (key.take)(value, &path, &mut config.$name, reader);
                    true
                },
                check: |config, wrong| <$Section as $crate::Section>::check(&config.$name, wrong),
            },)*];
        }
    };
}

/// What is wrong with values that are well-formed each by itself, section by section.
pub fn check<C: Configuration>(config: &C) -> Vec<ConfigMistake> {
    let mut mistakes = Vec::new();
    for section in C::SECTIONS {
        (section.check)(config, &mut |what| mistakes.push(ConfigMistake::of_value(format!("{}.{what}", section.name))));
    }
    mistakes
}

/// A commented file with every key at its default, under `head`.
pub fn example<C: Configuration>(head: &str) -> String {
    let defaults = C::default();
    let mut text = head.to_owned();
    for section in C::SECTIONS {
        text.push('\n');
        section.doc.iter().for_each(|line| text.push_str(&format!("#{line}\n")));
        text.push_str(&format!("[{}]\n", section.name));
        for (name, doc, value) in (section.show)(&defaults) {
            doc.iter().for_each(|line| text.push_str(&format!("#{line}\n")));
            text.push_str(&format!("#{name} = {value}\n"));
        }
    }
    text
}
