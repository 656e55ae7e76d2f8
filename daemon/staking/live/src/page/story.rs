//! One bounty's story as a page.

use daemon_base::text::shortened;
use daemon_journal::Story;
use daemon_market::Bounty;
use daemon_statement::html::{escaped, put};
use daemon_statement::write_story;

use super::{Refresh, begin, end};

/// Most of a story that is shown, in bytes: a report can be long.
const STORY_BYTES_MAX: usize = 256 << 10;

/// The stories of the bounty called `id`, each with the bounty as it was received, if it can still be read.
pub fn story_page(id: &str, stories: &[(Story, Option<Bounty>)]) -> String {
    let shown = shortened(id, 200);
    let mut out = begin(&format!("bounty {shown}"), Refresh::Off);
    put(
        &mut out,
        format_args!("<header><h1>Bounty <bdi>{}</bdi></h1><p><a href=\"/\">all</a></p></header>\n", escaped(&shown)),
    );
    if stories.is_empty() {
        out.push_str("<p class=\"missing\">The archives have no such bounty.</p>\n");
    }
    for (story, bounty) in stories {
        let mut text = Vec::new();
        // A vector takes everything, and every text from outside is printable already.
        let _ = write_story(story, bounty.as_ref(), &mut text);
        let text = String::from_utf8_lossy(&text);
        let plain = anstream::adapter::strip_str(&text).to_string();
        let most = plain.floor_char_boundary(STORY_BYTES_MAX);
        let more = if most < plain.len() { "\n…" } else { "" };
        put(&mut out, format_args!("<section>\n<pre>{}{more}</pre>\n</section>\n", escaped(&plain[..most])));
    }
    end(&mut out);
    out
}
