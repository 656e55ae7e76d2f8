//! The configuration of the daemon: every key once, with its default and what it means.
//!
//! The struct, the reader, the checks of `stakeout config check` and the commented example of `stakeout config example`
//! all come from the one table below.

mod read;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use daemon_market::{ConvictionPoint, Filter, Nct, Rate, TableRow};
use ipnet::IpNet;
use toml::Spanned;
use toml::de::DeValue;

pub use read::{ConfigMistake, read};
pub use value::{Bytes, EdgeIo, Limit, LogFormat, Ratio, Share, TooMany, Urls};

use read::ConfigReader;
use value::Value;

/// A key, as the example shows it.
pub struct ConfigKey {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static [&'static str],
    /// Its default, as TOML.
    pub default: fn(&Config) -> String,
}

/// A section, as the example shows it.
pub struct ConfigSection {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static [&'static str],
    /// Its keys.
    pub keys: &'static [ConfigKey],
    /// Reads one key of it; whether there is such a key.
    take: fn(&str, &Spanned<DeValue<'_>>, &mut Config, &mut ConfigReader<'_>) -> bool,
}

macro_rules! config {
    ($($(#[doc = $section_doc:literal])* $section:ident: $Section:ident {
        $($(#[doc = $doc:literal])* $key:ident: $type:ty = $default:expr;)*
    })*) => {
        $(
            $(#[doc = $section_doc])*
            #[derive(Clone, PartialEq, Debug)]
            pub struct $Section { $($(#[doc = $doc])* pub $key: $type,)* }

            impl Default for $Section {
                fn default() -> Self {
                    $Section { $($key: $default,)* }
                }
            }
        )*

        /// Everything that the daemon can be told.
        #[derive(Clone, PartialEq, Debug, Default)]
        pub struct Config { $($(#[doc = $section_doc])* pub $section: $Section,)* }

        /// Every section there is.
        pub static SECTIONS: &[ConfigSection] = &[$(ConfigSection {
            name: stringify!($section),
            doc: &[$($section_doc),*],
            keys: &[$(ConfigKey {
                name: stringify!($key),
                doc: &[$($doc),*],
                default: |config| config.$section.$key.show(),
            },)*],
            take: |name, value, config, reader| match name {
                $(stringify!($key) => {
                    let path = concat!(stringify!($section), ".", stringify!($key));
                    read::take(value, path, &mut config.$section.$key, reader);
                    true
                })*
                _ => false,
            },
        },)*];
    };
}

fn nct(text: &str) -> Nct {
    text.parse().expect("defaults are amounts, which a test reads")
}

config! {
    /// Where bounties come in. PolySwarm wants HTTPS with a name: put a reverse proxy in front (docs/listing.md).
    webhook: Webhook {
        /// Where to listen. A socket handed over by systemd is used instead, if there is one.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8000));
        /// Files that hold a shared secret each, one line. Two at most, so that a secret can be changed without a
        /// gap: both are valid. If there are none, STAKEOUT_WEBHOOK_SECRET holds it.
        secret_files: Vec<PathBuf> = Vec::new();
        /// Largest body of a request.
        body_bytes_max: Bytes = Bytes(1 << 20);
        /// How long the head of a request may take.
        head_time_max: Duration = Duration::from_secs(5);
        /// How long the body of a request may take.
        body_time_max: Duration = Duration::from_secs(10);
        /// How long a connection may be idle.
        idle_time_max: Duration = Duration::from_secs(60);
        /// Connections at once, from all.
        connections_max: usize = 1024;
        /// Connections at once, from one address. Behind a proxy all come from one.
        connections_per_address_max: usize = 1024;
    }
    /// Where answers go, and whose they are.
    answers: Answers {
        /// The only hosts that answers are sent to: `https://HOST`, `https://*.DOMAIN`, or, for tests,
        /// `http://HOST:PORT`.
        hosts: Vec<String> = vec!["https://api.polyswarm.network".to_owned(), "https://*.polyswarm.network".to_owned()];
        /// How long one attempt may take. What fails is tried again until the bounty expires.
        attempt_time_max: Duration = Duration::from_secs(10);
        /// The name of the product, in the metadata of answers.
        product: String = "stakeout".to_owned();
        /// The vendor of the engine. Left out where empty.
        vendor: String = String::new();
        /// The author of the engine. Left out where empty.
        author: String = String::new();
    }
    /// How artifacts are downloaded.
    intake: Intake {
        /// Largest artifact taken. Larger ones are answered `unknown`.
        artifact_bytes_max: Bytes = Bytes(256 << 20);
        /// Artifacts up to this size are kept in memory, larger ones in a file without a name.
        memory_bytes_max: Bytes = Bytes(64 << 20);
        /// Memory for all artifacts at once, a quarter of what there is at most. What goes beyond it goes to files.
        memory_total_max: Bytes = Bytes(512 << 20);
        /// Where those files lie. Empty: in the archive's directory.
        spill_directory: PathBuf = PathBuf::new();
        /// Downloads at once.
        downloads_max: usize = 64;
        /// Least that must come in a second, once a download has begun.
        rate_bytes_min: Bytes = Bytes(1 << 10);
        /// Longest that a download may take, all attempts together.
        time_max: Duration = Duration::from_secs(60);
        /// How long it may take to connect.
        connect_time_max: Duration = Duration::from_secs(5);
        /// How often a download is tried.
        attempts_max: usize = 3;
        /// Redirects followed.
        redirects_max: usize = 3;
        /// Take plain `http:` too.
        http: bool = true;
        /// Take `file:` too. Only for tests: whoever signs bounties then reads your files.
        file: bool = false;
        /// Networks that artifacts may come from although they are private, local or reserved.
        allow_networks: Vec<IpNet> = Vec::new();
        /// How files are written: through io_uring, or plainly.
        io: EdgeIo = EdgeIo::Auto;
    }
    /// How artifacts are examined.
    scan: Scan {
        /// Worker processes. 0: one per processor.
        workers: usize = 0;
        /// Longest that one artifact is examined.
        time_max: Duration = Duration::from_secs(5);
        /// Most memory that a worker may take for one artifact, beyond what it has before, from "16M". What takes more is
        /// answered unknown (limit.memory). All workers together get half of the memory there is at most, by the machine and
        /// by its control groups: if need be each gets less than this, and if that were too little, there are fewer.
        memory_max: Bytes = Bytes(256 << 20);
        /// Examine kinds of files too that no analyzer takes apart: rules are then tried on them. What is inside a file that
        /// is examined (macros, members, objects) is examined in either case, with every rule.
        any_kind: bool = false;
        /// Directories of YARA rules, watched for changes, each with a weights.toml if you like.
        rules: Vec<PathBuf> = Vec::new();
        /// Use the YARA rules built in.
        shipped_rules: bool = true;
        /// Where compiled rules are kept. Empty: `rules` in the archive's directory.
        rules_cache: PathBuf = PathBuf::new();
        /// How long the rules must have been still before they are loaded anew.
        rules_settle_time: Duration = Duration::from_millis(250);
        /// The program that workers run in. Empty: stakeout-worker beside this one, else this one.
        worker: PathBuf = PathBuf::new();
    }
    /// Which bounties are judged, when they are answered, and what is staked.
    market: Market {
        /// How long before a bounty expires it is answered with what is known.
        margin: Duration = Duration::from_secs(2);
        /// A bounty that lives longer is ended after this time all the same, so that none holds its place for days.
        life_max: Duration = Duration::from_secs(3_600);
        /// A bounty that says it pays less is declined.
        reward_min: Nct = Nct::ZERO;
        /// If there are any, a bounty is judged only if one of these filters matches its metadata: KEY COMPARISON
        /// TARGET, with <, <=, ==, >=, >, contains, startswith, endswith or regex.
        accept: Vec<Filter> = Vec::new();
        /// A bounty is declined if one of these filters matches its metadata.
        reject: Vec<Filter> = Vec::new();
        /// Confidence is multiplied by 1.2 where one of these matches.
        favor: Vec<Filter> = Vec::new();
        /// Confidence is multiplied by 0.8 where one of these matches.
        penalize: Vec<Filter> = Vec::new();
        /// What is done about artifacts that are addresses.
        urls: Urls = Urls::Decline;
        /// Bounties taken and not answered yet. Further ones are refused (503), which their sender sees.
        open_max: usize = 1024;
        /// Bounties taken in a time. Further ones are refused (503).
        rates: Vec<Rate> = Vec::new();
        /// How much is staked on a verdict, between the bounty's least and most: default, conservative or aggressive (each
        /// also with -2019-06 and -2019-09), seed, min, median, max, rescale, dni, webhook-template, threshold, kelly,
        /// table or expression. `stakeout daemon --bid-strategy` and BID_STRATEGY go before it.
        bid_strategy: String = "default".to_owned();
        /// threshold: nothing is staked where conviction is below this; elsewhere what default would stake.
        bid_threshold: Share = Share(0.5);
        /// kelly: this part of the stake that Kelly's criterion gives.
        kelly_fraction: Share = Share(0.25);
        /// table: rows of KIND VERDICT CONVICTION FRACTION. KIND may be `*` or end in `*`, VERDICT may be `*`; FRACTION is
        /// of the way from the least to the most that may be bid. Between rows it is in proportion; below the lowest
        /// conviction of a kind nothing is staked.
        bid_table: Vec<TableRow> = Vec::new();
        /// expression: yields the fraction, 0.0 to 1.0, of the way from the least to the most; below 0, false or () stakes
        /// nothing. It may use q, conviction, verdict, kind, family, evidence, min, max, reward, fee, purse, balance and
        /// ratio (docs/bidding.md).
        bid_expression: String = String::new();
        /// How conviction, which strategies bid by, follows from the probability q of being right: points of
        /// Q CONVICTION, straight between them. None: 2q - 1, so that a coin flip stakes the least.
        conviction: Vec<ConvictionPoint> = Vec::new();
        /// What an assertion costs beside its stake, where nobody tells.
        assertion_fee: Nct = nct("0.03125");
        /// What there is to stake in all: kelly stakes a part of it, and limits may be shares of it. Nobody asks a wallet:
        /// keep it right.
        balance: Nct = nct("100");
        /// What other engines lose for each NCT that they win, as kelly assumes. With it, staking is worth while where
        /// q is above 1 / (1 + loser_ratio).
        loser_ratio: Ratio = Ratio(0.3);
        /// Most that is staked on one bounty. Where its own most is more, this takes its place; where its least is more,
        /// nothing is staked.
        stake_max: Nct = nct("1");
        /// Most that is staked within any hour: an amount, a share of balance, or "none". docs/listing.md says how much N
        /// bounties an hour need.
        stake_hour_max: Limit = Limit::Share(25);
        /// Most that is staked within any day: an amount, a share of balance, or "none".
        stake_day_max: Limit = Limit::Share(50);
        /// Most that is at stake at once: an amount, a share of balance, or "none".
        stake_open_max: Limit = Limit::Share(50);
        /// How long a stake counts as open when nobody tells how its bounty was settled.
        stake_open_time: Duration = Duration::from_secs(86_400);
        /// Net loss within a day that closes the purse: an amount, a share of balance, or "none". A closed purse stakes
        /// nothing; bounties are answered, and a person opens it with `stakeout purse resume`.
        loss_day_max: Limit = Limit::Share(10);
        /// So many lost stakes in a row close the purse, or "none" do.
        loss_row_max: TooMany = TooMany(Some(10));
        /// A return of the latest 20 stakes that is so many points (hundredths of what was staked) below that of up to 200
        /// before them closes the purse, or "none" does.
        loss_drop_max: TooMany = TooMany(None);
    }
    /// What is remembered.
    archive: Archive {
        /// Where. Nobody else may use it.
        directory: PathBuf = PathBuf::from("/var/lib/stakeout");
        /// Keep artifacts, up to this much. 0: none.
        artifacts_bytes_max: Bytes = Bytes(10 << 30);
        /// Keep artifacts so long.
        artifacts_age_max: Duration = Duration::from_secs(30 * 86_400);
        /// Keep the details of bounties that have ended so long: the signed body, the answer's bytes, the evidence. What
        /// purse, reports and backtests of strategies are counted from is kept for good. "0s": keep details for good.
        details_age_max: Duration = Duration::from_secs(180 * 86_400);
    }
    /// When a person is called: by the metric stakeout_alarm, and in the log.
    alarms: Alarms {
        /// A return of the latest stakes that is so many points (hundredths of what was staked) below that of those before
        /// them. 0: never.
        return_fall_max: usize = 30;
        /// A Brier loss of the latest answers that is so much above that of those before them. 0.0: never.
        brier_rise_max: Share = Share(0.08);
        /// A mean confidence of the latest answers that is so far from the share that was right. 0.0: never.
        confidence_gap_max: Share = Share(0.1);
        /// So long without a bounty. "0s": never.
        silence_max: Duration = Duration::from_secs(3_600);
        /// Of the latest 50 bounties that ended within an hour, a greater share than this expired. 0.0: never.
        expired_max: Share = Share(0.1);
        /// Of the same, the marketplace refused the answers of a greater share than this. 0.0: never.
        refused_max: Share = Share(0.1);
        /// Of the latest 50 downloads within an hour, a greater share than this failed. 0.0: never.
        failed_downloads_max: Share = Share(0.5);
        /// Half of the latest 50 bounties were over before they came, or had more time left than this: a clock is off,
        /// ours or the marketplace's. "0s": never.
        bounty_life_max: Duration = Duration::from_secs(86_400);
    }
    /// For operators: /metrics, /live, /ready and /rules.
    admin: Admin {
        /// Where to listen. Do not let the world in: it is told everything.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 9181));
    }
    /// For the command line on this machine, which tells a running daemon outcomes and opens its purse.
    control: Control {
        /// The socket that the daemon listens at, for its user, its group and root. One handed over by systemd is used
        /// instead, and is named here too, so that the command line finds it. Empty: `control.sock` in the archive's
        /// directory, where none but its owner and root get in.
        socket: PathBuf = PathBuf::new();
    }
    /// What is told, and how.
    log: Log {
        /// In which form.
        format: LogFormat = LogFormat::Text;
        /// How much: error, warn, info, debug or trace.
        level: String = "info".to_owned();
    }
}

/// A commented file with every key at its default.
pub fn example() -> String {
    let defaults = Config::default();
    let mut text = String::from(
        "# The configuration of stakeout. Every key stands here with its default; what is left out keeps it.\n\
         # `stakeout config check --config FILE` finds every mistake at once.\n",
    );
    for section in SECTIONS {
        text.push('\n');
        section.doc.iter().for_each(|line| text.push_str(&format!("#{line}\n")));
        text.push_str(&format!("[{}]\n", section.name));
        for key in section.keys {
            key.doc.iter().for_each(|line| text.push_str(&format!("#{line}\n")));
            text.push_str(&format!("#{} = {}\n", key.name, (key.default)(&defaults)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_what_the_defaults_are() {
        let text = example();
        let live: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        assert!(live.contains("\nlisten = \"127.0.0.1:8000\"\n"), "{live}");
        assert_eq!(read(&live), (Config::default(), Vec::new()));
        assert_eq!(read(&text), (Config::default(), Vec::new()));
    }

    #[test]
    fn the_example_in_the_repository_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/stakeout.example.toml");
        if std::env::var_os("STAKEOUT_BLESS").is_some() {
            std::fs::write(path, example()).expect("the source tree can be written to");
        }
        let text = std::fs::read_to_string(path).expect("the example is in the repository");
        assert!(text == example(), "docs/stakeout.example.toml is old: STAKEOUT_BLESS=1 writes it anew");
    }
}
