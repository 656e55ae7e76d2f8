//! The last answers with their evidence: a card each, which fits a telephone too.

use std::fmt::Write;

use daemon_base::text::shortened;
use daemon_market::{Profit, Timestamp};
use daemon_statement::format::{amount, count, moment, percent, profit, time};
use daemon_statement::html::{escaped, put};

use crate::sections::ID_CHARS_MAX;
use crate::{AnswerNow, Books};

/// The section of the last answers.
pub(super) fn put_answers(books: &Books, out: &mut String) {
    out.push_str("<section id=\"last-answers\">\n<h2>Last answers</h2>\n");
    if books.answers.is_empty() {
        out.push_str("<p>None yet.</p>\n");
    }
    for answer in &books.answers {
        put_answer(answer, out);
    }
    out.push_str("</section>\n");
}

fn put_answer(answer: &AnswerNow, out: &mut String) {
    let verdict = escaped(&shortened(&answer.verdict, 20)).to_string();
    let size = answer.size.map_or_else(String::new, |size| format!(", {} bytes", count(size)));
    put(
        out,
        format_args!(
            "<article>\n<h3><span class=\"verdict {verdict}\">{verdict}</span> {} <span class=\"faint\"><bdi>{}</bdi>{size}, \
             {} UTC, after {}</span></h3>\n<p>{}",
            percent(Some(answer.confidence)),
            escaped(&shortened(&answer.kind, 48)),
            moment(Timestamp::from_micros(answer.at)),
            time(Some(answer.took_us)),
            if answer.bid == daemon_market::Nct::ZERO {
                "no stake".to_owned()
            } else {
                format!("{} NCT staked", amount(answer.bid))
            },
        ),
    );
    put(out, format_args!(", {}", escaped(&shortened(&answer.ending, 20))));
    if let Some(truth) = &answer.truth {
        put(out, format_args!(", truth {}", escaped(&shortened(truth, 20))));
    }
    if let Some(gained) = answer.profit.as_ref().and_then(|gained| gained.parse::<Profit>().ok()) {
        let class = if gained.is_loss() { "loss" } else { "gain" };
        put(out, format_args!(", <span class=\"{class}\">{}</span>", profit(gained)));
    }
    put(
        out,
        format_args!(
            ". Bounty <a href=\"/bounty?id={}\"><bdi>{}</bdi></a></p>\n",
            percent_encoded(&answer.id),
            escaped(&shortened(&answer.id, ID_CHARS_MAX))
        ),
    );
    if let Some(why) = &answer.why {
        put(out, format_args!("<p>{}</p>\n", escaped(&shortened(why, 200))));
    }
    if !answer.evidence.is_empty() {
        out.push_str("<ul class=\"evidence\">\n");
        for seen in &answer.evidence {
            put(
                out,
                format_args!(
                    "<li><b>{:+.2}</b> <code>{}</code> <bdi>{}</bdi></li>\n",
                    seen.weight,
                    escaped(&shortened(&seen.id, 120)),
                    escaped(&shortened(&seen.detail, 120))
                ),
            );
        }
        if answer.more > 0 {
            put(out, format_args!("<li class=\"faint\">and {} more</li>\n", count(answer.more)));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</article>\n");
}

/// A text as a part of an address: everything but letters and digits as `%41`.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_link() {
        assert_eq!(percent_encoded("7-a\"><script>&é"), "7-a%22%3E%3Cscript%3E%26%C3%A9");
    }
}
