//! Expiration of a bounty, from the fields of its sender.

use std::time::Duration;

use daemon_market::Timestamp;
use jiff::civil::Time;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

/// Default duration of a bounty, as in polyswarm_engine 3.2.5.
pub(crate) const UNSAID: Duration = Duration::from_secs(90);

/// The moment that an ISO 8601 `text` names.
///
/// A text without an offset is UTC. The engine we follow takes it for the local time of its host, which is UTC wherever
/// it was seen to run; guessing by our own time zone would move an expiration with the machine.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    // `[Europe/Paris]` would be looked up in the host's time zones, which no sender can know.
    if pieces.time_zone_annotation().is_some() {
        return None;
    }
    let moment = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    Some(Timestamp::from_micros(offset.to_timestamp(moment).ok()?.as_microsecond()))
}
