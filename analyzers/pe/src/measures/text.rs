//! Text as a whole.

use analyzers::{density, measures, permille};

use crate::text_counts::TextCounts;

/// The text, and the size of the file.
pub(super) struct AllText<'t> {
    pub(super) counts: &'t TextCounts,
    pub(super) size: usize,
}

measures! {
    /// The text.
    TEXT, fn text(all: &AllText<'_>), source: "EMBER: strings" {
        "text.runs", Count, "Runs of six characters and more, one byte each." => all.counts.runs;
        "text.wide_runs", Count, "Runs of six characters and more, two bytes each." => all.counts.wide_runs;
        "text.share", Permille, "Text of one byte a character, of the file." => permille(all.counts.characters.all(), all.size);
        "text.wide_share", Permille, "Text of two bytes a character, of the file." =>
            permille(2 * all.counts.wide_characters, all.size);
        "text.length", Count, "Mean length of a run, in tenths of a character." =>
            (10 * all.counts.characters.all()).checked_div(all.counts.runs).unwrap_or(0);
        "text.wide_length", Count, "Mean length of a wide run, in tenths of a character." =>
            (10 * all.counts.wide_characters).checked_div(all.counts.wide_runs).unwrap_or(0);
        "text.entropy", Entropy, "Evenness of its characters." => all.counts.characters.entropy();
        "text.density", Density, "Runs, by the size of the file." => density(all.counts.runs, all.size);
        "text.letters", Permille, "Letters, of its characters." => all.counts.characters.share(|byte| byte.is_ascii_alphabetic());
        "text.spaces", Permille, "Spaces, of its characters." => all.counts.characters.share(|byte| byte == b' ');
        "text.digits", Permille, "Digits, of its characters." => all.counts.characters.share(|byte| byte.is_ascii_digit());
        "text.long_runs", Count, "Runs of 200 characters without a space." => all.counts.long_runs;
        "text.base64_runs", Count, "Runs of 120 characters of Base64." => all.counts.base64_runs;
        "text.addresses", Count, "IPv4 addresses, or what looks like them." => all.counts.addresses;
    }
}
