//! Instructions of fields (ECMA-376-1 17.16): their keywords, their arguments, and what they come to.

use super::names::{BOOKMARK, PROPERTY, UNKNOWN, VARIABLE, begins_with_reference, has_reference, is_quote, reference};

/// Effect of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FieldKeyword {
    /// Shows an object that lies elsewhere.
    Link,
    /// Takes text from elsewhere.
    Text,
    /// Takes a table from a database.
    Database,
    /// Takes a picture from elsewhere.
    Picture,
    /// Leads somewhere when it is clicked.
    Click,
}

const KEYWORDS: &[(&str, FieldKeyword)] = &[
    ("LINK", FieldKeyword::Link),
    // Word 97 and earlier called it so (RTF 1.9.1, Fields).
    ("DDELINK", FieldKeyword::Link),
    ("INCLUDETEXT", FieldKeyword::Text),
    ("INCLUDE", FieldKeyword::Text),
    ("RD", FieldKeyword::Text),
    ("INCLUDEPICTURE", FieldKeyword::Picture),
    ("IMPORT", FieldKeyword::Picture),
    ("DATABASE", FieldKeyword::Database),
    ("HYPERLINK", FieldKeyword::Click),
];

/// Other field names of Word: any other first word is the name of a bookmark.
const OTHERS: &str = "ADDIN ADDRESSBLOCK ADVANCE ASK AUTHOR AUTONUM AUTONUMLGL AUTONUMOUT AUTOTEXT AUTOTEXTLIST BARCODE \
    BIBLIOGRAPHY CITATION COMMENTS COMPARE CONTROL CREATEDATE DATE DISPLAYBARCODE DOCPROPERTY DOCVARIABLE EDITTIME EMBED \
    EQ FILENAME FILESIZE FILLIN FORMCHECKBOX FORMDROPDOWN FORMTEXT FTNREF GLOSSARY GOTOBUTTON GREETINGLINE HTMLACTIVEX \
    IF INDEX INFO KEYWORDS LASTSAVEDBY LISTNUM MACROBUTTON MERGEBARCODE MERGEFIELD MERGEREC MERGESEQ NEXT NEXTIF NOTEREF \
    NUMCHARS NUMPAGES NUMWORDS PAGE PAGEREF PRINT PRINTDATE PRIVATE QUOTE REF REVNUM SAVEDATE SECTION SECTIONPAGES SEQ \
    SET SHAPE SKIPIF STYLEREF SUBJECT SYMBOL TA TC TEMPLATE TIME TITLE TOA TOC USERADDRESS USERINITIALS USERNAME XE";

/// Fields that show a property of the document, by the name of the property.
const PROPERTIES: &[(&str, &str)] = &[
    ("AUTHOR", "author"),
    ("TITLE", "title"),
    ("SUBJECT", "subject"),
    ("KEYWORDS", "keywords"),
    ("COMMENTS", "comments"),
    ("LASTSAVEDBY", "lastsavedby"),
    ("TEMPLATE", "template"),
    ("FILENAME", "filename"),
    ("USERNAME", "username"),
    ("USERINITIALS", "userinitials"),
    ("USERADDRESS", "useraddress"),
];

impl FieldKeyword {
    /// The keyword of `instruction` if it is one that fetches or leads somewhere, and what follows it.
    pub(super) fn read(instruction: &str) -> Option<(FieldKeyword, &str)> {
        let (word, rest) = first_word(trimmed(instruction));
        let known = KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        known.map(|(_, keyword)| (*keyword, rest))
    }
}

/// Value of a field for the field around it.
pub(super) struct FieldValue {
    /// The text; references stand for what is not known yet.
    pub text: String,
    /// Whether it was composed from character codes, or refers to another place.
    pub spelled: bool,
    /// The bookmark that it defines, and what that holds.
    pub defines: Option<(String, String)>,
}

