//! A scenario from a seed.

use std::time::Duration;

use daemon_market::{BountyPolicy, Phase};

use crate::draw::Draw;
use crate::scenario::{By, ChainTerms, How, Op, PlannedBounty, PlannedExamination, Scenario, Trouble, limits};

/// Everything that can go wrong in one of these places.
const OPS: [Op; 15] = [
    Op::WriteBounty,
    Op::Fetch,
    Op::Examine,
    Op::WriteAnswer,
    Op::Post,
    Op::WriteEnding,
    Op::WriteOutcome,
    Op::WriteCorrection,
    Op::WritePurse,
    Op::WriteStep,
    Op::Ask,
    Op::Prepare,
    Op::Commit,
    Op::Reveal,
    Op::Settle,
];
const HOWS: [How; 6] = [How::Fails, How::Unheard, How::Twice, How::Slow, How::DiesBefore, How::DiesAfter];

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Scenario {
        let draw = Draw::new(seed);
        let terms = draw.of("terms");
        let terms = ChainTerms {
            block: millis(terms.of("block").one_of(&[1_000, 1_000, 2_000, 4_000])),
            reveal: terms.of("reveal").between(8, 30),
            vote: terms.of("vote").between(5, 15),
            one_bid: terms.of("one bid").one_in(4),
            tells_payouts: terms.of("payouts").below(3) > 0,
            outbox: terms.of("outbox").below(4) > 0,
        };
        let mut bounties = Vec::new();
        let mut at = Duration::ZERO;
        for number in 0..draw.of("bounties").between(1, 7) {
            let draw = draw.of("bounty").nth(number);
            at += gap(draw.of("gap"));
            bounties.push(bounty(draw, usize::try_from(number).expect("there are few"), at));
        }
        // What goes wrong does so while there is something to do.
        let ends: Vec<Duration> = bounties.iter().map(|bounty| bounty.at + life(bounty, &terms)).collect();
        let begins: Vec<Duration> = bounties.iter().map(|bounty| bounty.at).collect();
        let troubles = draw.of("how many troubles").one_of(&[0, 1, 2, 3, 4, 5, 6, 8, 10, 12]);
        // A machine whose clock is wrong when it starts cannot know how much time has passed.
        let reboots = draw.of("reboots").one_in(2);
        let troubles = (0..troubles)
            .map(|number| {
                let draw = draw.of("trouble").nth(number);
                let place = usize::try_from(draw.of("place").below(begins.len() as u64)).expect("there are few");
                let within = ends[place] - begins[place] + seconds(20);
                let moment = begins[place] + share(draw.of("moment"), within);
                trouble(draw, place, moment, reboots)
            })
            .collect();
        let limits_draw = draw.of("limits");
        let limits = limits(
            limits_draw.of("hour").between(5, 40),
            limits_draw.of("open").between(4, 30),
            limits_draw.of("day").between(10, 60),
            // Shorter than what is on the chain takes, too.
            seconds(limits_draw.of("open time").one_of(&[30, 600, 4 * 3_600, 4 * 3_600])),
        );
        let policy = BountyPolicy {
            fetching_max: usize::try_from(draw.of("fetching").between(1, 4)).expect("there are few"),
            examining_max: usize::try_from(draw.of("examining").between(1, 3)).expect("there are few"),
            ..BountyPolicy::default()
        };
        let last = ends.iter().max().copied().unwrap_or_default();
        let opened = (0..draw.of("opened").below(3)).map(|nth| share(draw.of("open").nth(nth), last)).collect();
        Scenario { seed, terms, limits, policy, bounties, troubles, opened }
    }
}

/// Some share of a time.
fn share(draw: Draw, whole: Duration) -> Duration {
    let whole = u64::try_from(whole.as_micros()).expect("simulations are short");
    Duration::from_micros(draw.below(whole + 1))
}

/// How long after the one before the next one comes.
fn gap(draw: Draw) -> Duration {
    let how = draw.of("how");
    match how.below(40) {
        0..=27 => millis(draw.below(8_000)),
        28..=35 => seconds(draw.between(8, 240)),
        36..=38 => seconds(draw.between(600, 4_000)),
        _ => seconds(draw.between(4 * 3_600, 25 * 3_600)),
    }
}

