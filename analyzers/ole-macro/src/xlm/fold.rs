//! Reading a formula's text: which functions it calls, and which strings it holds once constants are folded.
//!
//! Folding is not emulation: only literals, `&`, arithmetic on numbers, and a few text functions of constants are
//! computed (`"htt"&CHAR(112)`), within one formula. Whatever refers to a cell is unknown, and ends a string.
//!
//! ```text
//! compare  = concat ((= | < | > | <= | >= | <> | : | blank) concat)*
//! concat   = sum (& sum)*
//! sum      = product ((+ | -) product)*
//! product  = unary ((* | / | ^) unary)*
//! unary    = (+ | -)* primary %*
//! primary  = "text" | number | name | name(arguments) | (compare)
//! ```

/// Maximum nesting of parentheses. Excel nests functions up to 64 deep.
const DEPTH_MAX: u32 = 96;
/// Longest string that folding may build, in bytes. Excel's cells hold 32,767 characters.
const TEXT_BYTES_MAX: usize = 32 << 10;

/// Effects of a formula, as far as its text shows.
#[derive(Debug, Default)]
pub(super) struct Folded<'f> {
    /// Names that are called, as they are written, in order.
    pub calls: Vec<&'f str>,
    /// Literal strings, and strings that result from folding.
    pub strings: Vec<Text>,
}

/// A string in a formula.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Text {
    pub text: String,
    /// Whether the string was composed.
    pub is_folded: bool,
}

/// A value, as far as it is known.
enum FoldedValue {
    Text(Text),
    Number(f64),
    Unknown,
}

/// Reads `formula` (without a leading equals sign). Linear in its length, but for strings that grow by folding.
pub(super) fn fold(formula: &str) -> Folded<'_> {
    let mut parser = Parser { rest: formula, depth: 0, folded: Folded::default() };
    while !parser.rest.is_empty() {
        let before = parser.rest.len();
        let value = parser.compare();
        parser.keep(value);
        // What the grammar has no place for (a stray bracket, a comma of a union) is stepped over.
        if parser.rest.len() == before || matches!(parser.peek(), Some(',' | ')' | ';' | '}' | '{')) {
            parser.advance();
        }
    }
    parser.folded
}

struct Parser<'f> {
    rest: &'f str,
    depth: u32,
    folded: Folded<'f>,
}