/// Returns the value of the field with this instruction. `saved` is its saved result.
pub(super) fn value(instruction: &str, saved: &str) -> FieldValue {
    let (word, rest) = first_word(trimmed(instruction));
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    let plain = |text: String| FieldValue { text, spelled: false, defines: None };
    let elsewhere = |text: String| FieldValue { text, spelled: true, defines: None };
    if is("QUOTE") {
        return elsewhere(quoted(rest));
    }
    if is("SET") || is("ASK") {
        let (name, rest) = first_word(rest.trim_start());
        let value = if is("SET") { unquoted(rest) } else { default(rest).unwrap_or_else(|| saved.to_owned()) };
        return FieldValue { text: String::new(), spelled: false, defines: Some((name.to_owned(), value)) };
    }
    if is("FILLIN") {
        return elsewhere(default(rest).unwrap_or_else(|| saved.to_owned()));
    }
    let argument = || arguments(rest).next().unwrap_or_default();
    if is("REF") {
        return elsewhere(reference(BOOKMARK, &argument(), saved));
    }
    if is("DOCPROPERTY") || is("INFO") {
        return elsewhere(reference(PROPERTY, &argument(), saved));
    }
    if is("DOCVARIABLE") {
        return elsewhere(reference(VARIABLE, &argument(), saved));
    }
    if let Some((_, name)) = PROPERTIES.iter().find(|(field, _)| is(field)) {
        let given = argument();
        return elsewhere(if given.is_empty() { reference(PROPERTY, name, saved) } else { given });
    }
    if is("IF") {
        return elsewhere(chosen(rest).unwrap_or_else(|| saved.to_owned()));
    }
    if FieldKeyword::read(instruction).is_some() || OTHERS.split_ascii_whitespace().any(is) {
        // What it shows comes from where we cannot look.
        return plain(reference(UNKNOWN, word, if saved.is_empty() { instruction } else { saved }));
    }
    // `{ a }` is `{ REF a }`, where `a` is a bookmark; any other text stays what it is.
    let is_name = !word.is_empty() && !has_reference(word) && rest.trim_start().chars().all(|c| c != '"');
    if is_name {
        return elsewhere(reference(BOOKMARK, word, if saved.is_empty() { instruction } else { saved }));
    }
    plain(instruction.to_owned())
}

/// Whether it gives a bookmark its text.
pub(super) fn defines(instruction: &str) -> bool {
    let (word, _) = first_word(trimmed(instruction));
    ["SET", "ASK"].iter().any(|name| name.eq_ignore_ascii_case(word))
}

/// Whether the keyword itself comes out of another field: no writer of documents does that.
pub(super) fn is_computed(instruction: &str) -> bool {
    let (word, _) = first_word(trimmed(instruction));
    begins_with_reference(trimmed(instruction)) || has_reference(word)
}

/// Whether the first word could be a keyword.
pub(super) fn begins_with_word(instruction: &str) -> bool {
    let (word, _) = first_word(trimmed(instruction));
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Whether it is a data exchange as it stands.
pub(super) fn is_exchange(instruction: &str) -> bool {
    ["DDE", "DDEAUTO"].iter().any(|word| strip_word(trimmed(instruction), word).is_some())
}

/// Whether it takes something from elsewhere or leads there.
pub(super) fn fetches(instruction: &str) -> bool {
    FieldKeyword::read(instruction).is_some()
}

/// `instruction` from its keyword on: quotation marks and a stray backslash before it do not keep Word from taking it.
pub(super) fn trimmed(instruction: &str) -> &str {
    instruction.trim_start_matches(|c: char| c.is_whitespace() || c == '\\' || is_quote(c))
}

/// `text` without its first word, if that is `word`; case does not matter.
pub(super) fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (first, rest) = text.split_at_checked(word.len())?;
    (first.eq_ignore_ascii_case(word) && !rest.starts_with(|c: char| c.is_ascii_alphanumeric())).then_some(rest)
}

/// The first word, and the rest.
fn first_word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_whitespace() || c == '\\' || is_quote(c)).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end..).unwrap_or_default())
}

/// The arguments in `rest`, without switches (`\a`, `\* MERGEFORMAT`), with `\\` as one backslash.
pub(super) fn arguments(rest: &str) -> impl Iterator<Item = String> + '_ {
    Arguments { rest, valued: "*#@" }
}

/// The arguments of HYPERLINK: a place in the document (`\l`), a tip and a frame are not where it leads (17.16.5.25).
pub(super) fn arguments_of_click(rest: &str) -> impl Iterator<Item = String> + '_ {
    Arguments { rest, valued: "*#@lotLOT" }
}

struct Arguments<'t> {
    rest: &'t str,
    /// Switches that the next argument belongs to.
    valued: &'static str,
}