fn bounty(draw: Draw, number: usize, at: Duration) -> PlannedBounty {
    let on_chain = draw.of("by").below(5) < 3;
    let by = if on_chain {
        By::Chain { blocks: draw.of("blocks").between(4, 25) }
    } else {
        let phase = if draw.of("phase").one_in(8) { Phase::Arbitration } else { Phase::Assertion };
        By::Webhook { life: millis(draw.of("life").between(300, 60_000)), phase }
    };
    let artifacts = if on_chain { draw.of("artifacts").one_of(&[1, 1, 1, 2, 3, 7]) } else { 1 };
    let artifacts = (0..artifacts).map(|nth| examination(draw.of("artifact").nth(nth))).collect();
    let again = draw.of("again");
    let again = (0..again.one_of(&[0, 0, 1, 2])).map(|nth| millis(again.nth(nth).below(90_000))).collect();
    let told = draw.of("told");
    let told = (0..told.one_of(&[1, 1, 2, 3]))
        .map(|nth| (millis(told.nth(nth).below(60_000)), nth > 0 && told.of("otherwise").nth(nth).one_in(2)))
        .collect();
    let corrected = draw.of("corrected").one_in(4).then(|| millis(draw.of("correction").below(30_000)));
    PlannedBounty { number, at, by, artifacts, again, told, corrected }
}

fn examination(draw: Draw) -> PlannedExamination {
    let malicious = draw.of("malicious").one_in(2);
    let seen = match draw.of("seen").below(10) {
        0..=6 => Some(malicious),
        7..=8 => Some(!malicious),
        _ => None,
    };
    let confidence = 0.55 + f64::from(u32::try_from(draw.of("confidence").below(45)).expect("it is small")) / 100.0;
    PlannedExamination {
        malicious,
        seen,
        confidence,
        complete: !draw.of("complete").one_in(6),
        declined: draw.of("declined").one_in(12),
    }
}

/// How long there is something to do about a bounty.
fn life(bounty: &PlannedBounty, terms: &ChainTerms) -> Duration {
    match bounty.by {
        By::Webhook { life, .. } => life + seconds(60),
        By::Chain { blocks } => {
            let blocks = u32::try_from(blocks + terms.reveal + terms.vote + 4).expect("there are few");
            terms.block * blocks
        }
    }
}

fn trouble(draw: Draw, place: usize, moment: Duration, reboots: bool) -> Trouble {
    let long = |name: &str, most: u64| moment + millis(draw.of(name).between(500, most));
    let down = millis(draw.of("down").one_of(&[300, 1_000, 3_000, 8_000, 25_000, 90_000]));
    match draw.of("kind").below(24) {
        0..=9 => {
            let op = draw.of("op").one_of(&OPS);
            let bounty = (op != Op::WritePurse).then_some(place);
            let nth = u32::try_from(draw.of("nth").one_of(&[0, 0, 0, 1, 1, 2, 3, 5])).expect("it is small");
            Trouble::With { bounty, op, nth, how: draw.of("how").one_of(&HOWS) }
        }
        10..=12 => Trouble::Kill { at: moment, down },
        13 => Trouble::Stop { at: moment, down },
        14 | 15 => Trouble::DiskFull { from: moment, to: long("full", 20_000) },
        16 => Trouble::Cut { from: moment, to: long("cut", 30_000) },
        17 => Trouble::Silence { from: moment, to: long("silence", 60_000) },
        18..=19 => Trouble::Sluggish { from: moment, to: long("sluggish", 60_000) },
        20..=21 => Trouble::Lossy { from: moment, to: long("lossy", 40_000) },
        _ if reboots => Trouble::Reboot { at: moment, down: down + seconds(5) },
        _ => Trouble::ClockSet {
            at: moment,
            seconds: draw.of("seconds").one_of(&[-90_000, -3_600, -61, -5, 5, 61, 3_600, 90_000]),
        },
    }
}
