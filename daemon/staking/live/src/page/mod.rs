//! The page: one document, without a script and without anything from elsewhere.
//!
//! Names of files, rules, kinds and engines come from outside. Each is made printable, escaped and isolated in its text
//! direction, and the page's policy lets the browser load nothing and run nothing.

mod answers;
mod story;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daemon_base::Sha256Digest;
use daemon_base::text::shortened;
use daemon_market::Timestamp;
use daemon_statement::format::{amount, count, gain, moment, profit, time};
use daemon_statement::html::{ProfitLine, STYLE, escaped, latency_chart, profit_chart, put, table};
use daemon_statement::{ReportSection, format};

use crate::{Books, EngineNow, Overview, sections};

pub use story::story_page;

/// What this page's look has beside that of a report's.
const MORE_STYLE: &str = include_str!("live.css");
/// How often a page that refreshes itself is loaded anew, in seconds.
const REFRESH_SECONDS: u32 = 10;

/// Whether the page loads itself anew.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refresh {
    /// Every few seconds.
    On,
    /// Only when a person asks.
    Off,
}

/// The style sheet, exactly as it stands between the tags of a page.
static STYLE_SHEET: LazyLock<String> = LazyLock::new(|| format!("\n{STYLE}{MORE_STYLE}"));

/// What [`content_security_policy`] returns.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256Digest::of(STYLE_SHEET.as_bytes()).0);
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// The value of the header Content-Security-Policy for every page: nothing may be loaded or run, and no other style than ours
/// applies.
pub fn content_security_policy() -> &'static str {
    &POLICY
}

/// Everything up to the content of a page.
fn begin(title: &str, refresh: Refresh) -> String {
    let mut out = String::with_capacity(64 << 10);
    let refresh = match refresh {
        Refresh::On => format!("<meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\">\n"),
        Refresh::Off => String::new(),
    };
    put(
        &mut out,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{refresh}\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
             <title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
            escaped(title),
            *STYLE_SHEET,
        ),
    );
    out
}

/// The overview as one HTML page.
pub fn page(overview: &Overview, refresh: Refresh) -> String {
    let engine = &overview.engine;
    let name = shortened(&engine.name, 60);
    let mut out = begin(&format!("{name} live"), refresh);
    head(overview, &name, refresh, &mut out);
    let Some(ours) = overview.books.first() else {
        out.push_str("<p class=\"missing\">The archive is being read.</p>\n");
        in_section(&sections::open(engine, overview.made), &mut out);
        end(&mut out);
        return out;
    };
    tiles(overview, ours, &mut out);
    let lines = profit_lines(overview);
    if !lines.is_empty() {
        out.push_str("<section id=\"profit\">\n<h2>Profit over time</h2>\n");
        profit_chart(&lines, &mut out);
        out.push_str("</section>\n");
    }
    if let Some(section) = sections::engines(overview) {
        in_section(&section, &mut out);
    }
    // Two columns, which become one on a telephone.
    out.push_str("<div class=\"columns\">\n<div>\n");
    in_section(&sections::open(engine, overview.made), &mut out);
    in_section(&sections::kinds(ours), &mut out);
    out.push_str("</div>\n<div>\n");
    in_section(&sections::purse(engine), &mut out);
    in_section(&sections::hours(ours), &mut out);
    out.push_str("</div>\n</div>\n");
    if ours.latency.count > 0 {
        out.push_str("<section id=\"latency\">\n<h2>Time to an answer</h2>\n");
        put(
            &mut out,
            format_args!(
                "<p>Median {}, 90th percentile {}, 99th percentile {}, longest {}.</p>\n",
                time(ours.latency.p50_us),
                time(ours.latency.p90_us),
                time(ours.latency.p99_us),
                time(ours.latency.max_us)
            ),
        );
        latency_chart(&ours.latency, &mut out);
        out.push_str("</section>\n");
    }
    answers::put_answers(ours, &mut out);
    rules(engine, &mut out);
    end(&mut out);
    out
}