impl Iterator for Arguments<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            let text = self.rest.trim_start();
            let first = text.chars().next()?;
            if is_quote(first) {
                let inner = text.get(first.len_utf8()..).unwrap_or_default();
                let (word, rest) = until(inner, is_quote);
                self.rest = rest;
                return Some(word);
            }
            // A path may begin with two backslashes; a switch has one and a letter or a sign.
            if first == '\\' && !text.starts_with("\\\\") {
                // What stands right behind the switch, quoted, may be its value as well.
                let letter = text.chars().nth(1).unwrap_or_default();
                self.rest = text.get(1 + letter.len_utf8()..).unwrap_or_default();
                if self.valued.contains(letter) {
                    let value = self.rest.trim_start();
                    let quote = value.chars().next().filter(|c| is_quote(*c));
                    let (_, rest) = match quote {
                        Some(quote) => until(value.get(quote.len_utf8()..).unwrap_or_default(), is_quote),
                        None => until(value, char::is_whitespace),
                    };
                    self.rest = rest;
                }
                continue;
            }
            let (word, rest) = until(text, char::is_whitespace);
            self.rest = rest;
            return Some(word);
        }
    }
}

/// The text up to the first character that is an `end`, unescaped, and what follows that character.
fn until(text: &str, end: impl Fn(char) -> bool) -> (String, &str) {
    let mut word = String::new();
    let mut letters = text.char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' => {
                let escaped = letters.clone().next().filter(|(_, c)| *c == '\\' || is_quote(*c));
                word.push(escaped.map_or('\\', |(_, c)| c));
                if escaped.is_some() {
                    letters.next();
                }
            }
            c if end(c) => return (word, text.get(at + c.len_utf8()..).unwrap_or_default()),
            c => word.push(c),
        }
    }
    (word, "")
}

/// Returns the text of a QUOTE field, such as `{ QUOTE 68 68 69 }`.
fn quoted(rest: &str) -> String {
    let code = |word: &str| word.trim_matches(is_quote).parse().ok().and_then(char::from_u32);
    let codes: Option<String> = rest.split_whitespace().map(code).collect();
    codes.unwrap_or_else(|| unquoted(rest))
}

/// `rest` without the quotation marks around it, unescaped.
fn unquoted(rest: &str) -> String {
    let text = rest.trim().trim_matches(is_quote);
    until(text, |_| false).0
}

/// Returns the default answer after the switch `\d` (17.16.5.3).
fn default(rest: &str) -> Option<String> {
    let at = rest.find("\\d ").or_else(|| rest.find("\\d\""))?;
    arguments(rest.get(at + 2..)?).next()
}

/// `IF a = b "then" "else"` (17.16.5.26): which of the two, as far as both sides are known. Where they are not, the one
/// that would be a data exchange, else the first.
fn chosen(rest: &str) -> Option<String> {
    let words: Vec<String> = arguments(rest).take(5).collect();
    let [left, operator, right, then, ..] = words.as_slice() else { return None };
    let otherwise = words.get(4).cloned().unwrap_or_default();
    let is_known = !has_reference(left) && !has_reference(right);
    let holds = match operator.as_str() {
        "=" if is_known => left == right,
        "<>" if is_known => left != right,
        _ => !is_exchange(&otherwise),
    };
    Some(if holds { then.clone() } else { otherwise })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_word_reads_them() {
        let words = |text| arguments(text).collect::<Vec<_>>();
        assert_eq!(words(r#" htmlfile "http://x/y!" "" \a \* MERGEFORMAT "#), ["htmlfile", "http://x/y!", ""]);
        assert_eq!(words(r#" Excel.Sheet.8 C:\\a\\b.xls "S!R1" \p"#), ["Excel.Sheet.8", r"C:\a\b.xls", "S!R1"]);
        assert_eq!(words(r#""\\\\server\\share""#), [r"\\server\share"]);
        let click = arguments_of_click(r#" \l "powershell" \o"tip" "http://x""#).collect::<Vec<_>>();
        assert_eq!(click, ["http://x"]);
        assert_eq!(words("\u{201c}two words\u{201d} x"), ["two words", "x"]);
    }

    #[test]
    fn fields_come_to_what_they_quote_choose_and_suggest() {
        let text = |instruction| value(instruction, "").text;
        assert_eq!(text("QUOTE 68 68 69"), "DDE");
        assert_eq!(text("QUOTE \"DDE\""), "DDE");
        assert_eq!(text("IF 1 = 1 \"DDE\" \"x\""), "DDE");
        assert_eq!(text("IF 1 = 2 \"x\" \"DDE\""), "DDE");
        assert_eq!(text("FILLIN \"Which?\" \\d \"DDE\""), "DDE");
        let set = value("SET a \"C:\\\\x\"", "").defines;
        assert_eq!(set, Some(("a".to_owned(), "C:\\x".to_owned())));
        let ask = value("ASK a \"Which?\" \\d DDE", "").defines;
        assert_eq!(ask, Some(("a".to_owned(), "DDE".to_owned())));
    }
}