impl<'f> Parser<'f> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn advance(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes one of `operators`, if it is next.
    fn take(&mut self, operators: &[char]) -> Option<char> {
        self.blanks();
        let next = self.peek().filter(|c| operators.contains(c))?;
        self.advance();
        Some(next)
    }

    /// Notes the text of a value that nothing larger will be made of.
    fn keep(&mut self, value: FoldedValue) {
        if let FoldedValue::Text(text) = value
            && !text.text.is_empty()
        {
            self.folded.strings.push(text);
        }
    }

    fn compare(&mut self) -> FoldedValue {
        let mut value = self.concat();
        while self.take(&['=', '<', '>', ':']).is_some() {
            self.keep(value);
            let right = self.concat();
            self.keep(right);
            value = FoldedValue::Unknown;
        }
        value
    }

    fn concat(&mut self) -> FoldedValue {
        let mut value = self.sum();
        while self.take(&['&']).is_some() {
            let right = self.sum();
            value = self.join(value, right);
        }
        value
    }

    /// Joins what is known; next to something unknown, the known part is kept as it is.
    fn join(&mut self, left: FoldedValue, right: FoldedValue) -> FoldedValue {
        match (as_text(left), as_text(right)) {
            (Some(mut left), Some(right)) if left.text.len() + right.text.len() <= TEXT_BYTES_MAX => {
                left.text.push_str(&right.text);
                FoldedValue::Text(Text { text: left.text, is_folded: true })
            }
            (left, right) => {
                if let Some(left) = left {
                    self.keep(FoldedValue::Text(left));
                }
                right.map_or(FoldedValue::Unknown, FoldedValue::Text)
            }
        }
    }

    fn sum(&mut self) -> FoldedValue {
        let mut value = self.product();
        while let Some(operator) = self.take(&['+', '-']) {
            let right = self.product();
            value = self.compute(value, operator, right);
        }
        value
    }

    fn product(&mut self) -> FoldedValue {
        let mut value = self.unary();
        while let Some(operator) = self.take(&['*', '/', '^']) {
            let right = self.unary();
            value = self.compute(value, operator, right);
        }
        value
    }

    fn compute(&mut self, left: FoldedValue, operator: char, right: FoldedValue) -> FoldedValue {
        if let (FoldedValue::Number(left), FoldedValue::Number(right)) = (&left, &right) {
            return FoldedValue::Number(match operator {
                '+' => left + right,
                '-' => left - right,
                '*' => left * right,
                '/' => left / right,
                _ => left.powf(*right),
            });
        }
        self.keep(left);
        self.keep(right);
        FoldedValue::Unknown
    }

    fn unary(&mut self) -> FoldedValue {
        let mut is_negative = false;
        while let Some(sign) = self.take(&['-', '+', '@']) {
            is_negative ^= sign == '-';
        }
        let mut value = self.primary();
        while self.take(&['%']).is_some() {
            if let FoldedValue::Number(number) = &mut value {
                *number /= 100.0;
            }
        }
        match value {
            FoldedValue::Number(number) if is_negative => FoldedValue::Number(-number),
            value => value,
        }
    }

    fn primary(&mut self) -> FoldedValue {
        self.blanks();
        match self.peek() {
            Some('"') => {
                self.advance();
                FoldedValue::Text(Text { text: self.quoted('"'), is_folded: false })
            }
            Some('\'') => {
                // The name of a sheet.
                self.advance();
                self.quoted('\'');
                FoldedValue::Unknown
            }
            Some('(') => {
                self.advance();
                let mut arguments = self.arguments();
                match arguments.pop() {
                    Some(value) if arguments.is_empty() => value,
                    last => {
                        arguments.into_iter().chain(last).for_each(|value| self.keep(value));
                        FoldedValue::Unknown
                    }
                }
            }
            Some(c) if is_word(c) => self.word(),
            _ => FoldedValue::Unknown,
        }
    }

    /// The rest of a string or name in quotes; a quote in it is doubled.
    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some((before, after)) = self.rest.split_once(quote) {
            text.push_str(before);
            self.rest = after;
            if !after.starts_with(quote) {
                return text;
            }
            text.push(quote);
            self.advance();
        }
        text.push_str(std::mem::take(&mut self.rest));
        text
    }

    fn word(&mut self) -> FoldedValue {
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if rest.trim_start().starts_with('(') {
            self.blanks();
            self.advance();
            let name = word.strip_prefix("_xlfn.").unwrap_or(word);
            self.folded.calls.push(name);
            let arguments = self.arguments();
            return self.call(name, arguments);
        }
        // Not `inf` and `nan`, which Rust takes for numbers.
        let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        word.parse().ok().filter(|_| is_number).map_or(FoldedValue::Unknown, FoldedValue::Number)
    }

    /// Arguments up to the closing parenthesis. Beyond the depth that formulas may have, none are read.
    fn arguments(&mut self) -> Vec<FoldedValue> {
        let mut arguments = Vec::new();
        if self.depth >= DEPTH_MAX {
            return arguments;
        }
        self.depth += 1;
        loop {
            let value = self.compare();
            arguments.push(value);
            self.blanks();
            match self.peek() {
                Some(',' | ';') => self.advance(),
                Some(')') => {
                    self.advance();
                    break;
                }
                _ => break,
            }
        }
        self.depth -= 1;
        arguments
    }

    /// Evaluates a function of constants.
    fn call(&mut self, name: &str, arguments: Vec<FoldedValue>) -> FoldedValue {
        let known = match (name.to_ascii_uppercase().as_str(), arguments.as_slice()) {
            ("CHAR" | "UNICHAR", [FoldedValue::Number(code)]) => {
                // Excel takes the whole part; saturates elsewhere.
                u32::try_from(whole(*code)).ok().and_then(char::from_u32).filter(|&c| c != '\0').map(String::from)
            }
            ("MID", [FoldedValue::Text(text), FoldedValue::Number(from), FoldedValue::Number(count)]) => {
                let from = whole(*from).saturating_sub(1);
                Some(text.text.chars().skip(from).take(whole(*count)).collect())
            }
            ("LEFT", [FoldedValue::Text(text), FoldedValue::Number(count)]) => {
                Some(text.text.chars().take(whole(*count)).collect())
            }
            ("RIGHT", [FoldedValue::Text(text), FoldedValue::Number(count)]) => {
                let length = text.text.chars().count();
                Some(text.text.chars().skip(length.saturating_sub(whole(*count))).collect())
            }
            ("LOWER", [FoldedValue::Text(text)]) => Some(text.text.to_lowercase()),
            ("UPPER", [FoldedValue::Text(text)]) => Some(text.text.to_uppercase()),
            ("SUBSTITUTE", [FoldedValue::Text(text), FoldedValue::Text(old), FoldedValue::Text(new)]) => {
                // Only where it cannot grow: `SUBSTITUTE` is used to take filling out.
                (!old.text.is_empty() && new.text.len() <= old.text.len())
                    .then(|| text.text.replace(&old.text, &new.text))
            }
            ("CONCATENATE" | "CONCAT", _) => {
                let mut arguments = arguments.into_iter();
                let first = arguments.next().unwrap_or(FoldedValue::Unknown);
                return arguments.fold(first, |left, right| self.join(left, right));
            }
            _ => None,
        };
        match known {
            Some(text) => FoldedValue::Text(Text { text, is_folded: true }),
            None => {
                arguments.into_iter().for_each(|value| self.keep(value));
                FoldedValue::Unknown
            }
        }
    }
}