fn end(out: &mut String) {
    out.push_str(
        "<footer>Amounts are in NCT, truncated to four decimal places. The same numbers as JSON: \
         <a href=\"/overview.json\">/overview.json</a> (docs/json.md). A report on all bounties: <code>stakeout report \
         --html</code>.</footer>\n</main>\n</body>\n</html>\n",
    );
}

/// The top of the page: what runs, whether it is well, and what a person should look at.
fn head(overview: &Overview, name: &str, refresh: Refresh, out: &mut String) {
    let engine = &overview.engine;
    let (class, state) = match (&engine.not_live, &engine.not_ready) {
        (Some(_), _) => ("bad", "makes no progress"),
        (None, Some(_)) => ("warn", "takes no bounties"),
        (None, None) => ("good", "takes bounties"),
    };
    let refresh = match refresh {
        Refresh::On => format!("Loads itself anew every {REFRESH_SECONDS} s: <a href=\"/?refresh=off\">stop</a>."),
        Refresh::Off => {
            "Does not load itself anew: <a href=\"/?refresh=off\">load now</a>, or <a href=\"/\">every few seconds</a>."
                .to_owned()
        }
    };
    put(
        out,
        format_args!(
            "<header><h1><bdi>{}</bdi> <span class=\"state {class}\" id=\"state\">{state}</span></h1>\n<p>stakeout {}{}, running for {}. \
             {} UTC. {refresh}</p></header>\n",
            escaped(name),
            escaped(&shortened(&engine.version, 40)),
            if engine.dry_run { ", dry run: no answer is sent" } else { "" },
            age(overview.running_us()),
            moment(Timestamp::from_micros(overview.made)),
        ),
    );
    if let Some(why) = engine.why_not() {
        put(out, format_args!("<p class=\"alarm\">{}</p>\n", escaped(&shortened(why, 400))));
    }
    for alarm in &engine.alarms {
        put(
            out,
            format_args!(
                "<p class=\"alarm\"><strong>{}</strong> since {} UTC: {}.</p>\n",
                escaped(&shortened(&alarm.id, 60)),
                moment(Timestamp::from_micros(alarm.since)),
                escaped(&shortened(&alarm.message, 1_000))
            ),
        );
    }
    if let Some(problem) = engine.rules.problems.first() {
        let problem = shortened(problem, 300);
        put(out, format_args!("<p class=\"alarm\"><strong>rules</strong>: {}</p>\n", escaped(&problem)));
    }
    // Of several engines, their table says so.
    for books in overview.books.iter().filter(|_| overview.sum.is_none()) {
        if let Some(why) = &books.error {
            put(
                out,
                format_args!(
                    "<p class=\"missing\">The archive of <bdi>{}</bdi> cannot be read: {}</p>\n",
                    escaped(&books.totals.engine),
                    escaped(&shortened(why, 400))
                ),
            );
        }
    }
}

