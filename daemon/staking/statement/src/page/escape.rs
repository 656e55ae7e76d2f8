//! Escaping of text for HTML.

use std::fmt;

/// Shows a text so that a browser reads no mark-up in it, in elements as well as in quoted attributes.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'t>(&'t str);

/// This text, escaped.
pub fn escaped(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_up_stays_text() {
        let hostile = "<img src=x onerror=\"alert('é')\">&amp;";
        assert_eq!(escaped(hostile).to_string(), "&lt;img src=x onerror=&quot;alert(&#39;é&#39;)&quot;&gt;&amp;amp;");
        assert_eq!(escaped("plain").to_string(), "plain");
    }
}
