//! Computes the nesting depth of a text before it is parsed: yara-x's parser recurses for every level, and refuses too
//! deep nesting only afterwards.

/// Levels that are refused. yara-x itself refuses from 3,000 on; 20,000 were tried and come back from 8 MiB of stack.
const DEPTH_MAX: usize = 10_000;

/// Offset at which `text` is nested too deeply to be parsed.
///
/// This is not a parser: brackets in strings and comments count too. But counting restarts at every `condition`, and no
/// rule has so many unclosed brackets in between.
pub(crate) fn too_deep(text: &str) -> Option<usize> {
    let (mut brackets, mut prefixes) = (0_usize, 0_usize);
    let mut word = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            continue;
        }
        match text.get(word..at) {
            None | Some("") => {}
            Some("not" | "defined") => prefixes += 1,
            Some("condition") => (brackets, prefixes) = (0, 0),
            Some(_) => prefixes = 0,
        }
        word = at + 1;
        match byte {
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            b'-' | b'~' => prefixes += 1,
            _ if byte.is_ascii_whitespace() => {}
            _ => prefixes = 0,
        }
        if brackets > DEPTH_MAX || prefixes > DEPTH_MAX {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_overflow_the_stack_is_told() {
        let deep = 200_000;
        for text in [
            format!("rule a {{ condition: {}true{} }}", "(".repeat(deep), ")".repeat(deep)),
            format!("rule a {{ condition: {}true }}", "not ".repeat(deep)),
            format!("rule a {{ condition: {}1 }}", "- ~".repeat(deep)),
            format!("rule a {{ condition: {}1{} == 1 }}", "(1 + ".repeat(deep), ")".repeat(deep)),
            format!("rule a {{ condition: {}", "for any i in (1..2) : (".repeat(deep)),
            format!("rule a {{ condition: {}", "a[".repeat(deep)),
            format!("rule a {{ strings: $a = {{ {}", "( 01 | ".repeat(deep)),
        ] {
            assert!(too_deep(&text).is_some(), "{}", &text[..60]);
        }
    }

    #[test]
    fn long_texts_are_not_deep() {
        let rule = "rule a { strings: $a = \"(not-\" condition: not (not $a) and (1 - 2 == -1) }\n";
        assert_eq!(too_deep(&rule.repeat(20_000)), None);
        assert_eq!(too_deep(&format!("// {}\n{rule}", "-".repeat(5_000))), None);
    }
}