/// The key numbers.
fn tiles(overview: &Overview, ours: &Books, out: &mut String) {
    let engine = &overview.engine;
    let totals = overview.totals(ours);
    let hours = ours.period_hours();
    let settled = totals.settled > 0;
    let tone = match totals.profit.base_units().signum() {
        1 => "gain",
        -1 => "loss",
        _ => "",
    };
    let workers = &engine.workers;
    let tiles = [
        (
            "profit",
            if settled { profit(totals.profit) } else { "unknown".to_owned() },
            if settled { tone } else { "" },
            format!("NCT, {} on {} staked", gain(totals.return_on_stake), amount(totals.reckoned)),
        ),
        (
            "bounties",
            count(totals.bounties),
            "",
            format!(
                "{} answered, {} expired, {} refused",
                count(totals.answered),
                count(totals.expired),
                count(totals.refused)
            ),
        ),
        (
            "bets",
            count(totals.bets),
            "",
            format!("{} won, {} lost, {} open", count(totals.won), count(totals.lost), count(totals.open)),
        ),
        ("open bounties", count(engine.open()), "", format!("{} at stake", amount(engine.purse.open))),
        (
            "workers",
            format!("{} of {}", count(workers.examining.min(workers.most)), count(workers.most)),
            if workers.workless > 0 { "loss" } else { "" },
            format!("at work; {} artifacts scanned", count(workers.examined)),
        ),
        ("latency", time(ours.latency.p50_us), "", format!("median; 99th percentile {}", time(ours.latency.p99_us))),
    ];
    put(
        out,
        format_args!(
            "<p>Bounties of the last {hours} hours{}, as the archive had them at {} UTC.</p>\n<section class=\"tiles\" \
             id=\"tiles\">\n",
            if ours.cut { format!(", the latest {} of them", count(ours.totals.bounties)) } else { String::new() },
            moment(Timestamp::from_micros(ours.until)),
        ),
    );
    for (name, value, tone, more) in &tiles {
        put(out, format_args!("<div><h2>{name}</h2><b class=\"{tone}\">{value}</b><span>{more}</span></div>\n"));
    }
    out.push_str("</section>\n");
}

/// A line of profit for each engine; of several, their sum first.
fn profit_lines(overview: &Overview) -> Vec<ProfitLine> {
    let line = |books: &Books| ProfitLine {
        name: books.totals.engine.clone(),
        points: books.profit.iter().map(|point| (point.at, point.profit)).collect(),
    };
    let lines: Vec<ProfitLine> = overview.books.iter().map(line).filter(|line| !line.points.is_empty()).collect();
    let sum = overview.sum.as_ref().filter(|_| lines.len() > 1).map(|sum| ProfitLine::sum(&sum.engine, &lines));
    sum.into_iter().chain(lines).collect()
}

/// A section with its notes and its table. Its id is its title in small letters.
fn in_section(section: &ReportSection, out: &mut String) {
    let id: String =
        section.title.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    put(out, format_args!("<section id=\"{id}\">\n<h2>{}</h2>\n", escaped(&section.title)));
    for note in &section.notes {
        put(out, format_args!("<p>{}</p>\n", escaped(note)));
    }
    if section.rows.is_empty() {
        if section.notes.is_empty() {
            out.push_str("<p>Nothing yet.</p>\n");
        }
    } else {
        table(section, out);
    }
    out.push_str("</section>\n");
}

/// Which rules are in use.
fn rules(engine: &EngineNow, out: &mut String) {
    let rules = &engine.rules;
    let text = |text: &str, most| escaped(&shortened(text, most)).to_string();
    put(
        out,
        format_args!(
            "<section id=\"rules\">\n<h2>Rules</h2>\n<p>Generation <code>{}</code>: {} since {} UTC; replaced {}, rejected \
             {}.</p>\n",
            text(&rules.generation, 80),
            daemon_base::format::counted(rules.rules, "YARA rule"),
            moment(Timestamp::from_micros(rules.since)),
            daemon_base::format::counted(rules.reloads, "time"),
            daemon_base::format::counted(rules.rejected, "time"),
        ),
    );
    if let Some(shadow) = &rules.shadow {
        put(out, format_args!("<p>Shadow set: generation <code>{}</code>.</p>\n", text(shadow, 80)));
    }
    let lists = [(&rules.models, "models"), (&rules.problems, "missing")];
    for (list, class) in lists.into_iter().filter(|(list, _)| !list.is_empty()) {
        put(out, format_args!("<ul class=\"{class}\">\n"));
        for line in list.iter().take(20) {
            put(out, format_args!("<li><bdi>{}</bdi></li>\n", text(line, 300)));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</section>\n");
}

/// A time in words: `3 h 12 min`.
pub(crate) fn age(micros: u64) -> String {
    let minutes = micros / 60_000_000;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format::time(Some(micros)),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