/// Converts an operand of `&` to text.
/// The whole part of a number, as Excel takes it for a position or a code; nothing below 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the whole part is meant, and the cast saturates"
)]
fn whole(number: f64) -> usize {
    number as usize
}

fn as_text(value: FoldedValue) -> Option<Text> {
    match value {
        FoldedValue::Text(text) => Some(text),
        // Beyond 15 digits Excel writes exponents, and nobody builds words of them.
        FoldedValue::Number(number) if number.abs() < 1e15 => Some(Text { text: number.to_string(), is_folded: true }),
        FoldedValue::Number(_) | FoldedValue::Unknown => None,
    }
}

/// Characters of names, numbers and references.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '!' | '#' | '?' | '\\' | '[' | ']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(formula: &str, calls: &[&str], strings: &[&str]) {
        let folded = fold(formula);
        assert_eq!(folded.calls, calls);
        let shown: Vec<_> = folded
            .strings
            .iter()
            .map(|text| format!("{}{}", if text.is_folded { "~" } else { "" }, text.text))
            .collect();
        assert_eq!(shown, strings);
    }

    #[test]
    fn literals_are_kept_as_they_are() {
        check("EXEC(\"calc.exe\")", &["EXEC"], &["calc.exe"]);
        check("ALERT(\"say \"\"hi\"\"\",2)", &["ALERT"], &["say \"hi\""]);
    }

    #[test]
    fn constants_are_folded_within_a_formula() {
        check("\"htt\"&CHAR(112)&\"://\"&\"x\"", &["CHAR"], &["~http://x"]);
        check("EXEC(CHAR(90+9)&CHAR(2*48+1)&\"lc\")", &["EXEC", "CHAR", "CHAR"], &["~calc"]);
        check("CONCATENATE(\"a\",CHAR(98),\"c\")", &["CONCATENATE", "CHAR"], &["~abc"]);
        check("MID(\"xxcmdxx\",3,3)&\" /c\"", &["MID"], &["~cmd /c"]);
        check("SUBSTITUTE(\"p-o-w\",\"-\",\"\")", &["SUBSTITUTE"], &["~pow"]);
    }

    #[test]
    fn what_refers_to_a_cell_ends_a_string() {
        check("\"htt\"&A1&\"p\"&CHAR(58)", &["CHAR"], &["htt", "~p:"]);
        check("IF('my sheet'!$A$1=\"x\",RUN(B2),)", &["IF", "RUN"], &["x"]);
    }

    #[test]
    fn broken_formulas_end() {
        for formula in ["(", ")", "((((", "\"", "A1(", "F(,,", "{1,2;\"a\"}", "=\u{0}&&", "'", "1%%%", "a&)b("] {
            fold(formula);
        }
        fold(&"(".repeat(100_000));
        fold(&"CHAR(".repeat(100_000));
        fold(&"-".repeat(100_000));
    }
}
